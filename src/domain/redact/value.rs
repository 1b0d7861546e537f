//! Where a value ends, and which values are no secret although their key says so.

use super::kind::MARKER_START;
use super::scan::{at_fold, is_blank, is_name, looks_random, run, run_limited};

/// What stands between a key and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    Equals,
    Colon,
    /// `--password x`
    Flag,
    /// `<password>x</password>`
    Tag,
}

/// A quote character and how many backslashes stand before it (JSON inside JSON).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quote {
    pub(super) byte: u8,
    pub(super) slashes: usize,
}

/// How a value begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening {
    /// The value's first byte.
    pub(super) start: usize,
    pub(super) quote: Option<Quote>,
    /// `["a", "b"]`, or Go's `[a]`.
    pub(super) bracket: bool,
    pub(super) separator: Separator,
}

/// A value's bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Up to the closing quote of the same depth, or to the end of the line if there is none.
pub(super) fn quoted_end(bytes: &[u8], start: usize, quote: Quote) -> usize {
    let period = 2 * (quote.slashes + 1);
    let mut at = start;
    loop {
        at = run(bytes, at, |byte| byte != quote.byte && byte != b'\n');
        if at >= bytes.len() || bytes[at] == b'\n' {
            return at;
        }
        let mut slashes = 0;
        while at > start + slashes && bytes[at - 1 - slashes] == b'\\' {
            slashes += 1;
        }
        // With fewer backslashes it is the outer string that ends here.
        if slashes < quote.slashes || slashes % period == quote.slashes {
            return at - slashes.min(quote.slashes);
        }
        at += 1;
    }
}

/// The end of a value without quotes. Signs that may be part of a password (`,` `;` `&` quotes and brackets) end it
/// only where what follows shows that they are punctuation; in doubt the value goes on, because a cut-off secret leaks.
pub(super) fn unquoted_end(bytes: &[u8], start: usize, opening: &Opening) -> usize {
    let mut at = reference_end(bytes, start);
    while let Some(byte) = bytes.get(at).copied() {
        let next = at + 1;
        let ends = match byte {
            b' ' | b'\t' | b'\n' | b'\r' => true,
            b'<' => opening.separator == Separator::Tag,
            b',' | b';' | b'&' => breaks(bytes, next),
            b'"' | b'\'' | b'`' => !bytes.get(next).is_some_and(u8::is_ascii_alphanumeric),
            b')' | b'}' | b']' | b'>' => closes(bytes, next),
            b'|' => opening.separator != Separator::Tag && bytes.get(next).is_none_or(|byte| is_blank(*byte)),
            b'\\' => match bytes.get(next) {
                Some(b'n' | b'r' | b't') => breaks(bytes, next + 1) || at_fold(bytes, next + 1, "\\n"),
                Some(b'"' | b'\'') => !bytes.get(next + 1).is_some_and(u8::is_ascii_alphanumeric),
                Some(b'\\') => {
                    let quote = run_limited(bytes, at, 16, |byte| byte == b'\\');
                    matches!(bytes.get(quote), Some(b'"' | b'\''))
                        && !bytes.get(quote + 1).is_some_and(u8::is_ascii_alphanumeric)
                }
                Some(b'u') => at_fold(bytes, at, "\\u0026") || at_fold(bytes, at, "\\u003c"),
                _ => false,
            },
            b'%' => at_fold(bytes, at, "%26") || at_fold(bytes, at, "%22") || at_fold(bytes, at, "%20"),
            _ => false,
        };
        if ends {
            break;
        }
        at = next;
    }
    at
}

/// Past `${VAR}`, `$(VAR)` and `{{ .Values.x }}`, whose signs and blanks do not end the value.
fn reference_end(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..start.saturating_add(96).min(bytes.len())).unwrap_or_default();
    [("${", "}"), ("$(", ")"), ("{{", "}}")]
        .iter()
        .filter(|(open, _)| rest.starts_with(open.as_bytes()))
        .find_map(|(_, close)| memchr::memmem::find(rest, close.as_bytes()).map(|at| start + at + close.len()))
        .unwrap_or(start)
}

