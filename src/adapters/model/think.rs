//! Keeps a model's thinking out of its words, while they come in pieces.
//!
//! Thinking stands before the answer, between marks. Some templates open it in the prompt, so that only the closing mark
//! is seen: then all before it was thinking. Marks in the middle of an answer are left alone, since a log line that the
//! model quotes may hold them and must not make the answer vanish.

/// The marks of thinking.
const MARKS: [(&str, &str); 3] = [("<think>", "</think>"), ("<thinking>", "</thinking>"), ("[THINK]", "[/THINK]")];

/// What a piece adds to the visible words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// Visible words.
    pub text: String,
    /// Whether everything visible before turned out to be thinking.
    pub retracted: bool,
}

/// Separates thinking from words.
#[derive(Debug)]
pub struct ThinkFilter {
    state: State,
    pending: String,
    thought: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing visible yet.
    Start,
    /// Behind an opening mark.
    Thinking,
    /// The opening mark is known to be in the prompt: nothing is shown before the closing one.
    Held,
    /// In the answer.
    Answer,
    /// In an answer that is a document: whatever stands in it is part of it.
    Document,
}

impl ThinkFilter {
    /// `thinks_first`: this model is known to begin with thinking that has no opening mark.
    pub fn new(thinks_first: bool) -> Self {
        let state = if thinks_first { State::Held } else { State::Start };
        Self { state, pending: String::new(), thought: false }
    }

    /// Whether there was any thinking.
    pub fn thought(&self) -> bool {
        self.thought
    }

    /// The next piece.
    pub fn feed(&mut self, piece: &str) -> Seen {
        self.pending.push_str(piece);
        let mut seen = Seen::default();
        while self.step(&mut seen) {}
        seen
    }

    /// The end: what was held back, if it was no thinking.
    pub fn finish(&mut self) -> Seen {
        let pending = std::mem::take(&mut self.pending);
        match self.state {
            State::Thinking => Seen::default(),
            State::Answer if closing(&pending).is_some_and(|(at, close)| pending[at + close.len()..].is_empty()) => {
                self.thought = true;
                Seen { text: String::new(), retracted: true }
            }
            State::Start | State::Held | State::Answer | State::Document => Seen { text: pending, retracted: false },
        }
    }

    /// Takes one thing out of the pending text; false when more of it must come.
    fn step(&mut self, seen: &mut Seen) -> bool {
        match self.state {
            State::Document => {
                seen.text.push_str(&std::mem::take(&mut self.pending));
                false
            }
            State::Thinking | State::Held => self.close(),
            State::Start => self.begin(),
            State::Answer => self.answer(seen),
        }
    }

    fn close(&mut self) -> bool {
        let Some((at, close)) = closing(&self.pending) else {
            if self.state == State::Thinking {
                // Only the end can still matter. Held text may yet turn out to be the answer.
                let keep = partial(&self.pending, closes());
                self.pending.drain(..self.pending.len() - keep);
            }
            return false;
        };
        self.pending.drain(..at + close.len());
        self.thought = true;
        self.state = State::Start;
        true
    }

    fn begin(&mut self) -> bool {
        let blank = self.pending.len() - self.pending.trim_start().len();
        self.pending.drain(..blank);
        if self.pending.is_empty() {
            return false;
        }
        for (open, close) in MARKS {
            if self.pending.starts_with(open) {
                self.pending.drain(..open.len());
                self.thought = true;
                self.state = State::Thinking;
                return true;
            }
            if self.pending.starts_with(close) {
                self.pending.drain(..close.len());
                return true;
            }
        }
        if MARKS.iter().any(|(open, close)| open.starts_with(&self.pending) || close.starts_with(&self.pending)) {
            return false;
        }
        self.state = if self.pending.starts_with(['{', '[']) { State::Document } else { State::Answer };
        true
    }

