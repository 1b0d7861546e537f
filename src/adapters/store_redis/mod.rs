//! State in Redis, for any number of replicas: Redis 7 or Valkey, alone, behind Sentinel, or a Cluster.
//!
//! Every change is one script, so it is atomic: it looks at versions, leases and the audit's head first, and writes only
//! when all of them are as they should be (`lua/`, one file a script, run from the room that it is for: `inbox.rs`, `incidents.rs` …).
//!
//! **One slot.** All keys begin with `{holmes}` (the prefix in braces), which puts them into one slot of a Cluster. A
//! commit touches several incidents, the timers, the outbox, the inbox and the audit's one chain: with a tag for each
//! incident no script could do that, and "all or nothing" would be a protocol of our own. The price is that one node
//! serves the bot; it is far from its limits with a team's alerts (`docs/redis.md` has figures).
//!
//! **The inbox is no Stream.** An event that failed comes again at a given time and not before, the oldest free one comes
//! first, and what is handled vanishes together with its effects. A consumer group knows only how long an entry was idle
//! by its own clock, and cannot put one off. So there are two sorted sets: `ready` by number, `held` by when the hold
//! ends; claiming moves what is due back, so an event of a dead replica is claimed by another as soon as its hold is over.
//! The audit *is* a Stream: entries under rising numbers, which nobody can write out of order.
//!
//! **Clocks.** Times are the caller's. A replica whose clock is ahead may take a lease early; the token that it gets ends
//! the other's right to write, so nothing is written twice.
//!
//! **Keys** (all below the prefix): `meta`; `events`, `attempts`, `arrived`, `ready`, `held`, `dead`, `seen`, `seen_ids`; `timers`,
//! `timer_events`; `leases`, `lease_tokens`; `incident:ID` (version, json, investigation, opened), `posts:ID`,
//! `post_keys:ID`; `by_key`, `fingerprints`; `opened:ORIGIN`, `open:ORIGIN`, `over:ORIGIN`, `resolved`, `changed`;
//! `proposals`, `proposals_of:ID`, `proposals_by_time`; `outbox:CHAT`, `outbox_versions:CHAT`, `outbox_since:CHAT`, `projections:CHAT`,
//! `threads`, `thread_of:CHAT`; `audit`; `documents:KIND`, `document_changes:KIND`; and the channel `changes`.

mod address;
mod args;
mod ask;
mod audit;
mod changes;
mod check;
mod commit;
mod documents;
mod fault;
mod inbox;
mod incidents;
mod link;
mod outbox;
mod proposals;
mod prune;
mod script;
mod thread;
mod timers;

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::broadcast;
use tokio_util::task::AbortOnDropHandle;

pub use self::address::Address;
use self::args::Args;
use self::link::Link;
use self::script::Script;
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

static OPEN: Script = Script::new(include_str!("lua/open.lua"));

/// How records are written; a newer one than this is not read.
const FORMAT: u64 = 1;
/// How long replicas may take to receive what was written, in milliseconds; everybody else waits, too.
const COPIED_WITHIN_MS: u64 = 1000;

/// Where the store is.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// Where Redis is, and who we are to it.
    pub address: Address,
    /// Certificates (PEM) of the authority that signed the server's, where it is not a public one.
    pub ca: Option<Vec<u8>>,
    /// What every key begins with: letters, digits, `.`, `_` and `-`.
    pub prefix: String,
    /// Replicas of Redis that must have received what is acknowledged; 0: none is waited for.
    pub copies: usize,
}

/// See the module.
pub struct RedisStore {
    link: Arc<Link>,
    copies: usize,
    changes: broadcast::Sender<IncidentId>,
    unreadable: Unreadable,
    head: audit::Head,
    _follower: AbortOnDropHandle<()>,
}

