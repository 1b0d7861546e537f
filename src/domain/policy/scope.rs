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
    /// What alerts call the cluster in which actions are done, where that is known.
    pub own_cluster: Option<&'a str>,
    /// Nodes that its evidence shows its pods on.
    pub nodes: &'a BTreeSet<String>,
    /// Labels of its alerts, which a silence must fit.
    pub alerts: &'a [&'a Labels],
}

impl Scope<'_> {
    /// Refuses what lies outside.
    pub fn check(&self, action: &Action) -> Result<(), Refusal> {
        // A namespace of the same name in this cluster is another team's. Silences are Alertmanager's, which serves both.
        if let Some(cluster) = self.subject.elsewhere(self.own_cluster)
            && !matches!(action.target(), Target::Alertmanager)
        {
            let own = self.own_cluster.unwrap_or_default().to_owned();
            return Err(Refusal::OtherCluster { cluster: cluster.to_owned(), own });
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_cluster_is_out_of_scope_once_the_own_one_has_a_name() {
        let labels = Labels::from([("alertname".into(), "Down".into()), ("namespace".into(), "shop".into())]);
        let mut subject = Subject::new(SubjectKind::Deployment, Some("shop".into()), "web".into());
        let restart = Action::parse("restart deployment/web -n shop", None).unwrap();
        let silence = Action::parse("silence alertname=Down --for 30m --comment x", None).unwrap();
        let check = |subject: &Subject, own: Option<&str>, action: &Action| {
            let scope = Scope { subject, own_cluster: own, nodes: &BTreeSet::new(), alerts: &[&labels] };
            scope.check(action)
        };
        for (cluster, own, inside) in [
            (None, None, true),
            (None, Some("us"), true),
            (Some("eu"), None, true),
            (Some("us"), Some("us"), true),
            (Some("eu"), Some("us"), false),
        ] {
            subject.cluster = cluster.map(str::to_owned);
            assert_eq!(check(&subject, own, &restart).is_ok(), inside, "{cluster:?} {own:?}");
            assert_eq!(check(&subject, own, &silence), Ok(()), "{cluster:?} {own:?}: Alertmanager serves both");
        }
        let refusal = check(&subject, Some("us"), &restart).unwrap_err();
        assert_eq!(refusal, Refusal::OtherCluster { cluster: "eu".into(), own: "us".into() });
        assert!(refusal.is_out_of_scope());
    }
}
