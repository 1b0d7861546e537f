//! Takes the message and the level out of one record, whatever format it has.

use std::borrow::Cow;

use super::level::Level;
use super::{access, continuation, header, structured};
use crate::domain::ansi;

/// What one record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The message, without colours and header. Of a record of several lines, the first line and those that name what
    /// was thrown: the frames of a stack differ from build to build.
    pub message: Cow<'a, str>,
    /// The level, if the record names one.
    pub level: Option<Level>,
}

/// The part of a record that is read. Longer ones cost as much as these.
const MAX_RECORD_BYTES: usize = 64 * 1024;

/// Lines behind the first that are added to a message: an exception and its two causes.
const MAX_THROWN_LINES: usize = 3;

/// Reads one record, of one line or of several with line feeds between them.
pub fn read_line(text: &str) -> Record<'_> {
    match ansi::strip(cut(text, MAX_RECORD_BYTES)) {
        Cow::Borrowed(text) => read(text),
        Cow::Owned(text) => {
            let Record { message, level } = read(&text);
            Record { message: Cow::Owned(message.into_owned()), level }
        }
    }
}

/// The first bytes of a text, up to a whole character.
pub fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn read(text: &str) -> Record<'_> {
    let text = text.trim();
    let Some(end) = memchr::memchr(b'\n', text.as_bytes()) else {
        return read_one(text);
    };
    if let Some(record) = structured::json(text) {
        return record;
    }
    let Record { message, level } = read_one(text[..end].trim_end());
    let told = telling(text);
    if told.is_empty() {
        return Record { message: Cow::Owned(message.into_owned()), level };
    }
    let message = told.iter().fold(message.into_owned(), |message, line| message + " " + line);
    // Who logs a stack trace as information means the error.
    Record { message: Cow::Owned(message), level: level.max(Some(Level::Error)) }
}

/// The lines behind the first that say what happened.
fn telling(text: &str) -> Vec<&str> {
    let thrown = |line: &&str| {
        line.trim_start().starts_with("Caused by: ")
            || continuation::is_thrown(line.as_bytes())
            || line.starts_with("panic: ")
    };
    let mut told: Vec<&str> = text.lines().skip(1).filter(thrown).take(MAX_THROWN_LINES).map(str::trim).collect();
    if told.is_empty() {
        let mut unindented = text.lines().skip(1).filter(|line| line.starts_with(|first: char| !first.is_whitespace()));
        if text.contains("Traceback (most recent call last):") {
            told.extend(unindented.last());
        } else if text.starts_with("thread '") {
            told.extend(
                unindented.find(|_| true).filter(|line| !line.starts_with("note: ") && !line.starts_with("stack ")),
            );
        }
    }
    told
}

fn read_one(line: &str) -> Record<'_> {
    if let Some(record) = structured::json(line) {
        return record;
    }
    if let Some(record) = access::read(line) {
        return record;
    }
    let header = header::read(line.as_bytes());
    // Where the bound of a header cuts a character, there is no header.
    let rest = line.get(header.end..).unwrap_or(line).trim_start();
    if rest.is_empty() {
        return Record { message: Cow::Borrowed(line), level: header.level };
    }
    let inner = structured::json(rest).or_else(|| structured::logfmt(rest));
    match inner {
        Some(Record { message, level }) => Record { message, level: level.or(header.level) },
        None => Record { message: Cow::Borrowed(rest), level: header.level },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_stands_in_a_line() {
        use Level::{Debug, Error, Fatal, Info, Warn};
        let cases = [
            ("plain text", "plain text", None),
            ("2026-01-02T03:04:05.678Z INFO started", "started", Some(Info)),
            ("2026-01-02 03:04:05,678 ERROR [http-1] c.e.App: no stock", "no stock", Some(Error)),
            ("2026-01-02 03:04:05.678  WARN 1 --- [main] c.e.App : slow", "slow", Some(Warn)),
            ("[2026-01-02 03:04:05] [debug] tick", "tick", Some(Debug)),
            ("Jan  2 03:04:05 host-1 sshd[12]: bye", "bye", None),
            ("2026-01-02T03:04:05Z host-1 app[12]: bye", "bye", None),
            ("E0102 03:04:05.000000   12 file.go:34] watch failed", "watch failed", Some(Error)),
            ("01-02 03:04:05.678  1702  2395 W Tag: odd", "odd", Some(Warn)),
            ("INFO: ready", "ready", Some(Info)),
            ("\u{1b}[31mERROR\u{1b}[0m red", "red", Some(Error)),
            (r#"{"level":"error","msg":"query failed","err":"refused"}"#, "query failed: refused", Some(Error)),
            (r#"{"severity":"CRITICAL","message":"2026-01-02 03:04:05 gone"}"#, "gone", Some(Fatal)),
            (r#"{"log":{"level":"warn"},"message":"nested"}"#, "nested", Some(Warn)),
            (r#"{"level":50,"error":{"message":"deep"}}"#, "deep", Some(Error)),
            (r#"{"a":1}"#, r#"{"a":1}"#, None),
            (r#"{"level":"info","msg":"request done","status":503}"#, "request done server-error", Some(Error)),
            (r#"{"level":"info","msg":"request done","status":200}"#, "request done", Some(Info)),
            (r#"{"path":"/","status":"404"}"#, r#"{"path":"/","status":"404"} client-error"#, Some(Warn)),
            (r#"{"path":"/","status":200}"#, r#"{"path":"/","status":200}"#, None),
            ("level=info msg=request status=502", "request server-error", Some(Error)),
            ("method=GET status_code=500 ms=3", "method=GET status_code=500 ms=3 server-error", Some(Error)),
            ("2026-01-02T03:04:05.6Z stderr F {\"lvl\":\"dbg\",\"event\":\"inner\"}", "inner", Some(Debug)),
            (
                r#"level=error ts=1 component=x msg="query failed" err="dial tcp""#,
                "query failed: dial tcp",
                Some(Error),
            ),
            (r#"msg="say \"hi\"" level=info"#, r#"say "hi""#, Some(Info)),
            ("retries=3 of 5", "retries=3 of 5", None),
            ("", "", None),
        ];
        for (line, message, level) in cases {
            let record = read_line(line);
            assert_eq!((record.message.as_ref(), record.level), (message, level), "{line}");
        }
    }

    #[test]
    fn names_what_a_trace_is_about() {
        let cases = [
            (
                "2026-01-02 03:04:05 INFO order failed\njava.lang.IllegalStateException: no stock\n\tat a.B.c(B.java:1)\nCaused by: java.io.IOException: pipe",
                "order failed java.lang.IllegalStateException: no stock Caused by: java.io.IOException: pipe",
            ),
            (
                "Traceback (most recent call last):\n  File \"a.py\", line 1\nOops",
                "Traceback (most recent call last): Oops",
            ),
            (
                "thread 'main' panicked at a.rs:1:2:\nit broke\nnote: run with",
                "thread 'main' panicked at a.rs:1:2: it broke",
            ),
        ];
        for (text, message) in cases {
            let record = read_line(text);
            assert_eq!((record.message.as_ref(), record.level), (message, Some(Level::Error)), "{text}");
        }
    }
}
