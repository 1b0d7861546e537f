//! The methods of the Web API that a bot like ours calls.

use axum::response::Response;
use serde_json::{Map, Value, json};

use super::answers::{error, explained, good, with_scopes};
use super::workspace::{Channel, File, Message, Workspace};
use super::{BOT, Shared, rules, views};

type Arguments = Map<String, Value>;

pub fn answer(shared: &Shared, method: &str, arguments: &Arguments) -> Response {
    let mut workspace = shared.workspace.lock().unwrap();
    let workspace = &mut *workspace;
    if workspace.missing_scope(method, arguments).is_some() {
        return error("missing_scope");
    }
    match method {
        "auth.test" => with_scopes(
            json!({"url": "https://ops.slack.com/", "team": "Ops", "user": "holmes", "team_id": "T1", "user_id": BOT, "bot_id": "B1"}),
            &workspace.scopes,
        ),
        "chat.postMessage" => post(workspace, arguments),
        "chat.update" => update(workspace, arguments),
        "chat.delete" => delete(workspace, arguments),
        "chat.postEphemeral" => ephemeral(workspace, arguments),
        "conversations.list" => list(workspace, arguments),
        "users.conversations" => joined(workspace, arguments),
        "conversations.history" => read(workspace, arguments, None),
        "conversations.replies" => match text(arguments, "ts") {
            "" => error("invalid_arguments"),
            ts => read(workspace, arguments, Some(ts)),
        },
        "usergroups.list" => groups(workspace, arguments),
        "files.getUploadURLExternal" => upload(shared, workspace, arguments),
        "files.completeUploadExternal" => complete(workspace, arguments),
        "users.info" => match workspace.people.get(text(arguments, "user")) {
            Some(name) => good(json!({"user": {
                "id": text(arguments, "user"), "name": name.to_lowercase(), "real_name": name,
                "profile": {"display_name": name, "real_name": name},
            }})),
            None => error("user_not_found"),
        },
        "views.open" => views::open(workspace, arguments),
        "assistant.threads.setStatus" => status(workspace, arguments),
        "apps.connections.open" => good(json!({"url": shared.sockets.ticket()})),
        _ => error("unknown_method"),
    }
}

fn text<'a>(arguments: &'a Arguments, name: &str) -> &'a str {
    arguments.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The content of a message, or why it is none.
#[expect(clippy::result_large_err, reason = "what is wrong is the answer that is sent")]
fn content(workspace: &mut Workspace, arguments: &Arguments) -> Result<(Value, Value), Response> {
    let list = |name: &str| arguments.get(name).cloned().unwrap_or_else(|| json!([]));
    let (blocks, attachments) = (list("blocks"), list("attachments"));
    if blocks.as_array().is_none() || attachments.as_array().is_none() {
        return Err(error("invalid_blocks_format"));
    }
    let blank = |list: &Value| list.as_array().is_some_and(Vec::is_empty);
    if text(arguments, "text").is_empty() && blank(&blocks) && blank(&attachments) {
        return Err(error("no_text"));
    }
    rules::blocks(&blocks, 50).map_err(|why| explained("invalid_blocks", &why))?;
    for attachment in attachments.as_array().into_iter().flatten() {
        rules::blocks(&attachment["blocks"], 50).map_err(|why| explained("invalid_attachments", &why))?;
    }
    let long: usize = rules::all_blocks(&blocks, &attachments)
        .filter_map(|block| block["text"]["text"].as_str())
        .map(|text| text.encode_utf16().count())
        .sum();
    if long > 13_200 {
        return Err(error("msg_blocks_too_long"));
    }
    workspace.pictures(&blocks, &attachments).map_err(|why| explained("invalid_blocks", &why))?;
    Ok((blocks, attachments))
}

fn post(workspace: &mut Workspace, arguments: &Arguments) -> Response {
    let channel = text(arguments, "channel");
    if let Err(why) = workspace.open(channel) {
        return error(why);
    }
    let thread = arguments.get("thread_ts").and_then(Value::as_str);
    if let Some(ts) = thread {
        match workspace.message(channel, ts) {
            None => return error("thread_not_found"),
            Some(root) => assert!(root.thread.is_none(), "thread_ts must be the thread's root"),
        }
    }
    let (blocks, attachments) = match content(workspace, arguments) {
        Ok(content) => content,
        Err(refused) => return refused,
    };
    let metadata = arguments.get("metadata").cloned().unwrap_or(Value::Null);
    if !metadata.is_null() && (!metadata["event_type"].is_string() || !metadata["event_payload"].is_object()) {
        return error("invalid_metadata_format");
    }
    let ts = workspace.next_ts();
    let message = Message {
        channel: channel.to_owned(),
        ts: ts.clone(),
        thread: thread.map(str::to_owned),
        user: BOT.to_owned(),
        text: text(arguments, "text").to_owned(),
        blocks,
        attachments,
        metadata,
        edits: 0,
        deleted: false,
        only_to: None,
        file: None,
        at: std::time::Instant::now(),
    };
    let shown = message.shown(true);
    workspace.messages.push(message);
    good(json!({"channel": channel, "ts": ts, "message": shown}))
}

