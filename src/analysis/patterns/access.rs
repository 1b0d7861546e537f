//! Access logs of web servers (common and combined format): what is grouped is the method, the area of the
//! path and the class of the status.

use std::borrow::Cow;

use super::level::Level;
use super::record::{self, Record};

const METHODS: [&str; 9] = ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "CONNECT", "TRACE"];

/// Bytes in which the status must be found.
const MAX_BYTES: usize = 4096;

/// Reads `host ident user [time] "GET /path HTTP/1.1" 200 …`, if the line is one.
pub fn read(line: &str) -> Option<Record<'_>> {
    let line = record::cut(line, MAX_BYTES);
    // Cheap refusals first: this runs for every line.
    let open = memchr::memchr(b'[', &line.as_bytes()[..line.len().min(120)])?;
    let rest = &line[open + 1..];
    if !rest.starts_with(|digit: char| digit.is_ascii_digit()) {
        return None;
    }
    let close = memchr::memchr(b']', &rest.as_bytes()[..rest.len().min(40)])?;
    let request = rest[close + 1..].strip_prefix(" \"")?;
    if line[..open].split_ascii_whitespace().count() != 3 {
        return None;
    }
    let quote = memchr::memchr(b'"', request.as_bytes())?;
    let status: u16 = request[quote + 1..].trim_start().get(..3)?.parse().ok()?;
    let mut words = request[..quote].split_ascii_whitespace();
    let method = words.next().filter(|word| METHODS.contains(word))?;
    let target = words.next().unwrap_or("/");
    let path = target.split(['?', '#']).next().unwrap_or(target);
    Some(Record {
        message: Cow::Owned(format!("{method} /{} {}", area(path), class(status))),
        level: Some(Level::of_status(status)),
    })
}

/// The part of a path that says whose it is: the first segment that is a name and no version.
fn area(path: &str) -> &str {
    let named = |segment: &&str| {
        !segment.is_empty()
            && *segment != "api"
            && segment.len() <= MAX_SEGMENT_BYTES
            && !segment.bytes().any(|byte| byte.is_ascii_digit() || byte == b'%')
    };
    path.split('/').take(MAX_SEGMENTS).find(named).unwrap_or("")
}

/// What a status says of the answer.
pub fn class(status: u16) -> &'static str {
    match status {
        500.. => "server-error",
        400..=499 => "client-error",
        300..=399 => "redirect",
        _ => "success",
    }
}

/// Segments of a path that are looked at.
const MAX_SEGMENTS: usize = 6;

/// A longer segment is a slug or a token.
const MAX_SEGMENT_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_method_area_and_class() {
        let cases = [
            (
                r#"10.0.0.1 - - [02/Jan/2026:10:00:00 +0000] "GET /api/v1/users/12?x=1 HTTP/1.1" 502 612 "-" "curl""#,
                Some("GET /users server-error"),
            ),
            (r#"::1 - bob [02/Jan/2026:10:00:00 +0000] "POST / HTTP/2" 200 1"#, Some("POST / success")),
            (r#"10.0.0.1 - - [02/Jan/2026:10:00:00 +0000] "GET /x" nonsense"#, None),
            ("something [1] \"GET\"", None),
        ];
        for (line, expected) in cases {
            assert_eq!(read(line).map(|record| record.message.into_owned()).as_deref(), expected, "{line}");
        }
    }
}
