//! What people do with their clients: they write, click, choose, answer dialogs and type commands; and what the server
//! then sends to the bot.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use ring::signature::{ECDSA_P256_SHA256_ASN1, KeyPair as _, UnparsedPublicKey};
use serde_json::{Value, json};

use super::api::{Answer, Caller, FORBIDDEN, No, Server, ok};
use super::state::Dialog;
use super::{FakeMattermost, Shared, posts};

/// How old a trigger may be that opens a dialog.
const TRIGGER_MILLIS: i64 = 3_000;
const FAILED: No = No(400, "api.post.do_action.action_integration.app_error", "Action integration error.");

/// What came of a click.
#[derive(Debug, Clone, PartialEq)]
pub struct Clicked {
    /// What the person alone sees.
    pub text: String,
}

impl Shared {
    /// A trigger as the server signs it: what clients know it by, and what integrations get.
    fn trigger(&self, user: &str) -> (String, String) {
        let id = self.state().id();
        let signed = format!("{id}:{user}:{}:", Utc::now().timestamp_millis());
        let signature = self.key.sign(&self.random, signed.as_bytes()).unwrap();
        (id, STANDARD.encode(format!("{signed}{}", STANDARD.encode(signature.as_ref()))))
    }

    fn username(&self, id: &str) -> String {
        self.state().users.iter().find(|user| user.id == id).map(|user| user.username.clone()).unwrap_or_default()
    }
}

/// A client's click: `POST /posts/{id}/actions/{action}`.
pub async fn act(
    State(shared): Server,
    Caller(me): Caller,
    Path((post, action)): Path<(String, String)>,
    body: Option<Json<Value>>,
) -> Answer {
    let selected = body.and_then(|Json(body)| body["selected_option"].as_str().map(str::to_owned));
    let (text, trigger) = press(&shared, &me, &post, &action, selected.as_deref()).await?;
    if !text.is_empty() {
        shared.state().told.push((me, text));
    }
    ok(json!({ "status": "OK", "trigger_id": trigger }))
}

async fn press(
    shared: &Shared,
    me: &str,
    post: &str,
    action: &str,
    selected: Option<&str>,
) -> Result<(String, String), No> {
    let (found, channel) = {
        let state = shared.state();
        let post = state.posts.iter().find(|known| known["id"] == post && known["delete_at"] == 0).ok_or(FORBIDDEN)?;
        let channel = post["channel_id"].as_str().unwrap().to_owned();
        if !state.is_in(&channel, me) {
            return Err(FORBIDDEN);
        }
        let attachments = post["props"]["attachments"].as_array().cloned().unwrap_or_default();
        let mut actions = attachments.iter().filter_map(|attachment| attachment["actions"].as_array()).flatten();
        let found = actions.find(|known| known["id"] == action).cloned();
        (found.ok_or(No(404, "api.post.do_action.action_id.app_error", "Invalid action id."))?, channel)
    };
    let (client_trigger, trigger) = shared.trigger(me);
    shared.state().clicked_in.insert(me.to_owned(), channel.clone());
    let kind = found["type"].as_str().unwrap_or_default();
    let mut context = found["integration"]["context"].clone();
    if let Some(selected) = selected {
        context["selected_option"] = selected.into();
    }
    // The server sends no type for a button.
    let kind = if kind == "select" { "select" } else { "" };
    let body = json!({
        "user_id": me, "user_name": shared.username(me), "channel_id": channel, "channel_name": "alerts",
        "team_id": shared.state().team("ops"), "team_domain": "ops", "post_id": post, "trigger_id": trigger,
        "type": kind, "data_source": "", "context": context,
    });
    let url = found["integration"]["url"].as_str().unwrap_or_default();
    let answer = shared.client.post(url).header("accept", "application/json").json(&body).send().await;
    let answer = answer.map_err(|_| FAILED)?;
    if answer.status() != 200 {
        return Err(FAILED);
    }
    let answer: Value = answer.json().await.map_err(|_| FAILED)?;
    assert!(answer["update"].is_null(), "posts are edited over the API, so that the thread stays the truth");
    Ok((answer["ephemeral_text"].as_str().unwrap_or_default().to_owned(), client_trigger))
}

