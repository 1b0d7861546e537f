//! `POST /slack/interactions` and `interactive` envelopes: presses, forms, and the shortcut on a message.

use serde::Deserialize;
use serde_json::Value;

use super::{INVESTIGATE_MESSAGE, Inbound, person, place, plain, principal};
use crate::adapters::hearing::{Said, Submitted};
use crate::adapters::slack::controls;
use crate::adapters::slack::modal::{self, Remembered, View};
use crate::domain::chat::MessageId;
use crate::domain::event::Pressed;
use crate::domain::press::Press;

/// Most of another tool's message that becomes a question, in attachments.
const MAX_ATTACHMENTS: usize = 10;

#[derive(Debug, Deserialize)]
struct Payload {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    callback_id: String,
    user: User,
    #[serde(default)]
    channel: Option<Named>,
    #[serde(default)]
    container: Option<Container>,
    #[serde(default)]
    message: Option<Message>,
    #[serde(default)]
    message_ts: Option<String>,
    #[serde(default)]
    actions: Vec<Action>,
    #[serde(default)]
    view: Option<View>,
    #[serde(default)]
    trigger_id: String,
}

#[derive(Debug, Deserialize)]
struct User {
    id: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    name: String,
}

#[derive(Debug, Deserialize)]
struct Named {
    id: String,
}

#[derive(Debug, Deserialize)]
struct Container {
    #[serde(default)]
    message_ts: Option<String>,
    #[serde(default)]
    channel_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Message {
    #[serde(default)]
    ts: Option<String>,
    #[serde(default)]
    thread_ts: Option<String>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    attachments: Vec<Attachment>,
    #[serde(default)]
    blocks: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Attachment {
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    fallback: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Action {
    #[serde(default)]
    block_id: String,
    #[serde(default)]
    action_id: String,
    #[serde(default)]
    action_ts: String,
    #[serde(default)]
    value: Option<String>,
    #[serde(default)]
    selected_option: Option<Choice>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    value: String,
}

/// An interaction, understood.
///
/// # Errors
/// When it is not one at all.
pub fn interaction(payload: &[u8]) -> Result<Inbound, serde_json::Error> {
    let payload: Payload = serde_json::from_slice(payload)?;
    Ok(match payload.kind.as_str() {
        "block_actions" => pressed(payload),
        "view_submission" => submitted(payload),
        "message_action" | "shortcut" if payload.callback_id == INVESTIGATE_MESSAGE => pointed_at(payload),
        _ => Inbound::Nothing("an interaction that is none of ours"),
    })
}

/// A modal that was sent. Of what happens with one nothing else is for us: closing it changes nothing.
fn submitted(payload: Payload) -> Inbound {
    let Some(view) = payload.view.filter(|view| view.callback_id == modal::ACTION && !view.id.is_empty()) else {
        return Inbound::Nothing("a form that is none of ours");
    };
    let Remembered { channel, thread } = view.remembered();
    let User { id, username, name } = &payload.user;
    let (Some(person), Some(place)) = (person(id, if username.is_empty() { name } else { username }), place(&channel))
    else {
        return Inbound::Nothing("a form without a proper person or channel");
    };
    let nonce = format!("slack:view:{}", view.id);
    Inbound::Submitted(Submitted { form: view.form(), person, place, thread: thread.map(MessageId), nonce })
}

fn pressed(payload: Payload) -> Inbound {
    let Payload { user, channel, container, message, message_ts, mut actions, .. } = payload;
    if actions.is_empty() {
        return Inbound::Nothing("an interaction without an action");
    }
    // Slack delivers one action at a time.
    let Action { block_id, action_id, action_ts, value, selected_option } = actions.swap_remove(0);
    let Some(incident) = controls::incident_of(&block_id) else {
        return Inbound::Nothing("a control that is none of ours");
    };
    let Some(written) = value.or(selected_option.map(|choice| choice.value)) else {
        return Inbound::Nothing("a link was followed");
    };
    let Ok(press) = written.parse::<Press>() else {
        return Inbound::Nothing("a control that means nothing to this version");
    };
    let (container_ts, container_channel) = match container {
        Some(container) => (container.message_ts, container.channel_id),
        None => (None, None),
    };
    let channel = channel.map(|channel| channel.id).or(container_channel).unwrap_or_default();
    let message = container_ts.or(message_ts).or(message.and_then(|message| message.ts));
    let name = if user.username.is_empty() { &user.name } else { &user.username };
    let (Some(person), Some(place)) = (person(&user.id, name), place(&channel)) else {
        return Inbound::Nothing("a press without a proper person or channel");
    };
    let at = message.as_deref().unwrap_or("-");
    let nonce = format!("slack:{channel}:{at}:{action_id}:{action_ts}:{}", user.id);
    Inbound::Pressed(Box::new(Pressed { press, incident, person, place, message: message.map(MessageId), nonce }))
}

/// "Investigate this message": what it says is the question.
fn pointed_at(payload: Payload) -> Inbound {
    let Payload { user, channel, message, message_ts, trigger_id, .. } = payload;
    let (Some(channel), Some(message)) = (channel, message) else {
        return Inbound::Nothing("a shortcut without a message");
    };
    let ts = message_ts.or(message.ts.clone()).unwrap_or_default();
    let words = words(&message);
    let (Some(place), Some(asker)) = (place(&channel.id), principal(&user.id)) else {
        return Inbound::Nothing("a shortcut without a proper person or channel");
    };
    if words.is_empty() {
        return Inbound::Nothing("a shortcut on a message without words");
    }
    Inbound::Said(Said {
        // What is delivered again has the same trigger; who asks again about the same message has another.
        nonce: format!("slack:shortcut:{}:{ts}:{}:{trigger_id}", channel.id, user.id),
        place,
        // Its answer belongs into that message's thread.
        thread: message.thread_ts.or(Some(ts)).filter(|thread| !thread.is_empty()).map(MessageId),
        message: None,
        text: words,
        asker,
        name: None,
        to_bot: true,
        at: None,
    })
}

/// All that a message of any tool says: text, attachments, texts of blocks, each once.
fn words(message: &Message) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut add = |text: &str| {
        let text = plain::plain(text).trim().to_owned();
        if !text.is_empty() && !said.iter().any(|known| known.contains(&text)) {
            said.push(text);
        }
    };
    add(&message.text);
    for block in &message.blocks {
        let texts = [block.pointer("/text/text"), block.pointer("/fields/0/text"), block.pointer("/fields/1/text")];
        texts.iter().filter_map(|text| text.and_then(Value::as_str)).for_each(&mut add);
    }
    for Attachment { title, text, fallback } in message.attachments.iter().take(MAX_ATTACHMENTS) {
        let said_here: Vec<&String> = [title, text].into_iter().flatten().collect();
        match (said_here.is_empty(), fallback) {
            (true, Some(fallback)) => add(fallback),
            _ => said_here.into_iter().for_each(|text| add(text)),
        }
    }
    said.join("\n")
}
