//! The fake against what the real server answered and sent: same statuses, same names, same types; nothing invented.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::bench::{Bench, proposal};
use crate::captures::{Exchange, exchanges, shape};
use crate::fake_mattermost::FakeMattermost;
use holmes_bot::ports::Chat as _;

/// What of `made` the recorded one does not have, as paths.
fn invented(made: &Value, recorded: &Value, at: &str, found: &mut Vec<String>) {
    match (made, recorded) {
        (Value::Object(made), Value::Object(recorded)) => {
            for (name, value) in made {
                match recorded.get(name) {
                    Some(known) => invented(value, known, &format!("{at}.{name}"), found),
                    None => found.push(format!("{at}.{name} is not in the recorded one")),
                }
            }
        }
        (Value::Array(made), Value::Array(recorded)) => {
            if let (Some(made), Some(recorded)) = (made.first(), recorded.first()) {
                invented(made, recorded, at, found);
            }
        }
        (made, recorded) if made == recorded => {}
        (made, recorded) => found.push(format!("{at} is {made}, recorded is {recorded}")),
    }
}

/// Posts by id differ in their names: the first stands for all, without its props, which the recording had lost by then.
fn nameless(mut answer: Value) -> Value {
    if let Some(posts) = answer["posts"].as_object().cloned()
        && let Some(post) = posts.values().next()
    {
        let mut post = post.clone();
        post["props"] = json!({});
        answer["posts"] = json!({ "post": post });
    }
    answer
}

fn compare(name: &str, made: &Value, recorded: &Value) {
    let (made, recorded) = (shape(&nameless(made.clone())), shape(&nameless(recorded.clone())));
    let mut found = Vec::new();
    invented(&made, &recorded, name, &mut found);
    assert!(found.is_empty(), "{found:#?}");
    // What the bot reads must be there.
    let names = |value: &Value| -> BTreeSet<String> {
        value.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default()
    };
    let read =
        ["id", "create_at", "delete_at", "user_id", "channel_id", "root_id", "message", "props", "order", "posts"];
    let missing: Vec<String> = names(&recorded)
        .into_iter()
        .filter(|name| read.contains(&name.as_str()) && !names(&made).contains(name))
        .collect();
    assert!(missing.is_empty(), "{name}: {missing:?}");
}

