//! `POST /mattermost/dialogs`: the answer to a confirmation.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::{Granted, Mattermost, Refusal};

/// What the server posts; it sends more.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Submission {
    state: String,
    user_id: String,
    channel_id: String,
    cancelled: bool,
}

pub(super) async fn receive(State(mattermost): State<Mattermost>, body: Bytes) -> Response {
    let submission: Result<Submission, _> = serde_json::from_slice(&body);
    let submission = submission.map_err(|_| Refusal::Unreadable);
    let (user, channel) = match &submission {
        Ok(submission) => (submission.user_id.clone(), submission.channel_id.clone()),
        Err(_) => Default::default(),
    };
    let done = match submission {
        Ok(submission) if submission.cancelled => return Json(json!({})).into_response(),
        Ok(submission) => accept(&mattermost, submission).await,
        Err(refusal) => Err(refusal),
    };
    mattermost.count("dialog", &user, &channel, done.as_ref().err());
    match done {
        // An empty object closes the dialog.
        Ok(()) => Json(json!({})).into_response(),
        Err(refusal) => Json(json!({ "error": mattermost.render.word(refusal.word()) })).into_response(),
    }
}

async fn accept(mattermost: &Mattermost, submission: Submission) -> Result<(), Refusal> {
    let Submission { state, user_id, channel_id, cancelled: _ } = submission;
    let grant = mattermost.client.open(&state)?;
    // A button's grant opens the dialog; only what the dialog carries answers it.
    let opened = grant.opened.ok_or(Refusal::Elsewhere("use"))?;
    if opened.by != user_id {
        return Err(Refusal::Elsewhere("person"));
    }
    if grant.channel != channel_id {
        return Err(Refusal::Elsewhere("channel"));
    }
    let [press] = grant.presses.as_slice() else { return Err(Refusal::Elsewhere("press")) };
    mattermost
        .press(Granted {
            grant_id: grant.id,
            press: press.parse().map_err(|_| Refusal::Unreadable)?,
            incident: grant.incident,
            user: user_id,
            name: opened.name,
            channel: channel_id,
            post: opened.post_id,
        })
        .await
}
