//! Posts and files, with what the server refuses of them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

use super::Shared;
use super::api::{Answer, Caller, FORBIDDEN, No, Server, created, ok};
use super::state::{File, State as Known};

/// Longest message, in characters.
const MAX_MESSAGE: usize = 16_383;
/// Longest props, in characters.
const MAX_PROPS: usize = 800_000;
/// How long a `pending_post_id` is remembered.
const REMEMBERED: Duration = Duration::from_secs(30);
const STYLES: [&str; 6] = ["default", "primary", "success", "good", "warning", "danger"];

fn invalid(what: &'static str) -> No {
    No(400, "api.context.invalid_body_param.app_error", what)
}

/// A post as clients see it: what buttons carry stays on the server.
pub fn shown(post: &Value) -> Value {
    let mut post = post.clone();
    let attachments = post.pointer_mut("/props/attachments").and_then(Value::as_array_mut);
    for attachment in attachments.into_iter().flatten() {
        for action in attachment.get_mut("actions").and_then(Value::as_array_mut).into_iter().flatten() {
            action.as_object_mut().unwrap().remove("integration");
        }
    }
    post
}

fn listed<'a>(posts: impl Iterator<Item = &'a Value>) -> Value {
    let posts: Vec<Value> = posts.map(shown).collect();
    let order: Vec<Value> = posts.iter().map(|post| post["id"].clone()).collect();
    let by_id: serde_json::Map<String, Value> =
        posts.into_iter().map(|post| (post["id"].as_str().unwrap().to_owned(), post)).collect();
    json!({ "order": order, "posts": by_id, "next_post_id": "", "prev_post_id": "" })
}

/// What attachments must be, and how they are kept.
fn attachments(props: &mut Value) -> Result<(), No> {
    let Some(given) = props.get("attachments") else { return Ok(()) };
    let Some(given) = given.as_array() else { return Err(invalid("Invalid attachments.")) };
    let mut kept = Vec::new();
    for attachment in given {
        let mut whole = json!({
            "id": 0, "fallback": "", "color": "", "pretext": "", "author_name": "", "author_link": "",
            "author_icon": "", "title": "", "title_link": "", "text": "", "fields": null, "image_url": "",
            "thumb_url": "", "footer": "", "footer_icon": "", "ts": null,
        });
        for (name, value) in attachment.as_object().ok_or(invalid("Invalid attachment."))? {
            whole[name] = value.clone();
        }
        let mut ids = Vec::new();
        for action in attachment["actions"].as_array().into_iter().flatten() {
            action_is_valid(action)?;
            let id = action["id"].as_str().unwrap_or_default();
            if ids.contains(&id) {
                return Err(invalid("Two actions of one id."));
            }
            ids.push(id);
        }
        kept.push(whole);
    }
    props["attachments"] = kept.into();
    Ok(())
}

fn action_is_valid(action: &Value) -> Result<(), No> {
    let text = |name: &str| action[name].as_str().unwrap_or_default();
    // The route of a click takes no others.
    if text("id").is_empty() || !text("id").bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(invalid("An action's id has letters and digits only."));
    }
    if text("name").is_empty() {
        return Err(invalid("An action must have a name."));
    }
    let is_color = text("style").starts_with('#');
    if !text("style").is_empty() && !is_color && !STYLES.contains(&text("style")) {
        return Err(invalid("An action's style is unknown."));
    }
    match text("type") {
        "button" if action["options"].is_null() => {}
        "select" => {
            let options = action["options"].as_array().map(Vec::as_slice).unwrap_or_default();
            let named = |option: &Value, name: &str| option[name].as_str().is_some_and(|text| !text.is_empty());
            if options.is_empty() || !options.iter().all(|option| named(option, "text") && named(option, "value")) {
                return Err(invalid("A select needs options with text and value."));
            }
        }
        _ => return Err(invalid("An action is a button or a select.")),
    }
    let url = action["integration"]["url"].as_str().unwrap_or_default();
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(invalid("An action must have an integration URL."));
    }
    Ok(())
}

