//! Removes the escape sequences with which programs colour their logs: they are no text, and they stand between a key and
//! the secret that it names.

use std::borrow::Cow;

const ESCAPE: u8 = 0x1b;

/// The text without escape sequences; borrowed if there are none.
pub fn strip(text: &str) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(ESCAPE, text.as_bytes()) else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..first]);
    let mut rest = &text[first..];
    while let Some(at) = memchr::memchr(ESCAPE, rest.as_bytes()) {
        out.push_str(&rest[..at]);
        rest = &rest[at + sequence(&rest.as_bytes()[at..])..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Length of the sequence that starts with the escape. It ends before any byte that is not ASCII, so that the text stays
/// valid.
fn sequence(bytes: &[u8]) -> usize {
    match bytes.get(1) {
        // `ESC [ parameters final`
        Some(b'[') => {
            let parameters = bytes[2..].iter().take_while(|byte| matches!(byte, 0x20..=0x3f)).count();
            let last = usize::from(bytes.get(2 + parameters).is_some_and(|byte| matches!(byte, 0x40..=0x7e)));
            2 + parameters + last
        }
        // `ESC ] text BEL` or `ESC ] text ESC \`
        Some(b']') => match memchr::memchr2(0x07, ESCAPE, &bytes[2..]) {
            Some(end) if bytes[2 + end] == 0x07 => 2 + end + 1,
            Some(end) if bytes.get(2 + end + 1) == Some(&b'\\') => 2 + end + 2,
            _ => 2,
        },
        Some(byte) if byte.is_ascii_graphic() => 2,
        _ => 1,
    }
}
