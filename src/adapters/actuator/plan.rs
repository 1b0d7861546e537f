//! The write that an action is, made from the action and the object as it is. Pure: the same wish about the same
//! definition gives the same change, so that what was shown is what is done.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::place::{JOBS, Place};
use super::revisions::History;
use super::{ANNOTATION, ActuatorError};
use crate::domain::action::{Action, Before, ResourceField};
use crate::domain::incident::hex;
use crate::domain::quantity::Quantity;

/// The annotation that `kubectl rollout restart` sets; whoever looks for a restart looks for it.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// The label by which a copied Job names the Job that it repeats.
const RERUN_OF: &str = "holmes-bot.io/rerun-of";

/// Longest name of a Job: its pods carry it as a label.
const MAX_JOB_NAME: usize = 63;

/// What is sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change {
    /// A strategic merge patch of the object.
    Patch(Value),
    /// The object is deleted.
    Delete,
    /// The node is patched and its pods are evicted.
    Drain(Value),
    /// A new object beside it.
    Create { collection: Place, object: Value },
}

impl Change {
    /// The change for an action on an object. `at` is what a restart writes; `id` names what is created.
    pub fn of(
        action: &Action,
        place: &Place,
        object: &Value,
        history: &History,
        at: DateTime<Utc>,
        id: &str,
    ) -> Result<Self, ActuatorError> {
        let patch = match action {
            Action::RolloutRestart { .. } => {
                let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
                json!({"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: at}}}}})
            }
            Action::RolloutUndo { to_revision, .. } => {
                let template = history.template(*to_revision).ok_or_else(|| ActuatorError::Unmet {
                    what: place.to_string(),
                    why: format!("revision {to_revision} is not kept; there are {:?}", history.numbers()),
                })?;
                json!({"spec": {"template": template}})
            }
            Action::RolloutPause { .. } => json!({"spec": {"paused": true}}),
            Action::RolloutResume { .. } => json!({"spec": {"paused": false}}),
            Action::Scale { replicas, .. } => json!({"spec": {"replicas": replicas}}),
            Action::SetResources { container, resource, field, quantity, .. } => {
                let list = list_of(object, container.as_str());
                let value = quantity.as_ref().map(ToString::to_string);
                let resources = json!({bound(*field): {resource.as_str(): value}});
                json!({"spec": {"template": {"spec": {list: [{"name": container, "resources": resources}]}}}})
            }
            Action::SetHpaBounds { min, max, .. } => json!({"spec": {"minReplicas": min, "maxReplicas": max}}),
            Action::DeletePod { .. } => return Ok(Self::Delete),
            Action::Cordon { .. } => json!({"spec": {"unschedulable": true}}),
            Action::Uncordon { .. } => json!({"spec": {"unschedulable": null}}),
            Action::Drain { .. } => return Ok(Self::Drain(json!({"spec": {"unschedulable": true}}))),
            Action::SuspendCronjob { .. } => json!({"spec": {"suspend": true}}),
            Action::ResumeCronjob { .. } => json!({"spec": {"suspend": false}}),
            Action::RerunJob { .. } => {
                let collection = Place::new(JOBS, place.namespace.as_deref(), "");
                return Ok(Self::Create { collection, object: copied_job(object, id) });
            }
            Action::CreateSilence { .. } | Action::ExpireSilence { .. } => {
                return Err(ActuatorError::Other { why: "a silence is no object of the cluster".into() });
            }
        };
        Ok(Self::Patch(patch))
    }
}

/// SHA-256, hex.
pub(super) fn digest(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// The version of what an approval rests on: which object it is, its labels, and what is wanted of it. Of a node only
/// the identity: cordoning is part of a drain, and must not end the permission for the rest of it. How many replicas are
/// wanted matters to who would scale: to others, an autoscaler's steps are the weather.
pub(super) fn version(object: &Value, action: &Action) -> String {
    let meta = &object["metadata"];
    let mut spec = match action {
        Action::Cordon { .. } | Action::Uncordon { .. } | Action::Drain { .. } => Value::Null,
        _ => object["spec"].clone(),
    };
    if let (Value::Object(spec), false) = (&mut spec, matches!(action, Action::Scale { .. })) {
        spec.remove("replicas");
    }
    digest(&json!([meta["uid"], meta["labels"], spec]).to_string())[..16].to_owned()
}

/// A patch that holds only for this version of the object, and leaves the proposal's id on it.
pub(super) fn bound_to(patch: &Value, object: &Value, id: Option<&str>) -> Value {
    let mut patch = patch.clone();
    patch["metadata"]["uid"] = object["metadata"]["uid"].clone();
    patch["metadata"]["resourceVersion"] = object["metadata"]["resourceVersion"].clone();
    if let Some(id) = id {
        patch["metadata"]["annotations"] = json!({ANNOTATION: id});
    }
    patch
}

/// What the action would overwrite.
pub(super) fn before(action: &Action, object: &Value, history: &History) -> Before {
    let count = |field: &str, default: u32| {
        object["spec"][field].as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or(default)
    };
    let set = |field: &str| object["spec"][field] == true;
    match action {
        Action::RolloutRestart { .. }
        | Action::RolloutUndo { .. }
        | Action::RolloutPause { .. }
        | Action::RolloutResume { .. } => Before::Rollout { revision: history.current, paused: set("paused") },
        Action::Scale { .. } => Before::Replicas { replicas: count("replicas", 1) },
        Action::SetResources { container, resource, field, .. } => {
            let found = container_of(object, container.as_str());
            let value = found.map(|container| &container["resources"][bound(*field)][resource.as_str()]);
            let quantity = value.and_then(Value::as_str).and_then(|text| text.parse::<Quantity>().ok());
            Before::Resource { quantity }
        }
        Action::SetHpaBounds { .. } => Before::Bounds { min: count("minReplicas", 1), max: count("maxReplicas", 1) },
        Action::Cordon { .. } | Action::Uncordon { .. } | Action::Drain { .. } => {
            Before::Node { unschedulable: set("unschedulable") }
        }
        Action::SuspendCronjob { .. } | Action::ResumeCronjob { .. } => Before::CronJob { suspended: set("suspend") },
        Action::DeletePod { .. }
        | Action::RerunJob { .. }
        | Action::CreateSilence { .. }
        | Action::ExpireSilence { .. } => Before::Unknown,
    }
}

/// The plural that the API has for a request or limit.
pub(super) fn bound(field: ResourceField) -> &'static str {
    match field {
        ResourceField::Request => "requests",
        ResourceField::Limit => "limits",
    }
}

/// A container of the template, by its name.
pub(super) fn container_of<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let spec = &object["spec"]["template"]["spec"];
    spec[list_of(object, name)].as_array()?.iter().find(|container| container["name"] == *name)
}

fn list_of(object: &Value, name: &str) -> &'static str {
    let init = object["spec"]["template"]["spec"]["initContainers"].as_array();
    let is_init = init.is_some_and(|containers| containers.iter().any(|container| container["name"] == *name));
    if is_init { "initContainers" } else { "containers" }
}