/// Whether a `,` `;` or `&` in front of `at` separates: at the end, before a blank or a quote, or before the next key.
fn breaks(bytes: &[u8], at: usize) -> bool {
    match bytes.get(at) {
        None => true,
        Some(byte)
            if byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'\\' | b'{' | b'}' | b']' | b')') =>
        {
            true
        }
        Some(_) => {
            let name = run_limited(bytes, at, 64, |byte| is_name(byte) || byte == b' ');
            name > at && (matches!(bytes.get(name), Some(b'=' | b':')) || at_fold(bytes, name, "%3d"))
        }
    }
}

/// Whether a closing bracket in front of `at` closes something rather than being part of a password.
fn closes(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_none_or(|byte| {
        byte.is_ascii_whitespace()
            || matches!(byte, b',' | b';' | b')' | b'}' | b']' | b'>' | b'"' | b'\'' | b'\\' | b'.' | b':')
    })
}

/// A header's whole value: to its quote, its bracket or the end of the line.
pub(super) fn whole_header(bytes: &[u8], opening: &Opening) -> Extent {
    let start = opening.start;
    let end = match opening.quote {
        Some(quote) => quoted_end(bytes, start, quote),
        None => {
            // The header may stand inside a quoted argument (`-H 'Cookie: a=b'`), a Go map or an escaped line.
            // Quotes behind `=` belong to the header (`username="bob"`).
            let mut inner = None;
            let stop = (start..bytes.len()).find(|at| match bytes[*at] {
                b'\n' | b'\r' => true,
                byte @ (b'\'' | b'"') if inner == Some(byte) => {
                    inner = None;
                    false
                }
                byte @ (b'\'' | b'"') if inner.is_none() && *at > start && bytes[*at - 1] == b'=' => {
                    inner = Some(byte);
                    false
                }
                b'\'' | b'"' => inner.is_none(),
                b']' => opening.bracket,
                b'\\' => matches!(bytes.get(at + 1), Some(b'n' | b'r' | b'"' | b'\'')),
                _ => false,
            });
            stop.unwrap_or(bytes.len())
        }
    };
    Extent { start, end: end.max(start) }
}

/// Words that stand where a secret would, and are none.
const NO_SECRET: &[&str] = &[
    "any",
    "bool",
    "boolean",
    "bytes",
    "changeme-placeholder",
    "empty",
    "false",
    "hidden",
    "int",
    "masked",
    "n/a",
    "nil",
    "no",
    "none",
    "null",
    "object",
    "off",
    "on",
    "redacted",
    "removed",
    "str",
    "string",
    "true",
    "undefined",
    "unset",
    "yes",
];

/// Values that hide nothing: marks, masks, references to elsewhere, types, nested objects.
pub(super) fn is_harmless(value: &[u8]) -> bool {
    const LONGEST: usize = 96;
    let value = value.trim_ascii();
    if value.is_empty() || value.starts_with(MARKER_START) {
        return true;
    }
    if value.starts_with(b"map[")
        || matches!(value, b"{" | b"{}" | b"[" | b"[]" | b"&{" | b"(" | b"|" | b">" | b"-" | b"\\")
    {
        return true;
    }
    if value.len() > LONGEST {
        return false;
    }
    let mask = |byte: &u8| matches!(byte, b'*' | b'x' | b'X' | b'.' | b'#' | b'?' | b'-' | b'_');
    if (value.len() >= 3 && value.iter().all(mask)) || value.iter().all(|byte| *byte == b'*') {
        return true;
    }
    let Ok(text) = std::str::from_utf8(value) else {
        return false;
    };
    if text.chars().all(|c| matches!(c, '•' | '…' | '●')) {
        return true;
    }
    let lower = text.to_ascii_lowercase();
    let inner = lower.trim_matches(|c| matches!(c, '[' | ']' | '<' | '>' | '(' | ')' | '"' | '\'' | '`' | ','));
    NO_SECRET.contains(&inner) || inner.is_empty() || is_reference(text)
}

