//! The audit over `/api/v1`.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, OpenApi};

use super::problem::{Problem, problem, unavailable};
use super::{Api, DEFAULT_LIMIT, MAX_LIMIT};

/// The route.
pub(super) fn routes() -> Router<Api> {
    Router::new().route("/api/v1/audit", get(audit))
}

/// Its description.
#[derive(OpenApi)]
#[openapi(paths(audit))]
pub(super) struct Description;

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
async fn audit(State(api): State<Api>, query: Result<Query<AuditQuery>, QueryRejection>) -> Response {
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
