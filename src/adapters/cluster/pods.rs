//! Pods: what each does now and how it last ended, the unhealthy ones first.

use std::cmp::Reverse;

use k8s_openapi::api::core::v1::{ContainerState as ApiState, ContainerStateTerminated, ContainerStatus, Pod};

use super::api::Query;
use super::conditions;
use super::time::at;
use super::{Cluster, ClusterError};
use crate::domain::cluster::{ContainerState, PodState, Termination, Waiting};
use crate::domain::text;

/// Pods kept of a workload or node; they are one screen of text, the rest is a number.
pub(super) const MAX_KEPT: usize = 30;
/// Pods looked at: ten pages, 60 MB over the wire in the worst case, one page in memory at a time.
pub(super) const MAX_READ: usize = 5_000;
/// Longest termination or waiting message; the kubelet's own bound for the former is 4 KiB.
const MAX_MESSAGE_BYTES: usize = 2 * 1024;

/// Labels in which controllers note the revision, newest kind first.
const REVISION_LABELS: [&str; 3] = ["pod-template-hash", "rollouts-pod-template-hash", "controller-revision-hash"];

/// The pods worth showing, and how many there are.
#[derive(Debug, Clone, Default)]
pub(super) struct Pods {
    pub kept: Vec<PodState>,
    pub total: usize,
}

impl Cluster {
    /// The pods of `query`, at most [`MAX_KEPT`] kept; those in `named` count as worth keeping.
    pub(super) async fn pods(&self, query: Query, named: &[String]) -> Result<Pods, ClusterError> {
        let listed = self.api.list::<Pod, _>(query, |pod| Some(state(&pod))).await?;
        Ok(sorted(listed.items, listed.seen, named))
    }
}

/// The pods worth showing first: unhealthy, then named, then newest.
pub(super) fn sorted(mut kept: Vec<PodState>, total: usize, named: &[String]) -> Pods {
    kept.sort_by_cached_key(|pod| {
        (is_healthy(pod), !named.contains(&pod.name), Reverse(pod.created_at), pod.name.clone())
    });
    kept.truncate(MAX_KEPT);
    Pods { kept, total }
}

/// Ready with nothing waiting, or rightly ended.
pub(super) fn is_healthy(pod: &PodState) -> bool {
    let waits = pod.containers.iter().any(|c| c.waiting.is_some() && !c.init);
    pod.phase == "Succeeded" || (pod.phase == "Running" && pod.ready && !waits && pod.deleting_since.is_none())
}

/// What the API says about a pod.
pub(super) fn state(pod: &Pod) -> PodState {
    let status = pod.status.clone().unwrap_or_default();
    let labels = pod.metadata.labels.as_ref();
    let ready = status.conditions.iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True");
    let mut containers: Vec<ContainerState> =
        status.init_container_statuses.iter().flatten().map(|status| container(status, true)).collect();
    containers.extend(status.container_statuses.iter().flatten().map(|status| container(status, false)));
    PodState {
        name: pod.metadata.name.clone().unwrap_or_default(),
        reason: status.reason.as_ref().map(|reason| match &status.message {
            Some(message) => format!("{reason}: {}", text::line(message, MAX_MESSAGE_BYTES)),
            None => reason.clone(),
        }),
        node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
        ready,
        deleting_since: at(pod.metadata.deletion_timestamp.as_ref()),
        created_at: at(pod.metadata.creation_timestamp.as_ref()),
        revision: REVISION_LABELS.iter().find_map(|label| labels?.get(*label).cloned()),
        conditions: conditions::of_pod(&status),
        containers,
        phase: status.phase.unwrap_or_else(|| "Unknown".to_owned()),
    }
}

fn container(status: &ContainerStatus, init: bool) -> ContainerState {
    let now = status.state.clone().unwrap_or_default();
    let ApiState { running, terminated, waiting } = now;
    let last = status.last_state.as_ref().and_then(|last| last.terminated.as_ref());
    ContainerState {
        name: status.name.clone(),
        image: status.image.clone(),
        ready: status.ready,
        init,
        restarts: status.restart_count,
        waiting: waiting.map(|waiting| Waiting {
            reason: waiting.reason.unwrap_or_default(),
            message: text::line(&waiting.message.unwrap_or_default(), MAX_MESSAGE_BYTES),
        }),
        running_since: running.and_then(|running| at(running.started_at.as_ref())),
        terminated: terminated.as_ref().map(termination),
        last_termination: last.map(termination),
    }
}

fn termination(end: &ContainerStateTerminated) -> Termination {
    Termination {
        reason: end.reason.clone().unwrap_or_default(),
        exit_code: end.exit_code,
        message: text::bounded(&text::plain(end.message.as_deref().unwrap_or("")), MAX_MESSAGE_BYTES).into_owned(),
        started_at: at(end.started_at.as_ref()),
        finished_at: at(end.finished_at.as_ref()),
    }
}
