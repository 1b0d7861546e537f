//! The newest investigation of an incident: what was gathered, what was found, what was asked.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::evidence::{Evidence, EvidenceId, Source};
use super::finding::Finding;
use super::question::{Asked, MAX_QUESTIONS, Question, QuestionId, QuestionState};
use super::report::Explanation;
use super::trace::TraceParent;

/// What one run gathered and found. A new run replaces the one before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Investigation {
    /// Numbered from 1.
    pub run: u32,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// Its span, for what follows from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceParent>,
    /// When its report was written; `None` while it goes on.
    pub finished_at: Option<DateTime<Utc>>,
    /// E1, E2 …
    pub evidence: Vec<Evidence>,
    /// Which number each piece of the plan has. Kept across runs, so that an older citation never points elsewhere.
    pub slots: BTreeMap<String, EvidenceId>,
    /// Best first.
    pub findings: Vec<Finding>,
    /// Runbooks that fit, best first.
    pub runbooks: Vec<RunbookRef>,
    /// Neighbours that were not asked or did not answer, and why.
    pub unavailable: Vec<Unavailable>,
    /// What the model makes of it; `None` where there is no model.
    pub explanation: Option<Explanation>,
    /// What people asked, oldest first.
    pub asked: Vec<Asked>,
}

/// How slots begin that tools filled for a model; such evidence outlives the run that it was brought in.
pub const TOOL_SLOT: &str = "tool:";

impl Investigation {
    /// The number of the piece of evidence called `slot`, given once and for all.
    pub fn number(&mut self, slot: &str) -> EvidenceId {
        let next = self.slots.values().max().map_or(1, |id| id.0.saturating_add(1));
        *self.slots.entry(slot.to_owned()).or_insert(EvidenceId(next))
    }

    /// Takes over what others wrote into the stored record since this run read it: numbers given, evidence that tools
    /// brought, questions. What this run gathers itself stays its own.
    pub fn adopt(&mut self, stored: &Self) {
        for (slot, id) in &stored.slots {
            self.slots.entry(slot.clone()).or_insert(*id);
            if slot.starts_with(TOOL_SLOT)
                && let Some(evidence) = stored.evidence.iter().find(|evidence| evidence.id == *id)
            {
                self.put(evidence.clone());
            }
        }
        self.asked.clone_from(&stored.asked);
    }

    /// Notes a question; the same again changes nothing. Answered ones make room when there are too many.
    pub fn ask(&mut self, question: &Question) {
        if self.asked.iter().any(|asked| asked.question.id == question.id) {
            return;
        }
        while self.asked.len() >= MAX_QUESTIONS {
            let oldest = self.asked.iter().position(|asked| asked.state.is_over()).unwrap_or(0);
            self.asked.remove(oldest);
        }
        self.asked.push(Asked { question: question.clone(), state: QuestionState::Waiting });
    }

    /// A question with its state.
    pub fn asked_mut(&mut self, id: &QuestionId) -> Option<&mut Asked> {
        self.asked.iter_mut().find(|asked| asked.question.id == *id)
    }

    /// Adds evidence, or replaces what had its number.
    pub fn put(&mut self, evidence: Evidence) {
        match self.evidence.binary_search_by_key(&evidence.id, |known| known.id) {
            Ok(at) => self.evidence[at] = evidence,
            Err(at) => self.evidence.insert(at, evidence),
        }
    }
}

/// A runbook that fits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RunbookRef {
    /// Its id: the file name without extension.
    pub id: String,
    /// Its title.
    pub title: String,
    /// 0 to 1.
    pub score: f64,
}

/// A neighbour that gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unavailable {
    /// Which.
    pub source: Source,
    /// One line a person can act on: `not configured: set LOGS_URL`, `did not answer within 10 s`.
    pub reason: String,
}
