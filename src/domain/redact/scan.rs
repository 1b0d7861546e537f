//! Small steps over bytes that the rules share.

/// How far a run goes on from `at` while `keep` holds.
pub(super) fn run(bytes: &[u8], at: usize, keep: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| !keep(*byte)).unwrap_or(rest.len())
}

/// Like [`run`], but never further than `limit` bytes.
pub(super) fn run_limited(bytes: &[u8], at: usize, limit: usize, keep: impl Fn(u8) -> bool) -> usize {
    let end = at.saturating_add(limit).min(bytes.len());
    run(bytes.get(..end).unwrap_or_default(), at.min(end), keep)
}

/// Where a run that ends at `at` begins, at most `limit` bytes back.
pub(super) fn run_back(bytes: &[u8], at: usize, limit: usize, keep: impl Fn(u8) -> bool) -> usize {
    let floor = at.saturating_sub(limit);
    let mut start = at.min(bytes.len());
    while start > floor && keep(bytes[start - 1]) {
        start -= 1;
    }
    start
}

/// Whether the bytes at `at` are `text`, in any ASCII case.
pub(super) fn at_fold(bytes: &[u8], at: usize, text: &str) -> bool {
    starts_with_fold(bytes.get(at..).unwrap_or_default(), text)
}

/// Whether the bytes start with `text`, in any ASCII case.
pub(super) fn starts_with_fold(bytes: &[u8], text: &str) -> bool {
    bytes.get(..text.len()).is_some_and(|head| head.eq_ignore_ascii_case(text.as_bytes()))
}

/// The end of the line that `at` is in.
pub(super) fn line_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let end = at + memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    if end > at && bytes[end - 1] == b'\r' { end - 1 } else { end }
}

/// Spaces and tabs.
pub(super) fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Letters, digits and what names are joined with.
pub(super) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// Base64, plain and for URLs.
pub(super) fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
}

/// Base64 for URLs, as in a JWT.
pub(super) fn is_base64_url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Whether a word can begin at `at`: the start, after a sign, or after an escape (`\n`, `\u003d`, `%22`) whose last
/// letter only looks like a part of the word.
pub(super) fn word_starts(bytes: &[u8], at: usize) -> bool {
    let back = |distance: usize| at.checked_sub(distance).and_then(|index| bytes.get(index)).copied();
    match back(1) {
        Some(last) if last.is_ascii_alphanumeric() || last == b'_' => {
            let escape = back(2) == Some(b'\\') && matches!(last, b'n' | b'r' | b't');
            let percent = back(3) == Some(b'%') && last.is_ascii_hexdigit();
            let unicode = back(6) == Some(b'\\') && back(5) == Some(b'u');
            escape || percent || unicode
        }
        _ => true,
    }
}

/// Whether a word looks made by a machine rather than written by a person: digits among letters, mixed case inside,
/// or longer than words are.
pub(super) fn looks_random(word: &[u8]) -> bool {
    let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = word.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let flips = word.windows(2).filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase()).count();
    let longest = word.split(|byte| !byte.is_ascii_alphabetic()).map(<[u8]>::len).max().unwrap_or(0);
    (word.len() >= 6 && digits > 0 && letters > 0) || flips > 1 || longest > 20 || digits >= 12
}

/// The nearest character boundary at or before `at`.
pub(super) fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|index| text.is_char_boundary(*index)).unwrap_or(0)
}

/// The nearest character boundary at or after `at`.
pub(super) fn ceil_boundary(text: &str, at: usize) -> usize {
    (at..text.len()).find(|index| text.is_char_boundary(*index)).unwrap_or(text.len())
}
