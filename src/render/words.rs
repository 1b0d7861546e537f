//! Short texts by key: names of states, kinds and units, and what the console's pages say.

use std::collections::BTreeMap;

use super::RenderError;
use super::embedded;
use super::keys;
use super::language::Language;
use super::times;

/// The words of one language over those of English.
#[derive(Debug, Clone)]
pub(super) struct Words {
    language: Language,
    texts: BTreeMap<String, String>,
}

impl Words {
    /// Reads `words.txt` of every layer: English first, then `language`, an override over the built-in file.
    pub(super) fn new(language: Language, overrides: &[(String, String)]) -> Result<Self, RenderError> {
        let mut texts = BTreeMap::new();
        for (path, source) in embedded::layers("words.txt", language, overrides) {
            texts.extend(keys::words(&path, source)?);
        }
        Ok(Self { language, texts })
    }

    /// The text of a key, if there is one.
    pub(super) fn find(&self, key: &str) -> Option<&str> {
        self.texts.get(key).map(String::as_str)
    }

    /// The text of a key; a key without text shows itself, so that it is noticed and nothing is lost.
    pub(super) fn get<'a>(&'a self, key: &'a str) -> &'a str {
        self.find(key).unwrap_or(key)
    }

    /// What a chart's level is called: `limit`, `threshold`; a name that nobody knows is somebody's own.
    pub(super) fn label(&self, label: &str) -> String {
        self.find(&format!("label.{label}")).unwrap_or(label).to_owned()
    }

    /// `3 alerts`: the number and the form of `key` (forms separated by `|`) that goes with it.
    pub(super) fn count(&self, key: &str, n: i64) -> String {
        let forms: Vec<&str> = self.get(key).split('|').map(str::trim).collect();
        format!("{} {}", times::number(n, self.language), self.form(n, &forms))
    }

    /// The form of a noun that follows `n`.
    pub(super) fn form<'a>(&self, n: i64, forms: &[&'a str]) -> &'a str {
        let form = self.language.plural_form(n.unsigned_abs());
        forms.get(form).or(forms.last()).copied().unwrap_or_default()
    }
}
