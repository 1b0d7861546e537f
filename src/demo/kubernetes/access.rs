//! Questions about one's own rights.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::Cluster;
use super::resources::Target;
use super::status::Refusal;
use crate::demo::http::{Asked, reply};

const READING: [&str; 3] = ["get", "list", "watch"];

/// Answers a review.
pub(super) fn review(cluster: &Cluster, asked: &Asked, target: &Target) -> Result<Response, Refusal> {
    let body: Value = serde_json::from_slice(&asked.body)
        .map_err(|error| Refusal::BadRequest(format!("the body of the request is not JSON: {error}")))?;
    let (kind, status) = match target.resource.as_str() {
        "selfsubjectaccessreviews" => {
            ("SelfSubjectAccessReview", json!({"allowed": is_allowed(cluster, &body["spec"])}))
        }
        "selfsubjectrulesreviews" => ("SelfSubjectRulesReview", rules(cluster)),
        "selfsubjectreviews" => (
            "SelfSubjectReview",
            json!({"userInfo": {"username": cluster.user, "groups": ["system:serviceaccounts", "system:authenticated"]}}),
        ),
        _ => return Err(target.forbidden(cluster.user, "create")),
    };
    let answer = json!({
        "kind": kind, "apiVersion": format!("{}/{}", target.group, target.version),
        "metadata": {}, "spec": body.get("spec").cloned().unwrap_or(json!({})), "status": status,
    });
    Ok(reply(StatusCode::CREATED, "application/json", answer.to_string()))
}

fn is_allowed(cluster: &Cluster, spec: &Value) -> bool {
    let attributes = &spec["resourceAttributes"];
    let text = |field: &str| attributes[field].as_str().unwrap_or_default();
    if attributes.is_object() {
        let resource = match text("subresource") {
            "" => text("resource").to_owned(),
            subresource => format!("{}/{subresource}", text("resource")),
        };
        let namespace = Some(text("namespace")).filter(|namespace| !namespace.is_empty());
        cluster.access.allows(cluster.user, text("verb"), text("group"), &resource, namespace)
    } else {
        spec["nonResourceAttributes"]["verb"].as_str().is_some_and(|verb| READING.contains(&verb))
    }
}

fn rules(cluster: &Cluster) -> Value {
    let readable = cluster.store.resources().filter(|resource| resource.plural != "secrets");
    let mut rules: Vec<Value> = readable
        .map(|resource| json!({"verbs": READING, "apiGroups": [resource.group], "resources": [resource.plural]}))
        .collect();
    rules.push(json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods/log"]}));
    json!({"resourceRules": rules, "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/version", "/healthz", "/readyz", "/api", "/apis"]}], "incomplete": false})
}
