//! Hears what people write: `posted` events of the WebSocket, and what was missed of them by the REST API.
//!
//! The server repeats nothing. So what is heard is put into the store's inbox before [`Cursor`] moves past it, and whenever
//! something may have been missed (a start, a lost connection, a gap in the sequence) the channels are read again from
//! there. Reading twice does no harm: a post's id names the question, and the inbox knows it.

mod connection;
mod cursor;
pub mod frame;
pub mod inbound;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use chrono::DateTime;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::connection::{Connection, Heard};
use self::cursor::Cursor;
use self::frame::{Frame, Posted};
use self::inbound::{Addressed, addressed};
use super::Mattermost;
use super::api::{Channel, Post, Posts, Team, User};
use crate::adapters::backoff::Backoff;
use crate::adapters::hearing::{Hearing, Said};
use crate::adapters::http::EndpointSettings;
use crate::domain::chat::{MessageId, Place, Platform};
use crate::domain::policy::{Principal, PrincipalKind};

/// How long opening a connection and proving who we are may take.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);
/// How often we ask for a sign of life.
const PING_EVERY: Duration = Duration::from_secs(30);
/// A connection without any sign of life for this long is dead: two pings and a bit.
const SILENCE: Duration = Duration::from_secs(75);
/// Longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A connection that lasted this long was a good one.
const LASTED: Duration = Duration::from_secs(60);
/// How often the cursor is kept, at most.
const KEEP_EVERY: Duration = Duration::from_secs(5);
/// How much of the past is read again beside the cursor: servers of a cluster have clocks of their own.
const OVERLAP_MILLIS: i64 = 5_000;
/// Longest absence that is caught up with, in milliseconds: after a day nobody waits for an answer any more.
const MAX_ABSENCE_MILLIS: i64 = 24 * 3_600_000;
/// How long nobody writes until a sign of life moves the cursor: a write of it each hour is no burden.
const QUIET_MILLIS: i64 = 3_600_000;
/// How long before a sign of life everything was heard by it, whatever the servers' clocks say.
const SETTLED_MILLIS: i64 = 60_000;
/// As many posts as a server gives at most of what was written since a moment; with so many some are missing, and the
/// channel is read page by page.
const MAX_SINCE: usize = 1_000;
/// Pages of one channel that are read then, at 200 posts each.
const MAX_PAGES: usize = 50;

/// What hears.
pub struct Socket {
    /// The client.
    pub chat: Arc<Mattermost>,
    /// Where questions go.
    pub hearing: Hearing,
}

