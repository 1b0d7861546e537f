//! What both full-text indexes have in common: fields of words that were taken apart before, and queries of such words.
//!
//! Queries are built from words, never parsed, so no text is a syntax error.

use tantivy::Term;
use tantivy::query::{BoostQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{TokenizerManager, WhitespaceTokenizer};

/// The name of the tokenizer for text that is words and spaces.
const AS_GIVEN: &str = "as_given";

/// A field of words and spaces.
pub fn words() -> TextOptions {
    let indexing = TextFieldIndexing::default().set_tokenizer(AS_GIVEN);
    TextOptions::default().set_indexing_options(indexing.set_index_option(IndexRecordOption::WithFreqs))
}

/// What reads such fields.
pub fn tokenizers() -> TokenizerManager {
    let tokenizers = TokenizerManager::default();
    tokenizers.register(AS_GIVEN, WhitespaceTokenizer::default());
    tokenizers
}

/// A word in a field, and how much it counts.
pub fn word(field: Field, word: &str, boost: f32) -> Box<dyn Query> {
    let term = TermQuery::new(Term::from_field_text(field, word), IndexRecordOption::WithFreqs);
    Box::new(BoostQuery::new(Box::new(term), boost))
}
