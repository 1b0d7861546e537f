//! Ranks runbooks for a text: the index proposes, then names decide.
//!
//! BM25 alone prefers the runbook that says a word most often. An alert's text, though, nearly always says what is in
//! the right runbook's *name*, and rarely what is in the name of its neighbour (`…AlmostFull`, `…FullyUsed`). So the
//! candidates are ranked again by how much of each name the text covers and how much it leaves open, each word by its
//! rarity among names. An alert's name in the text decides almost alone.

use std::collections::{HashMap, HashSet};

use super::index::{Fields, TextIndex};
use super::query_words::{QueryWords, SearchText};
use super::words::{self, NameWord, Words};
use crate::domain::runbook::source::stem;
use crate::domain::runbook::{Pattern, Runbook, markdown};

/// Candidates that the index proposes. The right runbook is nearly always among the first ten.
const CANDIDATES: usize = 50;
/// More results than anyone reads.
const MAX_RESULTS: usize = 100;
/// Names in a runbook's headings that are kept: a collection in one file has one for each alert.
const MAX_HEADINGS: usize = 200;

// What each sign adds, where the best candidate of the index has 1.

/// The whole name is covered.
const COVERED: f32 = 0.3;
/// One unit of rarity in the name that the text does not speak of, against the index's own score.
const OPEN: f32 = 0.3;
/// All of the text is in the lead.
const IN_LEAD: f32 = 0.35;
/// All of the text is in the runbook.
const IN_BODY: f32 = 0.28;
/// The alert's name has the same words as the runbook's.
const ALIKE: f32 = 1.0;
/// The text starts with the runbook's name.
const NAMED_FIRST: f32 = 4.0;
/// The text starts with a name that the runbook is written for.
const WRITTEN_FOR: f32 = 3.0;
/// The runbook's name is somewhere in the text.
const NAMED: f32 = 2.0;

/// One ranked runbook.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// Its place in the list that was indexed.
    pub number: usize,
    /// From 0 to 1.
    pub score: f64,
    /// The section of its text that fits best, by its place among `markdown::sections`.
    pub section: usize,
}

/// Runbooks, ready to be ranked.
pub struct Ranker {
    index: TextIndex,
    entries: Vec<Entry>,
    vocabulary: HashMap<String, Word>,
    abbreviations: HashSet<String>,
    words: Words,
}

struct Entry {
    /// The file's name and the title, where they are single compound words, in lower case.
    names: Vec<String>,
    /// The same of names in headings.
    headings: HashSet<String>,
    alerts: Vec<Pattern>,
    name_words: Vec<NameWord>,
    lead: HashSet<u32>,
    body: HashSet<u32>,
    /// The words of each of `markdown::sections`.
    sections: Vec<HashSet<u32>>,
}

#[derive(Clone, Copy)]
struct Word {
    number: u32,
    /// Inverse document frequency: among names for a word that names use, else among texts.
    rarity: f32,
}

impl Ranker {
    /// Indexes runbooks.
    pub fn build(runbooks: &[Runbook]) -> tantivy::Result<Self> {
        let mut words = Words::default();
        let parsed: Vec<Parsed> = runbooks.iter().map(|runbook| parse(runbook, &mut words)).collect();
        let vocabulary = vocabulary(&parsed);
        let entry = |(runbook, parsed)| entry(runbook, parsed, &vocabulary, &mut words);
        let entries: Vec<Entry> = runbooks.iter().zip(&parsed).map(entry).collect();
        let names = entries.iter().flat_map(|entry| &entry.name_words);
        let abbreviations = names.map(|name| name.word.clone()).filter(|word| (3..=5).contains(&word.len())).collect();
        Ok(Self {
            index: TextIndex::build(parsed.into_iter().map(|parsed| parsed.fields))?,
            entries,
            vocabulary,
            abbreviations,
            words,
        })
    }

