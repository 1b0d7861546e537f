//! `key=value` in all its forms: env, logfmt, YAML, JSON, JSON inside JSON, flags, query strings, connection strings.

use super::kind::Kind;
use super::scan::{at_fold, is_blank, is_name, line_end, run, run_back, run_limited};
use super::value::{self, Opening, Quote, Separator};
use super::{Span, key};

/// A key's name is read this far to each side of the word in it.
const NAME_LIMIT: usize = 64;

/// Blanks between a key and its value: `kubectl describe` aligns columns.
const GAP_LIMIT: usize = 64;

/// How much of a value is looked at to see whether it is a secret at all.
pub(super) const PEEK_LIMIT: usize = 256;

/// A key and where its value begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot<'a> {
    pub(super) name: &'a [u8],
    name_start: usize,
    quoted_name: bool,
    pub(super) separator: Separator,
    pub(super) opening: Opening,
}

/// Reads the key around the word at `start..end` and what separates it from its value.
pub(super) fn slot(bytes: &[u8], start: usize, end: usize) -> Option<Slot<'_>> {
    let (name_start, name_end) = if bytes[start].is_ascii() {
        let from = run_back(bytes, start, NAME_LIMIT, is_name);
        let from = skip_escape(bytes, from, start);
        (from, run_limited(bytes, start, NAME_LIMIT, is_name))
    } else {
        (start, end)
    };
    let name = &bytes[name_start..name_end];
    let (after_quote, quoted_name) = close_name(bytes, name_end);
    let (separator, after) = separator(bytes, name_start, after_quote, quoted_name)?;
    let opening = opening(bytes, after, separator);
    Some(Slot { name, name_start, quoted_name, separator, opening })
}

/// In `…\npassword` the `n` belongs to the escape, not to the name.
fn skip_escape(bytes: &[u8], from: usize, limit: usize) -> usize {
    let escaped = from > 0 && bytes[from - 1] == b'\\' && matches!(bytes.get(from), Some(b'n' | b'r' | b't'));
    if escaped && from < limit { from + 1 } else { from }
}

/// The end of the key's quote, if it has one; also `['password']`.
fn close_name(bytes: &[u8], at: usize) -> (usize, bool) {
    let quote = run_limited(bytes, at, 16, |byte| byte == b'\\');
    if matches!(bytes.get(quote), Some(b'"' | b'\'')) {
        let after = quote + 1;
        (after + usize::from(bytes.get(after) == Some(&b']')), true)
    } else {
        (at, false)
    }
}

fn separator(bytes: &[u8], name_start: usize, at: usize, quoted: bool) -> Option<(Separator, usize)> {
    if name_start > 0 && bytes[name_start - 1] == b'<' && bytes.get(at) == Some(&b'>') {
        return Some((Separator::Tag, at + 1));
    }
    let sign = run_limited(bytes, at, GAP_LIMIT, is_blank);
    let flag = bytes[name_start] == b'-';
    match bytes.get(sign)? {
        b'=' => match bytes.get(sign + 1) {
            Some(b'=' | b'~') => None,
            Some(b'>') => Some((Separator::Colon, sign + 2)),
            _ => Some((Separator::Equals, sign + 1)),
        },
        b':' => match bytes.get(sign + 1) {
            Some(b'=') => Some((Separator::Equals, sign + 2)),
            Some(b':') => None,
            Some(b'/') if bytes.get(sign + 2) == Some(&b'/') => None,
            _ => Some((Separator::Colon, sign + 1)),
        },
        b'%' if at_fold(bytes, sign, "%3d") => Some((Separator::Equals, sign + 3)),
        b'\\' if at_fold(bytes, sign, "\\u003d") => Some((Separator::Equals, sign + 6)),
        b',' if quoted && flag => Some((Separator::Flag, sign + 1)),
        _ => match name_value(bytes, at) {
            Some(after) => Some((Separator::Colon, after)),
            None => (flag && sign > at && bytes.get(sign) != Some(&b'-')).then_some((Separator::Flag, sign)),
        },
    }
}

/// The gap in `{"name": "DB_PASSWORD", "value": "x"}`, in its YAML form, and in Go's `{Name:DB_PASSWORD Value:x}`.
fn name_value(bytes: &[u8], at: usize) -> Option<usize> {
    let at = at + usize::from(bytes.get(at) == Some(&b','));
    let word = run_limited(bytes, at, GAP_LIMIT, |byte| byte.is_ascii_whitespace());
    let word = run_limited(bytes, word, 16, |byte| byte == b'\\');
    let word = word + usize::from(matches!(bytes.get(word), Some(b'"' | b'\'')));
    if word == at || !at_fold(bytes, word, "value") {
        return None;
    }
    let (after, _) = close_name(bytes, word + "value".len());
    let sign = run_limited(bytes, after, GAP_LIMIT, is_blank);
    (bytes.get(sign) == Some(&b':')).then_some(sign + 1)
}

