//! Takes off what stands before the message: times, levels, hosts, processes, threads, loggers.
//!
//! A header is recognised by its grammar and never by names: it must have a time near its start (or be klog's), and what
//! is skipped between its parts must not look like a sentence.

use super::level::Level;
use super::timestamp::{self, Style};

/// Words before the time that may belong to a header (`- 1117838570 2005.06.03 node-1 2005-…`).
const MAX_WORDS_BEFORE_TIME: usize = 4;

/// Words between the time and the level that may belong to a header.
const MAX_WORDS_BEFORE_LEVEL: usize = 4;

/// The longest `[…]` taken for a thread, a request or the like.
const MAX_CONTEXT_BYTES: usize = 200;

/// Bytes in which a header can be: longer ones do not exist in practice.
const MAX_HEADER_BYTES: usize = 600;

/// What a header said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Where the message starts; 0 without a header.
    pub end: usize,
    /// The level, if it named one.
    pub level: Option<Level>,
    /// Whether there was a time, which only the first line of a record has.
    pub timed: bool,
}

/// Reads the header of a line.
pub fn read(line: &[u8]) -> Header {
    let line = &line[..line.len().min(MAX_HEADER_BYTES)];
    if let Some(header) = klog(line) {
        return header;
    }
    let mut cursor = Cursor { line, at: 0, level: None };
    let Some(style) = cursor.times() else {
        return cursor.untimed();
    };
    cursor.separators();
    if style == Style::Syslog && cursor.syslog() {
        return cursor.done(true);
    }
    cursor.container_runtime();
    cursor.pipes();
    cursor.level_ahead();
    if cursor.level.is_none() {
        cursor.process();
        cursor.dashed();
        if style == Style::Epoch && first_word_is_time(line) {
            // A number that could be anything, and nothing else that makes a header.
            return Header::default();
        }
    }
    cursor.logger();
    cursor.done(true)
}

/// `E0102 15:04:05.000000   12 file.go:34] message`
fn klog(line: &[u8]) -> Option<Header> {
    let level = Level::letter(*line.first()?)?;
    if !line.get(1..5)?.iter().all(u8::is_ascii_digit) || line.get(5) != Some(&b' ') {
        return None;
    }
    timestamp::at_start(&line[6..])?;
    let end = find(line, b"] ")? + 2;
    Some(Header { end, level: Some(level), timed: true })
}

struct Cursor<'a> {
    line: &'a [u8],
    at: usize,
    level: Option<Level>,
}

impl<'a> Cursor<'a> {
    fn done(&self, timed: bool) -> Header {
        Header { end: self.at, level: self.level, timed }
    }

