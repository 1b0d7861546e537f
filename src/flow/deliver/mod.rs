//! Brings incidents into a chat: one task per chat, which compares what it shows with what the threads say, and sends the
//! difference.
//!
//! Nothing is kept here that the store does not know: [`next`] says what to send from what is stored, [`visit`] sends one
//! message and stores that, [`board`] and [`pace`] say whose turn it is. A process that dies leaves at most one message
//! per channel of which nobody knows whether it arrived; it is looked for before it is sent again.

pub mod board;
pub mod channels;
pub mod next;
pub mod pace;
pub mod visit;
pub mod wanted;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::board::{Board, Plan};
use self::channels::Channels;
use self::pace::{Pace, Rates};
use self::visit::{Look, Visited, look, visit};
use super::Context;
use super::worker::idle;
use crate::domain::chat::MessageId;
use crate::domain::incident::IncidentId;
use crate::domain::routes::Routes;
use crate::ports::{Chat, ChatError, Clock, Store, StoreError, Undelivered};
use crate::render::Renderer;
use crate::telemetry::troubles::Troubles;
use crate::telemetry::{Counters, Ended};

/// Incidents of the outbox that are known here: about 200 bytes each.
const MAX_WAITING: usize = 10_000;
/// Incidents looked at in one round, between two messages.
const LOOKS: usize = 64;
/// Messages under way at once, each into another channel.
const FLYING: usize = 8;
/// Longest sleep: what another replica left is found by then.
const IDLE: Duration = Duration::from_millis(500);
/// Shortest time between two looks at the outbox.
const ROUND: Duration = Duration::from_millis(20);
/// How many times as long as a look at the outbox took nobody looks again: a long one costs a tenth of a core.
const REST: u32 = 10;
/// How long somebody else's incident is left alone.
const HELD: TimeDelta = TimeDelta::seconds(1);
/// How often a chat is told again that the bot is at work; Mattermost shows it for five seconds.
const BUSY_EVERY: TimeDelta = TimeDelta::seconds(4);
/// Longest call that says so.
const BUSY_CALL: Duration = Duration::from_secs(5);

/// A chat as it is used here.
pub struct ChatUse {
    /// The chat.
    pub chat: Arc<dyn Chat>,
    /// Where incidents go in it.
    pub routes: Routes,
}

/// What bringing incidents into one chat needs.
#[derive(Clone)]
pub struct Surface {
    /// Where threads are, and what the chat shows of them.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Clock,
    /// Words.
    pub render: Arc<Renderer>,
    /// The chat.
    pub chat: Arc<dyn Chat>,
    /// Where incidents go in it.
    pub routes: Routes,
    /// What is known of its channels.
    pub channels: Arc<Channels>,
    /// The console's address as people reach it, without a slash at the end.
    pub public_url: String,
    /// Where troubles are told.
    pub troubles: Arc<Troubles>,
    /// Counters.
    pub counters: Arc<Counters>,
}

impl Surface {
    /// One of a context's chats.
    pub fn of(context: &Context, used: &ChatUse) -> Self {
        Self {
            store: Arc::clone(&context.store),
            clock: Arc::clone(&context.clock),
            render: Arc::clone(&context.render),
            chat: Arc::clone(&used.chat),
            routes: used.routes.clone(),
            channels: Arc::default(),
            public_url: context.public_url.trim_end_matches('/').to_owned(),
            troubles: Arc::clone(&context.troubles),
            counters: Arc::clone(&context.counters),
        }
    }
}

/// What came back of what was sent out.
type Landed = Result<Visited, StoreError>;
/// What came back, with the task that it was.
type Joined = Result<(tokio::task::Id, Landed), JoinError>;

/// Brings incidents into one chat.
pub struct Courier {
    surface: Arc<Surface>,
    board: Board,
    pace: Pace,
    flying: JoinSet<Landed>,
    /// What each of those that are under way is about.
    sent_out: HashMap<tokio::task::Id, (Undelivered, String)>,
    /// When a message last arrived.
    worked_at: Option<DateTime<Utc>>,
    /// What was said of being at work, and when.
    busy: HashMap<IncidentId, (String, DateTime<Utc>)>,
    saying: JoinSet<()>,
}

impl Courier {
    /// A courier that has sent nothing yet.
    pub fn new(surface: Surface, rates: Rates) -> Self {
        Self {
            surface: Arc::new(surface),
            board: Board::default(),
            pace: Pace::new(rates),
            flying: JoinSet::new(),
            sent_out: HashMap::new(),
            worked_at: None,
            busy: HashMap::new(),
            saying: JoinSet::new(),
        }
    }