fn opening(bytes: &[u8], after: usize, separator: Separator) -> Opening {
    let mut at = run_limited(bytes, after, GAP_LIMIT, is_blank);
    let bracket = bytes.get(at) == Some(&b'[') && !bytes[at..].starts_with(super::kind::MARKER_START);
    if bracket {
        at = run_limited(bytes, at + 1, GAP_LIMIT, |byte| byte.is_ascii_whitespace());
    }
    if at_fold(bytes, at, "Some(") {
        at += "Some(".len();
    }
    // Python's b'…' and Rust's r"…".
    if matches!(bytes.get(at), Some(b'b' | b'u' | b'r')) && matches!(bytes.get(at + 1), Some(b'"' | b'\'')) {
        at += 1;
    }
    let quote = quote_at(bytes, at);
    let start = quote.map_or(at, |quote| at + quote.slashes + 1);
    Opening { start, quote, bracket, separator }
}

fn quote_at(bytes: &[u8], at: usize) -> Option<Quote> {
    let end = run_limited(bytes, at, 16, |byte| byte == b'\\');
    match bytes.get(end) {
        Some(byte @ (b'"' | b'\'' | b'`')) => Some(Quote { byte: *byte, slashes: end - at }),
        _ => None,
    }
}

/// Reports the value whose key holds the word at `start..end`, if the key's name says that it is a secret.
pub(super) fn key_value(bytes: &[u8], start: usize, end: usize, found: &mut Vec<Span>) {
    let Some(slot) = slot(bytes, start, end) else {
        return;
    };
    let Some(kind) = key::kind_of(slot.name) else {
        return;
    };
    let opening = slot.opening;
    if let Some(block) = yaml_block(bytes, &slot) {
        found.extend(block.map(|(start, end)| Span { start, end, kind }));
        return;
    }
    // Whether the value stays is seen from its beginning, so that what stays does not cost a look at all of it.
    let peek = &bytes[..opening.start.saturating_add(PEEK_LIMIT).min(bytes.len())];
    let seen = value_end(peek, &slot, kind);
    if opening.start >= seen || spared(bytes, &slot, kind, &bytes[opening.start..seen]) {
        return;
    }
    let end = value_end(bytes, &slot, kind);
    found.push(Span { start: opening.start, end, kind });
    if let (true, Some(quote)) = (opening.bracket, opening.quote) {
        rest_of_array(bytes, end, quote, kind, found);
    }
}

fn value_end(bytes: &[u8], slot: &Slot<'_>, kind: Kind) -> usize {
    let start = slot.opening.start;
    match slot.opening.quote {
        Some(quote) => value::quoted_end(bytes, start, quote),
        None if takes_line(bytes, slot, kind) => yaml_line_end(bytes, start),
        None => value::unquoted_end(bytes, start, &slot.opening),
    }
}

/// The other strings of `["a", "b"]`.
fn rest_of_array(bytes: &[u8], end: usize, quote: Quote, kind: Kind, found: &mut Vec<Span>) {
    let mut at = end + quote.slashes + 1;
    loop {
        let next = run_limited(bytes, at, GAP_LIMIT, |byte| byte.is_ascii_whitespace() || byte == b',');
        if next == at || quote_at(bytes, next) != Some(quote) {
            return;
        }
        let start = next + quote.slashes + 1;
        let end = value::quoted_end(bytes, start, quote);
        if !value::is_harmless(&bytes[start..end]) {
            found.push(Span { start, end, kind });
        }
        at = end + quote.slashes + 1;
    }
}

/// Whether nothing but indentation, a dash or a quote stands before the key on its line.
fn starts_line(bytes: &[u8], slot: &Slot<'_>) -> bool {
    let at = slot.name_start - usize::from(slot.quoted_name && slot.name_start > 0);
    let from = run_back(bytes, at, NAME_LIMIT, |byte| is_blank(byte) || byte == b'-');
    from == 0 || bytes[from - 1] == b'\n'
}

/// YAML's plain values may have blanks in them, and only passwords and secrets are phrases.
fn takes_line(bytes: &[u8], slot: &Slot<'_>, kind: Kind) -> bool {
    slot.separator == Separator::Colon
        && matches!(kind, Kind::Password | Kind::Secret)
        && !slot.opening.bracket
        && !matches!(bytes.get(slot.opening.start), Some(b'<' | b'{'))
        && starts_line(bytes, slot)
}

fn yaml_line_end(bytes: &[u8], start: usize) -> usize {
    let line = line_end(bytes, start);
    let end = memchr::memmem::find(&bytes[start..line], b" #").map_or(line, |at| start + at);
    run_back(bytes, end, end - start, is_blank)
}

