//! Cuts a message into tokens and replaces what varies by nature (numbers, addresses, ids, paths, quantities).
//!
//! Everything here is a pure function of one message and knows nothing of other lines. What varies only in the light of
//! other lines (a user name, a pod's colour) is found later, by `fold`.

use super::hash;
use super::mask::{self, Joins};
use super::shape::WILD;
use super::timestamp;

/// Bytes of a message that are looked at. A message that differs from another only behind this is the same pattern to a
/// reader as well; the bound makes a line of 1 MiB cost as much as one of 8 KiB.
pub const MAX_MESSAGE_BYTES: usize = 8 * 1024;

/// Tokens of a message that are looked at: 8 KiB at an average token of 5 bytes would be 1,600; templates of more than
/// 200 tokens are dumps, whose tails are noise.
pub const MAX_TOKENS: usize = 200;

/// What a token is, which decides how readily two of them are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Letters: constant until other lines show otherwise.
    Word,
    /// A word with a masked part, such as `node-<*>`.
    Partial,
    /// Varies by nature; it has no text.
    Variable,
    /// Punctuation.
    Mark,
}

/// One token; its text is a range of [`Tokens::text`].
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// Hash of the text, the token's identity.
    pub hash: u64,
    start: u32,
    end: u32,
    /// What it is.
    pub kind: Kind,
    /// Whether white space stood before it.
    pub spaced: bool,
    /// A quantity with a unit, such as `24.2 KB`.
    quantity: bool,
}

/// The tokens of one message. Reused from line to line, so that a line costs no allocation.
#[derive(Debug, Default)]
pub struct Tokens {
    text: Vec<u8>,
    list: Vec<Token>,
}

/// Classes of bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Class {
    Space,
    Letter,
    Digit,
    /// Holds words together: `a-b`, `a.b`, `/a/b`.
    Join,
    Colon,
    Mark,
}

const CLASSES: [Class; 256] = classes();

const fn classes() -> [Class; 256] {
    let mut table = [Class::Mark; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            0..=b' ' | 0x7f => Class::Space,
            b'0'..=b'9' => Class::Digit,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80..=0xff => Class::Letter,
            b'-' | b'.' | b'/' | b'\\' | b'@' | b'$' | b'%' | b'+' | b'*' | b'#' | b'&' | b'~' | b'?' | b'^' | b'`' => {
                Class::Join
            }
            b':' => Class::Colon,
            _ => Class::Mark,
        };
        byte += 1;
    }
    table
}

fn class(byte: u8) -> Class {
    CLASSES[byte as usize]
}

/// The gist of a byte within a word: [`LETTER`], [`DIGIT`] or the bit of [`Joins`]; [`STOP`] if it may end the word.
const GISTS: [u8; 256] = gists();
const LETTER: u8 = 1 << 6;
const DIGIT: u8 = 1 << 7;
const STOP: u8 = 0;

const fn gists() -> [u8; 256] {
    let mut table = [STOP; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match CLASSES[byte] {
            Class::Letter => LETTER,
            Class::Digit => DIGIT,
            Class::Join => Joins::of(byte as u8).bits(),
            Class::Space | Class::Colon | Class::Mark => STOP,
        };
        byte += 1;
    }
    table
}

/// Hashes of the texts of one byte.
const MARKS: [u64; 256] = marks();

const fn marks() -> [u64; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = hash::byte(byte as u8);
        byte += 1;
    }
    table
}

impl Tokens {
    /// The tokens in order.
    pub fn list(&self) -> &[Token] {
        &self.list
    }

    /// The text of one of the tokens, valid UTF-8 but for what the message itself had.
    pub fn text(&self, token: &Token) -> &[u8] {
        &self.text[token.start as usize..token.end as usize]
    }

