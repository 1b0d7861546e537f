//! A passage: a piece of written knowledge that answers a search, with where it is written.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::text;

/// Longest text of a passage, in bytes: a section of a runbook, and little of a small model's window.
pub const MAX_PASSAGE_BYTES: usize = 1_200;

/// What a passage belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Collection {
    /// What to do about an alert, written beforehand.
    Runbooks,
    /// What happened before.
    Incidents,
    /// What people, or the bot on their behalf, wrote down.
    Notes,
}

impl Collection {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Runbooks, Self::Incidents, Self::Notes];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Runbooks => "runbooks",
            Self::Incidents => "incidents",
            Self::Notes => "notes",
        }
    }
}

/// Which collections are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Search {
    /// Runbooks alone.
    Runbooks,
    /// Past incidents alone.
    Incidents,
    /// Notes alone.
    Notes,
    /// Everything that is written.
    All,
}

impl Search {
    /// The collections that are meant.
    pub fn collections(self) -> &'static [Collection] {
        match self {
            Self::Runbooks => &[Collection::Runbooks],
            Self::Incidents => &[Collection::Incidents],
            Self::Notes => &[Collection::Notes],
            Self::All => &Collection::ALL,
        }
    }

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Runbooks => "runbooks",
            Self::Incidents => "incidents",
            Self::Notes => "notes",
            Self::All => "all",
        }
    }
}

impl std::str::FromStr for Search {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Runbooks, Self::Incidents, Self::Notes, Self::All]
            .into_iter()
            .find(|search| search.as_str() == text)
            .ok_or_else(|| format!("`{}` is not one of runbooks, incidents, notes, all", text::line(text, 40)))
    }
}

/// A piece of something written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Passage {
    /// What it belongs to.
    pub collection: Collection,
    /// Where it is written, the way it is cited: `runbook oom-killed`, `incident i-3f9a1c07be`, `note n-81c0…`,
    /// `Open WebUI: disk.md`.
    pub source: String,
    /// The document's title, and the section's heading behind `›`.
    pub title: String,
    /// What is written there: Markdown, at most [`MAX_PASSAGE_BYTES`].
    pub text: String,
    /// How near it comes to the best of its list, from 0 to 1. Scores of different lists do not compare.
    pub score: f64,
    /// Where to read on.
    pub link: Option<String>,
    /// When it was written or happened.
    pub at: Option<DateTime<Utc>>,
}

impl Passage {
    /// The same within bounds and without characters that deceive.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.source = text::line(&self.source, 200);
        self.title = text::line(&self.title, 200);
        self.text = text::bounded(text::plain(self.text.trim()).trim(), MAX_PASSAGE_BYTES).into_owned();
        self.score = if self.score.is_finite() { self.score.clamp(0.0, 1.0) } else { 0.0 };
        self
    }
}
