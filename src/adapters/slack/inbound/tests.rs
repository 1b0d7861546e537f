//! Payloads as real servers sent them, and hostile ones.

use serde_json::{Value, json};

use super::*;
use crate::domain::incident::IncidentId;
use crate::domain::press::Press;

fn said(event: Value) -> Inbound {
    let payload = json!({
        "token": "x", "team_id": "T1", "type": "event_callback", "event_id": "Ev1", "event_time": 1,
        "authorizations": [{"team_id": "T1", "user_id": "UBOT", "is_bot": true}], "event": event,
    });
    super::event(&serde_json::to_vec(&payload).unwrap()).unwrap()
}

fn message(text: &str) -> Value {
    json!({"type": "message", "user": "U1", "text": text, "channel": "C1", "ts": "2.0", "thread_ts": "1.0", "channel_type": "channel"})
}

#[test]
fn the_address_is_tried() {
    let body = br#"{"token":"x","challenge":"3eZbrw1aB","type":"url_verification"}"#;
    assert_eq!(event(body).unwrap(), Inbound::Challenge("3eZbrw1aB".into()));
    assert!(event(b"{}").is_err() && event(b"no").is_err());
}

#[test]
fn words_of_people_pass_and_others_do_not() {
    let Inbound::Said(reply) = said(message("why &lt;that&gt; &amp; <#C2|general> <https://x.example|x>?")) else {
        panic!()
    };
    assert_eq!(reply.text, "why <that> & #general x (https://x.example)?");
    assert_eq!((reply.thread, reply.to_bot), (Some(MessageId("1.0".into())), false));

    let mut mention = message("<@UBOT> status please");
    let Inbound::Said(by_message) = said(mention.clone()) else { panic!() };
    mention["type"] = json!("app_mention");
    let Inbound::Said(by_mention) = said(mention) else { panic!() };
    assert_eq!(by_mention.text, "status please");
    assert_eq!((&by_message.nonce, by_message.to_bot), (&by_mention.nonce, true), "both events are one question");

    let with = |name: &str, value: Value| {
        let mut event = message("x");
        event[name] = value;
        said(event)
    };
    let Inbound::Said(direct) = with("channel_type", json!("im")) else { panic!() };
    assert!(direct.to_bot);
    for nothing in [
        with("bot_id", json!("B1")),
        with("subtype", json!("message_changed")),
        with("user", json!("UBOT")),
        with("user", Value::Null),
        with("channel", json!("")),
        with("type", json!("reaction_added")),
        said(message("<@U2> can you look?")),
        with("text", json!("  ")),
        said(json!({"type": "channel_archive", "channel": "C1", "user": "U1", "event_ts": "1"})),
        said(json!({"type": "file_shared", "channel": {"id": 1}})),
    ] {
        assert!(matches!(nothing, Inbound::Nothing(_)), "{nothing:?}");
    }
    let Inbound::Said(called) = said(message("<@UBOT>  ")) else { panic!() };
    assert_eq!((called.text.as_str(), called.to_bot), ("", true));
    let own_thread = with("thread_ts", json!("2.0"));
    assert!(matches!(own_thread, Inbound::Said(Said { thread: None, .. })));
}

#[test]
fn a_press_says_what_whose_and_who() {
    // As a server sent it (tests/captures/slack-botarium.txt), with a block of ours.
    let payload = json!({
        "type": "block_actions",
        "container": {"type": "message", "message_ts": "1795384390.429479", "channel_id": "C_GENERAL", "is_ephemeral": false},
        "channel": {"id": "C_GENERAL", "name": "general"},
        "message": {"type": "message", "text": "edited", "user": "U_mybot", "ts": "1795384390.429479", "blocks": []},
        "user": {"id": "U_USER", "username": "simulator_user"},
        "actions": [{"type": "button", "action_id": "approve", "block_id": "holmes:i-3f9a1c07be:0a1b",
            "action_ts": "1795384390.962", "value": "approve p-3f9a1c07be 0f3c"}],
        "trigger_id": "1795384390962.145928.aac60bbd", "token": "x", "team": {"id": "T", "domain": "s"}, "api_app_id": "A"
    });
    let read = |payload: &Value| interaction(&serde_json::to_vec(payload).unwrap()).unwrap();
    let Inbound::Pressed(pressed) = read(&payload) else { panic!() };
    assert_eq!(pressed.incident, IncidentId("i-3f9a1c07be".into()));
    assert!(matches!(pressed.press, Press::Approve { .. }));
    assert_eq!(pressed.person.id.to_string(), "slack:U_USER");
    assert_eq!(
        (pressed.person.name.as_str(), pressed.place.to_string().as_str()),
        ("simulator_user", "slack:C_GENERAL")
    );
    assert_eq!(pressed.message, Some(MessageId("1795384390.429479".into())));
    assert_eq!(pressed.nonce, "slack:C_GENERAL:1795384390.429479:approve:1795384390.962:U_USER");

    let mut menu = payload.clone();
    menu["actions"][0] = json!({"type": "static_select", "action_id": "silence", "block_id": "holmes:i-3f9a1c07be",
        "action_ts": "1", "selected_option": {"text": {"type": "plain_text", "text": "2 h"}, "value": "silence 120"}});
    assert!(matches!(read(&menu), Inbound::Pressed(pressed) if pressed.press == Press::Silence { minutes: 120 }));

    for (path, value) in [
        ("/actions/0/block_id", json!("block_1")),
        ("/actions/0/value", json!("drop p-1")),
        ("/actions/0/value", Value::Null),
        ("/channel/id", json!("C 1")),
        ("/user/id", json!("U 1")),
        ("/type", json!("view_submission")),
    ] {
        let mut other = payload.clone();
        *other.pointer_mut(path).unwrap() = value;
        assert!(matches!(read(&other), Inbound::Nothing(_)), "{path}");
    }
}

#[test]
fn a_shortcut_asks_what_the_message_says() {
    let payload = json!({
        "type": "message_action", "callback_id": INVESTIGATE_MESSAGE, "trigger_id": "1.2.3", "message_ts": "5.0",
        "user": {"id": "U1", "name": "ann"}, "channel": {"id": "C1", "name": "alerts"},
        "message": {"type": "message", "bot_id": "B1", "ts": "5.0", "text": "",
            "attachments": [{"title": "[FIRING:1] KubePodCrashLooping", "text": "checkout &amp; cart", "fallback": "x"}]},
    });
    let read = |payload: &Value| match interaction(&serde_json::to_vec(payload).unwrap()).unwrap() {
        Inbound::Said(said) => said,
        other => panic!("{other:?}"),
    };
    let said = read(&payload);
    assert_eq!(said.text, "[FIRING:1] KubePodCrashLooping\ncheckout & cart");
    assert!(said.to_bot);
    assert_eq!(said.nonce, read(&payload).nonce, "delivered again it is the same question");
    let mut again = payload.clone();
    again["trigger_id"] = json!("4.5.6");
    assert_ne!(said.nonce, read(&again).nonce, "asked again it is another");
}

#[test]
fn a_command_is_read() {
    let form = json!({"command": "/ops", "text": "ask why &amp; how", "trigger_id": "1.2.3", "user_id": "U1",
        "user_name": "alice", "channel_id": "C1", "team_id": "T1"});
    let Inbound::Typed(typed) = command(serde_json::from_value(form).unwrap()) else { panic!() };
    assert_eq!(typed.command, Command::Ask { question: "why & how".into() });
    assert_eq!((typed.person.name.as_str(), typed.place.to_string().as_str()), ("alice", "slack:C1"));
}