fn update(workspace: &mut Workspace, arguments: &Arguments) -> Response {
    let (channel, ts) = (text(arguments, "channel"), text(arguments, "ts"));
    if let Err(why) = workspace.open(channel) {
        return error(why);
    }
    match workspace.message(channel, ts) {
        None => return error("message_not_found"),
        Some(message) if message.user != BOT || message.only_to.is_some() => return error("cant_update_message"),
        Some(_) => {}
    }
    assert!(arguments.contains_key("blocks"), "an update without blocks takes the blocks away");
    if text(arguments, "text").encode_utf16().count() > 4000 {
        return error("msg_too_long");
    }
    let (blocks, attachments) = match content(workspace, arguments) {
        Ok(content) => content,
        Err(refused) => return refused,
    };
    let Some(message) = workspace.message(channel, ts) else { return error("message_not_found") };
    message.text = text(arguments, "text").to_owned();
    message.blocks = blocks;
    // What is not given stays.
    if arguments.contains_key("attachments") {
        message.attachments = attachments;
    }
    message.edits += 1;
    if let Some(metadata) = arguments.get("metadata") {
        message.metadata = metadata.clone();
    }
    let shown = message.shown(true);
    good(json!({"channel": channel, "ts": ts, "text": text(arguments, "text"), "message": shown}))
}

fn delete(workspace: &mut Workspace, arguments: &Arguments) -> Response {
    match workspace.message(text(arguments, "channel"), text(arguments, "ts")) {
        None => error("message_not_found"),
        Some(message) if message.user != BOT => error("cant_delete_message"),
        Some(message) => {
            message.deleted = true;
            good(json!({"channel": message.channel, "ts": message.ts}))
        }
    }
}

fn ephemeral(workspace: &mut Workspace, arguments: &Arguments) -> Response {
    let channel = text(arguments, "channel");
    if let Err(why) = workspace.open(channel) {
        return error(why);
    }
    let user = text(arguments, "user");
    if !user.starts_with('U') {
        return error("user_not_in_channel");
    }
    let (blocks, attachments) = match content(workspace, arguments) {
        Ok(content) => content,
        Err(refused) => return refused,
    };
    let ts = workspace.next_ts();
    workspace.messages.push(Message {
        channel: channel.to_owned(),
        ts: ts.clone(),
        thread: arguments.get("thread_ts").and_then(Value::as_str).map(str::to_owned),
        user: BOT.to_owned(),
        text: text(arguments, "text").to_owned(),
        blocks,
        attachments,
        metadata: Value::Null,
        edits: 0,
        deleted: false,
        only_to: Some(user.to_owned()),
        file: None,
        at: std::time::Instant::now(),
    });
    good(json!({"message_ts": ts}))
}

/// One page of a list: `limit` items from the number in `cursor` on.
fn paged(arguments: &Arguments, name: &str, items: Vec<Value>) -> Response {
    let number = |name: &str| text(arguments, name).parse::<usize>().ok();
    let (from, limit) = (number("cursor").unwrap_or(0), number("limit").unwrap_or(100).clamp(1, 1000));
    let more = items.len() > from + limit;
    let page: Vec<Value> = items.into_iter().skip(from).take(limit).collect();
    let cursor = if more { (from + limit).to_string() } else { String::new() };
    good(json!({name: page, "has_more": more, "response_metadata": {"next_cursor": cursor}}))
}

fn list(workspace: &Workspace, arguments: &Arguments) -> Response {
    let types = arguments.get("types").and_then(Value::as_str).unwrap_or("public_channel");
    let asked = |private: bool| {
        let name = if private { "private_channel" } else { "public_channel" };
        types.split(',').any(|asked| asked == name)
    };
    let seen = |channel: &&Channel| asked(channel.private) && (channel.member || !channel.private);
    let shown = workspace.channels.iter().filter(seen).map(|channel| {
        json!({
            "id": channel.id, "name": channel.name, "is_member": channel.member, "is_archived": channel.archived,
            "is_private": channel.private,
        })
    });
    paged(arguments, "channels", shown.collect())
}

