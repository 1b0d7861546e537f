//! Stems of English and Russian words, told apart by their script.

use tantivy::tokenizer::{Language, RawTokenizer, Stemmer, TextAnalyzer, TokenStream as _};

/// Finds stems. Cloning is cheap; using it needs `&mut` because each keeps a buffer.
#[derive(Clone)]
pub struct Stemmers {
    english: TextAnalyzer,
    russian: TextAnalyzer,
}

impl Default for Stemmers {
    fn default() -> Self {
        let stemmer = |language| TextAnalyzer::builder(RawTokenizer::default()).filter(Stemmer::new(language)).build();
        Self { english: stemmer(Language::English), russian: stemmer(Language::Russian) }
    }
}

impl Stemmers {
    /// The stem of a word in lower case.
    pub fn stem(&mut self, word: &str) -> String {
        let cyrillic = word.chars().any(|c| matches!(c, '\u{400}'..='\u{4ff}'));
        let analyzer = if cyrillic { &mut self.russian } else { &mut self.english };
        let mut stream = analyzer.token_stream(word);
        stream.next().map_or_else(|| word.to_owned(), |token| token.text.clone())
    }
}
