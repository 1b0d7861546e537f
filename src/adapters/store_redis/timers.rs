//! Events that are due at a time, and who works on what alone.

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};

use super::args::{Args, from_json, millis};
use super::link::Link;
use super::script::Script;
use crate::adapters::unreadable::Unreadable;
use crate::domain::event::Event;
use crate::domain::incident::IncidentId;
use crate::ports::{Lease, StoreError, Timer};

/// How long a lease that ended is remembered.
const LEASES_KEPT: TimeDelta = TimeDelta::hours(1);

static DUE: Script = Script::new(include_str!("lua/due.lua"));
static LEASE: Script = Script::new(include_str!("lua/lease.lua"));
static RELEASE: Script = Script::new(include_str!("lua/release.lua"));

pub(super) async fn due(
    link: &Link,
    most: usize,
    now: DateTime<Utc>,
    unreadable: &Unreadable,
) -> Result<Vec<Timer>, StoreError> {
    let mut answer = link.run(&DUE, &Args::default().number(most as u64).number(millis(now))).await?;
    let mut due = Vec::new();
    while !answer.is_over() {
        let (key, at) = (answer.text()?, answer.number()?);
        let due_at = DateTime::from_timestamp_millis(at).context("read when a timer is due")?;
        match from_json(&answer.bytes()?) {
            Ok(event) => due.push(Timer { key, due: due_at, event }),
            Err(error) => unreadable.skip(&key, &error),
        }
    }
    Ok(due)
}

/// The timers that belong to an incident, with its id. One that cannot be read may belong to a newer release.
pub(super) async fn of_incidents(link: &Link) -> Result<Vec<(String, IncidentId)>, StoreError> {
    let rows: Vec<(String, Vec<u8>)> = link.query(redis::cmd("HGETALL").arg(link.key("timer_events"))).await?;
    let incident = |row: &[u8]| from_json::<Event>(row).ok()?.incident().cloned();
    Ok(rows.into_iter().filter_map(|(key, row)| Some((key, incident(&row)?))).collect())
}

pub(super) async fn lease(
    link: &Link,
    name: &str,
    hold: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Option<Lease>, StoreError> {
    let args = Args::default().text(name).number(millis(now)).number(millis(now + hold));
    let mut answer = link.run(&LEASE, &args.number(millis(now - LEASES_KEPT))).await?;
    match answer.word() {
        b"ok" => Ok(Some(Lease { name: name.to_owned(), token: answer.number()? })),
        b"held" => Ok(None),
        _ => Err(answer.unknown()),
    }
}

pub(super) async fn release(link: &Link, lease: &Lease) -> Result<(), StoreError> {
    link.done(&RELEASE, Args::default().text(&lease.name).number(lease.token)).await
}
