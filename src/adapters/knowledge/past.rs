//! Remembering incidents that are over, and what is alike among them.

use std::sync::Arc;

use super::base::{Knowledge, past_source};
use crate::domain::past_incident::{Likeness, PastIncident, Signature};
use crate::ports::{DocumentKind, StoreError};

/// Incidents remembered; the oldest are forgotten. At a kilobyte each it is some 20 MB, and years for most.
pub const MAX_PAST: usize = 20_000;
/// Forgotten at once when there are too many, so that not every new one forgets one.
const FORGOTTEN: usize = 500;

impl Knowledge {
    /// Remembers an incident that is over; the same incident again takes its own place.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn remember(&self, past: PastIncident) -> Result<(), StoreError> {
        let past = past.bounded();
        let id = past.id.0.clone();
        let body = serde_json::to_vec(&past).map_err(anyhow::Error::from)?;
        let document = self.past_document(&past);
        let mut changes = vec![(id.clone(), Some(body))];
        let forgotten = self.too_old(&id);
        changes.extend(forgotten.iter().map(|id| (id.clone(), None)));
        self.store.write_documents(DocumentKind::PastIncident, changes).await?;
        {
            let mut memory = self.memory_mut();
            memory.past.insert(id, Arc::new(past));
            for id in &forgotten {
                memory.past.remove(id);
            }
        }
        self.index(vec![document], forgotten.iter().map(|id| past_source(id)).collect()).await;
        self.added.notify_one();
        Ok(())
    }

    /// Past incidents that are like this one, the most alike first, among equals the newest.
    pub fn similar(&self, now: &Signature<'_>) -> Vec<(Likeness, PastIncident)> {
        let memory = self.memory();
        let alike = |past: &Arc<PastIncident>| Some((Likeness::between(now, past)?, PastIncident::clone(past)));
        let mut found: Vec<(Likeness, PastIncident)> = memory.past.values().filter_map(alike).collect();
        found.sort_by(|(a, a_past), (b, b_past)| {
            b.cmp(a).then(b_past.started_at.cmp(&a_past.started_at)).then(a_past.id.cmp(&b_past.id))
        });
        found
    }

    /// All that is remembered, newest first.
    pub fn past_incidents(&self) -> Vec<PastIncident> {
        let mut past: Vec<PastIncident> = self.memory().past.values().map(|past| PastIncident::clone(past)).collect();
        past.sort_by(|a, b| b.started_at.cmp(&a.started_at).then(a.id.cmp(&b.id)));
        past
    }

    /// Who must go when `id` comes.
    fn too_old(&self, id: &str) -> Vec<String> {
        let memory = self.memory();
        if memory.past.contains_key(id) || memory.past.len() < MAX_PAST {
            return Vec::new();
        }
        let mut ages: Vec<_> = memory.past.values().map(|past| (past.started_at, &past.id.0)).collect();
        ages.sort_unstable();
        ages.into_iter().take(FORGOTTEN).map(|(_, id)| id.clone()).collect()
    }
}
