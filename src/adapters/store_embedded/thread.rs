//! What is said in an incident's thread, and the investigation behind it.

use redb::{ReadTransaction, ReadableTable as _, TableDefinition, WriteTransaction};

use super::tables::{LAST_KEY, from_json, to_json};
use crate::domain::incident::IncidentId;
use crate::domain::investigation::Investigation;
use crate::domain::post::{Post, PostDraft};

/// Incident id → investigation.
const INVESTIGATIONS: TableDefinition<&str, &[u8]> = TableDefinition::new("investigations");
/// (incident id, seq) → post.
const POSTS: TableDefinition<(&str, u64), &[u8]> = TableDefinition::new("posts");
/// (incident id, post key) → seq.
const POST_KEYS: TableDefinition<(&str, &str), u64> = TableDefinition::new("post_keys");

pub(super) fn prepare(transaction: &WriteTransaction) -> anyhow::Result<()> {
    transaction.open_table(INVESTIGATIONS)?;
    transaction.open_table(POSTS)?;
    transaction.open_table(POST_KEYS)?;
    Ok(())
}

pub(super) fn investigation(transaction: &ReadTransaction, id: &IncidentId) -> anyhow::Result<Option<Investigation>> {
    let table = transaction.open_table(INVESTIGATIONS)?;
    table.get(id.0.as_str())?.map(|row| from_json(row.value())).transpose()
}

pub(super) fn put_investigation(
    transaction: &WriteTransaction,
    id: &IncidentId,
    investigation: &Investigation,
) -> anyhow::Result<()> {
    transaction.open_table(INVESTIGATIONS)?.insert(id.0.as_str(), to_json(investigation)?.as_slice())?;
    Ok(())
}

/// The thread in order.
pub(super) fn read(transaction: &ReadTransaction, id: &IncidentId) -> anyhow::Result<Vec<Post>> {
    let posts = transaction.open_table(POSTS)?;
    let range = posts.range((id.0.as_str(), 0)..=(id.0.as_str(), u64::MAX))?;
    range.map(|row| from_json(row?.1.value())).collect()
}

/// Adds entries; one whose key is known is an edit.
pub(super) fn write(transaction: &WriteTransaction, id: &IncidentId, drafts: &[PostDraft]) -> anyhow::Result<()> {
    let id = id.0.as_str();
    let mut posts = transaction.open_table(POSTS)?;
    let mut keys = transaction.open_table(POST_KEYS)?;
    for draft in drafts {
        let known = keys.get((id, draft.key.as_str()))?.map(|row| row.value());
        let before: Option<Post> = match known {
            Some(seq) => posts.get((id, seq))?.map(|row| from_json(row.value())).transpose()?,
            None => None,
        };
        let post = match before {
            Some(post) if post.draft.text == draft.text && post.draft.evidence == draft.evidence => continue,
            Some(Post { seq, revision, draft: first, .. }) => Post {
                seq,
                revision: revision + 1,
                edited_at: draft.at,
                draft: PostDraft { at: first.at, ..draft.clone() },
            },
            None => {
                let last = posts.range((id, 0)..=(id, u64::MAX))?.next_back().transpose()?;
                let seq = last.map_or(0, |(key, _)| key.value().1) + 1;
                Post { seq, revision: 1, edited_at: draft.at, draft: draft.clone() }
            }
        };
        keys.insert((id, draft.key.as_str()), post.seq)?;
        posts.insert((id, post.seq), to_json(&post)?.as_slice())?;
    }
    Ok(())
}

/// Puts entries back as they were.
pub(super) fn restore(transaction: &WriteTransaction, id: &IncidentId, thread: &[Post]) -> anyhow::Result<()> {
    let id = id.0.as_str();
    let mut posts = transaction.open_table(POSTS)?;
    let mut keys = transaction.open_table(POST_KEYS)?;
    for post in thread {
        posts.insert((id, post.seq), to_json(post)?.as_slice())?;
        keys.insert((id, post.draft.key.as_str()), post.seq)?;
    }
    Ok(())
}

pub(super) fn forget(transaction: &WriteTransaction, id: &IncidentId) -> anyhow::Result<()> {
    let id = id.0.as_str();
    transaction.open_table(INVESTIGATIONS)?.remove(id)?;
    transaction.open_table(POSTS)?.retain_in((id, 0)..=(id, u64::MAX), |_, _| false)?;
    transaction.open_table(POST_KEYS)?.retain_in((id, "")..=(id, LAST_KEY), |_, _| false)?;
    Ok(())
}
