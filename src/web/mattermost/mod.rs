//! What Mattermost sends: commands, clicks on buttons, answers to dialogs.
//!
//! None of it is signed. A command carries the token that the server made for it. A click carries a grant that we sealed
//! and that no client ever sees, and the server's signature over who clicked and when. A dialog's answer carries a grant
//! that is bound to the person who opened it. Whoever is refused learns no more than that; what was wrong is logged.

mod action;
mod command;
mod dialog;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use secrecy::SecretString;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::adapters::hearing::{Heard, Hearing};
use crate::adapters::mattermost::{Mattermost as Client, NotGranted};
use crate::domain::chat::{MessageId, Place, Platform};
use crate::domain::event::{Event, Pressed};
use crate::domain::incident::hex;
use crate::domain::policy::{Person, Principal, PrincipalKind};
use crate::domain::press::Press;
use crate::ports::StoreError;
use crate::render::Renderer;
use crate::telemetry::{Counters, Ended};
use crate::web::refusals::{Peer, Refusals};

/// Largest body: a grant with the text of a confirmation, and Mattermost's longest command.
const MAX_BODY_BYTES: usize = 512 * 1024;

/// What these routes need.
#[derive(Clone)]
pub struct Mattermost {
    /// Where events go, and which forms commands open.
    pub hearing: Hearing,
    /// Counters.
    pub counters: Arc<Counters>,
    /// The words that people read.
    pub render: Arc<Renderer>,
    /// The server: it opens dialogs, and its key proves who clicked.
    pub client: Arc<Client>,
    /// Where what is refused is written down.
    pub refusals: Arc<Refusals>,
    /// The tokens of the commands, one a team; without one no command is believed.
    pub command_tokens: Vec<SecretString>,
}

/// The routes.
pub fn routes(mattermost: Mattermost) -> Router {
    Router::new()
        .route("/mattermost/command", post(command::receive))
        .route("/mattermost/actions", post(action::receive))
        .route("/mattermost/dialogs", post(dialog::receive))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(mattermost)
}

/// Why something was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    /// The token of a command is none of ours.
    #[error("its token is none of MATTERMOST_COMMAND_TOKEN")]
    Token,
    /// It is not what Mattermost sends.
    #[error("it cannot be read")]
    Unreadable,
    /// The server did not sign who did it.
    #[error("the server did not sign that this person did it")]
    Unsigned,
    /// The grant does not count.
    #[error("its grant does not count: {0}")]
    Grant(#[from] NotGranted),
    /// The grant is for another channel, post, person or press.
    #[error("its grant is for another {0}")]
    Elsewhere(&'static str),
    /// What it permits was done with it already.
    #[error("it was used before")]
    Used,
    /// The person is not in the channel.
    #[error("the person is not in the channel")]
    NotInChannel,
    /// The store, or the server, does not answer.
    #[error("not now: {0}")]
    NotNow(String),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::NotNow(error.to_string())
    }
}

impl Refusal {
    /// The name of what the person reads.
    fn word(&self) -> &'static str {
        match self {
            Self::Grant(NotGranted::Expired) => "mattermost.expired",
            Self::NotNow(_) => "mattermost.not_now",
            Self::Used => "mattermost.used",
            Self::Token
            | Self::Unreadable
            | Self::Unsigned
            | Self::Grant(NotGranted::Forged)
            | Self::Elsewhere(_)
            | Self::NotInChannel => "mattermost.refused",
        }
    }

    fn result(&self) -> &'static str {
        match self {
            Self::NotNow(_) => "error",
            _ => "refused",
        }
    }
}

impl Mattermost {
    /// Counts what came, and logs what was refused: who, where, and why, never what they sent.
    fn count(&self, what: &'static str, peer: Peer, user: &str, channel: &str, refusal: Option<&Refusal>) {
        let result = refusal.map_or("ok", Refusal::result);
        if let Some(refusal) = refusal {
            let (user, channel) = (crate::domain::text::line(user, 64), crate::domain::text::line(channel, 64));
            tracing::warn!(user, channel, "refused a {what} of Mattermost: {refusal}");
            if !matches!(refusal, Refusal::NotNow(_)) {
                let why = format!("{refusal} (as user {user:?} in channel {channel:?})");
                self.refusals.note(&format!("mattermost {what}"), peer, &why);
            }
        }
        self.counters.callbacks.get_or_create(&Ended { of: format!("mattermost {what}"), result }).inc();
    }

    /// Puts a press into the inbox.
    async fn press(&self, press: Granted) -> Result<(), Refusal> {
        let Granted { grant_id, press, incident, user, name, channel, post, trigger } = press;
        let id = Principal::new(PrincipalKind::Mattermost, &user).map_err(|_| Refusal::Unreadable)?;
        // The same control by the same person is the same press, however often it is delivered. To see a diff changes
        // nothing, and whoever wants to see it again clicks again: then the click is named.
        let click = match &press {
            Press::ShowDiff { .. } => format!(":{}", hex(&Sha256::digest(&trigger)[..8])),
            _ => String::new(),
        };
        let pressed = Pressed {
            nonce: format!("mattermost:{grant_id}:{user}:{press}{click}"),
            press,
            incident,
            person: Person::new(id, &name),
            place: Place::Channel(Platform::Mattermost, channel),
            message: Some(MessageId(post)),
        };
        once(self.hearing.take(&Event::Pressed(pressed)).await?)
    }
}

/// What is sealed or signed counts once.
fn once(heard: Heard) -> Result<(), Refusal> {
    match heard {
        Heard::Known => Err(Refusal::Used),
        Heard::Taken | Heard::Nothing(_) => Ok(()),
    }
}

/// A press that a grant permits.
struct Granted {
    grant_id: String,
    press: Press,
    incident: crate::domain::incident::IncidentId,
    user: String,
    name: String,
    channel: String,
    post: String,
    /// What the server names and signs a click by.
    trigger: String,
}

/// An answer that one person sees. Mattermost shows the text of nothing but 200.
fn ephemeral(text: &str) -> Response {
    Json(json!({ "ephemeral_text": text, "skip_slack_parsing": true })).into_response()
}
