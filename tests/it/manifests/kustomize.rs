//! The little of Kustomize that our manifests use: resources, components, patches (JSON 6902, and `$patch: delete`), images,
//! a namespace, and ConfigMaps from files. What is not understood fails, so the manifests stay simple enough.

use std::path::Path;

use serde_json::{Map, Value, json};

/// Kinds that are in no namespace.
const CLUSTER_WIDE: [&str; 3] = ["Namespace", "ClusterRole", "ClusterRoleBinding"];
const KEYS: [&str; 8] =
    ["apiVersion", "kind", "namespace", "resources", "components", "patches", "images", "configMapGenerator"];

/// The documents of a YAML file.
pub fn documents(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// What `kubectl kustomize` makes of a directory, except that generated names bear no hash.
pub fn build(directory: &Path) -> Vec<Value> {
    let mut objects = Vec::new();
    apply(directory, &mut objects);
    objects
}

/// Adds a component to what an overlay made, as one more line of its `components` would.
pub fn add(component: &Path, namespace: &str, objects: &mut Vec<Value>) {
    apply(component, objects);
    move_to(&json!(namespace), objects);
}

fn apply(directory: &Path, objects: &mut Vec<Value>) {
    let [kustomization] = &documents(&directory.join("kustomization.yaml"))[..] else { panic!("one document") };
    let fields = kustomization.as_object().unwrap();
    for key in fields.keys() {
        assert!(KEYS.contains(&key.as_str()), "{}: `{key}` is not understood", directory.display());
    }
    for resource in strings(fields, "resources") {
        let path = directory.join(resource);
        if path.is_dir() { objects.extend(build(&path)) } else { objects.extend(documents(&path)) }
    }
    for component in strings(fields, "components") {
        apply(&directory.join(component), objects);
    }
    for generator in list(fields, "configMapGenerator") {
        objects.push(config_map(directory, generator));
    }
    if let Some(namespace) = fields.get("namespace") {
        move_to(namespace, objects);
    }
    for patch in list(fields, "patches") {
        self::patch(directory, patch, objects);
    }
    for image in list(fields, "images") {
        let whole = format!("{}:{}", image["newName"].as_str().unwrap(), image["newTag"].as_str().unwrap());
        for container in objects.iter_mut().flat_map(containers) {
            if container["image"] == image["name"] {
                container["image"] = json!(whole);
            }
        }
    }
}

fn move_to(namespace: &Value, objects: &mut [Value]) {
    for object in objects.iter_mut().filter(|object| !CLUSTER_WIDE.contains(&kind(object))) {
        object["metadata"]["namespace"] = namespace.clone();
    }
}

/// The kind of an object.
pub fn kind(object: &Value) -> &str {
    object["kind"].as_str().unwrap_or_default()
}

/// The name of an object.
pub fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

fn containers(object: &mut Value) -> Vec<&mut Value> {
    let list = object.pointer_mut("/spec/template/spec/containers").and_then(Value::as_array_mut);
    list.map(|list| list.iter_mut().collect()).unwrap_or_default()
}

fn list<'a>(fields: &'a Map<String, Value>, key: &str) -> Vec<&'a Value> {
    fields.get(key).map(|value| value.as_array().unwrap().iter().collect()).unwrap_or_default()
}

fn strings<'a>(fields: &'a Map<String, Value>, key: &str) -> Vec<&'a str> {
    list(fields, key).into_iter().map(|value| value.as_str().unwrap()).collect()
}

fn config_map(directory: &Path, generator: &Value) -> Value {
    let mut data = Map::new();
    let read = |file: &str| std::fs::read_to_string(directory.join(file)).unwrap();
    let fields = generator.as_object().unwrap();
    for key in fields.keys() {
        assert!(["name", "envs", "files", "options"].contains(&key.as_str()), "configMapGenerator.{key}");
    }
    for file in strings(fields, "envs") {
        for line in read(file).lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (key, value) = line.split_once('=').unwrap();
            data.insert(key.to_owned(), json!(value));
        }
    }
    for file in strings(fields, "files") {
        let (key, file) = file.split_once('=').unwrap_or((file, file));
        data.insert(key.to_owned(), json!(read(file)));
    }
    let mut metadata = json!({"name": generator["name"]});
    if let Some(labels) = generator["options"].get("labels") {
        metadata["labels"] = labels.clone();
    }
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
}

fn patch(directory: &Path, patch: &Value, objects: &mut Vec<Value>) {
    let file = directory.join(patch["path"].as_str().unwrap());
    let target = |object: &Value| object["kind"] == patch["target"]["kind"] && name(object) == patch["target"]["name"];
    assert!(objects.iter().any(target), "{}: nothing to patch", file.display());
    match &documents(&file)[..] {
        [Value::Array(operations)] => {
            for object in objects.iter_mut().filter(|object| target(object)) {
                for operation in operations {
                    operate(object, operation).unwrap_or_else(|| panic!("{}: {operation}", file.display()));
                }
            }
        }
        [document] if document["$patch"] == "delete" => objects.retain(|object| !target(object)),
        other => panic!("{}: not understood: {other:?}", file.display()),
    }
}

/// One operation of RFC 6902; `None` where its path leads nowhere.
fn operate(object: &mut Value, operation: &Value) -> Option<()> {
    let path = operation["path"].as_str()?;
    let (parent, last) = path.rsplit_once('/')?;
    let parent = object.pointer_mut(parent)?;
    let value = operation["value"].clone();
    match (operation["op"].as_str()?, parent) {
        ("add", Value::Array(list)) if last == "-" => list.push(value),
        ("add", Value::Object(fields)) => drop(fields.insert(last.to_owned(), value)),
        ("replace", parent) => *parent.pointer_mut(&format!("/{last}"))? = value,
        _ => return None,
    }
    Some(())
}
