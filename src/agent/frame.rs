//! Strangers' words in a prompt: in a frame that says where they come from, and without anything that could end it.

use super::pack::Piece;
use crate::domain::evidence::Evidence;
use crate::domain::text;

/// A piece of evidence as the model reads it; only its excerpt is shortened where room is short.
pub(super) fn evidence(evidence: &Evidence, rank: u32, share: u32) -> Piece {
    let Evidence { id, source, about, title, query, excerpt, .. } = evidence;
    let attribute = |text: &str, max| text::line(&data(text), max).replace('"', "'");
    let opening = format!(
        "<evidence id=\"{id}\" source=\"{}\" about=\"{} {}\" title=\"{}\" query=\"{}\">\n",
        source.as_str(),
        about.kind.as_str(),
        attribute(&about.to_string(), 120),
        attribute(title, 160),
        attribute(query, 200),
    );
    let closing = "</evidence>\n".to_owned();
    Piece { name: id.to_string(), opening, text: lines(excerpt), closing, rank, share }
}

/// Strangers' text with line ends, so that it can be shortened by whole lines, and without our own marks.
pub(super) fn lines(text: &str) -> String {
    let text = data(text);
    if text.is_empty() || text.ends_with('\n') { text } else { format!("{text}\n") }
}

/// Takes away what could end a piece of evidence or begin another, in any spelling; chat templates' marks too.
pub(super) fn data(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for (at, c) in raw.char_indices() {
        let rest = &raw.as_bytes()[at..];
        let begins = |mark: &[u8]| rest.len() >= mark.len() && rest[..mark.len()].eq_ignore_ascii_case(mark);
        let mark = [&b"<evidence"[..], b"</evidence", b"<|", b"<tool", b"</tool", b"<think", b"</think"];
        out.push(if c == '<' && mark.into_iter().any(begins) { '‹' } else { c });
    }
    out
}
