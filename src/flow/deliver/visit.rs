//! One incident in one chat: what is next of it, and one step of that done and kept.
//!
//! Before a message is sent, the projection says that it may be there; after it, by which name it is known. Whoever comes
//! upon a message that may be there looks for it before sending it again. The lease keeps a second replica from coming
//! upon one that is just being sent.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::next::{Act, ROOT, Step, Urgency, Wanted, next};
use super::{Surface, wanted};
use crate::domain::chat::{MessageId, Place};
use crate::domain::incident::{Incident, IncidentId, Origin};
use crate::domain::investigation::Investigation;
use crate::domain::message::Message;
use crate::domain::projection::{Projection, Shown, UNTOUCHED};
use crate::domain::question::QuestionState;
use crate::domain::routes::Route;
use crate::domain::text;
use crate::ports::{ChatError, Destination, PictureFile, Sent, StoreError, Versioned};
use crate::render::{About, Theme};
use crate::telemetry::trace;

/// Longest call to a chat; what takes longer may have happened.
const CALL: Duration = Duration::from_secs(30);
/// How long an incident is held for one step: a look-up and a message, each at its longest, and the store.
const HOLD: TimeDelta = TimeDelta::seconds(120);
/// Attempts at one message while others arrive, before it is left out.
const MAX_ATTEMPTS: u8 = 6;
/// Longest reason that is kept, in bytes.
const MAX_REASON_BYTES: usize = 300;

/// An incident as a chat shall show it, and as it shows it.
pub struct Look {
    /// The incident.
    pub incident: Incident,
    /// Its record, for pictures.
    pub record: Investigation,
    /// What is shown.
    pub projection: Versioned<Projection>,
    /// What shall be.
    pub wanted: Vec<Wanted>,
    /// Whom a new root calls.
    pub mentions: Vec<String>,
    /// The channel as it is written, while nobody knows its id.
    pub unknown: Option<String>,
    /// Whether the projection took in what people said themselves.
    pub adopted: bool,
}

impl Look {
    /// The channel by its id, or as it is written while nobody knows its id.
    pub fn channel(&self) -> &str {
        self.unknown.as_deref().unwrap_or(&self.projection.value.channel)
    }

    /// What is next.
    pub fn next(&self, now: DateTime<Utc>) -> Option<Step> {
        next(&self.projection.value, &self.wanted, now)
    }

    /// The root with what the bot is doing below it; an empty text while it does nothing.
    pub fn busy(&self, thinking: &str) -> Option<(MessageId, String)> {
        let root = self.projection.value.root()?.clone();
        let doing = self.record.asked.iter().find_map(|asked| match &asked.state {
            QuestionState::Waiting => Some(thinking.to_owned()),
            QuestionState::Working { looking, .. } => {
                Some(looking.last().cloned().unwrap_or_else(|| thinking.to_owned()))
            }
            QuestionState::Answered { .. } | QuestionState::Failed { .. } => None,
        });
        Some((root, doing.unwrap_or_default()))
    }
}

/// Looks at an incident; `None` where this chat has nothing to show of it.
///
/// # Errors
/// When the store does not answer.
pub async fn look(surface: &Surface, id: &IncidentId) -> Result<Option<Look>, StoreError> {
    let platform = surface.chat.platform();
    // The projection before the thread: it is never newer than what it is compared with.
    let mut projection = surface.store.projection(platform, id).await?;
    if projection.value.closed.is_some() {
        return Ok(None);
    }
    let Some(Versioned { value: incident, .. }) = surface.store.incident(id).await? else { return Ok(None) };
    let (mut mentions, mut unknown) = (Vec::new(), None);
    if projection.value.root().is_none() {
        let Some(route) = route(surface, &incident) else { return Ok(None) };
        // A channel that was chosen is kept: something may be there.
        if projection.value.channel.is_empty() {
            match surface.channels.id(&route.channel).filter(|_| incident.spot.is_none()) {
                Some(id) => projection.value.channel = id,
                None if incident.spot.is_some() => projection.value.channel = route.channel,
                None => unknown = Some(route.channel),
            }
        }
        mentions = route.mentions;
    }
    let thread = surface.store.thread(id).await?;
    let record = surface.store.investigation(id).await?.unwrap_or_default();
    let proposals = surface.store.proposals(id).await?;
    let now = (surface.clock)();
    let place = Place::Channel(platform, projection.value.channel.clone());
    let page = format!("{}/incidents/{id}", surface.public_url);
    let about = About { incident: &incident, record: &record, proposals: &proposals, page: &page, now };
    let wanted = wanted::wanted(&surface.render, &thread, &about, &place);
    let adopted = wanted::adopt(&mut projection.value, &incident, &record, &place, now);
    Ok(Some(Look { incident, record, projection, wanted, mentions, unknown, adopted }))
}

