//! `/api/v1`: incidents as JSON for programs. Fields may be added, never renamed.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::proposals::ProposalView;
use super::{questions, rfc3339, verify};
use crate::domain::alert::{Alert, Labels};
use crate::domain::event::Event;
use crate::domain::evidence::{Evidence, Source};
use crate::domain::finding::{Cause, Finding, FindingKind, Role};
use crate::domain::incident::{Incident, IncidentId, IncidentStatus, Origin, Progress, Related, Relation};
use crate::domain::investigation::{Investigation, RunbookRef};
use crate::domain::post::{Post, PostKind};
use crate::domain::proposal::Proposal;
use crate::domain::report::{Claim, Explanation, Report};
use crate::domain::subject::{ObjectRef, SubjectKind};
use crate::ports::{Clock, Filter, Store, StoreError};
use crate::render::text_of;

/// Incidents of one answer unless `limit` says otherwise, and at most.
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;

/// What the API needs.
#[derive(Clone)]
pub struct Api {
    /// Where incidents are.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Clock,
    /// Bearer token; `None` on loopback.
    pub token: Option<SecretString>,
}

/// The API's routes.
pub fn routes(api: Api) -> Router {
    let guarded = middleware::from_fn_with_state(api.token.clone(), verify::guard);
    Router::new()
        .route("/api/v1/incidents", get(list))
        .route("/api/v1/incidents/{id}", get(one))
        .route("/api/v1/incidents/{id}/investigate", post(investigate))
        .route("/api/v1/audit", get(audit))
        .layer(guarded)
        .route("/api/openapi.json", get(async || Json(description())))
        .with_state(api)
}

/// The description of all routes below `/api`.
fn description() -> utoipa::openapi::OpenApi {
    Description::openapi()
        .merge_from(super::knowledge::description())
        .merge_from(questions::Description::openapi())
        .merge_from(super::holmesgpt::Description::openapi())
}

/// The OpenAPI description.
#[derive(OpenApi)]
#[openapi(
    info(title = "holmes-bot", description = "Incidents, their evidence, findings and threads."),
    paths(list, one, investigate, audit),
    components(schemas(IncidentView, IncidentDetail, Problem))
)]
struct Description;

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

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// A sentence.
    error: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// `open` (default), `resolved` or `all`.
    status: Option<String>,
    /// At most so many, newest first: 100 unless given, 1000 at most.
    limit: Option<usize>,
}

#[utoipa::path(get, path = "/api/v1/incidents", params(ListQuery),
    responses((status = 200, description = "`{\"incidents\": […]}`, newest first", body = Vec<IncidentView>),
              (status = 400, description = "a parameter is wrong", body = Problem)))]
async fn list(
    State(api): State<Api>,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Query(query) = match query {
        Ok(query) => query,
        Err(error) => return problem(StatusCode::BAD_REQUEST, error.body_text()),
    };
    let status = match query.status.as_deref() {
        None | Some("open") => Some(IncidentStatus::Open),
        Some("resolved") => Some(IncidentStatus::Resolved),
        Some("all") => None,
        Some(_) => return problem(StatusCode::BAD_REQUEST, "`status` is not one of open, resolved, all"),
    };
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
    match api.store.list(Filter { status, origin: Origin::Alerts, limit }).await {
        Ok(incidents) => {
            let incidents: Vec<_> = incidents.into_iter().map(IncidentView::from).collect();
            Json(json!({"incidents": incidents})).into_response()
        }
        Err(error) => unavailable(&error),
    }
}

#[utoipa::path(get, path = "/api/v1/incidents/{id}", params(("id" = String, Path, description = "as in the list")),
    responses((status = 200, body = IncidentDetail), (status = 404, body = Problem)))]
async fn one(State(api): State<Api>, Path(id): Path<String>) -> Response {
    let id = IncidentId(id);
    let incident = match api.store.incident(&id).await {
        Ok(Some(incident)) => incident.value,
        Ok(None) => return problem(StatusCode::NOT_FOUND, "there is no such incident"),
        Err(error) => return unavailable(&error),
    };
    match tokio::try_join!(api.store.investigation(&id), api.store.thread(&id), api.store.proposals(&id)) {
        Ok((investigation, thread, proposals)) => {
            Json(IncidentDetail::new(incident, investigation.unwrap_or_default(), thread, proposals)).into_response()
        }
        Err(error) => unavailable(&error),
    }
}

#[utoipa::path(post, path = "/api/v1/incidents/{id}/investigate", params(("id" = String, Path, description = "as in the list")),
    responses((status = 202, description = "it will be investigated again"), (status = 404, body = Problem)))]
async fn investigate(State(api): State<Api>, Path(id): Path<String>) -> Response {
    let incident = IncidentId(id);
    match api.store.incident(&incident).await {
        Ok(Some(_)) => {}
        Ok(None) => return problem(StatusCode::NOT_FOUND, "there is no such incident"),
        Err(error) => return unavailable(&error),
    }
    let event = Event::Investigate { incident, requested_by: Some("api".into()) };
    match api.store.enqueue(&event, (api.clock)()).await {
        Ok(event) => (StatusCode::ACCEPTED, Json(json!({"status": "accepted", "event": event}))).into_response(),
        Err(error) => unavailable(&error),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// The first entry wanted, counted from 1.
    from: Option<u64>,
    /// At most so many: 100 unless given, 1000 at most.
    limit: Option<usize>,
}

#[utoipa::path(get, path = "/api/v1/audit", params(AuditQuery),
    responses((status = 200, description = "`{\"entries\": […]}`, oldest first, each with the hash of the one before"),
              (status = 400, description = "a parameter is wrong", body = Problem)))]
async fn audit(
    State(api): State<Api>,
    query: Result<Query<AuditQuery>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Query(query) = match query {
        Ok(query) => query,
        Err(error) => return problem(StatusCode::BAD_REQUEST, error.body_text()),
    };
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
    match api.store.audit(query.from.unwrap_or(1), limit).await {
        Ok(entries) => Json(json!({"entries": entries})).into_response(),
        Err(error) => unavailable(&error),
    }
}

fn problem(status: StatusCode, error: impl Into<String>) -> Response {
    (status, Json(Problem { error: error.into() })).into_response()
}

fn unavailable(error: &StoreError) -> Response {
    tracing::error!("answer an API request: {error:#}");
    let headers = [(header::RETRY_AFTER, "1")];
    (StatusCode::SERVICE_UNAVAILABLE, headers, Json(Problem { error: error.to_string() })).into_response()
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
    fn new(incident: Incident, investigation: Investigation, thread: Vec<Post>, proposals: Vec<Proposal>) -> Self {
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
