//! One entry of an incident's thread, the truth that every chat projects.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::evidence::EvidenceId;

/// What an entry is for; chats choose its looks by this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PostKind {
    /// The root: what happened, where, since when. Edited as the state changes.
    Root,
    /// What the bot is doing; one per incident, edited.
    Status,
    /// A piece of evidence.
    Evidence,
    /// Likely cause, findings and what to check.
    Report,
    /// The runbook that fits.
    Runbook,
    /// Alerts joined, resolved, or the incident re-opened.
    Update,
    /// Other incidents that share the cause.
    Related,
    /// All is over.
    Resolved,
    /// A person asked something.
    Question,
    /// What the model answers; edited while it writes.
    Answer,
    /// An action put to people, edited as it is decided, done and verified. Its key is `proposal:` and the proposal's id.
    Proposal,
}

/// An entry to write. The same `key` edits the same entry, so that doing it twice changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostDraft {
    /// Names the entry within its thread: `root`, `status`, `evidence:E3`, `resolved:2`.
    pub key: String,
    /// What it is for.
    pub kind: PostKind,
    /// Who says it: `holmes` or a person.
    pub author: String,
    /// Markdown: a small subset (bold, code, lists, links), strangers' text already escaped.
    pub text: String,
    /// Evidence whose chart or table belongs beside the text.
    pub evidence: Vec<EvidenceId>,
    /// When it was said.
    pub at: DateTime<Utc>,
}

/// An entry as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// Position in the thread, from 1, stable across edits.
    pub seq: u64,
    /// Rises with every edit, from 1.
    pub revision: u64,
    /// When it was last changed.
    pub edited_at: DateTime<Utc>,
    /// What was said; `at` is when it was first said.
    #[serde(flatten)]
    pub draft: PostDraft,
}
