//! What the API server refuses in an object: the fields that the bot's actions set, with the real one's sentences.

use serde_json::Value;

use super::resources::Resource;
use super::selectors::LabelSelector;
use super::status::Cause;
use super::strict;

const QUANTITY: &str = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// What cannot even be read as an object of its kind: a quantity that is none, a number that is text. An object that could
/// not be read before (recordings are made by hand, too) is let pass.
pub(super) fn unreadable(kind: &str, before: Option<&Value>, object: &Value) -> Option<String> {
    let was_readable = before.is_none_or(|before| !matches!(strict::read(kind, before), Some(Err(_))));
    if let (true, Some(Err(problem))) = (was_readable, strict::read(kind, object)) {
        return Some(problem);
    }
    let quantities = containers(kind, object).flat_map(|(_, container)| {
        ["limits", "requests"].into_iter().filter_map(|field| container["resources"][field].as_object()).flatten()
    });
    quantities.filter(|(_, quantity)| amount(quantity).is_none()).map(|_| QUANTITY.to_owned()).next()
}

/// The values that are readable and wrong.
pub(super) fn check(resource: &Resource, before: Option<&Value>, object: &Value) -> Vec<Cause> {
    let kind = resource.kind.as_str();
    let mut causes = Vec::new();
    let spec = &object["spec"];
    if matches!(kind, "Deployment" | "ReplicaSet" | "StatefulSet") && spec["replicas"].as_i64().is_some_and(|n| n < 0) {
        causes.push(Cause::invalid("spec.replicas", &spec["replicas"], "must be greater than or equal to 0"));
    }
    if kind == "HorizontalPodAutoscaler" {
        bounds(spec, &mut causes);
    }
    for (path, container) in containers(kind, object) {
        resources(&path, container, &mut causes);
    }
    if matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") {
        let selector = LabelSelector::read(&spec["selector"]);
        if selector.is_some_and(|selector| !selector.matches(&spec["template"])) {
            causes.push(Cause::invalid(
                "spec.template.metadata.labels",
                &spec["template"]["metadata"]["labels"],
                "`selector` does not match template `labels`",
            ));
        }
    }
    if let Some(before) = before {
        immutable(kind, before, object, &mut causes);
    }
    causes
}

fn bounds(spec: &Value, causes: &mut Vec<Cause>) {
    let (min, max) = (spec["minReplicas"].as_i64().unwrap_or(1), spec["maxReplicas"].as_i64().unwrap_or(0));
    if min < 1 {
        causes.push(Cause::invalid("spec.minReplicas", &spec["minReplicas"], "must be greater than or equal to 1"));
    }
    if max < 1 {
        causes.push(Cause::invalid("spec.maxReplicas", &spec["maxReplicas"], "must be greater than 0"));
    }
    if max < min {
        causes.push(Cause::invalid(
            "spec.maxReplicas",
            &spec["maxReplicas"],
            "must be greater than or equal to `minReplicas`",
        ));
    }
}

fn resources(path: &str, container: &Value, causes: &mut Vec<Cause>) {
    let resources = &container["resources"];
    for field in ["limits", "requests"] {
        for (name, quantity) in resources[field].as_object().into_iter().flatten() {
            if amount(quantity).is_some_and(|amount| amount < 0.0) {
                causes.push(Cause::invalid(
                    format!("{path}.resources.{field}[{name}]"),
                    quantity,
                    "must be greater than or equal to 0",
                ));
            }
        }
    }
    for (name, request) in resources["requests"].as_object().into_iter().flatten() {
        let limit = &resources["limits"][name.as_str()];
        if let (Some(wanted), Some(most)) = (amount(request), amount(limit))
            && wanted > most
        {
            let why = format!("must be less than or equal to {name} limit of {}", limit.as_str().unwrap_or_default());
            causes.push(Cause::invalid(format!("{path}.resources.requests"), request, &why));
        }
    }
}

fn immutable(kind: &str, before: &Value, object: &Value, causes: &mut Vec<Cause>) {
    let fixed: &[&str] = match kind {
        "Deployment" | "ReplicaSet" | "DaemonSet" => &["/spec/selector"],
        "Job" => &["/spec/template", "/spec/selector", "/spec/completions"],
        _ => &[],
    };
    for pointer in fixed {
        let (old, new) = (before.pointer(pointer), object.pointer(pointer));
        if old != new {
            let field = pointer.trim_start_matches('/').replace('/', ".");
            causes.push(Cause::invalid(field, new.unwrap_or(&Value::Null), "field is immutable"));
        }
    }
    if object["metadata"]["uid"] != before["metadata"]["uid"] {
        causes.push(Cause::invalid("metadata.uid", &object["metadata"]["uid"], "field is immutable"));
    }
    const CHANGEABLE: [&str; 7] = [
        "replicas",
        "template",
        "updateStrategy",
        "minReadySeconds",
        "ordinals",
        "persistentVolumeClaimRetentionPolicy",
        "revisionHistoryLimit",
    ];
    let empty = serde_json::Map::new();
    let (old, new) = (before["spec"].as_object().unwrap_or(&empty), object["spec"].as_object().unwrap_or(&empty));
    let differs =
        old.keys().chain(new.keys()).any(|name| !CHANGEABLE.contains(&name.as_str()) && old.get(name) != new.get(name));
    if kind == "StatefulSet" && differs {
        causes.push(Cause {
            field: "spec".into(),
            reason: "FieldValueForbidden",
            message: "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
                .into(),
        });
    }
    if kind == "Pod" && old.get("containers") != new.get("containers") {
        causes.push(Cause {
            field: "spec".into(),
            reason: "FieldValueForbidden",
            message: "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,\
                `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
                tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
                .into(),
        });
    }
}

/// The containers of an object's pods, with their paths.
fn containers<'a>(kind: &str, object: &'a Value) -> impl Iterator<Item = (String, &'a Value)> + use<'a> {
    let (path, spec) = match kind {
        "Pod" => ("spec", &object["spec"]),
        "CronJob" => {
            ("spec.jobTemplate.spec.template.spec", &object["spec"]["jobTemplate"]["spec"]["template"]["spec"])
        }
        _ => ("spec.template.spec", &object["spec"]["template"]["spec"]),
    };
    let items = spec["containers"].as_array().into_iter().flatten().enumerate();
    items.map(move |(index, container)| (format!("{path}.containers[{index}]"), container))
}

/// A quantity as a number; `None` where it is none.
pub(in crate::demo) fn amount(quantity: &Value) -> Option<f64> {
    match quantity {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => crate::domain::quantity::number(text),
        _ => None,
    }
}
