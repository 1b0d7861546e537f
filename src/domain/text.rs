//! Making strangers' text safe to keep and to show: bounded, without control or direction characters.

use std::borrow::Cow;

/// Longest label value or annotation that is kept, in bytes. Prometheus sets no limit of its own; a 64 KiB label is
/// an accident, and a thousand of them would be our memory.
pub const MAX_VALUE_BYTES: usize = 2 * 1024;

/// Stands between a marker and a name, so that a chat reads neither; it has no width and no meaning.
pub const WORD_JOINER: char = '\u{2060}';

/// Whether what stands between two characters begins a name, as `@` does in `by @ann` and not in `ann@example.com`.
pub fn begins_name(before: Option<char>, next: Option<char>) -> bool {
    let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    letter(next) && !letter(before)
}

/// `text` cut to at most `max` bytes on a character boundary, with `…` where something was left out.
pub fn bounded(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return Cow::Borrowed(text);
    }
    let mut end = max.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Cow::Owned(format!("{}…", &text[..end]))
}

/// `text` without what can deceive a reader: control characters become spaces (line breaks and tabs stay), and
/// bidirectional overrides, zero-width and byte-order marks vanish.
///
/// Right-to-left letters stay: they are somebody's language. What goes are the *overrides*, by which a log line
/// could show itself in another order than it is (CVE-2021-42574).
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unwelcome) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if !is_unwelcome(c) {
            out.push(c);
        } else if c.is_control() {
            out.push(' ');
        }
    }
    Cow::Owned(out)
}

/// [`plain`] on one line and at most `max` bytes: for names, labels and titles.
pub fn line(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max));
    for word in plain(text).split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        if out.len() > max {
            break;
        }
    }
    bounded(&out, max).into_owned()
}

/// An address fit for a message: what stands before `@` and after `?` is left out.
pub fn without_secrets(address: &str) -> String {
    let address = address.split('?').next().unwrap_or_default();
    match (address.split_once("://"), address.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        (None, Some((_, host))) => format!("…@{host}"),
        _ => address.to_owned(),
    }
}

fn is_unwelcome(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t') || deceives(c)
}

/// Whether a character has no look of its own and changes that of others.
pub fn deceives(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_on_a_character_boundary() {
        assert_eq!(bounded("привет", 8), "пр…");
        assert_eq!(bounded("short", 8), "short");
    }

    #[test]
    fn overrides_and_controls_go_letters_stay() {
        assert_eq!(plain("a\u{202E}b\u{7}c\nשלום"), "ab c\nשלום");
        assert_eq!(line("two\n  lines\t here ", 64), "two lines here");
    }
}
