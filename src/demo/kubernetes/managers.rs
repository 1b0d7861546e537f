//! Keeps `managedFields`: which fields an update takes over.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::fields::{Path, fields_of, from_v1, to_v1, value_at};

/// Who writes, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer<'a> {
    pub manager: &'a str,
    pub api_version: &'a str,
    pub subresource: Option<&'a str>,
    /// When, as the server writes it.
    pub at: &'a str,
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
        if is_of(entry, writer) {
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
        entries.push(entry(writer, &own));
    }
    after["metadata"]["managedFields"] = json!(entries);
}

fn is_of(entry: &Value, writer: Writer) -> bool {
    entry["manager"] == writer.manager
        && entry["operation"] == "Update"
        && entry["subresource"].as_str() == writer.subresource
}

fn entry(writer: Writer, fields: &BTreeSet<Path>) -> Value {
    let mut entry = json!({
        "manager": writer.manager, "operation": "Update", "apiVersion": writer.api_version, "time": writer.at,
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
    fn an_update_takes_over_what_it_changes() {
        let mut before = json!({"metadata": {}, "spec": {"replicas": 2, "paused": false}});
        updated(&json!({"metadata": {}}), &mut before, writer("a"));
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
