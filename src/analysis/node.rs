//! Nodes that are not ready or short of something, and the pods that suffer from it.

use super::claim::Claim;
use super::format::clock;
use super::phrases;
use super::scene::{Scene, ended_at};
use super::text::words::{after, first_word, has_any};
use crate::domain::cluster::{Condition, PodState};
use crate::domain::evidence::EvidenceId;
use crate::domain::finding::FindingKind::{DiskFull, NodeNotReady, NodePressure};
use crate::domain::finding::Role;
use crate::domain::subject::{ObjectRef, SubjectKind};

/// What the nodes, the subject's pods and their events say.
pub(super) fn find(scene: &Scene) -> Vec<Claim> {
    let mut claims = conditions(scene);
    claims.extend(evicted(scene));
    claims.extend(events(scene));
    claims
}

fn conditions(scene: &Scene) -> Vec<Claim> {
    let troubled = scene.nodes_of_pods();
    let mut claims = Vec::new();
    for seen in scene.nodes() {
        let node = seen.data;
        let is_subject = scene.subject.kind == SubjectKind::Node && scene.subject.name == node.name;
        let here = troubled.iter().filter(|name| **name == node.name).count();
        if !is_subject && here == 0 && scene.subject.node.as_ref() != Some(&node.name) {
            continue;
        }
        // A node explains all of the trouble only if all of the trouble is on it.
        let share = if is_subject || troubled.is_empty() { 1.0 } else { here as f64 / troubled.len() as f64 };
        let about = ObjectRef { kind: SubjectKind::Node, namespace: None, name: node.name.clone() };
        let claim = |kind, phrase, confidence| {
            Claim::new(kind, phrase, confidence, about.clone(), seen.id)
                .fact("node", &node.name)
                .fact("pods", if is_subject { node.unhealthy_pods.len() } else { here }.to_string())
                .fact("pods_total", node.pods_total.to_string())
        };
        let ready = node.conditions.iter().find(|condition| condition.kind == "Ready" && condition.status != "True");
        if let Some(condition) = ready {
            claims.push(
                claim(NodeNotReady, phrases::NODE_NOT_READY, 0.45 + 0.5 * share)
                    .began(condition.since)
                    .fact("reason", &condition.reason)
                    .fact("status", &condition.status)
                    .fact("line", &condition.message)
                    .maybe("since", condition.since.map(|at| clock(at, scene.onset))),
            );
        } else if !node.ready {
            claims.push(claim(NodeNotReady, phrases::NODE_NOT_READY, 0.4 + 0.4 * share));
        }
        for condition in node.conditions.iter().filter(|condition| is_complaint(condition)) {
            let confidence = if is_subject { 0.88 } else { 0.3 + 0.3 * share };
            let holds = condition.status == "True";
            let told = if holds { condition.kind.clone() } else { format!("{}={}", condition.kind, condition.status) };
            claims.push(
                claim(NodePressure, phrases::NODE_PRESSURE, confidence)
                    .began(condition.since)
                    .fact("condition", told)
                    .fact("reason", &condition.reason)
                    .fact("line", &condition.message)
                    .maybe("since", condition.since.map(|at| clock(at, scene.onset))),
            );
        }
        if node.unschedulable {
            claims.push(
                claim(NodeNotReady, phrases::NODE_CORDONED, if is_subject { 0.5 } else { 0.3 })
                    .role(Role::Contributing),
            );
        }
    }
    claims
}

/// Whether a condition besides `Ready` says that something is wrong. `NetworkingReady`, `KernelReady` and the like, by the
/// agents that watch nodes, are well when true.
fn is_complaint(condition: &Condition) -> bool {
    let wrong = if condition.kind.ends_with("Ready") { "False" } else { "True" };
    condition.kind != "Ready" && condition.status == wrong
}

