//! A proposal as it stands: what it would do and change, why, who may decide, and what became of it.

use minijinja::value::Serde;
use minijinja::{Value, context};

use super::{Renderer, escape};
use crate::domain::action::Action;
use crate::domain::policy::{Decision, Policy};
use crate::domain::proposal::{Outcome, Proposal, ProposedBy, State};

impl Renderer {
    /// The thread's entry of a proposal; `decision` is what the policy says of it now.
    pub fn proposal(&self, proposal: &Proposal, decision: &Decision, policy: &Policy) -> String {
        let (forbidden, may, progress) = match decision {
            Decision::Forbidden(refusals) => {
                (refusals.iter().map(|refusal| safe(self.refusal(refusal))).collect(), Vec::new(), None)
            }
            Decision::NeedsApproval(terms) => (
                Vec::new(),
                terms.who().into_iter().map(str::to_owned).collect::<Vec<_>>(),
                Some(proposal.progress(policy, terms)),
            ),
        };
        let by = match &proposal.proposed_by {
            ProposedBy::Person { person } => Some(person.name.as_str()),
            _ => None,
        };
        let undoes = match &proposal.proposed_by {
            ProposedBy::Undo { of } => Some(of.to_string()),
            _ => None,
        };
        let approvers: Vec<String> = proposal.votes.iter().map(|vote| escape::markdown(&vote.person.name)).collect();
        let void = match &proposal.state {
            State::Superseded { why, .. } => Some(safe(self.outcome(&Outcome::Superseded { why: why.clone() }))),
            _ => None,
        };
        let values = context! {
            what => safe(self.action(&proposal.action)), why => self.why(&proposal.why).map(safe),
            evidence => proposal.why.evidence.iter().map(ToString::to_string).collect::<Vec<_>>(),
            risk => proposal.risk.as_str(), undo => self.way_back(&proposal.action).map(safe),
            diff => proposal.diff.as_str(), managed => Serde(&proposal.target.managed), notes => &proposal.notes,
            state => Serde(&proposal.state), forbidden => Value::from(forbidden), may,
            have => progress.as_ref().map(|progress| progress.have), need => progress.as_ref().map(|progress| progress.need),
            created_at => Serde(proposal.created_at), expires_at => Serde(proposal.expires_at),
            approvers => safe(approvers.join(", ")), by, undoes, void, waiting => &proposal.watch.waiting_for,
            break_glass => &proposal.break_glass,
        };
        self.post("proposal.md", values)
    }

    /// The title of a chart of before and after an action.
    pub fn before_and_after(&self, action: &Action, title: &str) -> String {
        format!("{title}: {} ({action})", self.word("after.title"))
    }

    /// A neighbour's sentence as one of ours.
    pub fn plain_sentence(&self, said: &str) -> String {
        escape::markdown(said)
    }
}

fn safe(text: String) -> Value {
    Value::from_safe_string(text)
}
