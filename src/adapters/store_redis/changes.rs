//! Tells this replica which incidents change, whichever replica changes them.
//!
//! Redis publishes each change with its number. What was published while there was no connection is made up for: the
//! incidents' last changes are kept in order of their numbers.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use redis::aio::PubSub;
use tokio::sync::broadcast;

use super::args::Args;
use super::link::Link;
use super::script::Script;
use crate::domain::incident::IncidentId;
use crate::ports::{CHANGES_KEPT, StoreError};

static CHANGED: Script = Script::new(include_str!("lua/changed.lua"));

/// How often a silent connection is asked whether it lives.
const PING_EVERY: Duration = Duration::from_secs(15);
/// How long it may take to say so.
const PING_WITHIN: Duration = Duration::from_secs(5);
/// Pause between two tries to connect.
const PAUSE: Duration = Duration::from_secs(1);
/// Changes that are made up for: one more than readers may be behind, so that whoever missed more is told so.
const MOST: u64 = CHANGES_KEPT as u64 + 1;

/// Subscribes, and remembers where the changes stand.
pub(super) async fn begin(link: &Link) -> Result<(PubSub, u64), StoreError> {
    let subscription = link.subscribe(&link.key("changes")).await?;
    let mut answer = link.run(&CHANGED, &Args::default().number(u64::MAX >> 12).number(0)).await?;
    Ok((subscription, answer.number()?))
}

/// Passes changes on for as long as it is polled.
pub(super) async fn follow(
    link: Arc<Link>,
    told: broadcast::Sender<IncidentId>,
    mut subscription: PubSub,
    mut last: u64,
) {
    loop {
        read(&mut subscription, &told, &mut last).await;
        subscription = loop {
            tokio::time::sleep(PAUSE).await;
            match again(&link, &told, &mut last).await {
                Ok(subscription) => break subscription,
                Err(error) => tracing::debug!("follow the changes: {error:#}"),
            }
        };
    }
}

/// Reads until the connection ends.
async fn read(subscription: &mut PubSub, told: &broadcast::Sender<IncidentId>, last: &mut u64) {
    loop {
        let next = {
            let mut messages = subscription.on_message();
            tokio::time::timeout(PING_EVERY, messages.next()).await
        };
        match next {
            Ok(Some(message)) => {
                let text = String::from_utf8_lossy(message.get_payload_bytes()).into_owned();
                let Some((number, id)) = text.split_once(' ') else { continue };
                let Ok(number) = number.parse::<u64>() else { continue };
                if number > *last {
                    *last = number;
                    // Nobody listening is fine.
                    let _ = told.send(IncidentId(id.to_owned()));
                }
            }
            Ok(None) => return,
            Err(_) => {
                let alive = tokio::time::timeout(PING_WITHIN, subscription.ping::<redis::Value>()).await;
                if !matches!(alive, Ok(Ok(_))) {
                    return;
                }
            }
        }
    }
}

/// Subscribes again, and tells what was missed.
async fn again(link: &Link, told: &broadcast::Sender<IncidentId>, last: &mut u64) -> Result<PubSub, StoreError> {
    let subscription = link.subscribe(&link.key("changes")).await?;
    let mut answer = link.run(&CHANGED, &Args::default().number(*last).number(MOST)).await?;
    // After a failover that lost writes the number is lower than it was.
    *last = answer.number()?;
    while !answer.is_over() {
        let _ = told.send(IncidentId(answer.text()?));
    }
    Ok(subscription)
}
