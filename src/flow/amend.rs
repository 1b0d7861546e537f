//! The one way to change an incident together with its record: read both, change both, write both; again if somebody
//! else was faster.

use super::{Context, MAX_CONFLICTS};
use crate::domain::audit::AuditDraft;
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::investigation::Investigation;
use crate::domain::post::PostDraft;
use crate::ports::{Lease, StoreError, Timer, Write};

/// What a change brings beside the incident and its record.
#[derive(Debug, Clone, Default)]
pub struct Besides {
    /// Entries to add to the thread, or to edit.
    pub posts: Vec<PostDraft>,
    /// Timers to set.
    pub timers: Vec<Timer>,
    /// Timers to clear, by key.
    pub cleared: Vec<String>,
    /// What to remember.
    pub audit: Vec<AuditDraft>,
}

/// Lets `change` change an incident and its record, and writes both; `None` from it leaves them as they are. Gives what
/// was written. `change` is called again when somebody else wrote in between, so it must not keep what it was told before.
///
/// # Errors
/// When the store does not take it, the lease is lost, or others were faster too often.
pub async fn amend(
    context: &Context,
    id: &IncidentId,
    lease: Option<&Lease>,
    mut change: impl FnMut(&mut Incident, &mut Investigation) -> Option<Besides>,
) -> Result<Option<(Incident, Investigation)>, StoreError> {
    for _ in 0..MAX_CONFLICTS {
        // The incident first: whoever changes the record raises the incident's version, so an old pair is refused.
        let Some(mut incident) = context.store.incident(id).await? else { return Ok(None) };
        let mut record = context.store.investigation(id).await?.unwrap_or_default();
        let Some(besides) = change(&mut incident.value, &mut record) else { return Ok(None) };
        let Besides { posts, timers, cleared, audit } = besides;
        let written = (incident.value.clone(), record.clone());
        let write = Write {
            posts,
            timers,
            cleared,
            audit,
            investigation: Some(record),
            lease: lease.cloned(),
            ..Write::new(incident)
        };
        match context.commit(vec![write], &[]).await {
            Ok(()) => return Ok(Some(written)),
            Err(StoreError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Conflict(id.clone()))
}
