//! Finds values of any number of words without punctuation around them: names of people and places, titles, lists, the
//! reasons at the ends of messages.
//!
//! A span is what stands between two words before it and two words behind it. Only this close context counts, so that
//! two spans of one message are found independently. A span is a value if many different texts were seen in it, if these
//! begin and end with different words (otherwise it is too wide or too narrow), and if no word is in many of them
//! (otherwise it holds a part of the message).

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use super::hash::{self, HashedMap, Identity};
use super::shape::{Nature, Piece, WILD};

/// Different texts in one span from which on they are values.
const MIN_TEXTS: u32 = 8;

/// The same where all are of one word.
const MIN_TEXTS_WEAK: u32 = 12;

/// A text with a word that was found to vary stands for at least this many.
const FOUND_TEXTS: u32 = 4;

/// Different words that a text must begin with, and end with.
const MIN_ENDS: u32 = 5;

/// A word that is in more than this part of the texts is a part of the message.
const MAX_SHARE: (u32, u32) = (1, 3);

/// The same within brackets, where long lists name nearly everything.
const MAX_SHARE_LISTED: (u32, u32) = (2, 3);

/// Tokens of a text within a message: a list of six.
const MAX_INNER: usize = 12;

/// Tokens of a text at the end of a message.
const MAX_TAIL: usize = 48;

/// Words that must stand before a text that goes on to the end of a message: fewer are the name of a component, and what
/// follows are its messages.
const MIN_WORDS_BEFORE_TAIL: usize = 3;

/// Constant words that must remain in a message.
const MIN_WORDS_AROUND: usize = 2;

/// Texts that are looked at: with 8 bytes each, and each with three entries, 24 MiB at the most.
const MAX_SEEN: usize = 1024 * 1024;

/// Stands for the places before the start and behind the end of a message.
const EDGE: u64 = 0x00ed_6e00;

type HashedSet = HashSet<u64, BuildHasherDefault<Identity>>;

/// What was seen in one span.
#[derive(Default)]
struct Span {
    texts: u32,
    /// The same, where one that has a value found before counts for several.
    evidence: u32,
    longest: u32,
    firsts: u32,
    lasts: u32,
}

impl Span {
    fn is_plausible(&self) -> bool {
        let needed = if self.longest == 1 { MIN_TEXTS_WEAK } else { MIN_TEXTS };
        let diverse = |ends: u32| ends >= MIN_ENDS && ends * ends >= 2 * self.texts;
        self.evidence >= needed && diverse(self.firsts) && diverse(self.lasts)
    }
}

/// Replaces the texts in spans that are values by one wildcard each. Says whether anything changed.
pub fn fold(shapes: &mut [Vec<Piece>]) -> bool {
    let mut changed = collapse(shapes);
    let (unique, branching) = survey(shapes);
    let values = values(shapes, &unique, &branching);
    if values.is_empty() {
        return changed;
    }
    for shape in shapes.iter_mut() {
        changed |= replace(shape, &values);
    }
    changed
}

fn is_value(piece: &Piece) -> bool {
    piece.hash == WILD
}

fn is_bracket(piece: &Piece) -> bool {
    [b"[", b"{", b"("].iter().any(|bracket| hash::bytes(*bracket) == piece.hash)
}

fn is_word(piece: &Piece) -> bool {
    !is_value(piece) && piece.nature > Nature::Mark
}

/// Values side by side are one: `<*> <*>` becomes `<*>`.
fn collapse(shapes: &mut [Vec<Piece>]) -> bool {
    let mut changed = false;
    for shape in shapes {
        let before = shape.len();
        shape.dedup_by(|next, kept| {
            let joins = is_value(next) && is_value(kept) && next.spaced;
            if joins {
                kept.nature = Nature::Run;
            }
            joins
        });
        changed |= shape.len() != before;
    }
    changed
}

/// The two tokens before a place.
fn left(shape: &[Piece], at: usize) -> u64 {
    let token = |back: usize| at.checked_sub(back).map_or(EDGE, |index| shape[index].hash);
    hash::combine(hash::combine(3, token(2)), token(1))
}

/// The two tokens from a place on.
fn right(shape: &[Piece], at: usize) -> u64 {
    let token = |index: usize| shape.get(index).map_or(EDGE, |piece| piece.hash);
    hash::combine(hash::combine(5, token(at)), token(at + 1))
}

/// The contexts that have several different tokens beside them.
struct Branching(HashedMap<u32>);

impl Branching {
    fn many(&self, context: u64) -> bool {
        self.0.get(&context).is_some_and(|count| *count >= MIN_ENDS)
    }
}

/// The places of all different shapes, and their contexts.
fn survey(shapes: &[Vec<Piece>]) -> (Vec<usize>, Branching) {
    let mut unique = Vec::new();
    let mut known = HashedSet::default();
    let mut pairs = HashedSet::default();
    let mut counts: HashedMap<u32> = HashedMap::default();
    let mut note = |context: u64, token: u64| {
        if pairs.insert(hash::combine(context, token)) {
            *counts.entry(context).or_default() += 1;
        }
    };
    for (index, shape) in shapes.iter().enumerate() {
        if !known.insert(super::shape::identity_of(shape)) {
            continue;
        }
        unique.push(index);
        for (at, piece) in shape.iter().enumerate() {
            note(left(shape, at), piece.hash);
            note(right(shape, at + 1), piece.hash);
        }
    }
    (unique, Branching(counts))
}