    fn rest(&self) -> &'a [u8] {
        &self.line[self.at..]
    }

    fn skip_spaces(&mut self) {
        self.at += self.rest().iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    }

    /// Passes over times, and over a few words before a time. Says how the last one was written.
    fn times(&mut self) -> Option<Style> {
        let mut style = None;
        loop {
            self.skip_spaces();
            let Some((end, found)) = self.time_ahead(style.is_none()) else {
                break;
            };
            style = Some(found);
            self.at = end;
        }
        style
    }

    /// The end of the next time, which may have a few words before it.
    fn time_ahead(&self, first: bool) -> Option<(usize, Style)> {
        let mut at = self.at;
        let mut plain = 0;
        let mut unlike = false;
        for words in 0..=MAX_WORDS_BEFORE_TIME {
            let rest = &self.line[at..];
            if let Some((length, style)) = bracketed_time(rest) {
                let wanted = !unlike || style == Style::Epoch;
                return wanted.then_some((at + length, style));
            }
            let length = word(rest);
            let text = &rest[..length];
            if length == 0 {
                return None;
            }
            let technical =
                text == b"-" || text.iter().any(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'_'));
            let sentence =
                text.iter().any(|byte| matches!(byte, b'=' | b'(' | b'"' | b':' | b'[' | b'{' | b'\'' | b','));
            let dated = text.len() > 8 && technical;
            let shouted = text.iter().all(u8::is_ascii_uppercase);
            if sentence && !dated || !technical && words == 0 && !shouted {
                return None;
            }
            // Two plain words are the start of a sentence, unless a bare number of seconds is among them.
            unlike |= !technical && (plain == 1 || words == 0);
            // Behind a first time, only a place or a host may stand before another time.
            if !first && words >= 1 {
                return None;
            }
            plain += usize::from(!technical);
            at += length;
            at += spaces(&self.line[at..]);
        }
        None
    }

    /// Separators between the time and what follows: `|`, `-`, `:`, `,`, `]`.
    fn separators(&mut self) {
        loop {
            self.skip_spaces();
            match self.rest() {
                [b'|' | b',' | b';' | b']' | b':', ..] => self.at += 1,
                [b'-' | b'>', b' ', ..] => self.at += 2,
                _ => return,
            }
        }
    }

    /// A line without a time: only a level that stands out is taken off.
    fn untimed(&mut self) -> Header {
        self.at = 0;
        let rest = self.rest();
        // `INFO: message`, `[error] message`, `WARN  [thread] logger - message`
        let (text, end) = match rest {
            [b'[' | b'<', ..] => {
                let close = if rest[0] == b'[' { b']' } else { b'>' };
                match memchr::memchr(close, &rest[..rest.len().min(14)]) {
                    Some(end) => (&rest[1..end], end + 1),
                    None => return self.done(false),
                }
            }
            _ => {
                let length = rest.iter().take(12).take_while(|byte| byte.is_ascii_alphabetic()).count();
                (&rest[..length], length)
            }
        };
        if let Some(level) = Level::parse(text) {
            let behind = rest.get(end).copied().unwrap_or(b'\n');
            let shouted = text.iter().all(u8::is_ascii_uppercase);
            let stands_out =
                rest[0] == b'[' || shouted && matches!(behind, b' ' | b':' | b'\t' | b'|') || behind == b':';
            if stands_out {
                self.level = Some(level);
                if shouted || rest[0] == b'[' {
                    self.at = end;
                    self.separators();
                    self.logger();
                }
            }
        }
        self.done(false)
    }

    /// `host process[pid]:`. Says whether it was there.
    fn syslog(&mut self) -> bool {
        self.skip_spaces();
        let host = word(self.rest());
        let mut at = self.at + host;
        at += spaces(&self.line[at..]);
        let rest = &self.line[at..];
        if rest.starts_with(b"---") || host == 0 {
            self.at = at;
            return true;
        }
        // The tag ends at the first `: ` that no sentence precedes.
        let Some(colon) = find(rest, b": ").or_else(|| rest.strip_suffix(b":").map(<[u8]>::len)) else {
            self.at = at;
            return true;
        };
        let tag = &rest[..colon];
        let words = tag.split(|byte| *byte == b' ').count();
        let tagged = words == 1
            || words == 2 && tag.iter().any(|byte| byte.is_ascii_digit() || *byte == b'(')
            || tag.ends_with(b"]") && words <= 3;
        self.at = at;
        if tagged {
            self.at += colon + 1;
            self.skip_spaces();
        }
        true
    }

    /// `stdout F `, which container runtimes write behind the time.
    fn container_runtime(&mut self) {
        let rest = self.rest();
        for prefix in [b"stdout F ", b"stderr F ", b"stdout P ", b"stderr P "] {
            if rest.starts_with(prefix) {
                self.at += prefix.len();
            }
        }
    }

    /// `component|thread|message`
    fn pipes(&mut self) {
        if self.at == 0 || !self.line[..self.at].ends_with(b"|") {
            return;
        }
        loop {
            let rest = self.rest();
            let Some(length) = memchr::memchr2(b'|', b' ', rest) else {
                return;
            };
            if rest[length] != b'|' {
                return;
            }
            if let Some(level) = Level::parse(&rest[..length]) {
                self.level = Some(level);
            }
            self.at += length + 1;
        }
    }

    /// Looks for the level behind the time, over threads, numbers and names in capitals.
    fn level_ahead(&mut self) {
        let mut at = self.at;
        let mut numbers_end = self.at;
        for words in 0..=MAX_WORDS_BEFORE_LEVEL {
            at += spaces(&self.line[at..]);
            let rest = &self.line[at..];
            let Some(&first) = rest.first() else {
                break;
            };
            if let Some(length) = context(rest) {
                let inner = &rest[1..length - 1];
                let trimmed = inner.trim_ascii();
                at += length;
                if let Some(level) = Level::parse(trimmed) {
                    self.level = Some(level);
                    self.at = at;
                    self.separators();
                    self.contexts();
                    return;
                }
                continue;
            }
            let length = word(rest);
            let text = &rest[..length];
            let bare = text
                .strip_suffix(b":")
                .or_else(|| text.strip_suffix(b","))
                .or_else(|| text.strip_suffix(b"|"))
                .unwrap_or(text);
            let shouted = bare.iter().all(u8::is_ascii_uppercase);
            let named = if bare.len() == 1 {
                Level::letter(first).filter(|_| words > 0 || spaces(&rest[1..]) > 0)
            } else {
                Level::parse(bare)
            };
            if let Some(level) = named
                && (shouted || words == 0 || bare.len() < text.len())
            {
                let letter = bare.len() == 1;
                self.level = Some(level);
                self.at = at + length;
                self.separators();
                if letter {
                    self.tag();
                } else {
                    self.contexts();
                }
                return;
            }
            let unsigned = text.strip_prefix(b"-").unwrap_or(text);
            let number = !unsigned.is_empty() && unsigned.iter().all(u8::is_ascii_digit);
            let technical = number
                || text == b"-"
                // `user@database`, as PostgreSQL writes it.
                || memchr::memchr(b'@', text).is_some_and(|at| at > 0 && !text.ends_with(b":"))
                || text
                    .iter()
                    .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'))
                || words == 0 && text.iter().any(u8::is_ascii_digit);
            if !technical {
                break;
            }
            at += length;
            if number && numbers_end + 1 >= at - length {
                numbers_end = at;
            }
        }
        // No level: numbers directly behind the time are a process and a thread.
        if numbers_end > self.at {
            self.at = numbers_end;
            self.skip_spaces();
        }
    }

    /// `Tag: ` behind a single letter, as logcat writes it.
    fn tag(&mut self) {
        let rest = self.rest();
        if let Some(colon) = find(&rest[..rest.len().min(60)], b": ") {
            self.at += colon + 2;
            self.skip_spaces();
        }
    }

    /// `host process[12]: ` behind a time of any style.
    fn process(&mut self) {
        let mut at = self.at;
        for _ in 0..2 {
            at += spaces(&self.line[at..]);
            let length = word(&self.line[at..]);
            let text = &self.line[at..at + length];
            at += length;
            if text.ends_with(b"]:") {
                self.at = at;
                self.skip_spaces();
                return;
            }
            if text.ends_with(b":") {
                return;
            }
        }
    }

    /// `name - message`
    fn dashed(&mut self) {
        let rest = self.rest();
        if let Some(dash) = find(&rest[..rest.len().min(60)], b" - ") {
            let words = rest[..dash].split(|byte| *byte == b' ').filter(|word| !word.is_empty()).count();
            if words <= 2 {
                self.at += dash + 3;
            }
        }
    }

    /// Threads and requests in brackets behind the level.
    fn contexts(&mut self) {
        for _ in 0..3 {
            // Spring writes `1234 --- [thread]`.
            let rest = self.rest();
            let number = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if number > 0 && rest[number..].starts_with(b" --- ") {
                self.at += number + 5;
            } else if number > 0 && rest[number..].starts_with(b" [") {
                self.at += number + 1;
            }
            let rest = self.rest();
            match context(rest) {
                Some(length) if length < rest.len() => {
                    self.at += length;
                    self.separators();
                }
                _ => return,
            }
        }
    }

    /// `a.b.Logger: ` or `a.b.Logger ` or `a.b.Logger - `.
    fn logger(&mut self) {
        let rest = self.rest();
        let length = word(rest);
        let text = &rest[..length];
        let (name, closed) = match text.strip_suffix(b":") {
            Some(name) => (name, true),
            None => (text, rest[length..].trim_ascii_start().starts_with(b": ") || rest[length..].starts_with(b" - ")),
        };
        if !closed && memchr::memchr(b'.', name).is_none() {
            return;
        }
        let dotted = name.split(|byte| *byte == b'.').filter(|part| !part.is_empty()).count();
        let identifier = name.first().is_some_and(u8::is_ascii_alphabetic)
            && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$' | b'-' | b'@'));
        let thrown = name.ends_with(b"Exception") || name.ends_with(b"Error");
        let is_logger =
            identifier && !thrown && (dotted >= 3 || dotted >= 2 && closed || closed && !text.ends_with(b":"));
        if is_logger && length < rest.len() {
            self.at += length;
            self.separators();
            self.contexts();
        }
    }
}

