//! How records are written, and the tables of all rooms as they must be before anything is read.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use redb::{Database, ReadableTable, Table, TableDefinition};
use serde::{Deserialize, Serialize};

use super::{audit, documents, inbox, incidents, outbox, proposals, seen, thread, timers};

/// Counters by name; each stands with the room that counts.
pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// How records are written; a file of a newer one than this is not opened.
const FORMAT: u64 = 1;
const FORMAT_OF_FILE: &str = "format";

/// Sorts after every key that is used.
pub(super) const LAST_KEY: &str = "\u{10FFFF}";

pub(super) fn to_json<T: Serialize>(value: &T) -> anyhow::Result<Vec<u8>> {
    serde_json::to_vec(value).context("write a record")
}

pub(super) fn from_json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> anyhow::Result<T> {
    serde_json::from_slice(bytes).context("read a record")
}

pub(super) fn millis(at: DateTime<Utc>) -> u64 {
    u64::try_from(at.timestamp_millis()).unwrap_or(0)
}

pub(super) fn time(millis: u64) -> DateTime<Utc> {
    i64::try_from(millis).ok().and_then(DateTime::from_timestamp_millis).unwrap_or_default()
}

/// An incident's or a projection's version, without reading the rest of its row.
pub(super) fn version_of(row: &[u8]) -> anyhow::Result<u64> {
    let (version, _) = row.split_first_chunk::<8>().context("read a record's version")?;
    Ok(u64::from_le_bytes(*version))
}

pub(super) fn number(meta: &impl ReadableTable<&'static str, u64>, name: &str) -> anyhow::Result<u64> {
    Ok(meta.get(name)?.map_or(0, |row| row.value()))
}

pub(super) fn set(meta: &mut Table<'_, &'static str, u64>, name: &str, value: u64) -> anyhow::Result<()> {
    meta.insert(name, value)?;
    Ok(())
}

/// Creates the tables, and puts in order what a killed process left.
///
/// # Errors
/// When the disk is full, or a newer release wrote the file: its records would be misread one by one.
pub(super) fn prepare(db: &Database) -> anyhow::Result<()> {
    let transaction = db.begin_write()?;
    {
        let mut meta = transaction.open_table(META)?;
        let format = number(&meta, FORMAT_OF_FILE)?;
        anyhow::ensure!(
            format <= FORMAT,
            "it was written by a newer release (format {format}; this one reads {FORMAT})"
        );
        set(&mut meta, FORMAT_OF_FILE, FORMAT)?;
    }
    inbox::prepare(&transaction)?;
    seen::prepare(&transaction)?;
    incidents::prepare(&transaction)?;
    thread::prepare(&transaction)?;
    timers::prepare(&transaction)?;
    audit::prepare(&transaction)?;
    documents::prepare(&transaction)?;
    outbox::prepare(&transaction)?;
    proposals::prepare(&transaction)?;
    transaction.commit()?;
    Ok(())
}
