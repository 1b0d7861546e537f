//! Proposals by incident, by name, and by when they were made.

use chrono::{DateTime, Utc};

use super::args::{Args, from_json, millis};
use super::link::Link;
use crate::domain::incident::IncidentId;
use crate::domain::proposal::{Proposal, ProposalId};
use crate::ports::StoreError;

/// All that `set_proposals` in `lua/incident.lua` takes.
pub(super) fn put(args: &mut Args, proposals: &[Proposal]) -> anyhow::Result<()> {
    args.put_count(proposals.len());
    for proposal in proposals {
        args.put(&proposal.id.0);
        args.put_number(millis(proposal.created_at));
        args.put_json(proposal)?;
    }
    Ok(())
}

pub(super) async fn one(link: &Link, id: &ProposalId) -> Result<Option<Proposal>, StoreError> {
    Ok(link.field("proposals", &id.0).await?.map(|row| from_json(&row)).transpose()?)
}

pub(super) async fn of(link: &Link, incident: &IncidentId) -> Result<Vec<Proposal>, StoreError> {
    link.rows("proposals", &format!("proposals_of:{incident}"), "-inf").await
}

pub(super) async fn since(link: &Link, since: DateTime<Utc>) -> Result<Vec<Proposal>, StoreError> {
    link.rows("proposals", "proposals_by_time", &millis(since).to_string()).await
}
