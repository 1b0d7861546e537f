//! What became of a click or a step, for the person who is told and for the audit.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Proposal, State};
use crate::domain::audit::AuditDraft;
use crate::domain::policy::{Refusal, Terms};

/// A transition's result.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The proposal as it is to be stored; unchanged where nothing happened.
    pub proposal: Proposal,
    /// What happened.
    pub outcome: Outcome,
    /// For the audit. `None` only where nothing happened and nobody asked.
    pub audit: Option<AuditDraft>,
}

/// How far the approvals have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Approvals that count.
    pub have: usize,
    /// The fewest that will be needed in all.
    pub need: usize,
}

/// Why a proposal is void.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Void {
    /// The object is another one, or has changed since it was shown.
    Moved,
    /// The incident is over.
    Resolved,
    /// What is stored is not what was shown.
    Altered,
    /// The policy forbids it now.
    Forbidden {
        /// Its reasons.
        refusals: Vec<Refusal>,
    },
    /// Somebody whose approval was needed may no longer approve.
    RightsLost,
    /// A newer proposal took its place.
    Replaced,
}

impl Void {
    /// The name in texts.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Moved => "moved",
            Self::Resolved => "resolved",
            Self::Altered => "altered",
            Self::Forbidden { .. } => "forbidden",
            Self::RightsLost => "rights_lost",
            Self::Replaced => "replaced",
        }
    }
}

/// What a person is told, or what a step did.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The approval counts, and more are needed.
    Counted {
        /// How far it is.
        progress: Progress,
        /// Who may give what is missing.
        still: Vec<String>,
    },
    /// The approval was the last that was needed.
    Approved {
        /// How many it took.
        progress: Progress,
    },
    /// It is rejected.
    Rejected,
    /// This person's approval counts already.
    Repeated {
        /// How far it is.
        progress: Progress,
    },
    /// Too late: it is decided, and here is by whom and what became of it.
    AlreadyDecided {
        /// Who decided.
        by: Vec<String>,
        /// The state's name.
        state: &'static str,
    },
    /// Too late: nobody decided in time.
    Expired {
        /// When it ended.
        at: DateTime<Utc>,
    },
    /// It is void.
    Superseded {
        /// Why.
        why: Void,
    },
    /// This person may not.
    NotAllowed {
        /// Who may.
        may: Vec<String>,
    },
    /// Nobody approves what they proposed themselves.
    OwnProposal {
        /// Who may, besides them.
        may: Vec<String>,
    },
    /// Perhaps the same person approved on another platform: the policy does not say that they are two.
    Indistinct {
        /// Who approved before.
        other: String,
    },
    /// The policy forbids it now.
    Forbidden {
        /// Why.
        refusals: Vec<Refusal>,
    },
    /// The click belongs to something else than what is proposed: altered, replayed, or an older message.
    Stale,
    /// It cannot be decided there.
    Foreign,
    /// The execution begins.
    Begun {
        /// From 1.
        attempt: u8,
    },
    /// The cluster accepted it.
    Applied,
    /// It failed.
    Failed {
        /// How.
        why: String,
    },
    /// It did what it should.
    Verified,
    /// It did not.
    NotVerified {
        /// What is still wrong.
        why: String,
    },
    /// It was taken back.
    Undone,
    /// Nothing changed.
    Unchanged,
}

impl Outcome {
    /// The key of its sentence in `actions.txt`.
    pub fn phrase(&self) -> &'static str {
        match self {
            Self::Counted { .. } => "outcome.counted",
            Self::Approved { .. } => "outcome.approved",
            Self::Rejected => "outcome.rejected",
            Self::Repeated { .. } => "outcome.repeated",
            Self::AlreadyDecided { .. } => "outcome.already_decided",
            Self::Expired { .. } => "outcome.expired",
            Self::Superseded { .. } => "outcome.superseded",
            Self::NotAllowed { .. } => "outcome.not_allowed",
            Self::OwnProposal { .. } => "outcome.own_proposal",
            Self::Indistinct { .. } => "outcome.indistinct",
            Self::Forbidden { .. } => "outcome.forbidden",
            Self::Stale => "outcome.stale",
            Self::Foreign => "outcome.foreign",
            Self::Begun { .. } => "outcome.begun",
            Self::Applied => "outcome.applied",
            Self::Failed { .. } => "outcome.failed",
            Self::Verified => "outcome.verified",
            Self::NotVerified { .. } => "outcome.not_verified",
            Self::Undone => "outcome.undone",
            Self::Unchanged => "outcome.unchanged",
        }
    }

    /// What its sentence is filled with. The reasons of a refusal are sentences of their own: see [`Refusal::phrase`].
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let progress =
            |progress: &Progress| vec![("have", progress.have.to_string()), ("need", progress.need.to_string())];
        match self {
            Self::Counted { progress: come, still } => {
                let mut facts = progress(come);
                facts.push(("still", still.join(", ")));
                facts
            }
            Self::Approved { progress: come } | Self::Repeated { progress: come } => progress(come),
            Self::AlreadyDecided { by, state } => vec![("by", by.join(", ")), ("state", (*state).to_owned())],
            Self::Expired { at } => vec![("at", at.format("%Y-%m-%d %H:%M UTC").to_string())],
            Self::Superseded { why } => vec![("void", why.as_str().to_owned())],
            Self::NotAllowed { may } | Self::OwnProposal { may } => vec![("may", may.join(", "))],
            Self::Indistinct { other } => vec![("other", other.clone())],
            Self::Begun { attempt } => vec![("attempt", attempt.to_string())],
            Self::Failed { why } | Self::NotVerified { why } => vec![("why", why.clone())],
            Self::Rejected
            | Self::Forbidden { .. }
            | Self::Stale
            | Self::Foreign
            | Self::Applied
            | Self::Verified
            | Self::Undone
            | Self::Unchanged => Vec::new(),
        }
    }
}

impl Proposal {
    /// What somebody is told who comes too late; `None` while it can be decided.
    pub(super) fn too_late(&self) -> Option<Outcome> {
        match &self.state {
            State::Proposed => None,
            State::Rejected { by, .. } => {
                Some(Outcome::AlreadyDecided { by: vec![by.name.clone()], state: self.state.as_str() })
            }
            State::Expired { .. } => Some(Outcome::Expired { at: self.expires_at }),
            State::Superseded { why, .. } => Some(Outcome::Superseded { why: why.clone() }),
            State::Approved { .. }
            | State::Executing { .. }
            | State::Applied { .. }
            | State::Verified { .. }
            | State::NotVerified { .. }
            | State::Undone { .. }
            | State::Failed { .. } => {
                let by = self.votes.iter().map(|vote| vote.person.name.clone()).collect();
                Some(Outcome::AlreadyDecided { by, state: self.state.as_str() })
            }
        }
    }
}

/// Who may approve, as the policy writes them.
pub(super) fn who(terms: &Terms) -> Vec<String> {
    terms.who().into_iter().map(str::to_owned).collect()
}
