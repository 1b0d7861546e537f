//! The patch formats: JSON merge patch (RFC 7386), JSON patch (RFC 6902) and Kubernetes' strategic merge patch.

use serde_json::{Map, Value};

use super::list_keys::merge_key;

/// Why a patch cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It is not a patch at all (400).
    Malformed(String),
    /// It is one, but not for this object (422); the server does not say why.
    Unprocessable,
}

/// Applies a JSON merge patch: `null` removes, objects merge, all else replaces.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        return;
    };
    let target = object(target);
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Applies a strategic merge patch: as a merge patch, but lists of things with a key merge by that key, and `$patch`
/// says `replace` or `delete`.
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

/// Applies a JSON patch; either all of it or nothing.
pub(super) fn json_patch(target: &Value, patch: &Value) -> Result<Value, Unfit> {
    let steps = patch.as_array().ok_or_else(|| {
        Unfit::Malformed(
            "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch".into(),
        )
    })?;
    let mut result = target.clone();
    for step in steps {
        let path = step["path"].as_str().unwrap_or_default();
        match step["op"].as_str().unwrap_or_default() {
            "test" => {
                if result.pointer(path).unwrap_or(&Value::Null) != &step["value"] {
                    return Err(Unfit::Unprocessable);
                }
            }
            "add" => add(&mut result, path, step["value"].clone()).ok_or(Unfit::Unprocessable)?,
            "replace" => {
                *result.pointer_mut(path).ok_or(Unfit::Unprocessable)? = step["value"].clone();
            }
            "remove" => {
                remove(&mut result, path).ok_or(Unfit::Unprocessable)?;
            }
            "move" => {
                let taken =
                    remove(&mut result, step["from"].as_str().unwrap_or_default()).ok_or(Unfit::Unprocessable)?;
                add(&mut result, path, taken).ok_or(Unfit::Unprocessable)?;
            }
            "copy" => {
                let from = step["from"].as_str().unwrap_or_default();
                let copied = result.pointer(from).cloned().ok_or(Unfit::Unprocessable)?;
                add(&mut result, path, copied).ok_or(Unfit::Unprocessable)?;
            }
            _ => return Err(Unfit::Unprocessable),
        }
    }
    Ok(result)
}

fn split(path: &str) -> Option<(&str, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    Some((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn add(target: &mut Value, path: &str, value: Value) -> Option<()> {
    if path.is_empty() {
        *target = value;
        return Some(());
    }
    let (parent, last) = split(path)?;
    match target.pointer_mut(parent)? {
        Value::Object(map) => {
            map.insert(last, value);
        }
        Value::Array(list) if last == "-" => list.push(value),
        Value::Array(list) => {
            let at = last.parse::<usize>().ok().filter(|at| *at <= list.len())?;
            list.insert(at, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(target: &mut Value, path: &str) -> Option<Value> {
    let (parent, last) = split(path)?;
    match target.pointer_mut(parent)? {
        Value::Object(map) => map.remove(&last),
        Value::Array(list) => {
            let at = last.parse::<usize>().ok().filter(|at| *at < list.len())?;
            Some(list.remove(at))
        }
        _ => None,
    }
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
    fn merge_patches() {
        for (target, patch, expected) in [
            (
                json!({"a": 1, "b": {"c": 2, "d": 3}}),
                json!({"b": {"c": null, "e": 4}}),
                json!({"a": 1, "b": {"d": 3, "e": 4}}),
            ),
            (json!({"l": [1, 2]}), json!({"l": [3]}), json!({"l": [3]})),
            (json!({"a": 1}), json!({"b": {"c": {"d": null}}}), json!({"a": 1, "b": {"c": {}}})),
        ] {
            let mut target = target;
            merge(&mut target, &patch);
            assert_eq!(target, expected);
        }
    }

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

    #[test]
    fn json_patches() {
        let target = json!({"a": {"b/c": 1}, "l": [1, 2]});
        let patched = |patch: Value| json_patch(&target, &patch);
        assert_eq!(patched(json!([{"op": "replace", "path": "/a/b~1c", "value": 2}])).unwrap()["a"]["b/c"], 2);
        assert_eq!(patched(json!([{"op": "add", "path": "/l/-", "value": 3}])).unwrap()["l"], json!([1, 2, 3]));
        assert_eq!(patched(json!([{"op": "remove", "path": "/l/0"}])).unwrap()["l"], json!([2]));
        assert!(matches!(patched(json!([{"op": "test", "path": "/l/0", "value": 9}])), Err(Unfit::Unprocessable)));
        assert!(matches!(patched(json!([{"op": "replace", "path": "/x", "value": 9}])), Err(Unfit::Unprocessable)));
        assert!(matches!(patched(json!({})), Err(Unfit::Malformed(_))));
    }
}
