//! The fake VictoriaMetrics (single node): one match from paths to answers, in the server's own shapes and words.

mod after;
mod answer;
mod query;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::cures::Cures;
use super::http::{Asked, reply};
use super::promql::{Limits, Store};
use super::time::Clock;
use super::world::Series;

/// The server: the series as they are by now, made anew when something was cured.
struct Server {
    clock: Clock,
    cures: Cures,
    now: Mutex<(usize, Arc<Metrics>)>,
}

/// What the server knows at one moment.
pub(super) struct Metrics {
    store: Store,
    clock: Clock,
    limits: Limits,
}

/// The server for these (already moved) series.
pub(super) fn router(series: Vec<Series>, clock: Clock, cures: Cures) -> Router {
    let metrics = Metrics { store: Store::new(series), clock: clock.clone(), limits: Limits::default() };
    let server = Server { clock, cures, now: Mutex::new((0, Arc::new(metrics))) };
    Router::new().fallback(handle).with_state(Arc::new(server))
}

impl Server {
    fn current(&self) -> Arc<Metrics> {
        let cures = self.cures.all();
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        for cure in cures.iter().skip(now.0) {
            let series = after::cured(now.1.store.all(), cure, self.clock.end());
            let metrics = Metrics { store: Store::new(series), clock: self.clock.clone(), limits: Limits::default() };
            *now = (now.0 + 1, Arc::new(metrics));
        }
        now.1.clone()
    }
}

async fn handle(State(server): State<Arc<Server>>, request: Request) -> Response {
    let asked = match Asked::read(request).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.response(),
    };
    let state = server.current();
    // Evaluation is CPU work of up to a second: it must not hold up the other neighbours.
    let unanswered = |_| reply(StatusCode::INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", "the query panicked\n");
    tokio::task::spawn_blocking(move || dispatch(&state, &asked)).await.unwrap_or_else(unanswered)
}

fn dispatch(state: &Metrics, asked: &Asked) -> Response {
    let path = asked.path.strip_prefix("/prometheus").unwrap_or(&asked.path);
    match path {
        "/api/v1/query" => query::instant(state, &asked.params),
        "/api/v1/query_range" => query::range(state, &asked.params),
        "/api/v1/status/buildinfo" => {
            answer::json(StatusCode::OK, "{\"status\":\"success\",\"data\":{\"version\":\"2.24.0\"}}")
        }
        "/health" => reply(StatusCode::OK, "text/plain; charset=utf-8", "OK"),
        "/metrics" => reply(StatusCode::OK, "text/plain; charset=utf-8", "vm_app_uptime_seconds 1\n"),
        "/" | "/vmui" | "/vmui/" => {
            reply(StatusCode::OK, "text/html; charset=utf-8", "<!DOCTYPE html><title>vmui</title>\n")
        }
        _ => reply(
            StatusCode::BAD_REQUEST,
            "text/plain; charset=utf-8",
            format!("unsupported path requested: {:?}\n", asked.path),
        ),
    }
}
