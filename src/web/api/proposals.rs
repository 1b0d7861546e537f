//! Proposals as the API shows them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::action::Risk;
use crate::domain::proposal::{Proposal, ProposedBy, State};
use crate::web::rfc3339;

/// An action put to people, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProposalView {
    /// `p-3f9a1c07be`.
    id: String,
    /// The action in its command form.
    action: String,
    /// What it changes: `Deployment shop/checkout`.
    target: String,
    /// How much harm it can do.
    risk: Risk,
    /// `proposed`, `approved`, `executing`, `applied`, `verified`, `not_verified`, `undone`, `failed`, `rejected`,
    /// `expired` or `superseded`.
    state: &'static str,
    /// Why it failed or did not help, or what is waited for.
    detail: Option<String>,
    /// What the dry run changed.
    diff: String,
    /// Binds a decision to what was shown.
    digest: String,
    /// `analysis`, `runbook`, `model`, `undo`, or the person.
    proposed_by: String,
    /// Who approved, in order.
    approved_by: Vec<String>,
    /// The evidence it rests on.
    evidence: Vec<String>,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339: until when it can be decided.
    expires_at: String,
}

impl From<Proposal> for ProposalView {
    fn from(proposal: Proposal) -> Self {
        let detail = match &proposal.state {
            State::Failed { why, .. } | State::NotVerified { why, .. } => Some(why.clone()),
            State::Rejected { reason, .. } => reason.clone(),
            State::Superseded { why, .. } => Some(why.as_str().to_owned()),
            _ => Some(proposal.watch.waiting_for.clone()).filter(|waiting| !waiting.is_empty()),
        };
        let proposed_by = match &proposal.proposed_by {
            ProposedBy::Analysis => "analysis".to_owned(),
            ProposedBy::Runbook { .. } => "runbook".to_owned(),
            ProposedBy::Model => "model".to_owned(),
            ProposedBy::Undo { .. } => "undo".to_owned(),
            ProposedBy::Person { person } => person.id.to_string(),
        };
        Self {
            id: proposal.id.0,
            action: proposal.action.to_string(),
            target: proposal.action.target().to_string(),
            risk: proposal.risk,
            state: proposal.state.as_str(),
            detail,
            diff: proposal.diff.as_str().to_owned(),
            digest: proposal.digest,
            proposed_by,
            approved_by: proposal.votes.iter().map(|vote| vote.person.id.to_string()).collect(),
            evidence: proposal.why.evidence.iter().map(ToString::to_string).collect(),
            created_at: rfc3339(proposal.created_at),
            expires_at: rfc3339(proposal.expires_at),
        }
    }
}
