//! Refusals: the `Status` objects of the API server.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::resources::Resource;
use crate::demo::http::reply;

/// Why the server does not give what was asked for.
#[derive(Debug, Clone)]
pub(super) enum Refusal {
    /// No such path: not even a `Status`, but plain text.
    UnknownPath,
    BadRequest(String),
    /// Any other `Status`.
    Failed {
        code: u16,
        reason: &'static str,
        message: String,
        details: Value,
    },
    /// The continue token is too old; with this one the list can go on inconsistently.
    Expired {
        fresh: String,
    },
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cause {
    pub field: String,
    /// `FieldValueInvalid` …
    pub reason: &'static str,
    pub message: String,
}

impl Cause {
    /// A value that is out of the question.
    pub fn invalid(field: impl Into<String>, value: &Value, why: &str) -> Self {
        Self { field: field.into(), reason: "FieldValueInvalid", message: format!("Invalid value: {value}: {why}") }
    }
}

impl Refusal {
    /// The object does not exist.
    pub fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{} {name:?} not found", resource.dotted());
        Self::about(404, "NotFound", message, &resource.group, &resource.plural, Some(name))
    }

    /// The client lacks a right (403).
    pub fn forbidden(message: String, group: &str, kind: &str, name: Option<&str>) -> Self {
        Self::about(403, "Forbidden", message, group, kind, name)
    }

    /// Who sent a token that nobody has (401).
    pub fn unauthorized() -> Self {
        Self::Failed { code: 401, reason: "Unauthorized", message: "Unauthorized".into(), details: Value::Null }
    }

    /// The object is not as the client believes (409).
    pub fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", resource.dotted());
        Self::about(409, "Conflict", message, &resource.group, &resource.plural, Some(name))
    }

    fn about(code: u16, reason: &'static str, message: String, group: &str, kind: &str, name: Option<&str>) -> Self {
        let mut details = json!({"kind": kind});
        if let Some(name) = name {
            details["name"] = json!(name);
        }
        if !group.is_empty() {
            details["group"] = json!(group);
        }
        Self::Failed { code, reason, message, details }
    }

    /// Fields with impossible values (422); each cause is a field, its kind of fault and the sentence.
    pub fn invalid(group: &str, kind: &str, name: &str, causes: &[Cause]) -> Self {
        let dotted = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let sentences: Vec<String> = causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        let all = match sentences.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let listed: Vec<Value> = causes
            .iter()
            .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
            .collect();
        let mut details = json!({"causes": listed});
        for (field, value) in [("name", name), ("group", group), ("kind", kind)] {
            if !value.is_empty() {
                details[field] = json!(value);
            }
        }
        Self::Failed { code: 422, reason: "Invalid", message: format!("{dotted} {name:?} is invalid: {all}"), details }
    }

    /// The answer.
    pub fn response(self) -> Response {
        match self {
            Refusal::UnknownPath => reply(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "404 page not found\n"),
            Refusal::BadRequest(message) => status(400, "BadRequest", &message, Value::Null, json!({})),
            Refusal::Failed { code, reason, message, details } => status(code, reason, &message, details, json!({})),
            Refusal::Expired { fresh } => {
                let message = "The provided continue parameter is too old to display a consistent list result. You can start a new list without \
                    the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with \
                    the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first \
                    chunk was returned and now may show up in the list.";
                status(410, "Expired", message, Value::Null, json!({"continue": fresh}))
            }
        }
    }
}

fn status(code: u16, reason: &str, message: &str, details: Value, metadata: Value) -> Response {
    let mut body = json!({"kind": "Status", "apiVersion": "v1", "metadata": metadata, "status": "Failure", "message": message, "reason": reason, "code": code});
    if !details.is_null() {
        body["details"] = details;
    }
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    reply(code, "application/json", body.to_string())
}
