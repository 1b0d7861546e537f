//! Passages of runbooks, past incidents and notes, found by their words and, where vectors are there, by their meaning.
//!
//! One passage a document: its piece that fits best. Lists of different making (words, vectors, the runbooks' own
//! ranking) are fused by reciprocal rank, which needs no common scale.

mod chunk;
mod fuse;
mod pieces;
mod terms;
mod text;
mod vectors;

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use anyhow::Context as _;
use chrono::{DateTime, Utc};

use self::fuse::Ranked;
use self::pieces::Pieces;
use self::text::TextIndex;
pub use self::vectors::Fingerprint;
use self::vectors::Vectors;
use crate::domain::passage::{Collection, Passage};

/// Documents that each list proposes: more than are ever shown.
const PROPOSED: usize = 40;
/// Bytes of a query that are read.
const MAX_QUERY_BYTES: usize = 4 << 10;

/// Something written, whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// What it belongs to.
    pub collection: Collection,
    /// How it is cited; the same source again takes the place of the one before.
    pub source: String,
    /// Its title.
    pub title: String,
    /// Markdown.
    pub text: String,
    /// See [`Passage::link`].
    pub link: Option<String>,
    /// See [`Passage::at`].
    pub at: Option<DateTime<Utc>>,
}

/// An index over documents that can grow and shrink.
pub struct Passages {
    known: RwLock<Known>,
    /// Also the lock of whoever changes anything.
    index: Mutex<text::Writer>,
    reader: TextIndex,
}

struct Known {
    pieces: Pieces,
    vectors: Vectors,
}

/// What is searched for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Where.
    pub collections: &'a [Collection],
    /// The text.
    pub text: &'a str,
    /// Its vector, where there is one.
    pub vector: Option<&'a [f32]>,
    /// Documents that another ranking proposes, by source, best first, each with its score from 0 to 1.
    pub proposed: &'a [(String, f64)],
    /// At most so many.
    pub limit: usize,
}

impl Passages {
    /// An empty index.
    ///
    /// # Errors
    /// When the index cannot be made.
    pub fn new() -> anyhow::Result<Self> {
        let (writer, reader) = text::open().context("make the index of passages")?;
        let known = Known { pieces: Pieces::default(), vectors: Vectors::default() };
        Ok(Self { known: RwLock::new(known), index: Mutex::new(writer), reader })
    }

    /// Takes in documents, each in the place of the one with its source, and forgets others. Slow for thousands: call it
    /// off the async threads.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn update(&self, documents: Vec<Document>, gone: &[String]) -> anyhow::Result<()> {
        let mut writer = locked(&self.index);
        let mut old = Vec::new();
        let mut new = Vec::new();
        {
            let Known { pieces, vectors: _ } = &mut *self.known_mut();
            for source in gone.iter().chain(documents.iter().map(|document| &document.source)) {
                let numbers = pieces.replace(source);
                if !numbers.is_empty() {
                    writer.remove(source);
                    old.extend(numbers);
                }
            }
            for document in documents {
                new.extend(pieces.add(document));
            }
        }
        for (number, piece) in new {
            writer.add(number, &piece).context("index a passage")?;
        }
        writer.commit().context("index passages")?;
        self.reader.reload().context("reload the index of passages")?;
        // Only now: until the index knew the new pieces, a search could find no others.
        self.known_mut().pieces.forget(&old);
        Ok(())
    }

    fn known_mut(&self) -> std::sync::RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The best documents with their best pieces, best first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn search(&self, wanted: &Wanted<'_>) -> anyhow::Result<Vec<Passage>> {
        let Wanted { collections, text, vector, proposed, limit } = *wanted;
        let text = crate::domain::text::bounded(text, MAX_QUERY_BYTES);
        let by_words = self.reader.search(collections, &text, PROPOSED * 3).context("search passages")?;
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let by_meaning =
            vector.map(|vector| known.vectors.search(&known.pieces, collections, vector)).unwrap_or_default();
        let by_proposal = proposed
            .iter()
            .filter_map(|(source, score)| Some((known.pieces.first_of(source)?, *score)))
            .collect::<Vec<_>>();
        let lists = [by_words, by_meaning, by_proposal].map(|list| known.pieces.best_of_each(list, PROPOSED));
        let fused = fuse::by_reciprocal_rank(&lists);
        let passage = |Ranked { number, score }: Ranked| {
            let (document, piece) = known.pieces.get(number)?;
            let title = match piece.heading.is_empty() {
                true => document.title.clone(),
                false => format!("{} › {}", document.title, piece.heading),
            };
            let passage = Passage {
                collection: document.collection,
                source: document.source.clone(),
                title,
                text: piece.text.clone(),
                score,
                link: document.link.clone(),
                at: document.at,
            };
            Some(passage.bounded())
        };
        Ok(fused.into_iter().filter_map(passage).take(limit).collect())
    }

    /// Texts that have no vector yet, at most `most`.
    pub fn without_vector(&self, most: usize) -> Vec<(Fingerprint, String)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut missing: Vec<(Fingerprint, String)> = Vec::new();
        for (document, piece) in known.pieces.iter() {
            if missing.len() == most {
                break;
            }
            let new = missing.iter().all(|(fingerprint, _)| *fingerprint != piece.fingerprint);
            if new && !known.vectors.knows(piece.fingerprint) {
                let text = [document.title.as_str(), &piece.heading, &piece.text].join("\n");
                missing.push((piece.fingerprint, text));
            }
        }
        missing
    }

    /// What there is that can have a vector.
    pub fn fingerprints(&self) -> std::collections::HashSet<Fingerprint> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.pieces.iter().map(|(_, piece)| piece.fingerprint).collect()
    }

    /// Takes in vectors by what they are of; `None` for a text that cannot have one.
    pub fn learn(&self, vectors: impl IntoIterator<Item = (Fingerprint, Option<Vec<f32>>)>) {
        self.known_mut().vectors.learn(vectors);
    }

    /// Takes in vectors of another model: those that are known do not compare with them.
    pub fn learn_anew(&self, vectors: impl IntoIterator<Item = (Fingerprint, Option<Vec<f32>>)>) {
        let known = &mut *self.known_mut();
        known.vectors = Vectors::default();
        known.vectors.learn(vectors);
    }

    /// How many documents each collection holds.
    pub fn count(&self, collection: Collection) -> usize {
        self.known.read().unwrap_or_else(PoisonError::into_inner).pieces.count(collection)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