impl RedisStore {
    /// Connects.
    ///
    /// # Errors
    /// When Redis cannot be reached or refuses us, or holds what a newer release wrote.
    pub async fn connect(settings: RedisSettings) -> anyhow::Result<Self> {
        let RedisSettings { address, ca, prefix, copies } = settings;
        let open = || format!("open the store {address} (HOLMES_STORE_URL)");
        let link = Arc::new(Link::new(&address, ca, &prefix).with_context(open)?);
        let opened = link.run(&OPEN, &Args::default().number(FORMAT)).await;
        let mut opened = opened.map_err(plain).with_context(open)?;
        if opened.word() == b"denied" {
            return Err(anyhow!(fault::not_permitted(&opened.text()?)).context(open()));
        }
        let format: u64 = opened.number()?;
        anyhow::ensure!(
            format <= FORMAT,
            "the store {address} was written by a newer release (format {format}; this one reads {FORMAT})"
        );
        let (subscription, last) = changes::begin(&link).await.map_err(plain).with_context(open)?;
        let told = broadcast::channel(CHANGES_KEPT).0;
        let follower = changes::follow(Arc::clone(&link), told.clone(), subscription, last);
        let follower = AbortOnDropHandle::new(tokio::spawn(follower));
        Ok(Self {
            link,
            copies,
            changes: told,
            unreadable: Unreadable::default(),
            head: audit::Head::default(),
            _follower: follower,
        })
    }

