//! What the audit keeps of a proposal: who, what, when, where, why, the diff, the outcome.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Choice, Click, Outcome, Proposal, ProposedBy, Step, Void};
use crate::domain::audit::AuditDraft;
use crate::domain::policy::Refusal;

/// One entry's detail, written as one line of JSON so that an export can be searched by field.
#[derive(Debug, Default, Serialize)]
struct Detail<'a> {
    proposal: &'a str,
    command: String,
    target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_version: Option<&'a str>,
    digest: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    choice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    approvers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    break_glass: Option<&'a str>,
}

impl Proposal {
    /// The entry of its making.
    pub(super) fn made(&self, now: DateTime<Utc>) -> AuditDraft {
        let actor = match &self.proposed_by {
            ProposedBy::Person { person } => person.id.to_string(),
            ProposedBy::Model => "model".to_owned(),
            ProposedBy::Analysis | ProposedBy::Runbook { .. } | ProposedBy::Undo { .. } => "holmes".to_owned(),
        };
        let why = match &self.proposed_by {
            ProposedBy::Undo { of } => Some(format!("takes back {of}")),
            ProposedBy::Runbook { id } => Some(format!("runbook {id}")),
            _ => self.why.words.clone().or_else(|| {
                let evidence: Vec<String> = self.why.evidence.iter().map(ToString::to_string).collect();
                (!evidence.is_empty()).then(|| format!("{} by {}", self.why.phrase, evidence.join(", ")))
            }),
        };
        let detail = Detail { diff: Some(self.diff.as_str()), why, ..self.detail() };
        self.entry("proposal.made", actor, &detail, now)
    }

    /// A step that a person asked for.
    pub(super) fn told(self, outcome: Outcome, click: &Click, now: DateTime<Utc>) -> Step {
        let action = match outcome {
            Outcome::Counted { .. } => "proposal.vote",
            Outcome::Approved { .. } => "proposal.approved",
            Outcome::Rejected => "proposal.rejected",
            Outcome::Repeated { .. } => "proposal.repeated",
            _ => "proposal.click_refused",
        };
        let (choice, said) = match &click.choice {
            Choice::Approve => ("approve", None),
            Choice::BreakGlass { reason } => ("break_glass", Some(reason.as_str())),
            Choice::Reject { reason } => ("reject", reason.as_deref()),
        };
        let why = match (action, said) {
            ("proposal.click_refused", _) => Some(reason(&outcome)),
            (_, said) => said.map(|said| crate::domain::text::line(said, 300)),
        };
        let detail = Detail {
            place: Some(&click.place),
            name: Some(&click.person.name),
            choice: Some(choice),
            why,
            ..self.detail()
        };
        let audit = self.entry(action, click.person.id.to_string(), &detail, now);
        Step { outcome, audit: Some(audit), proposal: self }
    }

    /// A step that nobody asked for.
    pub(super) fn noted(self, outcome: Outcome, now: DateTime<Utc>) -> Step {
        let action = match outcome {
            Outcome::Begun { .. } => "execution.begun",
            Outcome::Applied => "execution.applied",
            Outcome::Failed { .. } => "execution.failed",
            Outcome::Verified => "verification.passed",
            Outcome::NotVerified { .. } => "verification.failed",
            Outcome::Undone => "proposal.undone",
            Outcome::Expired { .. } => "proposal.expired",
            _ => "proposal.superseded",
        };
        let approvers = match outcome {
            Outcome::Begun { .. } => self.votes.iter().map(|vote| vote.person.id.to_string()).collect(),
            _ => Vec::new(),
        };
        let detail = Detail { why: Some(reason(&outcome)).filter(|why| !why.is_empty()), approvers, ..self.detail() };
        let audit = self.entry(action, "holmes".to_owned(), &detail, now);
        Step { outcome, audit: Some(audit), proposal: self }
    }

    fn detail(&self) -> Detail<'_> {
        Detail {
            proposal: &self.id.0,
            command: self.action.to_string(),
            target: self.action.target().to_string(),
            uid: self.target.uid.as_deref(),
            resource_version: self.target.resource_version.as_deref(),
            digest: &self.digest,
            break_glass: self.break_glass.as_deref(),
            ..Detail::default()
        }
    }

    fn entry(&self, action: &str, actor: String, detail: &Detail<'_>, at: DateTime<Utc>) -> AuditDraft {
        AuditDraft {
            at,
            actor,
            action: action.to_owned(),
            incident: Some(self.incident.clone()),
            // Strings and lists of strings always are JSON.
            detail: serde_json::to_string(detail).unwrap_or_default(),
        }
    }
}

/// The outcome in a few words of English: the audit is for operators and machines.
fn reason(outcome: &Outcome) -> String {
    let refused = |refusals: &[Refusal]| {
        let all: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        all.join("; ")
    };
    match outcome {
        Outcome::Repeated { .. } => "approved already".to_owned(),
        Outcome::AlreadyDecided { by, state } => format!("{state} already, by {}", by.join(", ")),
        Outcome::Expired { at } => format!("expired at {}", at.format("%H:%M:%S UTC")),
        Outcome::Superseded { why: Void::Forbidden { refusals } } => refused(refusals),
        Outcome::Superseded { why } => why.as_str().to_owned(),
        Outcome::NotAllowed { .. } => "may not approve".to_owned(),
        Outcome::OwnProposal { .. } => "is their own proposal".to_owned(),
        Outcome::Indistinct { other } => format!("may be the same person as {other}"),
        Outcome::Forbidden { refusals } => refused(refusals),
        Outcome::Stale => "not what was shown".to_owned(),
        Outcome::Foreign => "not decided there".to_owned(),
        Outcome::Begun { attempt } => format!("attempt {attempt}"),
        Outcome::Failed { why } | Outcome::NotVerified { why } => why.clone(),
        Outcome::Counted { .. }
        | Outcome::Approved { .. }
        | Outcome::Rejected
        | Outcome::Applied
        | Outcome::Verified
        | Outcome::Undone
        | Outcome::Unchanged => String::new(),
    }
}
