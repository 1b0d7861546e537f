//! Every phrase has its words in every language, and they are valid templates.

use crate::analysis::PHRASES;
use crate::render::{Language, Renderer};

#[test]
fn every_phrase_in_every_language() {
    let mut expected = PHRASES.to_vec();
    expected.sort_unstable();
    for language in [Language::English, Language::Russian] {
        // Loading reads each section once, and tries each sentence.
        let renderer = Renderer::new(language, Vec::new()).unwrap();
        assert_eq!(renderer.phrase_keys(), expected, "{}", language.code());
    }
}
