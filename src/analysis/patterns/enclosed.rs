//! Finds values of several words: texts between quotes or brackets that have another length each time, such as lists,
//! commands or names of people.

use std::collections::HashSet;

use super::hash::{self, HashedMap};
use super::shape::{Nature, Piece, WILD};

/// Different texts in one place from which on they are values.
const MIN_TEXTS: u32 = 5;

/// Words that must remain around the text, so that `("a b")` alone is not everything.
const MIN_WORDS_AROUND: usize = 2;

/// Pairs of punctuation that enclose.
const PAIRS: [(&[u8], &[u8]); 6] =
    [(b"\"", b"\""), (b"'", b"'"), (b"(", b")"), (b"[", b"]"), (b"{", b"}"), (b"<", b">")];

/// The texts seen in one place.
#[derive(Default)]
struct Place {
    texts: u32,
    shortest: usize,
    longest: usize,
}

/// Replaces enclosed texts that vary in length by one wildcard. Says whether anything changed.
pub fn fold(shapes: &mut [Vec<Piece>]) -> bool {
    let pairs: HashedMap<u64> = PAIRS.iter().map(|(open, close)| (hash::bytes(open), hash::bytes(close))).collect();
    let mut places: HashedMap<Place> = HashedMap::default();
    let mut seen = HashSet::with_capacity(shapes.len());
    for shape in shapes.iter() {
        if !seen.insert(whole(shape)) {
            continue;
        }
        for (open, close) in enclosures(shape, &pairs) {
            let length = close - open - 1;
            let place = places.entry(around(shape, open, close)).or_default();
            place.texts += 1;
            place.shortest = if place.texts == 1 { length } else { place.shortest.min(length) };
            place.longest = place.longest.max(length);
        }
    }
    places.retain(|_, place| place.texts >= MIN_TEXTS && place.shortest < place.longest);
    if places.is_empty() {
        return false;
    }
    let mut changed = false;
    for shape in shapes.iter_mut() {
        // One at a time, the last first, so that the places before it stay where they are.
        let mut found = enclosures(shape, &pairs);
        found.reverse();
        for (open, close) in found {
            if places.contains_key(&around(shape, open, close)) {
                let value = Piece { hash: WILD, nature: Nature::Run, spaced: false };
                shape.splice(open + 1..close, [value]);
                changed = true;
            }
        }
    }
    changed
}

/// The outermost enclosures that have something in them which is not one value already, and enough words around.
fn enclosures(shape: &[Piece], pairs: &HashedMap<u64>) -> Vec<(usize, usize)> {
    let equals = hash::bytes(b"=");
    let mut found = Vec::new();
    let mut at = 0;
    while at < shape.len() {
        let piece = &shape[at];
        let close = match pairs.get(&piece.hash) {
            Some(close) if piece.nature == Nature::Mark => closing(shape, at, *close),
            _ => None,
        };
        let Some(close) = close else {
            at += 1;
            continue;
        };
        let words =
            |pieces: &[Piece]| pieces.iter().filter(|piece| piece.nature > Nature::Mark && piece.hash != WILD).count();
        // Keys and values have a structure that is worth seeing.
        let structured = shape[at..close].iter().any(|piece| piece.hash == equals);
        if !structured && close > at + 1 && words(&shape[..at]) + words(&shape[close..]) >= MIN_WORDS_AROUND {
            found.push((at, close));
        }
        at = close + 1;
    }
    found
}

/// Where the enclosure that opens at `open` closes.
fn closing(shape: &[Piece], open: usize, close: u64) -> Option<usize> {
    let mut depth = 0;
    for (at, piece) in shape.iter().enumerate().skip(open + 1) {
        if piece.hash == close {
            if depth == 0 {
                return Some(at);
            }
            depth -= 1;
        } else if piece.hash == shape[open].hash {
            depth += 1;
        }
    }
    None
}

fn whole(shape: &[Piece]) -> u64 {
    shape.iter().fold(shape.len() as u64, |key, piece| hash::combine(key, piece.hash))
}

/// Identity of what is around an enclosed text.
fn around(shape: &[Piece], open: usize, close: usize) -> u64 {
    let outer = shape[..=open].iter().chain(&shape[close..]);
    outer.fold(hash::combine(2, open as u64), |key, piece| hash::combine(key, piece.hash))
}