/// The channels that the bot is in, which are not said to be those.
fn joined(workspace: &Workspace, arguments: &Arguments) -> Response {
    let joined = workspace.channels.iter().filter(|channel| channel.member);
    let shown = joined.map(|channel| json!({"id": channel.id, "name": channel.name, "is_archived": channel.archived}));
    paged(arguments, "channels", shown.collect())
}

fn read(workspace: &mut Workspace, arguments: &Arguments, thread: Option<&str>) -> Response {
    let channel = text(arguments, "channel");
    match workspace.channel(channel) {
        None => return error("channel_not_found"),
        Some(known) if !known.member => return error("not_in_channel"),
        Some(_) => {}
    }
    if let Some(thread) = thread
        && workspace.message(channel, thread).is_none()
    {
        return error("thread_not_found");
    }
    let with_metadata = text(arguments, "include_all_metadata") == "true";
    let (oldest, latest) = (text(arguments, "oldest"), text(arguments, "latest"));
    let inclusive = text(arguments, "inclusive") == "true";
    let in_range = |ts: &str| {
        let after = oldest.is_empty() || ts > oldest || (inclusive && ts == oldest);
        let before = latest.is_empty() || ts < latest || (inclusive && ts == latest);
        after && before
    };
    let belongs = |message: &&Message| match thread {
        Some(root) => message.ts == root || (message.thread.as_deref() == Some(root) && in_range(&message.ts)),
        None => message.thread.is_none() && in_range(&message.ts),
    };
    let seen = |message: &&Message| message.channel == channel && !message.deleted && message.only_to.is_none();
    let mut messages: Vec<Value> =
        workspace.messages.iter().filter(seen).filter(belongs).map(|message| message.shown(with_metadata)).collect();
    if thread.is_none() {
        messages.reverse();
    }
    paged(arguments, "messages", messages)
}

fn groups(workspace: &Workspace, arguments: &Arguments) -> Response {
    let with_users = text(arguments, "include_users") == "true";
    let shown = workspace.groups.iter().map(|(handle, id, users)| {
        let mut group = json!({"id": id, "handle": handle, "name": handle});
        if with_users {
            group["users"] = json!(users);
        }
        group
    });
    good(json!({"usergroups": shown.collect::<Vec<_>>()}))
}

fn upload(shared: &Shared, workspace: &mut Workspace, arguments: &Arguments) -> Response {
    let name = text(arguments, "filename");
    let Some(length) = text(arguments, "length").parse().ok().filter(|length| *length > 0 && !name.is_empty()) else {
        return error("invalid_arguments");
    };
    let id = format!("F{:08}", workspace.files.len() + 1);
    let file = File { length, bytes: None, complete: false, processing: workspace.processing };
    workspace.files.insert(id.clone(), file);
    good(json!({"upload_url": format!("{}/upload/{id}", shared.base), "file_id": id}))
}

fn complete(workspace: &mut Workspace, arguments: &Arguments) -> Response {
    let files = arguments.get("files").and_then(Value::as_array).cloned().unwrap_or_default();
    let channel = text(arguments, "channel_id");
    let thread = arguments.get("thread_ts").and_then(Value::as_str).map(str::to_owned);
    if files.is_empty() {
        return error("invalid_arguments");
    }
    if !channel.is_empty()
        && let Err(why) = workspace.open(channel)
    {
        return error(why);
    }
    for file in &files {
        let id = file["id"].as_str().unwrap_or_default().to_owned();
        match workspace.files.get_mut(&id) {
            Some(file) if file.bytes.is_some() && !file.complete => file.complete = true,
            Some(file) if file.complete => return error("file_already_completed"),
            _ => return error("file_not_found"),
        }
        if !channel.is_empty() {
            let ts = workspace.says(BOT, channel, thread.as_deref(), "");
            if let Some(message) = workspace.message(channel, &ts) {
                message.file = Some(id);
            }
        }
    }
    good(json!({"files": files}))
}

fn status(workspace: &mut Workspace, arguments: &Arguments) -> Response {
    let (channel, thread) = (text(arguments, "channel_id"), text(arguments, "thread_ts"));
    if workspace.message(channel, thread).is_none() {
        return error("thread_not_found");
    }
    workspace.statuses.push((channel.to_owned(), thread.to_owned(), text(arguments, "status").to_owned()));
    good(json!({}))
}
