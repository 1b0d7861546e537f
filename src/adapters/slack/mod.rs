//! Slack: what the bot says there, by the Web API, and what people do there, by events over HTTP or Socket Mode.
//!
//! [`Slack`] is the [`Chat`]: [`layout`] lays a message out, [`history`] finds it again, [`error`] says what a refusal means.
//! [`inbound`] understands what Slack delivers, pure; [`receive`] puts it into the inbox, for `web::slack` and [`socket`] alike.

pub mod api;
mod channels;
mod check;
mod connector;
mod controls;
mod error;
mod history;
pub mod inbound;
mod layout;
mod limits;
mod modal;
pub mod mrkdwn;
mod people;
pub mod receive;
pub mod socket;
mod upload;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use moka::future::Cache;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use slack_morphism::api::{SlackApiChatPostMessageRequest, SlackApiChatUpdateRequest};
use slack_morphism::{SlackChannelId, SlackMessageContent, SlackTs};

use self::api::{Api, Done};
use self::channels::Channels;
use self::history::Memory;
use self::layout::Extras;
use self::people::{Groups, Names};
use crate::adapters::http::HttpError;
use crate::domain::chat::{MessageId, Platform};
use crate::domain::message::Message;
use crate::domain::policy::{Person, Principal, PrincipalKind};
use crate::ports::{Chat, ChatError, Destination, PictureFile, Sent};

pub use check::SCOPES;

/// How often a message is tried again whose picture Slack still processes, and how long it waits before each.
const PROCESSING: [Duration; 4] =
    [Duration::from_millis(300), Duration::from_millis(700), Duration::from_secs(1), Duration::from_secs(2)];
/// Files that are remembered, so that a message that has to wait does not upload its picture again.
const FILES: u64 = 1000;
/// For how long.
const FILES_FOR: Duration = Duration::from_secs(3600);

/// How Slack is reached.
#[derive(Debug, Clone)]
pub struct SlackSettings {
    /// `https://slack.com/api`.
    pub api_url: String,
    /// `xoxb-…`.
    pub bot_token: SecretString,
}

/// Slack, or a server that speaks its API.
pub struct Slack {
    api: Api,
    channels: Channels,
    groups: Groups,
    names: Names,
    /// By channel and message, and by the digest of what was uploaded.
    files: Cache<String, String>,
    /// The server knows no `assistant.threads.setStatus`, or the app may not.
    no_status: AtomicBool,
}

/// What is answered about a message, as little as every server gives.
#[derive(Deserialize)]
struct Posted {
    ts: String,
}

impl Slack {
    /// Checks the settings and builds the client; nothing is sent.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn new(settings: &SlackSettings) -> Result<Self, HttpError> {
        Ok(Self {
            api: Api::new(&settings.api_url, &settings.bot_token)?,
            channels: Channels::new(),
            groups: Groups::new(),
            names: Names::new(),
            files: Cache::builder().max_capacity(FILES).time_to_live(FILES_FOR).build(),
            no_status: AtomicBool::new(false),
        })
    }

    async fn say(
        &self,
        channel: &str,
        thread: Option<&str>,
        content: SlackMessageContent,
        memory: &Memory,
    ) -> Result<String, ChatError> {
        let request = SlackApiChatPostMessageRequest::new(
            SlackChannelId(channel.to_owned()),
            content.with_metadata(memory.metadata()),
        )
        .opt_thread_ts(thread.map(|thread| SlackTs(thread.to_owned())))
        .with_unfurl_links(false)
        .with_unfurl_media(false);
        let Posted { ts } = self.api.post("chat.postMessage", &request).await?;
        Ok(ts)
    }

    async fn change(
        &self,
        channel: &str,
        message: &str,
        content: SlackMessageContent,
        memory: &Memory,
    ) -> Result<(), ChatError> {
        let request = SlackApiChatUpdateRequest::new(
            SlackChannelId(channel.to_owned()),
            content.with_metadata(memory.metadata()),
            SlackTs(message.to_owned()),
        );
        let Done {} = self.api.post("chat.update", &request).await?;
        Ok(())
    }

    /// Uploads a picture that a block will show. A server that takes no files costs the picture, not the message.
    async fn upload(&self, message: &Message, picture: &PictureFile) -> Result<Option<String>, ChatError> {
        let digest = crate::domain::incident::hex(&Sha256::digest(&picture.png));
        if let Some(file) = self.files.get(&digest).await {
            return Ok(Some(file));
        }
        let alt = message.picture.as_ref().map_or("", |picture| picture.alt.as_str());
        match upload::upload(&self.api, picture, alt, None).await {
            Ok(file) => {
                self.files.insert(digest, file.clone()).await;
                Ok(Some(file))
            }
            Err(error @ (ChatError::Wait { .. } | ChatError::Down(_) | ChatError::Unknown(_))) => Err(error),
            Err(error) => {
                tracing::warn!("Slack takes no picture, so its message goes without: {error}");
                Ok(None)
            }
        }
    }

    /// The file that a message shows, as we or another replica sent it.
    async fn shown_file(&self, channel: &str, to: &Destination, sent: &Sent) -> Result<Option<String>, ChatError> {
        let name = format!("{channel}/{}", sent.id);
        if let Some(file) = self.files.get(&name).await {
            return Ok(Some(file));
        }
        let thread = to.thread.as_ref().unwrap_or(&sent.id);
        let file = history::file_of(&self.api, channel, &thread.0, &sent.id.0).await?;
        if let Some(file) = &file {
            self.files.insert(name, file.clone()).await;
        }
        Ok(file)
    }

    /// The first of the messages, with its picture; and the file that it shows. While Slack processes that, the message is
    /// tried again; then the message goes without it and the picture follows in the thread.
    async fn say_first(
        &self,
        channel: &str,
        to: &Destination,
        message: &Message,
        picture: Option<&PictureFile>,
        laid: &Laid<'_>,
    ) -> Result<(String, Option<String>), ChatError> {
        let thread = to.thread.as_ref().map(|thread| thread.0.as_str());
        for pause in PROCESSING {
            match self.say(channel, thread, laid.first(message), &laid.memory(0)).await {
                Err(error) if laid.file.is_some() && upload::may_not_be_ready(&error) => {
                    tracing::debug!("Slack still processes a picture: {error}");
                    tokio::time::sleep(pause).await;
                }
                said => return Ok((said?, laid.file.map(str::to_owned))),
            }
        }
        let bare = Laid { file: None, ..*laid };
        let ts = self.say(channel, thread, bare.first(message), &bare.memory(0)).await?;
        if let Some(picture) = picture {
            let share = upload::Share { channel, thread: thread.unwrap_or(&ts) };
            let alt = message.picture.as_ref().map_or("", |picture| picture.alt.as_str());
            if let Err(error) = upload::upload(&self.api, picture, alt, Some(share)).await {
                tracing::warn!("a picture could not be shown in Slack: {error}");
            }
        }
        Ok((ts, None))
    }
}

