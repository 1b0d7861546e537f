//! The server's JSON: numbers as text without exponent, no NaN, errors with the status as their type.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use crate::demo::http::{Refusal, reply};
use crate::demo::world::Labels;

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: impl Into<String>) -> Response {
    reply(status, "application/json", body.into())
}

/// An error as the server words it.
pub(super) fn error(status: StatusCode, text: impl AsRef<str>) -> Refusal {
    let body = json!({"status": "error", "errorType": status.as_str(), "error": text.as_ref()});
    Refusal { status, content_type: "application/json", body: body.to_string() }
}

/// A value as text.
pub(super) fn number(value: f64) -> String {
    if value == f64::INFINITY {
        "+Inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        value.to_string()
    }
}

/// A moment as seconds, with a fraction only where there is one.
pub(super) fn seconds(millis: i64) -> String {
    (millis as f64 / 1000.0).to_string()
}

/// One `[seconds,"value"]` pair.
pub(super) fn sample(millis: i64, value: f64) -> String {
    format!("[{},\"{}\"]", seconds(millis), number(value))
}

/// The labels as a JSON object.
pub(super) fn metric(labels: &Labels) -> String {
    serde_json::to_string(labels).unwrap_or_default()
}
