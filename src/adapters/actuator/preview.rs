//! What an action would do, asked from the server: only a dry run that succeeded is offered to people.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::api::Run;
use super::place::{AUTOSCALERS, Place};
use super::plan::{Change, before, bound_to, version};
use super::revisions::History;
use super::{Actuator, ActuatorError, conditions, diff, ownership};
use crate::domain::action::{Action, Before, Inverse};
use crate::domain::proposal::{Diff, Managed, Snapshot};
use crate::domain::redact::Redactor;

/// What people see before they decide, and what their approval is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The target as it was read, with who manages it.
    pub target: Snapshot,
    /// What would be overwritten.
    pub before: Before,
    /// The server's dry run, redacted.
    pub diff: Diff,
    /// The change as YAML, redacted.
    pub patch: String,
    /// The way back, as far as it is known before anything is made.
    pub inverse: Inverse,
    /// What should be known before deciding.
    pub warnings: Vec<Warning>,
}

/// Something that should be known before deciding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "warning", rename_all = "snake_case")]
pub enum Warning {
    /// The definition is kept elsewhere.
    #[error("{manager} manages it and would set this back: change it there")]
    ManagedBy {
        /// Who.
        manager: String,
    },
    /// A field that is set belongs to somebody else.
    #[error("{manager} owns {field} and may set it back")]
    FieldOwned {
        /// The field manager.
        manager: String,
        /// Dotted path.
        field: String,
    },
    /// A pod cannot be evicted now.
    #[error("{pod} cannot be evicted now: {why}")]
    Blocked {
        /// Namespace and name.
        pod: String,
        /// The disruption budget's sentence.
        why: String,
    },
}

impl Actuator {
    /// Looks at the target, checks what must hold, and asks the server for a dry run.
    ///
    /// # Errors
    /// [`ActuatorError`] says why the action is not offered.
    pub async fn preview(&self, action: &Action, at: DateTime<Utc>) -> Result<Preview, ActuatorError> {
        let Some(place) = Place::of(action) else {
            return self.preview_silence(action, at).await;
        };
        let object = self.target(&place).await?;
        let history = self.checked(action, &place, &object).await?;
        let change = Change::of(action, &place, &object, &history, at, "preview")?;
        let mut warnings = Vec::new();
        let (shown, patch) = self.dry_run(action, &place, &object, &change, &mut warnings).await?;
        let mut target = snapshot(&object, action);
        if let Change::Patch(wanted) | Change::Drain(wanted) = &change {
            let owned = ownership::owners(&object, wanted);
            warnings.extend(owned.into_iter().map(|(manager, field)| Warning::FieldOwned { manager, field }));
            if let Some(by) = ownership::manager(&object) {
                warnings.insert(0, Warning::ManagedBy { manager: by.clone() });
                target.managed = Some(Managed { by, patch: patch.clone() });
            }
        }
        let before = before(action, &object, &history);
        let inverse = action.inverse(&before, None);
        Ok(Preview { target, before, diff: Diff::new(&shown, &Redactor::new()), patch, inverse, warnings })
    }

    /// The target as it is now, to compare with what was shown.
    ///
    /// # Errors
    /// When it is gone, or the API does not answer.
    pub async fn look(&self, action: &Action) -> Result<Snapshot, ActuatorError> {
        let Some(place) = Place::of(action) else {
            return self.look_at_silence(action).await;
        };
        Ok(snapshot(&self.target(&place).await?, action))
    }

    async fn target(&self, place: &Place) -> Result<Value, ActuatorError> {
        let missing = || ActuatorError::NotFound { what: place.to_string() };
        self.api.get(place).await?.ok_or_else(missing)
    }

    /// The object's history as far as the action needs it, when all that must hold does.
    pub(super) async fn checked(
        &self,
        action: &Action,
        place: &Place,
        object: &Value,
    ) -> Result<History, ActuatorError> {
        let history = match action {
            Action::RolloutUndo { workload, .. } => self.history(workload, object).await?,
            _ => History::default(),
        };
        let autoscaler = match action {
            Action::Scale { .. } => self.autoscaler(place).await?,
            _ => None,
        };
        match conditions::unmet(action, object, &history, autoscaler.as_deref()) {
            Some(why) => Err(ActuatorError::Unmet { what: place.to_string(), why }),
            None => Ok(history),
        }
    }

    /// The autoscaler that scales a workload.
    async fn autoscaler(&self, place: &Place) -> Result<Option<String>, ActuatorError> {
        let all = self.api.list(&Place::new(AUTOSCALERS, place.namespace.as_deref(), ""), "").await?;
        let scales = |hpa: &&Value| {
            let target = &hpa["spec"]["scaleTargetRef"];
            target["kind"] == *place.kind && target["name"] == *place.name
        };
        Ok(all.iter().find(scales).and_then(|hpa| hpa["metadata"]["name"].as_str()).map(str::to_owned))
    }

    /// The diff, and the change as text.
    async fn dry_run(
        &self,
        action: &Action,
        place: &Place,
        object: &Value,
        change: &Change,
        warnings: &mut Vec<Warning>,
    ) -> Result<(String, String), ActuatorError> {
        match change {
            Change::Patch(patch) => {
                let bound = bound_to(patch, object, None);
                let after = self.api.patch(place, &bound, Run::Dry, None).await?;
                let shown = diff::between(object, &after);
                if shown.is_empty() {
                    return Err(ActuatorError::Unmet { what: place.to_string(), why: "nothing would change".into() });
                }
                Ok((shown, diff::yaml(patch)))
            }
            Change::Delete => {
                let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
                self.api.delete(place, uid, Run::Dry, None).await?;
                Ok((format!("-{place}\n"), String::new()))
            }
            Change::Create { collection, object: made } => {
                self.api.create(collection, made, Run::Dry, None).await?;
                let text = diff::yaml(&made["spec"]);
                let added: String = text.lines().map(|line| format!("+{line}\n")).collect();
                Ok((added, diff::yaml(made)))
            }
            Change::Drain(patch) => {
                let bound = bound_to(patch, object, None);
                let after = self.api.patch(place, &bound, Run::Dry, None).await?;
                let leaving = self.drain_preview(action, place, warnings).await?;
                Ok((format!("{}{leaving}", diff::between(object, &after)), diff::yaml(patch)))
            }
        }
    }
}

/// An object as a target.
fn snapshot(object: &Value, action: &Action) -> Snapshot {
    let labels = object["metadata"]["labels"].as_object().into_iter().flatten();
    let labels = labels.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    Snapshot {
        uid: object["metadata"]["uid"].as_str().map(str::to_owned),
        resource_version: Some(version(object, action)),
        labels: Some(labels.collect()),
        managed: None,
    }
}