/// An integration opens a dialog for whoever's trigger it has.
pub async fn open_dialog(State(shared): Server, Json(body): Json<Value>) -> Answer {
    let bad = |id: &'static str| No(400, id, "The dialog cannot be opened.");
    let trigger = STANDARD.decode(body["trigger_id"].as_str().unwrap_or_default());
    let trigger = trigger.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let trigger = trigger.ok_or(bad("interactive_message.decode_trigger_id.base64_decode_failed"))?;
    let parts: Vec<&str> = trigger.split(':').collect();
    let [id, user, millis, signature] = parts.as_slice() else {
        return Err(bad("interactive_message.decode_trigger_id.missing_data"));
    };
    let signed = format!("{id}:{user}:{millis}:");
    let signature = STANDARD.decode(signature).map_err(|_| bad("interactive_message.decode_trigger_id.base64"))?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, shared.key.public_key().as_ref())
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| bad("interactive_message.decode_trigger_id.verify_signature_failed"))?;
    if Utc::now().timestamp_millis() - millis.parse::<i64>().unwrap_or(0) > TRIGGER_MILLIS {
        return Err(bad("interactive_message.decode_trigger_id.expired"));
    }
    let (url, dialog) = (body["url"].as_str().unwrap_or_default(), &body["dialog"]);
    let title = dialog["title"].as_str().unwrap_or_default();
    if title.is_empty() || title.chars().count() > 24 || !url.starts_with("http") {
        return Err(bad("api.dialog.title"));
    }
    elements(dialog).map_err(|why| {
        eprintln!("refused a dialog: {why}");
        bad("api.dialog.elements")
    })?;
    let mut state = shared.state();
    let channel = state.clicked_in.get(*user).cloned().unwrap_or_default();
    state.dialogs.push(Dialog { user: (*user).to_owned(), channel, url: url.to_owned(), dialog: dialog.clone() });
    ok(json!({ "status": "OK" }))
}

/// What the server checks of a dialog's elements (model/integration_action.go).
fn elements(dialog: &Value) -> Result<(), String> {
    if dialog["submit_label"].as_str().unwrap_or_default().chars().count() > 24 {
        return Err("submit_label".into());
    }
    let mut names = Vec::new();
    for element in dialog["elements"].as_array().into_iter().flatten() {
        let text = |name: &str| element[name].as_str().unwrap_or_default();
        let within = |name: &str, min: usize, max: usize| {
            let length = text(name).chars().count();
            if (min..=max).contains(&length) {
                Ok(())
            } else {
                Err(format!("{name} of {} is {length} long", text("name")))
            }
        };
        within("name", 1, 300)?;
        within("display_name", 1, 24)?;
        within("help_text", 0, 150)?;
        if names.contains(&text("name")) {
            return Err(format!("{} is there twice", text("name")));
        }
        names.push(text("name"));
        let most = element["max_length"].as_u64().unwrap_or(150);
        match text("type") {
            "text" if most <= 150 => within("default", 0, 150)?,
            "textarea" if most <= 3000 => within("default", 0, 3000)?,
            "select" => {
                let options = element["options"].as_array().cloned().unwrap_or_default();
                if options.is_empty() {
                    return Err(format!("{} has no options", text("name")));
                }
                let chosen = text("default");
                if !chosen.is_empty() && !options.iter().any(|option| option["value"] == chosen) {
                    return Err(format!("{chosen} is none of the options"));
                }
            }
            kind => return Err(format!("{} is a {kind} of {most}", text("name"))),
        }
    }
    Ok(())
}

/// A client's answer to a dialog. Where it goes and its state are what the client says.
pub async fn submit_dialog(State(shared): Server, Caller(me): Caller, Json(body): Json<Value>) -> Answer {
    let channel = body["channel_id"].as_str().unwrap_or_default().to_owned();
    if !shared.state().is_in(&channel, &me) {
        return Err(FORBIDDEN);
    }
    let sent = json!({
        "type": "dialog_submission", "callback_id": body["callback_id"], "state": body["state"], "user_id": me,
        "channel_id": channel, "team_id": body["team_id"], "submission": body["submission"],
        "cancelled": body["cancelled"] == true,
    });
    let url = body["url"].as_str().unwrap_or_default();
    let answer = shared.client.post(url).json(&sent).send().await.map_err(|_| FAILED)?;
    if answer.status() != 200 {
        return Err(FAILED);
    }
    ok(answer.json().await.unwrap_or_else(|_| json!({})))
}

