//! Redaction inside JSON values: keys say what the strings under them are.

use serde_json::{Map, Value};

use super::kind::Kind;
use super::{Redactor, key, value};

/// Deeper nesting than this is nobody's document; what lies below is replaced rather than walked.
const DEPTH_LIMIT: usize = 128;

/// Redacts every string in place.
pub(super) fn redact(redactor: &Redactor, value: &mut Value) {
    walk(redactor, value, DEPTH_LIMIT);
}

fn walk(redactor: &Redactor, value: &mut Value, depth: usize) {
    if depth == 0 {
        hide(value, Kind::Secret);
        return;
    }
    match value {
        Value::String(text) => {
            if let std::borrow::Cow::Owned(clean) = redactor.redact(text) {
                *text = clean;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| walk(redactor, item, depth - 1)),
        Value::Object(object) => walk_object(redactor, object, depth),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn walk_object(redactor: &Redactor, object: &mut Map<String, Value>, depth: usize) {
    // {"name": "DB_PASSWORD", "value": "x"}
    let named = ["name", "key"].iter().find_map(|field| object.get(*field)?.as_str().and_then(secret_kind));
    let is_secret = object.get("kind").and_then(Value::as_str) == Some("Secret");
    for (name, value) in object.iter_mut() {
        let kind = match name.as_str() {
            "value" | "Value" => named,
            "data" | "stringData" if is_secret => {
                hide(value, Kind::Secret);
                None
            }
            name => secret_kind(name),
        };
        match kind {
            Some(kind) => hide_or_walk(redactor, value, kind, depth),
            None => walk(redactor, value, depth - 1),
        }
    }
}

/// Under these names only a longer look at the text tells; the text rules decide about them.
fn secret_kind(name: &str) -> Option<Kind> {
    match name.to_ascii_lowercase().as_str() {
        "key" | "auth" | "sig" | "signature" | "session" | "bearer" => None,
        "cookie" | "set-cookie" => Some(Kind::Cookie),
        "authorization" | "proxy-authorization" => Some(Kind::Authorization),
        _ => key::kind_of(name.as_bytes()),
    }
}

/// Strings and lists of strings go whole; objects have keys of their own.
fn hide_or_walk(redactor: &Redactor, value: &mut Value, kind: Kind, depth: usize) {
    match value {
        Value::String(text) if kind == Kind::ConnectionString && text.contains(['@', '=']) => {
            walk(redactor, value, depth - 1)
        }
        Value::String(text) => {
            if !value::is_harmless(text.as_bytes()) {
                *text = kind.marker().to_owned();
            }
        }
        Value::Array(items) => {
            items.iter_mut().for_each(|item| hide_or_walk(redactor, item, kind, depth.saturating_sub(1)))
        }
        Value::Object(_) => walk(redactor, value, depth - 1),
        Value::Number(_) if kind == Kind::Password => *value = Value::String(kind.marker().to_owned()),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Replaces every string below, whatever its key.
fn hide(value: &mut Value, kind: Kind) {
    match value {
        Value::String(text) if !value::is_harmless(text.as_bytes()) => *text = kind.marker().to_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, kind)),
        Value::Object(object) => object.values_mut().for_each(|item| hide(item, kind)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
