//! State in one file on local disk, for a single replica: an ACID key-value store without a server.
//!
//! Writes are grouped: whatever waits when a transaction begins shares its `fsync`, so that a storm of notifications
//! costs a few syncs, not thousands. See `writer.rs` for that, `tables.rs` for what is stored under which key.

mod file;
mod leases;
mod outbox;
mod proposals;
mod restore;
mod seen;
mod tables;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata};
use tokio::sync::broadcast;

use self::file::File;
use self::leases::Leases;
use self::tables::{
    AUDIT, BY_KEY, BY_OPENED, DEAD, DOCUMENT_CHANGES, DOCUMENTS, FINGERPRINTS, INBOX, INCIDENTS, INVESTIGATIONS, META,
    OPEN, POSTS, TIMERS, from_json, incident_from, millis, to_json,
};
use self::writer::Writer;
use crate::adapters::unreadable::Unreadable;
use crate::domain::audit::{AuditDraft, AuditEntry};
use crate::domain::chat::{MessageId, Place, Platform};
use crate::domain::correlate::Opened;
use crate::domain::event::{Event, EventId};
use crate::domain::incident::{Incident, IncidentId, IncidentStatus, Origin};
use crate::domain::investigation::Investigation;
use crate::domain::post::Post;
use crate::domain::projection::Projection;
use crate::domain::proposal::{Proposal, ProposalId};
use crate::ports::{
    Backlog, Claimed, Document, DocumentKind, Filter, InboxState, Lease, Record, Store, StoreError, Timer, Undelivered,
    Versioned, Write,
};

/// Events that may wait. At 200 a second it is most of a minute; beyond it Alertmanager is told to come back.
pub const MAX_WAITING: u64 = 10_000;
/// Bytes of events that may wait: a storm's bodies on disk, well under the smallest volume one would give it.
const MAX_WAITING_BYTES: u64 = 256 * 1024 * 1024;
/// Changes a slow reader may be behind before it is told that it missed some.
const CHANGES_KEPT: usize = 1024;

/// The embedded store.
pub struct EmbeddedStore {
    file: Arc<File>,
    writer: Writer,
    leases: Arc<Leases>,
    unreadable: Arc<Unreadable>,
    changes: broadcast::Sender<IncidentId>,
}

impl EmbeddedStore {
    /// Opens or creates the store in `directory`.
    ///
    /// # Errors
    /// When the directory cannot be made or written, the file is damaged, or another process has it open.
    pub fn open(directory: &Path) -> anyhow::Result<Self> {
        let file = Arc::new(File::create(directory)?);
        Ok(Self {
            writer: Writer::start(Arc::clone(&file))?,
            file,
            leases: Arc::default(),
            unreadable: Arc::default(),
            changes: broadcast::channel(CHANGES_KEPT).0,
        })
    }

    /// Reads off the async threads: a page that is not cached is a disk access.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&redb::ReadTransaction) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let db = self.file.database().context("a write failed before: is the disk full?")?;
        let result = tokio::task::spawn_blocking(move || {
            let transaction = db.begin_read().context("begin a read")?;
            read(&transaction)
        });
        Ok(result.await.context("read the store")??)
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn enqueue(&self, event: &Event, now: DateTime<Utc>) -> Result<EventId, StoreError> {
        let record =
            to_json(&tables::InboxRecord { attempt: 0, not_before: 0, at: millis(now), event: event.clone() })?;
        let (key, until) = (event.key(), now + event.remembered());
        self.writer
            .run(move |transaction| {
                if let Some(key) = &key
                    && let Some(id) = seen::find(transaction, key, now)?
                {
                    return Ok(id);
                }
                let mut meta = transaction.open_table(META).context("open meta")?;
                let waiting = tables::number(&meta, tables::WAITING)?;
                let bytes = tables::number(&meta, tables::WAITING_BYTES)?;
                if waiting >= MAX_WAITING || bytes + record.len() as u64 > MAX_WAITING_BYTES {
                    return Err(StoreError::Full(usize::try_from(waiting).unwrap_or(usize::MAX)));
                }
                let id = tables::number(&meta, tables::LAST_EVENT)? + 1;
                tables::set(&mut meta, tables::LAST_EVENT, id)?;
                tables::set(&mut meta, tables::WAITING, waiting + 1)?;
                tables::set(&mut meta, tables::WAITING_BYTES, bytes + record.len() as u64)?;
                let mut inbox = transaction.open_table(INBOX).context("open inbox")?;
                inbox.insert(id, record.as_slice()).context("insert event")?;
                if let Some(key) = &key {
                    seen::remember(transaction, key, EventId(id), until, now)?;
                }
                Ok(EventId(id))
            })
            .await
    }

