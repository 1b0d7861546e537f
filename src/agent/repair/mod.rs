//! Reading what a model meant out of what it wrote: tool calls that stand in its text, and JSON in prose or fences.
//!
//! Every name is accepted, offered or not: whether a tool exists is for others to say. Arguments are always an object.

mod lenient;
mod python;
mod tags;

use serde_json::{Map, Value};

/// Places that are tried as the start of a document. A text with more of them is no answer; each costs a pass.
const MAX_STARTS: usize = 256;
/// Marked places that are read as calls. Each costs a look for every mark in the rest of the text.
const MAX_MARKED: usize = 64;
/// A tool's name is no longer than this anywhere.
const MAX_NAME_BYTES: usize = 64;

/// A call that stood in a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The tool.
    pub name: String,
    /// Its arguments.
    pub arguments: Map<String, Value>,
}

/// A text, and the calls in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// The words for people that are left without the calls.
    pub text: String,
    /// The calls, in order.
    pub calls: Vec<Written>,
    /// Whether a call was begun that cannot be read.
    pub broken: bool,
}

/// Finds calls in `text`: between the marks of Hermes, Qwen, Mistral, Llama and others; as JSON, bare, in prose or in a
/// fence; as Python where the text is nothing else.
#[must_use]
pub fn calls(text: &str) -> Reading {
    let mut reading = Reading::default();
    let mut at = 0;
    for place in 0.. {
        let Some(marked) = tags::next(text, at) else { break };
        if place == MAX_MARKED {
            // No answer: what follows is dropped with its marks.
            return Reading { text: reading.text.trim().to_owned(), broken: true, ..reading };
        }
        reading.text.push_str(&text[at..marked.from]);
        match marked.calls {
            Some(calls) => reading.calls.extend(calls),
            None => reading.broken = true,
        }
        at = marked.to;
    }
    if at > 0 {
        reading.text.push_str(&text[at..]);
        reading.text = reading.text.trim().to_owned();
        return reading;
    }
    if let Some(calls) = python::calls(unfenced(text.trim())) {
        return Reading { calls, ..Reading::default() };
    }
    bare(text)
}

/// Where a call may begin that stands in a text: its marks. What streams a text stops there until the text is whole.
pub fn marks() -> impl Iterator<Item = &'static str> {
    tags::MARKS.iter().map(|(open, _)| *open)
}

/// The JSON document in `text`: all of it, or the longest one in prose or a fence. Python's spelling, commas too many and
/// raw line breaks are forgiven; a document that is cut is none, see [`json_cut`].
#[must_use]
pub fn json(text: &str) -> Option<Value> {
    whole(text).or_else(|| longest(documents(text)).0)
}

/// [`json`], or what is there of an object whose end is missing: whole members, and the start of its last text.
#[must_use]
pub fn json_cut(text: &str) -> Option<Value> {
    whole(text).or_else(|| {
        let (longest, cut) = longest(documents(text));
        let mut cut = cut.into_iter().map(|found| found.read.value);
        longest.or_else(|| cut.rfind(|value| value.as_object().is_some_and(|map| !map.is_empty())))
    })
}

/// A text that is a document and nothing else.
fn whole(text: &str) -> Option<Value> {
    serde_json::from_str(text.trim()).ok().filter(|value: &Value| value.is_object() || value.is_array())
}

/// The longest document, objects first, and those that are cut.
fn longest(found: Vec<Found>) -> (Option<Value>, Vec<Found>) {
    let (cut, found): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| found.read.cut);
    let longest = found.into_iter().max_by_key(|found| (found.read.value.is_object(), found.read.end - found.from));
    (longest.map(|found| found.read.value), cut)
}

/// Calls as bare JSON.
fn bare(text: &str) -> Reading {
    let mut reading = Reading::default();
    let (mut at, mut end) = (0, text.len());
    for found in documents(text) {
        if found.read.cut {
            // Half a call is nothing to show, and it reaches to the end.
            if from_json(&found.read.value, None).is_some() {
                reading.broken = true;
                end = found.from;
            }
            continue;
        }
        let Some(calls) = from_json(&found.read.value, None) else { continue };
        reading.text.push_str(without_fence_start(&text[at..found.from]));
        reading.calls.extend(calls);
        at = found.read.end + fence_end(&text[found.read.end..]);
    }
    let rest = &text[at..end];
    reading.text.push_str(if reading.broken { without_fence_start(rest) } else { rest });
    if !reading.calls.is_empty() || reading.broken {
        reading.text = reading.text.trim().to_owned();
    }
    reading
}

struct Found {
    from: usize,
    read: lenient::Read,
}

/// The documents in a text, outermost only.
fn documents(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    for _ in 0..MAX_STARTS {
        let Some(from) = text[at..].find(['{', '[']).map(|from| at + from) else { break };
        match lenient::read_or_skip(text, from) {
            Ok(read) => {
                at = read.end.max(from + 1);
                found.push(Found { from, read });
            }
            Err(next) => at = next,
        }
    }
    found
}

/// The calls that a document is, if it is nothing else. `without` are the arguments of a call that has none.
fn from_json(value: &Value, without: Option<Map<String, Value>>) -> Option<Vec<Written>> {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let calls: Option<Vec<_>> = items.iter().map(|item| from_json(item, without.clone())).collect();
            calls.map(|calls| calls.into_iter().flatten().collect())
        }
        Value::Object(map) => {
            if let Some(calls) = map.get("tool_calls") {
                return from_json(calls, without);
            }
            if let Some(function @ Value::Object(_)) = map.get("function") {
                return from_json(function, without);
            }
            let name =
                ["name", "tool", "tool_name", "function", "action"].iter().find_map(|key| map.get(*key)?.as_str())?;
            let name = name.trim().trim_start_matches("functions.");
            let keys = ["arguments", "parameters", "args", "params", "input", "tool_input", "action_input"];
            let arguments = match keys.iter().find_map(|key| map.get(*key)) {
                Some(arguments) => object(arguments)?,
                None => without?,
            };
            // The schema of a tool, repeated, calls nothing.
            let is_schema = arguments.contains_key("properties") && arguments.contains_key("type");
            (is_name(name) && !is_schema).then(|| vec![Written { name: name.to_owned(), arguments }])
        }
        _ => None,
    }
}

/// Arguments as an object, also from a text that holds one: some models quote them once too often.
#[must_use]
pub fn object(arguments: &Value) -> Option<Map<String, Value>> {
    match arguments {
        Value::Object(map) => Some(map.clone()),
        Value::Null => Some(Map::new()),
        Value::String(text) => match lenient::read(text, 0).filter(|read| !read.cut)?.value {
            Value::Object(map) => Some(map),
            _ => None,
        },
        _ => None,
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

/// What stands inside of a fence that is all of the text.
fn unfenced(text: &str) -> &str {
    let Some(inner) = text.strip_prefix("```").and_then(|text| text.trim_end().strip_suffix("```")) else {
        return text;
    };
    inner.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').trim()
}

/// A text without the opening of a fence at its end.
fn without_fence_start(text: &str) -> &str {
    let trimmed = text.trim_end();
    let line = trimmed.rfind('\n').map_or(0, |at| at + 1);
    if trimmed[line..].trim_start().starts_with("```") { &trimmed[..line] } else { text }
}

/// How long the closing of a fence at a text's start is.
fn fence_end(text: &str) -> usize {
    let rest = text.trim_start();
    if rest.starts_with("```") { text.len() - rest.len() + 3 } else { 0 }
}

#[cfg(test)]
mod tests;
