//! What Slack delivers over HTTP: signed as its documentation says, computed apart from the code under test.

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Response;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{BOT, SIGNING_SECRET};

/// The signature of a body at a time.
pub fn signature(secret: &str, at: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("v0:{at}:{body}").as_bytes());
    let code = mac.finalize().into_bytes();
    format!("v0={}", code.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// Delivers a body to a bot, signed now.
pub async fn deliver(client: &reqwest::Client, url: &str, path: &str, body: &str) -> Response {
    let at = chrono::Utc::now().timestamp();
    let kind = if path == "events" { "application/json" } else { "application/x-www-form-urlencoded" };
    client
        .post(format!("{url}/slack/{path}"))
        .header("content-type", kind)
        .header("X-Slack-Request-Timestamp", at.to_string())
        .header("X-Slack-Signature", signature(SIGNING_SECRET, at, body))
        .body(body.to_owned())
        .send()
        .await
        .unwrap()
}

/// A person's words as an event.
pub fn message(kind: &str, user: &str, channel: &str, thread: Option<&str>, ts: &str, text: &str) -> Value {
    let mut event =
        json!({"type": kind, "user": user, "text": text, "channel": channel, "ts": ts, "channel_type": "channel"});
    if let Some(thread) = thread {
        event["thread_ts"] = json!(thread);
    }
    json!({
        "token": "x", "team_id": "T1", "api_app_id": "A1", "type": "event_callback", "event_id": format!("Ev{kind}{ts}"),
        "event_time": 1, "authorizations": [{"team_id": "T1", "user_id": BOT, "is_bot": true}], "event": event,
    })
}

/// A press on a control of a message: an element of [`super::Message::controls`].
pub fn press(user: &str, channel: &str, ts: &str, control: &Value, chosen: Option<&str>) -> Value {
    let mut action = json!({
        "type": control["type"], "action_id": control["action_id"], "block_id": control["block_id"], "action_ts": "1795384390.962",
    });
    match chosen {
        Some(value) => action["selected_option"] = json!({"text": {"type": "plain_text", "text": "x"}, "value": value}),
        None => action["value"] = control["value"].clone(),
    }
    json!({
        "type": "block_actions", "container": {"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": false},
        "channel": {"id": channel, "name": "incidents"}, "message": {"type": "message", "ts": ts, "text": "x"},
        "user": {"id": user, "username": user.to_lowercase(), "name": user.to_lowercase()}, "actions": [action],
        "trigger_id": "1.2.3", "token": "x", "team": {"id": "T1", "domain": "ops"}, "api_app_id": "A1",
    })
}

/// A command as a form.
pub fn command(user: &str, channel: &str, text: &str, trigger: &str) -> Vec<(&'static str, String)> {
    vec![
        ("command", "/holmes".into()),
        ("text", text.into()),
        ("trigger_id", trigger.into()),
        ("user_id", user.into()),
        ("user_name", user.to_lowercase()),
        ("channel_id", channel.into()),
        ("channel_name", "incidents".into()),
        ("team_id", "T1".into()),
        ("response_url", "https://hooks.slack.com/commands/1/2/3".into()),
    ]
}

/// A command as Socket Mode delivers it.
pub fn command_payload(user: &str, channel: &str, text: &str, trigger: &str) -> Value {
    command(user, channel, text, trigger).into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

/// Pairs as a form's body.
pub fn form(pairs: &[(&str, String)]) -> String {
    let mut url = reqwest::Url::parse("http://x/").unwrap();
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}