/// A client's command: `POST /commands/execute`.
pub async fn execute(State(shared): Server, Caller(me): Caller, Json(body): Json<Value>) -> Answer {
    let failed = |status| No(status, "api.command.execute_command.failed.app_error", "Command failed.");
    let (channel, root) =
        (body["channel_id"].as_str().unwrap_or_default(), body["root_id"].as_str().unwrap_or_default());
    let line = body["command"].as_str().unwrap_or_default();
    let (trigger, text) = line.trim_start_matches('/').split_once(' ').unwrap_or((line.trim_start_matches('/'), ""));
    let command = {
        let state = shared.state();
        if !state.is_in(channel, &me) {
            return Err(FORBIDDEN);
        }
        state.commands.iter().find(|command| command["trigger"] == trigger).cloned()
    };
    let command = command.ok_or(No(404, "api.command.execute_command.not_found.app_error", "No such command."))?;
    let (client_trigger, trigger_id) = shared.trigger(&me);
    shared.state().clicked_in.insert(me.clone(), channel.to_owned());
    let token = command["token"].as_str().unwrap_or_default();
    let mut form = HashMap::from([
        ("channel_id", channel.to_owned()),
        ("channel_name", "alerts".into()),
        ("command", format!("/{trigger}")),
        ("response_url", format!("{}/hooks/commands/x", shared.url.lock().unwrap())),
        ("team_domain", "ops".into()),
        ("team_id", command["team_id"].as_str().unwrap_or_default().to_owned()),
        ("text", text.to_owned()),
        ("token", token.to_owned()),
        ("trigger_id", trigger_id),
        ("user_id", me.clone()),
        ("user_name", shared.username(&me)),
    ]);
    if !root.is_empty() {
        form.insert("root_id", root.to_owned());
    }
    let request = shared.client.post(command["url"].as_str().unwrap_or_default()).form(&form);
    let answer = request.header("authorization", format!("Token {token}")).send().await.map_err(|_| failed(500))?;
    if answer.status() != 200 {
        return Err(failed(500));
    }
    let answer: Value = answer.json().await.map_err(|_| failed(500))?;
    let said = answer["text"].as_str().unwrap_or_default().to_owned();
    assert!(!said.is_empty(), "an answer without text is an error to the server");
    match answer["response_type"].as_str() {
        Some("in_channel") => {
            let post = json!({
                "channel_id": channel, "root_id": root, "message": said, "props": { "from_webhook": "true" },
            });
            posts::write(&shared, &me, &post)?;
        }
        _ => shared.state().told.push((me, said)),
    }
    let mut shown = json!({
        "response_type": "", "text": "", "username": "", "channel_id": "", "icon_url": "", "type": "", "props": null,
        "goto_location": "", "trigger_id": client_trigger, "skip_slack_parsing": false, "attachments": null,
        "extra_responses": null,
    });
    for (name, value) in answer.as_object().unwrap() {
        shown[name] = value.clone();
    }
    ok(shown)
}

