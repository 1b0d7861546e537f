//! What is said in an incident's thread, and the investigation behind it.

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};
use sha2::{Digest as _, Sha256};

use super::args::{Args, from_json, to_json};
use super::link::Link;
use crate::domain::incident::{IncidentId, hex};
use crate::domain::investigation::Investigation;
use crate::domain::post::{Post, PostDraft};
use crate::ports::StoreError;

/// What is the same says the same: an edit that changes none of this is no edit.
fn digest(draft: &PostDraft) -> String {
    let mut hash = Sha256::new();
    hash.update(draft.text.as_bytes());
    for evidence in &draft.evidence {
        hash.update([0]);
        hash.update(evidence.to_string());
    }
    // Half of it tells texts of one entry apart well enough.
    hex(&hash.finalize()[..16])
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// What a commit says of an entry.
pub(super) fn put(args: &mut Args, draft: &PostDraft) -> anyhow::Result<()> {
    args.put(&draft.key);
    args.put(digest(draft));
    args.put(time(draft.at));
    args.put_json(draft)
}

/// A row of the thread: `revision digest first-said edited draft`.
pub(super) fn row(post: &Post) -> anyhow::Result<Vec<u8>> {
    let Post { revision, edited_at, draft, .. } = post;
    let mut row = format!("{revision} {} {} {} ", digest(draft), time(draft.at), time(*edited_at)).into_bytes();
    row.extend(to_json(draft)?);
    Ok(row)
}

fn post_from(seq: u64, row: &[u8]) -> anyhow::Result<Post> {
    let mut parts = row.splitn(5, |byte| *byte == b' ');
    let mut next = || parts.next().context("an entry of the thread is cut off");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).context("read an entry of the thread");
    let revision = text(next()?)?.parse().context("read an entry's revision")?;
    next()?;
    let first: DateTime<Utc> = text(next()?)?.parse().context("read when an entry was said")?;
    let edited_at: DateTime<Utc> = text(next()?)?.parse().context("read when an entry was edited")?;
    let draft: PostDraft = from_json(next()?)?;
    Ok(Post { seq, revision, edited_at, draft: PostDraft { at: first, ..draft } })
}

/// The thread in order.
pub(super) async fn read(link: &Link, id: &IncidentId) -> Result<Vec<Post>, StoreError> {
    let rows: Vec<(u64, Vec<u8>)> = link.query(redis::cmd("HGETALL").arg(link.key(&format!("posts:{id}")))).await?;
    let posts = rows.iter().map(|(seq, row)| post_from(*seq, row));
    let mut posts = posts.collect::<anyhow::Result<Vec<Post>>>()?;
    posts.sort_by_key(|post| post.seq);
    Ok(posts)
}

pub(super) async fn investigation(link: &Link, id: &IncidentId) -> Result<Option<Investigation>, StoreError> {
    let row = link.field(&format!("incident:{id}"), "investigation").await?;
    Ok(row.map(|row| from_json(&row)).transpose()?)
}
