//! The full-text index over runbooks: BM25 over weighted fields, held in memory. A runbook's number in the index is its
//! place in the list that was indexed.

use tantivy::collector::TopDocs;
use tantivy::directory::RamDirectory;
use tantivy::query::{BooleanQuery, DisjunctionMaxQuery, Occur, Query};
use tantivy::schema::{Field, Schema};
use tantivy::{Index, IndexReader, ReloadPolicy, TantivyDocument};

use super::full_text;

/// Memory for building the index. It sizes the table of words to begin with, which grows where it must; what is taken here
/// is not given back by every allocator.
const BUILD_BYTES: usize = 4 << 20;

/// How much a word in each field counts. The name says what a runbook is about; the rest says it at length.
const NAME: f32 = 2.8;
const LEAD: f32 = 1.3;
const BODY: f32 = 1.2;
/// Two words in a row: less than one word, since each has counted already.
const PAIR: f32 = 0.7;
/// What a word's second-best field adds. Nearly nothing: a word in the name is in the text too, and is one word.
const ALSO_IN: f32 = 0.05;

/// One runbook's words by field, ready to be compared.
#[derive(Debug, Default)]
pub struct Fields {
    /// The file's name and the title.
    pub name: Vec<String>,
    /// The first section with text, which says what the alert means, and the numbers in it.
    pub lead: Vec<String>,
    /// The whole text.
    pub body: Vec<String>,
    /// Each two words in a row, of name and text, as one.
    pub pairs: Vec<String>,
}

/// A built index.
pub struct TextIndex {
    reader: IndexReader,
    fields: [(Field, f32); 3],
    pairs: Field,
}

impl TextIndex {
    /// Indexes runbooks; their place in the list becomes their number.
    pub fn build(runbooks: impl Iterator<Item = Fields>) -> tantivy::Result<Self> {
        let mut schema = Schema::builder();
        let [name, lead, body, pairs] =
            ["name", "lead", "body", "pairs"].map(|field| schema.add_text_field(field, full_text::words()));
        // One segment, written by this thread: numbers stay in order, and no worker outlives the build.
        let mut writer = Index::builder()
            .schema(schema.build())
            .tokenizers(full_text::tokenizers())
            .single_segment_index_writer(RamDirectory::create(), BUILD_BYTES)?;
        for fields in runbooks {
            let mut document = TantivyDocument::new();
            document.add_text(name, fields.name.join(" "));
            document.add_text(lead, fields.lead.join(" "));
            document.add_text(body, fields.body.join(" "));
            document.add_text(pairs, fields.pairs.join(" "));
            writer.add_document(document)?;
        }
        let reader = writer.finalize()?.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { reader, fields: [(name, NAME), (lead, LEAD), (body, BODY)], pairs })
    }

    /// The best `limit` runbooks for weighted words and pairs of words, best first: number and score.
    pub fn search(
        &self,
        words: &[(String, f32)],
        pairs: &[String],
        limit: usize,
    ) -> tantivy::Result<Vec<(usize, f32)>> {
        let words = words.iter().map(|(word, weight)| {
            let fields =
                self.fields.iter().map(|(field, boost)| full_text::word(*field, word, boost * weight)).collect();
            Box::new(DisjunctionMaxQuery::with_tie_breaker(fields, ALSO_IN)) as Box<dyn Query>
        });
        let pairs = pairs.iter().map(|pair| full_text::word(self.pairs, pair, PAIR));
        let query = BooleanQuery::new(words.chain(pairs).map(|clause| (Occur::Should, clause)).collect());
        let found = self.reader.searcher().search(&query, &TopDocs::with_limit(limit.max(1)).order_by_score())?;
        Ok(found.into_iter().map(|(score, address)| (address.doc_id as usize, score)).collect())
    }
}
