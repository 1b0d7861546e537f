//! Kubernetes' strategic merge patch.

use serde_json::{Map, Value};

use super::list_keys::merge_key;

/// Applies a strategic merge patch: `null` removes, objects merge, lists of things with a key merge by that key, all else
/// replaces, and `$patch` says `replace` or `delete`.
pub(super) fn strategic(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        return;
    };
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            *target = Value::Object(without_directives(patch));
            return;
        }
        Some("delete") => {
            *target = Value::Object(Map::new());
            return;
        }
        _ => {}
    }
    let target = object(target);
    for (name, value) in patch.iter().filter(|(name, _)| !name.starts_with('$')) {
        match value {
            Value::Null => {
                target.remove(name);
            }
            Value::Array(items) => match merge_key(name, items) {
                Some(key) => merge_list(target.entry(name.clone()).or_insert(Value::Null), key, items),
                None => {
                    target.insert(name.clone(), value.clone());
                }
            },
            Value::Object(_) => strategic(target.entry(name.clone()).or_insert(Value::Null), value),
            _ => {
                target.insert(name.clone(), value.clone());
            }
        }
    }
}

fn merge_list(target: &mut Value, key: &str, items: &[Value]) {
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    let Some(list) = target.as_array_mut() else { return };
    if items.iter().any(|item| item.get("$patch").and_then(Value::as_str) == Some("replace") && item.get(key).is_none())
    {
        list.clear();
    }
    for item in items {
        let Some(wanted) = item.get(key) else { continue };
        let at = list.iter().position(|one| one.get(key) == Some(wanted));
        match (at, item.get("$patch").and_then(Value::as_str)) {
            (Some(at), Some("delete")) => {
                list.remove(at);
            }
            (None, Some("delete")) => {}
            (Some(at), _) => strategic(&mut list[at], item),
            (None, _) => {
                let mut fresh = Value::Null;
                strategic(&mut fresh, item);
                list.push(fresh);
            }
        }
    }
}

fn without_directives(patch: &Map<String, Value>) -> Map<String, Value> {
    patch.iter().filter(|(name, _)| !name.starts_with('$')).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The value as an object; whatever else it was is dropped.
fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(map) = value else { unreachable!("it was just made an object") };
    map
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn strategic_patches_merge_by_key() {
        let target = json!({"spec": {"containers": [
            {"name": "app", "image": "a:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
            {"name": "side", "image": "s:1"},
        ], "args": ["x"]}});
        for (patch, expected) in [
            (
                json!({"spec": {"containers": [{"name": "app", "env": [{"name": "A", "$patch": "delete"}]}]}}),
                json!({"spec": {"containers": [
                    {"name": "app", "image": "a:1", "env": [{"name": "B", "value": "2"}]},
                    {"name": "side", "image": "s:1"},
                ], "args": ["x"]}}),
            ),
            (
                json!({"spec": {"$patch": "replace", "containers": [{"name": "new"}]}}),
                json!({"spec": {"containers": [{"name": "new"}]}}),
            ),
            (
                json!({"spec": {"containers": [{"name": "app", "resources": {"limits": {"memory": "64Mi"}}, "env": null}], "args": ["y"]}}),
                json!({"spec": {"containers": [
                    {"name": "app", "image": "a:1", "resources": {"limits": {"memory": "64Mi"}}},
                    {"name": "side", "image": "s:1"},
                ], "args": ["y"]}}),
            ),
        ] {
            let mut changed = target.clone();
            strategic(&mut changed, &patch);
            assert_eq!(changed, expected);
        }
    }
}
