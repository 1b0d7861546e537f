//! Incidents over `/api/v1`: the list, one with everything that is known of it, and another look.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, OpenApi};

use super::problem::{Problem, problem, unavailable};
use super::view::{IncidentDetail, IncidentView};
use super::{Api, DEFAULT_LIMIT, MAX_LIMIT};
use crate::domain::event::Event;
use crate::domain::incident::{IncidentId, IncidentStatus, Origin};
use crate::ports::Filter;

/// The routes.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/incidents", get(list))
        .route("/api/v1/incidents/{id}", get(one))
        .route("/api/v1/incidents/{id}/investigate", post(investigate))
}

/// Their description.
#[derive(OpenApi)]
#[openapi(paths(list, one, investigate), components(schemas(IncidentView, IncidentDetail)))]
pub(super) struct Description;

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
async fn list(State(api): State<Api>, query: Result<Query<ListQuery>, QueryRejection>) -> Response {
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
