//! A log record's own words: the message and the error out of JSON and logfmt, without timestamps and levels.

use crate::domain::text;

/// Longest line that is kept as a reason.
pub const MAX_REASON: usize = 240;
/// Field names of messages, and of the error beside it, in the loggers in use.
const MESSAGE_FIELDS: &[&str] = &["msg", "message", "@message", "event", "short_message", "text", "log"];
const ERROR_FIELDS: &[&str] =
    &["err", "error", "exception", "cause", "reason", "error.message", "exception.message", "errorMessage", "detail"];
const STACK_FIELDS: &[&str] =
    &["stack_trace", "stack", "stacktrace", "exc_info", "traceback", "error.stack", "exception.stacktrace"];

/// The human part of one record: a JSON or logfmt record becomes `message: error` with its stack trace below.
pub fn plain_record(record: &str) -> String {
    let start = record.trim_start();
    json_record(start).or_else(|| logfmt_record(start)).unwrap_or_else(|| record.to_owned())
}

/// A line without the timestamp, the level and the brackets that loggers put before it.
pub fn without_prefix(line: &str) -> &str {
    let mut rest = line.trim();
    // A date, a time, a level, a process id and a logger at most.
    for _ in 0..6 {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (word, after) = (&rest[..end], rest[end..].trim_start());
        if after.is_empty() || !(is_stamp(word) || is_level(word)) {
            break;
        }
        rest = after;
    }
    rest
}

/// On one line and bounded: as a fact may hold it.
pub fn reason(line: &str) -> String {
    text::line(line, MAX_REASON)
}

fn json_record(record: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(record.lines().next().filter(|line| line.starts_with('{'))?)
        .or_else(|_| serde_json::from_str(record))
        .ok()?;
    let fields = value.as_object()?;
    let pick = |names: &[&str]| {
        names.iter().find_map(|name| match fields.get(*name)? {
            serde_json::Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
            serde_json::Value::Object(inner) => {
                ["message", "msg", "error"].iter().find_map(|name| inner.get(*name)?.as_str().map(str::to_owned))
            }
            _ => None,
        })
    };
    joined(pick(MESSAGE_FIELDS), pick(ERROR_FIELDS), pick(STACK_FIELDS))
}

fn logfmt_record(record: &str) -> Option<String> {
    let pick = |names: &[&str]| names.iter().find_map(|name| logfmt_field(record, name));
    let message = pick(MESSAGE_FIELDS);
    let error = pick(ERROR_FIELDS);
    // One `key=value` in prose is not logfmt.
    (message.is_some() || (error.is_some() && record.contains("level=")))
        .then(|| joined(message, error, None))
        .flatten()
}

fn logfmt_field(record: &str, name: &str) -> Option<String> {
    let cue = format!("{name}=");
    let at = record.match_indices(&cue).map(|(at, _)| at).find(|at| *at == 0 || record[..*at].ends_with(' '))?;
    let value = &record[at + cue.len()..];
    let Some(inner) = value.strip_prefix('"') else {
        return value.split_whitespace().next().map(str::to_owned);
    };
    let mut out = String::new();
    let mut escaped = false;
    for c in inner.chars() {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return Some(out),
            _ => {
                out.push(c);
                escaped = false;
            }
        }
    }
    Some(out)
}

fn joined(message: Option<String>, error: Option<String>, stack: Option<String>) -> Option<String> {
    let head = match (message, error) {
        (Some(message), Some(error)) if !message.contains(&error) => format!("{message}: {error}"),
        (Some(message), _) => message,
        (None, Some(error)) => error,
        (None, None) => return stack,
    };
    Some(match stack {
        Some(stack) => format!("{head}\n{stack}"),
        None => head,
    })
}

/// `2026-11-22T22:53:45.8Z`, `22:53:45,123`, `2026/11/22`, `[main]`, `31#31:`, `*3126`, `E1122`.
fn is_stamp(word: &str) -> bool {
    let bracketed = word.len() > 2 && word.starts_with('[') && word.ends_with(']');
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let marks = word.bytes().filter(|b| b":-/.,+TZ[]#*()|".contains(b)).count();
    bracketed || (digits > 0 && digits + marks == word.len()) || matches!(word, "-" | "--" | "---" | "|")
}

fn is_level(word: &str) -> bool {
    let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_ascii_lowercase();
    matches!(
        bare.as_str(),
        "trace" | "debug" | "info" | "notice" | "warn" | "warning" | "error" | "err" | "fatal" | "crit" | "critical" | "alert" | "emerg" | "severe" | "utc"
    ) && word.len() <= 12
        // A program that says only `Error: …` means it as part of its sentence.
        && (word.starts_with('[') || word.chars().all(|c| c.is_ascii_uppercase() || !c.is_ascii_alphabetic()))
        && !word.ends_with("error:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_record() {
        for (record, words) in [
            (r#"{"level":"error","msg":"query failed","err":"dial tcp: refused"}"#, "query failed: dial tcp: refused"),
            (r#"{"level":"error","error":{"message":"no route"},"stack":"Error: x"}"#, "no route\nError: x"),
            (r#"level=error component=c msg="query \"a\" failed" err="timeout" n=1"#, r#"query "a" failed: timeout"#),
            ("plain a=b line", "plain a=b line"),
            ("{broken json", "{broken json"),
        ] {
            assert_eq!(plain_record(record), words);
        }
    }

    #[test]
    fn prefixes_of_the_usual_loggers() {
        for (line, bare) in [
            ("2026-11-22T22:53:45.8Z ERROR [main] boom happened", "boom happened"),
            ("2026/11/22 22:53:19 [error] 31#31: *3126 connect() failed", "connect() failed"),
            ("Error: cannot start", "Error: cannot start"),
            ("ERROR:  relation \"x\" does not exist", "relation \"x\" does not exist"),
            ("nothing", "nothing"),
            ("2026", "2026"),
        ] {
            assert_eq!(without_prefix(line), bare);
        }
    }
}