    /// The best `k` runbooks for any text, best first.
    pub fn search(&self, text: &str, k: usize) -> tantivy::Result<Vec<Found>> {
        let k = k.min(MAX_RESULTS);
        let text = SearchText::of(text);
        let query = QueryWords::of(
            &text,
            &mut self.words.clone(),
            |word| self.knows(word),
            |word| self.abbreviations.contains(word),
        );
        let mut proposed = self.index.search(&query.words, &query.pairs, CANDIDATES.max(k))?;
        let best = proposed.first().map_or(1.0, |(_, score)| *score).max(f32::MIN_POSITIVE);
        let naming: Vec<f32> = self.entries.iter().map(|entry| naming(entry, &query)).collect();
        // A runbook may be written for an alert whose name has no word in common with it.
        let seen: HashSet<usize> = proposed.iter().map(|(number, _)| *number).collect();
        let named = (0..naming.len()).filter(|number| naming[*number] > 0.0);
        proposed.extend(named.filter(|number| !seen.contains(number)).map(|number| (number, 0.0)));
        let asked: Vec<Asked> = query
            .words
            .iter()
            .filter_map(|(word, weight)| {
                let Word { number, rarity } = *self.vocabulary.get(word)?;
                let weight = rarity * weight.min(1.0);
                Some(Asked { number, weight })
            })
            .collect();
        let said: HashMap<&str, f32> =
            query.words.iter().map(|(word, weight)| (word.as_str(), weight.min(1.0))).collect();
        let mut ranked: Vec<(usize, f32, f32)> = proposed
            .into_iter()
            .filter_map(|(number, score)| {
                let entry = self.entries.get(number)?;
                let naming = *naming.get(number)?;
                let sure = share(&asked, &entry.body);
                let rank = score / best
                    + self.by_name(entry, &said, &query, best)
                    + naming
                    + IN_LEAD * share(&asked, &entry.lead)
                    + IN_BODY * sure;
                Some((number, rank, if naming > 0.0 { 1.0 } else { sure }))
            })
            .collect();
        // The number settles ties, so that the same text always gives the same order.
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked.truncate(k);
        let top = ranked.first().map_or((1.0, 0.0), |(_, rank, sure)| (rank.max(f32::MIN_POSITIVE), *sure));
        let score = |rank: f32| f64::from((rank / top.0).clamp(0.0, 1.0) * (0.1 + 0.9 * top.1).clamp(0.0, 1.0));
        let section = |number: usize| self.entries.get(number).map_or(0, |entry| best_section(entry, &asked));
        let found =
            |(number, rank, _): (usize, f32, f32)| Found { number, score: score(rank), section: section(number) };
        Ok(ranked.into_iter().map(found).collect())
    }

    /// What the words of its name say for a runbook, and what they say against it.
    fn by_name(&self, entry: &Entry, said: &HashMap<&str, f32>, query: &QueryWords, best: f32) -> f32 {
        let total: f32 = entry.name_words.iter().map(|name| self.rarity(&name.word)).sum();
        let sum = |says: &dyn Fn(&str) -> f32| -> f32 {
            entry.name_words.iter().map(|name| name.covered(says) * self.rarity(&name.word)).sum()
        };
        let covered = sum(&|word| said.get(word).copied().unwrap_or_default());
        let alert: f32 = query.alert_words.iter().map(|name| self.rarity(&name.word)).sum();
        let shared = sum(&|word| f32::from(u8::from(query.alert_words.iter().any(|name| name.word == word))));
        let alike = 2.0 * shared / (alert + total).max(f32::MIN_POSITIVE);
        COVERED * covered / total.max(f32::MIN_POSITIVE) - OPEN * (total - covered) / best + ALIKE * alike
    }

    fn knows(&self, word: &str) -> bool {
        self.vocabulary.contains_key(word)
    }

    fn rarity(&self, word: &str) -> f32 {
        self.vocabulary.get(word).map_or(0.0, |word| word.rarity)
    }
}

/// One word of a query that the library has.
struct Asked {
    number: u32,
    weight: f32,
}

/// The share of a query's weight that a set of words holds.
fn share(asked: &[Asked], set: &HashSet<u32>) -> f32 {
    let weight = |held: &dyn Fn(u32) -> bool| -> f32 {
        let held = asked.iter().filter(|word| held(word.number));
        held.map(|word| word.weight).sum()
    };
    weight(&|number| set.contains(&number)) / weight(&|_| true).max(f32::MIN_POSITIVE)
}

/// The section that says most of what is asked, long sections at a discount; of two alike, the earlier.
fn best_section(entry: &Entry, asked: &[Asked]) -> usize {
    let mut best = (0.0, 0);
    for (number, words) in entry.sections.iter().enumerate() {
        let said: f32 = asked.iter().filter(|word| words.contains(&word.number)).map(|word| word.weight).sum();
        let likeness = said / (20.0 + words.len() as f32).sqrt();
        if likeness > best.0 {
            best = (likeness, number);
        }
    }
    best.1
}

