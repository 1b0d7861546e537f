//! The pieces of all documents by number, in memory: what the indexes point to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::Document;
use super::chunk::{Chunk, chunks};
use super::vectors::Fingerprint;
use crate::domain::passage::Collection;

/// A document without its text.
#[derive(Debug)]
pub struct Head {
    pub collection: Collection,
    pub source: String,
    pub title: String,
    pub link: Option<String>,
    pub at: Option<chrono::DateTime<chrono::Utc>>,
}

/// A part of a document.
#[derive(Debug)]
pub struct Piece {
    pub heading: String,
    pub text: String,
    pub fingerprint: Fingerprint,
}

/// A piece with what it is a part of, as the index takes it.
pub struct Added {
    pub head: Arc<Head>,
    pub piece: Arc<Piece>,
}

#[derive(Default)]
pub struct Pieces {
    /// Numbers rise and are never used again, so that an index which is behind finds nothing rather than another piece.
    next: u64,
    by_number: BTreeMap<u64, (Arc<Head>, Arc<Piece>)>,
    by_source: HashMap<String, Vec<u64>>,
}

impl Pieces {
    /// Cuts a document up and numbers its pieces. What was there of its source must have made room.
    pub fn add(&mut self, document: Document) -> Vec<(u64, Added)> {
        let Document { collection, source, title, text, link, at } = document;
        let mut cut = chunks(&title, &text);
        if cut.is_empty() {
            // A title alone can be searched, too.
            cut.push(Chunk { heading: String::new(), text: title.clone() });
        }
        let head = Arc::new(Head { collection, source, title, link, at });
        let mut added = Vec::with_capacity(cut.len());
        for Chunk { heading, text } in cut {
            let fingerprint = Fingerprint::of(&[&head.title, &heading, &text]);
            let piece = Arc::new(Piece { heading, text, fingerprint });
            let number = self.next;
            self.next += 1;
            self.by_number.insert(number, (Arc::clone(&head), Arc::clone(&piece)));
            self.by_source.entry(head.source.clone()).or_default().push(number);
            added.push((number, Added { head: Arc::clone(&head), piece }));
        }
        added
    }

    /// Makes room for another document of a source. Its pieces can still be had by their numbers, which are returned.
    pub fn replace(&mut self, source: &str) -> Vec<u64> {
        self.by_source.remove(source).unwrap_or_default()
    }

    /// Forgets pieces.
    pub fn forget(&mut self, numbers: &[u64]) {
        numbers.iter().for_each(|number| drop(self.by_number.remove(number)));
    }

    pub fn get(&self, number: u64) -> Option<(&Head, &Piece)> {
        self.by_number.get(&number).map(|(head, piece)| (&**head, &**piece))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Head, &Piece)> {
        self.by_number.values().map(|(head, piece)| (&**head, &**piece))
    }

    pub fn numbered(&self) -> impl Iterator<Item = (u64, &Head, &Piece)> {
        self.by_number.iter().map(|(number, (head, piece))| (*number, &**head, &**piece))
    }

    /// A document's first piece.
    pub fn first_of(&self, source: &str) -> Option<u64> {
        self.by_source.get(source)?.first().copied()
    }

    pub fn count(&self, collection: Collection) -> usize {
        let of = |numbers: &Vec<u64>| {
            let head = numbers.first().and_then(|number| self.get(*number));
            head.is_some_and(|(head, _)| head.collection == collection)
        };
        self.by_source.values().filter(|numbers| of(numbers)).count()
    }

    /// The best piece of each document of a list, in its order, with the document's source.
    pub fn best_of_each(&self, list: Vec<(u64, f64)>, most: usize) -> Vec<(&str, u64, f64)> {
        let mut seen = HashSet::new();
        list.into_iter()
            .filter_map(|(number, score)| {
                let (head, _) = self.get(number)?;
                seen.insert(&head.source).then_some((head.source.as_str(), number, score))
            })
            .take(most)
            .collect()
    }
}