/// Pods that the kubelet put out.
fn evicted(scene: &Scene) -> Vec<Claim> {
    let pods = scene.workloads().flat_map(|seen| seen.data.pods.iter().map(move |pod| (seen.id, pod)));
    let by_status = pods.filter_map(|(id, pod)| {
        let reason =
            pod.reason.as_deref().filter(|reason| reason.contains("Evicted") || reason.contains("low on resource"))?;
        let at = ended_at(pod).or(pod.created_at);
        (scene.weight(at) > 0.5).then(|| (id, reason.to_owned(), pod.node.clone(), at))
    });
    let by_status: Vec<(EvidenceId, String, Option<String>, _)> = by_status.collect();
    let pods = by_status.len();
    let events = scene.events().into_iter().filter(|(_, event)| event.reason == "Evicted" && event.kind != "Normal");
    let by_event = events.map(|(id, event)| {
        let node = pod_of(scene, &event.object).and_then(|pod| pod.node.clone());
        (id, event.message.clone(), node, event.first)
    });
    let mut told: Vec<_> = by_status.into_iter().chain(by_event).collect();
    // The message tells more than the bare word.
    told.sort_by_key(|(_, message, _, _)| std::cmp::Reverse(message.len().min(80)));
    let Some((id, message, node, began)) = told.first() else { return Vec::new() };
    let lower = message.to_lowercase();
    let own_limit = has_any(
        &lower,
        &[
            "ephemeral local storage",
            "local ephemeral storage",
            "emptydir",
            "exceeds the limit",
            "exceeds the total limit",
        ],
    ) && !lower.contains("low on resource");
    let (kind, phrase) =
        if own_limit { (DiskFull, phrases::EVICTED_STORAGE) } else { (NodePressure, phrases::EVICTED) };
    let about = match node {
        Some(name) if kind == NodePressure => {
            ObjectRef { kind: SubjectKind::Node, namespace: None, name: name.clone() }
        }
        _ => scene.subject.object(),
    };
    let claim = Claim::new(kind, phrase, 0.85, about, *id)
        .cite(told.iter().map(|(id, ..)| *id))
        .began(*began)
        // Status and event of one pod are one pod; the events alone tell of pods that are gone.
        .fact("pods", if pods > 0 { pods } else { told.len() }.to_string())
        .maybe("node", node.clone())
        .maybe("resource", after(message, "low on resource: ").map(first_word))
        .fact("line", message);
    vec![claim]
}

/// The pod that an event is about, where it is one that was read.
fn pod_of<'a>(scene: &'a Scene, object: &str) -> Option<&'a PodState> {
    let name = object.strip_prefix("Pod ")?;
    scene.workloads().flat_map(|seen| seen.data.pods.iter()).find(|pod| pod.name == name)
}

/// The node that an event is about, by itself or through a pod on it; the subject where that is not known.
fn node_of(scene: &Scene, object: &str) -> ObjectRef {
    let node = match object.strip_prefix("Node ") {
        Some(name) => Some(name),
        None => pod_of(scene, object).and_then(|pod| pod.node.as_deref()),
    };
    node.map_or_else(
        || scene.subject.object(),
        |name| ObjectRef { kind: SubjectKind::Node, namespace: None, name: name.to_owned() },
    )
}

/// What the node's own events and those of its pods say, when its conditions do not (any more).
fn events(scene: &Scene) -> Vec<Claim> {
    let mut claims = Vec::new();
    for (id, event) in scene.events() {
        let on_node = event.object.starts_with("Node ");
        let (kind, confidence) = match event.reason.as_str() {
            "NodeNotReady" if on_node => (NodeNotReady, 0.7),
            "NodeNotReady" | "TaintManagerEviction" | "NodeLost" => (NodeNotReady, 0.65),
            "Rebooted"
            | "KernelDeadlock"
            | "ReadonlyFilesystem"
            | "ContainerRuntimeUnhealthy"
            | "KubeletUnhealthy"
            | "FrequentKubeletRestart"
            | "FrequentContainerdRestart"
            | "NodeShutdown"
            | "Shutdown" => (NodeNotReady, 0.7),
            "EvictionThresholdMet"
            | "FreeDiskSpaceFailed"
            | "ImageGCFailed"
            | "NodeHasDiskPressure"
            | "NodeHasMemoryPressure"
            | "NodeHasInsufficientMemory"
            | "NodeHasInsufficientPID"
            | "SystemOOM" => (NodePressure, 0.7),
            _ => continue,
        };
        let relevant = scene.subject.kind == SubjectKind::Node || kind == NodeNotReady;
        if relevant && event.kind != "Normal" || event.reason.starts_with("NodeHas") || event.reason == "NodeNotReady" {
            claims.push(
                Claim::new(kind, phrases::NODE_EVENTS, confidence, node_of(scene, &event.object), id)
                    .began(event.first)
                    .fact("reason", &event.reason)
                    .fact("line", &event.message)
                    .maybe("since", event.first.map(|at| clock(at, scene.onset))),
            );
        }
    }
    claims
}
