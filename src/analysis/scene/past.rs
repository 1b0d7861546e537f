//! What the subject's pods have got over, and pods that are only remembered.

use chrono::{DateTime, Utc};

use super::Scene;
use crate::domain::cluster::{EventFact, PodState};
use crate::domain::subject::owner_of_pod;

/// How sure the words of an event are that the pods have got over.
const OVER: f64 = 0.3;

impl Scene<'_> {
    /// How sure a claim that rests on `event` is: as sure as `sure`, or hardly where its pods went on.
    pub fn unless_over(&self, event: &EventFact, sure: f64) -> f64 {
        if self.is_over(event) { OVER } else { sure }
    }

    /// Whether the pods that `event` tells of have got over it: nearly every rollout has a mount that was too early, or a
    /// sandbox that took two attempts.
    fn is_over(&self, event: &EventFact) -> bool {
        let all_ready = || self.workloads().any(|seen| seen.data.desired > 0 && seen.data.ready >= seen.data.desired);
        let Some(object) = event.object.strip_prefix("Pod ") else { return all_ready() };
        // `web-* (2)`: one of them may have gone on while another still met it, so that only the first time is sure.
        let (family, met) = match object.split_once("-* (") {
            Some((family, _)) => (Some(family), event.first),
            None => (None, event.last.or(event.first)),
        };
        let told = |pod: &&PodState| match family {
            Some(family) => owner_of_pod(&pod.name).1 == family || pod.name == family,
            None => pod.name == object,
        };
        let mut pods = self.workloads().flat_map(|seen| &seen.data.pods).filter(told).peekable();
        if pods.peek().is_none() {
            return all_ready();
        }
        // No container starts before all volumes are mounted and the network is there.
        pods.all(|pod| pod.ready || started_at(pod).is_some_and(|started| met.is_none_or(|met| started >= met)))
    }
}

/// When any of the pod's containers last started.
fn started_at(pod: &PodState) -> Option<DateTime<Utc>> {
    let ran = |container: &crate::domain::cluster::ContainerState| {
        let endings = container.terminated.iter().chain(&container.last_termination);
        endings.filter_map(|ending| ending.started_at).chain(container.running_since).max()
    };
    pod.containers.iter().filter_map(ran).max()
}

/// When a pod ended for good; `None` while it lives. Controllers keep ended pods for weeks.
pub(in crate::analysis) fn ended_at(pod: &PodState) -> Option<DateTime<Utc>> {
    if !has_ended(pod) {
        return None;
    }
    let put_out = pod.conditions.iter().find(|condition| condition.kind == "DisruptionTarget");
    let endings = pod.containers.iter().filter_map(|container| container.terminated.as_ref()?.finished_at);
    put_out.and_then(|condition| condition.since).or_else(|| endings.max()).or(pod.created_at)
}

/// Whether the pod will never run again.
pub(in crate::analysis) fn has_ended(pod: &PodState) -> bool {
    matches!(pod.phase.as_str(), "Failed" | "Succeeded")
}
