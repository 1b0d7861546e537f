//! A question that a person put to the bot, and how far its answer is.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::chat::Spot;
use super::incident::{IncidentId, hex};
use super::policy::Principal;
use super::text;

/// Longest question, in bytes.
pub const MAX_QUESTION_BYTES: usize = 8 * 1024;
/// Questions kept with one incident; the thread keeps the words of all.
pub const MAX_QUESTIONS: usize = 100;

/// A question's name, `q-3f9a1c07be`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QuestionId(pub String);

impl QuestionId {
    /// The id of what was asked under `nonce`, which the platform or the caller makes unique; the same nonce again is the
    /// same question.
    pub fn of(nonce: &str) -> Self {
        Self(format!("q-{}", hex(&Sha256::digest(nonce)[..5])))
    }
}

impl std::fmt::Display for QuestionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something that a person wants to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Its name.
    pub id: QuestionId,
    /// The incident whose thread it was asked in; `None` opens a thread of its own.
    pub incident: Option<IncidentId>,
    /// Its words, bounded and plain.
    pub text: String,
    /// Who asks.
    pub author: String,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// Who asks, as the platform vouches for them; `None` where nobody does.
    #[serde(default)]
    pub asker: Option<Principal>,
    /// Where, if it was asked in a chat.
    #[serde(default)]
    pub spot: Option<Spot>,
}

impl Question {
    /// A question with its words bounded.
    ///
    /// # Errors
    /// When there are no words in it.
    pub fn new(
        nonce: &str,
        incident: Option<IncidentId>,
        words: &str,
        author: &str,
        asked_at: DateTime<Utc>,
    ) -> Result<Self, &'static str> {
        let plain = text::plain(words);
        let words = text::bounded(plain.trim(), MAX_QUESTION_BYTES).into_owned();
        if words.is_empty() {
            return Err("the question is empty");
        }
        Ok(Self {
            id: QuestionId::of(nonce),
            incident,
            text: words,
            author: text::line(author, 120),
            asked_at,
            asker: None,
            spot: None,
        })
    }

    /// The same question, asked by somebody whom a platform vouches for.
    pub fn asked_by(self, asker: Principal) -> Self {
        Self { asker: Some(asker), ..self }
    }

    /// The same question, asked in a chat.
    pub fn asked_in(self, spot: Spot) -> Self {
        Self { spot: Some(spot), ..self }
    }

    /// The incident whose thread it belongs to.
    pub fn thread(&self) -> IncidentId {
        self.incident.clone().unwrap_or_else(|| IncidentId(format!("i-{}", self.id.0.trim_start_matches("q-"))))
    }
}

/// A question with how far its answer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// What was asked.
    pub question: Question,
    /// How far.
    pub state: QuestionState,
}

/// How far an answer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum QuestionState {
    /// It waits for its turn.
    Waiting,
    /// It is being worked on.
    Working {
        /// What is being looked at, each a line: `query_logs shop/checkout`.
        looking: Vec<String>,
        /// What is written so far.
        text: String,
    },
    /// It was answered.
    Answered {
        /// When.
        at: DateTime<Utc>,
        /// Markdown with citations.
        text: String,
        /// Numbers and names that the cited evidence does not hold.
        unverified: Vec<String>,
        /// The model.
        model: String,
        /// Turns that it took.
        turns: u32,
    },
    /// The model gave no answer; what is known stands in the thread instead.
    Failed {
        /// When.
        at: DateTime<Utc>,
        /// Why, as a line that a person can act on.
        reason: String,
    },
}

impl QuestionState {
    /// Whether nothing more will come.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Answered { .. } | Self::Failed { .. })
    }
}
