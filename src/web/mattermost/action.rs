//! `POST /mattermost/actions`: a click on a button, or a choice from a menu.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::{Granted, Mattermost, Peer, Refusal, ephemeral};
use crate::adapters::mattermost::Proof;
use crate::adapters::mattermost::seal::{DIALOG_LIVES, Grant, Opened};
use crate::domain::chat::Platform;
use crate::domain::press::Press;

/// What the server posts; it sends more.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Click {
    user_id: String,
    user_name: String,
    channel_id: String,
    post_id: String,
    trigger_id: String,
    context: Carried,
}

/// What the button carried, and what was chosen from a menu.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Carried {
    grant: String,
    selected_option: Option<String>,
}

/// What became of a click.
enum Done {
    Recorded,
    Asked,
}

pub(super) async fn receive(State(mattermost): State<Mattermost>, peer: Peer, body: Bytes) -> Response {
    let click: Result<Click, _> = serde_json::from_slice(&body);
    let click = click.map_err(|_| Refusal::Unreadable);
    let (user, channel) = match &click {
        Ok(click) => (click.user_id.clone(), click.channel_id.clone()),
        Err(_) => Default::default(),
    };
    let done = match click {
        Ok(click) => accept(&mattermost, click).await,
        Err(refusal) => Err(refusal),
    };
    mattermost.count("click", peer, &user, &channel, done.as_ref().err());
    match done {
        Ok(Done::Recorded) => ephemeral(&mattermost.render.word("mattermost.recorded")),
        Ok(Done::Asked) => ephemeral(""),
        Err(refusal) => ephemeral(&mattermost.render.word(refusal.word())),
    }
}

async fn accept(mattermost: &Mattermost, click: Click) -> Result<Done, Refusal> {
    let Click { user_id, user_name, channel_id, post_id, trigger_id, context } = click;
    let grant = mattermost.client.open(&context.grant)?;
    let press = chosen(&grant, context.selected_option.as_deref())?;
    if grant.opened.is_some() {
        return Err(Refusal::Elsewhere("use"));
    }
    if grant.channel != channel_id {
        return Err(Refusal::Elsewhere("channel"));
    }
    let shown = mattermost.hearing.store.projection(Platform::Mattermost, &grant.incident).await?;
    let message = shown.value.shown.get(&grant.post).and_then(|shown| shown.id.as_ref());
    // While the post is being sent its id is not known yet.
    if message.is_some_and(|message| message.0 != post_id) {
        return Err(Refusal::Elsewhere("post"));
    }
    if mattermost.client.proof(&trigger_id, &user_id).await == Proof::Forged {
        return Err(Refusal::Unsigned);
    }
    let Some(confirm) = grant.confirm.clone() else {
        let granted = Granted {
            grant_id: grant.id,
            press,
            incident: grant.incident,
            user: user_id,
            name: user_name,
            channel: channel_id,
            post: post_id,
            trigger: trigger_id,
        };
        mattermost.press(granted).await?;
        return Ok(Done::Recorded);
    };
    let not_now = |error: crate::adapters::mattermost::ApiError| Refusal::NotNow(error.to_string());
    if !mattermost.client.is_member(&channel_id, &user_id).await.map_err(not_now)? {
        return Err(Refusal::NotInChannel);
    }
    let now = (mattermost.hearing.clock)();
    let question = Grant {
        presses: vec![press.to_string()],
        until: grant.until.min(now + DIALOG_LIVES),
        confirm: None,
        opened: Some(Opened { by: user_id, name: user_name, post_id }),
        ..grant
    };
    mattermost.client.confirm(&trigger_id, &question, &confirm).await.map_err(not_now)?;
    Ok(Done::Asked)
}

/// The press that was meant: the button's own, or the one that was chosen among the menu's.
fn chosen(grant: &Grant, option: Option<&str>) -> Result<Press, Refusal> {
    let written = match (grant.presses.as_slice(), option) {
        ([only], None) => only,
        (several, Some(option)) => several.iter().find(|press| *press == option).ok_or(Refusal::Elsewhere("press"))?,
        _ => return Err(Refusal::Elsewhere("press")),
    };
    written.parse().map_err(|_| Refusal::Unreadable)
}
