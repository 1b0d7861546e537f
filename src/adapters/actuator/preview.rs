//! What an action would do, asked from the server: only a dry run that succeeded is offered to people.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::api::Run;
use super::place::{AUTOSCALERS, Place};
use super::plan::{Change, basis, before, bound_to};
use super::revisions::History;
use super::{Actuator, ActuatorError, conditions, diff, ownership};
use crate::domain::action::{Action, Before, Inverse};

/// What people see before they decide, and what their approval is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// The target: `Deployment shop/checkout`.
    pub target: String,
    /// Its uid; empty for a new silence.
    pub uid: String,
    /// Its version when it was looked at.
    pub resource_version: String,
    /// Digest of what the approval rests on: the object's identity, labels and spec. Its status may move on.
    pub basis: String,
    /// Digest of the exact change.
    pub change: String,
    /// What would be overwritten.
    pub before: Before,
    /// The server's dry run as a unified diff, redacted.
    pub diff: String,
    /// The change as YAML, redacted: what to commit where something else manages the object.
    pub patch: String,
    /// `Argo CD application shop`: whoever would set it back.
    pub managed_by: Option<String>,
    /// What should be known before deciding.
    pub warnings: Vec<Warning>,
    /// When it was looked at; a restart writes this moment.
    pub at: DateTime<Utc>,
}

impl Preview {
    /// The way back.
    pub fn inverse(&self, action: &Action) -> Inverse {
        action.inverse(&self.before, None)
    }
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
        let (object, history) = self.looked_at(action, &place).await?;
        let change = Change::of(action, &place, &object, &history, at, "preview")?;
        let mut warnings = Vec::new();
        let managed_by = ownership::manager(&object).filter(|_| !matches!(change, Change::Delete | Change::Create { .. }));
        warnings.extend(managed_by.clone().map(|manager| Warning::ManagedBy { manager }));
        let (shown, patch) = self.dry_run(action, &place, &object, &change, &mut warnings).await?;
        if let Change::Patch(patch) | Change::Drain(patch) = &change {
            let owned = ownership::owners(&object, patch);
            warnings.extend(owned.into_iter().map(|(manager, field)| Warning::FieldOwned { manager, field }));
        }
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        Ok(Preview {
            target: place.to_string(),
            uid: text("uid"),
            resource_version: text("resourceVersion"),
            basis: basis(&object),
            change: change.digest(),
            before: before(action, &object, &history),
            diff: shown,
            patch,
            managed_by,
            warnings,
            at,
        })
    }

    /// The object with its history, when all that must hold does.
    pub(super) async fn looked_at(&self, action: &Action, place: &Place) -> Result<(Value, History), ActuatorError> {
        let missing = || ActuatorError::NotFound { what: place.to_string() };
        let object = self.api.get(place).await?.ok_or_else(missing)?;
        let history = match action {
            Action::RolloutUndo { workload, .. } => self.history(workload, &object).await?,
            _ => History::default(),
        };
        let autoscaler = match action {
            Action::Scale { .. } => self.autoscaler(place).await?,
            _ => None,
        };
        match conditions::unmet(action, &object, &history, autoscaler.as_deref()) {
            Some(why) => Err(ActuatorError::Unmet { what: place.to_string(), why }),
            None => Ok((object, history)),
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
        let told = |(_, error)| error;
        match change {
            Change::Patch(patch) => {
                let bound = bound_to(patch, object, None);
                let after = self.api.patch(place, &bound, Run::Dry, None).await.map_err(told)?;
                let shown = diff::between(object, &after);
                if shown.is_empty() {
                    return Err(ActuatorError::Unmet { what: place.to_string(), why: "nothing would change".into() });
                }
                Ok((shown, diff::yaml(patch)))
            }
            Change::Delete => {
                let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
                self.api.delete(place, uid, Run::Dry, None).await.map_err(told)?;
                Ok((format!("-{place}\n"), String::new()))
            }
            Change::Create { collection, object: made } => {
                self.api.create(collection, made, Run::Dry, None).await.map_err(told)?;
                let text = diff::yaml(&made["spec"]);
                let added: String = text.lines().map(|line| format!("+{line}\n")).collect();
                Ok((added, diff::yaml(made)))
            }
            Change::Drain(patch) => {
                let bound = bound_to(patch, object, None);
                let after = self.api.patch(place, &bound, Run::Dry, None).await.map_err(told)?;
                let leaving = self.drain_preview(action, place, warnings).await?;
                Ok((format!("{}{leaving}", diff::between(object, &after)), diff::yaml(patch)))
            }
        }
    }
}