    /// Works until `stop`, and lets what is under way arrive.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut changes = self.surface.store.changes();
        let mut look_at = Instant::now();
        while !stop.is_cancelled() {
            let began = Instant::now();
            if began >= look_at {
                if let Err(error) = self.refresh().await {
                    let platform = self.surface.chat.platform();
                    tracing::error!(%platform, "read the outbox of {platform}: {error:#}");
                    look_at = Instant::now() + Duration::from_secs(1);
                } else {
                    look_at = Instant::now() + (began.elapsed() * REST).clamp(ROUND, IDLE);
                }
            }
            self.start();
            let due = self.due().and_then(|due| (due - (self.surface.clock)()).to_std().ok());
            let sleep = due.unwrap_or(IDLE).clamp(ROUND, IDLE);
            tokio::select! {
                () = stop.cancelled() => {}
                Some(joined) = self.flying.join_next_with_id() => self.land(joined),
                changed = changes.recv() => {
                    // The outbox tells what changed: a burst of changes costs one look at it.
                    match changed {
                        Err(RecvError::Closed) => idle(IDLE, &stop).await,
                        Ok(_) | Err(RecvError::Lagged(_)) => tokio::time::sleep_until(look_at).await,
                    }
                    changes = changes.resubscribe();
                }
                () = tokio::time::sleep(sleep) => {}
            }
        }
        while self.landed().await {}
    }

    /// Reads the outbox, and looks at what is new or changed there.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn refresh(&mut self) -> Result<(), StoreError> {
        while self.saying.try_join_next().is_some() {}
        let surface = Arc::clone(&self.surface);
        let platform = surface.chat.platform();
        self.board.note(&surface.store.outbox(platform, MAX_WAITING).await?);
        for seen in self.board.unplanned(LOOKS) {
            let now = (surface.clock)();
            match look(&surface, &seen.incident).await {
                Ok(Some(look)) => {
                    self.say_busy(&seen.incident, &look, now);
                    let plan = |step: next::Step| Plan {
                        urgency: step.urgency,
                        channel: look.channel().to_owned(),
                        not_before: step.not_before,
                    };
                    match look.next(now).map(plan) {
                        Some(plan) => self.board.plan(&seen, Some(plan)),
                        // With the lease, since what people said themselves is kept.
                        None if look.adopted => {
                            let visited = visit(&surface, &seen.incident, self.worked_at).await;
                            if visited.as_ref().is_ok_and(Visited::is_done) {
                                forget(&surface, &seen).await;
                            }
                            self.settle(&seen, look.channel(), visited);
                        }
                        None => self.is_shown(&seen).await,
                    }
                }
                Ok(None) => self.is_shown(&seen).await,
                Err(error) => {
                    tracing::warn!(incident = %seen.incident, "look at {}: {error:#}", seen.incident);
                    self.board.stumbles(&seen.incident, now);
                }
            }
        }
        Ok(())
    }

    /// Sends out what may go now.
    pub fn start(&mut self) {
        while self.flying.len() < FLYING {
            let now = (self.surface.clock)();
            let Some((seen, channel)) = self.board.pick(&self.pace, now) else { return };
            self.pace.take(&channel, now);
            let (surface, worked_at, sent_out) = (Arc::clone(&self.surface), self.worked_at, seen.clone());
            let task = self.flying.spawn(async move {
                let visited = visit(&surface, &seen.incident, worked_at).await;
                if visited.as_ref().is_ok_and(Visited::is_done) {
                    forget(&surface, &seen).await;
                }
                visited
            });
            self.sent_out.insert(task.id(), (sent_out, channel));
        }
    }

    /// Waits for one of those that are under way; `false` when none is.
    pub async fn landed(&mut self) -> bool {
        let Some(joined) = self.flying.join_next_with_id().await else { return false };
        self.land(joined);
        true
    }

    /// When something is due next.
    pub fn due(&self) -> Option<DateTime<Utc>> {
        self.board.due(&self.pace)
    }

    fn land(&mut self, joined: Joined) {
        let id = joined.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let Some((seen, channel)) = self.sent_out.remove(&id) else { return };
        self.board.landed(&seen.incident, &channel);
        let id = self.surface.channels.id(&channel).unwrap_or_else(|| channel.clone());
        if id != channel {
            self.board.rename(&channel, &id);
        }
        match joined {
            Ok((_, landed)) => self.settle(&seen, &id, landed),
            Err(error) => {
                tracing::error!(incident = %seen.incident, "bring {} into the chat: {error}", seen.incident);
                self.board.stumbles(&seen.incident, (self.surface.clock)());
            }
        }
    }

    /// There is nothing to send.
    async fn is_shown(&mut self, seen: &Undelivered) {
        forget(&self.surface, seen).await;
        self.board.plan(seen, None);
    }

    fn settle(&mut self, seen: &Undelivered, channel: &str, landed: Landed) {
        let now = (self.surface.clock)();
        let plan = |(urgency, not_before)| Plan { urgency, channel: channel.to_owned(), not_before };
        match landed {
            Ok(Visited::Held) => self.board.plan(seen, Some(plan((next::Urgency::Entry, now + HELD)))),
            Ok(Visited::Seen { sent, next }) => {
                self.board.plan(seen, next.map(plan));
                match sent {
                    None => {}
                    Some(Ok(())) => {
                        self.board.succeeds(&seen.incident);
                        self.arrived(channel, now);
                    }
                    Some(Err(error)) => self.failed(&error, seen, channel, now),
                }
            }
            Err(StoreError::Conflict(_)) => self.board.stumbles(&seen.incident, now),
            Err(error) => {
                tracing::warn!(incident = %seen.incident, "bring {} into the chat: {error:#}", seen.incident);
                self.board.stumbles(&seen.incident, now);
            }
        }
    }

    fn arrived(&mut self, channel: &str, now: DateTime<Utc>) {
        self.count("ok");
        self.worked_at = Some(now);
        self.pace.arrived(channel);
        let platform = self.surface.chat.platform();
        for about in [platform.to_string(), format!("{platform}:{channel}")] {
            if self.surface.troubles.ends(&about) {
                tracing::info!(%platform, "{about} takes messages again");
            }
        }
    }

    fn failed(&mut self, error: &ChatError, seen: &Undelivered, channel: &str, now: DateTime<Utc>) {
        let platform = self.surface.chat.platform();
        let trouble = match error {
            ChatError::Wait { after } => {
                self.pace.wait(channel, now + *after);
                None
            }
            ChatError::Down(_) | ChatError::Unknown(_) => {
                self.board.stumbles(&seen.incident, now);
                let is_down = self.pace.unknown(now);
                is_down.then(|| platform.to_string())
            }
            ChatError::Channel(_) => {
                self.pace.channel_fails(channel, now);
                Some(format!("{platform}:{channel}"))
            }
            ChatError::Account(_) => {
                self.pace.account_fails(now);
                Some(platform.to_string())
            }
            // Told where it happened, with the name of the message.
            ChatError::Gone(_) => {
                self.board.stumbles(&seen.incident, now);
                None
            }
            ChatError::Refused(_) => None,
        };
        self.count(error.as_str());
        if let Some(about) = trouble
            && self.surface.troubles.begins(&about, &error.to_string())
        {
            tracing::error!(%platform, "{about}: {error}; what waits for it is kept");
        }
    }

    fn count(&self, result: &'static str) {
        let of = self.surface.chat.platform().to_string();
        self.surface.counters.messages.get_or_create(&Ended { of, result }).inc();
    }

    /// Tells the chat that an answer is being worked on, as often as it forgets it.
    fn say_busy(&mut self, id: &IncidentId, look: &Look, now: DateTime<Utc>) {
        let Some((root, doing)) = look.busy(&self.surface.render.word("answer.thinking")) else { return };
        match self.busy.get(id) {
            None if doing.is_empty() => return,
            Some((said, at)) if *said == doing && now - *at < BUSY_EVERY => return,
            _ => {}
        }
        if doing.is_empty() {
            self.busy.remove(id);
        } else {
            self.busy.insert(id.clone(), (doing.clone(), now));
        }
        let (surface, channel) = (Arc::clone(&self.surface), look.projection.value.channel.clone());
        self.saying.spawn(async move { busy(&surface, &channel, &root, &doing).await });
    }
}

/// Lost if it is lost.
async fn busy(surface: &Surface, channel: &str, root: &MessageId, doing: &str) {
    match tokio::time::timeout(BUSY_CALL, surface.chat.busy(channel, root, doing)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!("say that an answer is being worked on: {error}"),
        Err(_) => tracing::debug!("say that an answer is being worked on: no answer"),
    }
}

/// Takes an incident out of the outbox, unless it changed meanwhile.
async fn forget(surface: &Surface, seen: &Undelivered) {
    if let Err(error) = surface.store.delivered(surface.chat.platform(), seen).await {
        tracing::warn!(incident = %seen.incident, "take {} out of the outbox: {error:#}", seen.incident);
    }
}

#[cfg(test)]
pub(super) mod tests;
