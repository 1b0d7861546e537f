//! A tree of fixed depth that finds the pattern of a new shape among those merged before: by number of tokens, then by
//! the first word, then the most specific one that matches.

use super::hash::{self, HashedMap};
use super::shape::{Nature, Piece, WILD};

/// Patterns under one leaf that are tried. A leaf with more holds patterns of the same length and the same first word;
/// the most specific are tried first.
const MAX_CANDIDATES: usize = 128;

/// The tree; patterns are known by the numbers their owner gave them.
#[derive(Debug, Default)]
pub struct Tree {
    leaves: HashedMap<Vec<Candidate>>,
}

#[derive(Debug)]
struct Candidate {
    pieces: Vec<Piece>,
    wild: usize,
    number: u32,
}

impl Tree {
    /// Adds a pattern.
    pub fn insert(&mut self, pieces: Vec<Piece>, number: u32) {
        let wild = pieces.iter().filter(|piece| piece.hash == WILD).count();
        let leaf = self.leaves.entry(key(pieces.len(), pieces.first().map_or(0, |piece| piece.hash))).or_default();
        let at = leaf.partition_point(|other| other.wild <= wild);
        if at < MAX_CANDIDATES {
            leaf.insert(at, Candidate { pieces, wild, number });
            leaf.truncate(MAX_CANDIDATES);
        }
    }

    /// The pattern that matches, if any.
    pub fn find(&self, shape: &[Piece]) -> Option<u32> {
        let first = shape.first().map_or(0, |piece| piece.hash);
        let leaf = |word| self.leaves.get(&key(shape.len(), word)).map_or(&[][..], Vec::as_slice);
        let mut candidates = leaf(first).iter().chain(if first == WILD { &[] } else { leaf(WILD) });
        candidates.find(|candidate| matches(&candidate.pieces, shape)).map(|candidate| candidate.number)
    }
}

fn key(length: usize, first: u64) -> u64 {
    hash::combine(length as u64, first)
}

/// Whether a pattern's wildcards can stand for what the shape has in their places.
pub fn matches(pattern: &[Piece], shape: &[Piece]) -> bool {
    pattern.len() == shape.len()
        && pattern
            .iter()
            .zip(shape)
            .all(|(own, other)| own.hash == other.hash || own.hash == WILD && other.nature != Nature::Mark)
}
