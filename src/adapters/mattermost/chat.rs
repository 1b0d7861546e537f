//! What [`Chat`] asks of Mattermost.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::api::{Anything, ApiError, Channel, Post, Posts};
use super::draft::{self, Part};
use super::error::{Doing, chat_error};
use super::seal::{BUTTON_LIVES, random_hex};
use super::{Grant, Mattermost, text};
use crate::domain::chat::{MessageId, Platform};
use crate::domain::incident::hex;
use crate::domain::message::{Confirm, Message, Tone};
use crate::domain::policy::{Person, Principal, PrincipalKind};
use crate::ports::{Chat, ChatError, Destination, PictureFile, Sent};

/// The prop that names a post for good.
const KEY: &str = "holmes_key";
/// The prop that counts the posts of one message, from 0.
const PART: &str = "holmes_part";
/// The prop that says how many they are.
const PARTS: &str = "holmes_parts";
/// Pages of a channel that are searched for a lost root, at 200 posts each.
const MAX_PAGES: usize = 3;
const PAGE: usize = 200;

#[derive(Deserialize)]
struct Uploaded {
    #[serde(default)]
    file_infos: Vec<FileInfo>,
}

#[derive(Deserialize)]
struct FileInfo {
    id: String,
}

/// Where the posts of one message go.
struct Place<'a> {
    channel: &'a str,
    root: Option<&'a str>,
    key: String,
    /// How many posts.
    parts: usize,
}

#[async_trait]
impl Chat for Mattermost {
    fn platform(&self) -> Platform {
        Platform::Mattermost
    }

    async fn channel(&self, written: &str) -> Result<String, ChatError> {
        self.channel_id(written).await
    }

    async fn post(
        &self,
        to: &Destination,
        message: &Message,
        picture: Option<&PictureFile>,
    ) -> Result<Sent, ChatError> {
        let channel = self.channel_id(&to.channel).await?;
        let parts = self.parts(to, &channel, message)?;
        let count = parts.len();
        let mut parts = parts.into_iter();
        let mut first = parts.next().ok_or_else(|| ChatError::Refused("an empty message".into()))?;
        let mut files = Vec::new();
        if let Some(picture) = picture {
            match self.upload(&channel, picture).await {
                Ok(id) => files.push(id),
                Err(error @ (ChatError::Wait { .. } | ChatError::Down(_) | ChatError::Unknown(_))) => {
                    return Err(error);
                }
                // Files may be off, or not for the bot's role: what can be said in words is still shown. If it is the
                // channel or the account that is closed, the post says so.
                Err(error) => {
                    tracing::warn!("Mattermost did not take the picture of {}: {error}", to.key());
                    if let Some(picture) = &message.picture {
                        let words = [&picture.title, &picture.alt].map(|words| text::literal(words)).join(": ");
                        first.message = format!("{}\n\n_{words}_", first.message);
                    }
                }
            }
        }
        let root = to.thread.as_ref().map(|root| root.0.as_str());
        let place = Place { channel: &channel, root, key: to.key(), parts: count };
        let urgent = to.thread.is_none() && message.tone == Tone::Critical && self.has_priorities().await;
        let post = self.create(&place, 0, &first, &files, urgent).await.map_err(posting)?;
        let place = Place { root: root.or(Some(&post.id)), ..place };
        let mut rest = Vec::new();
        for (index, part) in parts.enumerate() {
            let more = self.create(&place, index + 1, &part, &[], false).await;
            // The beginning is there: whoever looks finds it, and an edit brings the rest.
            let more = more.map_err(|error| ChatError::Unknown(format!("the message is not whole yet: {error}")))?;
            rest.push(MessageId(more.id));
        }
        Ok(Sent { id: MessageId(post.id), rest })
    }

