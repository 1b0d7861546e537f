//! Events that wait to be handled, and those that were given up.

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};

use super::args::{Args, from_json, millis, to_json};
use super::link::Link;
use super::script::Script;
use crate::domain::chat::Platform;
use crate::domain::event::{Event, EventId};
use crate::ports::{Backlog, ChatBacklog, Claimed, InboxState, MAX_WAITING, MAX_WAITING_BYTES, StoreError};

static ENQUEUE: Script = Script::new(include_str!("lua/enqueue.lua"));
static KNOWN: Script = Script::new(include_str!("lua/known.lua"));
static CLAIM: Script = Script::new(include_str!("lua/claim.lua"));
static RETRY: Script = Script::new(include_str!("lua/retry.lua"));
static BURY: Script = Script::new(include_str!("lua/bury.lua"));
static INBOX: Script = Script::new(include_str!("lua/inbox.lua"));
static BACKLOG: Script = Script::new(include_str!("lua/backlog.lua"));

pub(super) async fn enqueue(link: &Link, event: &Event, now: DateTime<Utc>) -> Result<EventId, StoreError> {
    let mut args = Args::default();
    args.put_json(event)?;
    args.put(event.key().unwrap_or_default());
    let args =
        args.number(millis(now)).number(millis(now + event.remembered())).number(MAX_WAITING).number(MAX_WAITING_BYTES);
    let mut answer = link.run(&ENQUEUE, &args).await?;
    match answer.word() {
        b"ok" => Ok(EventId(answer.number()?)),
        b"full" => Err(StoreError::Full(answer.number()?)),
        _ => Err(answer.unknown()),
    }
}

pub(super) async fn is_known(link: &Link, event: &Event, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let Some(key) = event.key() else { return Ok(false) };
    let answer = link.run(&KNOWN, &Args::default().text(key).number(millis(now))).await?;
    match answer.word() {
        b"yes" => Ok(true),
        b"no" => Ok(false),
        _ => Err(answer.unknown()),
    }
}

pub(super) async fn claim(
    link: &Link,
    most: usize,
    hold: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Vec<Claimed>, StoreError> {
    let args = Args::default().number(most as u64).number(millis(now)).number(millis(now + hold));
    let mut answer = link.run(&CLAIM, &args).await?;
    let mut claimed = Vec::new();
    while !answer.is_over() {
        let (id, attempt, event) = (EventId(answer.number()?), answer.number()?, answer.bytes()?);
        match from_json(&event) {
            Ok(event) => claimed.push(Claimed { id, attempt, event }),
            Err(error) => {
                tracing::error!(event = %id, "put event {id} aside: {error:#}");
                // As it is: whoever mends it has all there was.
                link.done(&BURY, Args::default().number(id.0).text("").text("")).await?;
            }
        }
    }
    Ok(claimed)
}

pub(super) async fn retry(link: &Link, event: EventId, not_before: DateTime<Utc>) -> Result<(), StoreError> {
    link.done(&RETRY, Args::default().number(event.0).number(millis(not_before))).await
}

pub(super) async fn bury(link: &Link, event: EventId, reason: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).context("write a dead letter");
    let (reason, at) = (text(to_json(&reason)?)?, text(to_json(&now)?)?);
    let args = Args::default().number(event.0).text(r#"{"event":"#);
    link.done(&BURY, args.text(format!(r#","reason":{reason},"at":{at}}}"#))).await
}

pub(super) async fn state(link: &Link) -> Result<InboxState, StoreError> {
    let mut answer = link.run(&INBOX, &Args::default()).await?;
    Ok(InboxState { waiting: answer.number()?, dead: answer.number()? })
}

pub(super) async fn backlog(link: &Link) -> Result<Backlog, StoreError> {
    let mut args = Args::default();
    Platform::ALL.iter().for_each(|platform| args.put(platform.as_str()));
    let mut answer = link.run(&BACKLOG, &args).await?;
    let mut backlog = Backlog { event_since: answer.time()?, chats: Vec::new() };
    for platform in Platform::ALL {
        backlog.chats.push(ChatBacklog { platform, waiting: answer.number()?, since: answer.time()? });
    }
    Ok(backlog)
}