/// Where a few bytes start that are rare enough for their second one to be looked for.
fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let second = *wanted.get(1)?;
    let mut from = 1;
    while let Some(at) = text.get(from..).and_then(|rest| memchr::memchr(second, rest)) {
        let start = from + at - 1;
        if text[start..].starts_with(wanted) {
            return Some(start);
        }
        from += at + 1;
    }
    None
}

fn first_word_is_time(line: &[u8]) -> bool {
    line.first().is_some_and(u8::is_ascii_digit)
        && timestamp::at_start(line).is_some_and(|(length, _)| length == word(line))
}

fn spaces(text: &[u8]) -> usize {
    text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

fn word(text: &[u8]) -> usize {
    text.iter().take_while(|byte| !matches!(byte, b' ' | b'\t')).count()
}

/// Length of a time with brackets around it, if any.
fn bracketed_time(text: &[u8]) -> Option<(usize, Style)> {
    match text.first()? {
        b'[' | b'(' | b'<' | b'"' => {
            let (length, style) = timestamp::at_start(&text[1..])?;
            let closed = matches!(text.get(1 + length), Some(b']' | b')' | b'>' | b'"'));
            Some((1 + length + usize::from(closed), style))
        }
        _ => timestamp::at_start(text),
    }
}

/// Length of a balanced `[…]` at the start.
fn context(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'[') {
        return None;
    }
    let mut depth = 0;
    for (at, byte) in text.iter().take(MAX_CONTEXT_BYTES).enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_the_message() {
        let cases = [
            (
                "- 1117838570 2005.06.03 R02-M1 2005-06-03-15.42.50.675872 R02-M1 RAS KERNEL INFO cache error",
                "cache error",
            ),
            ("081109 203615 148 INFO dfs.DataNode$Responder: block 1", "block 1"),
            ("[Sun Dec 04 04:47:44 2005] [notice] child ok", "child ok"),
            ("20171223-22:15:29:606|Step|30002312|onStep 3579", "onStep 3579"),
            ("[10.30 16:49:06] browser.exe - a.b:1 open", "a.b:1 open"),
            ("17/06/09 20:10:40 INFO executor.Backend: registered", "registered"),
            (
                "2015-07-29 17:41:44,747 - INFO  [Peer[myid=1]/0:0:0:0:0:0:0:0:2181:Election@774] - timed out: 3200",
                "timed out: 3200",
            ),
            ("Jan  2 03:04:05 host kernel: [12.5] up", "[12.5] up"),
            ("2026-01-02 03:04:05 ERROR java.io.IOException: pipe", "java.io.IOException: pipe"),
            ("2026-01-02 03:04:05.678 UTC [12] app@shop LOG:  statement: x", "statement: x"),
            // No header: a sentence that has a time, an address, a number.
            ("backup taken at 2026-01-02 03:04:05 by cron", "backup taken at 2026-01-02 03:04:05 by cron"),
            ("10.11.10.1 \"GET /\"", "10.11.10.1 \"GET /\""),
            ("1410031234 alignment exceptions", "1410031234 alignment exceptions"),
            ("error in line", "error in line"),
        ];
        for (line, message) in cases {
            let header = read(line.as_bytes());
            assert_eq!(line[header.end..].trim_start(), message, "{line}");
        }
    }
}
