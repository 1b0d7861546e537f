//! A pattern over names: a regular expression that remembers how it was written and how specific it is.

use std::fmt;

use regex::{Regex, RegexBuilder};

/// Compiled size that one pattern may take, so that a runbook cannot eat the memory. Alert patterns take a few KiB.
const SIZE_LIMIT: usize = 1 << 20;

/// A regular expression over an alert's name, a label's value or a reason.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
    written: String,
}

impl Pattern {
    /// A pattern that must fit the whole name. The error is one sentence for the author.
    pub fn whole(written: &str) -> Result<Self, String> {
        Self::compile(written, format!("^(?:{written})$"))
    }

    /// A pattern that must fit from the name's start, as the predecessor matched.
    pub fn prefix(written: &str) -> Result<Self, String> {
        Self::compile(written, format!("^(?:{written})"))
    }

    /// Whether the name fits.
    pub fn fits(&self, name: &str) -> bool {
        self.regex.is_match(name)
    }

    /// The pattern as its author wrote it.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// How much of the pattern is literal, from 0 (`.*`) to 1 (a plain name): of two that fit, the more literal one
    /// knows more about the alert.
    pub fn specificity(&self) -> f64 {
        let literal =
            self.written.chars().filter(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | ' ')).count();
        let total = self.written.chars().count().max(1);
        let share = literal as f64 / total as f64;
        // `.*Pod.*` has as many wildcards as letters; an alternation of plain names has almost none.
        if self.written.contains(".*") || self.written.contains(".+") { share * 0.7 } else { share }
    }

    fn compile(written: &str, anchored: String) -> Result<Self, String> {
        let build = |source: &str| RegexBuilder::new(source).size_limit(SIZE_LIMIT).build();
        // Checked alone first: the anchors would otherwise show in the message and could close an open group.
        build(written).map_err(|error| one_line(&error))?;
        let regex = build(&anchored).map_err(|error| one_line(&error))?;
        Ok(Self { regex, written: written.to_owned() })
    }
}

/// The last line of a regex error names the cause; the lines before it draw an arrow that a log line cannot hold.
fn one_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}
