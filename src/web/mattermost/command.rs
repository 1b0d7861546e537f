//! `POST /mattermost/command`: `/holmes …`, also inside threads.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Mattermost, Peer, Refusal, once};
use crate::adapters::mattermost::seal::{DIALOG_LIVES, random_hex};
use crate::adapters::mattermost::{FormGrant, Proof};
use crate::config::is_secret;
use crate::domain::chat::{MessageId, Place, Platform};
use crate::domain::command::Command;
use crate::domain::event::{Event, Typed};
use crate::domain::incident::hex;
use crate::domain::policy::{Person, Principal, PrincipalKind};

/// What the server posts as a form; it sends more.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Form {
    token: String,
    channel_id: String,
    user_id: String,
    user_name: String,
    text: String,
    trigger_id: String,
    root_id: String,
}

/// What became of a command.
enum Done {
    Enqueued,
    Asked,
}

pub(super) async fn receive(
    State(mattermost): State<Mattermost>,
    peer: Peer,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let form: Option<Form> = reqwest::Url::parse("http://form/").ok().and_then(|mut url| {
        url.set_query(std::str::from_utf8(&body).ok());
        let fields = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned().into()));
        serde_json::from_value(serde_json::Value::Object(fields.collect())).ok()
    });
    let form = form.unwrap_or_default();
    let taken = accept(&mattermost, &headers, &form).await;
    mattermost.count("command", peer, &form.user_id, &form.channel_id, taken.as_ref().err());
    let text = match &taken {
        Ok(Done::Enqueued) => mattermost.render.word("mattermost.heard"),
        // An answer without words would be an error to the server.
        Ok(Done::Asked) => mattermost.render.word("mattermost.form"),
        Err(Refusal::Token) => return (StatusCode::UNAUTHORIZED, "unauthorized\n").into_response(),
        Err(Refusal::Unreadable) => return (StatusCode::BAD_REQUEST, "unreadable\n").into_response(),
        Err(refusal) => mattermost.render.word(refusal.word()),
    };
    Json(json!({ "response_type": "ephemeral", "text": text, "skip_slack_parsing": true })).into_response()
}

async fn accept(mattermost: &Mattermost, headers: &HeaderMap, form: &Form) -> Result<Done, Refusal> {
    let header = headers.get(header::AUTHORIZATION).map(header::HeaderValue::as_bytes).unwrap_or_default();
    let header = header.strip_prefix(b"Token ").unwrap_or_default();
    // Every token is compared, so that the time tells nothing of which one nearly fitted.
    let known = mattermost
        .command_tokens
        .iter()
        .fold(false, |known, token| known | is_secret(token, form.token.as_bytes()) | is_secret(token, header));
    if !known {
        return Err(Refusal::Token);
    }
    let Form { channel_id, user_id, user_name, text, trigger_id, root_id, .. } = form;
    let id = Principal::new(PrincipalKind::Mattermost, user_id).map_err(|_| Refusal::Unreadable)?;
    let place = Place::Channel(Platform::Mattermost, channel_id.clone());
    if place.to_string().parse::<Place>().is_err() {
        return Err(Refusal::Unreadable);
    }
    if mattermost.client.proof(trigger_id, user_id).await == Proof::Forged {
        return Err(Refusal::Unsigned);
    }
    let thread = (!root_id.is_empty()).then(|| MessageId(root_id.clone()));
    let nonce =
        format!("mattermost:{}", hex(&Sha256::digest(format!("{trigger_id}\n{user_id}\n{channel_id}\n{text}"))));
    let person = Person::new(id, user_name);
    let typed = Typed { command: Command::parse(text), person, place, thread, incident: None, nonce };
    let (typed, page) = mattermost.hearing.typed(typed).await?;
    if let Some(page) = page {
        let grant = FormGrant {
            id: random_hex(16).map_err(|error| Refusal::NotNow(error.to_string()))?,
            channel: channel_id.clone(),
            thread: typed.thread.as_ref().map(|thread| thread.0.clone()),
            by: user_id.clone(),
            name: user_name.clone(),
            until: (mattermost.hearing.clock)() + DIALOG_LIVES,
        };
        match mattermost.client.ask(trigger_id, &grant, &page).await {
            Ok(()) => return Ok(Done::Asked),
            // What is missing is then said in words.
            Err(error) => tracing::warn!("Mattermost opens no form for a command: {error}"),
        }
    }
    once(mattermost.hearing.take(&Event::Command(typed)).await?)?;
    Ok(Done::Enqueued)
}
