//! An object in a line, as `kubectl get` shows it, and an object in full without what nobody reads.

use serde_json::Value;

use crate::adapters::cluster::conditions::is_well;

/// Annotations that repeat the whole object.
const COPIES: [&str; 2] =
    ["kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/desired-replicas"];

/// One line: name, then what tells its state.
pub(super) fn row(kind: &str, object: &Value, with_namespace: bool) -> String {
    let metadata = &object["metadata"];
    let name = metadata["name"].as_str().unwrap_or_default();
    let mut row = match metadata["namespace"].as_str().filter(|_| with_namespace) {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    };
    let (spec, status) = (&object["spec"], &object["status"]);
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    match kind {
        "Pod" => {
            let containers = array(&status["containerStatuses"]);
            let ready = containers.iter().filter(|container| container["ready"] == true).count();
            let restarts: i64 = containers.iter().map(|container| number(&container["restartCount"])).sum();
            let waiting = containers.iter().find_map(|container| {
                let state = &container["state"];
                state["waiting"]["reason"].as_str().or(state["terminated"]["reason"].as_str())
            });
            let state = waiting.or(status["reason"].as_str()).or(status["phase"].as_str()).unwrap_or("Unknown");
            row += &format!(" ready {ready}/{} {state} restarts {restarts}", array(&spec["containers"]).len());
            add(&mut row, " node ", &spec["nodeName"]);
        }
        "Deployment" | "StatefulSet" | "ReplicaSet" => {
            row += &format!(" ready {}/{}", number(&status["readyReplicas"]), number(&spec["replicas"]));
            row += &format!(" updated {}", number(&status["updatedReplicas"]));
            images(&mut row, &spec["template"]["spec"]);
        }
        "DaemonSet" => {
            row += &format!(" ready {}/{}", number(&status["numberReady"]), number(&status["desiredNumberScheduled"]));
            images(&mut row, &spec["template"]["spec"]);
        }
        "Job" => {
            row += &format!(
                " active {} succeeded {} failed {}",
                number(&status["active"]),
                number(&status["succeeded"]),
                number(&status["failed"])
            );
        }
        "CronJob" => {
            add(&mut row, " schedule ", &spec["schedule"]);
            row += if spec["suspend"] == true { " suspended" } else { "" };
            add(&mut row, " last ", &status["lastScheduleTime"]);
            add(&mut row, " last success ", &status["lastSuccessfulTime"]);
        }
        "Service" => {
            add(&mut row, " ", &spec["type"]);
            add(&mut row, " ", &spec["clusterIP"]);
            let ports: Vec<String> =
                array(&spec["ports"]).iter().map(|port| number(&port["port"]).to_string()).collect();
            row += &format!(" ports {}", ports.join(","));
        }
        "Ingress" => {
            let hosts: Vec<&str> = array(&spec["rules"]).iter().filter_map(|rule| rule["host"].as_str()).collect();
            row += &format!(" hosts {}", hosts.join(","));
        }
        "PersistentVolumeClaim" => {
            add(&mut row, " ", &status["phase"]);
            add(&mut row, " ", &status["capacity"]["storage"]);
            add(&mut row, " class ", &spec["storageClassName"]);
        }
        "HorizontalPodAutoscaler" => {
            row += &format!(
                " replicas {} (min {}, max {})",
                number(&status["currentReplicas"]),
                number(&spec["minReplicas"]),
                number(&spec["maxReplicas"])
            );
            add(&mut row, " of ", &spec["scaleTargetRef"]["name"]);
        }
        "Node" => {
            let conditions = array(&status["conditions"]);
            let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
            row += if ready.is_some_and(|ready| ready["status"] == "True") { " Ready" } else { " NotReady" };
            row += if spec["unschedulable"] == true { " cordoned" } else { "" };
            for condition in conditions.iter().filter(|condition| condition["type"] != "Ready") {
                let word = |field: &str| condition[field].as_str().unwrap_or_default();
                let (kind, status) = (word("type"), word("status"));
                // That a kubelet cannot say is told by `NotReady`.
                if !is_well(kind, status) && status != "Unknown" {
                    row += &format!(" {kind}{}", if status == "True" { "" } else { "=False" });
                }
            }
            add(&mut row, " ", &status["nodeInfo"]["kubeletVersion"]);
        }
        "Namespace" => add(&mut row, " ", &status["phase"]),
        "ResourceQuota" => {
            for (resource, hard) in status["hard"].as_object().into_iter().flatten() {
                let used = status["used"][resource].as_str().unwrap_or("0");
                row += &format!(" {resource} {used}/{}", hard.as_str().unwrap_or_default());
            }
        }
        "EndpointSlice" => {
            let endpoints = array(&object["endpoints"]);
            let ready = endpoints.iter().filter(|endpoint| endpoint["conditions"]["ready"] != false).count();
            row += &format!(" ready {ready}/{}", endpoints.len());
            add(&mut row, " service ", &metadata["labels"]["kubernetes.io/service-name"]);
        }
        _ => {}
    }
    add(&mut row, " created ", &metadata["creationTimestamp"]);
    row
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn add(row: &mut String, before: &str, value: &Value) {
    if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
        row.push_str(before);
        row.push_str(text);
    }
}