/// Where an incident goes: what a person asked for stays where they asked; alerts go by the routes.
fn route(surface: &Surface, incident: &Incident) -> Option<Route> {
    let platform = surface.chat.platform();
    match (&incident.spot, incident.origin) {
        (Some(spot), _) => match &spot.place {
            Place::Channel(asked, channel) if *asked == platform => {
                Some(Route { channel: channel.clone(), mentions: Vec::new() })
            }
            Place::Channel(..) | Place::Console | Place::Api => None,
        },
        (None, Origin::Question) => None,
        (None, Origin::Alerts) => Some(surface.routes.of(incident)),
    }
}

/// Asks the chat for the id of a channel.
async fn learn(surface: &Surface, written: &str) -> Result<(), ChatError> {
    let id = call(surface.chat.channel(written)).await?;
    surface.channels.learn(written, &id);
    surface.troubles.ends(&format!("{}:{written}", surface.chat.platform()));
    Ok(())
}

/// What came of a visit.
#[derive(Debug)]
pub enum Visited {
    /// Somebody else is at it.
    Held,
    /// It was looked at.
    Seen {
        /// What came of the message that was sent, if one was.
        sent: Option<Result<(), ChatError>>,
        /// How urgent what is next is, and not earlier than when; `None` when the chat shows everything.
        next: Option<(Urgency, DateTime<Utc>)>,
    },
}

impl Visited {
    /// Nothing was sent, and nothing is left to send.
    pub const DONE: Self = Self::Seen { sent: None, next: None };

    /// Whether nothing is left to send.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Seen { next: None, .. })
    }
}

/// Does the next step of an incident. `worked_at` is when a message last arrived anywhere on the platform: what fails
/// while others arrive fails by itself.
///
/// # Errors
/// When the store does not answer or somebody else was faster; whatever was sent is found by the next visit.
pub async fn visit(
    surface: &Surface,
    id: &IncidentId,
    worked_at: Option<DateTime<Utc>>,
) -> Result<Visited, StoreError> {
    let name = format!("chat:{}:{id}", surface.chat.platform());
    let Some(lease) = surface.store.lease(&name, HOLD, (surface.clock)()).await? else { return Ok(Visited::Held) };
    let result = step(surface, id, worked_at).await;
    if let Err(error) = surface.store.release(&lease).await {
        tracing::warn!(incident = %id, "give the lease back: {error:#}; it ends by itself");
    }
    result
}

async fn step(surface: &Surface, id: &IncidentId, worked_at: Option<DateTime<Utc>>) -> Result<Visited, StoreError> {
    let Some(mut seen) = look(surface, id).await? else { return Ok(Visited::DONE) };
    if let Some(written) = &seen.unknown {
        if let Err(error) = learn(surface, written).await {
            return Ok(Visited::Seen { sent: Some(Err(error)), next: Some((Urgency::Root, (surface.clock)())) });
        }
        seen = match look(surface, id).await? {
            Some(seen) => seen,
            None => return Ok(Visited::DONE),
        };
    }
    let look = seen;
    let now = (surface.clock)();
    let Some(step) = look.next(now) else {
        if look.adopted {
            surface.store.save_projection(surface.chat.platform(), id, &look.projection).await?;
        }
        return Ok(Visited::DONE);
    };
    let (Some(wanted), true) = (look.wanted.get(step.index).cloned(), step.not_before <= now) else {
        return Ok(Visited::Seen { sent: None, next: Some((step.urgency, step.not_before)) });
    };
    let span = span(surface, &look, &wanted, step.act);
    let mut sending = Sending { surface, id, look, wanted, worked_at };
    let sending_now = async {
        match step.act {
            Act::Find => sending.find().await,
            Act::Post => sending.post(false).await,
            Act::PostBare => sending.post(true).await,
            Act::Edit => sending.edit().await,
        }
    };
    let sent = sending_now.instrument(span.clone()).await?;
    if let Err(error) = &sent {
        trace::failed(&span, error.as_str());
    }
    let look = sending.look;
    let next = look.projection.value.closed.is_none().then(|| look.next((surface.clock)())).flatten();
    Ok(Visited::Seen { sent: Some(sent), next: next.map(|step| (step.urgency, step.not_before)) })
}

