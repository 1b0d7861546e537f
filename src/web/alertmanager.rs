//! `POST /webhook/alertmanager`: notifications of Alertmanager and VMAlertmanager.
//!
//! 2xx means "stored durably". Alertmanager repeats a delivery only on 5xx, so whatever may pass by itself (a full
//! inbox, a full disk) answers 503, and 4xx is kept for what will never be right.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::verify;
use crate::domain::event::Event;
use crate::domain::notification::Notification;
use crate::domain::trace::TraceParent;
use crate::ports::{Clock, Store, StoreError};
use crate::telemetry::{Counters, Ended, trace};

/// Bytes of bodies that may be in memory at once; a parsed body takes about three times its length.
const MAX_BODIES_BYTES: usize = 32 * 1024 * 1024;
/// The unit in which bodies are booked against that.
const BODY_UNIT_BYTES: usize = 64 * 1024;
/// How long a delivery waits for its turn before Alertmanager is asked to come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the webhook needs.
pub struct Webhook {
    /// Where notifications go.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Clock,
    /// Counters.
    pub counters: Arc<Counters>,
    /// Bearer token or basic password; `None` on loopback.
    pub token: Option<SecretString>,
    /// Largest body.
    pub max_bytes: usize,
}

struct Shared {
    webhook: Webhook,
    bodies: Semaphore,
}

/// The webhook's routes, the predecessor's path among them.
pub fn routes(webhook: Webhook) -> Router {
    let limit = DefaultBodyLimit::max(webhook.max_bytes);
    let bodies = Semaphore::new(MAX_BODIES_BYTES.max(webhook.max_bytes) / BODY_UNIT_BYTES + 1);
    Router::new()
        .route("/webhook/alertmanager", post(receive))
        .route("/webhook", post(receive))
        .layer(limit)
        .with_state(Arc::new(Shared { webhook, bodies }))
}

async fn receive(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let began = Instant::now();
    let webhook = &shared.webhook;
    let span = span(request.headers());
    let accepted = match verify::allows(webhook.token.as_ref(), request.headers()) {
        true => accept(&shared, request).instrument(span.clone()).await,
        false => Err((StatusCode::UNAUTHORIZED, "its token is not HOLMES_WEBHOOK_TOKEN".to_owned())),
    };
    let (result, response) = match accepted {
        Ok(response) => ("ok", response),
        Err((status, text)) => {
            tracing::warn!(status = status.as_u16(), "refused a notification: {text}");
            let result = if status.is_server_error() { "error" } else { "refused" };
            trace::failed(&span, result);
            // A stranger learns nothing but "no".
            let is_stranger = status == StatusCode::UNAUTHORIZED;
            let said = || (status, format!("{text}\n")).into_response();
            (result, if is_stranger { verify::refused() } else { said() })
        }
    };
    webhook.counters.notifications.get_or_create(&Ended { of: "alertmanager".into(), result }).inc();
    span.in_scope(|| webhook.counters.acknowledge_seconds.observe(began.elapsed()));
    response
}

/// The delivery's span, where it belongs to a trace. Others would be a trace each, of which nothing is to be seen.
fn span(headers: &HeaderMap) -> Span {
    let parent = headers.get(trace::TRACEPARENT).and_then(|value| TraceParent::parse(value.to_str().ok()?));
    if parent.is_none() {
        return Span::none();
    }
    let span = tracing::info_span!(
        "POST /webhook/alertmanager",
        otel.kind = "server",
        otel.status_code = Empty,
        error.type = Empty,
        alerts = Empty,
    );
    trace::follow(&span, parent.as_ref());
    span
}

async fn accept(shared: &Shared, request: Request) -> Result<Response, (StatusCode, String)> {
    let webhook = &shared.webhook;
    let busy = |what: String| (StatusCode::SERVICE_UNAVAILABLE, what);
    let units =
        u32::try_from(announced(request.headers(), webhook.max_bytes) / BODY_UNIT_BYTES + 1).unwrap_or(u32::MAX);
    let turn = tokio::time::timeout(PATIENCE, shared.bodies.acquire_many(units)).await;
    let Ok(Ok(_turn)) = turn else { return Err(busy("too many deliveries at once, try again".into())) };

    let body =
        Bytes::from_request(request, &()).await.map_err(|rejection| unreadable(&rejection, webhook.max_bytes))?;
    let now = (webhook.clock)();
    // A storm's body takes tens of milliseconds to read: not on a thread that serves others.
    let parsed = tokio::task::spawn_blocking(move || Notification::parse(&body, now)).await;
    let parsed = parsed.map_err(|error| busy(format!("reading the body was interrupted: {error}")))?;
    let mut notification = parsed.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    notification.trace = trace::current();
    Span::current().record("alerts", notification.alerts.len());

    if notification.truncated_alerts > 0 {
        tracing::warn!(
            "{} alerts were cut off by `max_alerts` of the receiver {}: raise it, or set it to 0",
            notification.truncated_alerts,
            notification.receiver
        );
    }
    webhook.counters.alerts.inc_by(notification.alerts.len() as u64);
    match webhook.store.enqueue(&Event::Notification(notification), now).await {
        Ok(id) => {
            Ok((StatusCode::OK, axum::Json(serde_json::json!({"status": "accepted", "event": id}))).into_response())
        }
        Err(error @ StoreError::Full(_)) => Err(busy(format!("{error}, try again"))),
        Err(error) => Err(busy(format!("not stored, try again: {error:#}"))),
    }
}

/// The body's announced length; one that announces nothing is booked as the largest.
fn announced(headers: &HeaderMap, max: usize) -> usize {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    length.unwrap_or(max).min(max)
}

fn unreadable(rejection: &BytesRejection, max: usize) -> (StatusCode, String) {
    let status = rejection.status();
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        let mend = format!(
            "the body is larger than {max} bytes: set `max_alerts` in webhook_config or raise HOLMES_WEBHOOK_MAX_BYTES"
        );
        (status, mend)
    } else {
        // The connection broke off: Alertmanager will send it again.
        (StatusCode::SERVICE_UNAVAILABLE, "the body did not arrive whole".into())
    }
}