/// `${VAR}`, `$(VAR)`, `$VAR`, `{{ .Values.x }}`, `%s`, `<your-token>`, `<set to the key …`.
fn is_reference(text: &str) -> bool {
    let name = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| is_name(byte) || matches!(byte, b' ' | b'/' | b':' | b'\''))
    };
    let wrapped =
        |open: &str, close: &str| text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).is_some_and(name);
    let variable = text.strip_prefix('$').is_some_and(|rest| {
        rest.len() > 1 && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') && !rest.starts_with('_')
    });
    let words =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b' ' | b'-' | b'_' | b'\''));
    wrapped("${", "}")
        || wrapped("$(", ")")
        || wrapped("{{", "}}")
        || variable
        || text.strip_prefix('<').is_some_and(|rest| words(rest.trim_end_matches('>')))
        || matches!(text, "%s" | "%v" | "%q" | "%+v" | "{{" | "{}" | "{:?}")
}

/// First words of a sentence about a secret: `invalid token: expired`, `password: must be longer`.
const PROSE: &[&str] = &[
    "a",
    "absent",
    "access",
    "all",
    "already",
    "an",
    "and",
    "anonymous",
    "argument",
    "at",
    "authentication",
    "bad",
    "been",
    "can",
    "cannot",
    "connection",
    "context",
    "could",
    "decode",
    "decoding",
    "denied",
    "deprecated",
    "dial",
    "does",
    "eof",
    "error",
    "exceeded",
    "exists",
    "expected",
    "expired",
    "fail",
    "failed",
    "failure",
    "field",
    "flag",
    "for",
    "forbidden",
    "found",
    "from",
    "get",
    "has",
    "have",
    "http",
    "https",
    "if",
    "illegal",
    "in",
    "incorrect",
    "internal",
    "invalid",
    "is",
    "it",
    "key",
    "malformed",
    "may",
    "mismatch",
    "missing",
    "must",
    "need",
    "needs",
    "never",
    "no",
    "not",
    "of",
    "ok",
    "open",
    "option",
    "or",
    "parameter",
    "permission",
    "please",
    "post",
    "read",
    "refused",
    "rejected",
    "request",
    "required",
    "requires",
    "revoked",
    "rpc",
    "secret",
    "server",
    "should",
    "signature",
    "success",
    "that",
    "the",
    "this",
    "timeout",
    "to",
    "token",
    "too",
    "unable",
    "unauthorized",
    "unexpected",
    "unknown",
    "unsupported",
    "use",
    "used",
    "user",
    "valid",
    "value",
    "was",
    "were",
    "will",
    "with",
    "wrong",
    "x509",
    "yaml",
    "you",
    "your",
];

/// Whether the word could begin or be part of an ordinary sentence.
pub(super) fn is_prose_word(value: &[u8]) -> bool {
    let word = value.trim_ascii();
    let end = run_limited(word, 0, 24, |byte| byte.is_ascii_alphanumeric());
    let first = word[..end].to_ascii_lowercase();
    let clean = matches!(word.get(end), None | Some(b' ' | b':' | b',' | b'.' | b';' | b'(' | b'\''));
    clean && std::str::from_utf8(&first).is_ok_and(|first| PROSE.binary_search(&first).is_ok())
}

/// Whether the value looks like a name that a Kubernetes object, a file or a flag would have rather than a secret.
pub(super) fn is_object_path(value: &[u8]) -> bool {
    let part = |part: &[u8]| {
        !part.is_empty()
            && part.len() <= 63
            && part
                .iter()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'_'))
            && part.split(|byte| matches!(byte, b'-' | b'.' | b'_')).all(|word| word.len() <= 16)
    };
    let parts = value.strip_prefix(b"/").unwrap_or(value);
    memchr::memchr(b'/', value).is_some() && value.len() <= 200 && parts.split(|byte| *byte == b'/').all(part)
}

/// Whether a value in the middle of a sentence is worth taking out.
pub(super) fn stands_out(value: &[u8]) -> bool {
    value.len() >= 6 && looks_random(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_sorted_for_binary_search() {
        let mut sorted = PROSE.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted, PROSE);
    }
}
