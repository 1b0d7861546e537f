//! A proposal: an action put to people, bound to what they were shown, and what became of it.
//!
//! ```text
//! Proposed ──n of m──▶ Approved ──▶ Executing{attempt} ──▶ Applied ──▶ Verified | NotVerified ──▶ Undone
//!    └──▶ Rejected, Expired, Superseded ◀──┘    └──▶ Failed
//! ```
//!
//! Every transition is a pure function from the stored value and what happened to the next value, an [`Outcome`] that
//! the person is told, and an audit entry. Whoever calls it stores the result at the version that was read; that two
//! replicas transition at once is decided there. The only way to an [`Approved`], without which nothing in the cluster
//! can be changed, is [`Proposal::begin`] and its repetition after a crash, [`Proposal::resume`].

pub mod approved;
pub mod decide;
pub mod execute;
pub mod outcome;
pub mod shown;
pub mod watch;

mod audit;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use approved::Approved;
pub use decide::{Choice, Circumstances, Click};
pub use execute::{Begun, Done, ExecutionFailed, Groups, Sight, Verdict};
pub use outcome::{Outcome, Progress, Step, Void};
pub use shown::{Diff, Managed, Snapshot};
pub use watch::{Seen, Watch};

use super::action::{Action, ActionError, Before, Risk};
use super::audit::AuditDraft;
use super::evidence::EvidenceId;
use super::incident::{IncidentId, hex};
use super::policy::{DEFAULT_EXPIRY, MAX_EXPIRY, Person, Principal, Recent};
use super::text;

/// The reason of a proposal that takes another back: a section of `templates/<language>/actions.txt`.
pub const UNDO_REASON: &str = "why.undo";
/// Most attempts at one execution: each follows a crash, and three crashes in a row are a fault of their own.
pub const MAX_ATTEMPTS: u8 = 3;
/// Notes kept with one proposal.
const MAX_NOTES: usize = 10;
/// People whose last word is kept with one proposal.
const MAX_TOLD: usize = 10;
/// Votes kept on one proposal.
const MAX_VOTES: usize = 50;

/// A proposal's name, e.g. `p-3f9a1c07be`. Made from what it proposes, so that proposing twice proposes once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ProposalId(pub String);

/// How the keys of entries begin that show a proposal.
const POST: &str = "proposal:";

impl ProposalId {
    /// The key of the thread's entry that shows it.
    pub fn post_key(&self) -> String {
        format!("{POST}{}", self.0)
    }

    /// The proposal that the entry of this key shows.
    pub fn of_post(key: &str) -> Option<Self> {
        key.strip_prefix(POST).map(|id| Self(id.to_owned()))
    }
}

impl std::fmt::Display for ProposalId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who put it forward.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum ProposedBy {
    /// The analysers, by their findings.
    Analysis,
    /// The runbook of this id.
    Runbook {
        /// Its id.
        id: String,
    },
    /// The model.
    Model,
    /// A person.
    Person {
        /// Who.
        person: Person,
    },
    /// The way back of another proposal that did not help.
    Undo {
        /// The other.
        of: ProposalId,
    },
}

/// Why it was put forward.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Why {
    /// The section of `actions.txt` that gives the reasoning, e.g. `why.memory_peak`.
    pub phrase: String,
    /// What it is filled with.
    pub facts: BTreeMap<String, String>,
    /// The evidence it rests on.
    pub evidence: Vec<EvidenceId>,
    /// The reasoning in the words of a model or a person: bounded, and escaped where it is shown.
    pub words: Option<String>,
    /// 0 to 100: how sure.
    pub confidence: u8,
}

/// A proposal before it has its name.
#[derive(Debug, Clone)]
pub struct ProposalDraft {
    /// For which incident.
    pub incident: IncidentId,
    /// What.
    pub action: Action,
    /// The target as it was read.
    pub target: Snapshot,
    /// What would be overwritten.
    pub before: Before,
    /// What the server's dry run changed.
    pub diff: Diff,
    /// What should be known before deciding, a line each.
    pub notes: Vec<String>,
    /// Why.
    pub why: Why,
    /// Who put it forward.
    pub proposed_by: ProposedBy,
    /// Where it may be decided: the thread in each chat, the console.
    pub places: BTreeSet<String>,
    /// How long people may take: [`super::policy::Terms::expires`], or the default where nobody may approve.
    pub expires: Option<TimeDelta>,
}

