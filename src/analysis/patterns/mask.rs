//! What varies by nature within one word: numbers, addresses, identifiers, paths, quantities.

/// What stands in a template for a part that varies.
pub const WILDCARD: &[u8] = b"<*>";

/// The longest text in quotes behind `=` that is taken for one value.
pub const MAX_QUOTED_BYTES: usize = 512;

/// How a word with digits was masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Masked {
    /// All of it varies.
    Variable,
    /// All of it varies, and it is an amount with its unit.
    Quantity,
    /// Constant parts remain; the masked text was written.
    Partial,
}

/// Which of the bytes that hold words together a word has: the gist of a first look, which spares most words others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Joins(u8);

impl Joins {
    const OTHER: u8 = 1;
    const SLASH: u8 = 2;
    const BACKSLASH: u8 = 4;
    const COLON: u8 = 8;
    const DOT: u8 = 16;
    const AT: u8 = 32;

    const ALL: u8 = 63;

    /// One of them.
    pub const fn of(byte: u8) -> Self {
        Self(match byte {
            b'/' => Self::SLASH,
            b'\\' => Self::BACKSLASH,
            b':' => Self::COLON,
            b'.' => Self::DOT,
            b'@' => Self::AT,
            _ => Self::OTHER,
        })
    }

    /// Those among the lower six bits.
    pub const fn within(bits: u8) -> Self {
        Self(bits & Self::ALL)
    }

    /// The lower six bits.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether there was any.
    pub fn any(self) -> bool {
        self.0 != 0
    }

    fn has(self, some: u8) -> bool {
        self.0 & some != 0
    }
}

/// The longest unit.
const MAX_UNIT_BYTES: usize = 12;

/// Units of amounts of data and of time.
fn is_unit(text: &[u8]) -> bool {
    matches!(
        text,
        b"B" | b"KB"
            | b"MB"
            | b"GB"
            | b"TB"
            | b"PB"
            | b"kB"
            | b"KiB"
            | b"MiB"
            | b"GiB"
            | b"TiB"
            | b"Ki"
            | b"Mi"
            | b"Gi"
            | b"byte"
            | b"bytes"
            | b"ns"
            | b"us"
            | b"ms"
            | b"msec"
            | b"msecs"
            | b"s"
            | b"sec"
            | b"secs"
            | b"second"
            | b"seconds"
            | b"min"
            | b"mins"
            | b"minute"
            | b"minutes"
            | b"h"
            | b"hour"
            | b"hours"
            | b"day"
            | b"days"
            | b"milliseconds"
    )
}

/// Length of a unit behind a number, with the space before it; 0 without one.
pub fn unit_behind(rest: &[u8]) -> usize {
    let Some((b' ', after)) = rest.split_first() else {
        return 0;
    };
    let length = after.iter().take(MAX_UNIT_BYTES + 1).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let ends = after.get(length).is_none_or(|byte| !matches!(byte, b'_' | b'-' | b'/' | b'=' | b'0'..=b'9'));
    if length > 0 && ends && is_unit(&after[..length]) { 1 + length } else { 0 }
}

/// Whether a colon within a word belongs to it: an address with its port, a time, a hardware address, `a::b`, `C:\`.
pub fn colon_joins(bytes: &[u8], start: usize, at: usize) -> bool {
    let (Some(&next), true) = (bytes.get(at + 1), at > start) else {
        return false;
    };
    let before = bytes[at - 1];
    match next {
        b'0'..=b'9' => before.is_ascii_alphanumeric() || before == b':' || before == b']',
        b':' => bytes.get(at + 2).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_'),
        b'\\' => at == start + 1,
        b'a'..=b'f' | b'A'..=b'F' => {
            // Groups of two to four hex digits on both sides.
            let left = bytes[start..at].iter().rev().take_while(|byte| byte.is_ascii_hexdigit()).count();
            let right = bytes[at + 1..].iter().take(5).take_while(|byte| byte.is_ascii_hexdigit()).count();
            let closed = bytes.get(at + 1 + right).is_none_or(|byte| !byte.is_ascii_alphanumeric());
            before == b':' && closed
                || (1..=4).contains(&left)
                    && (1..=4).contains(&right)
                    && closed
                    && bytes[start..at].iter().any(u8::is_ascii_digit)
                    && bytes[start..at].iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b':')
        }
        _ if before == b':' => bytes.get(at.wrapping_sub(2)).is_some_and(u8::is_ascii_alphanumeric) && at >= start + 2,
        _ => false,
    }
}

