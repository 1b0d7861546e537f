//! Forgetting incidents that are over, with all that belongs to them.

use chrono::{DateTime, Utc};
use redb::WriteTransaction;

use super::{incidents, outbox, proposals, thread, timers};
use crate::domain::incident::Incident;
use crate::ports::StoreError;

/// Removes incidents that resolved before `before`; how many.
pub(super) fn prune(transaction: &WriteTransaction, before: DateTime<Utc>) -> Result<usize, StoreError> {
    let old = incidents::resolved_before(transaction, before)?;
    for incident in &old {
        remove(transaction, incident)?;
    }
    Ok(old.len())
}

fn remove(transaction: &WriteTransaction, incident: &Incident) -> anyhow::Result<()> {
    incidents::remove(transaction, incident)?;
    thread::forget(transaction, &incident.id)?;
    proposals::forget(transaction, &incident.id)?;
    outbox::forget(transaction, &incident.id)?;
    timers::forget(transaction, &incident.id)
}