/// What an alert's name in the text says for a runbook.
fn naming(entry: &Entry, query: &QueryWords) -> f32 {
    let named = |name: &str| entry.names.iter().any(|own| own == name);
    let alert = query.alert.as_str();
    if !alert.is_empty() && named(&alert.to_lowercase()) {
        NAMED_FIRST
    } else if !alert.is_empty()
        && (entry.headings.contains(&alert.to_lowercase()) || entry.alerts.iter().any(|pattern| pattern.fits(alert)))
    {
        WRITTEN_FOR
    } else if query.compounds.iter().any(|name| named(name)) {
        NAMED
    } else {
        0.0
    }
}

/// A runbook's words, by field and by section. Each text is taken apart once: this is what a build spends its time on.
struct Parsed {
    fields: Fields,
    sections: Vec<Vec<String>>,
    headings: HashSet<String>,
}

fn parse(runbook: &Runbook, words: &mut Words) -> Parsed {
    let file = stem(&runbook.path);
    let mut name = words.of(file);
    name.extend(words.of(&runbook.title));
    let sections = markdown::sections(&runbook.prose);
    let headings = sections.iter().flat_map(|section| words::compounds(&section.heading)).take(MAX_HEADINGS).collect();
    let lead = sections.iter().position(|section| !section.body.is_empty()).unwrap_or_default();
    let numbers = sections.get(lead).map(|section| words::numbers(&section.body)).unwrap_or_default();
    let sections: Vec<(Vec<String>, Vec<String>)> =
        sections.iter().map(|section| (words.of(&section.heading), words.of(&section.body))).collect();
    let mut lead = sections.get(lead).map(|(_, body)| body.clone()).unwrap_or_default();
    lead.extend(numbers);
    let sections: Vec<Vec<String>> = sections.into_iter().map(|(heading, body)| [heading, body].concat()).collect();
    let body = sections.concat();
    let mut pairs = words::pairs(&body);
    pairs.extend(words::pairs(&words.apart(file)));
    pairs.extend(words::pairs(&words.apart(&runbook.title)));
    Parsed { fields: Fields { name, lead, body, pairs }, sections, headings }
}

fn vocabulary(all: &[Parsed]) -> HashMap<String, Word> {
    let mut in_names: HashMap<&str, usize> = HashMap::new();
    let mut in_texts: HashMap<&str, usize> = HashMap::new();
    for Parsed { fields, .. } in all {
        let name: HashSet<&String> = fields.name.iter().collect();
        let text: HashSet<&String> = fields.name.iter().chain(&fields.lead).chain(&fields.body).collect();
        name.into_iter().for_each(|word| *in_names.entry(word).or_default() += 1);
        text.into_iter().for_each(|word| *in_texts.entry(word).or_default() += 1);
    }
    let rarity = |count: usize| {
        let (all, count) = (all.len() as f32, count as f32);
        (1.0 + (all - count + 0.5) / (count + 0.5)).ln()
    };
    let word = |(number, (word, count)): (usize, (&&str, &usize))| {
        let count = in_names.get(word).unwrap_or(count);
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        ((*word).to_owned(), Word { number, rarity: rarity(*count) })
    };
    in_texts.iter().enumerate().map(word).collect()
}

fn entry(runbook: &Runbook, parsed: &Parsed, vocabulary: &HashMap<String, Word>, words: &mut Words) -> Entry {
    let Parsed { fields, sections, headings } = parsed;
    let numbers = |list: &[String]| -> HashSet<u32> {
        list.iter().filter_map(|word| vocabulary.get(word)).map(|word| word.number).collect()
    };
    let file = stem(&runbook.path);
    let names =
        [file, &runbook.title].into_iter().filter(|name| words::is_compound(name)).map(str::to_lowercase).collect();
    Entry {
        names,
        headings: headings.clone(),
        // A pattern that fits everything names nothing.
        alerts: runbook.matcher.alerts.iter().filter(|pattern| pattern.specificity() > 0.3).cloned().collect(),
        name_words: words.name(file),
        lead: numbers(&fields.lead),
        body: numbers(&fields.body).union(&numbers(&fields.name)).copied().collect(),
        sections: sections.iter().map(|words| numbers(words)).collect(),
    }
}
