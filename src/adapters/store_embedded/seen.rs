//! Which events were stored lately, so that what is delivered twice is stored once.

use chrono::{DateTime, Utc};
use redb::{ReadTransaction, ReadableTable as _, TableDefinition, WriteTransaction};

use super::tables::{LAST_KEY, millis};
use crate::domain::event::EventId;

/// Event key → (event number, remembered until).
const SEEN: TableDefinition<&str, (u64, u64)> = TableDefinition::new("seen");
/// (remembered until, event key): the order in which they are forgotten.
const SEEN_ORDER: TableDefinition<(u64, &str), ()> = TableDefinition::new("seen_order");

pub(super) fn prepare(transaction: &WriteTransaction) -> anyhow::Result<()> {
    transaction.open_table(SEEN)?;
    transaction.open_table(SEEN_ORDER)?;
    Ok(())
}

/// The event that was stored under this key and is remembered still.
pub(super) fn find(transaction: &WriteTransaction, key: &str, now: DateTime<Utc>) -> anyhow::Result<Option<EventId>> {
    let seen = transaction.open_table(SEEN)?;
    let row = seen.get(key)?.map(|row| row.value());
    Ok(row.filter(|(_, until)| *until > millis(now)).map(|(id, _)| EventId(id)))
}

/// Whether an event was stored under this key and is remembered still.
pub(super) fn is_known(transaction: &ReadTransaction, key: &str, now: DateTime<Utc>) -> anyhow::Result<bool> {
    let seen = transaction.open_table(SEEN)?;
    Ok(seen.get(key)?.is_some_and(|row| row.value().1 > millis(now)))
}

/// Remembers an event until a time, and forgets those that were remembered long enough.
pub(super) fn remember(
    transaction: &WriteTransaction,
    key: &str,
    id: EventId,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let mut seen = transaction.open_table(SEEN)?;
    let mut order = transaction.open_table(SEEN_ORDER)?;
    let over = (millis(now), LAST_KEY);
    let mut old = Vec::new();
    for row in order.range(..=over)? {
        old.push(row?.0.value().1.to_owned());
    }
    for key in old {
        let until = seen.remove(key.as_str())?.map(|row| row.value().1);
        if let Some(until) = until {
            order.remove((until, key.as_str()))?;
        }
    }
    seen.insert(key, (id.0, millis(until)))?;
    order.insert((millis(until), key), ())?;
    Ok(())
}
