//! Passwords on command lines and in SQL, where a short flag or a word stands in place of a key.

use super::kind::Kind;
use super::scan::{at_fold, is_blank, run, run_limited, word_starts};
use super::{Span, value};

/// A command's flags are looked for this far.
const COMMAND_LIMIT: usize = 512;

/// `IDENTIFIED BY 'x'` and `WITH PASSWORD 'x'`; `at` is behind the opening quote.
pub(super) fn sql(bytes: &[u8], at: usize, found: &mut Vec<Span>) {
    let end = run(bytes, at, |byte| byte != b'\'' && byte != b'\n');
    if end > at && !value::is_harmless(&bytes[at..end]) {
        found.push(Span { start: at, end, kind: Kind::Password });
    }
}

/// `mysql -psecret`, `sshpass -p secret`, `redis-cli -a secret`, `curl -u user:secret`, `docker login -p secret`.
pub(super) fn flags(bytes: &[u8], start: usize, end: usize, found: &mut Vec<Span>) {
    if !word_starts(bytes, start) {
        return;
    }
    let (flag, glued) = match bytes[start].to_ascii_lowercase() {
        b'm' => ("p", true),
        b's' => ("p", true),
        b'd' => ("p", false),
        b'r' => ("a", false),
        _ => ("u", false),
    };
    let limit = run_limited(bytes, end, COMMAND_LIMIT, |byte| byte != b'\n' && byte != b'|');
    let mut at = end;
    while at < limit {
        let word = run(bytes, at, is_blank);
        let word_end = run(bytes, word, |byte| !byte.is_ascii_whitespace());
        if word >= limit {
            return;
        }
        if bytes.get(word) == Some(&b'-')
            && at_fold(bytes, word + 1, flag)
            && bytes.get(word + 1) == flag.as_bytes().first()
        {
            let rest = word + 2;
            let from = if rest < word_end {
                if glued { rest } else { word_end }
            } else if glued && bytes[start].eq_ignore_ascii_case(&b'm') {
                // `mysql -p` alone asks at the terminal.
                word_end
            } else {
                run(bytes, word_end, is_blank)
            };
            push_argument(bytes, from, flag == "u", found);
            return;
        }
        at = word_end.max(at + 1);
    }
}

fn push_argument(bytes: &[u8], from: usize, pair: bool, found: &mut Vec<Span>) {
    let quote = bytes.get(from).copied().filter(|byte| matches!(byte, b'"' | b'\''));
    let start = from + usize::from(quote.is_some());
    let end = match quote {
        Some(quote) => run(bytes, start, |byte| byte != quote && byte != b'\n'),
        None => run(bytes, start, |byte| !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'' | b'`' | b';')),
    };
    let start = if pair {
        match memchr::memchr(b':', &bytes[start.min(end)..end]) {
            Some(colon) => start + colon + 1,
            None => return,
        }
    } else {
        start
    };
    if start < end && bytes.get(start) != Some(&b'-') && !value::is_harmless(&bytes[start..end]) {
        found.push(Span { start, end, kind: Kind::Password });
    }
}
