//! Finds, over all shapes, the words that vary although nothing about them alone says so, and replaces them by the
//! wildcard. Shapes that become equal are one pattern.
//!
//! Five ways, all of them statistics:
//!
//! - **One differs.** Shapes that are equal but for one word show the values that may stand there. Many values, or values
//!   that look like names, make it a variable; two or three plain words (`started`, `stopped`) are different messages.
//!   Repeated, because each word replaced makes more shapes equal.
//! - **The rest is common.** Where several words vary together, no two shapes are equal but for one. Among shapes of the
//!   same punctuation, words that many share are the frame; within one frame, places where nearly every shape has
//!   another word are variables.
//! - **Enclosed.** Texts of several words between quotes or brackets: see [`enclosed`].
//! - **Spans.** Texts of any number of words between words, or at the end of a message: see [`spans`].
//! - **Absorbed.** What is rare and fits a template of many: see [`absorb`].

use std::collections::HashSet;

use super::hash::{self, HashedMap};
use super::shape::{Nature, Piece, WILD};
use super::spans::{self, Reach};
use super::{absorb, enclosed};

/// Evidence that a place is a variable, in tenths of a plain word. Fifty: five plain words, three names and a plain
/// word, or a name where others have a number.
const ENOUGH: u32 = 50;

/// Rounds of `one differs`; three suffice in practice.
const MAX_ROUNDS: usize = 6;

/// Rounds of `spans`: what one finds makes the contexts of the next more alike.
const MAX_SPAN_ROUNDS: usize = 3;

/// Shapes of one frame from which on `the rest is common` looks at them.
const MIN_FRAMED: usize = 12;

/// A word is part of a frame if this many shapes of the same punctuation have it in its place…
const MIN_SHARED: usize = 6;

/// …and at least one in this many.
const SHARED_FRACTION: usize = 20;

/// Words after which a name follows, so that few values are enough.
const NAMING: [&[u8]; 3] = [b"user", b"username", b"account"];

/// Replaces the words that vary in all of the shapes.
pub fn fold(shapes: &mut [Vec<Piece>]) {
    let naming: HashSet<u64> = NAMING.iter().map(|word| hash::bytes(word)).collect();
    rounds(shapes, &naming);
    if rest_is_common(shapes) | enclosed::fold(shapes) {
        rounds(shapes, &naming);
    }
    for reach in [Reach::Within, Reach::ToEnd] {
        for _ in 0..MAX_SPAN_ROUNDS {
            if !spans::fold(shapes, reach) {
                break;
            }
            rounds(shapes, &naming);
        }
        absorb::fold(shapes);
    }
}

fn rounds(shapes: &mut [Vec<Piece>], naming: &HashSet<u64>) {
    for _ in 0..MAX_ROUNDS {
        if !one_differs(shapes, naming) {
            return;
        }
    }
}

fn weight(nature: Nature) -> u32 {
    match nature {
        Nature::Mark => 0,
        Nature::Plain => 10,
        Nature::Partial => 16,
        Nature::Identifier => 20,
        Nature::Variable | Nature::Found | Nature::Run => 34,
    }
}

/// What must be there before a place counts as a variable. Little text around it, the start of the message, and a naming
/// word before it change how much a differing word means.
fn needed(shape: &[Piece], at: usize, naming: &HashSet<u64>) -> u32 {
    let own = usize::from(is_word(&shape[at]));
    let around = shape.iter().filter(|piece| is_word(piece)).count() - own;
    let mut needed = match around {
        // `running`, `stopped`: without other words it is the message itself.
        0 => return u32::MAX,
        1 => ENOUGH * 2,
        2 => ENOUGH * 3 / 2,
        _ => ENOUGH,
    };
    if at == 0 {
        needed = needed * 3 / 2;
    } else if naming.contains(&shape[at - 1].hash) {
        needed /= 3;
    }
    needed
}

fn is_word(piece: &Piece) -> bool {
    matches!(piece.nature, Nature::Plain | Nature::Identifier)
}

/// Hashes of a shape with one place left open, from the parts of its sum.
struct Openings {
    total: u64,
}

impl Openings {
    fn of(shape: &[Piece]) -> Self {
        let parts = shape.iter().enumerate().map(|(at, piece)| part(at, piece.hash));
        Self { total: parts.fold(hash::combine(1, shape.len() as u64), u64::wrapping_add) }
    }

    fn open(&self, at: usize, piece: &Piece) -> u64 {
        hash::combine(self.total.wrapping_sub(part(at, piece.hash)), at as u64)
    }
}

fn part(at: usize, hash: u64) -> u64 {
    hash::combine(at as u64 + 1, hash)
}

