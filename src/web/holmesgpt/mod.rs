//! HolmesGPT's HTTP API, so that its clients go on working: `/api/chat`, `/api/investigate`, `/api/issue_chat`,
//! `/api/workload_health_check` and their kin, with its field names, types, events and error bodies.
//!
//! It is stateless, as it was there: a conversation comes and goes with the request, and nothing is written to the store.
//! The answer is in the response, so these handlers do wait for neighbours and the model, through [`desk`] alone.

mod auth;
mod chat;
mod desk;
mod errors;
mod fields;
mod history;
mod investigate;
mod metadata;
mod model;
mod sections;
mod steps;
mod stream;
mod subject;
mod tool_calls;
mod types;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request};
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;

pub use desk::Desk;

use errors::Failure;
use fields::Invalid;

/// Requests at work at once; with [`MAX_BODY_BYTES`] that bounds the memory their bodies take to 64 MiB.
const AT_ONCE: usize = 8;
/// Largest body: a long conversation, or pictures that are not looked at.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// What these routes need.
pub struct HolmesGpt {
    /// Who asks neighbours and the model.
    pub desk: Desk,
    /// `X-API-Key` or bearer token; `None` on loopback.
    pub token: Option<SecretString>,
    /// Cancelled when the process is about to end: nobody is kept waiting then.
    pub stopping: CancellationToken,
}

struct Shared {
    holmes: HolmesGpt,
    at_once: Arc<Semaphore>,
}

/// The routes.
pub fn routes(holmes: HolmesGpt) -> Router {
    let shared = Arc::new(Shared { holmes, at_once: Arc::new(Semaphore::new(AT_ONCE)) });
    Router::new()
        .route("/api/chat", post(chat::chat))
        .route("/api/issue_chat", post(chat::issue_chat))
        .route("/api/workload_health_chat", post(chat::workload_health_chat))
        .route("/api/investigate", post(investigate::investigate))
        .route("/api/stream/investigate", post(investigate::stream))
        .route("/api/workload_health_check", post(investigate::workload_health_check))
        .route("/api/model", get(model::model))
        .method_not_allowed_fallback(async || errors::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), auth::guard))
        .with_state(shared)
}

/// The description of these routes.
#[derive(OpenApi)]
#[openapi(paths(
    chat::chat,
    chat::issue_chat,
    chat::workload_health_chat,
    investigate::investigate,
    investigate::stream,
    investigate::workload_health_check,
    model::model
))]
pub(super) struct Description;

impl Shared {
    /// Reads a request's body by `read`, once there is room for it. The permit is held for as long as the request is at
    /// work; the body is let go of here.
    async fn read<T>(
        &self,
        request: Request,
        read: impl FnOnce(&Value) -> Result<T, Invalid>,
    ) -> Result<(T, OwnedSemaphorePermit), Response> {
        let Ok(permit) = Arc::clone(&self.at_once).try_acquire_owned() else {
            let mut busy = errors::detail(StatusCode::TOO_MANY_REQUESTS, "too many requests at once, try again");
            busy.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
            return Err(busy);
        };
        let is_json = fields::is_json(request.headers());
        let body = Bytes::from_request(request, &()).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                errors::detail(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {MAX_BODY_BYTES} bytes"))
            }
            _ => errors::detail(StatusCode::BAD_REQUEST, "There was an error parsing the body"),
        })?;
        let wanted = fields::parse(&body, is_json).and_then(|value| read(&value));
        wanted.map(|wanted| (wanted, permit)).map_err(IntoResponse::into_response)
    }

    /// Waits for `work`, unless the process is about to end.
    async fn unless_stopping<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::select! {
            done = work => done,
            () = self.holmes.stopping.cancelled() => Err(Failure::stopping()),
        }
    }
}
