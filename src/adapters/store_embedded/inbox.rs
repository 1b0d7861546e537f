//! Events that wait to be handled, and those that were given up.

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata as _, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::seen;
use super::tables::{META, from_json, millis, number, set, time, to_json};
use crate::domain::event::{Event, EventId};
use crate::ports::{Claimed, InboxState, MAX_WAITING, MAX_WAITING_BYTES, StoreError};

/// Event number → [`InboxRecord`].
const INBOX: TableDefinition<u64, &[u8]> = TableDefinition::new("inbox");
/// Event number → [`DeadLetter`].
const DEAD: TableDefinition<u64, &[u8]> = TableDefinition::new("dead");

/// In `meta`: the number of the newest event.
const LAST_EVENT: &str = "last_event";
const WAITING: &str = "waiting";
const WAITING_BYTES: &str = "waiting_bytes";

#[derive(Serialize, Deserialize)]
struct InboxRecord {
    attempt: u32,
    /// Milliseconds since 1970; 0: at once.
    not_before: u64,
    /// When it came, in milliseconds since 1970; 0: an older release wrote it, and did not say.
    #[serde(default)]
    at: u64,
    event: Event,
}

/// As much of an [`InboxRecord`] as tells whether somebody holds it, and since when it waits.
#[derive(Deserialize)]
struct InboxHead {
    not_before: u64,
    #[serde(default)]
    at: u64,
}

#[derive(Serialize, Deserialize)]
struct DeadLetter {
    event: Event,
    reason: String,
    at: DateTime<Utc>,
}

/// Creates the tables, gives back what a killed process had claimed, and counts what waits.
pub(super) fn prepare(transaction: &WriteTransaction) -> anyhow::Result<()> {
    let mut inbox = transaction.open_table(INBOX)?;
    let mut held = Vec::new();
    let mut bytes = 0;
    for row in inbox.iter()? {
        let (id, value) = row?;
        bytes += value.value().len() as u64;
        let Ok(mut record) = from_json::<InboxRecord>(value.value()) else { continue };
        if record.not_before != 0 {
            record.not_before = 0;
            held.push((id.value(), to_json(&record)?));
        }
    }
    for (id, record) in held {
        inbox.insert(id, record.as_slice())?;
    }
    let mut meta = transaction.open_table(META)?;
    set(&mut meta, WAITING, inbox.len()?)?;
    set(&mut meta, WAITING_BYTES, bytes)?;
    transaction.open_table(DEAD)?;
    Ok(())
}

/// How an event is stored. Apart from [`enqueue`], so that the one thread that writes need not do it.
pub(super) fn record(event: &Event, now: DateTime<Utc>) -> anyhow::Result<Vec<u8>> {
    to_json(&InboxRecord { attempt: 0, not_before: 0, at: millis(now), event: event.clone() })
}

