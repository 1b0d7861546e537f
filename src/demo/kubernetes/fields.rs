//! Who owns which fields: `managedFields` as the server reads and writes them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::list_keys::merge_key;

/// One field: the segments of its path as `fieldsV1` writes them (`f:spec`, `k:{"name":"app"}`).
pub(super) type Path = Vec<String>;

/// Metadata that the server alone writes: nobody owns it.
const UNOWNED: [&str; 9] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// The fields that an object sets: its leaves, and the items of its keyed lists.
pub(super) fn fields_of(object: &Value) -> BTreeSet<Path> {
    let mut fields = BTreeSet::new();
    let Some(map) = object.as_object() else { return fields };
    for (name, value) in map.iter().filter(|(name, _)| !matches!(name.as_str(), "kind" | "apiVersion")) {
        let mut path = vec![format!("f:{name}")];
        if name == "metadata" {
            for (name, value) in
                value.as_object().into_iter().flatten().filter(|(name, _)| !UNOWNED.contains(&name.as_str()))
            {
                path.push(format!("f:{name}"));
                collect(name, value, &mut path, &mut fields);
                path.pop();
            }
        } else {
            collect(name, value, &mut path, &mut fields);
        }
    }
    fields
}

fn collect(field: &str, value: &Value, path: &mut Path, fields: &mut BTreeSet<Path>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (name, value) in map {
                path.push(format!("f:{name}"));
                collect(name, value, path, fields);
                path.pop();
            }
        }
        Value::Array(items) if merge_key(field, items).is_some() && !items.is_empty() => {
            let key = merge_key(field, items).unwrap_or_default();
            for item in items {
                path.push(format!("k:{}", json!({key: item[key]})));
                path.push(".".to_owned());
                fields.insert(path.clone());
                path.pop();
                for (name, value) in item.as_object().into_iter().flatten() {
                    path.push(format!("f:{name}"));
                    collect(name, value, path, fields);
                    path.pop();
                }
                path.pop();
            }
        }
        _ => {
            fields.insert(path.clone());
        }
    }
}

/// The value of a field.
pub(super) fn value_at<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().filter(|segment| *segment != ".").try_fold(object, |value, segment| step(value, segment))
}

fn step<'a>(value: &'a Value, segment: &str) -> Option<&'a Value> {
    if let Some(name) = segment.strip_prefix("f:") {
        return value.get(name);
    }
    let key: Map<String, Value> = serde_json::from_str(segment.strip_prefix("k:")?).ok()?;
    value.as_array()?.iter().find(|item| key.iter().all(|(name, wanted)| item.get(name) == Some(wanted)))
}

/// As `fieldsV1`.
pub(super) fn to_v1(fields: &BTreeSet<Path>) -> Value {
    let mut tree = json!({});
    for path in fields {
        let mut node = &mut tree;
        for segment in path {
            node = &mut node[segment.as_str()];
            if node.is_null() {
                *node = json!({});
            }
        }
    }
    tree
}

/// Reads `fieldsV1`: leaves, and `.` where an item or an object itself is owned.
pub(super) fn from_v1(tree: &Value) -> BTreeSet<Path> {
    fn walk(node: &Value, path: &mut Path, fields: &mut BTreeSet<Path>) {
        match node.as_object() {
            Some(children) if !children.is_empty() => {
                for (segment, child) in children {
                    path.push(segment.clone());
                    walk(child, path, fields);
                    path.pop();
                }
            }
            _ => {
                fields.insert(path.clone());
            }
        }
    }
    let mut fields = BTreeSet::new();
    walk(tree, &mut Vec::new(), &mut fields);
    fields.remove(&Vec::new());
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_back() {
        let object = json!({"kind": "Deployment", "metadata": {"name": "web", "labels": {"app": "web"}},
            "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "app", "image": "a:1", "args": ["x"]}]}}}});
        let fields = fields_of(&object);
        let names: Vec<String> = fields.iter().map(|path| path.join(" ")).collect();
        assert_eq!(
            names,
            [
                "f:metadata f:labels f:app",
                "f:spec f:replicas",
                "f:spec f:template f:spec f:containers k:{\"name\":\"app\"} .",
                "f:spec f:template f:spec f:containers k:{\"name\":\"app\"} f:args",
                "f:spec f:template f:spec f:containers k:{\"name\":\"app\"} f:image",
                "f:spec f:template f:spec f:containers k:{\"name\":\"app\"} f:name",
            ]
        );
        assert_eq!(from_v1(&to_v1(&fields)), fields);
        let image = fields.iter().find(|path| path.last().is_some_and(|last| last == "f:image")).unwrap();
        assert_eq!(value_at(&object, image), Some(&json!("a:1")));
    }
}
