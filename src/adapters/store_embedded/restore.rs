//! Puts back what was taken out of another store.

use anyhow::{Context as _, anyhow};
use redb::{ReadableTable as _, WriteTransaction};

use super::tables::{
    AUDIT, INCIDENTS, INVESTIGATIONS, LAST_EVENT, META, POST_KEYS, POSTS, from_json, number, set, set_timers, to_json,
    write_documents, write_incident,
};
use super::{outbox, proposals};
use crate::domain::audit::AuditEntry;
use crate::domain::chat::Platform;
use crate::ports::{IncidentRecord, Record, ShownRecord, StoreError, Timer, Versioned};

/// Puts a record back; `false` where it is already.
pub(super) fn restore(transaction: &WriteTransaction, record: &Record) -> Result<bool, StoreError> {
    match record {
        Record::Incident(record) => Ok(incident(transaction, record)?),
        Record::Timer { key, due, event } => {
            let timer = Timer { key: key.clone(), due: *due, event: event.clone() };
            set_timers(transaction, &[timer])?;
            Ok(true)
        }
        Record::Document { kind, key, body } => {
            write_documents(transaction, kind.as_str(), &[(key.clone(), Some(body.clone()))])?;
            Ok(true)
        }
        Record::Audit(entry) => audit(transaction, entry),
    }
}

fn incident(transaction: &WriteTransaction, record: &IncidentRecord) -> anyhow::Result<bool> {
    let IncidentRecord { version, incident, investigation, thread, proposals: made, shown } = record;
    let id = incident.id.0.as_str();
    if transaction.open_table(INCIDENTS)?.get(id)?.is_some() {
        return Ok(false);
    }
    let before = version.checked_sub(1).context("an incident that is stored has a version")?;
    write_incident(transaction, &Versioned { version: before, value: incident.clone() })?;
    if let Some(investigation) = investigation {
        transaction.open_table(INVESTIGATIONS)?.insert(id, to_json(investigation)?.as_slice())?;
    }
    let mut posts = transaction.open_table(POSTS)?;
    let mut keys = transaction.open_table(POST_KEYS)?;
    for post in thread {
        posts.insert((id, post.seq), to_json(post)?.as_slice())?;
        keys.insert((id, post.draft.key.as_str()), post.seq)?;
    }
    proposals::write(transaction, made)?;
    for ShownRecord { platform, version, projection } in shown {
        outbox::put_projection(transaction, *platform, &incident.id, *version, projection)?;
    }
    let chats: Vec<Platform> = shown.iter().map(|shown| shown.platform).collect();
    outbox::put(transaction, &chats, &incident.id, *version, None)?;
    let mut meta = transaction.open_table(META)?;
    let last = number(&meta, LAST_EVENT)?.max(record.last_event());
    set(&mut meta, LAST_EVENT, last)?;
    Ok(true)
}

fn audit(transaction: &WriteTransaction, entry: &AuditEntry) -> Result<bool, StoreError> {
    let mut table = transaction.open_table(AUDIT).context("open audit")?;
    let read = |row: &[u8]| from_json::<AuditEntry>(row);
    let there = table.get(entry.seq).context("read audit")?.map(|row| read(row.value())).transpose()?;
    if there.as_ref() == Some(entry) {
        return Ok(false);
    }
    let last = table.last().context("read audit")?.map(|(_, row)| read(row.value())).transpose()?;
    let follows = last.map_or(entry.previous.is_empty(), |last| last.hash == entry.previous);
    if !follows || there.is_some() {
        // An error that a write must not be undone for: nothing was written yet.
        return Err(StoreError::Conflict(crate::domain::incident::IncidentId(format!("audit:{}", entry.seq))));
    }
    let json = to_json(entry).map_err(|error| anyhow!(error))?;
    table.insert(entry.seq, json.as_slice()).context("write audit")?;
    Ok(true)
}
