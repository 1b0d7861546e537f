//! What an action is said with: the section of `actions.txt` is its catalogue name, and these are its facts.

use std::collections::BTreeMap;

use super::{Action, command};

impl Action {
    /// Short values by name, with which `templates/<language>/actions.txt` says the action.
    pub fn facts(&self) -> BTreeMap<&'static str, String> {
        let mut facts = BTreeMap::from([("target", self.target().to_string()), ("command", self.to_string())]);
        match self {
            Self::RolloutUndo { to_revision, .. } => {
                facts.insert("revision", to_revision.to_string());
            }
            Self::Scale { replicas, .. } => {
                facts.insert("replicas", replicas.to_string());
            }
            Self::SetResources { container, resource, field, quantity, .. } => {
                facts.insert("container", container.to_string());
                facts.insert("resource", resource.as_str().to_owned());
                facts.insert("field", field.as_str().to_owned());
                facts.insert("quantity", quantity.as_ref().map(ToString::to_string).unwrap_or_default());
            }
            Self::SetHpaBounds { min, max, .. } => {
                facts.insert("min", min.to_string());
                facts.insert("max", max.to_string());
            }
            Self::Drain { delete_empty_dir: true, .. } => {
                facts.insert("empty_dir", "yes".to_owned());
            }
            Self::CreateSilence { matchers, duration_seconds, comment } => {
                let matchers: Vec<String> = matchers.iter().map(ToString::to_string).collect();
                facts.insert("matchers", matchers.join(", "));
                facts.insert("duration", command::duration(*duration_seconds));
                facts.insert("comment", comment.clone());
            }
            Self::ExpireSilence { id } => {
                facts.insert("id", id.clone());
            }
            Self::RolloutRestart { .. }
            | Self::RolloutPause { .. }
            | Self::RolloutResume { .. }
            | Self::DeletePod { .. }
            | Self::Cordon { .. }
            | Self::Uncordon { .. }
            | Self::Drain { .. }
            | Self::SuspendCronjob { .. }
            | Self::ResumeCronjob { .. }
            | Self::RerunJob { .. } => {}
        }
        facts
    }
}
