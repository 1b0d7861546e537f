//! How far Mattermost was read, kept across restarts.

use std::time::{Duration, Instant};

use super::super::kept;
use crate::ports::{DocumentKind, Store, StoreError};

/// Where it is kept.
const DOCUMENT: &str = "mattermost/read";

/// When the newest post was written whose question is in the inbox, in the server's milliseconds.
#[derive(Debug)]
pub(super) struct Cursor {
    read: Option<i64>,
    kept: Option<i64>,
    kept_at: Instant,
}

impl Cursor {
    /// As it was kept.
    pub async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let read = kept::text(store, DOCUMENT).await?.and_then(|read| read.parse().ok());
        Ok(Self { read, kept: read, kept_at: Instant::now() })
    }

    /// Up to when all was read; `None` before the first time.
    pub fn read(&self) -> Option<i64> {
        self.read
    }

    /// All up to this moment is in the inbox.
    pub fn advance(&mut self, millis: i64) {
        self.read = Some(self.read.map_or(millis, |read| read.max(millis)));
    }

    /// Whether it moved and was not kept for so long.
    pub fn is_stale(&self, time: Duration) -> bool {
        self.read != self.kept && self.kept_at.elapsed() > time
    }

    /// Keeps it. A failure costs no more than reading a little twice.
    pub async fn keep(&mut self, store: &dyn Store) {
        let Some(read) = self.read.filter(|_| self.read != self.kept) else { return };
        let body = read.to_string().into_bytes();
        match store.write_documents(DocumentKind::Own, vec![(DOCUMENT.to_owned(), Some(body))]).await {
            Ok(()) => self.kept = Some(read),
            Err(error) => tracing::warn!("how far Mattermost was read is not kept: {error:#}"),
        }
        self.kept_at = Instant::now();
    }
}
