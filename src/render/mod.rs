//! Everything a person reads, made from domain values through the templates in `templates/`.
//!
//! Pure: values in, text out. Thread posts are a small Markdown subset in which every value of a stranger is escaped
//! unless a filter made it safe (see [`escape`]); excerpts are plain text; console pages are HTML. Which words are used
//! is decided by the language, and by an operator's directory of overrides.

mod actions;
pub mod chart;
mod embedded;
mod engine;
mod escape;
mod excerpt;
mod filters;
mod form;
mod keys;
mod language;
mod markdown;
mod message;
mod phrases;
mod picture;
mod posts;
mod proposal;
mod reasons;
mod times;
mod view;
mod words;

pub(crate) use excerpt::values as evidence_values;
pub use language::Language;
pub use markdown::{Breaks, html_of, inline_html_of, text_of};
pub use message::About;
pub use picture::{HEIGHT, PictureError, Theme, WIDTH};
pub use posts::{SourceReport, SourceState, sources_of};
pub use view::IncidentView;

use engine::Engine;
use minijinja::Value;
use phrases::Phrases;

/// Why the texts cannot be used; names the file and the line to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct RenderError {
    /// Path below the template directory, `ru/root.md`.
    pub file: String,
    /// Line in it, from 1; 0 where the whole file is meant.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

/// Turns domain values into text in one language.
pub struct Renderer {
    language: Language,
    texts: Engine,
    /// The texts as they were built in: what is said when an operator's own template fails on a value it did not expect.
    fallback: Option<Engine>,
    phrases: Phrases,
    actions: Phrases,
}

impl Renderer {
    /// A renderer for `language`. `overrides` are files by their path below the template directory (`en/root.md`) with
    /// their text; each takes the place of the built-in file of that path, and of its keys where a file is made of keys.
    ///
    /// # Errors
    /// [`RenderError`] names the first file and line that cannot be used.
    pub fn new(language: Language, overrides: Vec<(String, String)>) -> Result<Self, RenderError> {
        let texts = Engine::new(language, &overrides)?;
        let phrases = Phrases::new(&phrases::FINDINGS, &texts, language, &overrides)?;
        let actions = Phrases::new(&phrases::ACTIONS, &texts, language, &overrides)?;
        let fallback = if overrides.is_empty() { None } else { Some(Engine::new(language, &[])?) };
        Ok(Self { language, texts, fallback, phrases, actions })
    }

    /// The language it speaks.
    pub fn language(&self) -> Language {
        self.language
    }

    /// A page of the console.
    ///
    /// # Errors
    /// [`RenderError`] when an overriding page fails and the built-in one does too.
    pub fn page(&self, name: &str, values: Value) -> Result<String, RenderError> {
        self.render(&format!("console/{name}"), values)
    }

    /// A text for a model, `system.txt`.
    pub fn prompt(&self, name: &str, values: Value) -> String {
        self.text(&format!("prompt/{name}"), values)
    }

    /// One of the console's own files, `console.css`.
    pub fn asset(&self, name: &str) -> Option<&str> {
        self.texts.asset(&format!("console/{name}"))
    }

    /// A word or phrase by its key, the key itself where there is none.
    pub fn word(&self, key: &str) -> String {
        self.texts.words.get(key).to_owned()
    }

    fn render(&self, name: &str, values: Value) -> Result<String, RenderError> {
        match (self.texts.render(name, values.clone()), &self.fallback) {
            (Err(_), Some(fallback)) => fallback.render(name, values),
            (result, _) => result,
        }
    }

    /// Text that must exist: built-in templates are rendered by the tests with every kind of value, so the last resort
    /// is there for what tests cannot foresee.
    fn text(&self, name: &str, values: Value) -> String {
        self.render(name, values).unwrap_or_else(|error| escape::markdown(&error.to_string()))
    }
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
