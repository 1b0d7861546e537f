//! The only way to a permission: a proposal, a policy that allows it, a person who approves, and the checks before it
//! begins.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Utc;
use holmes_bot::adapters::actuator::Preview;
use holmes_bot::domain::action::{Action, Target};
use holmes_bot::domain::alert::Labels;
use holmes_bot::domain::incident::IncidentId;
use holmes_bot::domain::policy::scope::Scope;
use holmes_bot::domain::policy::{Person, Policy};
use holmes_bot::domain::proposal::{Approved, Choice, Circumstances, Click, Proposal, ProposalDraft, ProposedBy, Why};
use holmes_bot::domain::subject::{Subject, SubjectKind};

const POLICY: &str = "
rules:
  - name: all
    match: {}
    decision: approve
    approvers: [slack:U1, slack:U2]
    reason: tests
    examples: {applies: [cordon node/n1]}
";

/// A proposal whose execution has begun, and the permission for it.
pub struct Approval {
    /// As it is stored.
    pub proposal: Proposal,
    /// What the actuator asks for.
    pub approved: Approved,
}

/// Approves what was shown.
pub fn approve(action: &Action, shown: &Preview) -> Approval {
    approve_by("slack:U1", action, shown)
}

/// The same by somebody else.
pub fn approve_by(who: &str, action: &Action, shown: &Preview) -> Approval {
    let now = Utc::now();
    let draft = ProposalDraft {
        incident: IncidentId("i-1".into()),
        action: action.clone(),
        target: shown.target.clone(),
        before: shown.before.clone(),
        diff: shown.diff.clone(),
        notes: Vec::new(),
        why: Why::default(),
        proposed_by: ProposedBy::Analysis,
        places: BTreeSet::from(["console".to_owned()]),
        expires: None,
    };
    let (proposal, _) = Proposal::new(draft, now).unwrap();
    let (policy, problems) = Policy::read("policy.yaml", POLICY);
    let policy = policy.unwrap_or_else(|| panic!("{problems:?}"));
    let target = action.target();
    let namespace = target.namespace().map(ToString::to_string);
    let subject = Subject::new(SubjectKind::Deployment, namespace, "web".into());
    let nodes = match target {
        Target::Node(node) => BTreeSet::from([node.to_string()]),
        _ => BTreeSet::new(),
    };
    let alert = Labels::from([("alertname".to_owned(), "PodCrash".to_owned())]);
    let scope = Scope { subject: &subject, own_cluster: None, nodes: &nodes, alerts: &[&alert] };
    let circumstances = Circumstances { policy: &policy, scope: &scope, severity: None, recent: &[], now };
    let click = Click {
        proposal: proposal.id.clone(),
        digest: proposal.digest.clone(),
        person: Person::new(who.parse().unwrap(), who),
        place: "console".into(),
        choice: Choice::Approve,
    };
    let step = proposal.decide(&click, &circumstances);
    let outcome = step.outcome;
    let begun = step.proposal.begin(&circumstances, &shown.target, &BTreeMap::new());
    let approved = begun.approved.unwrap_or_else(|| panic!("{action}: {outcome:?}, {:?}", begun.step.outcome));
    Approval { proposal: begun.step.proposal, approved }
}
