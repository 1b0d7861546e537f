//! Server-sent events out of bytes that come in any pieces.

/// Longest event. A chunk of one token takes some hundred bytes; an answer that comes as one event fits, too.
const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// The event is longer than any that is meant.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLong;

/// Splits bytes into events and gives the data of each; comments, names and ids are left out.
///
/// Lines end in `\n`, `\r\n` or `\r`. What is no UTF-8 becomes U+FFFD, by the line, so that a character is not torn
/// where a piece ends.
#[derive(Debug, Default)]
pub struct SseSplitter {
    line: Vec<u8>,
    data: String,
    has_data: bool,
    /// The last byte was `\r`: a `\n` behind it belongs to it.
    after_return: bool,
}

impl SseSplitter {
    /// The next bytes; appends the events that they complete.
    pub fn feed(&mut self, bytes: &[u8], events: &mut Vec<String>) -> Result<(), TooLong> {
        for &byte in bytes {
            let second_half = byte == b'\n' && std::mem::take(&mut self.after_return);
            self.after_return = byte == b'\r';
            match byte {
                _ if second_half => {}
                b'\n' | b'\r' => events.extend(self.end_of_line()),
                _ => self.line.push(byte),
            }
            if self.line.len() + self.data.len() > MAX_EVENT_BYTES {
                return Err(TooLong);
            }
        }
        Ok(())
    }

    /// The end: the last event, when only its empty line was missing.
    pub fn finish(&mut self) -> Option<String> {
        if !self.line.is_empty() {
            let _ = self.end_of_line();
        }
        self.dispatch()
    }

    fn end_of_line(&mut self) -> Option<String> {
        if self.line.is_empty() {
            return self.dispatch();
        }
        let line = String::from_utf8_lossy(&self.line);
        let line = line.strip_prefix('\u{feff}').unwrap_or(&line);
        if let Some(data) = line.strip_prefix("data:") {
            if self.has_data {
                self.data.push('\n');
            }
            self.has_data = true;
            self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
        }
        self.line.clear();
        None
    }

    fn dispatch(&mut self) -> Option<String> {
        std::mem::take(&mut self.has_data).then(|| std::mem::take(&mut self.data))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let (mut splitter, mut events) = (SseSplitter::default(), Vec::new());
        for piece in pieces {
            splitter.feed(piece, &mut events).unwrap();
        }
        events.extend(splitter.finish());
        events
    }

    #[test]
    fn events_of_every_make() {
        for (bytes, expected) in [
            (&b"data: a\n\ndata: b\n\n"[..], &["a", "b"][..]),
            (b"data: a\r\n\r\ndata:b\r\rdata: c\n\n", &["a", "b", "c"]),
            (b": ping\n\nevent: x\nid: 1\nretry: 5\ndata: a\ndata: b\n\n\n", &["a\nb"]),
            (b"\xef\xbb\xbfdata: a\n\n", &["a"]),
            (b"data: a\xff\xd0\n\n", &["a\u{fffd}\u{fffd}"]),
            (b"data: a\n\ndata: [DONE]", &["a", "[DONE]"]),
            (b"data:\n\nnonsense\n\n", &[""]),
            (b"", &[]),
        ] {
            assert_eq!(events([bytes]), expected, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut splitter = SseSplitter::default();
        let bytes = vec![b'a'; MAX_EVENT_BYTES + 1];
        assert_eq!(splitter.feed(&bytes, &mut Vec::new()), Err(TooLong));
    }

    proptest! {
        #[test]
        fn pieces_change_nothing(
            words in prop::collection::vec(
                prop::sample::select(vec![&b"data: "[..], b"data:x", b"\n", b"\r\n", b"\r", "é".as_bytes(), b"\xff", b": c", b"{}"]),
                0..20,
            ),
            size in 1usize..7,
        ) {
            let bytes = words.concat();
            prop_assert_eq!(events(bytes.chunks(size)), events([bytes.as_slice()]));
        }
    }
}
