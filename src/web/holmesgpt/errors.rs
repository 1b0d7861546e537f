//! Errors in the form that clients know: `{"detail": …}`, and an `error` event in a stream.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// `error_code` of what passes by itself.
const RATE_LIMIT: u32 = 5204;
/// `error_code` of everything else.
const GENERIC: u32 = 1;

/// Why there is no answer, in a line that a person can act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub status: StatusCode,
    pub detail: String,
}

impl Failure {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }

    pub(super) fn stopping() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the bot is about to restart, try again")
    }

    /// The data of an `error` event.
    pub(super) fn event(&self) -> Value {
        let Self { status, detail } = self;
        let (code, text) = match *status {
            StatusCode::TOO_MANY_REQUESTS => (RATE_LIMIT, "Rate limit exceeded"),
            _ => (GENERIC, detail.as_str()),
        };
        json!({"description": detail, "error_code": code, "msg": text, "success": false})
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        detail(self.status, self.detail)
    }
}

/// An error with its text.
pub(super) fn detail(status: StatusCode, text: impl Into<String>) -> Response {
    (status, Json(json!({"detail": text.into()}))).into_response()
}
