//! Where people talk.

use async_trait::async_trait;
use chrono::TimeDelta;

use crate::domain::chat::{MessageId, Platform};
use crate::domain::incident::IncidentId;
use crate::domain::message::Message;
use crate::domain::policy::{Person, Principal};

/// Why a chat did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// Too fast; come back later. Only this channel has to wait.
    #[error("it asks to wait {} s", .after.num_seconds())]
    Wait {
        /// How long.
        after: TimeDelta,
    },
    /// There was not even a connection: it did not happen.
    #[error("it cannot be reached: {0}")]
    Down(String),
    /// It is not known whether it happened: no answer, or a server error. Look before trying again.
    #[error("it is not known whether it happened: {0}")]
    Unknown(String),
    /// The message to edit, or the thread to write to, is no more.
    #[error("the message is gone: {0}")]
    Gone(String),
    /// The channel takes nothing: archived, deleted, or the bot is no member.
    #[error("the channel takes nothing: {0}")]
    Channel(String),
    /// The bot's own account is refused: token revoked, scope missing.
    #[error("the account is refused: {0}")]
    Account(String),
    /// The content was refused; the same again will be refused again.
    #[error("it was refused: {0}")]
    Refused(String),
}

impl ChatError {
    /// The name in counters and traces.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Wait { .. } => "wait",
            Self::Down(_) => "down",
            Self::Unknown(_) => "unknown",
            Self::Gone(_) => "gone",
            Self::Channel(_) => "channel",
            Self::Account(_) => "account",
            Self::Refused(_) => "refused",
        }
    }
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The channel, by its id.
    pub channel: String,
    /// The root of the thread; `None` for a root.
    pub thread: Option<MessageId>,
    /// Whose thread it belongs to.
    pub incident: IncidentId,
    /// Which entry of that thread, by its key: `evidence:E3`.
    pub post: String,
}

impl Destination {
    /// Names the message for good: `i-3f9a1c07be/evidence:E3`. The platform keeps it with the message, so that [`Chat::find`]
    /// can tell whether it arrived.
    pub fn key(&self) -> String {
        format!("{}/{}", self.incident, self.post)
    }
}

/// The bytes of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureFile {
    /// The file's name.
    pub name: String,
    /// PNG.
    pub png: Vec<u8>,
}

/// A message as it was sent: its own id, and those of messages in which it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The message that bears the controls.
    pub id: MessageId,
    /// Where the text went on.
    pub rest: Vec<MessageId>,
}

/// Where people talk. Each method is one thing that the platform does or does not do; when, in which order and how often
/// is decided by whoever calls. Text is Markdown as in [`Message::text`].
#[async_trait]
pub trait Chat: Send + Sync + 'static {
    /// Which.
    fn platform(&self) -> Platform;

    /// The id of a channel as an operator writes it: `#incidents`, `team/incidents`, or the id itself.
    async fn channel(&self, written: &str) -> Result<String, ChatError>;

    /// Sends a new message, with its picture uploaded first.
    async fn post(&self, to: &Destination, message: &Message, picture: Option<&PictureFile>)
    -> Result<Sent, ChatError>;

    /// Makes a message say something else; a picture that it bears stays.
    async fn edit(&self, to: &Destination, sent: &Sent, message: &Message) -> Result<Sent, ChatError>;

    /// Looks for a message of ours by [`Destination::key`].
    async fn find(&self, to: &Destination) -> Result<Option<Sent>, ChatError>;

    /// Says something to one person only, beside a message or in a channel.
    async fn tell(
        &self,
        person: &Principal,
        channel: &str,
        thread: Option<&MessageId>,
        text: &str,
    ) -> Result<(), ChatError>;

    /// What a person is called, or [`None`] where the platform does not say.
    async fn name(&self, person: &Principal) -> Option<String>;

    /// The groups that the platform puts a person in now.
    async fn groups(&self, person: &Person) -> Result<Vec<Principal>, ChatError>;

    /// Shows that the bot is at work in a thread; an empty text ends it. Lost if it is lost.
    async fn busy(&self, channel: &str, thread: &MessageId, doing: &str) -> Result<(), ChatError>;
}
