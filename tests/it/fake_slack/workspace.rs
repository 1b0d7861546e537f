//! What a workspace holds.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Map, Value, json};

use super::views::{Trigger, View};
use super::{BOT, INCIDENTS};

/// A channel.
#[derive(Debug, Clone)]
pub struct Channel {
    pub id: String,
    pub name: String,
    pub member: bool,
    pub private: bool,
    pub archived: bool,
}

/// A message, a deleted one among them.
#[derive(Debug, Clone)]
pub struct Message {
    pub channel: String,
    pub ts: String,
    pub thread: Option<String>,
    pub user: String,
    pub text: String,
    pub blocks: Value,
    pub attachments: Value,
    pub metadata: Value,
    pub edits: u32,
    pub deleted: bool,
    /// Shown to this person only.
    pub only_to: Option<String>,
    /// A file that it shares.
    pub file: Option<String>,
    /// When it arrived.
    pub at: Instant,
}

impl Message {
    /// The texts of its blocks, those beside a bar too.
    pub fn texts(&self) -> String {
        let texts = super::rules::all_blocks(&self.blocks, &self.attachments);
        texts.filter_map(|block| block["text"]["text"].as_str()).collect::<Vec<_>>().join("\n")
    }

    /// Its buttons and menus.
    pub fn controls(&self) -> Vec<Value> {
        let blocks = super::rules::all_blocks(&self.blocks, &self.attachments);
        let with_block = |block: &Value| {
            let elements = block["elements"].as_array().cloned().unwrap_or_default();
            let id = block["block_id"].clone();
            elements.into_iter().map(move |mut element| {
                element["block_id"] = id.clone();
                element
            })
        };
        blocks.flat_map(with_block).collect()
    }

    /// The file that its picture shows.
    pub fn picture(&self) -> Option<String> {
        let mut blocks = super::rules::all_blocks(&self.blocks, &self.attachments);
        blocks.find_map(|block| block["slack_file"]["id"].as_str().map(str::to_owned))
    }

    /// As the API shows it.
    pub fn shown(&self, with_metadata: bool) -> Value {
        let mut shown = json!({
            "type": "message", "user": self.user, "bot_id": "B1", "text": self.text, "ts": self.ts, "blocks": self.blocks,
        });
        if self.attachments.as_array().is_some_and(|list| !list.is_empty()) {
            shown["attachments"] = self.attachments.clone();
        }
        if let Some(thread) = &self.thread {
            shown["thread_ts"] = json!(thread);
        }
        if self.edits > 0 {
            shown["edited"] = json!({"user": self.user, "ts": self.ts});
        }
        if with_metadata && !self.metadata.is_null() {
            shown["metadata"] = self.metadata.clone();
        }
        shown
    }
}

/// A file.
#[derive(Debug, Clone)]
pub struct File {
    pub length: usize,
    pub bytes: Option<Vec<u8>>,
    pub complete: bool,
    /// Messages that still find it unprocessed.
    pub processing: u32,
}

/// The workspace.
pub struct Workspace {
    pub channels: Vec<Channel>,
    pub messages: Vec<Message>,
    pub files: BTreeMap<String, File>,
    /// Handle, id and members.
    pub groups: Vec<(String, String, Vec<String>)>,
    /// What the bot's token may do.
    pub scopes: String,
    /// What every call is answered, once the token is no good.
    pub token_error: Option<&'static str>,
    /// How long new files stay unprocessed, in messages.
    pub processing: u32,
    /// What is shown beside threads: channel, thread, text.
    pub statuses: Vec<(String, String, String)>,
    /// Display names by id.
    pub people: BTreeMap<String, String>,
    /// What modals can be opened with.
    pub triggers: Vec<Trigger>,
    /// Modals that were opened.
    pub views: Vec<View>,
    count: u64,
}

impl Workspace {
    pub fn new() -> Self {
        let channel = |id: &str, name: &str, member| Channel {
            id: id.into(),
            name: name.into(),
            member,
            private: false,
            archived: false,
        };
        Self {
            channels: vec![
                channel(INCIDENTS, "incidents", true),
                channel("C0PAYMENTS", "payments", true),
                channel("C0GENERAL", "general", false),
                Channel { private: true, ..channel("C0ONCALL", "oncall", true) },
                // Of a private channel whoever is not in it knows nothing.
                Channel { private: true, ..channel("C0BOARD", "board", false) },
            ],
            messages: Vec::new(),
            files: BTreeMap::new(),
            groups: vec![("oncall".into(), "S0614TZR7".into(), vec!["U0ANN".into(), "U0BOB".into()])],
            scopes: holmes_bot::adapters::slack::SCOPES.map(|(scope, _)| scope).join(","),
            token_error: None,
            processing: 0,
            statuses: Vec::new(),
            people: BTreeMap::from([("U0ANN".into(), "Ann".into()), ("U0BOB".into(), "Bob".into())]),
            triggers: Vec::new(),
            views: Vec::new(),
            count: 0,
        }
    }