/// The spans of a shape that may be values: from, to, and whether the evidence is weak.
fn spans(shape: &[Piece], branching: impl Fn(u64) -> bool, mut each: impl FnMut(usize, usize, u64)) {
    let words = shape.iter().filter(|piece| is_word(piece)).count();
    if words < MIN_WORDS_AROUND {
        return;
    }
    let mut before = 0;
    // What starts a message is the message.
    for from in 1..shape.len() {
        before += usize::from(is_word(&shape[from - 1]));
        let context = left(shape, from);
        if !branching(context) {
            continue;
        }
        let mut inner = 0;
        for to in from + 1..=shape.len() {
            let length = to - from;
            inner += usize::from(is_word(&shape[to - 1]));
            let tail = to == shape.len();
            if length > MAX_INNER && shape.len() - from > MAX_TAIL {
                break;
            }
            if length > MAX_INNER && !tail {
                continue;
            }
            let behind = right(shape, to);
            let rest = words - inner;
            if rest < MIN_WORDS_AROUND
                || tail && before < MIN_WORDS_BEFORE_TAIL
                || !tail && !branching(behind)
                || !anchored(shape, from, to)
            {
                continue;
            }
            each(from, to, hash::combine(context, behind));
        }
    }
}

/// Whether words hold a span in its place.
fn anchored(shape: &[Piece], from: usize, to: usize) -> bool {
    let before = shape[from.saturating_sub(2)..from].iter().filter(|piece| is_word(piece)).count();
    let behind = shape[to..(to + 2).min(shape.len())].iter().filter(|piece| is_word(piece)).count();
    before + behind >= 1
}

/// The spans that hold values, by their contexts.
fn values(shapes: &[Vec<Piece>], unique: &[usize], branching: &Branching) -> HashedSet {
    let mut seen = HashedSet::default();
    let mut found: HashedMap<Span> = HashedMap::default();
    for shape in unique.iter().map(|index| &shapes[*index]) {
        if seen.len() >= MAX_SEEN {
            break;
        }
        spans(shape, |context| branching.many(context), |from, to, key| {
            if !seen.insert(hash::combine(key, text(&shape[from..to]))) {
                return;
            }
            let length = (to - from) as u32;
            let span = found.entry(key).or_default();
            span.texts += 1;
            let found = shape[from..to].iter().any(|piece| piece.nature >= Nature::Found);
            span.evidence += if found { FOUND_TEXTS } else { 1 };
            span.longest = span.longest.max(length);
            // A value by nature is another one each time.
            let (first, last) = (&shape[from], &shape[to - 1]);
            span.firsts += u32::from(is_value(first) || seen.insert(hash::combine(hash::combine(key, 7), first.hash)));
            span.lasts += u32::from(is_value(last) || seen.insert(hash::combine(hash::combine(key, 11), last.hash)));
        });
    }
    found.retain(|_, span| span.is_plausible());
    without_shared_words(shapes, unique, branching, &found)
}

fn text(pieces: &[Piece]) -> u64 {
    pieces.iter().fold(13, |key, piece| hash::combine(key, piece.hash))
}

/// Leaves the spans in whose texts no word is frequent.
fn without_shared_words(
    shapes: &[Vec<Piece>],
    unique: &[usize],
    branching: &Branching,
    found: &HashedMap<Span>,
) -> HashedSet {
    let mut seen = HashedSet::default();
    let mut counts: HashedMap<u32> = HashedMap::default();
    let mut refused = HashedSet::default();
    for shape in unique.iter().map(|index| &shapes[*index]) {
        spans(shape, |context| branching.many(context), |from, to, key| {
            let Some(span) = found.get(&key) else {
                return;
            };
            if !seen.insert(hash::combine(key, text(&shape[from..to]))) {
                return;
            }
            for (at, piece) in shape[from..to].iter().enumerate().filter(|(_, piece)| is_word(piece)) {
                // Once for each text.
                if shape[from..from + at].contains(piece) {
                    continue;
                }
                let count = counts.entry(hash::combine(key, piece.hash)).or_default();
                *count += 1;
                let most = if from > 0 && is_bracket(&shape[from - 1]) { MAX_SHARE_LISTED } else { MAX_SHARE };
                if *count * most.1 > span.texts.max(MIN_TEXTS) * most.0 {
                    refused.insert(key);
                }
            }
        });
    }
    found.keys().filter(|key| !refused.contains(key)).copied().collect()
}

/// Replaces the widest texts in spans that are values. Says whether there were any.
fn replace(shape: &mut Vec<Piece>, values: &HashedSet) -> bool {
    let mut chosen: Vec<(usize, usize)> = Vec::new();
    spans(shape, |_| true, |from, to, key| {
        if !values.contains(&key) {
            return;
        }
        match chosen.last_mut() {
            Some((start, end)) if *start == from => *end = to,
            Some((_, end)) if *end > from => {}
            _ => chosen.push((from, to)),
        }
    });
    let mut changed = false;
    for (from, to) in chosen.into_iter().rev() {
        if to == from + 1 && is_value(&shape[from]) {
            continue;
        }
        let run = Piece { hash: WILD, nature: Nature::Run, spaced: shape[from].spaced };
        shape.splice(from..to, [run]);
        changed = true;
    }
    changed
}
