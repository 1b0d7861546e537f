//! Events that are due at a time.

use chrono::{DateTime, Utc};
use redb::{ReadTransaction, ReadableTable as _, TableDefinition, WriteTransaction};

use super::tables::{LAST_KEY, from_json, millis, time, to_json};
use crate::adapters::unreadable::Unreadable;
use crate::domain::event::Event;
use crate::domain::incident::IncidentId;
use crate::ports::Timer;

/// (due, timer key) → event.
pub(super) const TIMERS: TableDefinition<(u64, &str), &[u8]> = TableDefinition::new("timers");
/// Timer key → due.
const TIMER_DUE: TableDefinition<&str, u64> = TableDefinition::new("timer_due");

pub(super) fn prepare(transaction: &WriteTransaction) -> anyhow::Result<()> {
    transaction.open_table(TIMERS)?;
    transaction.open_table(TIMER_DUE)?;
    Ok(())
}

/// Those that are due, the earliest first.
pub(super) fn due(
    transaction: &ReadTransaction,
    most: usize,
    now: DateTime<Utc>,
    unreadable: &Unreadable,
) -> anyhow::Result<Vec<Timer>> {
    let timers = transaction.open_table(TIMERS)?;
    let mut due = Vec::new();
    for row in timers.range(..=(millis(now), LAST_KEY))? {
        let (key, value) = row?;
        let (at, name) = key.value();
        match from_json(value.value()) {
            Ok(event) => due.push(Timer { key: name.to_owned(), due: time(at), event }),
            Err(error) => unreadable.skip(name, &error),
        }
        if due.len() == most {
            break;
        }
    }
    Ok(due)
}

pub(super) fn clear(transaction: &WriteTransaction, keys: &[String]) -> anyhow::Result<()> {
    let mut timers = transaction.open_table(TIMERS)?;
    let mut due = transaction.open_table(TIMER_DUE)?;
    for key in keys {
        let at = due.remove(key.as_str())?.map(|row| row.value());
        if let Some(at) = at {
            timers.remove((at, key.as_str()))?;
        }
    }
    Ok(())
}

pub(super) fn set(transaction: &WriteTransaction, new: &[Timer]) -> anyhow::Result<()> {
    clear(transaction, &new.iter().map(|timer| timer.key.clone()).collect::<Vec<_>>())?;
    let mut timers = transaction.open_table(TIMERS)?;
    let mut due = transaction.open_table(TIMER_DUE)?;
    for Timer { key, due: at, event } in new {
        timers.insert((millis(*at), key.as_str()), to_json(event)?.as_slice())?;
        due.insert(key.as_str(), millis(*at))?;
    }
    Ok(())
}

/// Removes the timers of an incident that is gone: nothing could clear them any more.
pub(super) fn forget(transaction: &WriteTransaction, id: &IncidentId) -> anyhow::Result<()> {
    let mut keys = Vec::new();
    for row in transaction.open_table(TIMERS)?.iter()? {
        let (key, event) = row?;
        // One that cannot be read may belong to a newer release.
        let Ok(event) = from_json::<Event>(event.value()) else { continue };
        if event.incident() == Some(id) {
            keys.push(key.value().1.to_owned());
        }
    }
    clear(transaction, &keys)
}