/// A message's span, where it belongs to an investigation's trace.
fn span(surface: &Surface, look: &Look, wanted: &Wanted, act: Act) -> Span {
    let Some(parent) = look.record.trace.as_ref().or(look.incident.trace.as_ref()) else { return Span::none() };
    let chat = surface.chat.platform();
    let span = tracing::info_span!(
        "deliver",
        otel.name = format!("deliver to {chat}"),
        otel.kind = "producer",
        chat = %chat,
        incident = %look.incident.id,
        post = wanted.key,
        act = ?act,
        otel.status_code = Empty,
        error.type = Empty,
    );
    trace::follow(&span, Some(parent));
    span
}

/// A message on its way.
struct Sending<'a> {
    surface: &'a Surface,
    id: &'a IncidentId,
    look: Look,
    wanted: Wanted,
    worked_at: Option<DateTime<Utc>>,
}

impl Sending<'_> {
    fn shown(&self) -> Option<&Shown> {
        self.look.projection.value.shown.get(&self.wanted.key)
    }

    fn to(&self) -> Destination {
        let projection = &self.look.projection.value;
        Destination {
            channel: projection.channel.clone(),
            thread: projection.root().filter(|_| self.wanted.key != ROOT).cloned(),
            incident: self.id.clone(),
            post: self.wanted.key.clone(),
        }
    }

    /// Keeps how the message stands.
    async fn keep(&mut self, shown: Option<Shown>) -> Result<(), StoreError> {
        let key = self.wanted.key.clone();
        let projection = &mut self.look.projection;
        match shown {
            Some(shown) => projection.value.shown.insert(key, shown),
            None => projection.value.shown.remove(&key),
        };
        let platform = self.surface.chat.platform();
        projection.version = self.surface.store.save_projection(platform, self.id, projection).await?;
        Ok(())
    }

    async fn close(&mut self, reason: &str) -> Result<(), StoreError> {
        let (platform, key) = (self.surface.chat.platform(), &self.wanted.key);
        let reason = text::line(reason, MAX_REASON_BYTES);
        tracing::warn!(incident = %self.id, %platform, "{platform} shows incident {} no further (at {key}): {reason}", self.id);
        self.look.projection.value.closed = Some(reason);
        self.keep(None).await
    }

    /// A message that may be there is looked for, and sent if it is not.
    async fn find(&mut self) -> Result<Result<(), ChatError>, StoreError> {
        match call(self.surface.chat.find(&self.to())).await {
            Ok(Some(sent)) => {
                // What it says may be older than what it shall say; the digest of what was sent tells.
                let digest = self.shown().map(|shown| shown.digest.clone()).unwrap_or_default();
                let shown = arrived(sent, digest, (self.surface.clock)());
                self.keep(Some(shown)).await?;
                Ok(Ok(()))
            }
            Ok(None) => {
                let attempts = self.attempts();
                if attempts >= MAX_ATTEMPTS && self.wanted.key != ROOT {
                    let error = ChatError::Refused(format!("it did not arrive in {attempts} attempts"));
                    return self.refused(error, attempts).await;
                }
                self.post(false).await
            }
            Err(error @ ChatError::Gone(_)) if self.wanted.key != ROOT => {
                self.close(&error.to_string()).await?;
                Ok(Err(error))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    /// How often it was sent in vain while others arrived, this time included.
    fn attempts(&self) -> u8 {
        let Some(shown) = self.shown() else { return 0 };
        let alone = self.worked_at.is_some_and(|worked_at| worked_at > shown.at);
        shown.attempts.saturating_add(u8::from(alone))
    }

    async fn post(&mut self, is_bare: bool) -> Result<Result<(), ChatError>, StoreError> {
        let mut message = self.wanted.message.clone();
        if self.wanted.key == ROOT {
            message.mentions.clone_from(&self.look.mentions);
        }
        if is_bare {
            message = wanted::bare(&message);
        }
        let attempts = self.attempts();
        let to = self.to();
        let digest = self.wanted.digest.clone();
        let at = (self.surface.clock)();
        let intent = Shown { id: None, rest: Vec::new(), digest: digest.clone(), at, attempts, refused: None };
        let before = self.shown().filter(|shown| shown.refused.is_some()).cloned();
        self.keep(Some(intent)).await?;
        let picture = self.picture(&message).await;
        match call(self.surface.chat.post(&to, &message, picture.as_ref())).await {
            Ok(sent) => {
                let shown = arrived(sent, digest, (self.surface.clock)());
                self.keep(Some(shown)).await?;
                Ok(Ok(()))
            }
            // It stays what it is: nobody knows.
            Err(error @ ChatError::Unknown(_)) => Ok(Err(error)),
            Err(
                error @ (ChatError::Wait { .. } | ChatError::Down(_) | ChatError::Channel(_) | ChatError::Account(_)),
            ) => {
                self.keep(before).await?;
                Ok(Err(error))
            }
            Err(ChatError::Gone(reason)) if self.wanted.key == ROOT => {
                // There is no message yet that could be gone; what is gone is the channel.
                self.keep(before).await?;
                Ok(Err(ChatError::Channel(reason)))
            }
            Err(error @ ChatError::Gone(_)) => {
                self.close(&error.to_string()).await?;
                Ok(Err(error))
            }
            Err(error @ ChatError::Refused(_)) if is_bare => {
                self.close(&error.to_string()).await?;
                Ok(Err(error))
            }
            Err(error @ ChatError::Refused(_)) => self.refused(error, attempts).await,
        }
    }

    /// The same again would be refused again: it is left out, and the thread goes on.
    async fn refused(&mut self, error: ChatError, attempts: u8) -> Result<Result<(), ChatError>, StoreError> {
        let (platform, key) = (self.surface.chat.platform(), &self.wanted.key);
        tracing::warn!(incident = %self.id, %platform, post = %key, "{platform} does not show {}/{key}: {error}", self.id);
        let reason = text::line(&error.to_string(), MAX_REASON_BYTES);
        let at = (self.surface.clock)();
        let digest = self.wanted.digest.clone();
        self.keep(Some(Shown { id: None, rest: Vec::new(), digest, at, attempts, refused: Some(reason) })).await?;
        Ok(Err(error))
    }

    async fn edit(&mut self) -> Result<Result<(), ChatError>, StoreError> {
        let Some(shown) = self.shown().cloned() else { return Ok(Ok(())) };
        let Some(id) = shown.id.clone() else { return Ok(Ok(())) };
        let sent = Sent { id, rest: shown.rest.clone() };
        let edited = call(self.surface.chat.edit(&self.to(), &sent, &self.wanted.message)).await;
        let at = (self.surface.clock)();
        match edited {
            Ok(sent) => {
                self.keep(Some(arrived(sent, self.wanted.digest.clone(), at))).await?;
                Ok(Ok(()))
            }
            Err(error @ ChatError::Gone(_)) if self.wanted.key == ROOT => {
                self.close(&error.to_string()).await?;
                Ok(Err(error))
            }
            Err(error @ ChatError::Gone(_)) => {
                tracing::info!(incident = %self.id, post = %self.wanted.key, "edit {}/{}: {error}", self.id, self.wanted.key);
                self.keep(Some(Shown { digest: UNTOUCHED.to_owned(), at, ..shown })).await?;
                Ok(Err(error))
            }
            Err(error @ ChatError::Refused(_)) => {
                tracing::warn!(incident = %self.id, post = %self.wanted.key, "edit {}/{}: {error}", self.id, self.wanted.key);
                let reason = Some(text::line(&error.to_string(), MAX_REASON_BYTES));
                self.keep(Some(Shown { digest: self.wanted.digest.clone(), at, refused: reason, ..shown })).await?;
                Ok(Err(error))
            }
            // The same edit again does no harm.
            Err(error) => Ok(Err(error)),
        }
    }

    /// The chart, drawn off the async threads. Without it the message still says what it shows.
    async fn picture(&self, message: &Message) -> Option<PictureFile> {
        let picture = message.picture.as_ref()?;
        let evidence = self.look.record.evidence.iter().find(|known| known.id == picture.evidence)?.clone();
        let (render, incident) = (std::sync::Arc::clone(&self.surface.render), self.look.incident.clone());
        let name = format!("{}-{}.png", self.id, picture.evidence);
        let drawn = tokio::task::spawn_blocking(move || render.chart(&evidence, &incident, Theme::Light)).await;
        match drawn {
            Ok(Ok(png)) => Some(PictureFile { name, png }),
            Ok(Err(error)) => {
                tracing::warn!(incident = %self.id, "draw {name}: {error}");
                None
            }
            Err(error) => {
                tracing::error!(incident = %self.id, "draw {name}: {error}");
                None
            }
        }
    }
}

fn arrived(Sent { id, rest }: Sent, digest: String, at: DateTime<Utc>) -> Shown {
    Shown { id: Some(id), rest, digest, at, attempts: 0, refused: None }
}

async fn call<T>(call: impl Future<Output = Result<T, ChatError>>) -> Result<T, ChatError> {
    let late = || ChatError::Unknown(format!("no answer within {} s", CALL.as_secs()));
    tokio::time::timeout(CALL, call).await.unwrap_or_else(|_| Err(late()))
}
