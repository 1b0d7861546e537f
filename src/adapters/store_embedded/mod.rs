//! State in one file on local disk, for a single replica: an ACID key-value store without a server.
//!
//! Writes are grouped: whatever waits when a transaction begins shares its `fsync`, so that a storm of notifications
//! costs a few syncs, not thousands. See `writer.rs` for that. What is stored under which key
//! stands in the room that it is for: `inbox.rs`, `incidents.rs` …

mod audit;
mod commit;
mod documents;
mod file;
mod inbox;
mod incidents;
mod leases;
mod outbox;
mod proposals;
mod prune;
mod restore;
mod seen;
mod tables;
#[cfg(test)]
mod tests;
mod thread;
mod timers;
mod writer;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use redb::ReadableDatabase as _;
use tokio::sync::broadcast;

use self::file::File;
use self::leases::Leases;
use self::writer::Writer;
use crate::adapters::unreadable::Unreadable;
use crate::domain::audit::{AuditDraft, AuditEntry};
use crate::domain::chat::{MessageId, Place, Platform};
use crate::domain::correlate::Opened;
use crate::domain::event::{Event, EventId};
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::investigation::Investigation;
use crate::domain::post::Post;
use crate::domain::projection::Projection;
use crate::domain::proposal::{Proposal, ProposalId};
use crate::ports::{
    Backlog, CHANGES_KEPT, Claimed, Document, DocumentKind, Filter, InboxState, Lease, Record, Store, StoreError,
    Timer, Undelivered, Versioned, Write,
};

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
        let record = inbox::record(event, now)?;
        let (key, until) = (event.key(), now + event.remembered());
        self.writer.run(move |transaction| inbox::enqueue(transaction, &record, key.as_deref(), until, now)).await
    }

    async fn is_known(&self, event: &Event, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let Some(key) = event.key() else { return Ok(false) };
        self.read(move |transaction| seen::is_known(transaction, &key, now)).await
    }

    async fn claim(&self, most: usize, hold: TimeDelta, now: DateTime<Utc>) -> Result<Vec<Claimed>, StoreError> {
        // Asked many times a second: an empty inbox must cost a look, not a write with its sync.
        if !self.read(move |transaction| inbox::has_free(transaction, now)).await? {
            return Ok(Vec::new());
        }
        self.writer.run(move |transaction| inbox::claim(transaction, most, hold, now)).await
    }

    async fn commit(&self, writes: Vec<Write>, handled: &[EventId], now: DateTime<Utc>) -> Result<(), StoreError> {
        let (handled, leases) = (handled.to_vec(), Arc::clone(&self.leases));
        let ids: Vec<IncidentId> = writes.iter().map(|write| write.incident.value.id.clone()).collect();
        self.writer.run(move |transaction| commit::commit(transaction, &leases, &writes, &handled, now)).await?;
        for id in ids {
            // Nobody listening is fine.
            let _ = self.changes.send(id);
        }
        Ok(())
    }

    async fn retry(&self, event: EventId, not_before: DateTime<Utc>) -> Result<(), StoreError> {
        self.writer.run(move |transaction| inbox::retry(transaction, event, not_before)).await
    }

    async fn bury(&self, event: EventId, reason: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let reason = reason.to_owned();
        self.writer.run(move |transaction| inbox::bury(transaction, event, reason, now)).await
    }

    async fn inbox(&self) -> Result<InboxState, StoreError> {
        self.read(inbox::state).await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.read(|transaction| {
            let event_since = inbox::waits_since(transaction)?;
            let chats = Platform::ALL.into_iter().map(|platform| outbox::backlog(transaction, platform));
            Ok(Backlog { event_since, chats: chats.collect::<anyhow::Result<_>>()? })
        })
        .await
    }

    async fn due(&self, most: usize, now: DateTime<Utc>) -> Result<Vec<Timer>, StoreError> {
        let unreadable = Arc::clone(&self.unreadable);
        self.read(move |transaction| timers::due(transaction, most, now, &unreadable)).await
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
        self.read(move |transaction| incidents::one(transaction, &id)).await
    }

    async fn incidents_by_key(&self, keys: &[String]) -> Result<Vec<Versioned<Incident>>, StoreError> {
        let keys = keys.to_vec();
        self.read(move |transaction| incidents::by_key(transaction, &keys)).await
    }

    async fn keys_by_fingerprint(&self, fingerprints: &[String]) -> Result<Vec<(String, String)>, StoreError> {
        let fingerprints = fingerprints.to_vec();
        self.read(move |transaction| incidents::keys_by_fingerprint(transaction, fingerprints)).await
    }

    async fn opened_since(&self, since: DateTime<Utc>) -> Result<Vec<Opened>, StoreError> {
        self.read(move |transaction| incidents::opened_since(transaction, since)).await
    }

    async fn list(&self, filter: Filter) -> Result<Vec<Incident>, StoreError> {
        self.read(move |transaction| incidents::list(transaction, filter)).await
    }

    async fn count_open(&self) -> Result<usize, StoreError> {
        self.read(incidents::count_open).await
    }

    async fn investigation(&self, id: &IncidentId) -> Result<Option<Investigation>, StoreError> {
        let id = id.clone();
        self.read(move |transaction| thread::investigation(transaction, &id)).await
    }

    async fn thread(&self, id: &IncidentId) -> Result<Vec<Post>, StoreError> {
        let id = id.clone();
        self.read(move |transaction| thread::read(transaction, &id)).await
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
        self.read(move |transaction| proposals::since(transaction, since)).await
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
        self.writer.run(move |transaction| Ok(audit::append(transaction, &audit)?)).await
    }

    async fn audit(&self, from: u64, most: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.read(move |transaction| audit::read(transaction, from, most)).await
    }

    async fn prune(&self, before: DateTime<Utc>) -> Result<usize, StoreError> {
        self.writer.run(move |transaction| prune::prune(transaction, before)).await
    }

    async fn write_documents(
        &self,
        kind: DocumentKind,
        documents: Vec<(String, Option<Vec<u8>>)>,
    ) -> Result<(), StoreError> {
        self.writer.run(move |transaction| Ok(documents::write(transaction, kind.as_str(), &documents)?)).await
    }

    async fn documents(&self, kind: DocumentKind, after: u64) -> Result<Vec<Document>, StoreError> {
        self.read(move |transaction| documents::read(transaction, kind.as_str(), after)).await
    }

    async fn restore(&self, record: Record) -> Result<bool, StoreError> {
        self.writer.run(move |transaction| restore::restore(transaction, &record)).await
    }

    fn changes(&self) -> broadcast::Receiver<IncidentId> {
        self.changes.subscribe()
    }
}
