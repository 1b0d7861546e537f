//! Where state lives.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::broadcast;

use super::Record;
use crate::domain::audit::{AuditDraft, AuditEntry};
use crate::domain::chat::{MessageId, Place, Platform};
use crate::domain::correlate::Opened;
use crate::domain::event::{Event, EventId};
use crate::domain::incident::{Incident, IncidentId, IncidentStatus, Origin};
use crate::domain::investigation::Investigation;
use crate::domain::post::{Post, PostDraft};
use crate::domain::projection::Projection;
use crate::domain::proposal::{Proposal, ProposalId};

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The inbox holds as much as it may; the sender should try again.
    #[error("the inbox is full ({0} events wait)")]
    Full(usize),
    /// Somebody else changed the incident since it was read; read it again.
    #[error("incident {0} was changed by somebody else")]
    Conflict(IncidentId),
    /// The lease ended, or somebody else holds it.
    #[error("the lease on {0} is lost")]
    LeaseLost(String),
    /// Disk full, connection lost, file damaged: nothing was written.
    #[error("the store is unavailable: {0}")]
    Unavailable(#[from] anyhow::Error),
}

/// Events that may wait. At 200 a second it is most of a minute; beyond it Alertmanager is told to come back.
pub const MAX_WAITING: u64 = 10_000;
/// Bytes of events that may wait: a storm's bodies, well under the smallest disk or memory that one would give a store.
pub const MAX_WAITING_BYTES: u64 = 256 * 1024 * 1024;
/// Changes a slow reader may be behind before it is told that it missed some.
pub const CHANGES_KEPT: usize = 1024;

/// A record with the version it was read at.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<T> {
    /// 0 for one that was never stored.
    pub version: u64,
    /// The record.
    pub value: T,
}

/// An event taken from the inbox for a while.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// Its number.
    pub id: EventId,
    /// How often it was claimed, this time included.
    pub attempt: u32,
    /// What happened.
    pub event: Event,
}

/// An event that is due at a time; the same `key` replaces the one before.
#[derive(Debug, Clone, PartialEq)]
pub struct Timer {
    /// Names it: `investigate:i-3f9a1c07be`.
    pub key: String,
    /// When.
    pub due: DateTime<Utc>,
    /// What happens then.
    pub event: Event,
}

/// The right to work on something alone for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// On what: an incident's id.
    pub name: String,
    /// Rises with every holder; a write with an older token than the newest is refused.
    pub token: u64,
}

/// What changes in one incident, all or nothing.
#[derive(Debug, Clone)]
pub struct Write {
    /// The incident as it shall be, with the version it was read at (0: new).
    pub incident: Versioned<Incident>,
    /// Entries to add to its thread, or to edit.
    pub posts: Vec<PostDraft>,
    /// The newest investigation, if it changed.
    pub investigation: Option<Investigation>,
    /// Proposals that are new or changed.
    pub proposals: Vec<Proposal>,
    /// Timers to set.
    pub timers: Vec<Timer>,
    /// Timers to clear, by key.
    pub cleared: Vec<String>,
    /// What to remember.
    pub audit: Vec<AuditDraft>,
    /// Chats that shall show what changed: it stands in their outbox from this write on.
    pub chats: Vec<Platform>,
    /// The lease under which it is written, where one is held.
    pub lease: Option<Lease>,
}

impl Write {
    /// A write of the incident and nothing else.
    pub fn new(incident: Versioned<Incident>) -> Self {
        Self {
            incident,
            posts: Vec::new(),
            investigation: None,
            proposals: Vec::new(),
            timers: Vec::new(),
            cleared: Vec::new(),
            audit: Vec::new(),
            chats: Vec::new(),
            lease: None,
        }
    }
}

/// Which incidents to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filter {
    /// `None`: all.
    pub status: Option<IncidentStatus>,
    /// Why they are there.
    pub origin: Origin,
    /// At most so many, newest first.
    pub limit: usize,
}

