//! Proposals by incident, by name, and by when they were made.

use chrono::{DateTime, Utc};
use redb::{ReadTransaction, ReadableTable as _, TableDefinition, WriteTransaction};

use super::tables::{LAST_KEY, from_json, millis, to_json};
use crate::domain::incident::IncidentId;
use crate::domain::proposal::{Proposal, ProposalId};

/// Proposal id → proposal.
const PROPOSALS: TableDefinition<&str, &[u8]> = TableDefinition::new("proposals");
/// (incident id, made at, proposal id).
const OF_INCIDENT: TableDefinition<(&str, u64, &str), ()> = TableDefinition::new("proposals_of_incident");
/// (made at, proposal id).
const BY_TIME: TableDefinition<(u64, &str), ()> = TableDefinition::new("proposals_by_time");

pub(super) fn prepare(transaction: &WriteTransaction) -> anyhow::Result<()> {
    transaction.open_table(PROPOSALS)?;
    transaction.open_table(OF_INCIDENT)?;
    transaction.open_table(BY_TIME)?;
    Ok(())
}

pub(super) fn write(transaction: &WriteTransaction, proposals: &[Proposal]) -> anyhow::Result<()> {
    let mut table = transaction.open_table(PROPOSALS)?;
    let mut of_incident = transaction.open_table(OF_INCIDENT)?;
    let mut by_time = transaction.open_table(BY_TIME)?;
    for proposal in proposals {
        let (id, made) = (proposal.id.0.as_str(), millis(proposal.created_at));
        table.insert(id, to_json(proposal)?.as_slice())?;
        of_incident.insert((proposal.incident.0.as_str(), made, id), ())?;
        by_time.insert((made, id), ())?;
    }
    Ok(())
}

pub(super) fn one(transaction: &ReadTransaction, id: &ProposalId) -> anyhow::Result<Option<Proposal>> {
    transaction.open_table(PROPOSALS)?.get(id.0.as_str())?.map(|row| from_json(row.value())).transpose()
}

pub(super) fn of(transaction: &ReadTransaction, incident: &IncidentId) -> anyhow::Result<Vec<Proposal>> {
    let table = transaction.open_table(PROPOSALS)?;
    let of_incident = transaction.open_table(OF_INCIDENT)?;
    let id = incident.0.as_str();
    let mut found = Vec::new();
    for row in of_incident.range((id, 0, "")..=(id, u64::MAX, LAST_KEY))? {
        let key = row?.0;
        if let Some(row) = table.get(key.value().2)? {
            found.push(from_json(row.value())?);
        }
    }
    Ok(found)
}

pub(super) fn since(transaction: &ReadTransaction, since: DateTime<Utc>) -> anyhow::Result<Vec<Proposal>> {
    let table = transaction.open_table(PROPOSALS)?;
    let mut found = Vec::new();
    for row in transaction.open_table(BY_TIME)?.range((millis(since), "")..)? {
        let key = row?.0;
        if let Some(row) = table.get(key.value().1)? {
            found.push(from_json(row.value())?);
        }
    }
    Ok(found)
}

/// Removes the proposals of an incident; the audit keeps what became of them.
pub(super) fn forget(transaction: &WriteTransaction, incident: &IncidentId) -> anyhow::Result<()> {
    let id = incident.0.as_str();
    let mut table = transaction.open_table(PROPOSALS)?;
    let mut of_incident = transaction.open_table(OF_INCIDENT)?;
    let mut by_time = transaction.open_table(BY_TIME)?;
    let mut old = Vec::new();
    for row in of_incident.range((id, 0, "")..=(id, u64::MAX, LAST_KEY))? {
        let key = row?.0;
        let (_, made, proposal) = key.value();
        old.push((made, proposal.to_owned()));
    }
    for (made, proposal) in old {
        table.remove(proposal.as_str())?;
        of_incident.remove((id, made, proposal.as_str()))?;
        by_time.remove((made, proposal.as_str()))?;
    }
    Ok(())
}
