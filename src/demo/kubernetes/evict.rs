//! Evictions: a pod goes only where its PodDisruptionBudgets allow it.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::selectors::LabelSelector;
use super::status::Refusal;
use super::status_of;
use super::store::Store;
use super::write::{Write, delete_pod, preconditions};
use crate::demo::http::reply;

/// `POST …/pods/{name}/eviction`
pub(super) fn evict(write: Write) -> Result<Response, Refusal> {
    let body = write.body()?;
    let Write { store, moment, options, resource, namespace, name, .. } = write;
    let inner = &body["deleteOptions"];
    let inner_dry = inner["dryRun"].as_array().is_some_and(|list| !list.is_empty());
    let pod = store.stored(resource, namespace, name).cloned().ok_or_else(|| Refusal::not_found(resource, name))?;
    if body["metadata"]["name"].as_str().is_some_and(|named| named != name) {
        return Err(Refusal::BadRequest("name in URL does not match name in Eviction object".into()));
    }
    preconditions(resource, &pod, inner)?;
    if !may_ignore_budget(&pod) {
        budget(store, namespace, &pod)?;
    }
    if !(options.dry_run || inner_dry) {
        delete_pod(store, moment, resource, &pod, inner["gracePeriodSeconds"].as_i64());
    }
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(reply(StatusCode::CREATED, "application/json", body.to_string()))
}

/// Pods that serve nobody do not count against a budget.
fn may_ignore_budget(pod: &Value) -> bool {
    matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed" | "Pending"))
        || !pod["metadata"]["deletionTimestamp"].is_null()
}

fn budget(store: &Store, namespace: &str, pod: &Value) -> Result<(), Refusal> {
    let Some(budgets) = store.kind("PodDisruptionBudget") else { return Ok(()) };
    let of_pod: Vec<&Value> = store
        .all(&budgets)
        .filter(|budget| budget["metadata"]["namespace"] == *namespace && selects(budget, pod))
        .collect();
    let budget = match of_pod.as_slice() {
        [] => return Ok(()),
        [budget] => *budget,
        _ => {
            return Err(Refusal::Failed {
                code: 500,
                reason: "",
                message:
                    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
                        .into(),
                details: Value::Null,
            });
        }
    };
    let Some(pods) = store.kind("Pod") else { return Ok(()) };
    let counted: Vec<&Value> = store
        .all(&pods)
        .filter(|pod| {
            pod["metadata"]["namespace"] == *namespace
                && selects(budget, pod)
                && pod["metadata"]["deletionTimestamp"].is_null()
                && !matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"))
        })
        .collect();
    let healthy = counted.iter().filter(|pod| status_of(pod, "Ready")).count() as i64;
    let needed = needed(&budget["spec"], counted.len() as i64);
    let ready = status_of(pod, "Ready");
    // A pod that is not ready may go while enough others are (`IfHealthyBudget`), or always (`AlwaysAllow`).
    let free =
        !ready && (budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow" || (healthy >= needed && needed > 0));
    if free || healthy > needed {
        return Ok(());
    }
    let name = budget["metadata"]["name"].as_str().unwrap_or_default();
    Err(Refusal::Failed {
        code: 429,
        reason: "TooManyRequests",
        message: "Cannot evict pod as it would violate the pod's disruption budget.".into(),
        details: json!({"causes": [{
            "reason": "DisruptionBudget",
            "message": format!("The disruption budget {name} needs {needed} healthy pods and has {healthy} currently"),
        }]}),
    })
}

/// How many pods must stay healthy.
fn needed(spec: &Value, expected: i64) -> i64 {
    let of = |value: &Value| match value {
        Value::String(text) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
            // Kubernetes rounds up, for both bounds.
            (expected * percent + 99) / 100
        }
        other => other.as_i64().unwrap_or(0),
    };
    if spec["maxUnavailable"].is_null() {
        of(&spec["minAvailable"])
    } else {
        (expected - of(&spec["maxUnavailable"])).max(0)
    }
}

fn selects(budget: &Value, pod: &Value) -> bool {
    LabelSelector::read(&budget["spec"]["selector"]).is_some_and(|selector| selector.matches(pod))
}
