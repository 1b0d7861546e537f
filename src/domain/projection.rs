//! What a chat shows of an incident's thread, so that the difference to the truth can be sent and nothing twice.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::chat::MessageId;

/// One incident in one chat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Projection {
    /// The channel, by its id; chosen when the root is sent, and kept.
    pub channel: String,
    /// Every message that was sent or is being sent, by the key of its post.
    pub shown: BTreeMap<String, Shown>,
    /// Why nothing more can be shown: the channel is archived, the root was deleted.
    pub closed: Option<String>,
}

impl Projection {
    /// The root message, once it is known to be there.
    pub fn root(&self) -> Option<&MessageId> {
        self.shown.get("root")?.id.as_ref()
    }
}

/// A message that stands for a post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Its name in the chat; `None` while it is not known whether it arrived.
    pub id: Option<MessageId>,
    /// Messages in which a long one goes on.
    #[serde(default)]
    pub rest: Vec<MessageId>,
    /// A digest of what was sent last; what differs is sent again.
    pub digest: String,
    /// When it was sent last.
    pub at: DateTime<Utc>,
    /// How often it was sent in vain while others arrived.
    #[serde(default)]
    pub attempts: u8,
    /// Why the chat does not take it: what has this digest is not sent again.
    #[serde(default)]
    pub refused: Option<String>,
}

/// The digest of a message that is not ours to edit: a person's, or one that was deleted.
pub const UNTOUCHED: &str = "untouched";

impl Shown {
    /// A message that is there and stays as it is.
    pub fn untouched(id: Option<MessageId>, at: DateTime<Utc>) -> Self {
        Self { id, rest: Vec::new(), digest: UNTOUCHED.to_owned(), at, attempts: 0, refused: None }
    }
}
