//! Secrets inside addresses: the password before the host, and paths that are a capability.

use super::kind::Kind;
use super::scan::{is_base64_url, looks_random, run, run_back, run_limited};
use super::{Span, value};

/// An authority longer than this is not one.
const AUTHORITY_LIMIT: usize = 512;

/// `scheme://user:password@host`: user and host stay. A lone random user (`https://<key>@sentry…`) is a key.
pub(super) fn user_info(bytes: &[u8], start: usize, end: usize, found: &mut Vec<Span>) {
    let authority_end =
        run_limited(bytes, end, AUTHORITY_LIMIT, |byte| is_word(byte) && !matches!(byte, b'/' | b'?' | b'#'));
    let at = match memchr::memrchr(b'@', &bytes[end..authority_end]) {
        Some(at) => end + at,
        // People paste passwords with `/` or `#` in them; web addresses may have an `@` in the path, databases rarely.
        None if is_web(bytes, start) => return,
        None => match stray_at(bytes, end, authority_end) {
            Some(at) => at,
            None => return,
        },
    };
    let info = &bytes[end..at];
    match memchr::memchr(b':', info) {
        Some(colon) => {
            let from = end + colon + 1;
            if from < at && !value::is_harmless(&bytes[from..at]) {
                found.push(Span { start: from, end: at, kind: Kind::UrlPassword });
            }
        }
        None if info.len() >= 16 && looks_random(info) && info.iter().all(|byte| is_base64_url(*byte)) => {
            found.push(Span { start: end, end: at, kind: Kind::UrlPassword });
        }
        None => {}
    }
}

fn is_web(bytes: &[u8], start: usize) -> bool {
    let from = run_back(bytes, start, 5, |byte| byte.is_ascii_alphabetic());
    bytes[from..start].to_ascii_lowercase().starts_with(b"http")
}

/// What an address is made of.
fn is_word(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`' | b'|' | b'\\')
}

/// An `@` behind a slash that still ends a password: what follows the colon is not a port.
fn stray_at(bytes: &[u8], from: usize, authority_end: usize) -> Option<usize> {
    let colon = from + memchr::memchr(b':', &bytes[from..authority_end])?;
    if bytes[colon + 1..authority_end].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let word_end = run_limited(bytes, authority_end, AUTHORITY_LIMIT, is_word);
    memchr::memrchr(b'@', &bytes[authority_end..word_end]).map(|at| authority_end + at)
}

/// `user:password@tcp(host:3306)/db`, the form of Go's MySQL driver.
pub(super) fn driver_address(bytes: &[u8], at: usize, found: &mut Vec<Span>) {
    let from =
        run_back(bytes, at, 256, |byte| !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'' | b'=' | b'`'));
    if let Some(colon) = memchr::memchr(b':', &bytes[from..at]) {
        let start = from + colon + 1;
        if start < at && !value::is_harmless(&bytes[start..at]) {
            found.push(Span { start, end: at, kind: Kind::UrlPassword });
        }
    }
}

/// A webhook's path is its password: whoever has it may post. `from` is right behind the part that stays.
pub(super) fn webhook(bytes: &[u8], from: usize, found: &mut Vec<Span>) {
    let start = ["services/", "workflows/", "triggers/", "catch/"]
        .iter()
        .find(|part| super::scan::at_fold(bytes, from, part))
        .map_or(from, |part| from + part.len());
    let is_path = |byte: u8| is_base64_url(byte) || matches!(byte, b'/' | b'@' | b'%' | b'.');
    let path = &bytes[start..run_limited(bytes, start, AUTHORITY_LIMIT, is_path)];
    // `/hooks/` is also an ordinary folder: `/hooks/pre-commit` stays, 26 random characters do not.
    let random = path.split(|byte| *byte == b'/').any(|part| part.len() >= 18 && looks_random(part));
    if random {
        let end = run(bytes, start, is_path);
        let end = run_back(bytes, end, 4, |byte| matches!(byte, b'.' | b'/')).max(start);
        found.push(Span { start, end, kind: Kind::Webhook });
    }
}
