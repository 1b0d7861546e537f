//! A finding in the making: what an analyser claims, before claims are weighed against each other.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::domain::evidence::EvidenceId;
use crate::domain::finding::{Finding, FindingKind, Role};
use crate::domain::subject::ObjectRef;
use crate::domain::text;

/// Longest fact, in bytes: it stands in the middle of a sentence.
const MAX_FACT_BYTES: usize = 300;
/// Evidence one claim cites; more says nothing more.
const MAX_CITED: usize = 8;

/// What an analyser claims.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    /// Kind of trouble.
    pub kind: FindingKind,
    /// What it is as far as its analyser knows.
    pub role: Role,
    /// Which sentence says it.
    pub phrase: &'static str,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// What it is about.
    pub about: ObjectRef,
    /// What it rests on.
    pub evidence: Vec<EvidenceId>,
    /// What fills the sentence.
    pub facts: BTreeMap<&'static str, String>,
    /// When it began, where known.
    pub began: Option<DateTime<Utc>>,
}

impl Claim {
    /// A cause, unless told otherwise.
    pub fn new(kind: FindingKind, phrase: &'static str, confidence: f64, about: ObjectRef, id: EvidenceId) -> Self {
        Self {
            kind,
            role: Role::Cause,
            phrase,
            confidence,
            about,
            evidence: vec![id],
            facts: BTreeMap::new(),
            began: None,
        }
    }

    /// Sets its role.
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// Cites more evidence.
    pub fn cite(mut self, ids: impl IntoIterator<Item = EvidenceId>) -> Self {
        for id in ids {
            if !self.evidence.contains(&id) && self.evidence.len() < MAX_CITED {
                self.evidence.push(id);
            }
        }
        self
    }

    /// Says when it began.
    pub fn began(mut self, at: Option<DateTime<Utc>>) -> Self {
        self.began = at;
        self
    }

    /// Adds a fact; an empty one is left out, so that a phrase can ask whether it is there.
    pub fn fact(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let value = text::line(&value.into(), MAX_FACT_BYTES);
        if !value.is_empty() {
            self.facts.insert(name, value);
        }
        self
    }

    /// Adds a fact if there is one.
    pub fn maybe(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.fact(name, value),
            None => self,
        }
    }

    /// The finding; `None` without evidence.
    pub fn into_finding(self) -> Option<Finding> {
        let Self { kind, role, phrase, confidence, about, evidence, facts, began: _ } = self;
        // A confidence that is no number is no confidence.
        let confidence = if confidence.is_finite() { confidence } else { 0.0 };
        let mut finding = Finding::new(kind, role, confidence, about, phrase, evidence)?;
        finding.facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Some(finding)
    }
}
