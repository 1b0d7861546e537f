//! A tree of fixed depth that finds the pattern of a new shape among those merged before: by the first word, then by the
//! number of tokens, where that is fixed, then the most specific one that matches.

use super::absorb;
use super::hash::{self, HashedMap};
use super::shape::{Nature, Piece, WILD};

/// Patterns under one leaf that are tried. A leaf with more holds patterns of the same length and the same first word;
/// the most specific are tried first.
const MAX_CANDIDATES: usize = 128;

/// Stands for the length of patterns with a value of any length.
const ANY_LENGTH: usize = usize::MAX;

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
    /// Adds a pattern, if it has values that do not look like values: all others match nothing but their equals.
    pub fn insert(&mut self, pieces: &[Piece], number: u32) {
        if pieces.iter().all(|piece| piece.nature < Nature::Found) {
            return;
        }
        let any = pieces.iter().any(|piece| piece.nature == Nature::Run);
        let wild = pieces.iter().filter(|piece| piece.hash == WILD).count();
        let length = if any { ANY_LENGTH } else { pieces.len() };
        let leaf = self.leaves.entry(key(length, pieces.first().map_or(0, |piece| piece.hash))).or_default();
        let at = leaf.partition_point(|other| other.wild <= wild);
        if at < MAX_CANDIDATES {
            leaf.insert(at, Candidate { pieces: pieces.to_vec(), wild, number });
            leaf.truncate(MAX_CANDIDATES);
        }
    }

    /// The pattern that matches, if any.
    pub fn find(&self, shape: &[Piece]) -> Option<u32> {
        if self.leaves.is_empty() {
            return None;
        }
        let first = shape.first().map_or(0, |piece| piece.hash);
        [(shape.len(), first), (shape.len(), WILD), (ANY_LENGTH, first), (ANY_LENGTH, WILD)]
            .into_iter()
            .filter_map(|(length, word)| self.leaves.get(&key(length, word)))
            .flatten()
            .find(|candidate| absorb::fits(&candidate.pieces, shape))
            .map(|candidate| candidate.number)
    }
}

fn key(length: usize, first: u64) -> u64 {
    hash::combine(length as u64, first)
}
