//! `POST /slack/events` and `events_api` envelopes: what people say.

use serde::Deserialize;

use super::{Inbound, place, plain, principal};
use crate::adapters::hearing::Said;
use crate::domain::chat::MessageId;

/// The outer event.
#[derive(Debug, Deserialize)]
struct Outer {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    challenge: Option<String>,
    #[serde(default)]
    event: Option<Message>,
    #[serde(default)]
    authorizations: Vec<Authorization>,
}

#[derive(Debug, Deserialize)]
struct Authorization {
    #[serde(default)]
    user_id: Option<String>,
}

/// The inner event, as far as messages have it.
#[derive(Debug, Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    subtype: Option<String>,
    #[serde(default)]
    bot_id: Option<String>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    channel: String,
    #[serde(default)]
    channel_type: Option<String>,
    #[serde(default)]
    ts: String,
    #[serde(default)]
    thread_ts: Option<String>,
}

/// An event, understood.
///
/// # Errors
/// When it is not an event at all.
pub fn event(payload: &[u8]) -> Result<Inbound, serde_json::Error> {
    let outer: Outer = match serde_json::from_slice(payload) {
        Ok(outer) => outer,
        // An inner event of another shape (a `file_shared`, a `channel_archive`) is an event all the same.
        Err(error) => {
            #[derive(Deserialize)]
            struct Any {
                #[serde(rename = "type")]
                _kind: String,
            }
            return serde_json::from_slice::<Any>(payload)
                .map(|_| Inbound::Nothing("an event that is no message"))
                .map_err(|_| error);
        }
    };
    Ok(match (outer.kind.as_str(), outer.challenge, outer.event) {
        ("url_verification", Some(challenge), _) => Inbound::Challenge(challenge),
        ("event_callback", _, Some(message)) => said(message, &outer.authorizations),
        ("app_rate_limited", _, _) => Inbound::Nothing("Slack drops events: more than 30,000 an hour"),
        _ => Inbound::Nothing("an event that is no message"),
    })
}

fn said(message: Message, authorizations: &[Authorization]) -> Inbound {
    let Message { kind, subtype, bot_id, user, text, channel, channel_type, ts, thread_ts } = message;
    let mentioned = kind == "app_mention";
    if !mentioned && kind != "message" {
        return Inbound::Nothing("an event that is no message");
    }
    // A reply that is shown in the channel, too, and one with a file are words like any other.
    if subtype.is_some_and(|subtype| !["thread_broadcast", "file_share"].contains(&subtype.as_str())) {
        return Inbound::Nothing("an edit, a join, or another message that is nobody's words");
    }
    let Some(user) = user.filter(|_| bot_id.is_none()) else { return Inbound::Nothing("a bot's words") };
    let is_me = |id: &str| authorizations.iter().any(|known| known.user_id.as_deref() == Some(id));
    if is_me(&user) {
        return Inbound::Nothing("our own words");
    }
    let (Some(place), Some(asker)) = (place(&channel), principal(&user)) else {
        return Inbound::Nothing("a message without a proper person or channel");
    };
    if ts.is_empty() {
        return Inbound::Nothing("a message that cannot be named");
    }
    let (called, words) = plain::addressed(&text);
    let calls_me = mentioned || called.iter().any(|id| is_me(id));
    if !called.is_empty() && !calls_me {
        return Inbound::Nothing("words to somebody else");
    }
    let text = plain::plain(if calls_me { words } else { &text });
    let to_bot = calls_me || channel_type.as_deref() == Some("im");
    // Whoever says the bot's name and nothing else is answered, too.
    if text.trim().is_empty() && !to_bot {
        return Inbound::Nothing("no words");
    }
    Inbound::Said(Said {
        nonce: format!("slack:{channel}:{ts}"),
        // A message can be the root of its own thread.
        thread: thread_ts.filter(|thread| *thread != ts).map(MessageId),
        message: Some(MessageId(ts)),
        text,
        asker,
        // Slack waits for this answer: it is asked for later.
        name: None,
        to_bot,
        at: None,
        place,
    })
}