/// A proposal and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// Its name.
    pub id: ProposalId,
    /// For which incident.
    pub incident: IncidentId,
    /// What.
    pub action: Action,
    /// How much harm it can do.
    pub risk: Risk,
    /// The target as it was shown.
    pub target: Snapshot,
    /// What would be overwritten.
    pub before: Before,
    /// What people were shown of the change.
    pub diff: Diff,
    /// What should be known before deciding, a line each.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Why.
    pub why: Why,
    /// Who put it forward.
    pub proposed_by: ProposedBy,
    /// Where it may be decided.
    pub places: BTreeSet<String>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Until when it can be decided and begun.
    pub expires_at: DateTime<Utc>,
    /// Binds a decision to what was shown: see [`Proposal::seal`].
    pub digest: String,
    /// Approvals, in order.
    pub votes: Vec<Vote>,
    /// The reason for breaking the glass, once somebody who may did.
    #[serde(default)]
    pub break_glass: Option<String>,
    /// What those who clicked last were told.
    #[serde(default)]
    pub told: Vec<Told>,
    /// Whether the policy let anybody approve it when it was looked at last: only then it has buttons.
    #[serde(default)]
    pub offered: bool,
    /// How far the watching is, once it was applied.
    #[serde(default)]
    pub watch: Watch,
    /// Where it stands.
    pub state: State,
}

/// What somebody was told of their click.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Who.
    pub to: Principal,
    /// When.
    pub at: DateTime<Utc>,
    /// The sentence.
    pub said: String,
}

/// An approval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vote {
    /// By whom, with the groups the platform put them in.
    pub person: Person,
    /// When.
    pub at: DateTime<Utc>,
    /// Where.
    pub place: String,
}

/// Where a proposal stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Waits for people.
    Proposed,
    /// Enough people approved.
    Approved {
        /// When the last of them did.
        at: DateTime<Utc>,
    },
    /// May be happening. Stored before anything is sent.
    Executing {
        /// From 1.
        attempt: u8,
        /// Since when.
        since: DateTime<Utc>,
    },
    /// The cluster accepted it.
    Applied {
        /// When.
        at: DateTime<Utc>,
        /// What it made: a silence's id, a Job's name.
        created: Option<String>,
    },
    /// It did what it should.
    Verified {
        /// When that was seen.
        at: DateTime<Utc>,
        /// As in `Applied`.
        created: Option<String>,
    },
    /// It did not.
    NotVerified {
        /// When that was given up.
        at: DateTime<Utc>,
        /// As in `Applied`.
        created: Option<String>,
        /// What was still wrong.
        why: String,
    },
    /// Another proposal took it back.
    Undone {
        /// When.
        at: DateTime<Utc>,
        /// Which.
        by: ProposalId,
    },
    /// It did not happen, or nobody can tell.
    Failed {
        /// When.
        at: DateTime<Utc>,
        /// What the cluster said.
        why: String,
    },
    /// Somebody said no.
    Rejected {
        /// Who.
        by: Person,
        /// When.
        at: DateTime<Utc>,
        /// Why, if they said.
        reason: Option<String>,
    },
    /// Nobody decided in time, or it could not begin in time.
    Expired {
        /// When that was noticed.
        at: DateTime<Utc>,
    },
    /// It is no longer what was shown, or no longer needed, or no longer allowed.
    Superseded {
        /// When.
        at: DateTime<Utc>,
        /// Why.
        why: Void,
    },
}

impl State {
    /// The name in the API and in `words.txt`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Approved { .. } => "approved",
            Self::Executing { .. } => "executing",
            Self::Applied { .. } => "applied",
            Self::Verified { .. } => "verified",
            Self::NotVerified { .. } => "not_verified",
            Self::Undone { .. } => "undone",
            Self::Failed { .. } => "failed",
            Self::Rejected { .. } => "rejected",
            Self::Expired { .. } => "expired",
            Self::Superseded { .. } => "superseded",
        }
    }

    /// Whether nothing more will become of it by itself. `NotVerified` and `Verified` can still be undone.
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Proposed | Self::Approved { .. } | Self::Executing { .. } | Self::Applied { .. } => false,
            Self::Verified { .. }
            | Self::NotVerified { .. }
            | Self::Undone { .. }
            | Self::Failed { .. }
            | Self::Rejected { .. }
            | Self::Expired { .. }
            | Self::Superseded { .. } => true,
        }
    }
}

