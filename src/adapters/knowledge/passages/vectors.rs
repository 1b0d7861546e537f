//! Vectors of pieces, compared one by one: for tens of thousands that takes milliseconds, and needs no index.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::pieces::Pieces;
use crate::domain::passage::Collection;

/// Pieces that a search by vector proposes at most.
const MAX_FOUND: usize = 60;
/// With at least so many pieces compared, one must stand out to be proposed at all.
const ENOUGH_TO_STAND_OUT: usize = 30;
/// How far the best must stand out, in standard deviations.
const STANDS_OUT: f64 = 2.0;

/// What a vector is of: a hash of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub u128);

impl Fingerprint {
    /// Of a text in parts.
    pub fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        Self(u128::from_be_bytes(bytes))
    }
}

/// Vectors by what they are of, each of length 1.
#[derive(Default)]
pub struct Vectors {
    known: HashMap<Fingerprint, Option<Box<[f32]>>>,
}

impl Vectors {
    /// Takes in vectors; `None` for a text that cannot have one and is not asked for again.
    pub fn learn(&mut self, vectors: impl IntoIterator<Item = (Fingerprint, Option<Vec<f32>>)>) {
        self.known.extend(vectors.into_iter().map(|(of, vector)| (of, vector.map(Vec::into_boxed_slice))));
    }

    pub fn knows(&self, of: Fingerprint) -> bool {
        self.known.contains_key(&of)
    }

    /// Pieces near `wanted`, best first.
    ///
    /// Thresholds are relative, because models differ in what they call near: one gives 0.8 to strangers, another 0.1.
    /// What is kept lies in the better half between the average and the best, and only if the best stands out.
    pub fn search(&self, pieces: &Pieces, collections: &[Collection], wanted: &[f32]) -> Vec<(u64, f64)> {
        let mut found: Vec<(u64, f64)> = pieces
            .numbered()
            .filter(|(_, head, _)| collections.contains(&head.collection))
            .filter_map(|(number, _, piece)| {
                let vector =
                    self.known.get(&piece.fingerprint)?.as_ref().filter(|vector| vector.len() == wanted.len())?;
                Some((number, dot(vector, wanted)))
            })
            .collect();
        let count = found.len().max(1) as f64;
        let mean = found.iter().map(|(_, near)| near).sum::<f64>() / count;
        let deviation = (found.iter().map(|(_, near)| (near - mean).powi(2)).sum::<f64>() / count).sqrt();
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let Some((_, best)) = found.first().copied() else { return found };
        if found.len() >= ENOUGH_TO_STAND_OUT && best < mean + STANDS_OUT * deviation {
            return Vec::new();
        }
        let least = (mean + best) / 2.0;
        found.retain(|(_, near)| *near >= least);
        found.truncate(MAX_FOUND);
        // From 0 at the threshold's other side to 1 at the best.
        let scale = (best - mean).max(f64::EPSILON);
        found.into_iter().map(|(number, near)| (number, ((near - mean) / scale).clamp(0.0, 1.0))).collect()
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    f64::from(a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>())
}
