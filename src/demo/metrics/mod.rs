//! The fake VictoriaMetrics (single node): one match from paths to answers, in the server's own shapes and words.

mod answer;
mod query;
mod series;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::http::{Asked, reply};
use super::promql::{Limits, Store};
use super::time::Clock;
use super::world::Series;

/// What the server knows.
pub(super) struct Metrics {
    store: Store,
    clock: Clock,
    limits: Limits,
}

/// The server for these (already moved) series.
pub(super) fn router(series: Vec<Series>, clock: Clock) -> Router {
    let state = Metrics { store: Store::new(series), clock, limits: Limits::default() };
    Router::new().fallback(handle).with_state(Arc::new(state))
}

async fn handle(State(state): State<Arc<Metrics>>, request: Request) -> Response {
    let asked = match Asked::read(request).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.response(),
    };
    // Evaluation is CPU work of up to a second: it must not hold up the other neighbours.
    let unanswered = |_| reply(StatusCode::INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", "the query panicked\n");
    tokio::task::spawn_blocking(move || dispatch(&state, &asked)).await.unwrap_or_else(unanswered)
}

fn dispatch(state: &Metrics, asked: &Asked) -> Response {
    let path = asked.path.strip_prefix("/prometheus").unwrap_or(&asked.path);
    let label = path.strip_prefix("/api/v1/label/").and_then(|rest| rest.strip_suffix("/values"));
    match (path, label) {
        ("/api/v1/query", _) => query::instant(state, &asked.params),
        ("/api/v1/query_range", _) => query::range(state, &asked.params),
        ("/api/v1/series", _) => series::series(state, &asked.params),
        ("/api/v1/labels", _) => series::labels(state, &asked.params),
        (_, Some(label)) => series::label_values(state, label, &asked.params),
        ("/api/v1/export", _) => series::export(state, &asked.params),
        ("/api/v1/status/buildinfo", _) => {
            answer::json(StatusCode::OK, "{\"status\":\"success\",\"data\":{\"version\":\"2.24.0\"}}")
        }
        ("/api/v1/metadata", _) => answer::json(StatusCode::OK, "{\"status\":\"success\",\"data\": {}}"),
        ("/health", _) => reply(StatusCode::OK, "text/plain; charset=utf-8", "OK"),
        ("/metrics", _) => reply(StatusCode::OK, "text/plain; charset=utf-8", "vm_app_uptime_seconds 1\n"),
        ("/" | "/vmui" | "/vmui/", _) => {
            reply(StatusCode::OK, "text/html; charset=utf-8", "<!DOCTYPE html><title>vmui</title>\n")
        }
        _ => reply(
            StatusCode::BAD_REQUEST,
            "text/plain; charset=utf-8",
            format!("unsupported path requested: {:?}\n", asked.path),
        ),
    }
}