/// The same request to the fake.
async fn ask(server: &FakeMattermost, user: &str, exchange: &Exchange, path: &str, body: Value) -> (u16, Value) {
    let method: Method = exchange.method.parse().unwrap();
    let url = format!("{}/api/v4{path}", server.url());
    let mut request = server.shared.client.request(method, url);
    if !user.is_empty() {
        request = request.bearer_auth(server.token(user));
    }
    if !body.is_null() {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

#[tokio::test]
async fn the_api_answers_as_recorded() {
    let server = FakeMattermost::start().await;
    let team = server.shared.state().team("ops");
    let channel = server.channel();
    let root = server.say("holmes", &channel, "", "root").await;
    let reply = server.say("holmes", &channel, &root, "reply").await;
    let mut file = String::new();
    let mut bot = server.shared.state().user("holmes");
    for exchange in exchanges("mattermost").into_iter().filter(|exchange| exchange.path.as_str() != "/websocket") {
        let recorded: Value = serde_json::from_str(&exchange.answer).unwrap_or_default();
        let mut body: Value = serde_json::from_str(&exchange.body).unwrap_or_default();
        let (user, path) = match &exchange.name[..2] {
            "01" => ("holmes", "/users/me".to_owned()),
            "02" => ("", "/users/me".into()),
            "03" => {
                body["channel_id"] = channel.clone().into();
                ("holmes", "/posts".into())
            }
            "04" | "05" => {
                let below = if exchange.name.starts_with("04") { &root } else { &reply };
                (body["channel_id"], body["root_id"]) = (channel.clone().into(), below.clone().into());
                ("holmes", "/posts".into())
            }
            "06" => ("holmes", format!("/posts/{root}/patch")),
            "07" => ("holmes", format!("/posts/{root}/thread")),
            "08" => ("holmes", format!("/channels/{channel}/posts?per_page=2")),
            "09" => ("holmes", "/posts/ephemeral".into()),
            "10" => {
                let url = format!("{}/api/v4/files?channel_id={channel}&filename=pod.log", server.url());
                let request = server.shared.client.post(url).bearer_auth(server.token("holmes")).body("nine byte");
                let answer = request.send().await.unwrap();
                assert_eq!(answer.status().as_u16(), exchange.status);
                let answer: Value = answer.json().await.unwrap();
                file = answer["file_infos"][0]["id"].as_str().unwrap().to_owned();
                compare(&exchange.name, &answer, &recorded);
                continue;
            }
            "11" => {
                (body["channel_id"], body["file_ids"]) = (channel.clone().into(), json!([file]));
                ("holmes", "/posts".into())
            }
            "12" => ("holmes", "/teams/name/ops/channels/name/alerts".into()),
            "13" => {
                body = json!(["holmes", "alice"].map(|name| server.shared.state().user(name)));
                ("holmes", "/channels/direct".into())
            }
            "14" => ("holmes", "/posts".into()),
            "15" => ("holmes", "/nope".into()),
            "16" => ("holmes", "/posts/zzzzzzzzzzzzzzzzzzzzzzzzzz/patch".into()),
            "17" => {
                body["team_id"] = team.clone().into();
                ("admin", "/commands".into())
            }
            "18" => {
                server.shared.state().add_user("stranger", true);
                body["user_id"] = server.shared.state().user("stranger").into();
                ("admin", format!("/channels/{channel}/members"))
            }
            "19" => ("admin", format!("/users/{bot}/tokens")),
            "20" => ("admin", "/bots".into()),
            // What the server sends is looked at elsewhere.
            _ => continue,
        };
        let (status, answer) = ask(&server, user, &exchange, &path, body).await;
        assert_eq!(status, exchange.status, "{}: {answer}", exchange.name);
        compare(&exchange.name, &answer, &recorded);
        if let Some(id) = recorded["id"].as_str().filter(|_| exchange.status >= 400) {
            assert_eq!(answer["id"], id, "{}", exchange.name);
        }
        if exchange.name.starts_with("20") {
            bot = answer["user_id"].as_str().unwrap().to_owned();
        }
    }
    assert!(!bot.is_empty());
}

#[tokio::test]
async fn the_server_calls_back_as_recorded() {
    // The routes are ours; what the fake sends them is kept by a listener in between.
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::<(String, String, Value)>::new()));
    let keep = std::sync::Arc::clone(&seen);
    let listener = crate::fakes::Fake::start(axum::Router::new().fallback(move |request: axum::extract::Request| {
        let keep = std::sync::Arc::clone(&keep);
        async move {
            let (parts, body) = request.into_parts();
            let header =
                |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
            let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            let body = if header("content-type").starts_with("application/json") {
                serde_json::from_slice(&bytes).unwrap()
            } else {
                fields(std::str::from_utf8(&bytes).unwrap())
            };
            keep.lock().unwrap().push((parts.uri.path().to_owned(), header("authorization"), body));
            axum::Json(json!({ "text": "ok" }))
        }
    }))
    .await;
    let bench = Bench::new().await;
    let chat = super::bench::client(&bench.server.url(), &bench.server.token("holmes"), &listener.url());
    let sent = chat.post(&bench.to(None, "root"), &proposal(), None).await.unwrap();
    bench.server.click("alice", &sent.id.0, "Reject").await;
    bench.server.shared.state().commands.clear();
    bench.server.shared.state().add_command("ops", &format!("{}/cmd", listener.url()));
    bench.server.command("alice", &bench.server.channel(), "", "/ops restart web --force").await;
    bench.server.submit_as("alice", &bench.server.channel(), &format!("{}/dialog", listener.url()), "s").await;
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 3);
    let recorded = exchanges("mattermost");
    let recorded = |name: &str| recorded.iter().find(|exchange| exchange.name.starts_with(name)).unwrap();
    for ((_, authorization, body), name) in seen.iter().zip(["30", "31", "32"]) {
        let recorded = recorded(name);
        let known = if name == "31" { fields(&recorded.body) } else { serde_json::from_str(&recorded.body).unwrap() };
        let (mut made, mut known) = (shape(body), shape(&known));
        // What a button carries and a form asks for is each bot's own.
        for own in ["context", "submission"] {
            made.as_object_mut().unwrap().remove(own);
            known.as_object_mut().unwrap().remove(own);
        }
        assert_eq!(made, known, "{name}");
        let kind = |header: &str| header.split(' ').next().unwrap_or_default().to_owned();
        let header = recorded.headers.iter().find(|(name, _)| name == "authorization");
        assert_eq!(kind(authorization), kind(header.map_or("", |(_, value)| value.as_str())), "{name}");
    }
}

/// A form's fields in the order of their names.
fn fields(form: &str) -> Value {
    let mut url = reqwest::Url::parse("http://form/").unwrap();
    url.set_query(Some(form));
    let sorted: std::collections::BTreeMap<String, String> =
        url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    json!(sorted)
}

#[tokio::test]
async fn events_are_as_recorded() {
    use futures::{SinkExt as _, StreamExt as _};
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::protocol::Role;

    let server = FakeMattermost::start().await;
    let channel = server.channel();
    let root = server.say("holmes", &channel, "", "root").await;
    let open = async |origin: Option<&str>| {
        let url = format!("{}/api/v4/websocket", server.url());
        let mut request = server.shared.client.get(url).header("connection", "Upgrade").header("upgrade", "websocket");
        request = request.header("sec-websocket-version", "13").header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        request.send().await.unwrap()
    };
    assert_eq!(open(Some("http://evil.example")).await.status().as_u16(), 403);
    let upgraded = open(None).await.upgrade().await.unwrap();
    let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await;
    let data = json!({ "token": server.token("holmes") });
    let challenge = json!({ "seq": 1, "action": "authentication_challenge", "data": data });
    socket.send(Message::text(challenge.to_string())).await.unwrap();
    let mut next = async || {
        let message = socket.next().await.unwrap().unwrap();
        serde_json::from_str::<Value>(message.to_text().unwrap()).unwrap()
    };
    let (hello, authenticated, status) = (next().await, next().await, next().await);
    assert_eq!(status["event"], "status_change");
    server.say("alice", &channel, &root, "ack in thread").await;
    let posted = next().await;
    let recorded = exchanges("mattermost");
    for (name, made) in [("40", hello), ("41", authenticated), ("42", posted)] {
        let known = recorded.iter().find(|exchange| exchange.name.starts_with(name)).unwrap();
        let known: Value = serde_json::from_str(&known.answer).unwrap();
        assert_eq!(shape(&made), shape(&known), "{name}");
        if name == "42" {
            let post = |event: &Value| serde_json::from_str::<Value>(event["data"]["post"].as_str().unwrap()).unwrap();
            assert_eq!(shape(&post(&made)), shape(&post(&known)));
        }
    }
}
