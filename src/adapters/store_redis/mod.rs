//! State in Redis, for any number of replicas: Redis 7 or Valkey, alone, behind Sentinel, or a Cluster.
//!
//! Every change is one script, so it is atomic: it looks at versions, leases and the audit's head first, and writes only
//! when all of them are as they should be (`lua/`, one file a script; `commit.rs` has the arguments of the largest).
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
mod changes;
mod check;
mod commit;
mod fault;
mod link;
mod script;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, anyhow};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::broadcast;
use tokio_util::task::AbortOnDropHandle;

pub use self::address::Address;
use self::args::{Answer, Args, from_json, to_json};
use self::commit::{ORIGINS, millis, opened_from, origin_name, post_from, thread_name, thread_of};
use self::link::Link;
use self::script::Script;
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
    Backlog, ChatBacklog, Claimed, Document, DocumentKind, Filter, InboxState, Lease, Record, Store, StoreError, Timer,
    Undelivered, Versioned, Write,
};

/// How records are written; a newer one than this is not read.
const FORMAT: u64 = 1;
/// Events that may wait. At 200 a second it is most of a minute; beyond it Alertmanager is told to come back.
const MAX_WAITING: u64 = 10_000;
/// Bytes of events that may wait: they are in Redis' memory.
const MAX_WAITING_BYTES: u64 = 256 << 20;
/// Changes a slow reader may be behind before it is told that it missed some.
const CHANGES_KEPT: usize = 1024;
/// Times a commit is made anew because another one was faster with its entry in the audit; each time one of them
/// succeeded, and there are as many at once as there are tasks in all replicas.
const MAX_OVERTAKEN: usize = 200;
/// Records asked for at once: bounds how long a script keeps others waiting.
const PAGE: usize = 100;
/// How long replicas may take to receive what was written, in milliseconds; everybody else waits, too.
const COPIED_WITHIN_MS: u64 = 1000;
/// How long a lease that ended is remembered.
const LEASES_KEPT: TimeDelta = TimeDelta::hours(1);

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
    /// The audit's last entry as it was seen last: what a commit guesses that its own entries follow.
    head: Mutex<Option<AuditEntry>>,
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
        let opened = link.run(Script::Open, &Args::default().number(FORMAT)).await;
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
            head: Mutex::default(),
            _follower: follower,
        })
    }

    async fn done(&self, script: Script, args: Args) -> Result<(), StoreError> {
        let answer = self.link.run(script, &args).await?;
        if answer.word() == b"ok" { Ok(()) } else { Err(answer.unknown()) }
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

    fn head(&self) -> std::sync::MutexGuard<'_, Option<AuditEntry>> {
        self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn field(&self, key: &str, field: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.link.query(redis::cmd("HGET").arg(self.link.key(key)).arg(field)).await
    }

    async fn names(&self, command: &str, index: &str, args: &[&str]) -> Result<Vec<String>, StoreError> {
        let mut command = redis::cmd(command);
        command.arg(self.link.key(index));
        for arg in args {
            command.arg(*arg);
        }
        self.link.query(&command).await
    }

    /// The incidents of these ids, by the page.
    async fn incidents(&self, ids: &[String]) -> Result<Vec<Versioned<Incident>>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for page in ids.chunks(PAGE) {
            found.extend(self.find(Script::Incidents, page).await?);
        }
        Ok(found)
    }

    async fn find(&self, script: Script, names: &[String]) -> Result<Vec<Versioned<Incident>>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut args = Args::default();
        for name in names {
            args.put(name);
        }
        let mut answer = self.link.run(script, &args).await?;
        let mut found = Vec::new();
        while !answer.is_over() {
            found.push(Versioned { version: answer.number()?, value: answer.json()? });
        }
        Ok(found)
    }

    async fn rows<T: serde::de::DeserializeOwned>(
        &self,
        rows: &str,
        index: &str,
        since: &str,
    ) -> Result<Vec<T>, StoreError> {
        let args = Args::default().text(rows).text(index).text(since);
        let mut answer = self.link.run(Script::RowsByTime, &args).await?;
        let mut found = Vec::new();
        while !answer.is_over() {
            found.push(answer.json()?);
        }
        Ok(found)
    }

    /// Puts an event aside as it is: whoever mends it has all there was.
    async fn put_aside(&self, id: EventId) -> Result<(), StoreError> {
        self.done(Script::Bury, Args::default().number(id.0).text("").text("")).await
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn enqueue(&self, event: &Event, now: DateTime<Utc>) -> Result<EventId, StoreError> {
        let mut args = Args::default();
        args.put_json(event)?;
        args.put(event.key().unwrap_or_default());
        let args = args
            .number(millis(now))
            .number(millis(now + event.remembered()))
            .number(MAX_WAITING)
            .number(MAX_WAITING_BYTES);
        let mut answer = self.link.run(Script::Enqueue, &args).await?;
        match answer.word() {
            b"ok" => {
                self.copied().await?;
                Ok(EventId(answer.number()?))
            }
            b"full" => Err(StoreError::Full(answer.number()?)),
            _ => Err(answer.unknown()),
        }
    }

    async fn is_known(&self, event: &Event, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let Some(key) = event.key() else { return Ok(false) };
        let mut args = Args::default();
        args.put(key);
        let answer = self.link.run(Script::Known, &args.number(millis(now))).await?;
        match answer.word() {
            b"yes" => Ok(true),
            b"no" => Ok(false),
            _ => Err(answer.unknown()),
        }
    }

    async fn claim(&self, most: usize, hold: TimeDelta, now: DateTime<Utc>) -> Result<Vec<Claimed>, StoreError> {
        let args = Args::default().number(most as u64).number(millis(now)).number(millis(now + hold));
        let mut answer = self.link.run(Script::Claim, &args).await?;
        let mut claimed = Vec::new();
        while !answer.is_over() {
            let (id, attempt, event) = (EventId(answer.number()?), answer.number()?, answer.bytes()?);
            match from_json(&event) {
                Ok(event) => claimed.push(Claimed { id, attempt, event }),
                Err(error) => {
                    tracing::error!(event = %id, "put event {id} aside: {error:#}");
                    self.put_aside(id).await?;
                }
            }
        }
        Ok(claimed)
    }

    async fn commit(&self, writes: Vec<Write>, handled: &[EventId], now: DateTime<Utc>) -> Result<(), StoreError> {
        let drafts: Vec<&AuditDraft> = writes.iter().flat_map(|write| &write.audit).collect();
        self.write(&writes, &drafts, handled, now).await
    }

    async fn retry(&self, event: EventId, not_before: DateTime<Utc>) -> Result<(), StoreError> {
        self.done(Script::Retry, Args::default().number(event.0).number(millis(not_before))).await
    }

    async fn bury(&self, event: EventId, reason: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).context("write a dead letter");
        let (reason, at) = (text(to_json(&reason)?)?, text(to_json(&now)?)?);
        let args = Args::default().number(event.0).text(r#"{"event":"#);
        self.done(Script::Bury, args.text(format!(r#","reason":{reason},"at":{at}}}"#))).await
    }

    async fn inbox(&self) -> Result<InboxState, StoreError> {
        let mut answer = self.link.run(Script::Inbox, &Args::default()).await?;
        Ok(InboxState { waiting: answer.number()?, dead: answer.number()? })
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let mut args = Args::default();
        Platform::ALL.iter().for_each(|platform| args.put(platform.as_str()));
        let mut answer = self.link.run(Script::Backlog, &args).await?;
        let mut backlog = Backlog { event_since: answer.time()?, chats: Vec::new() };
        for platform in Platform::ALL {
            backlog.chats.push(ChatBacklog { platform, waiting: answer.number()?, since: answer.time()? });
        }
        Ok(backlog)
    }

    async fn due(&self, most: usize, now: DateTime<Utc>) -> Result<Vec<Timer>, StoreError> {
        let mut answer = self.link.run(Script::Due, &Args::default().number(most as u64).number(millis(now))).await?;
        let mut due = Vec::new();
        while !answer.is_over() {
            let (key, at) = (answer.text()?, answer.number()?);
            let due_at = DateTime::from_timestamp_millis(at).context("read when a timer is due")?;
            match from_json(&answer.bytes()?) {
                Ok(event) => due.push(Timer { key, due: due_at, event }),
                Err(error) => self.unreadable.skip(&key, &error),
            }
        }
        Ok(due)
    }

    async fn lease(&self, name: &str, hold: TimeDelta, now: DateTime<Utc>) -> Result<Option<Lease>, StoreError> {
        let args = Args::default().text(name).number(millis(now)).number(millis(now + hold));
        let mut answer = self.link.run(Script::Lease, &args.number(millis(now - LEASES_KEPT))).await?;
        match answer.word() {
            b"ok" => Ok(Some(Lease { name: name.to_owned(), token: answer.number()? })),
            b"held" => Ok(None),
            _ => Err(answer.unknown()),
        }
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.done(Script::Release, Args::default().text(&lease.name).number(lease.token)).await
    }

    async fn incident(&self, id: &IncidentId) -> Result<Option<Versioned<Incident>>, StoreError> {
        Ok(self.find(Script::Incidents, std::slice::from_ref(&id.0)).await?.pop())
    }

    async fn incidents_by_key(&self, keys: &[String]) -> Result<Vec<Versioned<Incident>>, StoreError> {
        self.find(Script::IncidentsByKey, keys).await
    }

    async fn keys_by_fingerprint(&self, fingerprints: &[String]) -> Result<Vec<(String, String)>, StoreError> {
        if fingerprints.is_empty() {
            return Ok(Vec::new());
        }
        let mut args = Args::default();
        for fingerprint in fingerprints {
            args.put(fingerprint);
        }
        let mut answer = self.link.run(Script::KeysByFingerprint, &args).await?;
        let mut found = Vec::new();
        while !answer.is_over() {
            found.push((answer.text()?, answer.text()?));
        }
        Ok(found)
    }

    async fn opened_since(&self, since: DateTime<Utc>) -> Result<Vec<Opened>, StoreError> {
        let index = format!("opened:{}", origin_name(Origin::Alerts));
        let mut answer = self.link.run(Script::OpenedSince, &Args::default().text(index).number(millis(since))).await?;
        let mut opened = Vec::new();
        while !answer.is_over() {
            opened.push(opened_from(&answer.bytes()?)?);
        }
        Ok(opened)
    }

    async fn list(&self, filter: Filter) -> Result<Vec<Incident>, StoreError> {
        let index = match filter.status {
            None => "opened",
            Some(IncidentStatus::Open) => "open",
            Some(IncidentStatus::Resolved) => "over",
        };
        let Some(last) = filter.limit.checked_sub(1) else { return Ok(Vec::new()) };
        let last = i64::try_from(last).unwrap_or(i64::MAX).to_string();
        let index = format!("{index}:{}", origin_name(filter.origin));
        let ids = self.names("ZREVRANGE", &index, &["0", &last]).await?;
        Ok(self.incidents(&ids).await?.into_iter().map(|incident| incident.value).collect())
    }

    async fn count_open(&self) -> Result<usize, StoreError> {
        let mut count = 0;
        for origin in ORIGINS {
            let index = self.link.key(&format!("open:{}", origin_name(origin)));
            count += self.link.query::<usize>(redis::cmd("ZCARD").arg(index)).await?;
        }
        Ok(count)
    }

    async fn investigation(&self, id: &IncidentId) -> Result<Option<Investigation>, StoreError> {
        let row = self.field(&format!("incident:{id}"), "investigation").await?;
        Ok(row.map(|row| from_json(&row)).transpose()?)
    }

    async fn thread(&self, id: &IncidentId) -> Result<Vec<Post>, StoreError> {
        let rows: Vec<(u64, Vec<u8>)> =
            self.link.query(redis::cmd("HGETALL").arg(self.link.key(&format!("posts:{id}")))).await?;
        let posts = rows.iter().map(|(seq, row)| post_from(*seq, row));
        let mut posts = posts.collect::<anyhow::Result<Vec<Post>>>()?;
        posts.sort_by_key(|post| post.seq);
        Ok(posts)
    }

    async fn proposals(&self, id: &IncidentId) -> Result<Vec<Proposal>, StoreError> {
        self.rows("proposals", &format!("proposals_of:{id}"), "-inf").await
    }

    async fn proposal(&self, id: &ProposalId) -> Result<Option<Proposal>, StoreError> {
        Ok(self.field("proposals", &id.0).await?.map(|row| from_json(&row)).transpose()?)
    }

    async fn proposals_since(&self, since: DateTime<Utc>) -> Result<Vec<Proposal>, StoreError> {
        self.rows("proposals", "proposals_by_time", &millis(since).to_string()).await
    }

    async fn outbox(&self, platform: Platform, most: usize) -> Result<Vec<Undelivered>, StoreError> {
        let args = Args::default().text(platform.as_str()).number(most as u64);
        let mut answer = self.link.run(Script::Outbox, &args).await?;
        let mut found = Vec::new();
        while !answer.is_over() {
            found.push(Undelivered { incident: IncidentId(answer.text()?), version: answer.number()? });
        }
        Ok(found)
    }

    async fn delivered(&self, platform: Platform, undelivered: &Undelivered) -> Result<(), StoreError> {
        let Undelivered { incident, version } = undelivered;
        let args = Args::default().text(platform.as_str()).text(&incident.0).number(*version);
        self.done(Script::Delivered, args).await
    }

    async fn projection(&self, platform: Platform, id: &IncidentId) -> Result<Versioned<Projection>, StoreError> {
        let Some(row) = self.field(&format!("projections:{platform}"), &id.0).await? else {
            return Ok(Versioned { version: 0, value: Projection::default() });
        };
        let mut answer = Answer::of_row(&row);
        Ok(Versioned { version: answer.number()?, value: answer.json()? })
    }

    async fn save_projection(
        &self,
        platform: Platform,
        id: &IncidentId,
        projection: &Versioned<Projection>,
    ) -> Result<u64, StoreError> {
        let Versioned { version, value } = projection;
        let mut args = Args::default().text(platform.as_str()).text(&id.0).number(*version);
        args.put_json(value)?;
        args.put(thread_of(platform, value));
        let mut answer = self.link.run(Script::SaveProjection, &args).await?;
        match answer.word() {
            b"ok" => Ok(answer.number()?),
            b"conflict" => Err(StoreError::Conflict(id.clone())),
            _ => Err(answer.unknown()),
        }
    }

    async fn incident_of(&self, place: &Place, root: &MessageId) -> Result<Option<IncidentId>, StoreError> {
        let Some(id) = self.field("threads", &thread_name(place, root)).await? else { return Ok(None) };
        Ok(Some(IncidentId(String::from_utf8(id).context("read an incident's name")?)))
    }

    async fn remember(&self, audit: Vec<AuditDraft>) -> Result<(), StoreError> {
        let Some(last) = audit.last() else { return Ok(()) };
        self.write(&[], &audit.iter().collect::<Vec<_>>(), &[], last.at).await
    }

    async fn audit(&self, from: u64, most: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let mut from = from;
        let mut found = Vec::new();
        while found.len() < most {
            let page = PAGE.min(most - found.len());
            let mut answer = self.link.run(Script::Audit, &Args::default().number(from).number(page as u64)).await?;
            if answer.is_over() {
                break;
            }
            while !answer.is_over() {
                let entry: AuditEntry = answer.json()?;
                from = entry.seq + 1;
                found.push(entry);
            }
        }
        Ok(found)
    }

    async fn prune(&self, before: DateTime<Utc>) -> Result<usize, StoreError> {
        let (before, page) = (format!("({}", millis(before)), PAGE.to_string());
        let mut removed = 0;
        loop {
            let ids = self.names("ZRANGEBYSCORE", "resolved", &["-inf", &before, "LIMIT", "0", &page]).await?;
            if ids.is_empty() {
                return Ok(removed);
            }
            let timers = self.timers().await?;
            let mut gone = 0;
            for incident in self.incidents(&ids).await? {
                let of_it = |(_, id): &&(String, IncidentId)| *id == incident.value.id;
                let of_it: Vec<&String> = timers.iter().filter(of_it).map(|(key, _)| key).collect();
                gone += usize::from(self.remove(&incident, &of_it).await?);
            }
            removed += gone;
            // Those that are left were opened again meanwhile.
            if gone == 0 {
                return Ok(removed);
            }
        }
    }

    async fn write_documents(
        &self,
        kind: DocumentKind,
        documents: Vec<(String, Option<Vec<u8>>)>,
    ) -> Result<(), StoreError> {
        let mut args = Args::default().text(kind.as_str()).number(documents.len() as u64);
        for (key, body) in documents {
            args.put(key);
            args.put(document_row(body.as_deref()));
        }
        self.done(Script::WriteDocuments, args).await
    }

    async fn documents(&self, kind: DocumentKind, after: u64) -> Result<Vec<Document>, StoreError> {
        let mut found: Vec<Document> = Vec::new();
        let mut last = after;
        loop {
            let args = Args::default().text(kind.as_str()).number(last).number(PAGE as u64);
            let mut answer = self.link.run(Script::Documents, &args).await?;
            if answer.is_over() {
                break;
            }
            while !answer.is_over() {
                let (key, revision, row) = (answer.text()?, answer.number()?, answer.bytes()?);
                let body = row.strip_prefix(b"1").map(<[u8]>::to_vec);
                last = revision;
                found.push(Document { key, revision, body });
            }
        }
        // One that changed while the pages were read stands on two of them; only its last state counts.
        let newest: std::collections::HashMap<String, u64> =
            found.iter().map(|document| (document.key.clone(), document.revision)).collect();
        found.retain(|document| {
            newest.get(&document.key) == Some(&document.revision) && (document.body.is_some() || after > 0)
        });
        Ok(found)
    }

    async fn restore(&self, record: Record) -> Result<bool, StoreError> {
        let args = match record {
            Record::Incident(record) => commit::restored(&record)?,
            Record::Timer { key, due, event } => commit::restored_timer(Timer { key, due, event })?,
            Record::Document { kind, key, body } => {
                return self.write_documents(kind, vec![(key, Some(body))]).await.map(|()| true);
            }
            Record::Audit(entry) => return self.restore_entry(entry).await,
        };
        Ok(self.link.run(Script::Restore, &args).await?.number::<u64>()? == 1)
    }

    fn changes(&self) -> broadcast::Receiver<IncidentId> {
        self.changes.subscribe()
    }
}

impl RedisStore {
    /// Writes all of it, with what is to be remembered at the end of the audit, wherever that is by then.
    async fn write(
        &self,
        writes: &[Write],
        drafts: &[&AuditDraft],
        handled: &[EventId],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut head = self.head().clone();
        for _ in 0..MAX_OVERTAKEN {
            let mut entries: Vec<AuditEntry> = Vec::with_capacity(drafts.len());
            for draft in drafts {
                entries.push(AuditEntry::after(entries.last().or(head.as_ref()), (*draft).clone()));
            }
            let follows = head.as_ref().map_or("", |entry| entry.hash.as_str());
            let args = commit::arguments(writes, &entries, follows, handled, now)?;
            let mut answer = self.link.run(Script::Commit, &args).await?;
            match answer.word() {
                b"ok" => {
                    if let Some(last) = entries.pop() {
                        *self.head() = Some(last);
                    }
                    return self.copied().await;
                }
                b"conflict" => return Err(StoreError::Conflict(IncidentId(answer.text()?))),
                b"lease" => return Err(StoreError::LeaseLost(answer.text()?)),
                b"head" => {
                    let last = answer.bytes()?;
                    head = if last.is_empty() { None } else { Some(from_json(&last)?) };
                }
                _ => return Err(answer.unknown()),
            }
        }
        Err(StoreError::Unavailable(anyhow!("others were faster with the audit {MAX_OVERTAKEN} times")))
    }

    /// Puts an entry at the end of the audit, if it follows what is there.
    async fn restore_entry(&self, entry: AuditEntry) -> Result<bool, StoreError> {
        let there = self.audit(entry.seq, 1).await?.pop();
        if there.as_ref() == Some(&entry) {
            return Ok(false);
        }
        let (seq, follows) = (entry.seq, entry.previous.clone());
        let args = commit::arguments(&[], &[entry], &follows, &[], DateTime::UNIX_EPOCH)?;
        match self.link.run(Script::Commit, &args).await?.word() {
            b"ok" => Ok(true),
            _ => Err(StoreError::Conflict(IncidentId(format!("audit:{seq}")))),
        }
    }

    /// The timers that belong to an incident, with its id. One that cannot be read may belong to a newer release.
    async fn timers(&self) -> Result<Vec<(String, IncidentId)>, StoreError> {
        let rows: Vec<(String, Vec<u8>)> =
            self.link.query(redis::cmd("HGETALL").arg(self.link.key("timer_events"))).await?;
        let incident = |row: &[u8]| from_json::<Event>(row).ok()?.incident().cloned();
        Ok(rows.into_iter().filter_map(|(key, row)| Some((key, incident(&row)?))).collect())
    }

    /// Removes an incident with its timers, which nothing could clear any more, unless it changed since it was read.
    async fn remove(&self, incident: &Versioned<Incident>, timers: &[&String]) -> Result<bool, StoreError> {
        let Versioned { version, value } = incident;
        let newest = self.find(Script::IncidentsByKey, std::slice::from_ref(&value.key)).await?.pop();
        let held: BTreeSet<&String> = match &newest {
            Some(newest) if newest.value.id != value.id => newest.value.fingerprints().collect(),
            _ => BTreeSet::new(),
        };
        let mut args =
            Args::default().text(&value.id.0).number(*version).text(&value.key).text(origin_name(value.origin));
        args.put(newest.as_ref().map_or("", |newest| newest.value.id.0.as_str()));
        args.put(newest.as_ref().map(|newest| newest.version.to_string()).unwrap_or_default());
        args.put_count(Platform::ALL.len());
        for chat in Platform::ALL {
            args.put(chat.as_str());
        }
        let fingerprints: Vec<&String> = value.fingerprints().filter(|one| !held.contains(one)).collect();
        for names in [&fingerprints[..], timers] {
            args.put_count(names.len());
            for name in names {
                args.put(name);
            }
        }
        Ok(self.link.run(Script::Remove, &args).await?.number::<u64>()? == 1)
    }
}

/// Without the words that say that it is the store's error.
fn plain(error: StoreError) -> anyhow::Error {
    match error {
        StoreError::Unavailable(why) => why,
        other => other.into(),
    }
}

fn document_row(body: Option<&[u8]>) -> Vec<u8> {
    match body {
        Some(body) => [b"1", body].concat(),
        None => b"0".to_vec(),
    }
}