    async fn is_known(&self, event: &Event, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let Some(key) = event.key() else { return Ok(false) };
        self.read(move |transaction| seen::is_known(transaction, &key, now)).await
    }

    async fn claim(&self, most: usize, hold: TimeDelta, now: DateTime<Utc>) -> Result<Vec<Claimed>, StoreError> {
        // Asked many times a second: an empty inbox must cost a look, not a write with its sync.
        let free = self.read(move |transaction| tables::has_free(&transaction.open_table(INBOX)?, now)).await?;
        if !free {
            return Ok(Vec::new());
        }
        self.writer.run(move |transaction| tables::claim(transaction, most, hold, now)).await
    }

    async fn commit(&self, writes: Vec<Write>, handled: &[EventId], now: DateTime<Utc>) -> Result<(), StoreError> {
        let (handled, leases) = (handled.to_vec(), Arc::clone(&self.leases));
        let ids: Vec<IncidentId> = writes.iter().map(|write| write.incident.value.id.clone()).collect();
        self.writer.run(move |transaction| tables::commit(transaction, &leases, &writes, &handled, now)).await?;
        for id in ids {
            // Nobody listening is fine.
            let _ = self.changes.send(id);
        }
        Ok(())
    }

    async fn retry(&self, event: EventId, not_before: DateTime<Utc>) -> Result<(), StoreError> {
        self.writer
            .run(move |transaction| {
                let mut inbox = transaction.open_table(INBOX).context("open inbox")?;
                let Some(mut record) = tables::inbox_record(&inbox, event)? else { return Ok(()) };
                record.not_before = millis(not_before);
                inbox.insert(event.0, to_json(&record)?.as_slice()).context("give event back")?;
                Ok(())
            })
            .await
    }

    async fn bury(&self, event: EventId, reason: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let reason = reason.to_owned();
        self.writer
            .run(move |transaction| {
                let record = {
                    let inbox = transaction.open_table(INBOX).context("open inbox")?;
                    tables::inbox_record(&inbox, event)?
                };
                let Some(record) = record else { return Ok(()) };
                tables::remove_events(transaction, &[event])?;
                let mut dead = transaction.open_table(DEAD).context("open dead letters")?;
                let letter = tables::DeadLetter { event: record.event, reason, at: now };
                dead.insert(event.0, to_json(&letter)?.as_slice()).context("bury event")?;
                Ok(())
            })
            .await
    }

    async fn inbox(&self) -> Result<InboxState, StoreError> {
        self.read(|transaction| {
            let waiting = transaction.open_table(INBOX)?.len()?;
            let dead = transaction.open_table(DEAD)?.len()?;
            Ok(InboxState { waiting: usize::try_from(waiting)?, dead: usize::try_from(dead)? })
        })
        .await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.read(|transaction| {
            let event_since = tables::waits_since(&transaction.open_table(INBOX)?)?;
            let chats = Platform::ALL.into_iter().map(|platform| outbox::backlog(transaction, platform));
            Ok(Backlog { event_since, chats: chats.collect::<anyhow::Result<_>>()? })
        })
        .await
    }

    async fn due(&self, most: usize, now: DateTime<Utc>) -> Result<Vec<Timer>, StoreError> {
        let unreadable = Arc::clone(&self.unreadable);
        self.read(move |transaction| {
            let timers = transaction.open_table(TIMERS)?;
            let mut due = Vec::new();
            for row in timers.range(..=(millis(now), tables::LAST_KEY))? {
                let (key, value) = row?;
                let (at, name) = key.value();
                match from_json(value.value()) {
                    Ok(event) => due.push(Timer { key: name.to_owned(), due: tables::time(at), event }),
                    Err(error) => unreadable.skip(name, &error),
                }
                if due.len() == most {
                    break;
                }
            }
            Ok(due)
        })
        .await
    }