    /// A channel that the bot is in.
    pub fn add_channel(&mut self, id: &str, name: &str) {
        let (id, name) = (id.into(), name.into());
        self.channels.push(Channel { id, name, member: true, private: false, archived: false });
    }

    /// The next timestamp; they rise as Slack's do.
    pub fn next_ts(&mut self) -> String {
        self.count += 1;
        format!("1795384390.{:06}", self.count)
    }

    /// Whether a channel takes messages; a person's id is the direct messages with them.
    pub fn open(&self, id: &str) -> Result<(), &'static str> {
        if id.starts_with('U') {
            return Ok(());
        }
        let channel = self.channel(id).ok_or("channel_not_found")?;
        match (channel.archived, channel.member) {
            (true, _) => Err("is_archived"),
            (_, false) => Err("not_in_channel"),
            _ => Ok(()),
        }
    }

    /// A channel that the bot can see.
    pub fn channel(&self, id: &str) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.id == id && (channel.member || !channel.private))
    }

    /// The scope that a call of this method needs and the token does not have.
    pub fn missing_scope(&self, method: &str, arguments: &Map<String, Value>) -> Option<&'static str> {
        let argument = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
        let is_private = self.channel(argument("channel")).is_some_and(|channel| channel.private);
        let needed: &[&str] = match method {
            "chat.postMessage" | "chat.update" | "chat.delete" | "chat.postEphemeral" => &["chat:write"],
            "conversations.list" => match (argument("types").contains("public_channel"), argument("types")) {
                (_, "") | (true, "public_channel") => &["channels:read"],
                (true, _) => &["channels:read", "groups:read"],
                (false, _) => &["groups:read"],
            },
            "conversations.history" | "conversations.replies" => match argument("channel").chars().next() {
                Some('D') => &["im:history"],
                _ if is_private => &["groups:history"],
                _ => &["channels:history"],
            },
            "usergroups.list" => &["usergroups:read"],
            "files.getUploadURLExternal" | "files.completeUploadExternal" => &["files:write"],
            "users.info" => &["users:read"],
            "assistant.threads.setStatus" => &["assistant:write"],
            _ => &[],
        };
        needed.iter().copied().find(|needed| !self.scopes.split(',').any(|scope| scope == *needed))
    }

    /// A message that is there.
    pub fn message(&mut self, channel: &str, ts: &str) -> Option<&mut Message> {
        self.messages.iter_mut().find(|message| message.channel == channel && message.ts == ts && !message.deleted)
    }

    /// Bytes of a file, where they were announced.
    pub fn put(&mut self, id: &str, bytes: Vec<u8>) -> Result<(), &'static str> {
        let file = self.files.get_mut(id).ok_or("no such upload")?;
        if bytes.len() != file.length {
            return Err("another length than announced");
        }
        file.bytes = Some(bytes);
        Ok(())
    }

    /// Whether every picture of a message can be shown; a file that is processed is nearer to that afterwards.
    pub fn pictures(&mut self, blocks: &Value, attachments: &Value) -> Result<(), String> {
        for block in super::rules::all_blocks(blocks, attachments) {
            let Some(id) = block["slack_file"]["id"].as_str() else { continue };
            let file = self.files.get_mut(id).filter(|file| file.complete);
            let file = file.ok_or("invalid slack file [json-pointer:/blocks/1/slack_file]")?;
            if file.processing > 0 {
                file.processing -= 1;
                return Err("invalid slack file [json-pointer:/blocks/1/slack_file]".into());
            }
        }
        Ok(())
    }

    /// A person's message.
    pub fn says(&mut self, user: &str, channel: &str, thread: Option<&str>, text: &str) -> String {
        let ts = self.next_ts();
        self.messages.push(Message {
            channel: channel.into(),
            ts: ts.clone(),
            thread: thread.map(str::to_owned),
            user: user.into(),
            text: text.into(),
            blocks: json!([]),
            attachments: json!([]),
            metadata: Value::Null,
            edits: 0,
            deleted: false,
            only_to: None,
            file: None,
            at: Instant::now(),
        });
        ts
    }

    /// What the bot said and everybody sees.
    pub fn said(&self) -> Vec<&Message> {
        self.messages.iter().filter(|m| m.user == BOT && !m.deleted && m.only_to.is_none()).collect()
    }
}
