//! What chats show, and what they do not show yet.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use redb::{ReadTransaction, ReadableTable as _, TableDefinition, WriteTransaction};

use super::tables::{META, from_json, millis, number, set, time, to_json, version_of};
use crate::domain::chat::{Place, Platform};
use crate::domain::incident::IncidentId;
use crate::domain::projection::Projection;
use crate::ports::{ChatBacklog, StoreError, Undelivered, Versioned};

/// (platform, incident) → (position, version): what a chat does not show yet.
const OUTBOX: TableDefinition<(&str, &str), (u64, u64)> = TableDefinition::new("outbox");
/// (platform, position) → incident: the order of the outbox.
const OUTBOX_ORDER: TableDefinition<(&str, u64), &str> = TableDefinition::new("outbox_order");
/// (platform, position) → since when it waits, where that is known: what was put back is not late.
const OUTBOX_SINCE: TableDefinition<(&str, u64), u64> = TableDefinition::new("outbox_since");
/// (platform, incident) → version (8 bytes, little endian) and the projection.
const PROJECTIONS: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("projections");
/// `slack:C024BE91L 1503435956.000247` → incident.
const THREADS: TableDefinition<&str, &str> = TableDefinition::new("threads");

const LAST_POSITION: &str = "last_outbox";

pub(super) fn prepare(transaction: &WriteTransaction) -> anyhow::Result<()> {
    transaction.open_table(OUTBOX)?;
    transaction.open_table(OUTBOX_ORDER)?;
    transaction.open_table(OUTBOX_SINCE)?;
    transaction.open_table(PROJECTIONS)?;
    transaction.open_table(THREADS)?;
    Ok(())
}

/// Puts an incident into the outbox of each chat; one that is there already keeps its place, and its time.
pub(super) fn put(
    transaction: &WriteTransaction,
    chats: &[Platform],
    id: &IncidentId,
    version: u64,
    since: Option<DateTime<Utc>>,
) -> anyhow::Result<()> {
    if chats.is_empty() {
        return Ok(());
    }
    let mut outbox = transaction.open_table(OUTBOX)?;
    let mut order = transaction.open_table(OUTBOX_ORDER)?;
    let mut times = transaction.open_table(OUTBOX_SINCE)?;
    let mut meta = transaction.open_table(META)?;
    for platform in chats.iter().map(|platform| platform.as_str()) {
        let known = outbox.get((platform, id.0.as_str()))?.map(|row| row.value().0);
        let position = match known {
            Some(position) => position,
            None => {
                let position = number(&meta, LAST_POSITION)? + 1;
                set(&mut meta, LAST_POSITION, position)?;
                order.insert((platform, position), id.0.as_str())?;
                if let Some(since) = since {
                    times.insert((platform, position), millis(since))?;
                }
                position
            }
        };
        outbox.insert((platform, id.0.as_str()), (position, version))?;
    }
    Ok(())
}

pub(super) fn read(transaction: &ReadTransaction, platform: Platform, most: usize) -> anyhow::Result<Vec<Undelivered>> {
    let platform = platform.as_str();
    let outbox = transaction.open_table(OUTBOX)?;
    let order = transaction.open_table(OUTBOX_ORDER)?;
    let mut found = Vec::new();
    for row in order.range((platform, 0)..=(platform, u64::MAX))?.take(most) {
        let id = row?.1.value().to_owned();
        if let Some(row) = outbox.get((platform, id.as_str()))? {
            found.push(Undelivered { version: row.value().1, incident: IncidentId(id) });
        }
    }
    Ok(found)
}

pub(super) fn backlog(transaction: &ReadTransaction, platform: Platform) -> anyhow::Result<ChatBacklog> {
    let all = (platform.as_str(), 0)..=(platform.as_str(), u64::MAX);
    let waiting = transaction.open_table(OUTBOX_ORDER)?.range(all.clone())?.count();
    let since = transaction.open_table(OUTBOX_SINCE)?.range(all)?.next().transpose()?;
    Ok(ChatBacklog { platform, waiting, since: since.map(|(_, since)| time(since.value())) })
}

