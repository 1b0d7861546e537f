//! Conditions that are not as they should be.

use chrono::{DateTime, Utc};
use k8s_openapi::api::apps::v1::DeploymentCondition;
use k8s_openapi::api::batch::v1::JobCondition;
use k8s_openapi::api::core::v1::{NodeCondition, PodCondition, PodStatus};

use super::time::at;
use crate::domain::cluster::Condition;
use crate::domain::text;

/// Longest message: `FailedScheduling` on a big cluster lists every reason for every node.
const MAX_MESSAGE_BYTES: usize = 1024;

/// A condition from its parts.
pub(super) fn condition(
    kind: &str,
    status: &str,
    reason: Option<&String>,
    message: Option<&String>,
    since: Option<DateTime<Utc>>,
) -> Condition {
    Condition {
        kind: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.cloned().unwrap_or_default(),
        message: text::line(message.map_or("", String::as_str), MAX_MESSAGE_BYTES),
        since,
    }
}

/// A Deployment should be available and progressing, and have no `ReplicaFailure`.
pub(super) fn of_deployment(conditions: &[DeploymentCondition]) -> Vec<Condition> {
    let bad = conditions.iter().filter(|c| (c.type_ == "ReplicaFailure") == (c.status == "True"));
    bad.map(|c| {
        let since = at(c.last_transition_time.as_ref());
        condition(&c.type_, &c.status, c.reason.as_ref(), c.message.as_ref(), since)
    })
    .collect()
}

/// A Job should not have failed or be suspended.
pub(super) fn of_job(conditions: &[JobCondition]) -> Vec<Condition> {
    let bad = conditions
        .iter()
        .filter(|c| matches!(c.type_.as_str(), "Failed" | "FailureTarget" | "Suspended") && c.status == "True");
    bad.map(job_condition).collect()
}

/// A Job's condition as ours.
pub(super) fn job_condition(c: &JobCondition) -> Condition {
    let since = at(c.last_transition_time.as_ref());
    condition(&c.type_, &c.status, c.reason.as_ref(), c.message.as_ref(), since)
}

/// A pod that runs should be scheduled, initialised and ready, and nobody should be about to disrupt it. A pod that has
/// ended is rightly not ready.
pub(super) fn of_pod(status: &PodStatus) -> Vec<Condition> {
    let ended = matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
    let all = status.conditions.as_deref().unwrap_or_default();
    let wrong = |c: &&PodCondition| match c.type_.as_str() {
        "DisruptionTarget" | "PodResizePending" => c.status == "True",
        // Says the same as Ready, but for readiness gates.
        "ContainersReady" => false,
        _ => c.status != "True" && !ended,
    };
    all.iter()
        .filter(wrong)
        .map(|c| {
            let since = at(c.last_transition_time.as_ref());
            condition(&c.type_, &c.status, c.reason.as_ref(), c.message.as_ref(), since)
        })
        .collect()
}

/// A node should be ready; every other condition (pressure, network, node-problem-detector's) is a complaint, unless it
/// names a part that should be ready, too: the node monitoring agent of EKS says `KernelReady`, `NetworkingReady` …
pub(super) fn of_node(conditions: &[NodeCondition]) -> Vec<Condition> {
    conditions
        .iter()
        .filter(|c| !is_well(&c.type_, &c.status))
        .map(|c| {
            let since = at(c.last_transition_time.as_ref());
            condition(&c.type_, &c.status, c.reason.as_ref(), c.message.as_ref(), since)
        })
        .collect()
}

/// Whether a node's condition of this status is as it should be.
pub(super) fn is_well(kind: &str, status: &str) -> bool {
    status == if kind.ends_with("Ready") { "True" } else { "False" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nodes_parts_should_be_ready_and_nothing_be_short() {
        for (kind, status, well) in [
            ("Ready", "True", true),
            ("Ready", "Unknown", false),
            ("KernelReady", "True", true),
            ("NetworkingReady", "False", false),
            ("MemoryPressure", "False", true),
            ("MemoryPressure", "Unknown", false),
            ("KernelDeadlock", "True", false),
        ] {
            let condition = NodeCondition { type_: kind.into(), status: status.into(), ..NodeCondition::default() };
            assert_eq!(of_node(&[condition]).is_empty(), well, "{kind} {status}");
        }
    }
}