    /// Replaces the tokens by those of `message`.
    pub fn read(&mut self, message: &str) {
        self.text.clear();
        self.list.clear();
        let bytes = message.as_bytes();
        let bytes = &bytes[..bytes.len().min(MAX_MESSAGE_BYTES)];
        let mut at = 0;
        let mut spaced = false;
        while at < bytes.len() && self.list.len() < MAX_TOKENS {
            match class(bytes[at]) {
                Class::Space => {
                    spaced = true;
                    at += 1;
                    continue;
                }
                Class::Mark => at = self.mark(bytes, at, spaced),
                Class::Colon => {
                    self.push_mark(b':', spaced);
                    at += 1;
                }
                Class::Letter | Class::Digit | Class::Join => at = self.word(bytes, at, spaced),
            }
            spaced = false;
        }
    }

    fn push(&mut self, text: &[u8], kind: Kind, spaced: bool, quantity: bool) {
        let start = self.text.len() as u32;
        self.text.extend_from_slice(text);
        self.list.push(Token { hash: hash::bytes(text), start, end: self.text.len() as u32, kind, spaced, quantity });
    }

    fn push_mark(&mut self, byte: u8, spaced: bool) {
        let start = self.text.len() as u32;
        self.text.push(byte);
        let hash = MARKS[byte as usize];
        self.list.push(Token { hash, start, end: start + 1, kind: Kind::Mark, spaced, quantity: false });
    }

    fn push_variable(&mut self, spaced: bool, quantity: bool) {
        // A run of values is one value: how many there are varies as well.
        if let Some(last) = self.list.last_mut()
            && last.kind == Kind::Variable
        {
            last.quantity |= quantity;
            return;
        }
        let separator = |token: &Token| {
            token.kind == Kind::Mark && matches!(self.text.get(token.start as usize), Some(b',' | b';' | b'|'))
        };
        if let [.., before, mark] = self.list.as_slice()
            && before.kind == Kind::Variable
            && separator(mark)
        {
            self.pop();
            return;
        }
        let at = self.text.len() as u32;
        self.list.push(Token { hash: WILD, start: at, end: at, kind: Kind::Variable, spaced, quantity });
    }

    fn pop(&mut self) {
        if let Some(token) = self.list.pop() {
            self.text.truncate(token.start as usize);
        }
    }

    /// A punctuation byte, with the few cases where it opens or closes a value.
    fn mark(&mut self, bytes: &[u8], at: usize, spaced: bool) -> usize {
        let byte = bytes[at];
        match byte {
            // `key="any words"` is one value.
            b'"' | b'\'' if self.last_is(b"=") && !spaced => {
                let rest = &bytes[at + 1..];
                if let Some(length) = memchr::memchr(byte, rest)
                    && length <= mask::MAX_QUOTED_BYTES
                {
                    self.push_mark(byte, spaced);
                    self.push_variable(false, false);
                    self.push_mark(byte, false);
                    return at + length + 2;
                }
                self.push_mark(byte, spaced);
            }
            // `<1 sec`: a bound on a number is a number.
            b'<' | b'>' if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => {
                let closed = memchr::memchr3(b'<', b'>', b' ', &bytes[at + 1..]);
                if closed.is_none_or(|end| bytes[at + 1 + end] == b' ') {
                    return self.word(bytes, at + 1, spaced);
                }
                self.push_mark(byte, spaced);
            }
            // `LOCAL(0)`: an indexed name.
            b'(' if !spaced && self.last_kind() == Some(Kind::Word) => {
                let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                if digits > 0 && bytes.get(at + 1 + digits) == Some(&b')') {
                    self.index_last();
                    return at + digits + 2;
                }
                self.push_mark(byte, spaced);
            }
            // An empty value in brackets that other lines fill: `from 10.0.0.1 ()`.
            b')' | b']' | b'}' if !spaced && self.list.last().is_some_and(|open| self.is_empty_value(open, byte)) => {
                self.push_variable(false, false);
                self.push_mark(byte, spaced);
            }
            // `24847 bytes (24.2 KB)` says the same twice.
            b')' => {
                if let [.., unit, open, value] = self.list.as_slice()
                    && value.quantity
                    && unit.quantity
                    && self.text(open) == b"("
                {
                    self.pop();
                    self.pop();
                    return at + 1;
                }
                self.push_mark(byte, spaced);
            }
            _ => self.push(&bytes[at..=at], Kind::Mark, spaced, false),
        }
        at + 1
    }

