//! From approval to effect, and back after a crash.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Approved, Circumstances, MAX_ATTEMPTS, Outcome, Proposal, ProposalId, Snapshot, State, Step, Void};
use crate::domain::policy::{Decision, Principal};
use crate::domain::text;

/// The groups that each approver is in now, by their identity. Whoever is not listed is in none.
pub type Groups = BTreeMap<Principal, Vec<Principal>>;

/// What came of asking to begin.
#[derive(Debug)]
pub struct Begun {
    /// The proposal to store, before anything is sent.
    pub step: Step,
    /// The permission, where there is one. Use it only when the step was stored at the version that was read.
    pub approved: Option<Approved>,
}

/// How an execution ended well.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Done {
    /// What it made: a silence's id, a Job's name.
    pub created: Option<String>,
}

/// How an execution ended without an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecutionFailed {
    /// A precondition did not hold: the object moved.
    Moved,
    /// The cluster refused it, or cannot do it.
    Refused {
        /// In its words.
        why: String,
    },
}

/// What is seen in the cluster of an execution that was interrupted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// It bears the key of this execution.
    Applied(Done),
    /// It does not, and the object is as it was shown: nothing happened.
    NotApplied,
    /// It bears the key of this execution, and there is more to do: a drain that goes on.
    Underway {
        /// What is left, in a few words.
        left: String,
    },
    /// It cannot be told.
    Unclear {
        /// Why.
        why: String,
    },
}

/// Whether it helped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// What success looks like was seen, for long enough.
    Good,
    /// It was not, in time.
    Bad {
        /// What was seen instead.
        why: String,
    },
}

impl Proposal {
    /// Begins the execution of an approved proposal, after every check is made once more: time, digest, the object as it
    /// is now, the policy, and the rights of everyone whose approval counts.
    pub fn begin(self, circumstances: &Circumstances<'_>, seen: &Snapshot, groups: &Groups) -> Begun {
        match self.state {
            State::Approved { .. } => self.check(1, circumstances, seen, groups),
            _ => Begun { step: Step { proposal: self, outcome: Outcome::Unchanged, audit: None }, approved: None },
        }
    }

    /// Goes on with an execution that was interrupted. What happened is not repeated; what did not happen is tried again
    /// only if it would be allowed to begin now; what cannot be told is left to people.
    pub fn resume(self, sight: Sight, circumstances: &Circumstances<'_>, seen: &Snapshot, groups: &Groups) -> Begun {
        let State::Executing { attempt, .. } = self.state else {
            return Begun { step: Step { proposal: self, outcome: Outcome::Unchanged, audit: None }, approved: None };
        };
        let now = circumstances.now;
        let step = match sight {
            Sight::Applied(done) => self.finish(Ok(done), now),
            Sight::Underway { left } if now >= self.expires_at => {
                let why = format!("its time ended half-way: {left}");
                self.finish(Err(ExecutionFailed::Refused { why }), now)
            }
            // What was begun goes on as long as its permission holds; it is no new attempt.
            Sight::Underway { .. } => return self.check(attempt, circumstances, seen, groups),
            Sight::NotApplied if attempt < MAX_ATTEMPTS => {
                return self.check(attempt + 1, circumstances, seen, groups);
            }
            Sight::NotApplied => {
                let why = format!("interrupted {attempt} times before anything happened");
                self.finish(Err(ExecutionFailed::Refused { why }), now)
            }
            Sight::Unclear { why } => {
                let why = format!("interrupted, and it cannot be told whether it happened: {why}");
                self.finish(Err(ExecutionFailed::Refused { why }), now)
            }
        };
        Begun { step, approved: None }
    }

    fn check(mut self, attempt: u8, circumstances: &Circumstances<'_>, seen: &Snapshot, groups: &Groups) -> Begun {
        let (policy, now) = (circumstances.policy, circumstances.now);
        let end = |proposal: Self, state, outcome| Begun {
            step: proposal.becomes(state).noted(outcome, now),
            approved: None,
        };
        if now >= self.expires_at {
            let outcome = Outcome::Expired { at: self.expires_at };
            return end(self, State::Expired { at: now }, outcome);
        }
        let void = |proposal: Self, why: Void| {
            end(proposal, State::Superseded { at: now, why: why.clone() }, Outcome::Superseded { why })
        };
        if self.seal() != self.digest {
            return void(self, Void::Altered);
        }
        if !self.target.is_same(seen) {
            return void(self, Void::Moved);
        }
        // Rules look at the labels of now, and rights are those of now.
        self.target.labels.clone_from(&seen.labels);
        for vote in &mut self.votes {
            vote.person.groups = groups.get(&vote.person.id).cloned().unwrap_or_default();
        }
        let terms = match self.judge(circumstances) {
            Decision::NeedsApproval(terms) => terms,
            Decision::Forbidden(refusals) => return void(self, Void::Forbidden { refusals }),
        };
        let progress = self.progress(policy, &terms);
        if progress.have < progress.need || !terms.are_for(&self.action) {
            return void(self, Void::RightsLost);
        }
        let proposal = self.becomes(State::Executing { attempt, since: now });
        let approved = Approved::of(&proposal, attempt);
        Begun { step: proposal.noted(Outcome::Begun { attempt }, now), approved: Some(approved) }
    }

    /// The execution ended.
    pub fn finish(self, result: Result<Done, ExecutionFailed>, now: DateTime<Utc>) -> Step {
        if !matches!(self.state, State::Executing { .. }) {
            return Step { proposal: self, outcome: Outcome::Unchanged, audit: None };
        }
        let (state, outcome) = match result {
            Ok(Done { created }) => (State::Applied { at: now, created }, Outcome::Applied),
            Err(ExecutionFailed::Moved) => {
                let why = Void::Moved;
                (State::Superseded { at: now, why: why.clone() }, Outcome::Superseded { why })
            }
            Err(ExecutionFailed::Refused { why }) => {
                let why = text::line(&why, 500);
                (State::Failed { at: now, why: why.clone() }, Outcome::Failed { why })
            }
        };
        self.becomes(state).noted(outcome, now)
    }

    /// What was watched for was seen, or was not.
    pub fn verify(self, verdict: Verdict, now: DateTime<Utc>) -> Step {
        let State::Applied { created, .. } = self.state.clone() else {
            return Step { proposal: self, outcome: Outcome::Unchanged, audit: None };
        };
        let (state, outcome) = match verdict {
            Verdict::Good => (State::Verified { at: now, created }, Outcome::Verified),
            Verdict::Bad { why } => {
                let why = text::line(&why, 500);
                (State::NotVerified { at: now, created, why: why.clone() }, Outcome::NotVerified { why })
            }
        };
        self.becomes(state).noted(outcome, now)
    }

    /// The proposal that takes this one back was applied.
    pub fn undone(self, by: ProposalId, now: DateTime<Utc>) -> Step {
        match self.state {
            State::Applied { .. } | State::Verified { .. } | State::NotVerified { .. } => {
                self.becomes(State::Undone { at: now, by }).noted(Outcome::Undone, now)
            }
            _ => Step { proposal: self, outcome: Outcome::Unchanged, audit: None },
        }
    }
}
