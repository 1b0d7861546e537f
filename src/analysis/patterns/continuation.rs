//! Decides whether a line goes on with the record before it: stack traces of many languages, indented lines, pretty
//! printed JSON.
//!
//! The evidence must be strong: lines that are joined wrongly hide a pattern, lines that are not joined only make one
//! more. A line that starts with a time never continues anything.

use super::header;

/// Lines of one record, after which a new one starts whatever they look like: a stack overflow has 1,024 frames by
/// default, of which 256 tell enough.
pub const MAX_RECORD_LINES: u32 = 256;

/// What the record that is being read looks like so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open {
    lines: u32,
    kind: Kind,
    /// Whether its first line had a time; unknown until asked.
    timed: bool,
    /// Brackets of JSON that are open.
    depth: i32,
    /// Whether a line of a stack trace was seen.
    traced: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Plain,
    /// Behind `Traceback`: the line without indentation that ends it is to come.
    Traceback,
    /// A panic of Go, whose frames are not indented.
    Go,
    /// A panic of Rust: the message may follow on its own line.
    Rust,
    /// Pretty printed JSON.
    Json,
}

impl Open {
    /// The state after a record's first line.
    pub fn start(line: &[u8]) -> Self {
        let mut open = Self { lines: 1, ..Self::default() };
        let text = line.trim_ascii();
        match text {
            b"{" | b"[" => {
                open.kind = Kind::Json;
                open.depth = 1;
            }
            _ => open.note(text),
        }
        open
    }

    /// Whether `line` goes on with the record, whose first line is `first`. If so it is taken note of.
    pub fn goes_on(&mut self, first: &[u8], line: &[u8]) -> bool {
        if self.lines == 0 || self.lines >= MAX_RECORD_LINES || !self.follows(first, line) {
            return false;
        }
        self.lines += 1;
        true
    }

    fn follows(&mut self, first: &[u8], line: &[u8]) -> bool {
        let Some(&byte) = line.first() else {
            return self.blank();
        };
        // Nearly every line of most logs is refused here.
        if byte.is_ascii_digit() && self.kind != Kind::Json {
            return false;
        }
        let text = line.trim_ascii();
        if text.is_empty() {
            return self.blank();
        }
        if self.kind == Kind::Json {
            return self.json(text);
        }
        let indented = matches!(byte, b' ' | b'\t');
        let goes_on = if indented {
            self.indented(first, line, text)
        } else {
            self.trace_line(first, text) || self.thrown(first, text)
        };
        if goes_on {
            self.note(text);
        }
        goes_on
    }

    /// A blank line parts the goroutines and the chained exceptions of one record.
    fn blank(&self) -> bool {
        self.traced && matches!(self.kind, Kind::Go | Kind::Traceback) || self.kind == Kind::Json
    }