    async fn edit(&self, to: &Destination, sent: &Sent, message: &Message) -> Result<Sent, ChatError> {
        let channel = self.channel_id(&to.channel).await?;
        let parts = self.parts(to, &channel, message)?;
        let root = to.thread.as_ref().map_or(sent.id.0.as_str(), |root| root.0.as_str());
        let place = Place { channel: &channel, root: Some(root), key: to.key(), parts: parts.len() };
        let mut rest = sent.rest.iter();
        let mut now = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let known = if index == 0 { Some(&sent.id) } else { rest.next() };
            let patched = match known {
                Some(known) => self.patch(known, &place, index, part).await,
                None => Err(ChatError::Gone("not there yet".into())),
            };
            match patched {
                Ok(()) => now.extend(known.cloned()),
                Err(ChatError::Gone(why)) if index == 0 => return Err(ChatError::Gone(why)),
                // What is missing of a continuation is written anew.
                Err(ChatError::Gone(_)) => {
                    let post = self.create(&place, index, part, &[], false).await.map_err(posting)?;
                    now.push(MessageId(post.id));
                }
                Err(error) => return Err(error),
            }
        }
        for surplus in rest {
            match self.delete(surplus).await.map_err(asking) {
                Ok(()) => {}
                // The same edit again deletes what is left.
                Err(error @ (ChatError::Wait { .. } | ChatError::Down(_) | ChatError::Unknown(_))) => {
                    return Err(error);
                }
                Err(error) => tracing::warn!("Mattermost keeps a post that says nothing any more: {error}"),
            }
        }
        let mut now = now.into_iter();
        let id = now.next().unwrap_or_else(|| sent.id.clone());
        Ok(Sent { id, rest: now.collect() })
    }

    async fn find(&self, to: &Destination) -> Result<Option<Sent>, ChatError> {
        let channel = self.channel_id(&to.channel).await?;
        let me = self.me().await.map_err(asking)?.id.clone();
        let key = to.key();
        let is_ours = |post: &Post| post.user_id == me && post.delete_at == 0 && post.prop(KEY) == Some(&key);
        let mut found: Vec<(usize, MessageId)> = Vec::new();
        let mut whole = 1;
        let mut take = |posts: Posts| {
            for post in posts.posts.into_values().filter(|post| is_ours(post)) {
                let number = |name: &str| post.prop(name).and_then(|part| part.parse::<usize>().ok());
                whole = whole.max(number(PARTS).unwrap_or(1));
                found.push((number(PART).unwrap_or(0), MessageId(post.id.clone())));
            }
        };
        match &to.thread {
            Some(root) => take(self.thread(root).await?),
            None => {
                for page in 0..MAX_PAGES {
                    let posts = self.page(&channel, page).await.map_err(asking)?;
                    let is_last = posts.order.len() < PAGE;
                    take(posts);
                    if is_last {
                        break;
                    }
                }
            }
        }
        found.sort();
        found.dedup_by_key(|(part, _)| *part);
        if found.len() < whole {
            // Half a message is none: it is taken back, to be written whole.
            for (_, half) in &found {
                self.delete(half).await.map_err(asking)?;
            }
            return Ok(None);
        }
        let mut found = found.into_iter();
        let Some((0, id)) = found.next() else { return Ok(None) };
        Ok(Some(Sent { id, rest: found.map(|(_, id)| id).collect() }))
    }

    async fn tell(
        &self,
        person: &Principal,
        channel: &str,
        thread: Option<&MessageId>,
        text: &str,
    ) -> Result<(), ChatError> {
        let channel = self.channel_id(channel).await?;
        let text = text::inert(text);
        let pieces = text::pieces(&text);
        if !self.must_tell_directly.load(Ordering::Relaxed) {
            match self.tell_in_channel(person, &channel, thread, &pieces).await {
                // A plain bot's role does not have `create_post_ephemeral`; an administrator can add it.
                Err(error) if error.is(403) => self.must_tell_directly.store(true, Ordering::Relaxed),
                result => return result.map_err(posting),
            }
        }
        self.tell_directly(person, thread, &pieces).await.map_err(posting)
    }

    async fn name(&self, person: &Principal) -> Option<String> {
        if person.kind() != PrincipalKind::Mattermost { None } else { self.name_of(person.id()).await }
    }

    async fn groups(&self, person: &Person) -> Result<Vec<Principal>, ChatError> {
        self.groups_of(person.id.id()).await.map_err(asking)
    }

    async fn busy(&self, channel: &str, thread: &MessageId, doing: &str) -> Result<(), ChatError> {
        if doing.is_empty() {
            // It ends by itself after a few seconds.
            return Ok(());
        }
        let channel = self.channel_id(channel).await?;
        let body = json!({ "channel_id": channel, "parent_id": thread.0 });
        let request = self.api.endpoint.post_json("api/v4/users/me/typing", &body);
        self.api.call::<Anything>(request).await.map(|_| ()).map_err(asking)
    }
}

