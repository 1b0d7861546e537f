//! Notices that a model says the same thing for ever, which small models do, long before its tokens are used up.

/// What is looked at: the last words.
const TAIL_BYTES: usize = 4096;
/// The text is looked at again after this many new bytes: about 60 tokens.
const EVERY_BYTES: usize = 256;
/// So often must the same thing come in a row …
const TIMES: usize = 8;
/// … and take up so much of the end. Rules and tables of people are shorter.
const MIN_BYTES: usize = 600;

/// Watches one answer.
#[derive(Debug, Default)]
pub struct Repetition {
    tail: Vec<u8>,
    unseen: usize,
}

impl Repetition {
    /// The next words; true when the answer has begun to repeat itself.
    pub fn feed(&mut self, words: &str) -> bool {
        self.tail.extend_from_slice(words.as_bytes());
        self.unseen += words.len();
        if self.unseen < EVERY_BYTES {
            return false;
        }
        self.unseen = 0;
        let excess = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..excess);
        ends_in_repetition(&self.tail)
    }
}

/// Whether some end of the text is one thing [`TIMES`] times or more and at least [`MIN_BYTES`] long. Prefix function of
/// Knuth, Morris and Pratt over the text read backwards: a prefix of length n whose longest border is b has period n - b.
fn ends_in_repetition(text: &[u8]) -> bool {
    let at = |index: usize| text[text.len() - 1 - index];
    let mut border = vec![0usize; text.len()];
    for index in 1..text.len() {
        let mut length = border[index - 1];
        while length > 0 && at(index) != at(length) {
            length = border[length - 1];
        }
        border[index] = length + usize::from(at(index) == at(length));
        let (covered, period) = (index + 1, index + 1 - border[index]);
        if covered >= MIN_BYTES && covered / period >= TIMES {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_is_told_from_text() {
        let log: String =
            (0..60).map(|n| format!("12:00:{n:02} GET /cart/{} 500 in {} ms\n", n * 7919, n * 31)).collect();
        for (text, repeats) in [
            ("la femme au roi, ".repeat(60), true),
            (format!("The cause is memory.{}", "\n\n```".repeat(200)), true),
            ("a".repeat(900), true),
            ("A longer sentence that says the same thing every time it is said. ".repeat(14), true),
            ("-".repeat(300), false),
            (log, false),
            ("word ".repeat(60), false),
        ] {
            let mut repetition = Repetition::default();
            let letters: Vec<String> = text.chars().map(String::from).collect();
            assert_eq!(letters.iter().any(|letter| repetition.feed(letter)), repeats, "{text}");
        }
    }
}
