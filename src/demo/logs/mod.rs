//! The fake VictoriaLogs: one match from paths to answers, in the shapes and words of version 1.52.

mod answer;
mod counts;
mod query;
mod scope;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::http::{Asked, Refusal, reply};
use super::time::Clock;
use super::world::LogLine;

/// What the server knows: the lines by time.
pub(super) struct Logs {
    lines: Vec<LogLine>,
    clock: Clock,
}

/// The server for these (already moved) lines.
pub(super) fn router(lines: Vec<LogLine>, clock: Clock) -> Router {
    Router::new().fallback(handle).with_state(Arc::new(Logs { lines, clock }))
}

async fn handle(State(state): State<Arc<Logs>>, request: Request) -> Response {
    let asked = match Asked::read(request).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.response(),
    };
    // A regular expression over all lines is CPU work: it must not hold up the other neighbours.
    let unanswered = |_| reply(StatusCode::INTERNAL_SERVER_ERROR, answer::TEXT, "the query panicked\n");
    tokio::task::spawn_blocking(move || dispatch(&state, &asked)).await.unwrap_or_else(unanswered)
}

fn dispatch(state: &Logs, asked: &Asked) -> Response {
    let answered = match asked.path.as_str() {
        "/select/logsql/query" => query::query(state, asked),
        "/select/logsql/hits" => counts::hits(state, asked),
        "/select/logsql/field_names" => counts::field_names(state, asked),
        "/health" => Ok(reply(StatusCode::OK, answer::TEXT, "OK")),
        "/metrics" => Ok(reply(StatusCode::OK, answer::TEXT, "vl_streams_created_total 1\n")),
        "/" | "/select/vmui" | "/select/vmui/" => {
            Ok(reply(StatusCode::OK, "text/html; charset=utf-8", "<!DOCTYPE html><title>vmui</title>\n"))
        }
        path => Err(answer::refuse(format!("unsupported path requested: {path:?}"))),
    };
    answered.unwrap_or_else(Refusal::response)
}
