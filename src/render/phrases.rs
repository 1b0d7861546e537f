//! Sentences by key: `findings.txt` says each kind of claim in words, `actions.txt` each action and what became of it,
//! filled with facts. What many claims say alike stands once, in `claim/`.

use std::collections::BTreeMap;

use minijinja::Value;
use minijinja::value::Serde;

use super::engine::Engine;
use super::escape;
use super::keys::{self, Placed};
use super::language::Language;
use super::{RenderError, Renderer, embedded};
use crate::domain::finding::Finding;

/// A file of sentences, and what its sections may hold.
pub(super) struct Sentences {
    file: &'static str,
    names: &'static [&'static str],
}

/// What findings say.
pub(super) const FINDINGS: Sentences = Sentences { file: "findings.txt", names: &["claim", "check"] };
/// What is said of actions.
pub(super) const ACTIONS: Sentences = Sentences { file: "actions.txt", names: &["what", "undo"] };

/// Stands before each claim: of which of several objects it is made.
const OF: &str = "{% if of %}{{ of }}: {% endif %}";

/// All sentences of one language over those of English.
pub(super) struct Phrases {
    by_key: BTreeMap<String, BTreeMap<String, (String, Placed)>>,
}

impl Phrases {
    /// Reads every layer, and tries each sentence once.
    pub(super) fn new(
        sentences: &Sentences,
        engine: &Engine,
        language: Language,
        overrides: &[(String, String)],
    ) -> Result<Self, RenderError> {
        let mut by_key: BTreeMap<String, BTreeMap<String, (String, Placed)>> = BTreeMap::new();
        for (path, source) in embedded::layers(sentences.file, language, overrides) {
            for (key, mut texts) in keys::sections(&path, source, sentences.names)? {
                for (name, placed) in &mut texts {
                    let of = if name == "claim" { OF } else { "" };
                    placed.text = format!("{of}{}", escape::code_in_backticks(&placed.text));
                    engine.try_phrase(&path, placed.line, &placed.text)?;
                }
                // A section is taken whole: a claim in one language with a check in another would read oddly.
                by_key.insert(key, texts.into_iter().map(|(name, text)| (name, (path.clone(), text))).collect());
            }
        }
        Ok(Self { by_key })
    }

    /// Every key there are words for.
    pub(super) fn keys(&self) -> Vec<&str> {
        self.by_key.keys().map(String::as_str).collect()
    }

    /// A sentence filled with `values`; `None` where there are no words for it.
    pub(super) fn say(&self, engine: &Engine, key: &str, name: &str, values: &Value) -> Option<String> {
        let (path, placed) = self.by_key.get(key)?.get(name)?;
        let said = engine.phrase(path, placed.line, &placed.text, values.clone()).ok()?;
        Some(said.split_ascii_whitespace().collect::<Vec<_>>().join(" ")).filter(|said| !said.is_empty())
    }
}

impl Renderer {
    /// Writes every finding's claim and check. A finding whose phrase has no words gets a sentence made of its kind.
    pub fn claims(&self, findings: &mut [Finding]) {
        for finding in findings {
            let mut values: BTreeMap<&str, &str> =
                finding.facts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            // Without the fact, the name would mean the function of templates.
            for function in ["count", "exit"] {
                values.entry(function).or_insert("");
            }
            let about = finding.about.to_string();
            values.insert("about", &about);
            values.insert("about_kind", finding.about.kind.as_str());
            let values = Value::from(Serde(&values));
            finding.claim = self
                .phrases
                .say(&self.texts, &finding.phrase, "claim", &values)
                .unwrap_or_else(|| self.plain_claim(finding));
            finding.check = self.phrases.say(&self.texts, &finding.phrase, "check", &values);
        }
    }

    /// Every phrase there are words for.
    pub fn phrase_keys(&self) -> Vec<&str> {
        self.phrases.keys()
    }

    fn plain_claim(&self, finding: &Finding) -> String {
        let kind = self.word(&format!("kind.{}", finding.kind.as_str()));
        format!("{kind}: {}.", escape::code(&finding.about.to_string()))
    }
}
