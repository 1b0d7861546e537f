//! Discovery: which groups, versions and resources the server has.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::resources::Resource;
use super::status::Refusal;
use super::store::Store;

/// `/version`
pub(super) fn version() -> Value {
    json!({
        "major": "1", "minor": "34", "gitVersion": "v1.34.9", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1.27.3", "compiler": "gc", "platform": "linux/amd64",
        "emulationMajor": "1", "emulationMinor": "34", "minCompatibilityMajor": "1", "minCompatibilityMinor": "33",
    })
}

/// `/api`
pub(super) fn core_versions() -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
}

/// `/apis`
pub(super) fn groups(store: &Store) -> Value {
    let names: BTreeSet<&str> =
        store.resources().map(|resource| resource.group.as_str()).filter(|group| !group.is_empty()).collect();
    let groups: Vec<Value> = names.into_iter().map(|name| described(store, name)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/{group}`
pub(super) fn group(store: &Store, name: &str) -> Result<Value, Refusal> {
    if store.resources().all(|resource| resource.group != name) {
        return Err(Refusal::UnknownPath);
    }
    let mut group = described(store, name);
    group["kind"] = json!("APIGroup");
    group["apiVersion"] = json!("v1");
    Ok(group)
}

fn described(store: &Store, name: &str) -> Value {
    let versions: BTreeSet<&str> =
        store.resources().filter(|resource| resource.group == name).map(|resource| resource.version.as_str()).collect();
    let versions: Vec<Value> = versions
        .into_iter()
        .map(|version| json!({"groupVersion": format!("{name}/{version}"), "version": version}))
        .collect();
    json!({"name": name, "versions": versions, "preferredVersion": versions[0]})
}

/// `/api/v1`, `/apis/{group}/{version}`
pub(super) fn resources(store: &Store, group: &str, version: &str) -> Result<Value, Refusal> {
    let members: Vec<&Resource> =
        store.resources().filter(|resource| resource.group == group && resource.version == version).collect();
    let first = members.first().ok_or(Refusal::UnknownPath)?;
    let mut resources = Vec::new();
    for resource in &members {
        resources.push(described_resource(resource, "", &resource.kind, json!(["get", "list", "watch"])));
        if resource.plural == "pods" {
            resources.push(described_resource(resource, "/log", "Pod", json!(["get"])));
        }
        if resource.scalable() {
            resources.push(described_resource(resource, "/scale", "Scale", json!(["get"])));
        }
    }
    Ok(
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": first.api_version(), "resources": resources}),
    )
}

fn described_resource(resource: &Resource, suffix: &str, kind: &str, verbs: Value) -> Value {
    let singular = if suffix.is_empty() { resource.kind.to_lowercase() } else { String::new() };
    json!({"name": format!("{}{suffix}", resource.plural), "singularName": singular, "namespaced": resource.namespaced, "kind": kind, "verbs": verbs})
}