impl Socket {
    /// Hears until `stop`. A server that is down is waited for.
    pub async fn run(self, stop: CancellationToken) {
        let mut cursor = loop {
            match Cursor::load(&*self.hearing.store).await {
                Ok(cursor) => break cursor,
                Err(error) => tracing::warn!("how far Mattermost was read is not known yet: {error:#}"),
            }
            tokio::select! {
                () = tokio::time::sleep(KEEP_EVERY) => {}
                () = stop.cancelled() => return,
            }
        };
        let mut backoff = Backoff::new(LONGEST_WAIT);
        while !stop.is_cancelled() {
            let began = Instant::now();
            let ended = self.connected(&mut cursor, &stop).await;
            cursor.keep(&*self.hearing.store).await;
            if stop.is_cancelled() {
                break;
            }
            if began.elapsed() > LASTED {
                backoff.reset();
            }
            let pause = backoff.next_wait();
            let why = ended.err().map_or_else(|| "closed".to_owned(), |error| format!("{error:#}"));
            let millis = pause.as_millis();
            tracing::warn!(pause_ms = millis, "the connection to Mattermost ended, next try in {millis} ms: {why}");
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// One connection, from its opening to its end.
    async fn connected(&self, cursor: &mut Cursor, stop: &CancellationToken) -> anyhow::Result<()> {
        let me = self.chat.me().await.context("ask who we are")?;
        let opened = tokio::select! {
            opened = tokio::time::timeout(OPEN_TIMEOUT, Connection::open(&self.chat.settings)) => opened,
            () = stop.cancelled() => return Ok(()),
        };
        let mut connection = opened.map_err(|_| anyhow!("it did not open in {} s", OPEN_TIMEOUT.as_secs()))??;
        tracing::info!("connected to Mattermost as @{}", me.username);
        // What is written from here on is heard; what was written before is read.
        self.catch_up(cursor, me).await.context("read what was missed")?;
        let mut expected: Option<i64> = None;
        let mut alive = Instant::now();
        let mut ping = tokio::time::interval(PING_EVERY);
        ping.tick().await;
        loop {
            let heard = tokio::select! {
                heard = connection.next() => heard?,
                _ = ping.tick() => {
                    if alive.elapsed() > SILENCE {
                        bail!("no sign of life for {} s", alive.elapsed().as_secs());
                    }
                    connection.ping().await?;
                    cursor.keep(&*self.hearing.store).await;
                    continue;
                }
                () = stop.cancelled() => {
                    connection.close().await;
                    return Ok(());
                }
            };
            alive = Instant::now();
            let frame = match heard {
                Heard::SignOfLife => {
                    // Where nobody writes there is nothing to miss: a quiet week is no absence.
                    let now = (self.hearing.clock)().timestamp_millis();
                    if cursor.read().is_some_and(|read| read < now - QUIET_MILLIS) {
                        cursor.advance(now - SETTLED_MILLIS);
                    }
                    continue;
                }
                Heard::End => bail!("the server closed it"),
                Heard::Frame(frame) => frame,
            };
            let Some(seq) = frame.seq.filter(|_| frame.event.is_some()) else { continue };
            let is_gap = expected.is_some_and(|expected| seq > expected);
            expected = Some(seq + 1);
            if is_gap {
                tracing::warn!("Mattermost's events have a gap before {seq}: reading what was missed");
                self.catch_up(cursor, me).await.context("read what was missed")?;
            }
            self.heard(frame, cursor, me).await?;
            if cursor.is_stale(KEEP_EVERY) {
                cursor.keep(&*self.hearing.store).await;
            }
        }
    }

    async fn heard(&self, frame: Frame, cursor: &mut Cursor, me: &User) -> anyhow::Result<()> {
        let Some(Posted { post, channel_type, sender }) = frame.posted() else { return Ok(()) };
        self.take(&post, &channel_type, sender.as_deref(), me).await?;
        cursor.advance(post.create_at);
        Ok(())
    }

    /// Reads what was written since the cursor, in every channel that the bot is in.
    async fn catch_up(&self, cursor: &mut Cursor, me: &User) -> anyhow::Result<()> {
        let now = (self.hearing.clock)().timestamp_millis();
        let Some(read) = cursor.read() else {
            // The first start: what was said before we came is not for us.
            cursor.advance(now);
            return Ok(());
        };
        let reach = now - MAX_ABSENCE_MILLIS;
        if read < reach {
            let hours = (now - read) / 3_600_000;
            tracing::warn!(
                hours,
                "Mattermost was not heard for {hours} hours; what was written there more than 24 hours ago is skipped"
            );
        }
        let since = read.max(reach) - OVERLAP_MILLIS;
        let mut missed: Vec<(Post, String)> = Vec::new();
        for channel in self.channels(since).await? {
            let written = self.written(&channel, since).await?;
            missed.extend(written.into_iter().map(|post| (post, channel.kind.clone())));
        }
        missed.sort_by_key(|(post, _)| post.create_at);
        for (post, kind) in missed {
            self.take(&post, &kind, None, me).await?;
            cursor.advance(post.create_at);
        }
        Ok(())
    }

    /// What was written in a channel since.
    async fn written(&self, channel: &Channel, since: i64) -> anyhow::Result<Vec<Post>> {
        let request = self.chat.api.endpoint.get(&format!("api/v4/channels/{}/posts", channel.id));
        let posts: Posts = self.chat.api.call(request.query(&[("since", since)])).await?;
        let mut found: HashMap<String, Post> = posts.posts;
        if found.len() >= MAX_SINCE {
            for number in 0..MAX_PAGES {
                let page = self.chat.page(&channel.id, number).await?;
                let oldest = page.posts.values().map(|post| post.create_at).min();
                found.extend(page.posts);
                if oldest.is_none_or(|oldest| oldest <= since) {
                    break;
                }
                if number + 1 == MAX_PAGES {
                    let name = &channel.name;
                    tracing::warn!(channel = %channel.id, "more was written in {name} than is caught up with: the oldest of it is skipped");
                }
            }
        }
        // Edited ones come along.
        Ok(found.into_values().filter(|post| post.create_at > since).collect())
    }

    /// The bot's channels in which something was written since.
    async fn channels(&self, since: i64) -> anyhow::Result<Vec<Channel>> {
        let api = &self.chat.api;
        let teams: Vec<Team> = api.call(api.endpoint.get("api/v4/users/me/teams")).await?;
        let mut channels: Vec<Channel> = Vec::new();
        for team in teams {
            let request = api.endpoint.get(&format!("api/v4/users/me/teams/{}/channels", team.id));
            let found: Vec<Channel> = api.call(request).await?;
            for channel in found.into_iter().filter(|channel| channel.delete_at == 0 && channel.last_post_at >= since) {
                // Direct channels are listed with every team.
                if !channels.iter().any(|known| known.id == channel.id) {
                    channels.push(channel);
                }
            }
        }
        Ok(channels)
    }

    /// Puts what was said to us into the inbox.
    async fn take(&self, post: &Post, channel_type: &str, sender: Option<&str>, me: &User) -> anyhow::Result<()> {
        let (text, to_bot) = match addressed(post, channel_type, me) {
            Some(Addressed::Us(words)) => (words, true),
            Some(Addressed::Nobody(words)) => (words, false),
            Some(Addressed::SomebodyElse) | None => return Ok(()),
        };
        let Ok(asker) = Principal::new(PrincipalKind::Mattermost, &post.user_id) else { return Ok(()) };
        let said = Said {
            place: Place::Channel(Platform::Mattermost, post.channel_id.clone()),
            thread: (!post.root_id.is_empty()).then(|| MessageId(post.root_id.clone())),
            message: Some(MessageId(post.id.clone())),
            text,
            asker,
            name: sender.map(str::to_owned),
            to_bot,
            at: DateTime::from_timestamp_millis(post.create_at),
            nonce: format!("mattermost:{}", post.id),
        };
        self.hearing.said(said).await.context("keep what was asked")?;
        Ok(())
    }
}

/// Opens a connection and closes it: whether replies could be heard.
///
/// # Errors
/// When they could not.
pub(super) async fn reach(settings: &EndpointSettings) -> anyhow::Result<()> {
    Connection::open(settings).await?.close().await;
    Ok(())
}
