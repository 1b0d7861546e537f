//! By what the items of a list are told apart, as the API's types say (`patchMergeKey`, `x-kubernetes-list-map-keys`).

use serde_json::Value;

/// The key of a list by the name of its field; `None` for lists that are replaced whole.
pub(super) fn merge_key(field: &str, items: &[Value]) -> Option<&'static str> {
    let key = match field {
        "containers" | "initContainers" | "ephemeralContainers" | "env" | "volumes" | "imagePullSecrets" => "name",
        "volumeMounts" => "mountPath",
        "volumeDevices" => "devicePath",
        "hostAliases" => "ip",
        "conditions" | "addresses" => "type",
        "ownerReferences" => "uid",
        "topologySpreadConstraints" => "topologyKey",
        // A Service's ports have another key than a container's.
        "ports" if items.iter().any(|item| item.get("containerPort").is_some()) => "containerPort",
        "ports" => "port",
        _ => return None,
    };
    Some(key)
}
