//! Who would undo a change: whatever manages the object, and whoever owns the fields that are set.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::FIELD_MANAGER;
use crate::adapters::cluster::managed_by;

/// Managers that do not come back to set a field again: people's tools, and Kubernetes' own controllers.
const PASSING: [&str; 6] = [
    "kubectl",
    "kubectl-edit",
    "kubectl-patch",
    "kubectl-rollout",
    "kubectl-client-side-apply",
    "kube-controller-manager",
];

/// `Argo CD application shop`, `Helm release web`: whoever keeps the definition of the object elsewhere.
pub(super) fn manager(object: &Value) -> Option<String> {
    let meta: ObjectMeta = serde_json::from_value(object["metadata"].clone()).ok()?;
    managed_by(&meta)
}

/// The managers that own a field which the patch sets, with the field.
pub(super) fn owners(object: &Value, patch: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in object["metadata"]["managedFields"].as_array().into_iter().flatten() {
        let manager = entry["manager"].as_str().unwrap_or_default();
        if manager == FIELD_MANAGER || PASSING.contains(&manager) {
            continue;
        }
        let mut paths = Vec::new();
        overlap(&entry["fieldsV1"], patch, "", &mut paths);
        found.extend(paths.into_iter().take(1).map(|path| (manager.to_owned(), path)));
    }
    found.dedup();
    found
}

/// The leaves of the patch that the field tree contains.
fn overlap(fields: &Value, patch: &Value, path: &str, found: &mut Vec<String>) {
    let Some(map) = patch.as_object() else { return };
    for (name, value) in map.iter().filter(|(name, _)| !name.starts_with('$') && name.as_str() != "metadata") {
        let owned = &fields[format!("f:{name}")];
        let here = format!("{path}.{name}");
        match value {
            _ if owned.is_null() => {}
            Value::Object(_) => overlap(owned, value, &here, found),
            Value::Array(items) => {
                for item in items {
                    let key = format!("k:{{\"name\":{}}}", item["name"]);
                    if !owned[&key].is_null() {
                        overlap(
                            &owned[&key],
                            item,
                            &format!("{here}[{}]", item["name"].as_str().unwrap_or_default()),
                            found,
                        );
                    }
                }
            }
            // The key of a list's item is in the patch to find it, not to set it.
            _ if name == "name" => {}
            _ => found.push(here.trim_start_matches('.').to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn owners_of_what_is_set() {
        let object = json!({"metadata": {"managedFields": [
            {"manager": "argocd-controller", "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": {
                "k:{\"name\":\"app\"}": {"f:name": {}, "f:resources": {"f:limits": {"f:memory": {}}}}}}}}}},
            {"manager": "kubectl", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        ]}});
        let memory = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "resources": {"limits": {"memory": "1Gi"}}}]}}}});
        assert_eq!(
            owners(&object, &memory),
            [("argocd-controller".to_owned(), "spec.template.spec.containers[app].resources.limits.memory".to_owned())]
        );
        assert_eq!(owners(&object, &json!({"spec": {"replicas": 3}})), []);
    }
}