pub(super) fn remove(
    transaction: &WriteTransaction,
    platform: Platform,
    delivered: &Undelivered,
) -> anyhow::Result<()> {
    let (platform, id) = (platform.as_str(), delivered.incident.0.as_str());
    let mut outbox = transaction.open_table(OUTBOX)?;
    let stored = outbox.get((platform, id))?.map(|row| row.value());
    let Some((position, version)) = stored else { return Ok(()) };
    if version == delivered.version {
        outbox.remove((platform, id))?;
        transaction.open_table(OUTBOX_ORDER)?.remove((platform, position))?;
        transaction.open_table(OUTBOX_SINCE)?.remove((platform, position))?;
    }
    Ok(())
}

fn projection_from(row: &[u8]) -> anyhow::Result<Versioned<Projection>> {
    let (version, json) = row.split_first_chunk::<8>().context("read a projection's version")?;
    Ok(Versioned { version: u64::from_le_bytes(*version), value: from_json(json)? })
}

pub(super) fn projection(
    transaction: &ReadTransaction,
    platform: Platform,
    id: &IncidentId,
) -> anyhow::Result<Versioned<Projection>> {
    let projections = transaction.open_table(PROJECTIONS)?;
    let row = projections.get((platform.as_str(), id.0.as_str()))?;
    row.map_or(Ok(Versioned { version: 0, value: Projection::default() }), |row| projection_from(row.value()))
}

pub(super) fn save_projection(
    transaction: &WriteTransaction,
    platform: Platform,
    id: &IncidentId,
    Versioned { version, value }: &Versioned<Projection>,
) -> Result<u64, StoreError> {
    let projections = transaction.open_table(PROJECTIONS).context("open projections")?;
    let key = (platform.as_str(), id.0.as_str());
    let stored = projections.get(key).context("read projection")?.map(|row| version_of(row.value())).transpose()?;
    if stored.unwrap_or(0) != *version {
        return Err(StoreError::Conflict(id.clone()));
    }
    drop(projections);
    put_projection(transaction, platform, id, version + 1, value)?;
    Ok(version + 1)
}

/// Keeps what a chat shows, whatever it was before.
pub(super) fn put_projection(
    transaction: &WriteTransaction,
    platform: Platform,
    id: &IncidentId,
    version: u64,
    projection: &Projection,
) -> anyhow::Result<()> {
    let mut row = version.to_le_bytes().to_vec();
    row.extend(to_json(projection)?);
    transaction.open_table(PROJECTIONS)?.insert((platform.as_str(), id.0.as_str()), row.as_slice())?;
    if let Some(root) = projection.root() {
        let place = Place::Channel(platform, projection.channel.clone());
        transaction.open_table(THREADS)?.insert(thread_key(&place, &root.0).as_str(), id.0.as_str())?;
    }
    Ok(())
}

fn thread_key(place: &Place, root: &str) -> String {
    format!("{place} {root}")
}

pub(super) fn incident_of(
    transaction: &ReadTransaction,
    place: &Place,
    root: &str,
) -> anyhow::Result<Option<IncidentId>> {
    let threads = transaction.open_table(THREADS)?;
    let row = threads.get(thread_key(place, root).as_str())?;
    Ok(row.map(|row| IncidentId(row.value().to_owned())))
}

/// Forgets what chats show of an incident; the messages there stay.
pub(super) fn forget(transaction: &WriteTransaction, id: &IncidentId) -> anyhow::Result<()> {
    for platform in Platform::ALL {
        let key = (platform.as_str(), id.0.as_str());
        let row =
            transaction.open_table(PROJECTIONS)?.remove(key)?.map(|row| projection_from(row.value())).transpose()?;
        if let Some(projection) = row.map(|row| row.value)
            && let Some(root) = projection.root()
        {
            let place = Place::Channel(platform, projection.channel.clone());
            transaction.open_table(THREADS)?.remove(thread_key(&place, &root.0).as_str())?;
        }
        let position = transaction.open_table(OUTBOX)?.remove(key)?.map(|row| row.value().0);
        if let Some(position) = position {
            transaction.open_table(OUTBOX_ORDER)?.remove((platform.as_str(), position))?;
            transaction.open_table(OUTBOX_SINCE)?.remove((platform.as_str(), position))?;
        }
    }
    Ok(())
}
