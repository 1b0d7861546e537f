//! Whether an action stays with what its incident is about. One that does not is refused, whatever the policy says:
//! whoever can write a log line or a label must not be able to point the bot at another team's namespace.

use std::collections::BTreeSet;

use super::Refusal;
use crate::domain::action::{Action, SilenceMatcher, Target};
use crate::domain::alert::Labels;
use crate::domain::subject::{Subject, SubjectKind};

/// What an incident reaches.
#[derive(Debug, Clone)]
pub struct Scope<'a> {
    /// What it is about.
    pub subject: &'a Subject,
    /// Nodes that its evidence shows its pods on.
    pub nodes: &'a BTreeSet<String>,
    /// Labels of its alerts, which a silence must fit.
    pub alerts: &'a [&'a Labels],
}

impl Scope<'_> {
    /// Refuses what lies outside.
    pub fn check(&self, action: &Action) -> Result<(), Refusal> {
        let inside = match (action, action.target()) {
            (Action::CreateSilence { matchers, .. }, _) => self.covers(matchers),
            // What the silence covers is known only where it is; its matchers are checked there, by `covers`.
            (_, Target::Alertmanager) => true,
            (_, Target::Node(node)) => {
                let own = self.subject.kind == SubjectKind::Node && self.subject.name == node.as_str();
                own || self.subject.node.as_deref() == Some(node.as_str()) || self.nodes.contains(node.as_str())
            }
            (_, target) => {
                let namespace = target.namespace().map(AsRef::as_ref);
                let own = match self.subject.kind {
                    SubjectKind::Namespace => Some(self.subject.name.as_str()),
                    _ => self.subject.namespace.as_deref(),
                };
                namespace.is_some() && namespace == own
            }
        };
        if inside {
            return Ok(());
        }
        let target = match action {
            Action::CreateSilence { .. } => action.to_string(),
            _ => action.target().to_string(),
        };
        Err(Refusal::OutOfScope { target, subject: self.subject.to_string() })
    }

    /// Whether a silence with these matchers covers one of the incident's alerts.
    pub fn covers(&self, matchers: &[SilenceMatcher]) -> bool {
        self.alerts.iter().any(|labels| matchers.iter().all(|matcher| matcher.fits(labels)))
    }
}
