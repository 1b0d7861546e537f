//! Sentences about actions: what one does, why it is suggested, what a person who decides is told. Safe to show in a
//! thread: what strangers wrote is escaped by the templates.

use std::collections::BTreeMap;

use minijinja::Value;
use minijinja::value::Serde;

use super::{Renderer, escape};
use crate::domain::action::Action;
use crate::domain::policy::Refusal;
use crate::domain::proposal::{Outcome, Void, Why};

impl Renderer {
    /// What an action does.
    pub fn action(&self, action: &Action) -> String {
        self.sentence(action.name().as_str(), "what", action.facts())
            .unwrap_or_else(|| escape::code(&action.to_string()))
    }

    /// How it is taken back, or that it cannot be.
    pub fn way_back(&self, action: &Action) -> Option<String> {
        self.sentence(action.name().as_str(), "undo", action.facts())
    }

    /// Why it is suggested: the reasoning of the analysis, or the words of whoever proposed it.
    pub fn why(&self, why: &Why) -> Option<String> {
        let facts = why.facts.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let words = || why.words.as_deref().map(escape::markdown);
        self.sentence(&why.phrase, "what", facts).or_else(words)
    }

    /// What a person is told of their decision, or a thread of a step.
    pub fn outcome(&self, outcome: &Outcome) -> String {
        let said = self.sentence(outcome.phrase(), "what", outcome.facts());
        let mut said = said.unwrap_or_else(|| outcome.phrase().to_owned());
        let (Outcome::Forbidden { refusals } | Outcome::Superseded { why: Void::Forbidden { refusals } }) = outcome
        else {
            return said;
        };
        for refusal in refusals {
            said.push(' ');
            said.push_str(&self.refusal(refusal));
        }
        said
    }

    /// Why something may not be done.
    pub fn refusal(&self, refusal: &Refusal) -> String {
        let said = self.sentence(refusal.phrase(), "what", refusal.facts());
        said.unwrap_or_else(|| escape::markdown(&refusal.to_string()))
    }

    /// Every sentence about actions that there are words for.
    pub fn action_keys(&self) -> Vec<&str> {
        self.actions.keys()
    }

    fn sentence<'a>(
        &self,
        key: &str,
        name: &str,
        facts: impl IntoIterator<Item = (&'a str, String)>,
    ) -> Option<String> {
        let values: BTreeMap<&str, String> = facts.into_iter().collect();
        self.actions.say(&self.texts, key, name, &Value::from(Serde(&values)))
    }
}
