//! Puts back what was taken out of another store.

use anyhow::Context as _;
use redb::WriteTransaction;

use super::{audit, documents, inbox, incidents, outbox, proposals, thread, timers};
use crate::domain::chat::Platform;
use crate::ports::{IncidentRecord, Record, ShownRecord, StoreError, Timer, Versioned};

/// Puts a record back; `false` where it is already.
pub(super) fn restore(transaction: &WriteTransaction, record: &Record) -> Result<bool, StoreError> {
    match record {
        Record::Incident(record) => Ok(incident(transaction, record)?),
        Record::Timer { key, due, event } => {
            let timer = Timer { key: key.clone(), due: *due, event: event.clone() };
            timers::set(transaction, &[timer])?;
            Ok(true)
        }
        Record::Document { kind, key, body } => {
            documents::write(transaction, kind.as_str(), &[(key.clone(), Some(body.clone()))])?;
            Ok(true)
        }
        Record::Audit(entry) => audit::restore(transaction, entry),
    }
}

fn incident(transaction: &WriteTransaction, record: &IncidentRecord) -> anyhow::Result<bool> {
    let IncidentRecord { version, incident, investigation, thread: posts, proposals: made, shown } = record;
    let id = &incident.id;
    if incidents::is_there(transaction, id)? {
        return Ok(false);
    }
    let before = version.checked_sub(1).context("an incident that is stored has a version")?;
    incidents::write(transaction, &Versioned { version: before, value: incident.clone() })?;
    if let Some(investigation) = investigation {
        thread::put_investigation(transaction, id, investigation)?;
    }
    thread::restore(transaction, id, posts)?;
    proposals::write(transaction, made)?;
    for ShownRecord { platform, version, projection } in shown {
        outbox::put_projection(transaction, *platform, id, *version, projection)?;
    }
    let chats: Vec<Platform> = shown.iter().map(|shown| shown.platform).collect();
    outbox::put(transaction, &chats, id, *version, None)?;
    inbox::go_on_after(transaction, record.last_event())?;
    Ok(true)
}
