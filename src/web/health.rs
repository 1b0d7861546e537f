//! `/healthz`, `/readyz` and `/metrics`: for kubelet and Prometheus, without credentials and without a word about incidents.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::domain::chat::Platform;
use crate::domain::policy::MAX_EXPIRY;
use crate::ports::{Backlog, ChatBacklog, Clock, Store, StoreError};
use crate::telemetry::Counters;
use crate::telemetry::counters::{OfChat, seconds};
use crate::telemetry::troubles::Troubles;

/// How long a scrape waits for the store: less than Prometheus' usual 10 s, so that it learns that the store is away.
const STORE_WITHIN: Duration = Duration::from_secs(3);

/// What these need.
#[derive(Clone)]
pub struct Health {
    /// Is asked whether it answers.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Clock,
    /// The chats in which incidents are shown.
    pub chats: Vec<Platform>,
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
    let stored = tokio::time::timeout(STORE_WITHIN, read(&health)).await;
    counters.store_up.set(i64::from(matches!(stored, Ok(Ok(())))));
    counters.resident_bytes.set(resident_bytes().await.unwrap_or(0));
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], counters.text())
        .into_response()
}

/// Sets what only the store knows. Where it does not answer, the last of what it said stays: an alert on what waits
/// should not end because nobody can look.
async fn read(health: &Health) -> Result<(), StoreError> {
    let Health { store, clock, counters, .. } = health;
    let gauge = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let now = clock();
    let age = |since: Option<DateTime<Utc>>| since.map_or(0.0, |since| seconds(now - since));
    let inbox = store.inbox().await?;
    counters.inbox_waiting.set(gauge(inbox.waiting));
    counters.inbox_dead.set(gauge(inbox.dead));
    counters.incidents_open.set(gauge(store.count_open().await?));
    let Backlog { event_since, chats } = store.backlog().await?;
    counters.inbox_oldest_seconds.set(age(event_since));
    for ChatBacklog { platform, waiting, since } in chats.iter().filter(|chat| health.chats.contains(&chat.platform)) {
        let chat = OfChat { chat: platform.as_str() };
        counters.outbox_waiting.get_or_create(&chat).set(gauge(*waiting));
        counters.outbox_oldest_seconds.get_or_create(&chat).set(age(*since));
    }
    let mut proposals = store.proposals_since(now - MAX_EXPIRY).await?;
    proposals.retain(|proposal| proposal.waits_for_people(now));
    counters.approvals_waiting.set(gauge(proposals.len()));
    counters.approvals_oldest_seconds.set(age(proposals.iter().map(|proposal| proposal.created_at).min()));
    Ok(())
}

/// Linux' own figure; `None` elsewhere.
async fn resident_bytes() -> Option<u64> {
    let status = tokio::fs::read_to_string("/proc/self/status").await.ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1024)
}