fn posting(error: ApiError) -> ChatError {
    chat_error(error, Doing::Posting)
}

fn asking(error: ApiError) -> ChatError {
    chat_error(error, Doing::Asking)
}

impl Mattermost {
    /// The posts of a message, with a fresh grant in each control.
    fn parts(&self, to: &Destination, channel: &str, message: &Message) -> Result<Vec<Part>, ChatError> {
        let mut failed = None;
        let mut grant = |presses: &[String], confirm: Option<&Confirm>| {
            let id = random_hex(16).unwrap_or_else(|error| {
                failed = Some(error.to_string());
                String::new()
            });
            let grant = Grant {
                id,
                incident: to.incident.clone(),
                post: to.post.clone(),
                channel: channel.to_owned(),
                presses: presses.to_vec(),
                until: self.now() + BUTTON_LIVES,
                confirm: confirm.cloned(),
                opened: None,
            };
            json!({
                "url": format!("{}/mattermost/actions", self.callback_url),
                "context": { "grant": self.sealer.seal(&grant) },
            })
        };
        let parts = draft::parts(message, to.thread.is_none(), &mut grant);
        failed.map_or(Ok(parts), |why| Err(ChatError::Refused(why)))
    }

    async fn create(
        &self,
        place: &Place<'_>,
        part: usize,
        draft: &Part,
        files: &[String],
        urgent: bool,
    ) -> Result<Post, ApiError> {
        let me = &self.me().await?.id;
        let mut body = json!({
            "channel_id": place.channel,
            "root_id": place.root.unwrap_or_default(),
            "message": draft.message,
            "props": props(place, part, draft),
            // For half a minute the server answers the same id with the same post.
            "pending_post_id": format!("{me}:{}", self.pending(place, part)),
        });
        if !files.is_empty() {
            body["file_ids"] = json!(files);
        }
        if urgent {
            body["metadata"] = json!({ "priority": { "priority": "urgent" } });
        }
        self.api.call(self.api.endpoint.post_json("api/v4/posts", &body)).await
    }

    fn pending(&self, place: &Place<'_>, part: usize) -> String {
        let Place { channel, root, key, parts: _ } = place;
        let taken_back = self.taken_back.load(Ordering::Relaxed);
        let whole = format!("{channel}\n{}\n{key}\n{part}\n{taken_back}", root.unwrap_or_default());
        hex(&Sha256::digest(whole)[..12])
    }

