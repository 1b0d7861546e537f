//! A store that can be switched off: every call fails, as when Redis is away or the disk is full.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::anyhow;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use holmes_bot::adapters::store_embedded::EmbeddedStore;
use holmes_bot::domain::audit::{AuditDraft, AuditEntry};
use holmes_bot::domain::chat::{MessageId, Place, Platform};
use holmes_bot::domain::correlate::Opened;
use holmes_bot::domain::event::{Event, EventId};
use holmes_bot::domain::incident::{Incident, IncidentId};
use holmes_bot::domain::investigation::Investigation;
use holmes_bot::domain::post::Post;
use holmes_bot::domain::projection::Projection;
use holmes_bot::domain::proposal::{Proposal, ProposalId};
use holmes_bot::ports::{
    Backlog, Claimed, Document, DocumentKind, Filter, InboxState, Lease, Record, Store, StoreError, Timer, Undelivered,
    Versioned, Write,
};
use tokio::sync::broadcast;

pub struct FailingStore {
    inner: EmbeddedStore,
    is_down: AtomicBool,
    _directory: tempfile::TempDir,
}

impl FailingStore {
    /// One that works, so far.
    pub fn new() -> Arc<Self> {
        let directory = tempfile::tempdir().unwrap();
        let inner = EmbeddedStore::open(directory.path()).unwrap();
        Arc::new(Self { inner, is_down: AtomicBool::new(false), _directory: directory })
    }

    /// From now on it fails, or works again.
    pub fn be_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::Relaxed);
    }

    /// What is in the inbox and not held by anybody.
    pub async fn events(&self) -> Vec<Event> {
        let claimed = self.inner.claim(1000, TimeDelta::hours(1), Utc::now()).await.unwrap();
        claimed.into_iter().map(|claimed| claimed.event).collect()
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.is_down.load(Ordering::Relaxed) { Err(anyhow!("it is away").into()) } else { Ok(()) }
    }
}

#[async_trait]
impl Store for FailingStore {
    async fn enqueue(&self, event: &Event, now: DateTime<Utc>) -> Result<EventId, StoreError> {
        self.check()?;
        self.inner.enqueue(event, now).await
    }

    async fn is_known(&self, event: &Event, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.check()?;
        self.inner.is_known(event, now).await
    }

    async fn claim(&self, most: usize, hold: TimeDelta, now: DateTime<Utc>) -> Result<Vec<Claimed>, StoreError> {
        self.check()?;
        self.inner.claim(most, hold, now).await
    }

    async fn commit(&self, writes: Vec<Write>, handled: &[EventId], now: DateTime<Utc>) -> Result<(), StoreError> {
        self.check()?;
        self.inner.commit(writes, handled, now).await
    }

    async fn retry(&self, event: EventId, not_before: DateTime<Utc>) -> Result<(), StoreError> {
        self.check()?;
        self.inner.retry(event, not_before).await
    }

    async fn bury(&self, event: EventId, reason: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.check()?;
        self.inner.bury(event, reason, now).await
    }

    async fn inbox(&self) -> Result<InboxState, StoreError> {
        self.check()?;
        self.inner.inbox().await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.check()?;
        self.inner.backlog().await
    }

    async fn due(&self, most: usize, now: DateTime<Utc>) -> Result<Vec<Timer>, StoreError> {
        self.check()?;
        self.inner.due(most, now).await
    }

    async fn lease(&self, name: &str, hold: TimeDelta, now: DateTime<Utc>) -> Result<Option<Lease>, StoreError> {
        self.check()?;
        self.inner.lease(name, hold, now).await
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.check()?;
        self.inner.release(lease).await
    }

    async fn incident(&self, id: &IncidentId) -> Result<Option<Versioned<Incident>>, StoreError> {
        self.check()?;
        self.inner.incident(id).await
    }

    async fn incidents_by_key(&self, keys: &[String]) -> Result<Vec<Versioned<Incident>>, StoreError> {
        self.check()?;
        self.inner.incidents_by_key(keys).await
    }

    async fn keys_by_fingerprint(&self, fingerprints: &[String]) -> Result<Vec<(String, String)>, StoreError> {
        self.check()?;
        self.inner.keys_by_fingerprint(fingerprints).await
    }

    async fn opened_since(&self, since: DateTime<Utc>) -> Result<Vec<Opened>, StoreError> {
        self.check()?;
        self.inner.opened_since(since).await
    }

    async fn list(&self, filter: Filter) -> Result<Vec<Incident>, StoreError> {
        self.check()?;
        self.inner.list(filter).await
    }

    async fn count_open(&self) -> Result<usize, StoreError> {
        self.check()?;
        self.inner.count_open().await
    }

    async fn investigation(&self, id: &IncidentId) -> Result<Option<Investigation>, StoreError> {
        self.check()?;
        self.inner.investigation(id).await
    }

    async fn thread(&self, id: &IncidentId) -> Result<Vec<Post>, StoreError> {
        self.check()?;
        self.inner.thread(id).await
    }

    async fn proposals(&self, id: &IncidentId) -> Result<Vec<Proposal>, StoreError> {
        self.check()?;
        self.inner.proposals(id).await
    }

    async fn proposal(&self, id: &ProposalId) -> Result<Option<Proposal>, StoreError> {
        self.check()?;
        self.inner.proposal(id).await
    }

    async fn proposals_since(&self, since: DateTime<Utc>) -> Result<Vec<Proposal>, StoreError> {
        self.check()?;
        self.inner.proposals_since(since).await
    }

    async fn outbox(&self, platform: Platform, most: usize) -> Result<Vec<Undelivered>, StoreError> {
        self.check()?;
        self.inner.outbox(platform, most).await
    }

    async fn delivered(&self, platform: Platform, undelivered: &Undelivered) -> Result<(), StoreError> {
        self.check()?;
        self.inner.delivered(platform, undelivered).await
    }

    async fn projection(&self, platform: Platform, id: &IncidentId) -> Result<Versioned<Projection>, StoreError> {
        self.check()?;
        self.inner.projection(platform, id).await
    }

    async fn save_projection(
        &self,
        platform: Platform,
        id: &IncidentId,
        projection: &Versioned<Projection>,
    ) -> Result<u64, StoreError> {
        self.check()?;
        self.inner.save_projection(platform, id, projection).await
    }

    async fn incident_of(&self, place: &Place, root: &MessageId) -> Result<Option<IncidentId>, StoreError> {
        self.check()?;
        self.inner.incident_of(place, root).await
    }

    async fn remember(&self, audit: Vec<AuditDraft>) -> Result<(), StoreError> {
        self.check()?;
        self.inner.remember(audit).await
    }

    async fn audit(&self, from: u64, most: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.check()?;
        self.inner.audit(from, most).await
    }

    async fn prune(&self, before: DateTime<Utc>) -> Result<usize, StoreError> {
        self.check()?;
        self.inner.prune(before).await
    }

    async fn write_documents(
        &self,
        kind: DocumentKind,
        documents: Vec<(String, Option<Vec<u8>>)>,
    ) -> Result<(), StoreError> {
        self.check()?;
        self.inner.write_documents(kind, documents).await
    }

    async fn documents(&self, kind: DocumentKind, after: u64) -> Result<Vec<Document>, StoreError> {
        self.check()?;
        self.inner.documents(kind, after).await
    }

    async fn restore(&self, record: Record) -> Result<bool, StoreError> {
        self.check()?;
        self.inner.restore(record).await
    }

    fn changes(&self) -> broadcast::Receiver<IncidentId> {
        self.inner.changes()
    }
}