    /// Waits until enough replicas of Redis have what was written just now, so that a failover does not lose it.
    async fn copied(&self) -> Result<(), StoreError> {
        if self.copies == 0 {
            return Ok(());
        }
        let have = self.link.wait(self.copies, COPIED_WITHIN_MS).await?;
        if have >= self.copies {
            return Ok(());
        }
        let wanted = self.copies;
        Err(anyhow!("{have} of {wanted} replicas of Redis have what was written (HOLMES_REDIS_COPIES)").into())
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn enqueue(&self, event: &Event, now: DateTime<Utc>) -> Result<EventId, StoreError> {
        let id = inbox::enqueue(&self.link, event, now).await?;
        self.copied().await?;
        Ok(id)
    }

    async fn is_known(&self, event: &Event, now: DateTime<Utc>) -> Result<bool, StoreError> {
        inbox::is_known(&self.link, event, now).await
    }

    async fn claim(&self, most: usize, hold: TimeDelta, now: DateTime<Utc>) -> Result<Vec<Claimed>, StoreError> {
        inbox::claim(&self.link, most, hold, now).await
    }

    async fn commit(&self, writes: Vec<Write>, handled: &[EventId], now: DateTime<Utc>) -> Result<(), StoreError> {
        let drafts: Vec<&AuditDraft> = writes.iter().flat_map(|write| &write.audit).collect();
        self.head.write(&self.link, &writes, &drafts, handled, now).await?;
        self.copied().await
    }

    async fn retry(&self, event: EventId, not_before: DateTime<Utc>) -> Result<(), StoreError> {
        inbox::retry(&self.link, event, not_before).await
    }

    async fn bury(&self, event: EventId, reason: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        inbox::bury(&self.link, event, reason, now).await
    }

    async fn inbox(&self) -> Result<InboxState, StoreError> {
        inbox::state(&self.link).await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        inbox::backlog(&self.link).await
    }

    async fn due(&self, most: usize, now: DateTime<Utc>) -> Result<Vec<Timer>, StoreError> {
        timers::due(&self.link, most, now, &self.unreadable).await
    }

    async fn lease(&self, name: &str, hold: TimeDelta, now: DateTime<Utc>) -> Result<Option<Lease>, StoreError> {
        timers::lease(&self.link, name, hold, now).await
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        timers::release(&self.link, lease).await
    }

    async fn incident(&self, id: &IncidentId) -> Result<Option<Versioned<Incident>>, StoreError> {
        incidents::one(&self.link, id).await
    }

    async fn incidents_by_key(&self, keys: &[String]) -> Result<Vec<Versioned<Incident>>, StoreError> {
        incidents::by_key(&self.link, keys).await
    }

    async fn keys_by_fingerprint(&self, fingerprints: &[String]) -> Result<Vec<(String, String)>, StoreError> {
        incidents::keys_by_fingerprint(&self.link, fingerprints).await
    }

    async fn opened_since(&self, since: DateTime<Utc>) -> Result<Vec<Opened>, StoreError> {
        incidents::opened_since(&self.link, since).await
    }

    async fn list(&self, filter: Filter) -> Result<Vec<Incident>, StoreError> {
        incidents::list(&self.link, filter).await
    }

    async fn count_open(&self) -> Result<usize, StoreError> {
        incidents::count_open(&self.link).await
    }

    async fn investigation(&self, id: &IncidentId) -> Result<Option<Investigation>, StoreError> {
        thread::investigation(&self.link, id).await
    }

    async fn thread(&self, id: &IncidentId) -> Result<Vec<Post>, StoreError> {
        thread::read(&self.link, id).await
    }

    async fn proposals(&self, id: &IncidentId) -> Result<Vec<Proposal>, StoreError> {
        proposals::of(&self.link, id).await
    }

    async fn proposal(&self, id: &ProposalId) -> Result<Option<Proposal>, StoreError> {
        proposals::one(&self.link, id).await
    }

    async fn proposals_since(&self, since: DateTime<Utc>) -> Result<Vec<Proposal>, StoreError> {
        proposals::since(&self.link, since).await
    }

    async fn outbox(&self, platform: Platform, most: usize) -> Result<Vec<Undelivered>, StoreError> {
        outbox::read(&self.link, platform, most).await
    }

    async fn delivered(&self, platform: Platform, undelivered: &Undelivered) -> Result<(), StoreError> {
        outbox::delivered(&self.link, platform, undelivered).await
    }

    async fn projection(&self, platform: Platform, id: &IncidentId) -> Result<Versioned<Projection>, StoreError> {
        outbox::projection(&self.link, platform, id).await
    }

    async fn save_projection(
        &self,
        platform: Platform,
        id: &IncidentId,
        projection: &Versioned<Projection>,
    ) -> Result<u64, StoreError> {
        outbox::save_projection(&self.link, platform, id, projection).await
    }

    async fn incident_of(&self, place: &Place, root: &MessageId) -> Result<Option<IncidentId>, StoreError> {
        outbox::incident_of(&self.link, place, root).await
    }

    async fn remember(&self, audit: Vec<AuditDraft>) -> Result<(), StoreError> {
        let Some(last) = audit.last() else { return Ok(()) };
        self.head.write(&self.link, &[], &audit.iter().collect::<Vec<_>>(), &[], last.at).await?;
        self.copied().await
    }

    async fn audit(&self, from: u64, most: usize) -> Result<Vec<AuditEntry>, StoreError> {
        audit::read(&self.link, from, most).await
    }

    async fn prune(&self, before: DateTime<Utc>) -> Result<usize, StoreError> {
        prune::prune(&self.link, before).await
    }

    async fn write_documents(
        &self,
        kind: DocumentKind,
        documents: Vec<(String, Option<Vec<u8>>)>,
    ) -> Result<(), StoreError> {
        documents::write(&self.link, kind, documents).await
    }

    async fn documents(&self, kind: DocumentKind, after: u64) -> Result<Vec<Document>, StoreError> {
        documents::read(&self.link, kind, after).await
    }

    async fn restore(&self, record: Record) -> Result<bool, StoreError> {
        match record {
            Record::Incident(record) => commit::restore_incident(&self.link, &record).await,
            Record::Timer { key, due, event } => commit::restore_timer(&self.link, Timer { key, due, event }).await,
            Record::Document { kind, key, body } => {
                documents::write(&self.link, kind, vec![(key, Some(body))]).await.map(|()| true)
            }
            Record::Audit(entry) => audit::restore(&self.link, entry).await,
        }
    }

    fn changes(&self) -> broadcast::Receiver<IncidentId> {
        self.changes.subscribe()
    }
}

/// Without the words that say that it is the store's error.
fn plain(error: StoreError) -> anyhow::Error {
    match error {
        StoreError::Unavailable(why) => why,
        other => other.into(),
    }
}
