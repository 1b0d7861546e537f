//! Pods that no node takes, by the scheduler's own words.

use super::claim::Claim;
use super::format::bytes;
use super::phrases;
use super::scene::Scene;
use super::serving;
use super::text::scheduler::{Obstacle, verdict};
use super::text::words::{find, has_any};
use crate::domain::cluster::WorkloadState;
use crate::domain::evidence::EvidenceId;
use crate::domain::finding::FindingKind::{Unschedulable, VolumeUnavailable};

/// What the subject's pods and events say.
pub(super) fn find_all(scene: &Scene) -> Vec<Claim> {
    let mut claims = Vec::new();
    let mut settled = false;
    for seen in scene.workloads() {
        let waiting = seen.data.pods.iter().filter(|pod| pod.deleting_since.is_none()).filter_map(|pod| {
            let condition = pod
                .conditions
                .iter()
                .find(|condition| condition.kind == "PodScheduled" && condition.status != "True")?;
            Some((pod, condition))
        });
        let waiting: Vec<_> = waiting.collect();
        if let Some((pod, condition)) = waiting.first() {
            let claim = claim(scene, seen.id, &condition.message, 0.95)
                .began(condition.since.or(pod.created_at))
                .fact("pod", &pod.name)
                .fact("pods", waiting.len().to_string());
            claims.push(serving::degraded(with_requests(claim, seen.data), seen.data));
        } else if !seen.data.pods.is_empty() {
            settled = true;
        }
    }
    if claims.is_empty() {
        // Every pod has its node by now: what the scheduler said once is over.
        let confidence = if settled { 0.3 } else { 0.8 };
        let event = scene.events().into_iter().find(|(_, event)| event.reason == "FailedScheduling");
        claims.extend(event.map(|(id, event)| claim(scene, id, &event.message, confidence).began(event.first)));
    }
    claims.extend(preempted(scene));
    claims
}

fn claim(scene: &Scene, id: EvidenceId, message: &str, confidence: f64) -> Claim {
    let verdict = verdict(message);
    let first = verdict.obstacles.first();
    let volume = matches!(first, Some((_, Obstacle::Volume | Obstacle::VolumeElsewhere)));
    let kind = if volume { VolumeUnavailable } else { Unschedulable };
    let mut claim = Claim::new(kind, phrases::PENDING, confidence, scene.subject.object(), id)
        .maybe("nodes", verdict.nodes.map(|nodes| nodes.to_string()))
        .fact("line", short(message));
    if let Some((count, obstacle)) = first {
        claim = claim
            .fact("obstacle", obstacle.as_str())
            .maybe("what", obstacle.detail())
            .maybe("on", (*count > 0).then(|| count.to_string()));
    }
    if let Some((count, obstacle)) = verdict.obstacles.get(1) {
        claim = claim
            .fact("also", obstacle.as_str())
            .maybe("also_what", obstacle.detail())
            .maybe("also_on", (*count > 0).then(|| count.to_string()));
    }
    if let Some((_, Obstacle::Insufficient(resource))) = first {
        claim = with_nodes(scene, claim, resource);
    }
    let scaler =
        scene.events().into_iter().find(|(_, event)| has_any(&event.reason, &["NotTriggerScaleUp", "FailedScaleUp"]));
    match scaler {
        Some((id, event)) => claim.cite([id]).fact("autoscaler", &event.message),
        None => claim,
    }
}

/// Whether any node has the resource at all, as far as the nodes are known.
fn with_nodes(scene: &Scene, claim: Claim, resource: &str) -> Claim {
    let nodes: Vec<_> = scene.nodes().collect();
    // `nvidia.com/gpu` and the like are there only where a device plugin offers them.
    let has =
        |allocatable: &String| allocatable.split_whitespace().next() == Some(resource) && !allocatable.ends_with(" 0");
    let offered = nodes.iter().filter(|seen| seen.data.allocatable.iter().any(has)).count();
    let known = nodes.iter().any(|seen| !seen.data.allocatable.is_empty());
    let claim = claim.maybe("none_has", (resource.contains('/') && known && offered == 0).then_some("yes"));
    claim.cite(nodes.iter().filter(|_| resource.contains('/')).map(|seen| seen.id).take(2))
}

fn with_requests(claim: Claim, workload: &WorkloadState) -> Claim {
    let sum = |pick: fn(&crate::domain::cluster::ContainerSpec) -> Option<i64>| {
        let total =
            workload.containers.iter().filter(|spec| !spec.init).filter_map(pick).fold(0_i64, i64::saturating_add);
        (total > 0).then_some(total)
    };
    match claim.facts.get("what").map(String::as_str) {
        Some("cpu") => claim.maybe("asks", sum(|spec| spec.cpu_request).map(|milli| format!("{milli}m"))),
        Some("memory") => claim.maybe("asks", sum(|spec| spec.memory_request).map(|size| bytes(size as f64))),
        _ => claim,
    }
}

/// Without the part about preemption, which repeats the first.
fn short(message: &str) -> &str {
    find(message, "preemption:").map_or(message, |at| message[..at].trim_end_matches([' ', ',', '.']))
}

fn preempted(scene: &Scene) -> Option<Claim> {
    let (id, event) = scene.events().into_iter().find(|(_, event)| event.reason == "Preempted")?;
    Some(
        Claim::new(Unschedulable, phrases::PREEMPTED, 0.75, scene.subject.object(), id)
            .began(event.first)
            .fact("line", &event.message),
    )
}