/// Where a URL ends, given where its `://` is.
pub fn end_of_url(bytes: &[u8], colon: usize) -> usize {
    let mut end = bytes[colon..]
        .iter()
        .position(|byte| matches!(byte, 0..=b' ' | b'"' | b'\'' | b'<' | b'>' | b')' | b']' | b'}' | b',' | b'|'))
        .map_or(bytes.len(), |length| colon + length);
    while end > colon && matches!(bytes[end - 1], b'.' | b':' | b';') {
        end -= 1;
    }
    end
}

/// Whether a word without digits is the path of a file.
pub fn is_path(word: &[u8], joins: Joins) -> bool {
    if !joins.has(Joins::SLASH | Joins::BACKSLASH) {
        return false;
    }
    let slashes = word.iter().filter(|&&byte| byte == b'/').count();
    let backslashes = word.iter().filter(|&&byte| byte == b'\\').count();
    let absolute = matches!(word, [b'/', ..] | [b'~' | b'.', b'/', ..] | [b'.', b'.', b'/', ..]);
    absolute && slashes >= 2 || slashes >= 3 || backslashes >= 2
}

/// Whether a word without digits is the address of a mailbox.
pub fn is_mailbox(word: &[u8], joins: Joins) -> bool {
    joins.has(Joins::AT)
        && memchr::memchr(b'@', word)
            .is_some_and(|at| at > 0 && memchr::memchr(b'.', &word[at..]).is_some_and(|dot| dot > 1))
}

/// Whether a word without digits is a number all the same: `ffffffff`.
pub fn is_hex_letters(word: &[u8]) -> bool {
    matches!(word.len(), 8 | 16 | 32 | 40 | 64) && word.iter().all(u8::is_ascii_hexdigit)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Number,
    Letters,
    /// Letters with a number behind them, such as `eth0`: the letters stay.
    Named(usize),
}

fn joiner(byte: u8) -> bool {
    !byte.is_ascii_alphanumeric() && byte < 0x80
}

fn piece(text: &[u8]) -> Piece {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return Piece::Letters;
    }
    if digits == text.len() {
        return Piece::Number;
    }
    if text.len() >= 6 && text.iter().all(u8::is_ascii_hexdigit) {
        return Piece::Number;
    }
    let head = text.iter().take_while(|byte| !byte.is_ascii_digit()).count();
    let middle = text[head..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if head > 0 && head + middle == text.len() { Piece::Named(head) } else { Piece::Number }
}

fn is_quantity(word: &[u8]) -> bool {
    let digits =
        word.iter().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'-' | b'+')).count();
    digits > 0 && digits < word.len() && is_unit(&word[digits..])
}

fn is_uuid(word: &[u8]) -> bool {
    word.len() == 36
        && word
            .iter()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 8 | 13 | 18 | 23) { *byte == b'-' } else { byte.is_ascii_hexdigit() })
}

/// `fe80::1`, `00:0a:95:9d:68:16`
fn is_hex_address(word: &[u8]) -> bool {
    word.iter().filter(|byte| **byte == b':').count() >= 2
        && word.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.' | b'%' | b'/'))
}