/// What the parts of one message have in common.
#[derive(Clone, Copy)]
struct Laid<'a> {
    to: &'a Destination,
    mentions: &'a [String],
    file: Option<&'a str>,
    parts: usize,
}

impl Laid<'_> {
    fn contents(&self, message: &Message) -> Vec<SlackMessageContent> {
        layout::parts(message, Extras { incident: &self.to.incident.0, mentions: self.mentions, file: self.file })
    }

    fn first(&self, message: &Message) -> SlackMessageContent {
        self.contents(message).swap_remove(0)
    }

    fn memory(&self, part: usize) -> Memory {
        let file = self.file.filter(|_| part == 0).map(str::to_owned);
        Memory { key: self.to.key(), part, parts: self.parts, file }
    }
}

#[async_trait]
impl Chat for Slack {
    fn platform(&self) -> Platform {
        Platform::Slack
    }

    async fn channel(&self, written: &str) -> Result<String, ChatError> {
        self.channels.id(&self.api, written).await
    }

    async fn post(
        &self,
        to: &Destination,
        message: &Message,
        picture: Option<&PictureFile>,
    ) -> Result<Sent, ChatError> {
        let channel = self.channel(&to.channel).await?;
        let file = match picture {
            Some(picture) => self.upload(message, picture).await?,
            None => None,
        };
        let mentions = self.groups.mentions(&self.api, &message.mentions).await?;
        let mut laid = Laid { to, mentions: &mentions, file: file.as_deref(), parts: 1 };
        let contents = laid.contents(message);
        laid.parts = contents.len();
        // Several messages are several chances to break off in between: what is there already is not said again.
        let arrived = match contents.len() {
            1 => history::Arrived::default(),
            _ => history::look(&self.api, &channel, to).await?,
        };
        let known = |part: usize| arrived.ids.get(part).cloned().flatten();
        let (first, shown) = match known(0) {
            Some(ts) => (ts, arrived.file.clone()),
            None => self.say_first(&channel, to, message, picture, &laid).await?,
        };
        if let Some(file) = shown {
            self.files.insert(format!("{channel}/{first}"), file).await;
        }
        let thread = to.thread.as_ref().map_or(first.as_str(), |thread| thread.0.as_str());
        let mut rest = Vec::new();
        for (part, content) in contents.into_iter().enumerate().skip(1) {
            let ts = match known(part) {
                Some(ts) => ts,
                None => self.say(&channel, Some(thread), content, &laid.memory(part)).await?,
            };
            rest.push(MessageId(ts));
        }
        Ok(Sent { id: MessageId(first), rest })
    }