fn message_is_valid(message: &str) -> Result<(), No> {
    if message.chars().count() > MAX_MESSAGE {
        return Err(No(400, "model.post.is_valid.msg.app_error", "Invalid message."));
    }
    Ok(())
}

fn props_are_valid(props: &Value) -> Result<(), No> {
    if props.to_string().chars().count() > MAX_PROPS {
        return Err(No(400, "model.post.is_valid.props.app_error", "Invalid props."));
    }
    Ok(())
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_default()
}

fn is_in_use(state: &Known, channel: &str, user: &str) -> Result<(), No> {
    if !state.is_in(channel, user) {
        return Err(FORBIDDEN);
    }
    if state.is_archived(channel) {
        return Err(No(400, "api.post.create_post.can_not_post_to_deleted.error", "Can not post to deleted channel."));
    }
    Ok(())
}

/// Writes a post as a user; `props` are checked and kept whole.
pub fn write(shared: &Shared, user: &str, body: &Value) -> Result<Value, No> {
    let mut state = shared.state();
    let (channel, root, message) = (text(body, "channel_id"), text(body, "root_id"), text(body, "message"));
    is_in_use(&state, channel, user)?;
    let pending = text(body, "pending_post_id");
    if let Some((at, id)) = state.pending.get(pending).filter(|_| !pending.is_empty())
        && at.elapsed() < REMEMBERED
        && let Some(post) = state.posts.iter().find(|post| post["id"] == **id)
    {
        if post["delete_at"] != 0 {
            return Err(No(500, "api.post.deduplicate_create_post.failed_to_get", "The post is gone."));
        }
        return Ok(shown(post));
    }
    message_is_valid(message)?;
    let mut props = if body["props"].is_null() { json!({}) } else { body["props"].clone() };
    attachments(&mut props)?;
    props_are_valid(&props)?;
    if !root.is_empty() {
        let is_root = state.posts.iter().any(|post| {
            post["id"] == root && post["root_id"] == "" && post["channel_id"] == channel && post["delete_at"] == 0
        });
        if !is_root {
            return Err(No(400, "api.post.create_post.root_id.app_error", "Invalid RootId parameter."));
        }
    }
    if !body["metadata"]["priority"].is_null() {
        if !state.post_priority {
            return Err(No(403, "api.post.post_priority.priority_post_not_allowed_for_user.request_error", "No."));
        }
        if !root.is_empty() {
            let id = "api.post.post_priority.priority_post_only_allowed_for_root_post.request_error";
            return Err(No(400, id, "Only root posts have a priority."));
        }
    }
    let files: Vec<String> =
        body["file_ids"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let usable = |id: &String| {
        state.files.get(id).is_some_and(|file| file.user == user && file.channel == channel && file.post.is_none())
    };
    if files.len() > 10 || !files.iter().all(usable) {
        return Err(No(400, "api.post.create_post.attach_files.error", "Error attaching files to post."));
    }
    let is_bot = state.users.iter().any(|known| known.id == user && known.is_bot);
    if is_bot {
        props["from_bot"] = "true".into();
    }
    let (id, now) = (state.id(), state.now());
    let mut post = json!({
        "id": id, "create_at": now, "update_at": now, "edit_at": 0, "delete_at": 0, "is_pinned": false,
        "user_id": user, "channel_id": channel, "root_id": root, "parent_id": root, "original_id": "",
        "message": message, "type": "", "props": props, "hashtags": "", "pending_post_id": pending,
        "reply_count": 0, "last_reply_at": 0, "participants": null, "metadata": {},
    });
    if !post["props"]["attachments"].is_null() {
        post["metadata"]["embeds"] = json!([{ "type": "message_attachment" }]);
    }
    if !body["metadata"]["priority"].is_null() {
        post["metadata"]["priority"] = body["metadata"]["priority"].clone();
    }
    if !files.is_empty() {
        let infos: Vec<Value> = files.iter().map(|file| info(file, &state.files[file], &id)).collect();
        post["metadata"]["files"] = infos.into();
        post["file_ids"] = json!(files);
        for file in &files {
            state.files.get_mut(file).unwrap().post = Some(id.clone());
        }
    }
    if !root.is_empty() {
        let replies = state.posts.iter().filter(|post| post["root_id"] == root && post["delete_at"] == 0).count() + 1;
        post["reply_count"] = replies.into();
    }
    if !pending.is_empty() {
        state.pending.insert(pending.to_owned(), (Instant::now(), id));
    }
    state.posts.push(post.clone());
    let known = state.channels.iter_mut().find(|known| known.id == channel).unwrap();
    known.last_post_at = now;
    let (kind, name, team) = (known.kind, known.name.clone(), known.team.clone());
    let sender =
        state.users.iter().find(|known| known.id == user).map(|user| user.username.clone()).unwrap_or_default();
    drop(state);
    let data = json!({
        "channel_display_name": name, "channel_name": name, "channel_type": kind,
        "post": shown(&post).to_string(), "sender_name": format!("@{sender}"), "set_online": true, "team_id": team,
    });
    shared.tell("posted", data, channel);
    Ok(shown(&post))
}

pub async fn create(State(shared): Server, Caller(me): Caller, body: Bytes) -> Answer {
    let body: Value = serde_json::from_slice(&body).map_err(|_| invalid("Invalid or missing post in request body."))?;
    created(write(&shared, &me, &body)?)
}

pub async fn one(State(shared): Server, Caller(me): Caller, Path(id): Path<String>) -> Answer {
    let state = shared.state();
    let post = state.posts.iter().find(|post| post["id"] == *id && post["delete_at"] == 0);
    let post = post.ok_or(No(404, "app.post.get.app_error", "Unable to get the post."))?;
    if state.is_in(text(post, "channel_id"), &me) { ok(shown(post)) } else { Err(FORBIDDEN) }
}

pub async fn patch(
    State(shared): Server,
    Caller(me): Caller,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Answer {
    let mut state = shared.state();
    let now = state.now();
    let Some(index) = state.posts.iter().position(|post| post["id"] == *id) else { return Err(FORBIDDEN) };
    let post = &state.posts[index];
    if post["user_id"] != *me || !state.is_in(text(post, "channel_id"), &me) {
        return Err(FORBIDDEN);
    }
    if post["delete_at"] != 0 {
        return Err(No(404, "app.post.get.app_error", "Unable to get the post."));
    }
    if state.is_archived(text(post, "channel_id")) {
        let id = "api.post.patch_post.can_not_update_post_in_deleted.error";
        return Err(No(400, id, "Can not update a post in a deleted channel."));
    }
    if let Some(message) = body["message"].as_str() {
        let limit = state.config["ServiceSettings"]["PostEditTimeLimit"].as_i64().unwrap();
        if limit != -1 && now > post["create_at"].as_i64().unwrap() + limit * 1_000 {
            let id = "api.post.update_post.permissions_time_limit.app_error";
            return Err(No(400, id, "Post edit is only allowed for some seconds."));
        }
        message_is_valid(message)?;
    }
    let mut props = body["props"].clone();
    if !props.is_null() {
        attachments(&mut props)?;
        props_are_valid(&props)?;
    }
    let post = &mut state.posts[index];
    if let Some(message) = body["message"].as_str() {
        post["message"] = message.into();
    }
    if !props.is_null() {
        // As a whole: what is not given is gone.
        post["props"] = props;
    }
    post["update_at"] = now.into();
    post["edit_at"] = now.into();
    let post = shown(post);
    drop(state);
    shared.tell("post_edited", json!({ "post": post.to_string() }), text(&post, "channel_id"));
    ok(post)
}

pub async fn delete(State(shared): Server, Caller(me): Caller, Path(id): Path<String>) -> Answer {
    let mut state = shared.state();
    let now = state.now();
    let index = state.posts.iter().position(|post| post["id"] == *id && post["delete_at"] == 0);
    let index = index.ok_or(No(404, "app.post.get.app_error", "Unable to get the post."))?;
    let post = &state.posts[index];
    if post["user_id"] != *me {
        return Err(FORBIDDEN);
    }
    if state.is_archived(text(post, "channel_id")) {
        let id = "api.post.delete_post.can_not_delete_post_in_deleted.error";
        return Err(No(400, id, "Can not delete a post in a deleted channel."));
    }
    let post = &mut state.posts[index];
    post["delete_at"] = now.into();
    post["update_at"] = now.into();
    ok(json!({ "status": "OK" }))
}

pub async fn thread(State(shared): Server, Caller(me): Caller, Path(id): Path<String>) -> Answer {
    let state = shared.state();
    let root = state.posts.iter().find(|post| post["id"] == *id && post["delete_at"] == 0);
    let root = root.ok_or(No(404, "app.post.get.app_error", "Unable to get the post."))?;
    if !state.is_in(text(root, "channel_id"), &me) {
        return Err(FORBIDDEN);
    }
    let posts = state.posts.iter().filter(|post| post["delete_at"] == 0);
    ok(listed(posts.filter(|post| post["id"] == *id || post["root_id"] == *id)))
}

pub async fn of_channel(
    State(shared): Server,
    Caller(me): Caller,
    Path(channel): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    let state = shared.state();
    if !state.is_in(&channel, &me) {
        return Err(FORBIDDEN);
    }
    let number = |name: &str, default: usize| query.get(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let posts = state.posts.iter().rev().filter(|post| post["channel_id"] == *channel);
    if let Some(since) = query.get("since") {
        let since: i64 = since.parse().map_err(|_| No(400, "api.context.invalid_param.app_error", "Invalid since."))?;
        // Changed ones, deleted ones among them.
        return ok(listed(posts.filter(|post| post["update_at"].as_i64().unwrap() > since).take(1_000)));
    }
    let per_page = number("per_page", 60).min(200);
    let there = posts.filter(|post| post["delete_at"] == 0);
    ok(listed(there.skip(number("page", 0) * per_page).take(per_page)))
}

pub async fn ephemeral(State(shared): Server, Caller(_): Caller, Json(body): Json<Value>) -> Answer {
    let mut state = shared.state();
    if !state.may_tell {
        return Err(FORBIDDEN);
    }
    let user = text(&body, "user_id").to_owned();
    let message = text(&body["post"], "message").to_owned();
    if user.is_empty() || message.is_empty() {
        return Err(invalid("Invalid or missing post."));
    }
    state.told.push((user, message));
    created(json!({ "id": state.id(), "type": "system_ephemeral" }))
}

fn info(id: &str, file: &File, post: &str) -> Value {
    let extension = file.name.rsplit('.').next().unwrap_or_default();
    let mime = if extension == "png" { "image/png" } else { "text/plain; charset=utf-8" };
    let mut info = json!({ "id": id, "user_id": file.user });
    if !post.is_empty() {
        info["post_id"] = post.into();
    }
    let rest = json!({
        "channel_id": "", "create_at": 1, "update_at": 1, "delete_at": 0, "name": file.name, "extension": extension,
        "size": file.bytes.len(), "mime_type": mime, "mini_preview": null, "remote_id": "",
    });
    for (name, value) in rest.as_object().unwrap() {
        info[name] = value.clone();
    }
    info
}

pub async fn upload(
    State(shared): Server,
    Caller(me): Caller,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let mut state = shared.state();
    if state.config["FileSettings"]["EnableFileAttachments"] == false {
        return Err(No(403, "api.file.attachments.disabled.app_error", "File attachments have been disabled."));
    }
    let parameter = |name: &str| query.get(name).cloned().filter(|value| !value.is_empty());
    let (Some(channel), Some(name)) = (parameter("channel_id"), parameter("filename")) else {
        return Err(No(400, "api.context.invalid_url_param.app_error", "Invalid or missing parameter in URL."));
    };
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if body.is_empty() || kind.starts_with("multipart/") {
        return Err(No(400, "api.file.upload_file.read_request.app_error", "Unable to read the request."));
    }
    if !state.is_in(&channel, &me) {
        return Err(FORBIDDEN);
    }
    let id = state.id();
    let file = File { user: me, channel, name, bytes: body.to_vec(), post: None };
    let info = info(&id, &file, "");
    state.files.insert(id, file);
    created(json!({ "file_infos": [info], "client_ids": [] }))
}