    fn answer(&mut self, seen: &mut Seen) -> bool {
        let (upto, close) = match closing(&self.pending) {
            Some((at, close)) => (at, close),
            None => {
                let keep = partial(&self.pending, closes());
                seen.text.extend(self.pending.drain(..self.pending.len() - keep));
                return false;
            }
        };
        match self.pending.as_bytes().get(upto + close.len()) {
            // Whether the line ends there is not known yet.
            None => {
                seen.text.extend(self.pending.drain(..upto));
                false
            }
            Some(b'\n' | b'\r') => {
                self.pending.drain(..upto + close.len());
                *seen = Seen { text: String::new(), retracted: true };
                self.thought = true;
                self.state = State::Start;
                true
            }
            Some(_) => {
                seen.text.extend(self.pending.drain(..upto + close.len()));
                true
            }
        }
    }
}

fn closes() -> impl Iterator<Item = &'static str> {
    MARKS.iter().map(|(_, close)| *close)
}

fn closing(text: &str) -> Option<(usize, &'static str)> {
    closes().filter_map(|close| Some((text.find(close)?, close))).min()
}

/// Length of the longest end of `text` that begins one of the `marks`.
pub(super) fn partial<'a>(text: &str, marks: impl Iterator<Item = &'a str>) -> usize {
    let longest = |mark: &str| {
        (1..mark.len())
            .rev()
            .find(|length| text.len() >= *length && text.as_bytes().ends_with(&mark.as_bytes()[..*length]))
    };
    marks.filter_map(longest).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is visible in the end, and whether there was thinking.
    fn filtered<'a>(thinks_first: bool, pieces: impl IntoIterator<Item = &'a str>) -> (String, bool) {
        let mut filter = ThinkFilter::new(thinks_first);
        let mut text = String::new();
        let mut add = |seen: Seen| {
            if seen.retracted {
                text.clear();
            }
            text.push_str(&seen.text);
        };
        for piece in pieces {
            add(filter.feed(piece));
        }
        add(filter.finish());
        (text, filter.thought())
    }

    #[test]
    fn thinking_is_kept_out() {
        for (text, visible, thought) in [
            ("OOM.", "OOM.", false),
            ("<think>a <b> c</think>\n\nOOM.", "OOM.", true),
            ("\n<think>\n\n</think>\n\nOOM.", "OOM.", true),
            ("[THINK]x[/THINK]OOM.", "OOM.", true),
            ("<think>never ends", "", true),
            ("<think>one</think><think>two</think>OOM.", "OOM.", true),
            ("I wonder.\n</think>\n\nOOM.", "OOM.", true),
            ("I wonder.</think>", "", true),
            ("</think>\nOOM.", "OOM.", false),
            // A quoted mark is no mark.
            ("The log says <think>drop</think> it.", "The log says <think>drop</think> it.", false),
            ("{\"log\": \"x</think>\n\"}", "{\"log\": \"x</think>\n\"}", false),
            ("a < b <th", "a < b <th", false),
            ("<th", "<th", false),
        ] {
            assert_eq!(filtered(false, [text]), (visible.to_owned(), thought), "{text}");
        }
        assert_eq!(filtered(true, ["I wonder", "</thi", "nk>OOM."]), ("OOM.".to_owned(), true));
        assert_eq!(filtered(true, ["no mark"]), ("no mark".to_owned(), false));
    }

    proptest! {
        #[test]
        fn pieces_change_nothing(
            words in prop::collection::vec(
                prop::sample::select(vec!["<think>", "</think>", "<thinking>", "[/THINK]", "\n", " ", "{", "a", "é", "<", "</"]),
                0..12,
            ),
            first: bool,
            size in 1usize..5,
        ) {
            let text = words.concat();
            let letters: Vec<String> =
                text.chars().collect::<Vec<_>>().chunks(size).map(|chunk| chunk.iter().collect()).collect();
            let pieces = filtered(first, letters.iter().map(String::as_str));
            prop_assert_eq!(pieces, filtered(first, [text.as_str()]));
        }
    }
}
