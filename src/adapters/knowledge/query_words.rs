//! From any text to what the index is asked: its words with weights, bounded in length and number.

use super::words::{self, NameWord, Words};

/// Bytes of a text that are read: an alert's name, summary and description take some hundreds.
const MAX_BYTES: usize = 8 << 10;
/// Words and pairs that are looked up. Each costs some microseconds.
const MAX_WORDS: usize = 96;
/// What repeating a word adds, on a logarithmic scale.
const REPEATED: f32 = 0.7;
/// A word that the text does not say but its initials or its neighbours spell counts less than one that it says.
const INITIALS: f32 = 0.7;
const JOINED: f32 = 0.1;

/// A text cut to what is read of it.
pub struct SearchText<'a>(&'a str);

impl<'a> SearchText<'a> {
    /// The first part of any text.
    pub fn of(text: &'a str) -> Self {
        Self(&text[..text.floor_char_boundary(MAX_BYTES)])
    }
}

/// What a text asks for.
#[derive(Debug, Default)]
pub struct QueryWords {
    /// Each word once, with its weight.
    pub words: Vec<(String, f32)>,
    /// Each two words in a row, once.
    pub pairs: Vec<String>,
    /// The name that the text starts with, as written; empty when it starts with a common word.
    pub alert: String,
    /// That name's words.
    pub alert_words: Vec<NameWord>,
    /// Every compound name in the text, in lower case.
    pub compounds: Vec<String>,
}

impl QueryWords {
    /// Takes a text apart. `known` tells words that the library has at all, `abbreviation` short words of its names.
    pub fn of(
        text: &SearchText<'_>,
        taken_apart: &mut Words,
        known: impl Fn(&str) -> bool,
        abbreviation: impl Fn(&str) -> bool,
    ) -> Self {
        let all = taken_apart.of(text.0);
        let mut pairs = words::pairs(&all);
        pairs.sort_unstable();
        pairs.dedup();
        pairs.truncate(MAX_WORDS);

        let mut list: Vec<(String, f32)> = Vec::new();
        for word in all.into_iter().filter(|word| known(word)) {
            if let Some((_, count)) = list.iter_mut().find(|(other, _)| *other == word) {
                *count += 1.0;
            } else if list.len() < MAX_WORDS {
                list.push((word, 1.0));
            }
        }
        for (_, count) in &mut list {
            *count = 1.0 + REPEATED * count.ln();
        }
        let initials =
            words::initials(text.0).into_iter().filter(|word| abbreviation(word)).map(|word| (word, INITIALS));
        let joined = taken_apart.joined(text.0).into_iter().filter(|word| known(word)).map(|word| (word, JOINED));
        for (word, weight) in initials.chain(joined).collect::<Vec<_>>() {
            if list.len() < MAX_WORDS && list.iter().all(|(other, _)| *other != word) {
                list.push((word, weight));
            }
        }

        let first = text.0.split_whitespace().next().unwrap_or_default();
        let first = first.trim_matches(|c: char| !c.is_alphanumeric());
        let alert = if words::is_compound(first) { first.to_owned() } else { String::new() };
        Self {
            words: list,
            pairs,
            alert_words: taken_apart.name(&alert),
            alert,
            compounds: words::compounds(text.0).take(MAX_WORDS).collect(),
        }
    }
}
