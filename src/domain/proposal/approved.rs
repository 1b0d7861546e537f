//! Permission as a value. Whoever holds an [`Approved`] may change the cluster once, in exactly this way.

use std::fmt;

use chrono::{DateTime, Utc};

use super::{Proposal, ProposalId, Snapshot};
use crate::domain::action::{Action, Before};

/// An action that the policy allows now and that enough people who may approved, in time, as they were shown it.
///
/// It cannot be copied, stored or made elsewhere: `super::execute` makes one after all checks, moments before use.
#[derive(Debug)]
pub struct Approved {
    proposal: ProposalId,
    action: Action,
    target: Snapshot,
    before: Before,
    attempt: u8,
    not_after: DateTime<Utc>,
    approvers: Vec<String>,
}

impl Approved {
    /// Only after the checks of `super::execute`.
    pub(super) fn of(proposal: &Proposal, attempt: u8) -> Self {
        Self {
            proposal: proposal.id.clone(),
            action: proposal.action.clone(),
            target: proposal.target.clone(),
            before: proposal.before.clone(),
            attempt,
            not_after: proposal.expires_at,
            approvers: proposal.votes.iter().map(|vote| vote.person.id.to_string()).collect(),
        }
    }

    /// The key of the effect: written on what is changed, and looked for there after a crash. The same on every attempt.
    pub fn key(&self) -> &str {
        &self.proposal.0
    }

    /// What may be done.
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// To which object, at which version: both must be made preconditions of the request.
    pub fn target(&self) -> &Snapshot {
        &self.target
    }

    /// What is overwritten.
    pub fn before(&self) -> &Before {
        &self.before
    }

    /// When it ends to be a permission.
    pub fn not_after(&self) -> DateTime<Utc> {
        self.not_after
    }

    /// Who approved, as `platform:id`.
    pub fn approvers(&self) -> &[String] {
        &self.approvers
    }
}

impl fmt::Display for Approved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}), attempt {}", self.proposal, self.action, self.attempt)
    }
}
