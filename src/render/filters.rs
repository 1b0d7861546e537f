//! What templates can do with a value. The same names work in thread texts, excerpts and pages.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use minijinja::value::{Rest, ValueKind};
use minijinja::{AutoEscape, Environment, State, Value};

use super::escape;
use super::language::Language;
use super::markdown::{self, Breaks, html_of};
use super::reasons::Reasons;
use super::times;
use super::words::Words;
use crate::domain::text;
use crate::domain::unit::{self, Unit};

/// Adds every filter and function.
pub(super) fn add(environment: &mut Environment<'static>, language: Language, words: &Arc<Words>) {
    environment.add_filter("md", |value: Value| safe(escape::markdown(&plain(&value))));
    environment.add_filter("code", |value: Value| safe(escape::code(&plain(&value))));
    environment.add_filter("fence", |value: Value| safe(escape::fence(&plain(&value))));
    environment.add_filter("line", |value: Value, max: Option<usize>| text::line(&plain(&value), max.unwrap_or(200)));
    environment.add_filter("block", block);
    environment.add_filter("markdown", |value: Value| safe(html_of(&plain(&value), Breaks::Soft)));
    environment.add_filter("post", |value: Value| safe(html_of(&plain(&value), Breaks::Hard)));

    environment.add_filter("linked", |value: Value| safe(linked(&plain(&value))));
    environment.add_filter("urlpath", |value: Value| urlpath(&plain(&value)));
    environment.add_filter("inline", |value: Value| safe(markdown::inline_html_of(&plain(&value))));
    environment.add_filter("unmarked", |value: Value| markdown::text_of(&plain(&value)));

    environment.add_filter("time", |at: Value, beside: Option<Value>| {
        instant(&at).map(|at| times::time(at, beside.as_ref().and_then(instant)))
    });
    environment
        .add_filter("datetime", |at: Value| instant(&at).map(|at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string()));
    environment.add_filter("rfc3339", |at: Value| instant(&at).map(|at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string()));
    let said = Arc::clone(words);
    environment
        .add_filter("duration", move |value: Value| i64::try_from(value).ok().map(|n| times::duration(n, &said)));
    let said = Arc::clone(words);
    environment.add_filter("until", move |from: Value, to: Value| {
        let seconds = (instant(&to)? - instant(&from)?).num_seconds();
        Some(times::duration(seconds, &said))
    });

    environment.add_filter("number", move |value: Value| whole(&value).map(|n| times::number(n, language)));
    let said = Arc::clone(words);
    environment.add_filter("plural", move |value: Value, forms: Rest<String>| {
        let forms: Vec<&str> = forms.iter().map(String::as_str).collect();
        said.form(whole(&value).unwrap_or(0), &forms).to_owned()
    });
    let said = Arc::clone(words);
    environment.add_filter("unit", move |value: Value, name: Option<String>| {
        let name = name.unwrap_or_default();
        number(&value).map(|value| times::localised(&unit::format(value, &Unit::from(name.as_str())), &said))
    });

    let (said, reasons) = (Arc::clone(words), Reasons::new());
    environment.add_filter("reason", move |value: Value| reasons.say(&plain(&value), &said));
    let said = Arc::clone(words);
    environment.add_filter("label", move |value: Value| said.label(&plain(&value)));
    let said = Arc::clone(words);
    environment.add_function("t", move |key: Value| said.get(&plain(&key)).to_owned());
    let said = Arc::clone(words);
    environment.add_function("has", move |key: Value| said.find(&plain(&key)).is_some());
    let said = Arc::clone(words);
    environment.add_function("count", move |key: String, n: Value| said.count(&key, whole(&n).unwrap_or(0)));
    let said = Arc::clone(words);
    environment.add_function("exit", move |code: Value| exit(whole(&code).unwrap_or(0), &said));
    let said = Arc::clone(words);
    environment.add_function("confidence", move |value: Value| confidence(number(&value).unwrap_or(0.0), &said));
    environment.add_global("language", language.code());
}

/// HTML in which citations, `[E3]`, lead to the evidence on the same page.
fn linked(html: &str) -> String {
    let mut out = String::with_capacity(html.len() + 64);
    let mut rest = html;
    while let Some(open) = rest.find("[E") {
        out.push_str(&rest[..open]);
        let inside = rest[open + 1..].split(']').next().unwrap_or_default();
        let ids: Vec<&str> = inside.split(',').map(str::trim).collect();
        let is_id = |id: &&str| {
            id.len() > 1 && id.len() <= 6 && id[1..].bytes().all(|b| b.is_ascii_digit()) && id.starts_with('E')
        };
        let closed = rest[open + 1 + inside.len()..].starts_with(']');
        if closed && ids.iter().all(is_id) {
            for id in ids {
                out.push_str(&format!("<a class=\"cite\" href=\"#{id}\">{id}</a>"));
            }
            rest = &rest[open + inside.len() + 2..];
        } else {
            out.push_str("[E");
            rest = &rest[open + 2..];
        }
    }
    out.push_str(rest);
    out
}

/// One segment of an address's path.
fn urlpath(raw: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    raw.as_bytes()
        .iter()
        .map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn safe(text: String) -> Value {
    Value::from_safe_string(text)
}

fn plain(value: &Value) -> String {
    if value.is_undefined() || value.is_none() { String::new() } else { value.to_string() }
}

fn number(value: &Value) -> Option<f64> {
    f64::try_from(value.clone()).ok()
}

/// The number, or the length of a list or map.
fn whole(value: &Value) -> Option<i64> {
    match value.kind() {
        ValueKind::Number => i64::try_from(value.clone()).ok(),
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => value.len().and_then(|n| i64::try_from(n).ok()),
        _ => None,
    }
}

fn instant(value: &Value) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|at| at.with_timezone(&Utc))
}

/// Several lines, each behind `indent` spaces, at most `most` of them: a stack trace in a list.
fn block(state: &State<'_, '_>, value: Value, indent: usize, most: usize) -> Value {
    let raw = plain(&value);
    let raw = text::plain(&raw);
    let lines: Vec<&str> = raw.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let mut out = String::new();
    for line in lines.iter().take(most) {
        out.push_str(&" ".repeat(indent));
        out.push_str(&text::bounded(line, 300));
        out.push('\n');
    }
    if lines.len() > most {
        out.push_str(&format!("{}… +{}\n", " ".repeat(indent), lines.len() - most));
    }
    let lines = out.trim_end().to_owned();
    // In a page it is escaped like any text.
    if matches!(state.auto_escape(), AutoEscape::Html) { Value::from(lines) } else { safe(lines) }
}

/// What an exit code means: `137 (SIGKILL: killed)`.
fn exit(code: i64, words: &Words) -> String {
    match words.find(&format!("exit.{code}")) {
        Some(meaning) => format!("{code} ({meaning})"),
        None if (129..=192).contains(&code) => format!("{code} ({} {})", words.get("exit.signal"), code - 128),
        None => code.to_string(),
    }
}

/// How sure, in words.
fn confidence(value: f64, words: &Words) -> String {
    let key = match value {
        v if v >= 0.85 => "confidence.high",
        v if v >= 0.6 => "confidence.good",
        v if v >= 0.35 => "confidence.some",
        _ => "confidence.low",
    };
    words.get(key).to_owned()
}