impl Proposal {
    /// Whether somebody can decide on it, and nobody has.
    pub fn waits_for_people(&self, now: DateTime<Utc>) -> bool {
        self.state == State::Proposed && self.offered && now < self.expires_at
    }

    /// Puts an action forward.
    ///
    /// # Errors
    /// [`ActionError`] when the action's values make no sense together.
    pub fn new(draft: ProposalDraft, now: DateTime<Utc>) -> Result<(Self, AuditDraft), ActionError> {
        let ProposalDraft { incident, action, target, before, diff, mut notes, mut why, proposed_by, places, expires } =
            draft;
        let action = action.checked()?;
        why.words = why.words.map(|words| text::line(&words, 500));
        notes.truncate(MAX_NOTES);
        for note in &mut notes {
            *note = text::line(note, 300);
        }
        let digest = seal(&action, &target, &diff);
        let mut hash = Sha256::new();
        for part in [incident.0.as_str(), &digest, &now.to_rfc3339()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut proposal = Self {
            id: ProposalId(format!("p-{}", hex(&hash.finalize()[..5]))),
            risk: action.risk(),
            incident,
            action,
            target,
            before,
            diff,
            notes,
            why,
            proposed_by,
            places,
            created_at: now,
            expires_at: now,
            digest,
            votes: Vec::new(),
            break_glass: None,
            told: Vec::new(),
            offered: false,
            watch: Watch::default(),
            state: State::Proposed,
        };
        proposal.lasts(expires.unwrap_or(DEFAULT_EXPIRY));
        let audit = proposal.made(now);
        Ok((proposal, audit))
    }

    /// Gives people so long to decide from its making on, within bounds.
    pub fn lasts(&mut self, expires: TimeDelta) {
        self.expires_at = self.created_at + expires.clamp(TimeDelta::minutes(1), MAX_EXPIRY);
    }

    /// What it is bound to: the action, the target's uid and resourceVersion, and the diff that was shown.
    pub fn seal(&self) -> String {
        seal(&self.action, &self.target, &self.diff)
    }

    /// Remembers what somebody was told; the same person's last word counts.
    pub fn tell(&mut self, told: Told) {
        self.told.retain(|known| known.to != told.to);
        if self.told.len() >= MAX_TOLD {
            self.told.remove(0);
        }
        self.told.push(told);
    }

    /// That it was done, for counting how often; `None` while it was not.
    pub fn recent(&self) -> Option<Recent> {
        let at = match &self.state {
            State::Executing { since, .. } => *since,
            State::Applied { at, .. }
            | State::Verified { at, .. }
            | State::NotVerified { at, .. }
            | State::Undone { at, .. } => *at,
            State::Proposed
            | State::Approved { .. }
            | State::Failed { .. }
            | State::Rejected { .. }
            | State::Expired { .. }
            | State::Superseded { .. } => return None,
        };
        Some(Recent {
            action: self.action.name(),
            target: self.action.target().to_string(),
            namespace: self.action.namespace().map(str::to_owned),
            at,
        })
    }

    /// What takes it back, once it happened.
    pub fn way_back(&self) -> Option<Action> {
        let (State::Applied { created, .. } | State::Verified { created, .. } | State::NotVerified { created, .. }) =
            &self.state
        else {
            return None;
        };
        match self.action.inverse(&self.before, created.as_deref()) {
            super::action::Inverse::By(action) => Some(action),
            super::action::Inverse::None(_) => None,
        }
    }
}

fn seal(action: &Action, target: &Snapshot, diff: &Diff) -> String {
    let mut hash = Sha256::new();
    let version = target.resource_version.as_deref();
    for part in
        [&action.digest(), target.uid.as_deref().unwrap_or_default(), version.unwrap_or_default(), diff.as_str()]
    {
        // With its length before it, no part can borrow letters from its neighbour.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests;
