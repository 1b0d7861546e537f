//! From one JSON object of the answer to one line.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::fields::{DETAILS, FieldSet, MESSAGES};
use crate::domain::log_line::LogLine;
use crate::domain::text;

/// Longest text of one line: a screen of JSON. Five thousand of them could not come in one batch anyway.
const MAX_MESSAGE_BYTES: usize = 32 * 1024;
/// What the server writes where a line came without a message.
const NO_MESSAGE: &str = "missing _msg field";

/// The line of one row; `None` when the row is broken or has neither time nor text.
pub(super) fn line(row: &[u8], fields: &FieldSet) -> Option<LogLine> {
    let row: HashMap<String, Value> = serde_json::from_slice(row).ok()?;
    let text = |name: &str| row.get(name).and_then(Value::as_str).filter(|value| !value.is_empty());
    let time = text("_time")?.parse::<DateTime<Utc>>().ok()?;
    let style = fields.styles.iter().find(|style| text(&style.pod).is_some()).or(fields.styles.first())?;
    let own = text(&style.message).filter(|message| !message.starts_with(NO_MESSAGE));
    let message = own.or_else(|| MESSAGES.iter().find_map(|name| text(name)));
    let detail = DETAILS.iter().find_map(|name| text(name));
    let message = match (message, detail) {
        (Some(message), Some(detail)) if !message.starts_with('{') && !message.contains(detail) => {
            format!("{message}: {detail}")
        }
        (Some(message), _) => message.to_owned(),
        (None, detail) => detail?.to_owned(),
    };
    let container = style.container.as_deref().and_then(text);
    let pod = text(&style.pod).unwrap_or_default();
    Some(LogLine {
        time,
        stream: container.map_or_else(|| pod.to_owned(), |container| format!("{pod}/{container}")),
        message: text::bounded(&message, MAX_MESSAGE_BYTES).into_owned(),
        level: fields.levels.iter().find_map(|level| text(level)).map(|level| text::line(level, 20)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(row: &str) -> Option<(String, String, Option<String>)> {
        let names = ["namespace", "pod", "container", "level", "k8s.namespace.name", "k8s.pod.name"];
        let line = line(row.as_bytes(), &FieldSet::detect(names.into_iter())?)?;
        Some((line.stream, line.message, line.level))
    }

    #[test]
    fn rows_as_servers_write_them() {
        let row = r#"{"_time":"2026-11-22T21:38:32.123456789Z","_stream":"{}","_msg":"panic: x\nstack \u003cb>","container":"app","level":"error","namespace":"shop","pod":"a"}"#;
        assert_eq!(read(row), Some(("a/app".into(), "panic: x\nstack <b>".into(), Some("error".into()))));
        let row = r#"{"_time":"2026-11-22T21:38:32Z","_msg":"request failed","error":"connection refused","k8s.pod.name":"b","level":""}"#;
        assert_eq!(read(row), Some(("b".into(), "request failed: connection refused".into(), None)));
        let row = r#"{"_time":"2026-11-22T21:38:32Z","_msg":"missing _msg field; see https://docs","message":"hello","pod":"a"}"#;
        assert_eq!(read(row).map(|row| row.1).as_deref(), Some("hello"));
    }

    #[test]
    fn broken_rows_are_no_lines() {
        for row in [
            "",
            "{",
            "[]",
            r#"{"_msg":"x"}"#,
            r#"{"_time":"yesterday","_msg":"x"}"#,
            r#"{"_time":"2026-11-22T21:38:32Z"}"#,
        ] {
            assert_eq!(read(row), None, "{row}");
        }
    }
}
