//! Faults on purpose: makes a fake neighbour hang, fail or lie, for tests and for game days.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use futures::{StreamExt, stream};

use super::http::reply;

/// How long a truncated answer waits before it breaks off.
const FLUSH_TIME: Duration = Duration::from_millis(50);

/// One of the simulated servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Neighbour {
    /// VictoriaMetrics.
    Metrics,
    /// VictoriaLogs.
    Logs,
    /// The Kubernetes API.
    Kubernetes,
    /// Alertmanager.
    Alertmanager,
}

/// What a neighbour does instead of answering properly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Accepts the request and never answers.
    Hang,
    /// Answers every request with this HTTP status and a plain text body.
    Status(u16),
    /// Answers 200 with an HTML page, as a login proxy does.
    Html,
    /// Sends the proper headers and half of the body, then breaks the connection.
    Truncate,
}

/// The switches. Cheap to clone; a change takes effect with the next request.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    set: Arc<Mutex<[Option<Fault>; 4]>>,
}

impl Faults {
    /// Sets the fault of a neighbour.
    pub fn set(&self, neighbour: Neighbour, fault: Fault) {
        self.lock()[neighbour as usize] = Some(fault);
    }

    /// Heals a neighbour.
    pub fn clear(&self, neighbour: Neighbour) {
        self.lock()[neighbour as usize] = None;
    }

    fn of(&self, neighbour: Neighbour) -> Option<Fault> {
        self.lock()[neighbour as usize].clone()
    }

    fn lock(&self) -> MutexGuard<'_, [Option<Fault>; 4]> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The middleware that applies the fault of one neighbour.
pub(super) async fn apply(
    State((faults, neighbour)): State<(Faults, Neighbour)>,
    request: Request,
    next: Next,
) -> Response {
    match faults.of(neighbour) {
        None => next.run(request).await,
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Status(code)) => {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let text = status.canonical_reason().unwrap_or("fault");
            reply(status, "text/plain; charset=utf-8", format!("{text}\n"))
        }
        Some(Fault::Html) => {
            reply(StatusCode::OK, "text/html; charset=utf-8", "<!DOCTYPE html><html><title>Sign in</title></html>\n")
        }
        Some(Fault::Truncate) => truncate(next.run(request).await).await,
    }
}

async fn truncate(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let half = whole.slice(..whole.len() / 2);
    parts.headers.insert(header::CONTENT_LENGTH, whole.len().into());
    let first = stream::iter([Ok::<Bytes, std::io::Error>(half)]);
    let rest = stream::once(async {
        // The first half must be on its way before the connection breaks, or the client sees no answer at all.
        tokio::time::sleep(FLUSH_TIME).await;
        Err(std::io::Error::other("truncated on purpose"))
    });
    Response::from_parts(parts, Body::from_stream(first.chain(rest)))
}
