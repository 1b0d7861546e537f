//! HTTP headers that carry secrets, however they were printed: raw, as JSON, as a Go map, in a curl command.

use super::kind::{Kind, MARKER_START};
use super::scan::{at_fold, is_base64, is_blank, looks_random, run, run_limited, word_starts};
use super::value::{self, Separator};
use super::{Span, assign};

/// `Bearer <token>` anywhere, and `bearer` as a key.
pub(super) fn bearer(bytes: &[u8], start: usize, end: usize, found: &mut Vec<Span>) {
    if let Some(span) = after_scheme(bytes, end, Kind::Bearer) {
        let word = &bytes[span.start..span.end];
        // "bearer token-based authentication" is prose; a token has digits or mixed case, or is longer than words are.
        if word.len() >= 8 && (looks_random(word) || (word.len() >= 20 && !is_prose(word))) {
            found.push(span);
        }
        return;
    }
    assign::key_value(bytes, start, end, found);
}

fn is_prose(word: &[u8]) -> bool {
    word.split(|byte| matches!(byte, b'-' | b'/' | b'.' | b'_'))
        .all(|part| part.len() <= 16 && part.iter().all(u8::is_ascii_lowercase))
}

/// `Basic <base64 of user:password>` anywhere. "basic monitoring" does not decode to something with a colon.
pub(super) fn basic(bytes: &[u8], start: usize, end: usize, found: &mut Vec<Span>) {
    // The anchor includes one blank, which is looked for again here.
    let scheme_end = end.min(start + "basic".len());
    let Some(span) = after_scheme(bytes, scheme_end, Kind::BasicAuth) else {
        return;
    };
    if word_starts(bytes, start) && decodes_to_pair(&bytes[span.start..span.end]) {
        found.push(span);
    }
}

/// The credentials behind a scheme and at least one blank.
fn after_scheme(bytes: &[u8], at: usize, kind: Kind) -> Option<Span> {
    let start = match run_limited(bytes, at, 4, |byte| is_blank(byte) || byte == b'+') {
        blank if blank > at => blank,
        _ if at_fold(bytes, at, "%20") => at + 3,
        _ => return None,
    };
    let end = run(bytes, start, |byte| is_base64(byte) || matches!(byte, b'.' | b'~'));
    (end > start).then_some(Span { start, end, kind })
}

/// Whether the text is base64 of something with a colon in it.
fn decodes_to_pair(text: &[u8]) -> bool {
    let mut bits: u32 = 0;
    let mut held = 0;
    let mut colon = false;
    for byte in text.iter().filter(|byte| **byte != b'=') {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return false,
        };
        bits = (bits << 6) | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            let decoded = (bits >> held) & 0xff;
            // Credentials are text; a byte below the blank says that this was an ordinary word.
            if decoded < 0x20 {
                return false;
            }
            colon |= decoded == u32::from(b':');
        }
    }
    colon
}

/// Schemes whose name stays in front of the credentials.
const SCHEMES: &[(&str, Kind)] = &[
    ("bearer", Kind::Bearer),
    ("basic", Kind::BasicAuth),
    ("token", Kind::Token),
    ("digest", Kind::Authorization),
    ("negotiate", Kind::Authorization),
    ("ntlm", Kind::Authorization),
    ("apikey", Kind::ApiKey),
    ("api-key", Kind::ApiKey),
    ("geniekey", Kind::ApiKey),
    ("sharedkey", Kind::AzureKey),
    ("aws4-hmac-sha256", Kind::AwsSecret),
    ("splunk", Kind::Token),
];

/// Schemes whose credentials are one word.
const ONE_WORD: &[&str] = &["bearer", "basic", "token", "apikey", "api-key", "geniekey"];

/// `Authorization: <scheme> <credentials>`; the whole rest of the header goes, because some schemes have many parts.
pub(super) fn authorization(bytes: &[u8], start: usize, end: usize, found: &mut Vec<Span>) {
    let Some(slot) = assign::slot(bytes, start, end) else {
        return;
    };
    if !matches!(slot.name, b"authorization" | b"Authorization" | b"AUTHORIZATION")
        && !slot.name.to_ascii_lowercase().ends_with(b"proxy-authorization")
        && !slot.name.to_ascii_lowercase().ends_with(b"x-authorization")
        && !slot.name.to_ascii_lowercase().ends_with(b"http_authorization")
    {
        return assign::key_value(bytes, start, end, found);
    }
    let value_start = slot.opening.start;
    let scheme = SCHEMES.iter().find(|(name, _)| {
        at_fold(bytes, value_start, name) && bytes.get(value_start + name.len()).is_some_and(|byte| is_blank(*byte))
    });
    let (from, kind) = match scheme {
        Some((name, kind)) => (run_limited(bytes, value_start + name.len(), 64, is_blank), *kind),
        None => (value_start, Kind::Authorization),
    };
    // Asked before the end is looked for: what stays must not cost a look at the whole line.
    if bytes[from.min(bytes.len())..].starts_with(MARKER_START) {
        return;
    }
    let sentence = scheme.is_none() && slot.opening.quote.is_none() && slot.separator == Separator::Colon;
    if sentence {
        let peek = &bytes[..from.saturating_add(assign::PEEK_LIMIT).min(bytes.len())];
        let word = &bytes[from.min(peek.len())..value::unquoted_end(peek, from.min(peek.len()), &slot.opening)];
        if value::is_prose_word(word) && !looks_random(word) {
            return;
        }
    }
    let to = match (scheme, slot.opening.quote) {
        // Without a scheme only one word is the credential: the rest of the line may be a log's own.
        (None, None) => value::unquoted_end(bytes, from, &slot.opening),
        (Some((name, _)), None) if ONE_WORD.contains(name) => run(bytes, from, |byte| {
            !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'' | b']' | b'}' | b',' | b'\\')
        }),
        _ => value::whole_header(bytes, &slot.opening).end,
    };
    if from >= to || value::is_harmless(&bytes[from..to]) {
        return;
    }
    found.push(Span { start: from, end: to, kind });
}

/// `Cookie: a=b; c=d` and `Set-Cookie: sid=x; Path=/`: everything behind the key.
pub(super) fn cookie(bytes: &[u8], start: usize, end: usize, found: &mut Vec<Span>) {
    let Some(slot) = assign::slot(bytes, start, end) else {
        return;
    };
    let name = slot.name.to_ascii_lowercase();
    if !matches!(
        name.as_slice(),
        b"cookie" | b"set-cookie" | b"set_cookie" | b"cookies" | b"http_cookie" | b"http.cookie"
    ) && !name.ends_with(b".cookie")
        && !name.ends_with(b".set-cookie")
    {
        return assign::key_value(bytes, start, end, found);
    }
    // "cookie: not found" has no pair in it; a cookie that is one word in quotes may have none. Asked at the beginning
    // only, so that what stays does not cost a look at the whole line.
    const NAME_LIMIT: usize = 128;
    let start = slot.opening.start;
    if bytes[start.min(bytes.len())..].starts_with(MARKER_START) {
        return;
    }
    let name_end =
        run_limited(bytes, start, NAME_LIMIT, |byte| byte.is_ascii_graphic() && !matches!(byte, b'=' | b'"' | b'\''));
    let pair = bytes.get(name_end) == Some(&b'=');
    if !pair && slot.opening.quote.is_none() {
        return;
    }
    let whole = value::whole_header(bytes, &slot.opening);
    let text = &bytes[whole.start..whole.end];
    if (pair || looks_random(text)) && !value::is_harmless(text) {
        found.push(Span { start: whole.start, end: whole.end, kind: Kind::Cookie });
    }
}
