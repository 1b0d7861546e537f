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
use super::shape::{self, Nature, Piece, WILD};

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

/// The same before words with commas between them, and behind a colon.
const MIN_WORDS_BEFORE_LIST: usize = 2;

/// Constant words that must remain in a message.
const MIN_WORDS_AROUND: usize = 2;

/// Texts, and words at their ends, that are looked at: with their spans about 64 bytes each, 32 MiB at the most.
const MAX_SEEN: usize = 512 * 1024;

/// Stands for the places before the start and behind the end of a message.
const EDGE: u64 = 0x00ed_6e00;

type HashedSet = HashSet<u64, BuildHasherDefault<Identity>>;

/// What was seen in one span.
#[derive(Default)]
struct Span {
    texts: u32,
    /// The same, where one that has a value found before counts for several.
    evidence: u32,
    /// Shapes that have it.
    members: u32,
    longest: usize,
    firsts: u32,
    lasts: u32,
}

impl Span {
    /// Takes note of a new text. `is_new` says whether a token was not seen on a side before.
    fn note(&mut self, text: &[Piece], mut is_new: impl FnMut(u64, &Piece) -> bool) {
        self.texts += 1;
        self.evidence += if text.iter().any(is_found) { FOUND_TEXTS } else { 1 };
        self.longest = self.longest.max(text.len());
        if let [first, ..] = text
            && let [.., last] = text
        {
            // A value is another one each time.
            self.firsts += u32::from(is_value(first) || is_new(7, first));
            self.lasts += u32::from(is_value(last) || is_new(11, last));
        }
    }

    fn is_plausible(&self) -> bool {
        let needed = if self.longest == 1 { MIN_TEXTS_WEAK } else { MIN_TEXTS };
        let diverse = |ends: u32| ends >= MIN_ENDS && ends * ends >= 2 * self.texts;
        self.evidence >= needed && diverse(self.firsts) && diverse(self.lasts)
    }
}

/// Where spans are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Only with text behind them, which is the better evidence.
    Within,
    /// At the end of a message as well.
    ToEnd,
}

/// Replaces the texts in spans that are values by one wildcard each. Says whether anything changed.
pub fn fold(shapes: &mut [Vec<Piece>], reach: Reach) -> bool {
    let mut changed = collapse(shapes);
    let survey = Survey::of(shapes, reach);
    let values = survey.values();
    for shape in shapes.iter_mut().filter(|_| !values.is_empty()) {
        changed |= replace(shape, &values, reach);
    }
    changed
}

fn is_value(piece: &Piece) -> bool {
    piece.hash == WILD
}

/// A value that nothing about itself showed to be one.
fn is_found(piece: &Piece) -> bool {
    piece.nature >= Nature::Found
}

fn is_bracket(piece: &Piece) -> bool {
    bracket(piece) > 0
}

/// 1 for an opening bracket, -1 for a closing one.
fn bracket(piece: &Piece) -> i32 {
    if piece.nature != Nature::Mark {
        return 0;
    }
    let is = |brackets: [&[u8]; 3]| brackets.iter().any(|text| hash::bytes(text) == piece.hash);
    i32::from(is([b"[", b"{", b"("])) - i32::from(is([b"]", b"}", b")"]))
}

fn is_word(piece: &Piece) -> bool {
    !is_value(piece) && piece.nature > Nature::Mark
}

