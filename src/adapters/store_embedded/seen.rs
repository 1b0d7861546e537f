//! Which events were stored lately, so that what is delivered twice is stored once.

use chrono::{DateTime, Utc};
use redb::{ReadableTable as _, TableDefinition, WriteTransaction};

use super::tables::{LAST_KEY, millis};
use crate::domain::event::EventId;
use crate::ports::REMEMBERED;

/// Event key → (event number, stored at).
const SEEN: TableDefinition<&str, (u64, u64)> = TableDefinition::new("seen");
/// (stored at, event key): the order in which they are forgotten.
const SEEN_ORDER: TableDefinition<(u64, &str), ()> = TableDefinition::new("seen_order");

/// The event that was stored under this key lately.
pub(super) fn find(transaction: &WriteTransaction, key: &str, now: DateTime<Utc>) -> anyhow::Result<Option<EventId>> {
    let since = millis(now - REMEMBERED);
    let seen = transaction.open_table(SEEN)?;
    let row = seen.get(key)?.map(|row| row.value());
    Ok(row.filter(|(_, at)| *at > since).map(|(id, _)| EventId(id)))
}

/// Remembers an event, and forgets those that were remembered long enough.
pub(super) fn remember(
    transaction: &WriteTransaction,
    key: &str,
    id: EventId,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let mut seen = transaction.open_table(SEEN)?;
    let mut order = transaction.open_table(SEEN_ORDER)?;
    let over = (millis(now - REMEMBERED), LAST_KEY);
    let mut old = Vec::new();
    for row in order.range(..=over)? {
        old.push(row?.0.value().1.to_owned());
    }
    for key in old {
        let at = seen.remove(key.as_str())?.map(|row| row.value().1);
        if let Some(at) = at {
            order.remove((at, key.as_str()))?;
        }
    }
    seen.insert(key, (id.0, millis(now)))?;
    order.insert((millis(now), key), ())?;
    Ok(())
}
