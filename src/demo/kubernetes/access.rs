//! Questions about one's own rights.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::Cluster;
use super::resources::Target;
use super::status::Refusal;
use crate::demo::http::{Asked, reply};

/// Answers a review.
pub(super) fn review(cluster: &Cluster, asked: &Asked, target: &Target) -> Result<Response, Refusal> {
    let body: Value = serde_json::from_slice(&asked.body)
        .map_err(|error| Refusal::BadRequest(format!("the body of the request is not JSON: {error}")))?;
    if target.resource != "selfsubjectaccessreviews" {
        return Err(target.forbidden(cluster.user, "create"));
    }
    let answer = json!({
        "kind": "SelfSubjectAccessReview", "apiVersion": format!("{}/{}", target.group, target.version),
        "metadata": {}, "spec": body["spec"], "status": {"allowed": is_allowed(cluster, &body["spec"])},
    });
    Ok(reply(StatusCode::CREATED, "application/json", answer.to_string()))
}

fn is_allowed(cluster: &Cluster, spec: &Value) -> bool {
    let attributes = &spec["resourceAttributes"];
    let text = |field: &str| attributes[field].as_str().unwrap_or_default();
    let resource = match text("subresource") {
        "" => text("resource").to_owned(),
        subresource => format!("{}/{subresource}", text("resource")),
    };
    let namespace = Some(text("namespace")).filter(|namespace| !namespace.is_empty());
    cluster.server.access.allows(cluster.user, text("verb"), text("group"), &resource, namespace)
}
