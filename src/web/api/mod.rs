//! `/api/v1`: incidents as JSON for programs. Fields may be added, never renamed.

mod view;

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, OpenApi, ToSchema};

use self::view::{IncidentDetail, IncidentView};
use super::{questions, verify};
use crate::domain::event::Event;
use crate::domain::incident::{IncidentId, IncidentStatus, Origin};
use crate::ports::{Clock, Filter, Store, StoreError};

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
