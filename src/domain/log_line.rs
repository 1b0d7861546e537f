//! Log lines as they were read, before anything is made of them.

use chrono::{DateTime, Utc};

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written, by the collector's clock.
    pub time: DateTime<Utc>,
    /// What wrote it: `pod/container`. Lines of one stream are in order.
    pub stream: String,
    /// Its text, bounded.
    pub message: String,
    /// Its level where the collector found one, as it was spelled.
    pub level: Option<String>,
}

/// What one reading brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogBatch {
    /// Oldest first.
    pub lines: Vec<LogLine>,
    /// Whether a bound cut the reading off: there are older lines that were not read.
    pub cut: bool,
    /// What was asked, as a person can paste it into the server's own page.
    pub query: String,
}