    /// Whether a bracket opened a value, rather than the arguments of a call, that closes at once.
    fn is_empty_value(&self, open: &Token, close: u8) -> bool {
        match close {
            b')' => open.spaced && self.text(open) == b"(",
            b']' => self.text(open) == b"[",
            _ => self.text(open) == b"{",
        }
    }

    fn last_kind(&self) -> Option<Kind> {
        self.list.last().map(|token| token.kind)
    }

    /// Makes the last word the name of a member.
    fn index_last(&mut self) {
        self.text.extend_from_slice(b"(<*>)");
        if let Some(last) = self.list.last_mut() {
            last.end = self.text.len() as u32;
            last.hash = hash::bytes(&self.text[last.start as usize..]);
            last.kind = Kind::Partial;
        }
    }

    fn last_is(&self, text: &[u8]) -> bool {
        self.list.last().is_some_and(|token| self.text(token) == text)
    }

    /// A word with what is joined to it. Returns where the next token starts.
    fn word(&mut self, bytes: &[u8], start: usize, spaced: bool) -> usize {
        let mut at = start;
        let mut gist = 0;
        loop {
            // Most bytes of most lines.
            while let Some(&byte) = bytes.get(at) {
                let own = GISTS[byte as usize];
                if own == STOP {
                    break;
                }
                gist |= own;
                at += 1;
            }
            match bytes.get(at) {
                Some(b':') => {
                    if bytes[at + 1..].starts_with(b"//") {
                        at = mask::end_of_url(bytes, at);
                        self.push_variable(spaced, false);
                        return at;
                    }
                    if !mask::colon_joins(bytes, start, at) {
                        break;
                    }
                    gist |= Joins::of(b':').bits();
                }
                // The query of a URL without its host.
                Some(b'=') if Joins::within(gist).any() && memchr::memchr(b'?', &bytes[start..at]).is_some() => {}
                _ => break,
            }
            at += 1;
        }
        let (letters, digits, joins) = (gist & LETTER != 0, gist & DIGIT != 0, Joins::within(gist));
        let mut end = at;
        if letters || digits {
            // The full stop of a sentence is not part of its last word.
            while end > start + 1 && bytes[end - 1] == b'.' {
                end -= 1;
            }
        }
        let word = &bytes[start..end];
        if !digits {
            if end - start == 3
                && may_be_date(&bytes[end..])
                && let Some((length, _)) = timestamp::at_start(&bytes[start..])
            {
                self.push_variable(spaced, false);
                return start + length;
            }
            if letters && joins.any() && (mask::is_path(word, joins) || mask::is_mailbox(word, joins))
                || mask::is_hex_letters(word)
            {
                self.push_variable(spaced, false);
            } else {
                self.push(word, if letters { Kind::Word } else { Kind::Mark }, spaced, false);
            }
        } else if !letters {
            end = self.number(bytes, end, spaced, false);
        } else {
            let from = self.text.len();
            match mask::digit_word(word, joins, &mut self.text) {
                mask::Masked::Variable => {
                    self.text.truncate(from);
                    self.push_variable(spaced, false);
                }
                mask::Masked::Quantity => {
                    self.text.truncate(from);
                    end = self.number(bytes, end, spaced, true);
                }
                mask::Masked::Partial => {
                    let text = &self.text[from..];
                    let hash = hash::bytes(text);
                    // `node-<*> node-<*>`: a run of values.
                    if self.list.last().is_some_and(|last| last.hash == hash) {
                        self.text.truncate(from);
                    } else {
                        self.list.push(Token {
                            hash,
                            start: from as u32,
                            end: self.text.len() as u32,
                            kind: Kind::Partial,
                            spaced,
                            quantity: false,
                        });
                    }
                }
            }
        }
        if end < at && bytes[end] == b'.' {
            self.push(&bytes[end..at], Kind::Mark, false, false);
            return at;
        }
        end
    }

