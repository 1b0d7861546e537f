//! Calls that a model wrote as Python: `get_logs(pod="web-0", tail=100)`, one or a list of them.

use serde_json::Map;

use super::lenient::read;
use super::{Written, is_name};

/// The calls that `text` consists of, from its first to its last character; `None` when it is anything else.
pub fn calls(text: &str) -> Option<Vec<Written>> {
    let text = text.trim();
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let text = inner.unwrap_or(text);
    let mut calls = Vec::new();
    let mut at = 0;
    loop {
        at += leading(&text[at..], |c| c.is_whitespace() || c == ',' || c == ';');
        if at == text.len() {
            return (!calls.is_empty()).then_some(calls);
        }
        let (call, end) = call(text, at)?;
        calls.push(call);
        at = end;
    }
}

/// The call that begins at byte `at`, and where it ends.
fn call(text: &str, mut at: usize) -> Option<(Written, usize)> {
    let name = &text[at..at + text[at..].find('(')?];
    if !is_name(name) {
        return None;
    }
    at += name.len() + 1;
    let mut arguments = Map::new();
    loop {
        at += leading(&text[at..], |c| c.is_whitespace() || c == ',');
        if text[at..].starts_with(')') {
            return Some((Written { name: name.to_owned(), arguments }, at + 1));
        }
        let key = &text[at..at + text[at..].find('=')?];
        at += key.len() + 1;
        let key = key.trim();
        if !is_name(key) {
            return None;
        }
        let value = read(text, at).filter(|value| !value.cut)?;
        at = value.end;
        arguments.insert(key.to_owned(), value.value);
    }
}

fn leading(text: &str, is: impl Fn(char) -> bool) -> usize {
    text.len() - text.trim_start_matches(is).len()
}
