//! An incident and what belongs to it as programs read them.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::proposals::ProposalView;
use crate::domain::alert::{Alert, Labels};
use crate::domain::evidence::{Evidence, Source};
use crate::domain::finding::{Cause, Finding, FindingKind, Role};
use crate::domain::incident::{Incident, IncidentStatus, Progress, Related, Relation};
use crate::domain::investigation::{Investigation, RunbookRef};
use crate::domain::post::{Post, PostKind};
use crate::domain::proposal::Proposal;
use crate::domain::report::{Claim, Explanation, Report};
use crate::domain::subject::{ObjectRef, SubjectKind};
use crate::render::text_of;
use crate::web::rfc3339;

/// An incident in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct IncidentView {
    id: String,
    title: String,
    status: IncidentStatus,
    severity: &'static str,
    subject: SubjectView,
    /// RFC 3339, UTC, as are all times.
    started_at: String,
    resolved_at: Option<String>,
    alerts: Vec<AlertView>,
    /// Alerts beyond those listed.
    alerts_folded: usize,
    firing: usize,
    notifications: u64,
    reopened: u32,
    /// `waiting`, `looking` or `done`.
    progress: &'static str,
    cause: Option<CauseView>,
    related: Vec<RelatedView>,
}

#[derive(Debug, Serialize, ToSchema)]
struct SubjectView {
    kind: SubjectKind,
    namespace: Option<String>,
    name: String,
    cluster: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct AlertView {
    fingerprint: String,
    status: &'static str,
    labels: Labels,
    annotations: Labels,
    starts_at: String,
    ends_at: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct CauseView {
    kind: FindingKind,
    claim: String,
    confidence: f64,
    about: ObjectRef,
}

#[derive(Debug, Serialize, ToSchema)]
struct RelatedView {
    id: String,
    title: String,
    relation: Relation,
}

/// An incident with everything that is known about it.
#[derive(Debug, Serialize, ToSchema)]
pub struct IncidentDetail {
    #[serde(flatten)]
    incident: IncidentView,
    evidence: Vec<EvidenceView>,
    findings: Vec<FindingView>,
    runbooks: Vec<RunbookRef>,
    thread: Vec<PostView>,
    /// What the model makes of it; null where there is none.
    explanation: Option<ExplanationView>,
    /// Remediation put to people, oldest first.
    proposals: Vec<ProposalView>,
    /// Sources that were not asked or did not answer.
    unavailable: Vec<Source>,
    /// Why, by source.
    unavailable_reasons: std::collections::BTreeMap<&'static str, String>,
}

/// How far the model's explanation is.
#[derive(Debug, Serialize, ToSchema)]
struct ExplanationView {
    /// `asked`, `given` or `missing`.
    state: &'static str,
    /// Since when it is asked, or when it answered or was given up.
    at: String,
    model: Option<String>,
    turns: Option<u32>,
    /// Why it is missing.
    reason: Option<String>,
    /// `null`: not established.
    cause: Option<ClaimView>,
    confirmed: Vec<ClaimView>,
    suspected: Vec<ClaimView>,
    impact: Option<ClaimView>,
    healthy: Vec<ClaimView>,
    next_steps: Vec<String>,
}

/// A claim of the model.
#[derive(Debug, Serialize, ToSchema)]
struct ClaimView {
    text: String,
    evidence: Vec<String>,
    /// Numbers and names in it that the cited evidence does not hold.
    unverified: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct EvidenceView {
    /// `E1`, `E2` …
    id: String,
    source: Source,
    about: ObjectRef,
    title: String,
    query: String,
    window: WindowView,
    excerpt: String,
    data: Value,
    link: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct WindowView {
    from: String,
    to: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct FindingView {
    kind: FindingKind,
    role: Role,
    claim: String,
    confidence: f64,
    evidence: Vec<String>,
    about: ObjectRef,
    check: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct PostView {
    seq: u64,
    kind: PostKind,
    author: String,
    at: String,
    edited_at: String,
    text: String,
    evidence: Vec<String>,
}

impl From<Incident> for IncidentView {
    fn from(incident: Incident) -> Self {
        let firing = incident.firing();
        let alerts_folded = incident.counted.len();
        Self {
            id: incident.id.0,
            title: incident.title,
            status: incident.status,
            severity: incident.severity.as_str(),
            subject: SubjectView {
                kind: incident.subject.kind,
                namespace: incident.subject.namespace,
                name: incident.subject.name,
                cluster: incident.subject.cluster,
            },
            started_at: rfc3339(incident.started_at),
            resolved_at: incident.resolved_at.map(rfc3339),
            alerts: incident.alerts.into_iter().map(AlertView::from).collect(),
            alerts_folded,
            firing,
            notifications: incident.notifications,
            reopened: incident.reopened,
            progress: match incident.progress {
                Progress::Waiting => "waiting",
                Progress::Looking { .. } => "looking",
                Progress::Done { .. } => "done",
            },
            cause: incident.cause.map(|Cause { kind, claim, confidence, about }| CauseView {
                kind,
                claim: text_of(&claim),
                confidence,
                about,
            }),
            related: incident
                .related
                .into_iter()
                .map(|Related { id, title, relation }| RelatedView { id: id.0, title, relation })
                .collect(),
        }
    }
}

impl From<Alert> for AlertView {
    fn from(alert: Alert) -> Self {
        Self {
            status: if alert.is_firing() { "firing" } else { "resolved" },
            fingerprint: alert.fingerprint,
            labels: alert.labels,
            annotations: alert.annotations,
            starts_at: rfc3339(alert.starts_at),
            ends_at: alert.ends_at.map(rfc3339),
        }
    }
}

impl IncidentDetail {
    pub(super) fn new(
        incident: Incident,
        investigation: Investigation,
        thread: Vec<Post>,
        proposals: Vec<Proposal>,
    ) -> Self {
        Self {
            incident: incident.into(),
            evidence: investigation.evidence.into_iter().map(EvidenceView::from).collect(),
            findings: investigation.findings.into_iter().map(FindingView::from).collect(),
            runbooks: investigation.runbooks,
            thread: thread.into_iter().map(PostView::from).collect(),
            explanation: investigation.explanation.map(ExplanationView::from),
            proposals: proposals.into_iter().map(ProposalView::from).collect(),
            unavailable: investigation.unavailable.iter().map(|gap| gap.source).collect(),
            unavailable_reasons: investigation
                .unavailable
                .into_iter()
                .map(|gap| (gap.source.as_str(), gap.reason))
                .collect(),
        }
    }
}

impl From<Evidence> for EvidenceView {
    fn from(evidence: Evidence) -> Self {
        let Evidence { id, source, about, title, query, window, excerpt, data, link } = evidence;
        Self {
            id: id.to_string(),
            source,
            about,
            title,
            query,
            window: WindowView { from: rfc3339(window.from), to: rfc3339(window.to) },
            excerpt,
            data: serde_json::to_value(data).unwrap_or_default(),
            link,
        }
    }
}

impl From<Finding> for FindingView {
    fn from(finding: Finding) -> Self {
        let Finding { kind, role, phrase: _, facts: _, claim, confidence, evidence, about, check } = finding;
        let evidence = evidence.iter().map(ToString::to_string).collect();
        let (claim, check) = (text_of(&claim), check.map(|check| text_of(&check)));
        Self { kind, role, claim, confidence, evidence, about, check }
    }
}

impl From<Explanation> for ExplanationView {
    fn from(explanation: Explanation) -> Self {
        let view = |state, at, report: Report| {
            // What it would do stands among the proposals, checked.
            let Report { cause, confirmed, suspected, impact, healthy, next_steps, actions: _ } = report;
            let many = |claims: Vec<Claim>| claims.into_iter().map(ClaimView::from).collect();
            Self {
                state,
                at: rfc3339(at),
                model: None,
                turns: None,
                reason: None,
                cause: cause.map(ClaimView::from),
                confirmed: many(confirmed),
                suspected: many(suspected),
                impact: impact.map(ClaimView::from),
                healthy: many(healthy),
                next_steps,
            }
        };
        match explanation {
            Explanation::Asked { since } => view("asked", since, Report::default()),
            Explanation::Given { at, model, report, turns } => {
                Self { model: Some(model), turns: Some(turns), ..view("given", at, *report) }
            }
            Explanation::Missing { at, reason, will_retry: _ } => {
                Self { reason: Some(reason), ..view("missing", at, Report::default()) }
            }
        }
    }
}

impl From<Claim> for ClaimView {
    fn from(Claim { text, evidence, unverified }: Claim) -> Self {
        Self { text, evidence: evidence.iter().map(ToString::to_string).collect(), unverified }
    }
}

impl From<Post> for PostView {
    fn from(post: Post) -> Self {
        let Post { seq, revision: _, edited_at, draft } = post;
        Self {
            seq,
            kind: draft.kind,
            author: draft.author,
            at: rfc3339(draft.at),
            edited_at: rfc3339(edited_at),
            text: draft.text,
            evidence: draft.evidence.iter().map(ToString::to_string).collect(),
        }
    }
}