    async fn patch(&self, post: &MessageId, place: &Place<'_>, part: usize, draft: &Part) -> Result<(), ChatError> {
        // Props are replaced as a whole: ours come along, or the post could not be found again.
        let body = json!({ "message": draft.message, "props": props(place, part, draft) });
        let request = self.api.endpoint.put_json(&format!("api/v4/posts/{post}/patch"), &body);
        match self.api.call::<Anything>(request).await.map_err(|error| chat_error(error, Doing::Editing)) {
            Ok(_) => Ok(()),
            // Without the right to the channel every post looks gone.
            Err(ChatError::Gone(why)) => match self.is_member(place.channel, "me").await {
                Ok(true) => Err(ChatError::Gone(why)),
                Ok(false) => Err(ChatError::Channel(why)),
                Err(error) => Err(asking(error)),
            },
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, post: &MessageId) -> Result<(), ApiError> {
        // For a while the server would answer the same `pending_post_id` with what was deleted.
        self.taken_back.fetch_add(1, Ordering::Relaxed);
        let request = self.api.endpoint.delete(&format!("api/v4/posts/{post}"));
        match self.api.call::<Anything>(request).await {
            Err(error) if !error.is(404) => Err(error),
            _ => Ok(()),
        }
    }

    /// A file for a post, in full size; an attachment's image would be shown small.
    async fn upload(&self, channel: &str, picture: &PictureFile) -> Result<String, ChatError> {
        let request = self
            .api
            .endpoint
            .post("api/v4/files")
            .query(&[("channel_id", channel), ("filename", &picture.name)])
            .header(reqwest::header::CONTENT_TYPE, "image/png")
            .body(picture.png.clone());
        let uploaded: Uploaded = self.api.call(request).await.map_err(posting)?;
        let file = uploaded.file_infos.into_iter().next();
        file.map(|file| file.id).ok_or_else(|| ChatError::Refused("the upload has no id".into()))
    }

    async fn thread(&self, root: &MessageId) -> Result<Posts, ChatError> {
        let request = self.api.endpoint.get(&format!("api/v4/posts/{root}/thread"));
        match self.api.call(request).await {
            Err(error) if error.is(404) => Err(ChatError::Gone(error.to_string())),
            result => result.map_err(asking),
        }
    }

    pub(super) async fn page(&self, channel: &str, page: usize) -> Result<Posts, ApiError> {
        let request = self.api.endpoint.get(&format!("api/v4/channels/{channel}/posts"));
        self.api.call(request.query(&[("page", page), ("per_page", PAGE)])).await
    }

    async fn has_priorities(&self) -> bool {
        self.facts().await.is_ok_and(|facts| facts.post_priority == "true")
    }

    async fn tell_in_channel(
        &self,
        person: &Principal,
        channel: &str,
        thread: Option<&MessageId>,
        pieces: &[String],
    ) -> Result<(), ApiError> {
        let root = thread.map(|thread| thread.0.as_str()).unwrap_or_default();
        for piece in pieces {
            let post = json!({ "channel_id": channel, "root_id": root, "message": piece });
            let body = json!({ "user_id": person.id(), "post": post });
            self.api.call_now::<Anything>(self.api.endpoint.post_json("api/v4/posts/ephemeral", &body)).await?;
        }
        Ok(())
    }

    async fn tell_directly(
        &self,
        person: &Principal,
        thread: Option<&MessageId>,
        pieces: &[String],
    ) -> Result<(), ApiError> {
        let me = &self.me().await?.id;
        let body = json!([me, person.id()]);
        let direct: Channel = self.api.call_now(self.api.endpoint.post_json("api/v4/channels/direct", &body)).await?;
        let base = self.api.endpoint.base().as_str().trim_end_matches('/');
        let link = thread.map(|thread| format!("\n\n{base}/_redirect/pl/{thread}")).unwrap_or_default();
        for (index, piece) in pieces.iter().enumerate() {
            let message = if index + 1 == pieces.len() { format!("{piece}{link}") } else { piece.clone() };
            let body = json!({ "channel_id": direct.id, "message": message });
            self.api.call_now::<Anything>(self.api.endpoint.post_json("api/v4/posts", &body)).await?;
        }
        Ok(())
    }
}

fn props(place: &Place<'_>, part: usize, draft: &Part) -> Value {
    let parts = place.parts.to_string();
    let mut props = json!({ "from_bot": "true", KEY: place.key, PART: part.to_string(), PARTS: parts });
    if !draft.attachments.is_empty() {
        props["attachments"] = draft.attachments.clone().into();
    }
    props
}
