//! The audit's one chain.

use anyhow::Context as _;
use redb::{ReadTransaction, ReadableTable as _, TableDefinition, WriteTransaction};

use super::tables::{from_json, to_json};
use crate::domain::audit::{AuditDraft, AuditEntry};
use crate::domain::incident::IncidentId;
use crate::ports::StoreError;

/// Position → entry.
const AUDIT: TableDefinition<u64, &[u8]> = TableDefinition::new("audit");

pub(super) fn prepare(transaction: &WriteTransaction) -> anyhow::Result<()> {
    transaction.open_table(AUDIT)?;
    Ok(())
}

pub(super) fn append(transaction: &WriteTransaction, drafts: &[AuditDraft]) -> anyhow::Result<()> {
    let mut audit = transaction.open_table(AUDIT)?;
    for draft in drafts {
        let last = audit.last()?.map(|(_, row)| from_json::<AuditEntry>(row.value())).transpose()?;
        let entry = AuditEntry::after(last.as_ref(), draft.clone());
        audit.insert(entry.seq, to_json(&entry)?.as_slice())?;
    }
    Ok(())
}

/// The chain from `seq` on.
pub(super) fn read(transaction: &ReadTransaction, from: u64, most: usize) -> anyhow::Result<Vec<AuditEntry>> {
    let table = transaction.open_table(AUDIT)?;
    table.range(from..)?.take(most).map(|row| from_json(row?.1.value())).collect()
}

/// Puts an entry at the end of the chain, if it follows what is there; `false` where it is already.
pub(super) fn restore(transaction: &WriteTransaction, entry: &AuditEntry) -> Result<bool, StoreError> {
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
        return Err(StoreError::Conflict(IncidentId(format!("audit:{}", entry.seq))));
    }
    table.insert(entry.seq, to_json(entry)?.as_slice()).context("write audit")?;
    Ok(true)
}
