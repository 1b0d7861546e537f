//! `POST /slack/events`, `/slack/commands` and `/slack/interactions`: what people do in Slack, signed by it.
//!
//! Verified over the body as it came, understood by [`crate::adapters::slack::inbound`], durable in the inbox, answered: no
//! other work, which keeps well within Slack's three seconds. A repeated delivery is the same event by its key. What is
//! not stored is answered 503, and Slack delivers an event again (a person presses again).

mod signature;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Form, FromRequest as _, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::adapters::slack::inbound::{self, Inbound, SlashCommand};
use crate::adapters::slack::receive::{Received, receive};
use crate::adapters::slack::socket::Acknowledge;
use crate::ports::{Clock, Store};

/// Largest body: an interaction repeats the message that it was pressed on, percent-encoded.
const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;

/// What these routes need.
#[derive(Clone)]
pub struct SlackWeb {
    /// Where events go.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Clock,
    /// What Slack signs with.
    pub signing_secret: SecretString,
    /// What answers a command at once.
    pub acknowledge: Acknowledge,
}

/// The routes.
pub fn routes(slack: SlackWeb) -> Router {
    Router::new()
        .route("/slack/events", post(events))
        .route("/slack/commands", post(commands))
        .route("/slack/interactions", post(interactions))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(slack)
}

async fn events(State(slack): State<SlackWeb>, headers: HeaderMap, body: Bytes) -> Response {
    if !slack.signed(&headers, &body) {
        return refused();
    }
    match inbound::event(&body) {
        Ok(inbound) => slack.take(inbound).await,
        Err(error) => unreadable(&error.to_string()),
    }
}

async fn commands(State(slack): State<SlackWeb>, headers: HeaderMap, body: Bytes) -> Response {
    if !slack.signed(&headers, &body) {
        return refused();
    }
    match form::<SlashCommand>(body).await {
        Some(command) => slack.take(inbound::command(command)).await,
        None => unreadable("it is not a command's form"),
    }
}

#[derive(Deserialize)]
struct Interaction {
    payload: String,
}

async fn interactions(State(slack): State<SlackWeb>, headers: HeaderMap, body: Bytes) -> Response {
    if !slack.signed(&headers, &body) {
        return refused();
    }
    let Some(Interaction { payload }) = form(body).await else { return unreadable("it has no payload") };
    match inbound::interaction(payload.as_bytes()) {
        Ok(inbound) => slack.take(inbound).await,
        Err(error) => unreadable(&error.to_string()),
    }
}

impl SlackWeb {
    fn signed(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        signature::is_good(&self.signing_secret, headers, body, (self.clock)())
    }

    async fn take(&self, inbound: Inbound) -> Response {
        match receive(self.store.as_ref(), (self.clock)(), inbound).await {
            Ok(Received::Challenge(challenge)) => challenge.into_response(),
            Ok(Received::Command(command)) => {
                let text = (self.acknowledge)(&command);
                Json(json!({"response_type": "ephemeral", "text": text})).into_response()
            }
            Ok(Received::Enqueued) => StatusCode::OK.into_response(),
            Ok(Received::Nothing(why)) => {
                tracing::trace!("nothing for us from Slack: {why}");
                StatusCode::OK.into_response()
            }
            Err(error) => {
                tracing::warn!("a delivery of Slack's is not stored: {error:#}");
                (StatusCode::SERVICE_UNAVAILABLE, "not stored, try again\n").into_response()
            }
        }
    }
}

/// A body that was verified, as a form.
async fn form<T: DeserializeOwned>(body: Bytes) -> Option<T> {
    let request = Request::post("/").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let request = request.body(body.into()).ok()?;
    Form::<T>::from_request(request, &()).await.ok().map(|Form(form)| form)
}

fn refused() -> Response {
    (StatusCode::UNAUTHORIZED, "unauthorized\n").into_response()
}

/// It will never be readable: Slack shall not send it again.
fn unreadable(why: &str) -> Response {
    tracing::warn!("a delivery of Slack's cannot be read: {why}");
    (StatusCode::BAD_REQUEST, [("x-slack-no-retry", "1")], "unreadable\n").into_response()
}
