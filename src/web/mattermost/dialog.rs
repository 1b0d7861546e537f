//! `POST /mattermost/dialogs`: the answer to a confirmation, or a form that was filled in.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, json};

use super::{Granted, Mattermost, Peer, Refusal, once};
use crate::adapters::hearing::Submitted;
use crate::adapters::mattermost::dialog::{self, Submission};
use crate::domain::action::form::WrongField;
use crate::domain::chat::{MessageId, Place, Platform};
use crate::domain::policy::{Person, Principal, PrincipalKind};

/// What the server posts; it sends more.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    callback_id: String,
    state: String,
    user_id: String,
    channel_id: String,
    cancelled: bool,
    submission: Option<Submission>,
}

impl Answer {
    /// That it comes from whom, and from where, its grant is for.
    fn is_for(&self, person: &str, channel: &str) -> Result<(), Refusal> {
        if self.user_id != person {
            return Err(Refusal::Elsewhere("person"));
        }
        if self.channel_id != channel {
            return Err(Refusal::Elsewhere("channel"));
        }
        Ok(())
    }
}

/// What became of an answer.
enum Done {
    Taken,
    Wrong(WrongField),
}

pub(super) async fn receive(State(mattermost): State<Mattermost>, peer: Peer, body: Bytes) -> Response {
    let answer: Result<Answer, _> = serde_json::from_slice(&body);
    let answer = answer.map_err(|_| Refusal::Unreadable);
    let (user, channel) = match &answer {
        Ok(answer) => (answer.user_id.clone(), answer.channel_id.clone()),
        Err(_) => Default::default(),
    };
    let done = match answer {
        Ok(answer) if answer.cancelled => return Json(json!({})).into_response(),
        Ok(answer) if answer.callback_id == dialog::FORM => fill_in(&mattermost, answer).await,
        Ok(answer) => confirm(&mattermost, answer).await.map(|()| Done::Taken),
        Err(refusal) => Err(refusal),
    };
    mattermost.count("dialog", peer, &user, &channel, done.as_ref().err());
    match done {
        // An empty object closes the dialog.
        Ok(Done::Taken) => Json(json!({})).into_response(),
        Ok(Done::Wrong(WrongField { field, problem })) => {
            let mut errors = Map::new();
            errors.insert(field.as_str().to_owned(), problem.into());
            Json(json!({ "errors": errors })).into_response()
        }
        Err(refusal) => Json(json!({ "error": mattermost.render.word(refusal.word()) })).into_response(),
    }
}

async fn confirm(mattermost: &Mattermost, answer: Answer) -> Result<(), Refusal> {
    let grant = mattermost.client.open(&answer.state)?;
    // A button's grant opens the dialog; only what the dialog carries answers it.
    let opened = grant.opened.ok_or(Refusal::Elsewhere("use"))?;
    answer.is_for(&opened.by, &grant.channel)?;
    let [press] = grant.presses.as_slice() else { return Err(Refusal::Elsewhere("press")) };
    mattermost
        .press(Granted {
            grant_id: grant.id,
            press: press.parse().map_err(|_| Refusal::Unreadable)?,
            incident: grant.incident,
            user: answer.user_id,
            name: opened.name,
            channel: answer.channel_id,
            post: opened.post_id,
            trigger: String::new(),
        })
        .await
}

/// A form of a command: it is the command that would have been typed, or says what is wrong with it.
async fn fill_in(mattermost: &Mattermost, answer: Answer) -> Result<Done, Refusal> {
    let grant = mattermost.client.open_form(&answer.state)?;
    answer.is_for(&grant.by, &grant.channel)?;
    let id = Principal::new(PrincipalKind::Mattermost, &grant.by).map_err(|_| Refusal::Unreadable)?;
    let submitted = Submitted {
        form: answer.submission.unwrap_or_default().form(),
        person: Person::new(id, &grant.name),
        place: Place::Channel(Platform::Mattermost, grant.channel),
        thread: grant.thread.map(MessageId),
        nonce: format!("mattermost:form:{}", grant.id),
    };
    match mattermost.hearing.submitted(submitted).await? {
        Ok(heard) => once(heard).map(|()| Done::Taken),
        Err(wrong) => Ok(Done::Wrong(wrong)),
    }
}