/// The name of a Job's copy: the same for the same proposal, so that it cannot be made twice.
pub(super) fn copy_name(job: &str, id: &str) -> String {
    let suffix = format!("-again-{}", &digest(id)[..8]);
    let room = MAX_JOB_NAME - suffix.len();
    // The name of a Job is ASCII.
    let stem = job.get(..job.len().min(room)).unwrap_or(job).trim_end_matches(['-', '.']);
    format!("{stem}{suffix}")
}

/// A Job's copy, without what ties the original to its pods.
fn copied_job(job: &Value, id: &str) -> Value {
    let name = job["metadata"]["name"].as_str().unwrap_or_default();
    let mut spec = job["spec"].clone();
    let is_tie = |label: &str| label.ends_with("controller-uid") || label.ends_with("job-name");
    let untied = |labels: &Value| -> Map<String, Value> {
        let labels = labels.as_object().into_iter().flatten();
        labels.filter(|(label, _)| !is_tie(label)).map(|(label, value)| (label.clone(), value.clone())).collect()
    };
    if let Some(map) = spec.as_object_mut() {
        map.remove("selector");
        map.remove("manualSelector");
        map.remove("suspend");
    }
    spec["template"]["metadata"]["labels"] = Value::Object(untied(&spec["template"]["metadata"]["labels"]));
    if let Some(meta) = spec["template"]["metadata"].as_object_mut() {
        meta.remove("creationTimestamp");
    }
    let mut meta = json!({
        "name": copy_name(name, id),
        "namespace": job["metadata"]["namespace"],
        "labels": untied(&job["metadata"]["labels"]),
        "annotations": {ANNOTATION: id, RERUN_OF: name},
    });
    // As `kubectl create job --from` does: the CronJob's history limits then clean up the copy, too.
    if !job["metadata"]["ownerReferences"].is_null() {
        meta["ownerReferences"] = job["metadata"]["ownerReferences"].clone();
    }
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": spec})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_matter_to_who_would_scale_and_to_nobody_else() {
        let object = |replicas: u32, image: &str| json!({"metadata": {"uid": "1"}, "spec": {"replicas": replicas, "template": {"image": image}}});
        let namespace = "shop".parse().unwrap();
        for (wish, same) in [
            ("restart deployment/web", true),
            ("undo deployment/web --to-revision 3", true),
            ("scale deployment/web --replicas 9", false),
        ] {
            let action = Action::parse(wish, Some(&namespace)).unwrap();
            assert_eq!(version(&object(4, "web:1"), &action) == version(&object(6, "web:1"), &action), same, "{wish}");
            assert_ne!(version(&object(4, "web:1"), &action), version(&object(4, "web:2"), &action), "{wish}");
        }
    }
}
