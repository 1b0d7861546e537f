//! From any text to what the index is asked: its words with weights, bounded in length and number.

use super::words::{self, NameWord, Place, Words};

/// Bytes of a text that are read: an alert's name, summary and description take some hundreds.
const MAX_BYTES: usize = 8 << 10;
/// Words and pairs that are looked up. Each costs some microseconds.
const MAX_WORDS: usize = 96;
/// What repeating a word adds, on a logarithmic scale.
const REPEATED: f32 = 0.15;
/// A word that the text does not say but its initials or its neighbours spell counts less than one that it says.
const INITIALS: f32 = 0.7;
const JOINED: f32 = 0.15;
/// A number of the text that some runbook's lead quotes.
const NUMBER: f32 = 0.7;
/// The parts of a compound speak of one thing and have the compound beside them; as full words they would outvote the
/// sentence.
const COMPOUND: f32 = 0.4;
/// A word in an object's name says little: a workload called `backup` is no reason to read about backups.
const OBJECT: f32 = 0.3;

/// A text cut to what is read of it.
pub struct SearchText<'a>(&'a str);

impl<'a> SearchText<'a> {
    /// The first part of any text.
    pub fn of(text: &'a str) -> Self {
        let boundary = |at: &usize| text.is_char_boundary(*at);
        let end = (0..=text.len().min(MAX_BYTES)).rev().find(boundary).unwrap_or_default();
        Self(&text[..end])
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
    /// That name's words; none when runbooks have the name whole, since then it decides as a whole or is a thing's.
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
        let all = taken_apart.of_sentence(text.0, &known);
        let mut list: Vec<(String, f32, f32)> = Vec::new();
        for (word, place) in all.iter().filter(|(word, _)| known(word)) {
            let weight: f32 = match place {
                Place::Sentence => 1.0,
                Place::Compound => COMPOUND,
                Place::Object => OBJECT,
            };
            if let Some((_, most, count)) = list.iter_mut().find(|(other, ..)| other == word) {
                *most = weight.max(*most);
                *count += 1.0;
            } else if list.len() < MAX_WORDS {
                list.push((word.clone(), weight, 1.0));
            }
        }
        let repeated = |(word, weight, count): (String, f32, f32)| (word, weight * (1.0 + REPEATED * count.ln()));
        let mut list: Vec<(String, f32)> = list.into_iter().map(repeated).collect();
        let all: Vec<String> = all.into_iter().map(|(word, _)| word).collect();
        let mut pairs = words::pairs(&all);
        pairs.sort_unstable();
        pairs.dedup();
        pairs.truncate(MAX_WORDS);
        let initials =
            words::initials(text.0).into_iter().filter(|word| abbreviation(word)).map(|word| (word, INITIALS));
        let joined = taken_apart.joined(text.0).into_iter().filter(|word| known(word)).map(|word| (word, JOINED));
        let numbers = words::numbers(text.0).into_iter().filter(|word| known(word)).map(|word| (word, NUMBER));
        for (word, weight) in initials.chain(joined).chain(numbers).collect::<Vec<_>>() {
            if list.len() < MAX_WORDS && list.iter().all(|(other, _)| *other != word) {
                list.push((word, weight));
            }
        }

        let first = text.0.split_whitespace().next().unwrap_or_default();
        let first = first.trim_matches(|c: char| !c.is_alphanumeric());
        let alert = if words::is_compound(first) { first.to_owned() } else { String::new() };
        // A compound that runbooks speak of is the name of a thing, such as a custom resource, and no alert's.
        let thing = known(&words::whole(&alert));
        Self {
            words: list,
            pairs,
            alert_words: if thing { Vec::new() } else { taken_apart.name(&alert) },
            alert,
            compounds: words::compounds(text.0).take(MAX_WORDS).collect(),
        }
    }
}