    async fn lease(&self, name: &str, hold: TimeDelta, now: DateTime<Utc>) -> Result<Option<Lease>, StoreError> {
        Ok(self.leases.take(name, hold, now))
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.leases.release(lease);
        Ok(())
    }

    async fn incident(&self, id: &IncidentId) -> Result<Option<Versioned<Incident>>, StoreError> {
        let id = id.clone();
        self.read(move |transaction| {
            let incidents = transaction.open_table(INCIDENTS)?;
            incidents.get(id.0.as_str())?.map(|row| incident_from(row.value())).transpose()
        })
        .await
    }

    async fn incidents_by_key(&self, keys: &[String]) -> Result<Vec<Versioned<Incident>>, StoreError> {
        let keys = keys.to_vec();
        self.read(move |transaction| {
            let by_key = transaction.open_table(BY_KEY)?;
            let incidents = transaction.open_table(INCIDENTS)?;
            let mut found = Vec::new();
            for key in &keys {
                let Some(id) = by_key.get(key.as_str())? else { continue };
                if let Some(row) = incidents.get(id.value())? {
                    found.push(incident_from(row.value())?);
                }
            }
            Ok(found)
        })
        .await
    }

    async fn keys_by_fingerprint(&self, fingerprints: &[String]) -> Result<Vec<(String, String)>, StoreError> {
        let fingerprints = fingerprints.to_vec();
        self.read(move |transaction| {
            let table = transaction.open_table(FINGERPRINTS)?;
            let mut found = Vec::new();
            for fingerprint in fingerprints {
                if let Some(key) = table.get(fingerprint.as_str())? {
                    let key = key.value().to_owned();
                    found.push((fingerprint, key));
                }
            }
            Ok(found)
        })
        .await
    }

    async fn opened_since(&self, since: DateTime<Utc>) -> Result<Vec<Opened>, StoreError> {
        self.read(move |transaction| {
            let by_opened = transaction.open_table(BY_OPENED)?;
            let incidents = transaction.open_table(INCIDENTS)?;
            let mut opened = Vec::new();
            for row in by_opened.range((millis(since), "")..)? {
                let (key, _) = row?;
                let Some(row) = incidents.get(key.value().1)? else { continue };
                let incident = incident_from(row.value())?.value;
                if incident.origin == Origin::Alerts {
                    opened.push(Opened::of(&incident));
                }
            }
            Ok(opened)
        })
        .await
    }

    async fn list(&self, filter: Filter) -> Result<Vec<Incident>, StoreError> {
        self.read(move |transaction| {
            let incidents = transaction.open_table(INCIDENTS)?;
            let mut list = Vec::new();
            if filter.status == Some(IncidentStatus::Open) {
                for row in transaction.open_table(OPEN)?.iter()? {
                    if let Some(row) = incidents.get(row?.0.value())? {
                        list.push(incident_from(row.value())?.value);
                    }
                }
                list.retain(|incident| incident.origin == filter.origin);
                list.sort_by_key(|incident| std::cmp::Reverse((incident.opened_at, incident.id.clone())));
                list.truncate(filter.limit);
                return Ok(list);
            }
            for row in transaction.open_table(BY_OPENED)?.iter()?.rev() {
                if list.len() >= filter.limit {
                    break;
                }
                let (key, _) = row?;
                let Some(row) = incidents.get(key.value().1)? else { continue };
                let incident = incident_from(row.value())?.value;
                let wanted =
                    filter.status.is_none_or(|status| status == incident.status) && incident.origin == filter.origin;
                if wanted {
                    list.push(incident);
                }
            }
            Ok(list)
        })
        .await
    }

    async fn count_open(&self) -> Result<usize, StoreError> {
        self.read(|transaction| Ok(usize::try_from(transaction.open_table(OPEN)?.len()?)?)).await
    }

    async fn investigation(&self, id: &IncidentId) -> Result<Option<Investigation>, StoreError> {
        let id = id.clone();
        self.read(move |transaction| {
            let table = transaction.open_table(INVESTIGATIONS)?;
            table.get(id.0.as_str())?.map(|row| from_json(row.value())).transpose()
        })
        .await
    }