    async fn edit(&self, to: &Destination, sent: &Sent, message: &Message) -> Result<Sent, ChatError> {
        let channel = self.channel(&to.channel).await?;
        let file = match message.picture {
            Some(_) => self.shown_file(&channel, to, sent).await?,
            None => None,
        };
        let mentions = self.groups.mentions(&self.api, &message.mentions).await?;
        let mut laid = Laid { to, mentions: &mentions, file: file.as_deref(), parts: 1 };
        let contents = laid.contents(message);
        laid.parts = contents.len();
        // A longer text than before goes on in new messages; an edit that broke off may have sent some of them.
        let arrived = match contents.len() > 1 + sent.rest.len() {
            true => history::look(&self.api, &channel, to).await?,
            false => history::Arrived::default(),
        };
        let thread = to.thread.as_ref().map_or(sent.id.0.as_str(), |thread| thread.0.as_str());
        let mut rest = Vec::new();
        for (part, content) in contents.into_iter().enumerate() {
            let memory = laid.memory(part);
            if part == 0 {
                self.change(&channel, &sent.id.0, content, &memory).await?;
                continue;
            }
            let known = sent.rest.get(part - 1).map(|id| id.0.clone());
            let known = known.or_else(|| arrived.ids.get(part).cloned().flatten());
            let changed = match &known {
                Some(ts) => self.change(&channel, ts, content.clone(), &memory).await,
                None => Err(ChatError::Gone("not sent yet".into())),
            };
            let ts = match (changed, known) {
                (Ok(()), Some(ts)) => ts,
                (Err(ChatError::Gone(_)), _) => self.say(&channel, Some(thread), content, &memory).await?,
                (Err(error), _) => return Err(error),
                (Ok(()), None) => continue,
            };
            rest.push(MessageId(ts));
        }
        for MessageId(surplus) in sent.rest.iter().skip(rest.len()) {
            let deleted: Result<Done, ChatError> =
                self.api.post("chat.delete", &json!({"channel": channel, "ts": surplus})).await;
            match deleted {
                Ok(Done {}) | Err(ChatError::Gone(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Sent { id: sent.id.clone(), rest })
    }

    async fn find(&self, to: &Destination) -> Result<Option<Sent>, ChatError> {
        let channel = self.channel(&to.channel).await?;
        Ok(history::look(&self.api, &channel, to).await?.whole())
    }

    async fn tell(
        &self,
        person: &Principal,
        channel: &str,
        thread: Option<&MessageId>,
        text: &str,
    ) -> Result<(), ChatError> {
        if person.kind() != PrincipalKind::Slack {
            return Err(ChatError::Refused(format!("{person} is nobody in Slack")));
        }
        let channel = self.channel(channel).await?;
        let message = Message {
            tone: crate::domain::message::Tone::Plain,
            text: text.to_owned(),
            picture: None,
            controls: Vec::new(),
            mentions: Vec::new(),
        };
        // A command can be typed where the bot is not; what it may not say there it says in a direct message.
        let mut directly = false;
        for content in layout::parts(&message, Extras { incident: "", mentions: &[], file: None }) {
            if !directly {
                let mut request = json!({
                    "channel": channel, "user": person.id(), "text": content.text, "blocks": content.blocks,
                });
                if let Some(MessageId(thread)) = thread {
                    request["thread_ts"] = json!(thread);
                }
                match self.api.post("chat.postEphemeral", &request).await {
                    Ok(Done {}) => continue,
                    Err(ChatError::Channel(why)) => tracing::debug!("told in a direct message: {why}"),
                    Err(error) => return Err(error),
                }
                directly = true;
            }
            let direct = json!({"channel": person.id(), "text": content.text, "blocks": content.blocks});
            let Done {} = self.api.post("chat.postMessage", &direct).await?;
        }
        Ok(())
    }

    async fn name(&self, person: &Principal) -> Option<String> {
        if person.kind() != PrincipalKind::Slack {
            return None;
        }
        let named = self.names.of(&self.api, person.id()).await;
        named.inspect_err(|error| tracing::debug!("Slack does not say who {person} is: {error}")).ok()
    }

    async fn groups(&self, person: &Person) -> Result<Vec<Principal>, ChatError> {
        match person.id.kind() {
            PrincipalKind::Slack => self.groups.of(&self.api, person.id.id()).await,
            _ => Ok(Vec::new()),
        }
    }

    async fn busy(&self, channel: &str, thread: &MessageId, doing: &str) -> Result<(), ChatError> {
        if self.no_status.load(Ordering::Relaxed) {
            return Ok(());
        }
        let channel = self.channel(channel).await?;
        let request = json!({"channel_id": channel, "thread_ts": thread.0, "status": limits::fit(doing, 100)});
        let told: Result<Done, ChatError> = self.api.post("assistant.threads.setStatus", &request).await;
        if let Err(ChatError::Refused(error) | ChatError::Account(error)) = told {
            tracing::info!("Slack shows no status beside threads: {error}");
            self.no_status.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}
