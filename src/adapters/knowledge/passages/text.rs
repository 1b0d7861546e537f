//! The full-text index over pieces: BM25 over title and text, in memory, with pieces added and removed as they come.

use tantivy::collector::TopDocs;
use tantivy::directory::RamDirectory;
use tantivy::query::{BooleanQuery, ConstScoreQuery, DisjunctionMaxQuery, Occur, Query, TermQuery};
use tantivy::schema::{FAST, Field, IndexRecordOption, STRING, Schema};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, TantivyDocument, Term};

use super::pieces::Added;
use super::terms::Terms;
use crate::adapters::knowledge::full_text;
use crate::domain::passage::Collection;

/// The least that the library's writer takes.
const WRITER_BYTES: usize = 15_000_000;
/// Words of a query that are looked up.
const MAX_WORDS: usize = 64;
/// How much more a word in title or heading counts.
const TITLE: f32 = 1.8;
/// What a word's second field adds.
const ALSO_IN: f32 = 0.1;

#[derive(Clone, Copy)]
struct Fields {
    number: Field,
    source: Field,
    collection: Field,
    title: Field,
    text: Field,
}

/// Whoever changes the index.
pub struct Writer {
    writer: IndexWriter,
    fields: Fields,
    terms: Terms,
}

/// Whoever reads it.
pub struct TextIndex {
    reader: IndexReader,
    fields: Fields,
    terms: Terms,
}

/// An empty index.
pub fn open() -> tantivy::Result<(Writer, TextIndex)> {
    let mut schema = Schema::builder();
    let fields = Fields {
        number: schema.add_u64_field("number", FAST),
        source: schema.add_text_field("source", STRING),
        collection: schema.add_text_field("collection", STRING),
        title: schema.add_text_field("title", full_text::words()),
        text: schema.add_text_field("text", full_text::words()),
    };
    let index = Index::builder()
        .schema(schema.build())
        .tokenizers(full_text::tokenizers())
        .open_or_create(RamDirectory::create())?;
    let writer = index.writer_with_num_threads(1, WRITER_BYTES)?;
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    Ok((Writer { writer, fields, terms: Terms::default() }, TextIndex { reader, fields, terms: Terms::default() }))
}

impl Writer {
    /// Adds a piece, to be found after [`Self::commit`].
    pub fn add(&mut self, number: u64, Added { head, piece }: &Added) -> tantivy::Result<()> {
        let mut document = TantivyDocument::new();
        document.add_u64(self.fields.number, number);
        document.add_text(self.fields.source, &head.source);
        document.add_text(self.fields.collection, head.collection.as_str());
        let mut title = self.terms.of(&head.title);
        title.extend(self.terms.of(&piece.heading));
        document.add_text(self.fields.title, title.join(" "));
        document.add_text(self.fields.text, self.terms.of(&piece.text).join(" "));
        self.writer.add_document(document)?;
        Ok(())
    }

    /// Removes all pieces of a document that were added before.
    pub fn remove(&mut self, source: &str) {
        self.writer.delete_term(Term::from_field_text(self.fields.source, source));
    }

    pub fn commit(&mut self) -> tantivy::Result<()> {
        self.writer.commit().map(|_| ())
    }
}

impl TextIndex {
    /// Sees what was committed.
    pub fn reload(&self) -> tantivy::Result<()> {
        self.reader.reload()
    }

    /// The best pieces for a text, best first: number and score.
    pub fn search(&self, collections: &[Collection], text: &str, limit: usize) -> tantivy::Result<Vec<(u64, f64)>> {
        let Fields { number: _, source: _, collection, title, text: body } = self.fields;
        let mut words = self.terms.clone().of(text);
        words.sort_unstable();
        words.dedup();
        words.truncate(MAX_WORDS);
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let word = |word: &String| {
            let fields = vec![full_text::word(title, word, TITLE), full_text::word(body, word, 1.0)];
            let query: Box<dyn Query> = Box::new(DisjunctionMaxQuery::with_tie_breaker(fields, ALSO_IN));
            (Occur::Should, query)
        };
        let within = collections.iter().map(|name| {
            let term = Term::from_field_text(collection, name.as_str());
            let query: Box<dyn Query> = Box::new(TermQuery::new(term, IndexRecordOption::Basic));
            (Occur::Should, query)
        });
        let within = ConstScoreQuery::new(Box::new(BooleanQuery::new(within.collect())), 0.0);
        let said = BooleanQuery::new(words.iter().map(word).collect());
        let query = BooleanQuery::new(vec![(Occur::Must, Box::new(within)), (Occur::Must, Box::new(said))]);
        let searcher = self.reader.searcher();
        let found = searcher.search(&query, &TopDocs::with_limit(limit.max(1)).order_by_score())?;
        let mut numbers = Vec::with_capacity(found.len());
        for (score, address) in found {
            let column = searcher.segment_reader(address.segment_ord).fast_fields().u64("number")?;
            if let Some(number) = column.first(address.doc_id) {
                numbers.push((number, f64::from(score)));
            }
        }
        Ok(numbers)
    }
}
