//! Making strangers' text safe to keep and to show: bounded, without control or direction characters.

use std::borrow::Cow;

use super::ansi;

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

/// `text` without what can deceive a reader: colours and invisible characters vanish, bidirectional overrides among them;
/// control characters and Unicode's own line breaks become spaces (line breaks and tabs stay).
///
/// Right-to-left letters stay: they are somebody's language. What goes are the *overrides*, by which a log line
/// could show itself in another order than it is (CVE-2021-42574).
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unwelcome) {
        return Cow::Borrowed(text);
    }
    let text = ansi::strip(text);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if !is_unwelcome(c) {
            out.push(c);
        } else if c.is_control() || c.is_whitespace() {
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

/// An address fit for a message: what stands before `@` and after `?` is left out. The last `@` is looked for first: one that
/// cannot be read as an address may have a `?` in its password.
pub fn without_secrets(address: &str) -> String {
    let shown = |rest: &str| rest.split('?').next().unwrap_or_default().to_owned();
    match (address.split_once("://"), address.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{}", shown(host)),
        (None, Some((_, host))) => format!("…@{}", shown(host)),
        _ => shown(address),
    }
}

fn is_unwelcome(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t') || deceives(c)
}

/// Whether a character has no look of its own: it changes that of others, or is read by a model and seen by nobody, as the
/// tags at U+E0000 are.
pub fn deceives(c: char) -> bool {
    matches!(
        c,
        '\u{AD}'
            | '\u{61C}'
            | '\u{180E}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}'
            | '\u{3164}'
            | '\u{FEFF}'
            | '\u{E0000}'..='\u{E007F}'
    )
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
        assert_eq!(plain("a\u{E0069}\u{E0067}b\u{AD}\u{61C}\u{180E}\u{3164}c\u{2028}d"), "abc d");
        assert_eq!(plain("\x1b[36mlevel\x1b[0m=info \x1b"), "level=info ");
        assert_eq!(line("two\n  lines\t here ", 64), "two lines here");
    }

    #[test]
    fn an_address_is_shown_without_what_opens_it() {
        for (address, shown) in [
            ("redis://:s3cr?et@host/x", "redis://…@host/x"),
            ("redis://:s3cr@et@host:6379?db=1", "redis://…@host:6379"),
            ("bob:pw@host", "…@host"),
            ("http://host:8428/x?token=s3cret", "http://host:8428/x"),
        ] {
            assert_eq!(without_secrets(address), shown);
        }
    }
}