/// Values side by side, with or without separators, are one: `<*> <*>` and `<*>, <*>` become `<*>`.
fn collapse(shapes: &mut [Vec<Piece>]) -> bool {
    let separators = [b",", b";", b"|"].map(|text| hash::bytes(text));
    let mut changed = false;
    for shape in shapes {
        let mut kept: Vec<Piece> = Vec::with_capacity(shape.len());
        for piece in shape.iter() {
            let joins = is_value(piece)
                && match kept.as_slice() {
                    [.., last] if is_value(last) => piece.spaced,
                    [.., last, mark] if is_value(last) && separators.contains(&mark.hash) => {
                        kept.pop();
                        true
                    }
                    _ => false,
                };
            match kept.last_mut() {
                Some(last) if joins => last.nature = Nature::Run,
                _ => kept.push(*piece),
            }
        }
        if kept.len() < shape.len() {
            *shape = kept;
            changed = true;
        }
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

/// All different shapes, and how many tokens the contexts in them have beside them.
struct Survey<'a> {
    /// With the number of shapes that became equal to each.
    shapes: Vec<(&'a [Piece], u32)>,
    beside: HashedMap<u32>,
    reach: Reach,
}

impl<'a> Survey<'a> {
    fn of(all: &'a [Vec<Piece>], reach: Reach) -> Self {
        let mut shapes: Vec<(&[Piece], u32)> = Vec::new();
        let mut known: HashedMap<usize> = HashedMap::default();
        for shape in all {
            let index = *known.entry(shape::identity_of(shape)).or_insert(shapes.len());
            if index == shapes.len() {
                shapes.push((shape, 0));
            }
            shapes[index].1 += 1;
        }
        let mut pairs = HashedSet::default();
        let mut beside: HashedMap<u32> = HashedMap::default();
        let mut note = |context: u64, piece: &Piece| {
            if pairs.insert(hash::combine(context, piece.hash)) {
                *beside.entry(context).or_default() += if is_found(piece) { MIN_ENDS } else { 1 };
            }
        };
        for (shape, _) in &shapes {
            for (at, piece) in shape.iter().enumerate() {
                note(left(shape, at), piece);
                note(right(shape, at + 1), piece);
            }
        }
        Self { shapes, beside, reach }
    }

    fn branches(&self, context: u64) -> bool {
        self.beside.get(&context).is_some_and(|count| *count >= MIN_ENDS)
    }

    /// The spans that hold values, by their contexts.
    fn values(&self) -> HashedSet {
        let mut seen = HashedSet::default();
        let mut found: HashedMap<Span> = HashedMap::default();
        for (shape, members) in &self.shapes {
            if seen.len() >= MAX_SEEN {
                break;
            }
            spans(
                shape,
                self.reach,
                |context| self.branches(context),
                |from, to, key| {
                    let span = found.entry(key).or_default();
                    span.members += members;
                    let texts = &shape[from..to];
                    if seen.insert(hash::combine(key, text(texts))) {
                        span.note(texts, |side, piece| {
                            seen.insert(hash::combine(hash::combine(key, side), piece.hash))
                        });
                    }
                },
            );
        }
        found.retain(|_, span| span.is_plausible());
        self.without_shared_words(&found)
    }

    /// Leaves the spans in whose texts no word is frequent, neither among the texts nor among the shapes that have them:
    /// one text may stand for many shapes, and many texts may differ in a detail.
    fn without_shared_words(&self, found: &HashedMap<Span>) -> HashedSet {
        let mut seen = HashedSet::default();
        let mut counts: HashedMap<(u32, u32)> = HashedMap::default();
        let mut refused = HashedSet::default();
        for (shape, members) in self.shapes.iter().filter(|_| !found.is_empty()) {
            spans(
                shape,
                self.reach,
                |context| self.branches(context),
                |from, to, key| {
                    let Some(span) = found.get(&key) else {
                        return;
                    };
                    let new = u32::from(seen.insert(hash::combine(key, text(&shape[from..to]))));
                    let (part, of) = if is_bracket(&shape[from - 1]) { MAX_SHARE_LISTED } else { MAX_SHARE };
                    let exceeds = |count: u32, all: u32| count * of > all.max(MIN_TEXTS) * part;
                    for (at, piece) in (from..).zip(&shape[from..to]).filter(|(_, piece)| is_word(piece)) {
                        // Once for each text.
                        if shape[from..at].contains(piece) {
                            continue;
                        }
                        let (texts, shapes) = counts.entry(hash::combine(key, piece.hash)).or_default();
                        *texts += new;
                        *shapes += members;
                        if exceeds(*texts, span.texts) && exceeds(*shapes, span.members) {
                            refused.insert(key);
                        }
                    }
                },
            );
        }
        found.keys().filter(|key| !refused.contains(key)).copied().collect()
    }
}

/// Finds the spans of a shape that may be values, and tells `each` where they are and in which context.
fn spans(shape: &[Piece], reach: Reach, branches: impl Fn(u64) -> bool, mut each: impl FnMut(usize, usize, u64)) {
    let words = shape.iter().filter(|piece| is_word(piece)).count();
    if words < MIN_WORDS_AROUND {
        return;
    }
    let (colon, equals) = (hash::bytes(b":"), hash::bytes(b"="));
    let (mut before, mut words_before) = (0, 0);
    // What starts a message is the message.
    for from in 1..shape.len() {
        if is_word(&shape[from - 1]) {
            before += 1;
            words_before = hash::combine(words_before, shape[from - 1].hash);
        }
        let context = left(shape, from);
        if !branches(context) {
            continue;
        }
        let bracketed = is_bracket(&shape[from - 1]);
        let longest = if bracketed { MAX_TAIL } else { MAX_INNER };
        let (mut inner, mut depth) = (0, 0);
        for to in from + 1..=shape.len().min(from + MAX_TAIL) {
            let piece = &shape[to - 1];
            inner += usize::from(is_word(piece));
            depth += bracket(piece);
            // Keys and values have a structure that is worth seeing.
            let structured = to == from + 2 && piece.hash == equals && !bracketed;
            if depth < 0 || words - inner < MIN_WORDS_AROUND || structured {
                break;
            }
            if depth != 0 {
                continue;
            }
            if to == shape.len() {
                let enough = before >= MIN_WORDS_BEFORE_TAIL
                    || before >= MIN_WORDS_BEFORE_LIST && (is_list(&shape[from..to]) || shape[from - 1].hash == colon);
                if reach == Reach::ToEnd && enough {
                    each(from, to, hash::combine(hash::combine(context, words_before), EDGE));
                }
            } else if to - from <= longest && anchored(shape, from, to) {
                let behind = right(shape, to);
                if branches(behind) {
                    each(from, to, hash::combine(context, behind));
                }
            }
        }
    }
}

/// `a`, `a, b`, `a, b, c`
fn is_list(text: &[Piece]) -> bool {
    let comma = hash::bytes(b",");
    let listed = |(at, piece): (usize, &Piece)| (at % 2 == 1) == (piece.hash == comma);
    text.len() % 2 == 1 && text.iter().enumerate().all(listed)
}

/// Whether words hold a span in its place.
fn anchored(shape: &[Piece], from: usize, to: usize) -> bool {
    shape[from.saturating_sub(2)..from].iter().chain(&shape[to..(to + 2).min(shape.len())]).any(is_word)
}

fn text(pieces: &[Piece]) -> u64 {
    pieces.iter().fold(13, |key, piece| hash::combine(key, piece.hash))
}

/// Replaces the widest texts in spans that are values. Says whether there were any.
fn replace(shape: &mut Vec<Piece>, values: &HashedSet, reach: Reach) -> bool {
    let mut chosen: Vec<(usize, usize)> = Vec::new();
    spans(
        shape,
        reach,
        |_| true,
        |from, to, key| {
            if !values.contains(&key) {
                return;
            }
            match chosen.last_mut() {
                Some((start, end)) if *start == from => *end = to,
                Some((_, end)) if *end > from => {}
                _ => chosen.push((from, to)),
            }
        },
    );
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
