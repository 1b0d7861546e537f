//! Answers as Slack gives them.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

const SCOPES: &str = "x-oauth-scopes";

pub fn good(mut body: Value) -> Response {
    body["ok"] = json!(true);
    Json(body).into_response()
}

/// A success with the scopes of the token in its header, as every one has.
pub fn with_scopes(body: Value, scopes: &str) -> Response {
    let mut response = good(body);
    response.headers_mut().insert(SCOPES, scopes.parse().unwrap());
    response
}

pub fn error(code: &str) -> Response {
    Json(json!({"ok": false, "error": code})).into_response()
}

pub fn explained(code: &str, message: &str) -> Response {
    Json(json!({"ok": false, "error": code, "response_metadata": {"messages": [format!("[ERROR] {message}")]}}))
        .into_response()
}

pub fn wait(seconds: u64) -> Response {
    let after = [(header::RETRY_AFTER, seconds.to_string())];
    (StatusCode::TOO_MANY_REQUESTS, after, Json(json!({"ok": false, "error": "ratelimited"}))).into_response()
}

pub fn status(status: u16) -> Response {
    text(status, "upstream error")
}

pub fn text(status: u16, text: &str) -> Response {
    (StatusCode::from_u16(status).unwrap(), text.to_owned()).into_response()
}