/// What a document is; each kind is listed apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// A note.
    Note,
    /// What is remembered of an incident that is over.
    PastIncident,
    /// A vector that an embeddings server made of a text.
    Vector,
    /// A file that we gave to Open WebUI.
    Upload,
    /// What the bot keeps for itself: a key that it made, how far it has read.
    Own,
}

impl DocumentKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Note, Self::PastIncident, Self::Vector, Self::Upload, Self::Own];

    /// The name under which it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::PastIncident => "past_incident",
            Self::Vector => "vector",
            Self::Upload => "upload",
            Self::Own => "own",
        }
    }
}

/// A record of its own, which belongs to no incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Names it within its kind.
    pub key: String,
    /// Rises with every change of any document, so that a reader can ask for what is new.
    pub revision: u64,
    /// What it holds; `None` for one that was deleted.
    pub body: Option<Vec<u8>>,
}

/// How full the inbox is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InboxState {
    /// Events not yet handled.
    pub waiting: usize,
    /// Events given up after too many attempts.
    pub dead: usize,
}

/// What waits, and since when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    /// When the event came that waits longest, whether it is tried right now or not.
    pub event_since: Option<DateTime<Utc>>,
    /// What each chat does not show yet; a chat that shows all may be missing.
    pub chats: Vec<ChatBacklog>,
}

/// What one chat does not show yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatBacklog {
    /// Which.
    pub platform: Platform,
    /// Incidents in its outbox.
    pub waiting: usize,
    /// When the one that waits longest was put there.
    pub since: Option<DateTime<Utc>>,
}

/// An incident that a chat does not yet show as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// Which.
    pub incident: IncidentId,
    /// Its version when it was put into the outbox the last time.
    pub version: u64,
}