/// Stores a record, unless an event of its key is remembered still; then that one's number is given.
pub(super) fn enqueue(
    transaction: &WriteTransaction,
    record: &[u8],
    key: Option<&str>,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<EventId, StoreError> {
    if let Some(key) = key
        && let Some(id) = seen::find(transaction, key, now)?
    {
        return Ok(id);
    }
    let mut meta = transaction.open_table(META).context("open meta")?;
    let waiting = number(&meta, WAITING)?;
    let bytes = number(&meta, WAITING_BYTES)?;
    if waiting >= MAX_WAITING || bytes + record.len() as u64 > MAX_WAITING_BYTES {
        return Err(StoreError::Full(usize::try_from(waiting).unwrap_or(usize::MAX)));
    }
    let id = number(&meta, LAST_EVENT)? + 1;
    set(&mut meta, LAST_EVENT, id)?;
    set(&mut meta, WAITING, waiting + 1)?;
    set(&mut meta, WAITING_BYTES, bytes + record.len() as u64)?;
    let mut inbox = transaction.open_table(INBOX).context("open inbox")?;
    inbox.insert(id, record).context("insert event")?;
    if let Some(key) = key {
        seen::remember(transaction, key, EventId(id), until, now)?;
    }
    Ok(EventId(id))
}

/// Lets the numbers of new events go on after `last`.
pub(super) fn go_on_after(transaction: &WriteTransaction, last: u64) -> anyhow::Result<()> {
    let mut meta = transaction.open_table(META)?;
    let last = number(&meta, LAST_EVENT)?.max(last);
    set(&mut meta, LAST_EVENT, last)
}

fn record_of(inbox: &impl ReadableTable<u64, &'static [u8]>, event: EventId) -> anyhow::Result<Option<InboxRecord>> {
    inbox.get(event.0)?.map(|row| from_json(row.value())).transpose()
}

/// Whether an event waits that nobody holds.
pub(super) fn has_free(transaction: &ReadTransaction, now: DateTime<Utc>) -> anyhow::Result<bool> {
    for row in transaction.open_table(INBOX)?.iter()? {
        let record = from_json::<InboxHead>(row?.1.value());
        // One that cannot be read counts as free: claiming puts it aside.
        if record.is_ok_and(|record| record.not_before > millis(now)) {
            continue;
        }
        return Ok(true);
    }
    Ok(false)
}

/// When the oldest event came.
pub(super) fn waits_since(transaction: &ReadTransaction) -> anyhow::Result<Option<DateTime<Utc>>> {
    let inbox = transaction.open_table(INBOX)?;
    let oldest = inbox.first()?.and_then(|(_, row)| from_json::<InboxHead>(row.value()).ok());
    Ok(oldest.filter(|head| head.at != 0).map(|head| time(head.at)))
}

pub(super) fn state(transaction: &ReadTransaction) -> anyhow::Result<InboxState> {
    let waiting = transaction.open_table(INBOX)?.len()?;
    let dead = transaction.open_table(DEAD)?.len()?;
    Ok(InboxState { waiting: usize::try_from(waiting)?, dead: usize::try_from(dead)? })
}

pub(super) fn claim(
    transaction: &WriteTransaction,
    most: usize,
    hold: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Vec<Claimed>, StoreError> {
    let mut inbox = transaction.open_table(INBOX).context("open inbox")?;
    let mut claimed = Vec::new();
    let mut came = Vec::new();
    let mut unreadable = Vec::new();
    for row in inbox.iter().context("read inbox")? {
        let (id, value) = row.context("read inbox")?;
        let record: InboxRecord = match from_json(value.value()) {
            Ok(record) => record,
            Err(error) => {
                tracing::error!(event = id.value(), "put event {} aside: {error:#}", id.value());
                unreadable.push((EventId(id.value()), value.value().to_vec()));
                continue;
            }
        };
        if record.not_before <= millis(now) {
            came.push(record.at);
            claimed.push(Claimed { id: EventId(id.value()), attempt: record.attempt + 1, event: record.event });
        }
        if claimed.len() == most {
            break;
        }
    }
    for (Claimed { id, attempt, event }, at) in claimed.iter().zip(came) {
        let record = InboxRecord { attempt: *attempt, not_before: millis(now + hold), at, event: event.clone() };
        inbox.insert(id.0, to_json(&record)?.as_slice()).context("claim event")?;
    }
    drop(inbox);
    let ids: Vec<EventId> = unreadable.iter().map(|(id, _)| *id).collect();
    remove(transaction, &ids)?;
    let mut dead = transaction.open_table(DEAD).context("open dead letters")?;
    for (id, bytes) in unreadable {
        // As it is: whoever mends it has all there was.
        dead.insert(id.0, bytes.as_slice()).context("put event aside")?;
    }
    Ok(claimed)
}

pub(super) fn retry(
    transaction: &WriteTransaction,
    event: EventId,
    not_before: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut inbox = transaction.open_table(INBOX).context("open inbox")?;
    let Some(mut record) = record_of(&inbox, event)? else { return Ok(()) };
    record.not_before = millis(not_before);
    inbox.insert(event.0, to_json(&record)?.as_slice()).context("give event back")?;
    Ok(())
}

pub(super) fn bury(
    transaction: &WriteTransaction,
    event: EventId,
    reason: String,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let record = record_of(&transaction.open_table(INBOX).context("open inbox")?, event)?;
    let Some(record) = record else { return Ok(()) };
    remove(transaction, &[event])?;
    let mut dead = transaction.open_table(DEAD).context("open dead letters")?;
    let letter = DeadLetter { event: record.event, reason, at: now };
    dead.insert(event.0, to_json(&letter)?.as_slice()).context("bury event")?;
    Ok(())
}

/// Removes events that were handled.
pub(super) fn remove(transaction: &WriteTransaction, events: &[EventId]) -> anyhow::Result<()> {
    let mut inbox = transaction.open_table(INBOX)?;
    let mut meta = transaction.open_table(META)?;
    for event in events {
        if let Some(row) = inbox.remove(event.0)? {
            let bytes = row.value().len() as u64;
            let (waiting, total) = (number(&meta, WAITING)?, number(&meta, WAITING_BYTES)?);
            set(&mut meta, WAITING, waiting.saturating_sub(1))?;
            set(&mut meta, WAITING_BYTES, total.saturating_sub(bytes))?;
        }
    }
    Ok(())
}
