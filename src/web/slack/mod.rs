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

use crate::adapters::slack::inbound::{self, Inbound, SlashCommand};
use crate::adapters::slack::receive::{Received, Receiver};
use crate::ports::Clock;
use crate::web::refusals::{Peer, Refusals};

/// Largest body: an interaction repeats the message that it was pressed on, percent-encoded.
const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;

/// What these routes need.
#[derive(Clone)]
pub struct SlackWeb {
    /// Takes what comes.
    pub receiver: Arc<Receiver>,
    /// The time.
    pub clock: Clock,
    /// What Slack signs with.
    pub signing_secret: SecretString,
    /// Where what nobody signed is written down.
    pub refusals: Arc<Refusals>,
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

async fn events(State(slack): State<SlackWeb>, peer: Peer, headers: HeaderMap, body: Bytes) -> Response {
    if !slack.signed(&headers, &body) {
        return slack.refused("events", peer);
    }
    match inbound::event(&body) {
        Ok(inbound) => slack.take(inbound).await,
        Err(error) => unreadable(&error.to_string()),
    }
}

async fn commands(State(slack): State<SlackWeb>, peer: Peer, headers: HeaderMap, body: Bytes) -> Response {
    if !slack.signed(&headers, &body) {
        return slack.refused("commands", peer);
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

async fn interactions(State(slack): State<SlackWeb>, peer: Peer, headers: HeaderMap, body: Bytes) -> Response {
    if !slack.signed(&headers, &body) {
        return slack.refused("interactions", peer);
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

    /// Nobody signed it, or not now. Whoever sent it learns nothing more.
    fn refused(&self, path: &str, peer: Peer) -> Response {
        tracing::warn!("refused a delivery to /slack/{path}: it is not signed by Slack, or not lately");
        self.refusals.note(&format!("slack {path}"), peer, "it is not signed by Slack, or not lately");
        (StatusCode::UNAUTHORIZED, "unauthorized\n").into_response()
    }

    async fn take(&self, inbound: Inbound) -> Response {
        match self.receiver.receive(inbound).await {
            Ok(Received::Challenge(challenge)) => challenge.into_response(),
            Ok(received) => {
                if let Received::Nothing(why) = &received {
                    tracing::trace!("nothing for us from Slack: {why}");
                }
                received.answer().map_or_else(|| StatusCode::OK.into_response(), |answer| Json(answer).into_response())
            }
            Err(error) => {
                tracing::warn!("a delivery of Slack's is not stored: {error:#}");
                (StatusCode::SERVICE_UNAVAILABLE, "not stored, try again\n").into_response()
            }
        }
    }
}

/// A body that was verified, as a form.
pub async fn form<T: DeserializeOwned>(body: Bytes) -> Option<T> {
    let request = Request::post("/").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let request = request.body(body.into()).ok()?;
    Form::<T>::from_request(request, &()).await.ok().map(|Form(form)| form)
}

/// It will never be readable: Slack shall not send it again.
fn unreadable(why: &str) -> Response {
    tracing::warn!("a delivery of Slack's cannot be read: {why}");
    (StatusCode::BAD_REQUEST, [("x-slack-no-retry", "1")], "unreadable\n").into_response()
}