/// Evidence about one open place.
#[derive(Default)]
struct Place {
    values: u32,
    evidence: u32,
    needed: u32,
    /// Whether one of the values is a value by nature: then the place is one, at the start of a message as well.
    numbered: bool,
}

/// One round. Says whether anything changed.
fn one_differs(shapes: &mut [Vec<Piece>], naming: &HashSet<u64>) -> bool {
    let mut places: HashedMap<Place> = HashedMap::default();
    let mut seen = HashSet::with_capacity(shapes.len());
    for shape in shapes.iter() {
        let openings = Openings::of(shape);
        // Equal shapes are one: what counts is how many values there are, not how often.
        if !seen.insert(openings.total) {
            continue;
        }
        for (at, piece) in shape.iter().enumerate().filter(|(_, piece)| piece.nature != Nature::Mark) {
            let place = places.entry(openings.open(at, piece)).or_default();
            place.values += 1;
            place.evidence += weight(piece.nature);
            place.numbered |= piece.nature >= Nature::Variable;
            if place.values == 2 {
                place.needed = needed(shape, at, naming);
            }
        }
    }
    places.retain(|_, place| {
        place.values >= 2
            && place.needed != u32::MAX
            && (place.evidence >= place.needed || place.numbered && place.evidence >= ENOUGH)
    });
    let mut changed = false;
    for shape in shapes.iter_mut() {
        let openings = Openings::of(shape);
        for (at, piece) in shape.iter_mut().enumerate() {
            let constant = piece.hash != WILD && piece.nature != Nature::Mark;
            if constant && places.contains_key(&openings.open(at, piece)) {
                make_wild(piece);
                changed = true;
            }
        }
    }
    changed
}

fn make_wild(piece: &mut Piece) {
    piece.hash = WILD;
    piece.nature = Nature::Found;
}

/// Says whether anything changed.
fn rest_is_common(shapes: &mut [Vec<Piece>]) -> bool {
    let mut groups: HashedMap<Vec<usize>> = HashedMap::default();
    for (index, shape) in shapes.iter().enumerate() {
        groups.entry(punctuation(shape)).or_default().push(index);
    }
    let mut changed = false;
    for members in groups.into_values().filter(|members| members.len() >= MIN_FRAMED) {
        let shared = shared_words(shapes, &members);
        let mut frames: HashedMap<Vec<usize>> = HashedMap::default();
        for index in members {
            frames.entry(frame(&shapes[index], &shared)).or_default().push(index);
        }
        for framed in frames.into_values().filter(|framed| framed.len() >= MIN_FRAMED) {
            changed |= open_frame(shapes, &framed, &shared);
        }
    }
    changed
}

fn punctuation(shape: &[Piece]) -> u64 {
    shape.iter().fold(shape.len() as u64, |key, piece| {
        hash::combine(key, if piece.nature == Nature::Mark { piece.hash } else { 0 })
    })
}

/// The words, by place, that many of the members have.
fn shared_words(shapes: &[Vec<Piece>], members: &[usize]) -> HashSet<u64> {
    let mut counts: HashedMap<usize> = HashedMap::default();
    for index in members {
        for (at, piece) in shapes[*index].iter().enumerate() {
            *counts.entry(part(at, piece.hash)).or_default() += 1;
        }
    }
    let enough = MIN_SHARED.max(members.len() / SHARED_FRACTION);
    counts.into_iter().filter(|(_, count)| *count >= enough).map(|(word, _)| word).collect()
}

fn frame(shape: &[Piece], shared: &HashSet<u64>) -> u64 {
    shape.iter().enumerate().fold(0, |key, (at, piece)| {
        let word = part(at, piece.hash);
        hash::combine(key, if shared.contains(&word) { word } else { 0 })
    })
}

/// Opens the places of a frame at which nearly every member has another word, if enough words remain.
fn open_frame(shapes: &mut [Vec<Piece>], framed: &[usize], shared: &HashSet<u64>) -> bool {
    let Some(first) = framed.first().map(|index| shapes[*index].clone()) else {
        return false;
    };
    let (mut words, mut open) = (0, Vec::new());
    for (at, piece) in first.iter().enumerate() {
        if piece.nature == Nature::Mark || piece.hash == WILD {
            continue;
        }
        if shared.contains(&part(at, piece.hash)) {
            words += usize::from(is_word(piece));
            continue;
        }
        let distinct: HashSet<u64> = framed.iter().map(|index| shapes[*index][at].hash).collect();
        if distinct.len() < MIN_SHARED.max(framed.len() / 4) {
            return false;
        }
        open.push(at);
    }
    if open.is_empty() || words < 2 || words < open.len() {
        return false;
    }
    for index in framed {
        for at in &open {
            make_wild(&mut shapes[*index][*at]);
        }
    }
    true
}
