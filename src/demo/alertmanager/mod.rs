//! The fake Alertmanager: silences of API v2, with the answers of version 0.25.

mod silence;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::http::{Asked, Refusal, reply};
use super::time::Clock;
use silence::{Silence, Silences};

/// What the server knows.
struct Alertmanager {
    silences: Mutex<Silences>,
    clock: Clock,
}

/// The server.
pub(super) fn router(clock: Clock) -> Router {
    let state = Alertmanager { silences: Mutex::default(), clock };
    Router::new().fallback(handle).with_state(Arc::new(state))
}

async fn handle(State(state): State<Arc<Alertmanager>>, request: Request) -> Response {
    match Asked::read(request).await {
        Ok(asked) => dispatch(&state, &asked).unwrap_or_else(Refusal::response),
        Err(refusal) => refusal.response(),
    }
}

fn dispatch(state: &Alertmanager, asked: &Asked) -> Result<Response, Refusal> {
    let mut silences = state.silences.lock().unwrap_or_else(PoisonError::into_inner);
    let now = state.clock.now();
    let id = asked.path.strip_prefix("/api/v2/silence/");
    match (&asked.method, asked.path.as_str(), id) {
        (&Method::GET, "/-/ready" | "/-/healthy", _) => Ok(reply(StatusCode::OK, "text/plain; charset=utf-8", "OK")),
        (&Method::GET, "/", _) => {
            Ok(reply(StatusCode::OK, "text/html; charset=utf-8", "<!DOCTYPE html><title>Alertmanager</title>\n"))
        }
        (&Method::GET, "/api/v2/status", _) => Ok(ok(&json!({
            "cluster": {"peers": [], "status": "disabled"},
            "versionInfo": {"branch": "", "buildDate": "", "buildUser": "", "goVersion": "", "revision": "", "version": "0.25.0"},
            "config": {"original": ""}, "uptime": silence::written(now),
        }))),
        (&Method::GET, "/api/v2/silences", _) => Ok(ok(&silences.list(now))),
        (&Method::POST, "/api/v2/silences", _) => {
            let silence = Silence::read(&body(asked)?, now)?;
            silences.set(silence, now).map(|id| ok(&json!({"silenceID": id})))
        }
        (&Method::GET, _, Some(id)) => silences.get(uuid(id)?, now).map(|silence| ok(&silence)),
        (&Method::DELETE, _, Some(id)) => {
            silences.expire(uuid(id)?, now)?;
            Ok(reply(StatusCode::OK, "application/json", ""))
        }
        (_, path, _) => Err(coded(404, 404, &format!("path {path} was not found"))),
    }
}

fn body(asked: &Asked) -> Result<Value, Refusal> {
    let kind = asked.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/json") {
        let message = format!("unsupported media type {kind:?}, only [application/json] are allowed");
        return Err(coded(415, 415, &message));
    }
    serde_json::from_slice(&asked.body).map_err(|error| {
        let why = if error.is_eof() { "unexpected EOF".to_owned() } else { error.to_string() };
        coded(400, 400, &format!("parsing silence body from \"\" failed, because {why}"))
    })
}

fn uuid(id: &str) -> Result<&str, Refusal> {
    let fits = id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let message = format!("silenceID in path must be of type uuid: {id:?}");
    if fits { Ok(id) } else { Err(coded(422, 601, &message)) }
}

/// A refusal by the generated half of the server: an object with a code of its own.
fn coded(status: u16, code: u16, message: &str) -> Refusal {
    refused(status, &json!({"code": code, "message": message}))
}

/// A refusal by Alertmanager itself: a bare text.
fn plain(status: u16, message: &str) -> Refusal {
    refused(status, &json!(message))
}

fn refused(status: u16, body: &Value) -> Refusal {
    Refusal {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        content_type: "application/json",
        body: format!("{body}\n"),
    }
}

fn ok(value: &Value) -> Response {
    reply(StatusCode::OK, "application/json", format!("{value}\n"))
}