    fn json(&mut self, text: &[u8]) -> bool {
        let mut quoted = false;
        let mut escaped = false;
        for byte in text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b'{' | b'[' if !quoted => self.depth += 1,
                b'}' | b']' if !quoted => self.depth -= 1,
                _ => {}
            }
        }
        if self.depth <= 0 {
            // Closed: nothing follows.
            self.kind = Kind::Plain;
            self.lines = MAX_RECORD_LINES;
            return true;
        }
        // What does not look like JSON inside is not JSON.
        matches!(text[0], b'"' | b'{' | b'}' | b'[' | b']' | b'-' | b't' | b'f' | b'n' | b'0'..=b'9')
    }

    fn indented(&mut self, first: &[u8], line: &[u8], text: &[u8]) -> bool {
        if self.traced || self.kind != Kind::Plain || is_frame(text) {
            return !header::read(text).timed;
        }
        // Plain indentation only behind a record that began with a time.
        let deep = line.starts_with(b"\t") || line.starts_with(b"  ");
        deep && self.is_timed(first) && !header::read(text).timed
    }

    fn is_timed(&mut self, first: &[u8]) -> bool {
        self.timed |= header::read(first.trim_ascii_start()).timed;
        self.timed
    }

    /// Lines of stack traces that start in the first column.
    fn trace_line(&mut self, first: &[u8], text: &[u8]) -> bool {
        const STARTS: [&[u8]; 13] = [
            b"Caused by: ",
            b"Suppressed: ",
            b"Traceback (most recent call last)",
            b"During handling of the above exception",
            b"The above exception was the direct cause",
            b"--- End of ",
            b"stack backtrace:",
            b"note: run with `RUST_BACKTRACE",
            b"note: Some details are omitted",
            b"goroutine ",
            b"created by ",
            b"[signal ",
            b"exit status ",
        ];
        let start = STARTS.iter().any(|start| text.starts_with(start));
        let closing = matches!(text, [b'}' | b']' | b')'] | [b'}' | b']', b',' | b';' | b')']);
        match self.kind {
            Kind::Traceback => start || self.traced && ends_traceback(text),
            Kind::Go => start || is_go_function(text),
            Kind::Rust => {
                start || self.lines == 1 && first.trim_ascii_end().ends_with(b":") && !header::read(text).timed
            }
            Kind::Plain | Kind::Json => {
                // Some of them go on with a trace only, and a trace of Python does not go on with another.
                let bound = text.starts_with(b"goroutine ") || text.starts_with(b"created by ");
                let python = text.starts_with(b"Traceback ");
                let fits = if bound { self.traced } else { !(python && self.traced) };
                start && fits && !text.starts_with(b"exit status ")
                    || text.starts_with(b"at ") && is_frame(text)
                    || is_more(text)
                    || closing && self.traced
                    || text.ends_with(b"'") && is_ruby_frame(text) && (self.traced || self.is_timed(first))
            }
        }
    }

    /// `java.lang.IllegalStateException: message` below the line that logged it.
    fn thrown(&mut self, first: &[u8], text: &[u8]) -> bool {
        self.kind == Kind::Plain && self.lines == 1 && is_thrown(text) && self.is_timed(first)
    }

    fn note(&mut self, text: &[u8]) {
        if text.ends_with(b"Traceback (most recent call last):") {
            self.kind = Kind::Traceback;
            self.traced = false;
        } else if text.starts_with(b"panic: ") || text.starts_with(b"fatal error: ") || is_goroutine(text) {
            self.kind = Kind::Go;
            self.traced = true;
        } else if text.starts_with(b"thread '") && memchr::memmem::find(text, b"panicked at").is_some() {
            self.kind = Kind::Rust;
        } else if self.kind == Kind::Traceback {
            // Frames first, then the line that names the exception, which ends the trace.
            self.traced = !ends_traceback(text) || text.starts_with(b"File ");
        } else if is_frame(text) {
            self.traced = true;
        }
    }
}

/// A line of a stack trace, without its indentation.
pub fn is_frame(text: &[u8]) -> bool {
    let call = || {
        text.ends_with(b")") || memchr::memmem::find(text, b" in ").is_some() || memchr::memchr(b':', text).is_some()
    };
    match text {
        [b'a', b't', b' ', ..] => call(),
        [b'F', b'i', b'l', b'e', b' ', b'"', ..] => true,
        [b'f', b'r', b'o', b'm', b' ', ..] => is_ruby_frame(&text[5..]),
        _ => is_more(text),
    }
}

/// Whether a line names what was thrown: `a.b.SomeException: message`, `ValueError: message`.
pub fn is_thrown(text: &[u8]) -> bool {
    let end = memchr::memchr2(b':', b' ', text).unwrap_or(text.len());
    let name = &text[..end];
    let closed = end == text.len() || text[end] == b':';
    let thrown = name.ends_with(b"Exception") || name.ends_with(b"Error") || name.ends_with(b"Throwable");
    closed && thrown && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$'))
}

/// `... 12 more`
fn is_more(text: &[u8]) -> bool {
    text.starts_with(b"... ") && (text.ends_with(b" more") || text.ends_with(b"common frames omitted"))
}

/// `lib/a.rb:12:in 'call'`
fn is_ruby_frame(text: &[u8]) -> bool {
    memchr::memmem::find(&text[..text.len().min(300)], b":in ")
        .is_some_and(|at| at > 0 && text[at - 1].is_ascii_digit())
}

fn is_goroutine(text: &[u8]) -> bool {
    text.starts_with(b"goroutine ") && text.ends_with(b"]:")
}

/// `main.(*Server).run(0xc000, 0x1)`
fn is_go_function(text: &[u8]) -> bool {
    let name = memchr::memchr(b' ', text).unwrap_or(text.len());
    memchr::memchr(b'(', &text[..name]).is_some_and(|at| at > 0) && text.ends_with(b")")
}

/// `ValueError: message`, `some.module.Oops`: one name, at most followed by a colon.
fn ends_traceback(text: &[u8]) -> bool {
    let name = text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_')).count();
    name > 0 && !text[0].is_ascii_digit() && matches!(text.get(name), None | Some(b':'))
}
