//! From findings to what could be done about them: actions of the catalogue with the numbers and the reasoning, pure.
//!
//! A remedy is a suggestion to people. It is made only where the evidence says what the action would change; a finding
//! that no action of the catalogue mends has none. What may be suggested at all is what the matched runbooks list.

mod jobs;
mod nodes;
mod pods;
mod resources;
mod rollback;
mod scaling;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::scene::{Scene, Seen};
use crate::domain::action::{Action, ActionName, Name, RolloutKind, Workload};
use crate::domain::cluster::WorkloadState;
use crate::domain::evidence::{Evidence, EvidenceId};
use crate::domain::finding::{Finding, FindingKind, Role};
use crate::domain::proposal::Why;
use crate::domain::subject::Subject;

/// Most remedies put to people at once: the best, and two to choose from.
const MOST: usize = 3;
/// A finding less sure than this is no reason to act.
const SURE: f64 = 0.4;

/// The reasons that remedies are given for: each has a section in `templates/<language>/actions.txt`.
pub const REASONS: [&str; 16] = [
    rollback::REASON,
    resources::MEMORY,
    resources::MEMORY_HIGH,
    resources::CPU,
    scaling::AT_MAX,
    scaling::LOAD,
    scaling::FROM_ZERO,
    pods::ONE_OF_MANY,
    pods::RESTART,
    pods::PAUSED,
    nodes::CORDON,
    nodes::DRAIN,
    nodes::UNCORDON,
    jobs::TRANSIENT,
    jobs::SUSPENDED,
    jobs::FAILS_ALWAYS,
];

/// An action that the evidence speaks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Remedy {
    /// What to do.
    pub action: Action,
    /// Why, with the numbers.
    pub why: Why,
}

/// What could be done, the most promising first, at most three.
///
/// `findings` are those of `analyse` for the same subject and evidence; `allowed` is what the matched runbooks list.
pub fn remedies(
    subject: &Subject,
    evidence: &[Evidence],
    onset: DateTime<Utc>,
    findings: &[Finding],
    allowed: &[ActionName],
) -> Vec<Remedy> {
    let case = Case { scene: Scene::new(subject, evidence, onset), findings };
    let mut found: Vec<Remedy> = Vec::new();
    found.extend(rollback::find(&case));
    found.extend(resources::find(&case));
    found.extend(scaling::find(&case));
    found.extend(pods::find(&case));
    found.extend(nodes::find(&case));
    found.extend(jobs::find(&case));
    found.retain(|remedy| allowed.contains(&remedy.action.name()));
    // Stable: of two that are equally sure, the one that changes less was found first.
    found.sort_by_key(|remedy| std::cmp::Reverse(remedy.why.confidence));
    let mut kept: Vec<Remedy> = Vec::new();
    for remedy in found {
        if kept.len() < MOST && kept.iter().all(|other| other.action != remedy.action) {
            kept.push(remedy);
        }
    }
    kept
}

/// The findings, and the evidence they were found in.
struct Case<'a> {
    scene: Scene<'a>,
    findings: &'a [Finding],
}

impl<'a> Case<'a> {
    /// The surest finding of one of these kinds about the subject itself.
    fn finding(&self, kinds: &[FindingKind]) -> Option<&'a Finding> {
        self.all(kinds).next()
    }

    fn all(&self, kinds: &[FindingKind]) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(move |finding| {
            kinds.contains(&finding.kind) && finding.confidence >= SURE && self.scene.is_own(&finding.about)
        })
    }

    /// What explains the rest.
    fn cause(&self) -> Option<&'a Finding> {
        self.findings.iter().find(|finding| finding.role == Role::Cause && finding.confidence >= SURE)
    }

    /// The subject's workload, where it is one that rolls out.
    fn rollout(&self) -> Option<(Workload, Seen<'a, WorkloadState>)> {
        self.scene.workloads().find_map(|seen| {
            let workload = Workload {
                kind: RolloutKind::of(seen.about.kind)?,
                namespace: self.namespace()?,
                name: seen.about.name.parse().ok()?,
            };
            Some((workload, seen))
        })
    }

    fn namespace(&self) -> Option<Name> {
        self.scene.subject.namespace.as_deref()?.parse().ok()
    }
}

/// A remedy for a finding; `None` when the action's values make no sense together.
fn remedy(action: Action, reason: &str, confidence: f64, evidence: &[EvidenceId]) -> Option<Remedy> {
    let why = Why {
        phrase: reason.to_owned(),
        facts: BTreeMap::new(),
        evidence: evidence.to_vec(),
        words: None,
        // Between 0 and 100 by the clamp.
        confidence: (confidence.clamp(0.0, 1.0) * 100.0).round() as u8,
    };
    Some(Remedy { action: action.checked().ok()?, why })
}

impl Remedy {
    fn fact(mut self, name: &str, value: impl Into<String>) -> Self {
        self.why.facts.insert(name.to_owned(), value.into());
        self
    }

    fn maybe(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.fact(name, value),
            None => self,
        }
    }

    fn cite(mut self, id: EvidenceId) -> Self {
        if !self.why.evidence.contains(&id) {
            self.why.evidence.push(id);
        }
        self
    }
}
