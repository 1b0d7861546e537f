//! What is stored under which key, and the writes that touch several tables.

use std::collections::BTreeSet;

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use redb::{Database, ReadableTable, ReadableTableMetadata, Table, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::leases::Leases;
use super::{outbox, proposals};
use crate::domain::audit::{AuditDraft, AuditEntry};
use crate::domain::event::{Event, EventId};
use crate::domain::incident::{Incident, IncidentId, IncidentStatus};
use crate::domain::post::{Post, PostDraft};
use crate::ports::{Claimed, StoreError, Timer, Versioned, Write};

pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// Event number → [`InboxRecord`].
pub(super) const INBOX: TableDefinition<u64, &[u8]> = TableDefinition::new("inbox");
/// Event number → [`DeadLetter`].
pub(super) const DEAD: TableDefinition<u64, &[u8]> = TableDefinition::new("dead");
/// Incident id → version (8 bytes, little endian) and the incident.
pub(super) const INCIDENTS: TableDefinition<&str, &[u8]> = TableDefinition::new("incidents");
/// Correlation key → id of the newest incident.
pub(super) const BY_KEY: TableDefinition<&str, &str> = TableDefinition::new("incidents_by_key");
/// (opened at, id): the order of lists.
pub(super) const BY_OPENED: TableDefinition<(u64, &str), ()> = TableDefinition::new("incidents_by_opened");
/// Ids of open incidents.
pub(super) const OPEN: TableDefinition<&str, ()> = TableDefinition::new("incidents_open");
/// Alert fingerprint → correlation key of the newest incident that holds it.
pub(super) const FINGERPRINTS: TableDefinition<&str, &str> = TableDefinition::new("fingerprints");
/// Incident id → investigation.
pub(super) const INVESTIGATIONS: TableDefinition<&str, &[u8]> = TableDefinition::new("investigations");
/// (incident id, seq) → post.
pub(super) const POSTS: TableDefinition<(&str, u64), &[u8]> = TableDefinition::new("posts");
/// (incident id, post key) → seq.
pub(super) const POST_KEYS: TableDefinition<(&str, &str), u64> = TableDefinition::new("post_keys");
/// (due, timer key) → event.
pub(super) const TIMERS: TableDefinition<(u64, &str), &[u8]> = TableDefinition::new("timers");
/// Timer key → due.
const TIMER_DUE: TableDefinition<&str, u64> = TableDefinition::new("timer_due");
/// Position → entry.
pub(super) const AUDIT: TableDefinition<u64, &[u8]> = TableDefinition::new("audit");

/// (kind, key) → revision (8 bytes, little endian), 1 or (for a deleted one) 0, and the body.
pub(super) const DOCUMENTS: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("documents");
/// (kind, revision) → key: what changed after a revision.
pub(super) const DOCUMENT_CHANGES: TableDefinition<(&str, u64), &str> = TableDefinition::new("document_changes");

/// How records are written; a file of a newer one than this is not opened.
const FORMAT: u64 = 1;

const FORMAT_OF_FILE: &str = "format";
pub(super) const LAST_EVENT: &str = "last_event";
pub(super) const LAST_REVISION: &str = "last_revision";
pub(super) const WAITING: &str = "waiting";
pub(super) const WAITING_BYTES: &str = "waiting_bytes";

/// Sorts after every timer key that is used.
pub(super) const LAST_KEY: &str = "\u{10FFFF}";

#[derive(Serialize, Deserialize)]
pub(super) struct InboxRecord {
    pub(super) attempt: u32,
    /// Milliseconds since 1970; 0: at once.
    pub(super) not_before: u64,
    /// When it came, in milliseconds since 1970; 0: an older release wrote it, and did not say.
    #[serde(default)]
    pub(super) at: u64,
    pub(super) event: Event,
}

/// As much of an [`InboxRecord`] as tells whether somebody holds it, and since when it waits.
#[derive(Deserialize)]
struct InboxHead {
    not_before: u64,
    #[serde(default)]
    at: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DeadLetter {
    pub(super) event: Event,
    pub(super) reason: String,
    pub(super) at: DateTime<Utc>,
}

pub(super) fn to_json<T: Serialize>(value: &T) -> anyhow::Result<Vec<u8>> {
    serde_json::to_vec(value).context("write a record")
}

pub(super) fn from_json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> anyhow::Result<T> {
    serde_json::from_slice(bytes).context("read a record")
}

pub(super) fn millis(at: DateTime<Utc>) -> u64 {
    u64::try_from(at.timestamp_millis()).unwrap_or(0)
}

pub(super) fn time(millis: u64) -> DateTime<Utc> {
    i64::try_from(millis).ok().and_then(DateTime::from_timestamp_millis).unwrap_or_default()
}

pub(super) fn incident_from(row: &[u8]) -> anyhow::Result<Versioned<Incident>> {
    let (version, json) = row.split_first_chunk::<8>().context("read an incident's version")?;
    Ok(Versioned { version: u64::from_le_bytes(*version), value: from_json(json)? })
}

/// An incident's or a projection's version, without reading the rest of its row.
pub(super) fn version_of(row: &[u8]) -> anyhow::Result<u64> {
    let (version, _) = row.split_first_chunk::<8>().context("read a record's version")?;
    Ok(u64::from_le_bytes(*version))
}

pub(super) fn number(meta: &impl ReadableTable<&'static str, u64>, name: &str) -> anyhow::Result<u64> {
    Ok(meta.get(name)?.map_or(0, |row| row.value()))
}

pub(super) fn set(meta: &mut Table<'_, &'static str, u64>, name: &str, value: u64) -> anyhow::Result<()> {
    meta.insert(name, value)?;
    Ok(())
}

/// Creates the tables, gives back what a killed process had claimed, and counts the inbox.
///
/// # Errors
/// When the disk is full, or a newer release wrote the file: its records would be misread one by one.
pub(super) fn prepare(db: &Database) -> anyhow::Result<()> {
    let transaction = db.begin_write()?;
    {
        let mut meta = transaction.open_table(META)?;
        let format = number(&meta, FORMAT_OF_FILE)?;
        anyhow::ensure!(
            format <= FORMAT,
            "it was written by a newer release (format {format}; this one reads {FORMAT})"
        );
        set(&mut meta, FORMAT_OF_FILE, FORMAT)?;
    }
    {
        let mut inbox = transaction.open_table(INBOX)?;
        let mut held = Vec::new();
        let mut bytes = 0;
        for row in inbox.iter()? {
            let (id, value) = row?;
            bytes += value.value().len() as u64;
            let Ok(mut record) = from_json::<InboxRecord>(value.value()) else { continue };
            if record.not_before != 0 {
                record.not_before = 0;
                held.push((id.value(), to_json(&record)?));
            }
        }
        for (id, record) in held {
            inbox.insert(id, record.as_slice())?;
        }
        let mut meta = transaction.open_table(META)?;
        set(&mut meta, WAITING, inbox.len()?)?;
        set(&mut meta, WAITING_BYTES, bytes)?;
        transaction.open_table(DEAD)?;
        transaction.open_table(INCIDENTS)?;
        transaction.open_table(BY_KEY)?;
        transaction.open_table(BY_OPENED)?;
        transaction.open_table(OPEN)?;
        transaction.open_table(FINGERPRINTS)?;
        transaction.open_table(INVESTIGATIONS)?;
        transaction.open_table(POSTS)?;
        transaction.open_table(POST_KEYS)?;
        transaction.open_table(TIMERS)?;
        transaction.open_table(TIMER_DUE)?;
        transaction.open_table(AUDIT)?;
        transaction.open_table(DOCUMENTS)?;
        transaction.open_table(DOCUMENT_CHANGES)?;
        outbox::prepare(&transaction)?;
        proposals::prepare(&transaction)?;
    }
    transaction.commit()?;
    Ok(())
}

pub(super) fn inbox_record(
    inbox: &impl ReadableTable<u64, &'static [u8]>,
    event: EventId,
) -> anyhow::Result<Option<InboxRecord>> {
    inbox.get(event.0)?.map(|row| from_json(row.value())).transpose()
}

/// Whether an event waits that nobody holds.
pub(super) fn has_free(inbox: &impl ReadableTable<u64, &'static [u8]>, now: DateTime<Utc>) -> anyhow::Result<bool> {
    for row in inbox.iter()? {
        let record = from_json::<InboxHead>(row?.1.value());
        // One that cannot be read counts as free: claiming puts it aside.
        if record.is_ok_and(|record| record.not_before > millis(now)) {
            continue;
        }
        return Ok(true);
    }
    Ok(false)
}

/// When the oldest event came.
pub(super) fn waits_since(inbox: &impl ReadableTable<u64, &'static [u8]>) -> anyhow::Result<Option<DateTime<Utc>>> {
    let oldest = inbox.first()?.and_then(|(_, row)| from_json::<InboxHead>(row.value()).ok());
    Ok(oldest.filter(|head| head.at != 0).map(|head| time(head.at)))
}

pub(super) fn claim(
    transaction: &WriteTransaction,
    most: usize,
    hold: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Vec<Claimed>, StoreError> {
    let mut inbox = transaction.open_table(INBOX).context("open inbox")?;
    let mut claimed = Vec::new();
    let mut came = Vec::new();
    let mut unreadable = Vec::new();
    for row in inbox.iter().context("read inbox")? {
        let (id, value) = row.context("read inbox")?;
        let record: InboxRecord = match from_json(value.value()) {
            Ok(record) => record,
            Err(error) => {
                tracing::error!(event = id.value(), "put event {} aside: {error:#}", id.value());
                unreadable.push((EventId(id.value()), value.value().to_vec()));
                continue;
            }
        };
        if record.not_before <= millis(now) {
            came.push(record.at);
            claimed.push(Claimed { id: EventId(id.value()), attempt: record.attempt + 1, event: record.event });
        }
        if claimed.len() == most {
            break;
        }
    }
    for (Claimed { id, attempt, event }, at) in claimed.iter().zip(came) {
        let record = InboxRecord { attempt: *attempt, not_before: millis(now + hold), at, event: event.clone() };
        inbox.insert(id.0, to_json(&record)?.as_slice()).context("claim event")?;
    }
    drop(inbox);
    let ids: Vec<EventId> = unreadable.iter().map(|(id, _)| *id).collect();
    remove_events(transaction, &ids)?;
    let mut dead = transaction.open_table(DEAD).context("open dead letters")?;
    for (id, bytes) in unreadable {
        // As it is: whoever mends it has all there was.
        dead.insert(id.0, bytes.as_slice()).context("put event aside")?;
    }
    Ok(claimed)
}

pub(super) fn remove_events(transaction: &WriteTransaction, events: &[EventId]) -> anyhow::Result<()> {
    let mut inbox = transaction.open_table(INBOX)?;
    let mut meta = transaction.open_table(META)?;
    for event in events {
        if let Some(row) = inbox.remove(event.0)? {
            let bytes = row.value().len() as u64;
            let (waiting, total) = (number(&meta, WAITING)?, number(&meta, WAITING_BYTES)?);
            set(&mut meta, WAITING, waiting.saturating_sub(1))?;
            set(&mut meta, WAITING_BYTES, total.saturating_sub(bytes))?;
        }
    }
    Ok(())
}

pub(super) fn commit(
    transaction: &WriteTransaction,
    leases: &Leases,
    writes: &[Write],
    handled: &[EventId],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    // Everything that can be refused is looked at before anything is written.
    for write in writes {
        check_version(transaction, &write.incident)?;
        if let Some(lease) = &write.lease {
            leases.check(lease, now)?;
        }
    }
    for write in writes {
        write_incident(transaction, &write.incident)?;
        write_posts(transaction, &write.incident.value.id, &write.posts)?;
        if let Some(investigation) = &write.investigation {
            let mut table = transaction.open_table(INVESTIGATIONS).context("open investigations")?;
            let json = to_json(investigation)?;
            table.insert(write.incident.value.id.0.as_str(), json.as_slice()).context("write investigation")?;
        }
        proposals::write(transaction, &write.proposals)?;
        outbox::put(transaction, &write.chats, &write.incident.value.id, write.incident.version + 1, Some(now))?;
        clear_timers(transaction, &write.cleared)?;
        set_timers(transaction, &write.timers)?;
        append_audit(transaction, &write.audit)?;
    }
    remove_events(transaction, handled)?;
    Ok(())
}

fn check_version(transaction: &WriteTransaction, incident: &Versioned<Incident>) -> Result<(), StoreError> {
    let incidents = transaction.open_table(INCIDENTS).context("open incidents")?;
    let stored = incidents.get(incident.value.id.0.as_str()).context("read incident")?;
    let version = stored.map(|row| version_of(row.value())).transpose()?.unwrap_or(0);
    if version == incident.version { Ok(()) } else { Err(StoreError::Conflict(incident.value.id.clone())) }
}

pub(super) fn write_incident(
    transaction: &WriteTransaction,
    Versioned { version, value }: &Versioned<Incident>,
) -> anyhow::Result<()> {
    let id = value.id.0.as_str();
    let mut row = (version + 1).to_le_bytes().to_vec();
    row.extend(to_json(value)?);
    transaction.open_table(INCIDENTS)?.insert(id, row.as_slice())?;
    transaction.open_table(BY_KEY)?.insert(value.key.as_str(), id)?;
    transaction.open_table(BY_OPENED)?.insert((millis(value.opened_at), id), ())?;
    let mut open = transaction.open_table(OPEN)?;
    match value.status {
        IncidentStatus::Open => open.insert(id, ())?,
        IncidentStatus::Resolved => open.remove(id)?,
    };
    let mut fingerprints = transaction.open_table(FINGERPRINTS)?;
    for fingerprint in value.fingerprints() {
        // Rewriting what is already there would copy pages for nothing; an incident of a storm has thousands.
        if fingerprints.get(fingerprint.as_str())?.is_none_or(|key| key.value() != value.key) {
            fingerprints.insert(fingerprint.as_str(), value.key.as_str())?;
        }
    }
    Ok(())
}

fn write_posts(transaction: &WriteTransaction, id: &IncidentId, drafts: &[PostDraft]) -> anyhow::Result<()> {
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

fn clear_timers(transaction: &WriteTransaction, keys: &[String]) -> anyhow::Result<()> {
    let mut timers = transaction.open_table(TIMERS)?;
    let mut due = transaction.open_table(TIMER_DUE)?;
    for key in keys {
        let at = due.remove(key.as_str())?.map(|row| row.value());
        if let Some(at) = at {
            timers.remove((at, key.as_str()))?;
        }
    }
    Ok(())
}

pub(super) fn set_timers(transaction: &WriteTransaction, new: &[Timer]) -> anyhow::Result<()> {
    clear_timers(transaction, &new.iter().map(|timer| timer.key.clone()).collect::<Vec<_>>())?;
    let mut timers = transaction.open_table(TIMERS)?;
    let mut due = transaction.open_table(TIMER_DUE)?;
    for Timer { key, due: at, event } in new {
        timers.insert((millis(*at), key.as_str()), to_json(event)?.as_slice())?;
        due.insert(key.as_str(), millis(*at))?;
    }
    Ok(())
}

pub(super) fn append_audit(transaction: &WriteTransaction, drafts: &[AuditDraft]) -> anyhow::Result<()> {
    let mut audit = transaction.open_table(AUDIT)?;
    for draft in drafts {
        let last = audit.last()?.map(|(_, row)| from_json::<AuditEntry>(row.value())).transpose()?;
        let entry = AuditEntry::after(last.as_ref(), draft.clone());
        audit.insert(entry.seq, to_json(&entry)?.as_slice())?;
    }
    Ok(())
}

pub(super) fn prune(transaction: &WriteTransaction, before: DateTime<Utc>) -> Result<usize, StoreError> {
    let mut old = Vec::new();
    {
        let incidents = transaction.open_table(INCIDENTS).context("open incidents")?;
        for row in incidents.iter().context("read incidents")? {
            let incident = incident_from(row.context("read incidents")?.1.value())?.value;
            let over = incident.status == IncidentStatus::Resolved;
            if over && incident.resolved_at.is_some_and(|at| at < before) {
                old.push(incident);
            }
        }
    }
    for incident in &old {
        remove_incident(transaction, incident)?;
    }
    Ok(old.len())
}

fn remove_incident(transaction: &WriteTransaction, incident: &Incident) -> anyhow::Result<()> {
    let id = incident.id.0.as_str();
    transaction.open_table(INCIDENTS)?.remove(id)?;
    transaction.open_table(BY_OPENED)?.remove((millis(incident.opened_at), id))?;
    transaction.open_table(INVESTIGATIONS)?.remove(id)?;
    transaction.open_table(POSTS)?.retain_in((id, 0)..=(id, u64::MAX), |_, _| false)?;
    transaction.open_table(POST_KEYS)?.retain_in((id, "")..=(id, LAST_KEY), |_, _| false)?;
    proposals::forget(transaction, &incident.id)?;
    outbox::forget(transaction, &incident.id)?;
    forget_timers(transaction, &incident.id)?;
    let mut by_key = transaction.open_table(BY_KEY)?;
    let newest = by_key.get(incident.key.as_str())?.map(|row| row.value().to_owned());
    let mut held = BTreeSet::new();
    match newest {
        Some(newest) if newest != id => {
            if let Some(row) = transaction.open_table(INCIDENTS)?.get(newest.as_str())? {
                held.extend(incident_from(row.value())?.value.fingerprints().cloned());
            }
        }
        _ => {
            by_key.remove(incident.key.as_str())?;
        }
    }
    let mut fingerprints = transaction.open_table(FINGERPRINTS)?;
    for fingerprint in incident.fingerprints().filter(|fingerprint| !held.contains(*fingerprint)) {
        // One that moved to another key meanwhile is somebody else's.
        let ours = fingerprints.get(fingerprint.as_str())?.is_some_and(|key| key.value() == incident.key);
        if ours {
            fingerprints.remove(fingerprint.as_str())?;
        }
    }
    Ok(())
}

/// Removes the timers of an incident that is gone: nothing could clear them any more.
fn forget_timers(transaction: &WriteTransaction, id: &IncidentId) -> anyhow::Result<()> {
    let mut keys = Vec::new();
    for row in transaction.open_table(TIMERS)?.iter()? {
        let (key, event) = row?;
        // One that cannot be read may belong to a newer release.
        let Ok(event) = from_json::<Event>(event.value()) else { continue };
        if event.incident() == Some(id) {
            keys.push(key.value().1.to_owned());
        }
    }
    clear_timers(transaction, &keys)
}

/// A document's row in parts: revision and body.
pub(super) fn document_from(row: &[u8]) -> anyhow::Result<(u64, Option<&[u8]>)> {
    let (revision, rest) = row.split_first_chunk::<8>().context("read a document's revision")?;
    let (there, body) = rest.split_first().context("read a document's state")?;
    Ok((u64::from_le_bytes(*revision), (*there == 1).then_some(body)))
}

pub(super) fn write_documents(
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
                let (revision, known) = document_from(row.value())?;
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
