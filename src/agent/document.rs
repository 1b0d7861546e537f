//! Reads the JSON documents that a model writes: in prose, in a fence, or cut off in the middle.

use serde_json::{Map, Value};

use super::repair;

/// Up to this length a text is read again with every piece; a longer one when it has grown by a [`GROWTH`]th, so that all
/// the readings of an answer together cost a few dozen of its whole.
const READ_ALWAYS_BYTES: usize = 512;
/// See [`READ_ALWAYS_BYTES`]. An answer of 8 KiB lags by 256 bytes at most, and its end is told by others anyway.
const GROWTH: usize = 32;

/// The JSON object in `text`, see [`repair::json_cut`]; of one that was cut off what is there.
pub fn object_in(text: &str) -> Option<Map<String, Value>> {
    match repair::json_cut(text)? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// Takes one text field out of a JSON object as it is written: for showing an answer while it comes.
#[derive(Debug, Default)]
pub struct GrowingText {
    raw: String,
    /// How much of it was read last.
    read: usize,
}

impl GrowingText {
    /// Adds a piece and gives the field's text so far, once it has begun; of a long one not after every piece.
    pub fn push(&mut self, piece: &str, field: &str) -> Option<String> {
        self.raw.push_str(piece);
        let length = self.raw.len();
        if length > READ_ALWAYS_BYTES && length < self.read + self.read / GROWTH {
            return None;
        }
        self.read = length;
        match object_in(&self.raw)?.remove(field)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn documents_in_prose_fences_and_pieces() {
        for (text, answer) in [
            (r#"{"answer":"a"}"#, Some("a")),
            ("Sure!\n```json\n{\"answer\": \"a\"}\n```\nDone", Some("a")),
            (r#"use {x} then {"answer":"a"}"#, Some("a")),
            (r#"{"answer":"half of it"#, Some("half of it")),
            (r#"{"answer":"a\u04"#, Some("a")),
            (r#"{"answer":"a","evidence":["E1","#, Some("a")),
            (r#"{"answer":"a","evid"#, Some("a")),
            (r#"{"answer":"a","evidence":"#, Some("a")),
            ("no", None),
            ("{", None),
        ] {
            let object = object_in(text);
            let found = object.as_ref().and_then(|object| object.get("answer")).and_then(Value::as_str);
            assert_eq!(found, answer, "{text}");
        }
    }

    #[test]
    fn an_answer_grows() {
        let mut growing = GrowingText::default();
        let seen: Vec<Option<String>> =
            ["{\"ans", "wer\": \"Mem", "ory [E1", "]\\n", "ok\"}"].map(|piece| growing.push(piece, "answer")).into();
        assert_eq!(
            seen,
            [
                None,
                Some("Mem".into()),
                Some("Memory [E1".into()),
                Some("Memory [E1]\n".into()),
                Some("Memory [E1]\nok".into())
            ]
        );
    }

    proptest! {
        #[test]
        fn a_cut_document_keeps_what_was_whole(cut in 0usize..200, text in ".{0,40}") {
            let whole = serde_json::json!({"answer": text, "list": [1, {"a": "b"}], "n": null}).to_string();
            let cut = whole.char_indices().nth(cut).map_or(whole.len(), |(at, _)| at);
            if let Some(object) = object_in(&whole[..cut]) {
                let found = object.get("answer").and_then(Value::as_str).unwrap_or_default();
                let is_start = text.starts_with(found);
                prop_assert!(is_start);
            }
        }
    }

    #[test]
    fn a_long_answer_costs_a_few_times_its_length() {
        let began = std::time::Instant::now();
        let mut growing = GrowingText::default();
        let mut shown = growing.push("{\"answer\": \"", "answer").unwrap_or_default();
        for _ in 0..40_000 {
            shown = growing.push("word ", "answer").unwrap_or(shown);
        }
        assert!(shown.len() > 190_000, "only {} bytes were shown", shown.len());
        assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    }
}
