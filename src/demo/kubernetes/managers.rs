//! Keeps `managedFields`: what an update or an apply takes over, and where an apply conflicts.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::fields::{Path, fields_of, from_v1, remove_at, shown, to_v1, value_at};
use super::list_keys::merge_key;
use super::patch::merge;

/// Who writes, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer<'a> {
    pub manager: &'a str,
    pub api_version: &'a str,
    pub subresource: Option<&'a str>,
    /// When, as the server writes it.
    pub at: &'a str,
}

/// A field that somebody else owns and has another value for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conflict {
    /// `"kubectl" using apps/v1 at 2026-11-22T22:15:05Z`
    pub with: String,
    /// `.spec.replicas`
    pub field: String,
}

/// After an update: what changed belongs to the writer now, and to nobody else.
pub(super) fn updated(before: &Value, after: &mut Value, writer: Writer) {
    let (old, new) = (fields_of(before), fields_of(after));
    let changed: BTreeSet<Path> =
        new.iter().filter(|path| value_at(before, path) != value_at(after, path)).cloned().collect();
    if changed.is_empty() && old.is_subset(&new) {
        after["metadata"]["managedFields"] = before["metadata"]["managedFields"].clone();
        return drop_null(after);
    }
    let mut entries = Vec::new();
    let mut own = BTreeSet::new();
    for entry in before["metadata"]["managedFields"].as_array().into_iter().flatten() {
        if is_of(entry, writer, "Update") {
            own = from_v1(&entry["fieldsV1"]);
            continue;
        }
        let left: BTreeSet<Path> = from_v1(&entry["fieldsV1"])
            .into_iter()
            .filter(|path| !changed.contains(path) && (new.contains(path) || value_at(after, path).is_some()))
            .collect();
        if !left.is_empty() {
            let mut entry = entry.clone();
            entry["fieldsV1"] = to_v1(&left);
            entries.push(entry);
        }
    }
    own.retain(|path| value_at(after, path).is_some());
    own.extend(changed);
    if !own.is_empty() {
        entries.push(entry(writer, "Update", &own));
    }
    after["metadata"]["managedFields"] = json!(entries);
}