/// `password: |` and the indented lines under it.
fn yaml_block<'a>(bytes: &'a [u8], slot: &Slot<'a>) -> Option<Option<(usize, usize)>> {
    let start = slot.opening.start;
    let sign = run_limited(bytes, start, 2, |byte| matches!(byte, b'|' | b'>' | b'-' | b'+'));
    let line = run_limited(bytes, sign, GAP_LIMIT, |byte| is_blank(byte) || byte == b'\r');
    let block = matches!(bytes.get(start), Some(b'|' | b'>')) && bytes.get(line) == Some(&b'\n');
    if !block || slot.opening.quote.is_some() || slot.separator != Separator::Colon {
        return None;
    }
    let indent = |at: usize| run(bytes, at, is_blank) - at;
    let key_line = run_back(bytes, slot.name_start, NAME_LIMIT * 2, |byte| byte != b'\n');
    let depth = indent(key_line);
    let first = run(bytes, line, |byte| byte.is_ascii_whitespace());
    let mut end = line;
    let mut at = line;
    while let Some(next) = memchr::memchr(b'\n', &bytes[at.min(bytes.len())..]).map(|found| at + found + 1) {
        let stop = line_end(bytes, next);
        let blank = bytes[next..stop].trim_ascii().is_empty();
        if !blank && indent(next) <= depth {
            break;
        }
        if !blank {
            end = stop;
        }
        at = stop;
    }
    let done = first >= end || value::is_harmless(&bytes[first..end]);
    Some((!done).then_some((first, end)))
}

/// Values that stay although their key names a secret.
fn spared(bytes: &[u8], slot: &Slot<'_>, kind: Kind, value: &[u8]) -> bool {
    if value::is_harmless(value) {
        return true;
    }
    let quoted = slot.opening.quote.is_some();
    let first = value.first().copied().unwrap_or_default();
    // What is nested has keys of its own.
    if !quoted && matches!(first, b'{' | b'&') {
        return true;
    }
    let name = slot.name.to_ascii_lowercase();
    let name = name.as_slice();
    let digits = value.iter().all(u8::is_ascii_digit);
    let word = run_limited(value, 0, 16, |byte| !byte.is_ascii_whitespace());
    let amount = word <= 4 && value[..word].iter().all(u8::is_ascii_digit);
    let special = match name {
        b"pwd" => first == b'/' || first == b'~',
        b"pass" => amount,
        b"secret" | b"token" | b"session" | b"sessionid" | b"session_id" if amount => true,
        b"secret" => value::is_object_path(value) || in_selector(bytes, slot),
        b"key" => !in_query(bytes, slot) || value.len() < 16,
        b"auth" => !quoted || value.len() < 12 || !value::stands_out(value),
        b"sid" | b"sig" | b"signature" | b"jwt" | b"session" | b"bearer" => value.len() < 8,
        b"otp" => !digits,
        _ => false,
    };
    if special {
        return true;
    }
    match kind {
        // What they hold has rules of its own, which leave the host readable.
        Kind::ConnectionString => {
            value.iter().any(|byte| matches!(byte, b'@' | b'=')) || memchr::memmem::find(value, b"://").is_some()
        }
        Kind::Password => !quoted && slot.separator != Separator::Equals && value::is_prose_word(value),
        _ if value.starts_with(b"/") && value::is_object_path(value) => true,
        _ if quoted => value::is_prose_word(value) && memchr::memchr(b' ', value).is_some(),
        _ if value::is_prose_word(value) => true,
        _ if in_sentence(bytes, slot) => !value::stands_out(value),
        _ => false,
    }
}

/// `could not get token: dial tcp …`: a word before the key and a colon behind it.
fn in_sentence(bytes: &[u8], slot: &Slot<'_>) -> bool {
    let before = |distance: usize| slot.name_start.checked_sub(distance).and_then(|at| bytes.get(at));
    slot.separator != Separator::Equals
        && !slot.quoted_name
        && !slot.name.starts_with(b"-")
        && before(1) == Some(&b' ')
        && before(2).is_some_and(|byte| byte.is_ascii_alphabetic())
}

/// `metric{secret="x"}`: the label of a metric about secrets.
fn in_selector(bytes: &[u8], slot: &Slot<'_>) -> bool {
    slot.separator == Separator::Equals
        && slot.opening.quote.is_some()
        && !slot.quoted_name
        && slot.name_start.checked_sub(1).and_then(|at| bytes.get(at)).is_some_and(|byte| matches!(byte, b'{' | b','))
}

/// `?key=` and `&key=`: elsewhere `key` is an ordinary word.
fn in_query(bytes: &[u8], slot: &Slot<'_>) -> bool {
    slot.separator == Separator::Equals
        && slot.name_start.checked_sub(1).and_then(|at| bytes.get(at)).is_some_and(|byte| matches!(byte, b'?' | b'&'))
}
