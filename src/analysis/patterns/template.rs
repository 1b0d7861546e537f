//! Patterns: the templates that shapes were merged into, with what is known of the records that have them.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::hash;
use super::level::Level;

/// Identifies a pattern by its template: the same template has the same id in every process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PatternId(u64);

impl PatternId {
    /// The id of a template.
    pub fn of(template: &str) -> Self {
        Self(hash::bytes(template.as_bytes()))
    }
}

impl fmt::Display for PatternId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl Serialize for PatternId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PatternId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16).map(Self).map_err(serde::de::Error::custom)
    }
}

/// What many records have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pattern {
    /// Follows from the template.
    pub id: PatternId,
    /// The text with `<*>` where it varies.
    pub template: String,
    /// Records that have it.
    pub count: u64,
    /// Time of the first of them, if known.
    pub first_seen: Option<DateTime<Utc>>,
    /// Time of the last of them, if known.
    pub last_seen: Option<DateTime<Utc>>,
    /// One of them, cut to [`super::miner::MAX_EXAMPLE_BYTES`].
    pub example: String,
    /// The gravest level that one of them names; guessed from the words where none does.
    pub level: Option<Level>,
}
