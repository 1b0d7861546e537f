//! Calls between the marks that models are trained to set around them, when the server left them in the text.

use serde_json::{Map, Value};

use super::lenient::read;
use super::{Written, from_json, is_name, python, unfenced};

/// What opens a call, and what closes it; some have no end of their own.
pub const MARKS: [(&str, Option<&str>); 9] = [
    // Hermes, Qwen, GLM
    ("<tool_call>", Some("</tool_call>")),
    ("<function_call>", Some("</function_call>")),
    ("<tool_calls>", Some("</tool_calls>")),
    // Qwen coder, without its outer mark
    ("<function=", Some("</function>")),
    // Mistral
    ("[TOOL_CALLS]", None),
    // Llama
    ("<|python_tag|>", Some("<|eom_id|>")),
    // Granite, Phi, LFM
    ("<|tool_call|>", Some("<|/tool_call|>")),
    ("<|tool_call_start|>", Some("<|tool_call_end|>")),
    ("<functioncall>", Some("</functioncall>")),
];

/// One marked place in a text.
pub struct Marked {
    /// Where its opening mark begins, in bytes.
    pub from: usize,
    /// Behind its closing mark, or the end of the text.
    pub to: usize,
    /// Its calls; `None` when it cannot be read.
    pub calls: Option<Vec<Written>>,
}

/// The first marked place at or behind byte `at`.
pub fn next(text: &str, at: usize) -> Option<Marked> {
    let rest = &text[at..];
    let found = MARKS.iter().filter_map(|(open, close)| Some((rest.find(open)?, *open, *close)));
    let (from, open, close) = found.min_by_key(|(from, ..)| *from)?;
    let from = at + from;
    // The function's name stands in its mark.
    let body_from = if open == "<function=" { from } else { from + open.len() };
    let (body_to, to) = match close.and_then(|close| Some((text[body_from..].find(close)?, close.len()))) {
        Some((length, close)) => (body_from + length, body_from + length + close),
        None => (text.len(), text.len()),
    };
    Some(Marked { from, to, calls: inside(&text[body_from..body_to]) })
}

/// The calls that a marked text holds.
fn inside(body: &str) -> Option<Vec<Written>> {
    let body = unfenced(body.trim());
    if body.starts_with("<function=") {
        return functions(body);
    }
    if body.starts_with(['{', '[']) {
        return documents(body).or_else(|| python::calls(body));
    }
    named(body).or_else(|| key_values(body)).or_else(|| python::calls(body))
}

/// One or more JSON documents.
fn documents(body: &str) -> Option<Vec<Written>> {
    let mut calls = Vec::new();
    let mut at = 0;
    while let Some(from) = body[at..].find(['{', '[']) {
        let document = read(body, at + from).filter(|document| !document.cut)?;
        calls.extend(from_json(&document.value, Some(Map::new()))?);
        at = document.end;
    }
    (!calls.is_empty()).then_some(calls)
}

/// `name[ARGS]{…}` or `name{…}`, perhaps several.
fn named(body: &str) -> Option<Vec<Written>> {
    let mut calls = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let (name, _) = rest.split_once('{')?;
        let arguments = read(rest, name.len()).filter(|arguments| !arguments.cut)?;
        let name = name.trim().trim_end_matches("[ARGS]").split("[CALL_ID]").next()?.trim();
        let Value::Object(map) = arguments.value else { return None };
        if !is_name(name) {
            return None;
        }
        calls.push(Written { name: name.to_owned(), arguments: map });
        rest = rest[arguments.end..].trim_start().trim_start_matches("[TOOL_CALLS]");
    }
    (!calls.is_empty()).then_some(calls)
}

/// `<function=name><parameter=key>value</parameter>…`, perhaps several.
fn functions(body: &str) -> Option<Vec<Written>> {
    let mut calls = Vec::new();
    for function in body.split("<function=").skip(1) {
        let (name, mut rest) = function.split_once('>')?;
        let mut arguments = Map::new();
        while let Some((_, parameter)) = rest.split_once("<parameter=") {
            let (key, value) = parameter.split_once('>')?;
            // The last closing mark is what a model forgets first; but a value without any end is cut.
            let (value, after) = value.split_once("</parameter>")?;
            arguments.insert(key.trim().to_owned(), plain(value));
            rest = after;
        }
        if !is_name(name.trim()) {
            return None;
        }
        calls.push(Written { name: name.trim().to_owned(), arguments });
    }
    (!calls.is_empty()).then_some(calls)
}

/// `name <arg_key>key</arg_key> <arg_value>value</arg_value> …`
fn key_values(body: &str) -> Option<Vec<Written>> {
    let (name, mut rest) = body.split_at(body.find("<arg_key>")?);
    let mut arguments = Map::new();
    while let Some((_, pair)) = rest.split_once("<arg_key>") {
        let (key, pair) = pair.split_once("</arg_key>")?;
        let (value, after) = pair.split_once("<arg_value>")?.1.split_once("</arg_value>")?;
        arguments.insert(key.trim().to_owned(), plain(value));
        rest = after;
    }
    let name = name.trim();
    is_name(name).then(|| vec![Written { name: name.to_owned(), arguments }])
}

/// A value without quotes: a number, word or document where it reads as one, else the text. A text of digits becomes a
/// number, too: there is no telling here what the tool wants.
fn plain(value: &str) -> Value {
    let value = value.trim();
    match serde_json::from_str(value) {
        Ok(Value::String(_)) | Err(_) => value.into(),
        Ok(other) => other,
    }
}