/// `worker-41.cell.example.com`, `proxy.example.com:9202`: at least three labels, the last one short, and a number in the
/// first or a port.
fn is_host(word: &[u8]) -> bool {
    let (name, port) = match memchr::memchr(b':', word) {
        Some(colon) if word[colon + 1..].iter().all(u8::is_ascii_digit) => (&word[..colon], true),
        Some(_) => return false,
        None => (word, false),
    };
    let mut labels = name.split(|byte| *byte == b'.');
    let (Some(first), Some(last)) = (labels.next(), labels.next_back()) else {
        return false;
    };
    labels.next().is_some()
        && (port || first.iter().any(u8::is_ascii_digit))
        && (2..=6).contains(&last.len())
        && last.iter().all(u8::is_ascii_lowercase)
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

/// `rdd_42_20`, `broadcast_2_piece0`: names that programs make, with a number at the end and another before it. More
/// numbers make an identifier, whose kind is worth keeping.
fn is_numbered(word: &[u8]) -> bool {
    let groups = word.split(|byte| !byte.is_ascii_digit()).filter(|digits| !digits.is_empty()).count();
    groups == 2 && word.last().is_some_and(u8::is_ascii_digit)
}

/// Masks a word that has both letters and digits, writing what remains to `out`.
pub fn digit_word(word: &[u8], joins: Joins, out: &mut Vec<u8>) -> Masked {
    if is_quantity(word) {
        return Masked::Quantity;
    }
    let underscored = memchr::memchr(b'_', word).is_some();
    if !joins.any() && !underscored {
        return plain_digit_word(word, out);
    }
    if !joins.any() && is_numbered(word) {
        return Masked::Variable;
    }
    if is_uuid(word)
        || is_path(word, joins)
        || joins.has(Joins::COLON) && is_hex_address(word)
        || joins.has(Joins::DOT) && is_host(word)
        || matches!(word, [b'0', b'x' | b'X', ..])
    {
        return Masked::Variable;
    }
    let from = out.len();
    let mut numbers = 0;
    let mut first_letters = None;
    let mut at = 0;
    while at < word.len() {
        if joiner(word[at]) {
            out.push(word[at]);
            at += 1;
            continue;
        }
        let length = word[at..].iter().take_while(|byte| !joiner(**byte)).count();
        let text = &word[at..at + length];
        match piece(text) {
            Piece::Letters => {
                // A letter or two between numbers belong to them: `_0020_m_000001`, `5e-10`.
                let between = length <= 2 && numbers > 0 && out.len() > from + 3 && ends_with_wildcard(&out[from..]);
                let mut rest = word[at + length..].iter().skip_while(|byte| joiner(**byte));
                let more = rest.next().is_some_and(u8::is_ascii_digit);
                if !(between && more) {
                    out.extend_from_slice(text);
                    if numbers == 0 {
                        first_letters = Some(out.len());
                    }
                }
            }
            Piece::Number => {
                wildcard(out, from);
                numbers += 1;
            }
            Piece::Named(head) => {
                if head <= 2 && numbers > 0 {
                    wildcard(out, from);
                } else {
                    out.extend_from_slice(&text[..head]);
                    if numbers == 0 {
                        first_letters = Some(out.len());
                    }
                    wildcard(out, from);
                }
                numbers += 1;
            }
        }
        at += length;
    }
    // Many numbers make an identifier; only what it starts with says what it is.
    if numbers >= 3 {
        let Some(end) = first_letters else {
            return Masked::Variable;
        };
        let joined = usize::from(out.get(end).is_some_and(|byte| joiner(*byte) && *byte != b'<'));
        out.truncate(end + joined);
        out.extend_from_slice(WILDCARD);
    }
    if out[from..].iter().any(u8::is_ascii_alphabetic) { Masked::Partial } else { Masked::Variable }
}

/// A word of letters and digits alone.
fn plain_digit_word(word: &[u8], out: &mut Vec<u8>) -> Masked {
    match piece(word) {
        Piece::Named(head) if !matches!(word, [b'0', b'x' | b'X', ..]) => {
            out.extend_from_slice(&word[..head]);
            out.extend_from_slice(WILDCARD);
            // Letters beyond ASCII alone are no name that is worth keeping.
            if word[..head].iter().any(u8::is_ascii_alphabetic) { Masked::Partial } else { Masked::Variable }
        }
        Piece::Letters | Piece::Number | Piece::Named(_) => Masked::Variable,
    }
}

fn ends_with_wildcard(out: &[u8]) -> bool {
    matches!(out, [.., b'<', b'*', b'>', last] if joiner(*last))
}

/// Writes a wildcard, or lets the one before it stand for both.
fn wildcard(out: &mut Vec<u8>, from: usize) {
    // The sign belongs to the number: `blk_-1608`.
    if let [.., before, b'-' | b'+'] = &out[from..]
        && joiner(*before)
        && *before != b'>'
    {
        out.pop();
    }
    let text = &out[from..];
    if text.ends_with(WILDCARD) {
        return;
    }
    let joins = text.iter().rev().take_while(|byte| joiner(**byte) && **byte != b'>').count();
    if joins > 0 && out[from..out.len() - joins].ends_with(WILDCARD) {
        out.truncate(out.len() - joins);
        return;
    }
    out.extend_from_slice(WILDCARD);
}
