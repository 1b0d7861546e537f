//! Takes secrets out of text that strangers wrote, before a model, a chat or a log sees it.
//!
//! One automaton looks for the few words that every secret is near to ("pass", "token", "://", "AKIA" …). Clean text
//! costs that one pass. Where a word is found, the rule it hints at reads the bytes around it and says which span to
//! replace. The rules are hand-written scanners: each looks a bounded distance ahead unless it takes what it read, so
//! the time stays linear in the text whatever the text is.
//!
//! What surrounds a secret stays readable: `postgres://app:[redacted:url-password]@db/prod`.

mod anchor;
mod assign;
mod command;
mod header;
mod json;
mod key;
mod kind;
mod pem;
mod prefix;
mod scan;
mod url;
mod value;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, Input, MatchKind};

use anchor::{Anchor, anchors};
use kind::Kind;

use super::ansi;

/// How often the result is looked at again. Taking one secret out can lay bare the next one (two keys without a gap
/// between them), so redaction repeats until nothing changes; real text needs one extra look.
const PASSES: usize = 8;

/// A stretch of bytes to replace, and what to call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: usize,
    end: usize,
    kind: Kind,
}

/// Finds secrets and replaces them with a marker that names their kind. Built once and passed around.
#[derive(Debug)]
pub struct Redactor {
    /// `None` only if the automaton could not be built; then every word is looked at by the slow path.
    finder: Option<AhoCorasick>,
    anchors: Vec<Anchor>,
}

impl Default for Redactor {
    fn default() -> Self {
        Self::new()
    }
}

impl Redactor {
    /// Compiles the anchors.
    #[must_use]
    pub fn new() -> Self {
        let anchors = anchors();
        let finder = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::DFA))
            .build(anchors.iter().map(|anchor| anchor.text))
            .ok();
        Self { finder, anchors }
    }

    /// The text without its secrets, and without the colours that could hide one; borrowed when there were none.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut result = ansi::strip(text);
        for _ in 0..PASSES {
            match self.pass(&result) {
                Some(changed) => result = Cow::Owned(changed),
                None => break,
            }
        }
        result
    }

    /// Redacts every string in a JSON value in place; keys stay. Strings under a key that names a secret go whole, as
    /// do the values of a Kubernetes `Secret` and of `{"name": "DB_PASSWORD", "value": "x"}`.
    pub fn redact_json(&self, value: &mut serde_json::Value) {
        json::redact(self, value);
    }

    /// One look at the text; `None` when there was nothing to take out.
    fn pass(&self, text: &str) -> Option<String> {
        let spans = self.spans(text);
        if spans.is_empty() {
            return None;
        }
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for span in spans {
            let start = scan::floor_boundary(text, span.start).max(at);
            let end = scan::ceil_boundary(text, span.end).max(start);
            out.push_str(text.get(at..start).unwrap_or_default());
            out.push_str(span.kind.marker());
            at = end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        Some(out)
    }

    /// Ordered spans that do not overlap.
    fn spans(&self, text: &str) -> Vec<Span> {
        let bytes = text.as_bytes();
        let mut spans: Vec<Span> = Vec::new();
        let mut found: Vec<Span> = Vec::new();
        let mut at = 0;
        while let Some((anchor, start, end)) = self.next(bytes, at) {
            anchor.rule.apply(bytes, start, end, &mut found);
            let mut resume = start + 1;
            for span in found.drain(..) {
                let taken = spans.last().map_or(0, |last| last.end);
                if span.start >= taken && span.end > span.start {
                    resume = resume.max(span.end);
                    spans.push(span);
                }
            }
            at = resume;
        }
        spans
    }

    fn next(&self, bytes: &[u8], at: usize) -> Option<(&Anchor, usize, usize)> {
        if at >= bytes.len() {
            return None;
        }
        match &self.finder {
            Some(finder) => {
                let found = finder.find(Input::new(bytes).range(at..))?;
                Some((self.anchors.get(found.pattern().as_usize())?, found.start(), found.end()))
            }
            None => (at..bytes.len()).find_map(|start| {
                let here = &bytes[start..];
                let anchor = self.anchors.iter().find(|anchor| scan::starts_with_fold(here, anchor.text))?;
                Some((anchor, start, start + anchor.text.len()))
            }),
        }
    }
}
