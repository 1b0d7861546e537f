//! The fake against what real servers answered, and our reading of what they sent.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::fake_slack::{BOT_TOKEN, FakeSlack, INCIDENTS};
use crate::process::client;

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Fields of an answer, which the fake's must be among, and errors, which must be the same.
#[tokio::test]
async fn the_fake_answers_as_a_server_did() {
    let fake = FakeSlack::start().await;
    let client = client();
    let call = async |method: &str, token: Option<&str>, arguments: Value| -> Value {
        let mut request = client.post(format!("{}/{method}", fake.api_url)).json(&arguments);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap().json().await.unwrap()
    };
    let root = fake.workspace().says("U0ANN", INCIDENTS, None, "root");
    let posted = call("chat.postMessage", Some(BOT_TOKEN), json!({"channel": INCIDENTS, "text": "x"})).await;
    let mut compared = 0;
    for recorded in lines(include_str!("../../captures/slack/answers.jsonl")) {
        let method = recorded["call"].as_str().unwrap();
        let arguments = recorded["arguments"].as_str().unwrap();
        let mut given: Value = serde_json::from_str(arguments).unwrap_or_else(|_| json!({}));
        if given["channel"] == "C9F2186553" {
            given["channel"] = json!(INCIDENTS);
        }
        let known = given["ts"].as_str().is_some_and(|ts| ts.starts_with("1795384544"));
        match method {
            "chat.update" if known => {
                given["ts"] = posted["ts"].clone();
                given["blocks"] = json!([]);
            }
            "chat.update" => given["blocks"] = json!([]),
            "conversations.replies" => given["ts"] = json!(root),
            // Its file is another's; and to an unknown method an emulator answered as a router does.
            "files.completeUploadExternal" | "nope.method" => continue,
            _ => {}
        }
        if given["thread_ts"].is_string() {
            given["thread_ts"] = json!(root);
        }
        let answer = match method {
            "no auth" | "bad token" => {
                let token = (method == "bad token").then_some("xoxb-other");
                call("auth.test", token, json!({})).await
            }
            method => call(method, Some(BOT_TOKEN), given).await,
        };
        let expected = &recorded["answer"];
        assert_eq!(answer["ok"], expected["ok"], "{method} {arguments}: {answer}");
        // To that server a token that it does not know is none; Slack has a word of its own for it.
        let unknown = json!("invalid_auth");
        let error = if method == "bad token" { &unknown } else { &expected["error"] };
        assert_eq!(answer["error"], *error, "{method} {arguments}");
        let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        let ours = ["response_metadata", "error", "bot_id"].map(str::to_owned).into_iter().collect::<BTreeSet<_>>();
        let invented: Vec<String> =
            names(&answer).difference(&names(expected)).filter(|name| !ours.contains(*name)).cloned().collect();
        assert!(invented.is_empty(), "{method} answers {invented:?}, which the server did not");
        compared += 1;
    }
    assert!(compared >= 10, "{compared}");
}

#[test]
fn what_a_server_sent_is_understood() {
    use holmes_bot::adapters::slack::inbound::{self, Inbound, SlashCommand};
    let mut said = 0;
    for frame in lines(include_str!("../../captures/slack/frames.jsonl")) {
        let payload = serde_json::to_vec(&frame["payload"]).unwrap();
        let inbound = match frame["type"].as_str().unwrap() {
            "hello" => continue,
            "events_api" => inbound::event(&payload).unwrap(),
            "interactive" => inbound::interaction(&payload).unwrap(),
            "slash_commands" => inbound::command(serde_json::from_slice::<SlashCommand>(&payload).unwrap()),
            other => panic!("{other}"),
        };
        match inbound {
            Inbound::Said(_) | Inbound::Typed(_) => said += 1,
            // Its buttons are another app's, and so are its shortcut and its form.
            Inbound::Nothing(_) if frame["type"] == "interactive" => {}
            // This server does not say who the bot is: a mention counts by its other event.
            Inbound::Nothing(_) => assert_eq!(frame["payload"]["event"]["text"], "<@U_mybot> status please"),
            other => panic!("{other:?}"),
        }
    }
    assert!(said >= 3, "{said}");
}
