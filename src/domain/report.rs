//! What a model made of the evidence: claims, each with what it cites and what of it the evidence does not bear out.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::evidence::EvidenceId;

/// One thing that a model says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// A sentence or two, as plain text.
    pub text: String,
    /// What it cites; only evidence that exists.
    pub evidence: Vec<EvidenceId>,
    /// Numbers, names and ids in it that are not in what it cites. Empty: every one was found there.
    #[serde(default)]
    pub unverified: Vec<String>,
}

/// A model's explanation of an incident.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// The likely cause; `None`: not established.
    pub cause: Option<Claim>,
    /// What the evidence shows.
    pub confirmed: Vec<Claim>,
    /// What it only hints at.
    pub suspected: Vec<Claim>,
    /// Who or what suffers.
    pub impact: Option<Claim>,
    /// What was looked at and is well.
    pub healthy: Vec<Claim>,
    /// What a person should do or look at next.
    pub next_steps: Vec<String>,
    /// Commands of the catalogue that it would put to people; each is checked before anybody sees it as a proposal.
    pub actions: Vec<String>,
}

impl Report {
    /// Every claim, the cause first.
    pub fn claims(&self) -> impl Iterator<Item = &Claim> {
        let Self { cause, confirmed, suspected, impact, healthy, next_steps: _, actions: _ } = self;
        cause.iter().chain(confirmed).chain(suspected).chain(impact).chain(healthy)
    }

    /// The same, to be changed.
    pub fn claims_mut(&mut self) -> impl Iterator<Item = &mut Claim> {
        let Self { cause, confirmed, suspected, impact, healthy, next_steps: _, actions: _ } = self;
        cause.iter_mut().chain(confirmed).chain(suspected).chain(impact).chain(healthy)
    }

    /// Whether it says anything.
    pub fn is_empty(&self) -> bool {
        self.claims().next().is_none() && self.next_steps.is_empty()
    }
}

/// How far the model is with one investigation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Explanation {
    /// It was asked, or waits for its turn.
    Asked {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// It answered.
    Given {
        /// When.
        at: DateTime<Utc>,
        /// Which model.
        model: String,
        /// What it says.
        report: Box<Report>,
        /// Turns that it took.
        turns: u32,
    },
    /// It did not; the thread stands without it.
    Missing {
        /// When it was given up.
        at: DateTime<Utc>,
        /// Why, as a line that a person can act on.
        reason: String,
        /// Whether it will be asked again by itself.
        will_retry: bool,
    },
}
