//! Who did what to which incident, in a chain where each entry carries the hash of the one before.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::incident::{IncidentId, hex};

/// Something worth remembering, before it has its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditDraft {
    /// When.
    pub at: DateTime<Utc>,
    /// Who: `holmes`, `api`, `console`, or a person as `platform:id`.
    pub actor: String,
    /// What: `incident.opened`, `incident.resolved`, `investigation.requested`.
    pub action: String,
    /// Which incident.
    pub incident: Option<IncidentId>,
    /// One line more.
    pub detail: String,
}

/// An entry of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Position, from 1, without holes.
    pub seq: u64,
    /// What happened.
    #[serde(flatten)]
    pub draft: AuditDraft,
    /// Hash of the entry before, empty for the first.
    pub previous: String,
    /// SHA-256 over the entry and `previous`, hex.
    pub hash: String,
}

impl AuditEntry {
    /// The entry that follows `last`.
    pub fn after(last: Option<&Self>, draft: AuditDraft) -> Self {
        let seq = last.map_or(1, |entry| entry.seq + 1);
        let previous = last.map(|entry| entry.hash.clone()).unwrap_or_default();
        let hash = hash_of(seq, &draft, &previous);
        Self { seq, draft, previous, hash }
    }
}

fn hash_of(seq: u64, draft: &AuditDraft, previous: &str) -> String {
    let AuditDraft { at, actor, action, incident, detail } = draft;
    let mut hash = Sha256::new();
    let incident = incident.as_ref().map(ToString::to_string).unwrap_or_default();
    for part in [&seq.to_string(), &at.to_rfc3339(), actor, action, &incident, detail, previous] {
        // With its length before it, no part can borrow letters from its neighbour.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// A chain as it is read, entry by entry: remembers where it broke first, and its head.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    head: Option<AuditEntry>,
    count: u64,
    broken_at: Option<u64>,
}

impl Chain {
    /// Takes the next entry. The first may stand midway, after pruning; number 1 follows nothing.
    pub fn add(&mut self, entry: AuditEntry) {
        let whole = entry.hash == hash_of(entry.seq, &entry.draft, &entry.previous);
        let follows = match &self.head {
            Some(last) => entry.seq == last.seq + 1 && entry.previous == last.hash,
            None => (entry.seq == 1) == entry.previous.is_empty(),
        };
        if self.broken_at.is_none() && !(whole && follows) {
            self.broken_at = Some(entry.seq);
        }
        self.count += 1;
        self.head = Some(entry);
    }

    /// Position of the first entry that was changed, removed before, or put in.
    pub fn broken_at(&self) -> Option<u64> {
        self.broken_at
    }

    /// The newest entry.
    pub fn head(&self) -> Option<&AuditEntry> {
        self.head.as_ref()
    }

    /// How many entries were read.
    pub fn count(&self) -> u64 {
        self.count
    }
}

/// Position of the first entry that was changed, removed or put in, if any. `entries` may begin midway, after pruning.
pub fn first_broken(entries: &[AuditEntry]) -> Option<u64> {
    let mut chain = Chain::default();
    entries.iter().cloned().for_each(|entry| chain.add(entry));
    chain.broken_at()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_entry_breaks_the_chain_where_it_stands() {
        let mut chain: Vec<AuditEntry> = Vec::new();
        for detail in ["one", "two", "three"] {
            let draft = AuditDraft {
                at: DateTime::UNIX_EPOCH,
                actor: "holmes".into(),
                action: "incident.opened".into(),
                incident: None,
                detail: detail.into(),
            };
            chain.push(AuditEntry::after(chain.last(), draft));
        }
        assert_eq!(first_broken(&chain), None);
        chain[1].draft.detail = "forged".into();
        assert_eq!(first_broken(&chain), Some(2));
        chain.remove(1);
        assert_eq!(first_broken(&chain), Some(3));
    }
}
