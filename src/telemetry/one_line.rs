//! One event is one line of the log: what strangers wrote into it cannot look like the next one.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::domain::text;

/// Writes each event, which comes whole and with a line break at its end, without any other control character. As in JSON,
/// so that a line of JSON stays one.
pub(super) struct OneLine<W>(pub(super) W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let read = String::from_utf8_lossy(event);
        let (line, end) = read.strip_suffix('\n').map_or((&*read, ""), |line| (line, "\n"));
        let mut out = String::with_capacity(read.len());
        for c in line.chars() {
            if c.is_control() || text::deceives(c) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            } else {
                out.push(c);
            }
        }
        out.push_str(end);
        self.0.write_all(out.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_stays_on_its_line() {
        for (event, line) in [
            ("INFO plain\n", "INFO plain\n"),
            ("WARN a\nERROR forged\r\n", "WARN a\\u000aERROR forged\\u000d\n"),
            ("{\"x\":\"\u{9b}31m\"}\n", "{\"x\":\"\\u009b31m\"}\n"),
            ("\u{1b}[2Jgone \u{202e}txt.exe шум\n", "\\u001b[2Jgone \\u202etxt.exe шум\n"),
        ] {
            let mut out = Vec::new();
            OneLine(&mut out).write_all(event.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), line);
        }
    }
}
