//! Channels by the names that operators write in routes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Ids of channels that were asked for before. An id stays what it is, however a channel is renamed.
#[derive(Debug, Default)]
pub struct Channels {
    known: Mutex<HashMap<String, String>>,
}

impl Channels {
    /// The id of a channel as it is written, if it is known.
    pub fn id(&self, written: &str) -> Option<String> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(written).cloned()
    }

    /// Remembers one. Routes name a few hundred at most.
    pub fn learn(&self, written: &str, id: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(written.to_owned(), id.to_owned());
    }
}
