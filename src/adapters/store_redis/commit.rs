//! The arguments of `lua/commit.lua`.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::args::{Args, from_json};
use crate::domain::audit::AuditEntry;
use crate::domain::chat::{MessageId, Place, Platform};
use crate::domain::correlate::Opened;
use crate::domain::event::EventId;
use crate::domain::incident::{Incident, IncidentStatus, Origin, hex};
use crate::domain::post::{Post, PostDraft};
use crate::domain::projection::Projection;
use crate::domain::proposal::Proposal;
use crate::ports::{IncidentRecord, ShownRecord, Timer, Versioned, Write};

/// Every origin: each has indexes of its own.
pub(super) const ORIGINS: [Origin; 2] = [Origin::Alerts, Origin::Question];

pub(super) fn origin_name(origin: Origin) -> &'static str {
    match origin {
        Origin::Alerts => "alerts",
        Origin::Question => "question",
    }
}

pub(super) fn millis(at: DateTime<Utc>) -> u64 {
    u64::try_from(at.timestamp_millis()).unwrap_or(0)
}

/// What a storm counts, beside the incident so that it need not be read whole.
#[derive(Serialize, Deserialize)]
struct OpenedRow {
    at: DateTime<Utc>,
    node: Option<String>,
    namespace: Option<String>,
    is_fold: bool,
}

pub(super) fn opened_from(row: &[u8]) -> anyhow::Result<Opened> {
    let OpenedRow { at, node, namespace, is_fold } = from_json(row)?;
    Ok(Opened { at, node, namespace, is_fold })
}

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

/// A row of the thread: `revision digest first-said edited draft`.
pub(super) fn post_row(post: &Post) -> anyhow::Result<Vec<u8>> {
    let Post { revision, edited_at, draft, .. } = post;
    let mut row = format!("{revision} {} {} {} ", digest(draft), time(draft.at), time(*edited_at)).into_bytes();
    row.extend(super::args::to_json(draft)?);
    Ok(row)
}

pub(super) fn post_from(seq: u64, row: &[u8]) -> anyhow::Result<Post> {
    use anyhow::Context as _;
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

/// All that a commit says; `entries` follow the entry whose hash is `head`.
pub(super) fn arguments(
    writes: &[Write],
    entries: &[AuditEntry],
    head: &str,
    handled: &[EventId],
    now: DateTime<Utc>,
) -> anyhow::Result<Args> {
    let mut args = Args::default().number(millis(now));
    args.put_count(writes.len());
    for Write { incident, lease, .. } in writes {
        args.put(&incident.value.id.0);
        args.put_number(incident.version);
        args.put(lease.as_ref().map_or("", |lease| &lease.name));
        args.put(lease.as_ref().map(|lease| lease.token.to_string()).unwrap_or_default());
    }
    args.put_count(entries.len());
    args.put(head);
    for write in writes {
        put_write(&mut args, write)?;
    }
    for entry in entries {
        put_entry(&mut args, entry)?;
    }
    args.put_count(handled.len());
    for event in handled {
        args.put_number(event.0);
    }
    Ok(args)
}

fn put_entry(args: &mut Args, entry: &AuditEntry) -> anyhow::Result<()> {
    args.put_number(entry.seq);
    args.put(&entry.hash);
    args.put_json(entry)
}

/// What `lua/restore.lua` says of an incident.
pub(super) fn restored(record: &IncidentRecord) -> anyhow::Result<Args> {
    let IncidentRecord { version, incident, investigation, thread, proposals, shown } = record;
    let mut args = Args::default().text("1").text(&incident.id.0).number(*version).number(record.last_event());
    put_incident(&mut args, incident)?;
    match investigation {
        Some(investigation) => args.put_json(investigation)?,
        None => args.put(""),
    }
    args.put_count(thread.len());
    for post in thread {
        args.put_number(post.seq);
        args.put(&post.draft.key);
        args.put(post_row(post)?);
    }
    put_proposals(&mut args, proposals)?;
    args.put_count(shown.len());
    for ShownRecord { platform, version, projection } in shown {
        args.put(platform.as_str());
        args.put([format!("{version} ").into_bytes(), super::args::to_json(projection)?].concat());
        args.put(thread_of(*platform, projection));
    }
    put_timers(&mut args, &[], &[])?;
    Ok(args)
}

/// What `lua/restore.lua` says of a timer.
pub(super) fn restored_timer(timer: Timer) -> anyhow::Result<Args> {
    let mut args = Args::default().text("0");
    put_timers(&mut args, &[], &[timer])?;
    Ok(args)
}

/// The name under which an incident is found by a chat's root; empty while there is none.
pub(super) fn thread_of(platform: Platform, projection: &Projection) -> String {
    let place = Place::Channel(platform, projection.channel.clone());
    projection.root().map(|root| thread_name(&place, root)).unwrap_or_default()
}

pub(super) fn thread_name(place: &Place, root: &MessageId) -> String {
    format!("{place} {root}")
}

fn put_proposals(args: &mut Args, proposals: &[Proposal]) -> anyhow::Result<()> {
    args.put_count(proposals.len());
    for proposal in proposals {
        args.put(&proposal.id.0);
        args.put_number(millis(proposal.created_at));
        args.put_json(proposal)?;
    }
    Ok(())
}

fn put_timers(args: &mut Args, cleared: &[String], timers: &[Timer]) -> anyhow::Result<()> {
    args.put_count(cleared.len());
    for key in cleared {
        args.put(key);
    }
    args.put_count(timers.len());
    for Timer { key, due, event } in timers {
        args.put(key);
        args.put_number(millis(*due));
        args.put_json(event)?;
    }
    Ok(())
}

fn put_write(args: &mut Args, write: &Write) -> anyhow::Result<()> {
    let Write { incident, posts, investigation, proposals, timers, cleared, audit: _, chats, lease: _ } = write;
    let Versioned { version: _, value } = incident;
    put_incident(args, value)?;
    match investigation {
        Some(investigation) => args.put_json(investigation)?,
        None => args.put(""),
    }
    args.put_count(posts.len());
    for draft in posts {
        args.put(&draft.key);
        args.put(digest(draft));
        args.put(time(draft.at));
        args.put_json(draft)?;
    }
    put_proposals(args, proposals)?;
    args.put_count(chats.len());
    for chat in chats {
        args.put(chat.as_str());
    }
    put_timers(args, cleared, timers)
}

fn put_incident(args: &mut Args, incident: &Incident) -> anyhow::Result<()> {
    let Opened { at, node, namespace, is_fold } = Opened::of(incident);
    let over = incident.status == IncidentStatus::Resolved;
    args.put_json(incident)?;
    args.put(&incident.key);
    args.put(origin_name(incident.origin));
    args.put_number(millis(incident.opened_at));
    args.put_json(&OpenedRow { at, node, namespace, is_fold })?;
    args.put(if over { "0" } else { "1" });
    match incident.resolved_at.filter(|_| over) {
        Some(at) => args.put_number(millis(at)),
        None => args.put(""),
    }
    let fingerprints: Vec<&String> = incident.fingerprints().collect();
    args.put_count(fingerprints.len());
    for fingerprint in fingerprints {
        args.put(fingerprint);
    }
    Ok(())
}