impl FakeMattermost {
    async fn call(&self, user: &str, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/api/v4/{path}", self.url());
        let answer = self.shared.client.post(url).bearer_auth(self.token(user)).json(body).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    /// Somebody writes in a channel, or below a root.
    pub async fn say(&self, user: &str, channel: &str, root: &str, message: &str) -> String {
        let body = json!({ "channel_id": channel, "root_id": root, "message": message });
        let (status, post) = self.call(user, "posts", &body).await;
        assert_eq!(status, 201, "{post}");
        post["id"].as_str().unwrap().to_owned()
    }

    /// Somebody clicks the button of this label.
    pub async fn click(&self, user: &str, post: &str, label: &str) -> Clicked {
        self.choose(user, post, label, None).await
    }

    /// Somebody chooses from the menu of this label.
    pub async fn choose(&self, user: &str, post: &str, label: &str, option: Option<&str>) -> Clicked {
        let whole = self.post(post);
        let attachments = whole["props"]["attachments"].as_array().cloned().unwrap_or_default();
        let mut actions = attachments.iter().filter_map(|attachment| attachment["actions"].as_array()).flatten();
        let action = actions.find(|action| action["name"] == label).unwrap_or_else(|| panic!("no {label} in {whole}"));
        let value = option.map(|option| {
            let options = action["options"].as_array().unwrap();
            options.iter().find(|known| known["text"] == option).unwrap()["value"].as_str().unwrap().to_owned()
        });
        let path = format!("posts/{post}/actions/{}", action["id"].as_str().unwrap());
        let body = value.map_or_else(|| json!({}), |value| json!({ "selected_option": value }));
        let before = self.shared.state().told.len();
        let (status, answer) = self.call(user, &path, &body).await;
        assert_eq!(status, 200, "{answer}");
        let state = self.shared.state();
        let text = state.told[before..].last().map(|(_, text)| text.clone()).unwrap_or_default();
        Clicked { text }
    }

    /// The dialog that somebody sees.
    pub fn dialog(&self, user: &str) -> Option<Dialog> {
        let state = self.shared.state();
        let id = state.user(user);
        state.dialogs.iter().rev().find(|dialog| dialog.user == id).cloned()
    }

    /// Somebody goes on with the dialog that they see; what the bot answers.
    pub async fn submit(&self, user: &str) -> Value {
        let dialog = self.dialog(user).unwrap();
        let state = dialog.dialog["state"].as_str().unwrap().to_owned();
        let answer = self.submit_as(user, &dialog.channel, &dialog.url, &state).await;
        let id = self.shared.state().user(user);
        self.shared.state().dialogs.retain(|dialog| dialog.user != id);
        answer
    }

    /// Somebody fills in the form that they see, and sends it; what the bot answers. Where that is an error, the form is
    /// still there.
    pub async fn fill_in(&self, user: &str, fields: &[(&str, &str)]) -> Value {
        let dialog = self.dialog(user).unwrap();
        let mut submission = serde_json::Map::new();
        for element in dialog.dialog["elements"].as_array().unwrap() {
            let name = element["name"].as_str().unwrap();
            let typed = fields.iter().find(|(field, _)| *field == name).map(|(_, value)| *value);
            let value = typed.or(element["default"].as_str()).filter(|value| !value.is_empty());
            assert!(value.is_some() || element["optional"] == true, "the client does not send without {name}");
            if let Some(options) = element["options"].as_array() {
                assert!(options.iter().any(|option| Some(option["value"].as_str().unwrap()) == value), "{value:?}");
            }
            submission.insert(name.to_owned(), json!(value));
        }
        let body = json!({
            "url": dialog.url, "callback_id": dialog.dialog["callback_id"], "state": dialog.dialog["state"],
            "channel_id": dialog.channel, "team_id": "", "submission": submission,
        });
        let (status, answer) = self.call(user, "actions/dialogs/submit", &body).await;
        assert_eq!(status, 200, "{answer}");
        for name in answer["errors"].as_object().into_iter().flatten().map(|(name, _)| name) {
            assert!(submission.contains_key(name), "an error beside no field: {name}");
        }
        answer
    }

    /// Somebody's client sends a dialog's answer with this state.
    pub async fn submit_as(&self, user: &str, channel: &str, url: &str, state: &str) -> Value {
        let body = json!({
            "url": url, "callback_id": "holmes", "state": state, "channel_id": channel, "team_id": "", "submission": {},
        });
        let (status, answer) = self.call(user, "actions/dialogs/submit", &body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Somebody types a command; the server's status and what the person sees.
    pub async fn command(&self, user: &str, channel: &str, root: &str, line: &str) -> (u16, String) {
        let body = json!({ "channel_id": channel, "root_id": root, "command": line });
        let (status, answer) = self.call(user, "commands/execute", &body).await;
        (status, answer["text"].as_str().unwrap_or_default().to_owned())
    }
}
