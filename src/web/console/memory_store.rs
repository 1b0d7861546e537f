//! A store that holds what tests put in, for the methods that the console calls.

use std::sync::Mutex;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::broadcast;

use crate::domain::audit::{AuditDraft, AuditEntry};
use crate::domain::chat::{MessageId, Place, Platform};
use crate::domain::correlate::Opened;
use crate::domain::event::{Event, EventId};
use crate::domain::incident::{Incident, IncidentId, IncidentStatus};
use crate::domain::investigation::Investigation;
use crate::domain::post::Post;
use crate::domain::projection::Projection;
use crate::domain::proposal::{Proposal, ProposalId};
use crate::ports::{
    Backlog, Claimed, Document, DocumentKind, Filter, InboxState, Lease, Record, Store, StoreError, Timer, Undelivered,
    Versioned, Write,
};

/// See the module.
pub struct MemoryStore {
    pub incidents: Vec<(Incident, Investigation, Vec<Post>)>,
    pub enqueued: Mutex<Vec<Event>>,
    pub inbox: InboxState,
    pub is_full: bool,
    pub changes: broadcast::Sender<IncidentId>,
}

impl MemoryStore {
    pub fn new(incidents: Vec<(Incident, Investigation, Vec<Post>)>) -> Self {
        Self {
            incidents,
            enqueued: Mutex::default(),
            inbox: InboxState::default(),
            is_full: false,
            changes: broadcast::Sender::new(16),
        }
    }

    fn find(&self, id: &IncidentId) -> Option<&(Incident, Investigation, Vec<Post>)> {
        self.incidents.iter().find(|(incident, ..)| incident.id == *id)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn enqueue(&self, event: &Event, _now: DateTime<Utc>) -> Result<EventId, StoreError> {
        if self.is_full {
            return Err(StoreError::Full(1));
        }
        let mut enqueued = self.enqueued.lock().unwrap();
        enqueued.push(event.clone());
        Ok(EventId(enqueued.len() as u64))
    }

    async fn inbox(&self) -> Result<InboxState, StoreError> {
        Ok(self.inbox)
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        Ok(Backlog::default())
    }

    async fn incident(&self, id: &IncidentId) -> Result<Option<Versioned<Incident>>, StoreError> {
        Ok(self.find(id).map(|(incident, ..)| Versioned { version: 1, value: incident.clone() }))
    }

    async fn list(&self, filter: Filter) -> Result<Vec<Incident>, StoreError> {
        let all = self.incidents.iter().map(|(incident, ..)| incident);
        let all = all.filter(|incident| incident.origin == filter.origin);
        let wanted = all.filter(|incident| filter.status.is_none_or(|status| incident.status == status));
        Ok(wanted.take(filter.limit).cloned().collect())
    }

    async fn count_open(&self) -> Result<usize, StoreError> {
        Ok(self.incidents.iter().filter(|(incident, ..)| incident.status == IncidentStatus::Open).count())
    }

    async fn investigation(&self, id: &IncidentId) -> Result<Option<Investigation>, StoreError> {
        Ok(self.find(id).map(|(_, investigation, _)| investigation.clone()))
    }

    async fn thread(&self, id: &IncidentId) -> Result<Vec<Post>, StoreError> {
        Ok(self.find(id).map(|(.., thread)| thread.clone()).unwrap_or_default())
    }

    fn changes(&self) -> broadcast::Receiver<IncidentId> {
        self.changes.subscribe()
    }

    async fn documents(&self, _: DocumentKind, _: u64) -> Result<Vec<Document>, StoreError> {
        Ok(Vec::new())
    }

    async fn proposals(&self, _: &IncidentId) -> Result<Vec<Proposal>, StoreError> {
        Ok(Vec::new())
    }

    async fn write_documents(&self, _: DocumentKind, _: Vec<(String, Option<Vec<u8>>)>) -> Result<(), StoreError> {
        unreachable!("the console writes no documents")
    }
    async fn claim(&self, _: usize, _: TimeDelta, _: DateTime<Utc>) -> Result<Vec<Claimed>, StoreError> {
        unreachable!("the console does not claim")
    }
    async fn commit(&self, _: Vec<Write>, _: &[EventId], _: DateTime<Utc>) -> Result<(), StoreError> {
        unreachable!("the console does not commit")
    }
    async fn retry(&self, _: EventId, _: DateTime<Utc>) -> Result<(), StoreError> {
        unreachable!("the console does not retry")
    }
    async fn bury(&self, _: EventId, _: &str, _: DateTime<Utc>) -> Result<(), StoreError> {
        unreachable!("the console does not bury")
    }
    async fn due(&self, _: usize, _: DateTime<Utc>) -> Result<Vec<Timer>, StoreError> {
        unreachable!("the console has no timers")
    }
    async fn restore(&self, _: Record) -> Result<bool, StoreError> {
        unreachable!("the console restores nothing")
    }
    async fn lease(&self, _: &str, _: TimeDelta, _: DateTime<Utc>) -> Result<Option<Lease>, StoreError> {
        unreachable!("the console takes no leases")
    }
    async fn release(&self, _: &Lease) -> Result<(), StoreError> {
        unreachable!("the console takes no leases")
    }
    async fn incidents_by_key(&self, _: &[String]) -> Result<Vec<Versioned<Incident>>, StoreError> {
        unreachable!("the console does not correlate")
    }
    async fn keys_by_fingerprint(&self, _: &[String]) -> Result<Vec<(String, String)>, StoreError> {
        unreachable!("the console does not correlate")
    }
    async fn opened_since(&self, _: DateTime<Utc>) -> Result<Vec<Opened>, StoreError> {
        unreachable!("the console does not correlate")
    }
    async fn proposal(&self, _: &ProposalId) -> Result<Option<Proposal>, StoreError> {
        unreachable!("the console reads the proposals of an incident")
    }
    async fn proposals_since(&self, _: DateTime<Utc>) -> Result<Vec<Proposal>, StoreError> {
        unreachable!("the console counts no executions")
    }
    async fn outbox(&self, _: Platform, _: usize) -> Result<Vec<Undelivered>, StoreError> {
        unreachable!("the console is no chat")
    }
    async fn delivered(&self, _: Platform, _: &Undelivered) -> Result<(), StoreError> {
        unreachable!("the console is no chat")
    }
    async fn projection(&self, _: Platform, _: &IncidentId) -> Result<Versioned<Projection>, StoreError> {
        unreachable!("the console is no chat")
    }
    async fn save_projection(&self, _: Platform, _: &IncidentId, _: &Versioned<Projection>) -> Result<u64, StoreError> {
        unreachable!("the console is no chat")
    }
    async fn incident_of(&self, _: &Place, _: &MessageId) -> Result<Option<IncidentId>, StoreError> {
        unreachable!("the console is no chat")
    }
    async fn is_known(&self, event: &Event, _: DateTime<Utc>) -> Result<bool, StoreError> {
        let enqueued = self.enqueued.lock().unwrap();
        Ok(event.key().is_some() && enqueued.iter().any(|known| known.key() == event.key()))
    }

    async fn remember(&self, _: Vec<AuditDraft>) -> Result<(), StoreError> {
        unreachable!("the console remembers nothing by itself")
    }

    async fn audit(&self, _: u64, _: usize) -> Result<Vec<AuditEntry>, StoreError> {
        unreachable!("the console shows no audit")
    }
    async fn prune(&self, _: DateTime<Utc>) -> Result<usize, StoreError> {
        unreachable!("the console does not prune")
    }
}
