//! `/healthz`, `/readyz` and `/metrics`: for kubelet and Prometheus, without credentials and without a word about incidents.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::ports::Store;
use crate::telemetry::Counters;
use crate::telemetry::troubles::Troubles;

/// What these need.
#[derive(Clone)]
pub struct Health {
    /// Is asked whether it answers.
    pub store: Arc<dyn Store>,
    /// Counters.
    pub counters: Arc<Counters>,
    /// What needs a person. It makes nobody unready: what else works goes on.
    pub troubles: Arc<Troubles>,
    /// Cancelled when the process is about to end: not ready any more.
    pub stopping: CancellationToken,
}

/// The routes.
pub fn routes(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(async || Json(json!({"status": "healthy"}))))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health)
}

async fn ready(State(health): State<Health>) -> Response {
    let reason = if health.stopping.is_cancelled() {
        "shutting down".to_owned()
    } else {
        match health.store.inbox().await {
            Ok(_) => return Json(is_ready(&health.troubles)).into_response(),
            Err(error) => format!("{error:#}"),
        }
    };
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "not ready", "reason": reason}))).into_response()
}

fn is_ready(troubles: &Troubles) -> Value {
    let troubles: Map<String, Value> =
        troubles.all().into_iter().map(|(about, what)| (about, Value::String(what))).collect();
    if troubles.is_empty() { json!({"status": "ready"}) } else { json!({"status": "ready", "troubles": troubles}) }
}

async fn metrics(State(health): State<Health>) -> Response {
    let counters = &health.counters;
    let gauge = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    if let Ok(inbox) = health.store.inbox().await {
        counters.inbox_waiting.set(gauge(inbox.waiting));
        counters.inbox_dead.set(gauge(inbox.dead));
    }
    if let Ok(open) = health.store.count_open().await {
        counters.incidents_open.set(gauge(open));
    }
    counters.resident_bytes.set(resident_bytes().await.unwrap_or(0));
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], counters.text())
        .into_response()
}

/// Linux' own figure; `None` elsewhere.
async fn resident_bytes() -> Option<u64> {
    let status = tokio::fs::read_to_string("/proc/self/status").await.ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1024)
}
