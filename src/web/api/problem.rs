//! What went wrong, as every answer of the API says it.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ports::StoreError;

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// A sentence.
    error: String,
}

/// A request that cannot be granted.
pub(super) fn problem(status: StatusCode, error: impl Into<String>) -> Response {
    (status, Json(Problem { error: error.into() })).into_response()
}

/// A store that did not answer: the caller may try again.
pub(super) fn unavailable(error: &StoreError) -> Response {
    tracing::error!("answer an API request: {error:#}");
    let headers = [(header::RETRY_AFTER, "1")];
    (StatusCode::SERVICE_UNAVAILABLE, headers, Json(Problem { error: error.to_string() })).into_response()
}
