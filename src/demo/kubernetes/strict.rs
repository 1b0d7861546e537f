//! `fieldValidation=Strict`: which fields of an object its kind does not have, found by reading it as that kind.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Node, Pod, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The object as its kind has it, or why it cannot be read as one; `None` for kinds that are not looked into.
pub(super) fn read(kind: &str, object: &Value) -> Option<Result<Value, String>> {
    Some(match kind {
        "Deployment" => again::<Deployment>(object),
        "ReplicaSet" => again::<ReplicaSet>(object),
        "StatefulSet" => again::<StatefulSet>(object),
        "DaemonSet" => again::<DaemonSet>(object),
        "HorizontalPodAutoscaler" => again::<HorizontalPodAutoscaler>(object),
        "Job" => again::<Job>(object),
        "CronJob" => again::<CronJob>(object),
        "Pod" => again::<Pod>(object),
        "Node" => again::<Node>(object),
        "Namespace" => again::<Namespace>(object),
        "Service" => again::<Service>(object),
        "ConfigMap" => again::<ConfigMap>(object),
        "PodDisruptionBudget" => again::<PodDisruptionBudget>(object),
        _ => return None,
    })
}

fn again<K: DeserializeOwned + Serialize>(object: &Value) -> Result<Value, String> {
    let typed = K::deserialize(object).map_err(|error| error.to_string())?;
    serde_json::to_value(typed).map_err(|error| error.to_string())
}

/// What the server says of the fields that a kind does not have. What an object had before is not told of: a recording
/// may be newer than the types.
pub(super) fn unknown(kind: &str, before: Option<&Value>, object: &Value) -> Option<String> {
    let known = before.map(|before| lost_of(kind, before)).unwrap_or_default();
    let told: Vec<String> =
        lost_of(kind, object).difference(&known).map(|path| format!("unknown field {path:?}")).collect();
    (!told.is_empty()).then(|| format!("strict decoding error: {}", told.join(", ")))
}

/// The paths of an object that reading it loses.
fn lost_of(kind: &str, object: &Value) -> BTreeSet<String> {
    let mut lost = BTreeSet::new();
    if let Some(Ok(read)) = read(kind, object) {
        compare("", object, &read, &mut lost);
    }
    lost
}

fn compare(path: &str, sent: &Value, read: &Value, lost: &mut BTreeSet<String>) {
    match sent {
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match read.get(name) {
                    Some(read) => compare(&path, value, read, lost),
                    None => {
                        lost.insert(path);
                    }
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                compare(&format!("{path}[{index}]"), item, &read[index], lost);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_that_a_kind_has_not_is_told_of_once_it_is_new() {
        let deployment = |spec: Value| json!({"metadata": {"name": "web", "creationTimestamp": null}, "spec": spec});
        let pods = |spec: Value| deployment(json!({"template": {"spec": spec}}));
        let right = pods(json!({"containers": [{"name": "app", "resources": {"limits": {"memory": "64Mi"}}}]}));
        assert_eq!(unknown("Deployment", None, &right), None);
        let misspelt = pods(json!({"container": [{"name": "app"}]}));
        let told = "strict decoding error: unknown field \"spec.template.spec.container\"";
        assert_eq!(unknown("Deployment", Some(&right), &misspelt).as_deref(), Some(told));
        assert_eq!(unknown("Deployment", Some(&misspelt), &misspelt), None);
        let inside = pods(json!({"containers": [{"name": "app"}, {"name": "side", "imag": "a:1"}]}));
        let told = "strict decoding error: unknown field \"spec.template.spec.containers[1].imag\"";
        assert_eq!(unknown("Deployment", None, &inside).as_deref(), Some(told));
        assert!(read("Deployment", &deployment(json!({"replicas": "two"}))).is_some_and(|read| read.is_err()));
    }
}
