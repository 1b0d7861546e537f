//! Documents by kind and key, and what of them changed after a revision.

use anyhow::Context as _;
use redb::{ReadTransaction, ReadableTable as _, TableDefinition, WriteTransaction};

use super::tables::{META, number, set};
use crate::ports::Document;

/// (kind, key) → revision (8 bytes, little endian), 1 or (for a deleted one) 0, and the body.
const DOCUMENTS: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("documents");
/// (kind, revision) → key: what changed after a revision.
const DOCUMENT_CHANGES: TableDefinition<(&str, u64), &str> = TableDefinition::new("document_changes");

/// In `meta`: the revision of the newest change.
const LAST_REVISION: &str = "last_revision";

pub(super) fn prepare(transaction: &WriteTransaction) -> anyhow::Result<()> {
    transaction.open_table(DOCUMENTS)?;
    transaction.open_table(DOCUMENT_CHANGES)?;
    Ok(())
}

/// A row in parts: revision and body.
fn parts(row: &[u8]) -> anyhow::Result<(u64, Option<&[u8]>)> {
    let (revision, rest) = row.split_first_chunk::<8>().context("read a document's revision")?;
    let (there, body) = rest.split_first().context("read a document's state")?;
    Ok((u64::from_le_bytes(*revision), (*there == 1).then_some(body)))
}

/// What changed after a revision, oldest change first; after 0 without the deleted.
pub(super) fn read(transaction: &ReadTransaction, kind: &str, after: u64) -> anyhow::Result<Vec<Document>> {
    let documents = transaction.open_table(DOCUMENTS)?;
    let changes = transaction.open_table(DOCUMENT_CHANGES)?;
    let mut found = Vec::new();
    for row in changes.range((kind, after.saturating_add(1))..=(kind, u64::MAX))? {
        let key = row?.1.value().to_owned();
        let Some(row) = documents.get((kind, key.as_str()))? else { continue };
        let (revision, body) = parts(row.value())?;
        if body.is_some() || after > 0 {
            found.push(Document { key, revision, body: body.map(<[u8]>::to_vec) });
        }
    }
    Ok(found)
}

pub(super) fn write(
    transaction: &WriteTransaction,
    kind: &str,
    new: &[(String, Option<Vec<u8>>)],
) -> anyhow::Result<()> {
    let mut documents = transaction.open_table(DOCUMENTS)?;
    let mut changes = transaction.open_table(DOCUMENT_CHANGES)?;
    let mut meta = transaction.open_table(META)?;
    let mut revision = number(&meta, LAST_REVISION)?;
    for (key, body) in new {
        let before = match documents.get((kind, key.as_str()))? {
            Some(row) => {
                let (revision, known) = parts(row.value())?;
                if known == body.as_deref() {
                    continue;
                }
                Some(revision)
            }
            // There is nothing to delete.
            None if body.is_none() => continue,
            None => None,
        };
        if let Some(before) = before {
            changes.remove((kind, before))?;
        }
        revision += 1;
        let mut row = revision.to_le_bytes().to_vec();
        row.push(u8::from(body.is_some()));
        row.extend_from_slice(body.as_deref().unwrap_or_default());
        documents.insert((kind, key.as_str()), row.as_slice())?;
        changes.insert((kind, revision), key.as_str())?;
    }
    set(&mut meta, LAST_REVISION, revision)
}
