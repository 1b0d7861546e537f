//! Callbacks that were refused, in the audit: forged, replayed, expired, wrongly signed. One entry for each source and
//! minute with how many there were, so that whoever sends thousands writes no more than that; the log has each.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use crate::domain::audit::AuditDraft;
use crate::domain::text;
use crate::ports::{Clock, Store, StoreError};

/// How often they are written down.
const EVERY: Duration = Duration::from_secs(60);
/// Sources that have an entry of their own in a minute: with the one for all others at most 9 entries of about 400 bytes,
/// so a whole day of forging from everywhere adds 5 MiB.
const MAX_SOURCES: usize = 8;
/// The source of what came from more places than that.
const OTHERS: &str = "others";
/// Longest reason that is kept, in bytes.
const MAX_REASON_BYTES: usize = 250;

/// Whoever sent a request, as far as the connection tells: with a proxy in between it is that.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip())))
    }
}

/// Refusals of the running minute.
pub struct Refusals {
    store: Arc<dyn Store>,
    clock: Clock,
    /// By kind of callback and source.
    tallies: Mutex<BTreeMap<(String, String), Tally>>,
}

#[derive(Debug, Clone)]
struct Tally {
    count: u64,
    since: DateTime<Utc>,
    /// Of the first of them.
    reason: String,
}

impl Refusals {
    /// None yet.
    pub fn new(store: Arc<dyn Store>, clock: Clock) -> Self {
        Self { store, clock, tallies: Mutex::default() }
    }

    /// One was refused: `of` is the kind of callback (`mattermost click`), `why` for people, who it claimed to be included.
    pub fn note(&self, of: &str, Peer(peer): Peer, why: &str) {
        let source = peer.map_or_else(|| "unknown".to_owned(), |peer| peer.to_string());
        let reason = text::line(why, MAX_REASON_BYTES);
        self.add((of.to_owned(), source), Tally { count: 1, since: (self.clock)(), reason });
    }

    fn add(&self, key: (String, String), tally: Tally) {
        let mut tallies = self.tallies();
        let is_new = !tallies.contains_key(&key);
        let key = if is_new && tallies.len() >= MAX_SOURCES { (OTHERS.to_owned(), OTHERS.to_owned()) } else { key };
        match tallies.entry(key) {
            Entry::Occupied(mut there) => there.get_mut().count += tally.count,
            Entry::Vacant(free) => {
                free.insert(tally);
            }
        }
    }

    fn tallies(&self) -> MutexGuard<'_, BTreeMap<(String, String), Tally>> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down what was refused since the last time.
    ///
    /// # Errors
    /// When the store does not take it; it is kept for the next time then.
    pub async fn write_down(&self) -> Result<(), StoreError> {
        let tallies = std::mem::take(&mut *self.tallies());
        if tallies.is_empty() {
            return Ok(());
        }
        let entry = |((of, source), tally): (&(String, String), &Tally)| AuditDraft {
            at: tally.since,
            actor: format!("peer:{source}"),
            action: "callback.refused".into(),
            incident: None,
            detail: format!("{of}: {} within a minute; the first: {}", tally.count, tally.reason),
        };
        let written = self.store.remember(tallies.iter().map(entry).collect()).await;
        if written.is_err() {
            tallies.into_iter().for_each(|(key, tally)| self.add(key, tally));
        }
        written
    }

    /// Writes them down every minute, and what is left when the bot stops.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = stop.cancelled() => {}
            }
            if let Err(error) = self.write_down().await {
                tracing::warn!("refused callbacks are not in the audit yet: {error:#}");
            }
        }
    }
}