    /// A number that ends at `end`, with the unit behind it. Returns where the next token starts.
    fn number(&mut self, bytes: &[u8], end: usize, spaced: bool, united: bool) -> usize {
        let unit = if united { 0 } else { mask::unit_behind(&bytes[end..]) };
        self.push_variable(spaced, united || unit > 0);
        end + unit
    }
}

/// Whether what follows a word of three letters lets it be the name of a day or a month.
fn may_be_date(rest: &[u8]) -> bool {
    matches!(rest, [b' ' | b',', ..])
        && rest
            .iter()
            .find(|byte| !matches!(byte, b' ' | b','))
            .is_some_and(|next| next.is_ascii_digit() || next.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::super::shape::{self, Words};
    use super::*;

    fn masked(message: &str) -> String {
        let mut tokens = Tokens::default();
        tokens.read(message);
        let mut words = Words::default();
        let pieces = shape::pieces(&tokens, &mut words);
        shape::render(&pieces, &words)
    }

    #[test]
    fn masks_what_varies_by_nature() {
        let cases = [
            ("took 12 ms, 3.5s, 100%", "took <*>"),
            ("from 10.1.2.3:8080 to fe80::1:2", "from <*> to <*>"),
            ("mac 00:0a:95:9d:68:16 up", "mac <*> up"),
            ("id 123e4567-e89b-12d3-a456-426614174000 ok", "id <*> ok"),
            ("blk_-1608999687919862906 added", "blk_<*> added"),
            ("at 0x7fff and deadbeefdeadbeef", "at <*> and <*>"),
            ("open /var/log/app/x.log failed", "open <*> failed"),
            ("get https://example.com/a?b=c, retry", "get <*>, retry"),
            ("mail to ann@example.com sent", "mail to <*> sent"),
            ("node-12 and eth0", "node-<*> and eth<*>"),
            ("attempt_1445_0020_m_000001_0 done", "attempt_<*> done"),
            ("block broadcast_2_piece0 of rdd_42_20", "block <*> of <*>"),
            ("oauth2_login at /a and b_1", "oauth<*>_login at /a and b_<*>"),
            ("tags [] and {} of f() in [1]", "tags [<*>] and {<*>} of f() in [<*>]"),
            ("the pod and May 5 10:00:00", "the pod and <*>"),
            ("tag=\"any words\", n=1", "tag=\"<*>\", n=<*>"),
            ("24847 bytes (24.2 KB) sent", "<*> sent"),
            ("lifetime <1 sec", "lifetime <*>"),
            ("values 1 2 3 and 4, 5, 6", "values <*> and <*>"),
            ("on Mon Jan  5 10:00:00 2026 at noon", "on <*> at noon"),
            ("worker.7.cell.example.com:80 up", "<*> up"),
            ("a::b failed. Done.", "a::b failed. Done."),
            ("größe 5 überschritten", "größe <*> überschritten"),
            ("", ""),
        ];
        for (message, expected) in cases {
            assert_eq!(masked(message), expected, "{message}");
        }
    }

    #[test]
    fn a_long_line_is_cheap() {
        let mut tokens = Tokens::default();
        tokens.read(&"x1 y ".repeat(300_000));
        assert!(tokens.list().len() <= MAX_TOKENS);
        tokens.read(&"\"'=<>(".repeat(300_000));
        assert!(tokens.text.len() <= MAX_MESSAGE_BYTES * 4);
    }
}
