//! Refuses what the API server would drop or refuse: each object is read as its type, and every field that it has must be
//! there again when the type is written.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::kustomize::{kind, name};

const CRDS: &str = include_str!("crds.yaml");

/// What is wrong with an object's fields; empty when nothing is.
pub fn faults(object: &Value) -> Vec<String> {
    let at = format!("{} {}", kind(object), name(object));
    let found = match (object["apiVersion"].as_str().unwrap_or_default(), kind(object)) {
        ("v1", "Namespace") => typed::<Namespace>(object),
        ("v1", "ServiceAccount") => typed::<ServiceAccount>(object),
        ("v1", "Service") => typed::<Service>(object),
        ("v1", "ConfigMap") => typed::<ConfigMap>(object),
        ("v1", "Secret") => typed::<Secret>(object),
        ("v1", "PersistentVolumeClaim") => typed::<PersistentVolumeClaim>(object),
        ("apps/v1", "Deployment") => typed::<Deployment>(object),
        ("apps/v1", "StatefulSet") => typed::<StatefulSet>(object),
        ("autoscaling/v2", "HorizontalPodAutoscaler") => typed::<HorizontalPodAutoscaler>(object),
        ("policy/v1", "PodDisruptionBudget") => typed::<PodDisruptionBudget>(object),
        ("networking.k8s.io/v1", "NetworkPolicy") => typed::<NetworkPolicy>(object),
        ("networking.k8s.io/v1", "Ingress") => typed::<Ingress>(object),
        ("rbac.authorization.k8s.io/v1", "ClusterRole") => typed::<ClusterRole>(object),
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding") => typed::<ClusterRoleBinding>(object),
        ("rbac.authorization.k8s.io/v1", "Role") => typed::<Role>(object),
        ("rbac.authorization.k8s.io/v1", "RoleBinding") => typed::<RoleBinding>(object),
        (version, kind) => custom(version, kind, object),
    };
    found.into_iter().map(|fault| format!("{at}{fault}")).collect()
}

fn typed<T: DeserializeOwned + Serialize>(object: &Value) -> Vec<String> {
    let read: T = match serde_json::from_value(object.clone()) {
        Ok(read) => read,
        Err(error) => return vec![format!(": {error}")],
    };
    let written = serde_json::to_value(read).unwrap();
    let mut faults = Vec::new();
    lost(object, &written, "", &mut faults);
    faults
}

/// Names each field of `source` that `written` lacks.
fn lost(source: &Value, written: &Value, at: &str, faults: &mut Vec<String>) {
    match (source, written) {
        (Value::Object(source), Value::Object(written)) => {
            for (key, value) in source {
                match written.get(key) {
                    Some(written) => lost(value, written, &format!("{at}/{key}"), faults),
                    None => faults.push(format!("{at}/{key}: unknown field")),
                }
            }
        }
        (Value::Array(source), Value::Array(written)) if source.len() == written.len() => {
            for (index, (source, written)) in source.iter().zip(written).enumerate() {
                lost(source, written, &format!("{at}/{index}"), faults);
            }
        }
        _ if source == written => {}
        _ => faults.push(format!("{at}: {source} is read as {written}")),
    }
}

fn custom(version: &str, kind: &str, object: &Value) -> Vec<String> {
    let schemas: Value = serde_saphyr::from_str(CRDS).unwrap();
    let schema = &schemas[kind];
    if schema.is_null() || schema["apiVersion"] != version {
        return vec![format!(": {version} {kind} is not known")];
    }
    let mut faults = Vec::new();
    fits(&object["spec"], &schema["spec"], "/spec", &mut faults);
    for key in object.as_object().unwrap().keys() {
        if !["apiVersion", "kind", "metadata", "spec"].contains(&key.as_str()) {
            faults.push(format!("/{key}: unknown field"));
        }
    }
    faults
}

fn fits(value: &Value, schema: &Value, at: &str, faults: &mut Vec<String>) {
    match (schema, value) {
        (Value::String(leaf), value) => {
            let right = match leaf.as_str() {
                "string" => value.is_string(),
                "int" => value.is_i64() || value.is_u64(),
                "bool" => value.is_boolean(),
                "any" => true,
                other => panic!("no type `{other}`"),
            };
            if !right {
                faults.push(format!("{at}: {value} is no {leaf}"));
            }
        }
        (Value::Object(schema), Value::Object(fields)) => {
            for (key, value) in fields {
                match schema.get(key).or_else(|| schema.get("*")) {
                    Some(schema) => fits(value, schema, &format!("{at}/{key}"), faults),
                    None => faults.push(format!("{at}/{key}: unknown field")),
                }
            }
        }
        (Value::Array(schema), Value::Array(list)) => {
            for (index, value) in list.iter().enumerate() {
                fits(value, &schema[0], &format!("{at}/{index}"), faults);
            }
        }
        _ => faults.push(format!("{at}: {value} has the wrong shape")),
    }
}