fn images(row: &mut String, pod: &Value) {
    let images: Vec<&str> =
        array(&pod["containers"]).iter().filter_map(|container| container["image"].as_str()).collect();
    row.push_str(&format!(" image {}", images.join(",")));
}

/// The object as YAML-like lines.
pub(super) fn whole(mut object: Value) -> String {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for field in ["managedFields", "selfLink"] {
            metadata.remove(field);
        }
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.retain(|name, _| !COPIES.contains(&name.as_str()));
        }
    }
    hide_values(&mut object);
    let mut out = String::new();
    write(&object, 0, &mut out);
    out
}

/// Environment variables keep their names: their values may be passwords.
fn hide_values(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                if name == "env"
                    && let Some(variables) = field.as_array_mut()
                {
                    for variable in variables.iter_mut().filter_map(Value::as_object_mut) {
                        if let Some(value) = variable.get_mut("value") {
                            *value = Value::from("(set)");
                        }
                    }
                }
                hide_values(field);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide_values),
        _ => {}
    }
}

fn write(value: &Value, indent: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::Null => {}
                    Value::Object(inner) if inner.is_empty() => {}
                    Value::Array(inner) if inner.is_empty() => {}
                    Value::Object(_) | Value::Array(_) => {
                        out.push_str(&format!("{pad}{name}:\n"));
                        write(field, indent + 1, out);
                    }
                    _ => out.push_str(&format!("{pad}{name}: {}\n", scalar(field))),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                let from = out.len();
                write(item, indent + 2, out);
                // The dash takes the place of the first line's padding.
                if out.len() > from + indent + 2 {
                    out.replace_range(from..from + indent + 2, &format!("{pad}- "));
                }
            }
        }
        _ => out.push_str(&format!("{pad}{}\n", scalar(value))),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.lines().next().unwrap_or_default().to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_in_a_line() {
        let pod = json!({
            "metadata": {"name": "web-0", "namespace": "shop", "creationTimestamp": "2026-11-22T22:00:00Z"},
            "spec": {"containers": [{"name": "app"}], "nodeName": "n1"},
            "status": {"phase": "Running", "containerStatuses": [
                {"ready": false, "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]},
        });
        assert_eq!(
            row("Pod", &pod, true),
            "shop/web-0 ready 0/1 CrashLoopBackOff restarts 4 node n1 created 2026-11-22T22:00:00Z"
        );
        let node = json!({"metadata": {"name": "n1"}, "spec": {"unschedulable": true},
            "status": {"conditions": [{"type": "Ready", "status": "Unknown"}, {"type": "DiskPressure", "status": "True"},
                {"type": "KernelReady", "status": "True"}, {"type": "StorageReady", "status": "False"}]}});
        assert_eq!(row("Node", &node, false), "n1 NotReady cordoned DiskPressure StorageReady=False");
        assert_eq!(row("Pod", &json!({}), false), " ready 0/0 Unknown restarts 0");
    }

    #[test]
    fn an_object_in_full_without_values_of_variables() {
        let object = json!({
            "kind": "Deployment",
            "metadata": {"name": "web", "managedFields": [{"manager": "x"}],
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"}},
            "spec": {"template": {"spec": {"containers": [
                {"name": "app", "env": [{"name": "DB_PASSWORD", "value": "hunter2"}], "args": ["-v", "2"]}]}}},
        });
        let text = whole(object);
        assert!(text.contains("- name: DB_PASSWORD") && text.contains("value: (set)"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("manager"), "{text}");
        assert!(text.contains("      args:\n       - -v\n"), "{text}");
    }
}