    async fn thread(&self, id: &IncidentId) -> Result<Vec<Post>, StoreError> {
        let id = id.clone();
        self.read(move |transaction| {
            let posts = transaction.open_table(POSTS)?;
            let range = posts.range((id.0.as_str(), 0)..=(id.0.as_str(), u64::MAX))?;
            range.map(|row| from_json(row?.1.value())).collect()
        })
        .await
    }

    async fn proposals(&self, id: &IncidentId) -> Result<Vec<Proposal>, StoreError> {
        let id = id.clone();
        self.read(move |transaction| proposals::of(transaction, &id)).await
    }

    async fn proposal(&self, id: &ProposalId) -> Result<Option<Proposal>, StoreError> {
        let id = id.clone();
        self.read(move |transaction| proposals::one(transaction, &id)).await
    }

    async fn proposals_since(&self, since: DateTime<Utc>) -> Result<Vec<Proposal>, StoreError> {
        self.read(move |transaction| proposals::since(transaction, millis(since))).await
    }

    async fn outbox(&self, platform: Platform, most: usize) -> Result<Vec<Undelivered>, StoreError> {
        self.read(move |transaction| outbox::read(transaction, platform, most)).await
    }

    async fn delivered(&self, platform: Platform, undelivered: &Undelivered) -> Result<(), StoreError> {
        let undelivered = undelivered.clone();
        self.writer.run(move |transaction| Ok(outbox::remove(transaction, platform, &undelivered)?)).await
    }

    async fn projection(&self, platform: Platform, id: &IncidentId) -> Result<Versioned<Projection>, StoreError> {
        let id = id.clone();
        self.read(move |transaction| outbox::projection(transaction, platform, &id)).await
    }

    async fn save_projection(
        &self,
        platform: Platform,
        id: &IncidentId,
        projection: &Versioned<Projection>,
    ) -> Result<u64, StoreError> {
        let (id, projection) = (id.clone(), projection.clone());
        self.writer.run(move |transaction| outbox::save_projection(transaction, platform, &id, &projection)).await
    }

    async fn incident_of(&self, place: &Place, root: &MessageId) -> Result<Option<IncidentId>, StoreError> {
        let (place, root) = (place.clone(), root.clone());
        self.read(move |transaction| outbox::incident_of(transaction, &place, &root.0)).await
    }

    async fn remember(&self, audit: Vec<AuditDraft>) -> Result<(), StoreError> {
        self.writer.run(move |transaction| Ok(tables::append_audit(transaction, &audit)?)).await
    }

    async fn audit(&self, from: u64, most: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.read(move |transaction| {
            let table = transaction.open_table(AUDIT)?;
            table.range(from..)?.take(most).map(|row| from_json(row?.1.value())).collect()
        })
        .await
    }

    async fn prune(&self, before: DateTime<Utc>) -> Result<usize, StoreError> {
        self.writer.run(move |transaction| tables::prune(transaction, before)).await
    }

    async fn write_documents(
        &self,
        kind: DocumentKind,
        documents: Vec<(String, Option<Vec<u8>>)>,
    ) -> Result<(), StoreError> {
        self.writer.run(move |transaction| Ok(tables::write_documents(transaction, kind.as_str(), &documents)?)).await
    }

    async fn documents(&self, kind: DocumentKind, after: u64) -> Result<Vec<Document>, StoreError> {
        self.read(move |transaction| {
            let kind = kind.as_str();
            let documents = transaction.open_table(DOCUMENTS)?;
            let changes = transaction.open_table(DOCUMENT_CHANGES)?;
            let mut found = Vec::new();
            for row in changes.range((kind, after.saturating_add(1))..=(kind, u64::MAX))? {
                let key = row?.1.value().to_owned();
                let Some(row) = documents.get((kind, key.as_str()))? else { continue };
                let (revision, body) = tables::document_from(row.value())?;
                if body.is_some() || after > 0 {
                    found.push(Document { key, revision, body: body.map(<[u8]>::to_vec) });
                }
            }
            Ok(found)
        })
        .await
    }

    async fn restore(&self, record: Record) -> Result<bool, StoreError> {
        self.writer.run(move |transaction| restore::restore(transaction, &record)).await
    }

    fn changes(&self) -> broadcast::Receiver<IncidentId> {
        self.changes.subscribe()
    }
}