/// Where state lives. Every method is atomic; `now` is always the caller's clock.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Stores an event durably; when this returns, it will be handled even if the process dies. An event whose
    /// [`Event::key`] was stored within its [`Event::remembered`] is the same event: it is not stored again.
    async fn enqueue(&self, event: &Event, now: DateTime<Utc>) -> Result<EventId, StoreError>;

    /// Whether an event of the same [`Event::key`] was stored within its [`Event::remembered`].
    async fn is_known(&self, event: &Event, now: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Takes the oldest events that nobody holds, at most `most`, for `hold`.
    async fn claim(&self, most: usize, hold: TimeDelta, now: DateTime<Utc>) -> Result<Vec<Claimed>, StoreError>;

    /// Writes incidents and marks events as handled. Each incident is written whole or not at all; events are marked
    /// only after every incident was written.
    async fn commit(&self, writes: Vec<Write>, handled: &[EventId], now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Gives an event back, to be claimed again from `not_before` on.
    async fn retry(&self, event: EventId, not_before: DateTime<Utc>) -> Result<(), StoreError>;

    /// Gives an event up and keeps it with the reason.
    async fn bury(&self, event: EventId, reason: &str, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// How full the inbox is.
    async fn inbox(&self) -> Result<InboxState, StoreError>;

    /// What waits, and since when: a few looks, whatever waits.
    async fn backlog(&self) -> Result<Backlog, StoreError>;

    /// Timers that are due, the earliest first, at most `most`. They stay until a [`Write`] clears them.
    async fn due(&self, most: usize, now: DateTime<Utc>) -> Result<Vec<Timer>, StoreError>;

    /// Takes the lease on `name` for `hold` unless somebody holds it.
    async fn lease(&self, name: &str, hold: TimeDelta, now: DateTime<Utc>) -> Result<Option<Lease>, StoreError>;

    /// Gives a lease back; one that was lost meanwhile is left alone.
    async fn release(&self, lease: &Lease) -> Result<(), StoreError>;

    /// One incident.
    async fn incident(&self, id: &IncidentId) -> Result<Option<Versioned<Incident>>, StoreError>;

    /// The newest incident of each key, for keys that have one.
    async fn incidents_by_key(&self, keys: &[String]) -> Result<Vec<Versioned<Incident>>, StoreError>;

    /// For each fingerprint that is known, the key of the newest incident that holds it.
    async fn keys_by_fingerprint(&self, fingerprints: &[String]) -> Result<Vec<(String, String)>, StoreError>;

    /// Incidents opened since, for counting storms.
    async fn opened_since(&self, since: DateTime<Utc>) -> Result<Vec<Opened>, StoreError>;

    /// Incidents by when they opened, newest first.
    async fn list(&self, filter: Filter) -> Result<Vec<Incident>, StoreError>;

    /// How many incidents are open.
    async fn count_open(&self) -> Result<usize, StoreError>;

    /// The newest investigation of an incident.
    async fn investigation(&self, id: &IncidentId) -> Result<Option<Investigation>, StoreError>;

    /// The thread of an incident in order.
    async fn thread(&self, id: &IncidentId) -> Result<Vec<Post>, StoreError>;

    /// The proposals of an incident, oldest first. Whoever wants to change one reads the incident before it: a write at
    /// the incident's version then fails if the proposal was changed meanwhile.
    async fn proposals(&self, id: &IncidentId) -> Result<Vec<Proposal>, StoreError>;

    /// One proposal, whosever it is.
    async fn proposal(&self, id: &ProposalId) -> Result<Option<Proposal>, StoreError>;

    /// Proposals of all incidents that were made since, oldest first, for counting what was done lately.
    async fn proposals_since(&self, since: DateTime<Utc>) -> Result<Vec<Proposal>, StoreError>;

    /// Incidents that a chat does not yet show as they are, those that wait longest first, at most `most`.
    async fn outbox(&self, platform: Platform, most: usize) -> Result<Vec<Undelivered>, StoreError>;

    /// Takes an incident out of a chat's outbox, unless it changed again meanwhile.
    async fn delivered(&self, platform: Platform, undelivered: &Undelivered) -> Result<(), StoreError>;

    /// What a chat shows of an incident; version 0 and empty where it shows nothing yet.
    async fn projection(&self, platform: Platform, id: &IncidentId) -> Result<Versioned<Projection>, StoreError>;

    /// Keeps what a chat shows, at the version it was read at; gives the new version. With the root's message known, the
    /// incident is found by it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else changed it since.
    async fn save_projection(
        &self,
        platform: Platform,
        id: &IncidentId,
        projection: &Versioned<Projection>,
    ) -> Result<u64, StoreError>;

    /// The incident whose thread begins with a message.
    async fn incident_of(&self, place: &Place, root: &MessageId) -> Result<Option<IncidentId>, StoreError>;

    /// Adds to the audit what belongs to no incident's change.
    async fn remember(&self, audit: Vec<AuditDraft>) -> Result<(), StoreError>;

    /// The audit chain from `seq` on, at most `most` entries.
    async fn audit(&self, from: u64, most: usize) -> Result<Vec<AuditEntry>, StoreError>;

    /// Removes incidents that resolved before `before`, with all that belongs to them; says how many.
    async fn prune(&self, before: DateTime<Utc>) -> Result<usize, StoreError>;

    /// Writes documents of one kind by key, all or none; `None` deletes. One that holds the same already stays as it is.
    async fn write_documents(
        &self,
        kind: DocumentKind,
        documents: Vec<(String, Option<Vec<u8>>)>,
    ) -> Result<(), StoreError>;

    /// The documents of a kind that changed after a revision, oldest change first, deleted ones among them. After 0: all
    /// that there are, without the deleted.
    async fn documents(&self, kind: DocumentKind, after: u64) -> Result<Vec<Document>, StoreError>;

    /// Puts back what was taken out of another store, as it was; `false` where it is already. The audit goes on only where
    /// it ended: what follows something else is refused as [`StoreError::Conflict`].
    async fn restore(&self, record: Record) -> Result<bool, StoreError>;

    /// Tells which incidents change, from now on. A slow reader misses some and is told so.
    fn changes(&self) -> broadcast::Receiver<IncidentId>;
}