/// Server-side apply: the object with the configuration in it, or the fields that others own.
pub(super) fn applied(
    before: Option<&Value>,
    configuration: &Value,
    force: bool,
    writer: Writer,
) -> Result<Value, Vec<Conflict>> {
    let nothing = json!({"metadata": {}});
    let before = before.unwrap_or(&nothing);
    let wanted = fields_of(configuration);
    let entries = before["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let disputed = |path: &Path| value_at(before, path) != value_at(configuration, path);
    let mut conflicts = Vec::new();
    for entry in entries.iter().filter(|entry| !is_of(entry, writer, "Apply")) {
        for path in from_v1(&entry["fieldsV1"]).iter().filter(|path| wanted.contains(*path) && disputed(path)) {
            conflicts.push(Conflict { with: named(entry), field: shown(path) });
        }
    }
    if !conflicts.is_empty() && !force {
        return Err(conflicts);
    }
    let mut after = before.clone();
    let others: BTreeSet<Path> = entries
        .iter()
        .filter(|entry| !is_of(entry, writer, "Apply"))
        .flat_map(|entry| from_v1(&entry["fieldsV1"]))
        .collect();
    let had = entries.iter().find(|entry| is_of(entry, writer, "Apply")).map(|entry| from_v1(&entry["fieldsV1"]));
    for path in had.iter().flatten().filter(|path| !wanted.contains(*path) && !others.contains(*path)) {
        remove_at(&mut after, path);
    }
    lay_over(&mut after, configuration);
    let mut left = Vec::new();
    for entry in entries.iter().filter(|entry| !is_of(entry, writer, "Apply")) {
        let kept: BTreeSet<Path> =
            from_v1(&entry["fieldsV1"]).into_iter().filter(|path| !(wanted.contains(path) && disputed(path))).collect();
        if !kept.is_empty() {
            let mut entry = entry.clone();
            entry["fieldsV1"] = to_v1(&kept);
            left.push(entry);
        }
    }
    left.push(entry(writer, "Apply", &wanted));
    after["metadata"]["managedFields"] = json!(left);
    Ok(after)
}

/// Merges a configuration: keyed lists by key, all else as a merge patch does.
fn lay_over(target: &mut Value, configuration: &Value) {
    let Value::Object(map) = configuration else {
        target.clone_from(configuration);
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in map {
        match value {
            Value::Array(items) if merge_key(name, items).is_some() => {
                let key = merge_key(name, items).unwrap_or_default();
                let slot = &mut target[name.as_str()];
                if !slot.is_array() {
                    *slot = json!([]);
                }
                let Some(list) = slot.as_array_mut() else { continue };
                for item in items {
                    match list.iter_mut().find(|one| one.get(key) == item.get(key)) {
                        Some(found) => lay_over(found, item),
                        None => list.push(item.clone()),
                    }
                }
            }
            Value::Object(_) => lay_over(&mut target[name.as_str()], value),
            _ => merge(&mut target[name.as_str()], value),
        }
    }
}

fn is_of(entry: &Value, writer: Writer, operation: &str) -> bool {
    entry["manager"] == writer.manager
        && entry["operation"] == operation
        && entry["subresource"].as_str() == writer.subresource
}

fn named(entry: &Value) -> String {
    let manager = &entry["manager"];
    let subresource =
        entry["subresource"].as_str().map(|name| format!(" with subresource {name:?}")).unwrap_or_default();
    if entry["operation"] != "Update" {
        return format!("{manager}{subresource}");
    }
    let at = entry["time"].as_str().map(|at| format!(" at {at}")).unwrap_or_default();
    let version = entry["apiVersion"].as_str().unwrap_or_default();
    format!("{manager}{subresource} using {version}{at}")
}

fn entry(writer: Writer, operation: &str, fields: &BTreeSet<Path>) -> Value {
    let mut entry = json!({
        "manager": writer.manager, "operation": operation, "apiVersion": writer.api_version, "time": writer.at,
        "fieldsType": "FieldsV1", "fieldsV1": to_v1(fields),
    });
    if let Some(subresource) = writer.subresource {
        entry["subresource"] = json!(subresource);
    }
    entry
}

fn drop_null(object: &mut Value) {
    if object["metadata"]["managedFields"].is_null()
        && let Some(map) = object["metadata"].as_object_mut()
    {
        map.remove("managedFields");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn writer(manager: &str) -> Writer<'_> {
        Writer { manager, api_version: "apps/v1", subresource: None, at: "2026-11-22T22:00:00Z" }
    }

    #[test]
    fn an_apply_conflicts_with_who_owns_another_value() {
        let config = |replicas: u32| json!({"spec": {"replicas": replicas}});
        let first = applied(None, &config(2), false, writer("a")).unwrap();
        let refused = applied(Some(&first), &config(3), false, writer("b")).unwrap_err();
        assert_eq!(refused[0].field, ".spec.replicas");
        assert_eq!(refused[0].with, "\"a\"");
        assert!(applied(Some(&first), &config(2), false, writer("b")).is_ok(), "the same value is shared");
        let forced = applied(Some(&first), &config(3), true, writer("b")).unwrap();
        let managers: Vec<&Value> =
            forced["metadata"]["managedFields"].as_array().unwrap().iter().map(|entry| &entry["manager"]).collect();
        assert_eq!(managers, ["b"]);
        let gone = applied(Some(&forced), &json!({"spec": {"paused": true}}), false, writer("b")).unwrap();
        assert_eq!(gone["spec"], json!({"paused": true}), "what a manager no longer applies is removed");
    }

    #[test]
    fn an_update_takes_over_what_it_changes() {
        let before = applied(None, &json!({"spec": {"replicas": 2, "paused": false}}), false, writer("a")).unwrap();
        let mut after = before.clone();
        after["spec"]["replicas"] = json!(5);
        updated(&before, &mut after, writer("b"));
        let owned: Vec<(String, Value)> = after["metadata"]["managedFields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| (entry["manager"].as_str().unwrap().to_owned(), entry["fieldsV1"].clone()))
            .collect();
        assert_eq!(
            owned,
            [
                ("a".to_owned(), json!({"f:spec": {"f:paused": {}}})),
                ("b".to_owned(), json!({"f:spec": {"f:replicas": {}}}))
            ]
        );
    }
}
