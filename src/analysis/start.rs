//! Containers that never start: a ConfigMap or Secret is missing, the command is not there, the pod is not admitted,
//! its network cannot be set up.

use super::claim::Claim;
use super::crash::phrase_of;
use super::format::clock;
use super::oom::was_killed;
use super::phrases;
use super::scene::{Scene, Unit};
use super::serving;
use super::text::complaint::complaint;
use super::text::network;
use super::text::words::{after, first_word, has_any, quoted};
use crate::domain::evidence::EvidenceId;
use crate::domain::finding::FindingKind::{ConfigError, DependencyUnreachable, NodeNotReady, ReplicasMissing};

/// Reasons for which a container waits, or ended, without having run.
const REASONS: &[&str] = &[
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "StartError",
    "ContainerCannotRun",
    "PostStartHookError",
    "PreCreateHookError",
    "PreStartHookError",
    "CreatePodSandboxError",
    "ConfigPodSandboxError",
    "RunInitContainerError",
];

/// What the subject's containers, events and conditions say.
pub(super) fn find(scene: &Scene) -> Vec<Claim> {
    let mut claims: Vec<Claim> = scene.containers().iter().filter_map(|unit| container(scene, unit)).collect();
    claims.extend(scene.containers().iter().find_map(|unit| init_waits(scene, unit)));
    for (id, event) in scene.events() {
        match event.reason.as_str() {
            "Failed"
                if has_any(
                    &event.message.to_lowercase(),
                    &[
                        "error: configmap",
                        "error: secret",
                        "couldn't find key",
                        "runcontainererror",
                        "failed to create containerd container",
                        "failed to start container",
                        "error: failed to create",
                        "oci runtime",
                    ],
                ) =>
            {
                let confidence = scene.unless_over(event, 0.8);
                claims.push(said(scene, id, &event.message, confidence).began(event.first));
            }
            "FailedMount" if is_missing_object(&event.message) => {
                let confidence = scene.unless_over(event, 0.9);
                claims.push(missing_object(scene, id, &event.message, confidence).began(event.first))
            }
            "FailedCreatePodSandBox" | "FailedCreatePodSandbox" | "NetworkNotReady" => {
                let confidence = scene.unless_over(event, 0.75);
                claims.push(
                    Claim::new(NodeNotReady, phrases::SANDBOX_FAILED, confidence, scene.subject.object(), id)
                        .began(event.first)
                        .fact("message", sandbox_reason(&event.message))
                        .fact("count", event.count.to_string()),
                );
            }
            "FailedCreate" => claims.extend(refused(scene, id, &event.message).map(|claim| claim.began(event.first))),
            _ => {}
        }
    }
    for seen in scene.workloads() {
        for condition in seen.data.conditions.iter().filter(|condition| condition.kind == "ReplicaFailure") {
            claims.extend(refused(scene, seen.id, &condition.message).map(|claim| claim.began(condition.since)));
        }
    }
    claims
}

fn container(scene: &Scene, unit: &Unit) -> Option<Claim> {
    if was_killed(unit) {
        return None;
    }
    let waiting = unit.state.waiting.as_ref().filter(|waiting| REASONS.contains(&waiting.reason.as_str()));
    let ending = unit
        .ending()
        .filter(|ending| REASONS.contains(&ending.reason.as_str()) && scene.weight(ending.finished_at) > 0.5);
    let message = match (waiting, ending) {
        (Some(waiting), _) if !waiting.message.trim().is_empty() => waiting.message.as_str(),
        (_, Some(ending)) => ending.message.as_str(),
        (Some(waiting), None) => waiting.reason.as_str(),
        (None, None) => return None,
    };
    let claim = said(scene, unit.id, message, 0.95)
        .fact("container", &unit.state.name)
        .fact("reason", waiting.map_or_else(|| ending.map_or("", |e| e.reason.as_str()), |w| w.reason.as_str()))
        .began(unit.pod.created_at);
    Some(serving::degraded(claim, unit.workload))
}

/// An init container that runs on and on keeps the others from starting: it waits for something.
fn init_waits(scene: &Scene, unit: &Unit) -> Option<Claim> {
    let since = unit.state.running_since.filter(|_| unit.state.init && !unit.pod.ready && !unit.state.ready)?;
    let others_wait =
        unit.pod.containers.iter().any(|other| {
            !other.init && other.waiting.as_ref().is_some_and(|waiting| waiting.reason == "PodInitializing")
        });
    others_wait.then(|| {
        Claim::new(ReplicasMissing, phrases::INIT_WAITS, 0.6, scene.subject.object(), unit.id)
            .began(Some(since))
            .fact("container", &unit.state.name)
            .fact("since", clock(since, scene.onset))
    })
}

/// What the kubelet says about a container that it could not start.
fn said(scene: &Scene, id: EvidenceId, message: &str, confidence: f64) -> Claim {
    if is_missing_object(message) {
        return missing_object(scene, id, message, confidence);
    }
    let found = complaint(message).filter(|found| found.trouble.is_config());
    let phrase = found.as_ref().map_or(phrases::CONFIG_CANNOT_START, |found| phrase_of(found.trouble));
    Claim::new(ConfigError, phrase, confidence, scene.subject.object(), id)
        .fact("line", message)
        .maybe("name", found.and_then(|found| found.name))
}

/// `configmap "x" not found`, `couldn't find key y in ConfigMap shop/x`, `references non-existent secret key: y`.
fn is_missing_object(message: &str) -> bool {
    let lower = message.to_lowercase();
    let named = has_any(&lower, &["configmap", "secret"]);
    named
        && has_any(&lower, &["not found", "couldn't find key", "could not find key", "non-existent", "not registered"])
}

fn missing_object(scene: &Scene, id: EvidenceId, message: &str, confidence: f64) -> Claim {
    let lower = message.to_lowercase();
    let object = if lower.contains("secret") && !lower.contains("configmap \"") { "Secret" } else { "ConfigMap" };
    let key = ["find key ", "config key: ", "secret key: ", "key: "]
        .iter()
        .find_map(|cue| after(message, cue))
        .map(first_word);
    // `in ConfigMap shop/settings`, `configmap "settings" not found`, `object "shop"/"settings" not registered`.
    let name =
        [" in configmap ", " in secret "].iter().find_map(|cue| after(message, cue).map(first_word)).or_else(|| {
            ["configmap ", "configmaps ", "secret ", "secrets ", "references non-existent "]
                .iter()
                .find_map(|cue| quoted(after(message, cue)?))
        });
    let phrase = if key.is_some() { phrases::CONFIG_MISSING_KEY } else { phrases::CONFIG_MISSING_OBJECT };
    Claim::new(ConfigError, phrase, confidence, scene.subject.object(), id)
        .fact("object", object)
        .maybe("name", name)
        .maybe("key", key)
        .fact("line", message)
}

/// A pod that the API server did not take. Quotas have an analyser of their own.
fn refused(scene: &Scene, id: EvidenceId, message: &str) -> Option<Claim> {
    let lower = message.to_lowercase();
    let about = scene.subject.object();
    if has_any(
        &lower,
        &[
            "exceeded quota",
            "limitrange",
            "maximum cpu",
            "maximum memory",
            "minimum cpu",
            "minimum memory",
            "must specify limits",
            "failed quota",
        ],
    ) {
        return None;
    }
    if lower.contains("failed calling webhook") {
        let failure = network::failure(message).map_or("unavailable", network::Failure::as_str);
        return Some(
            Claim::new(DependencyUnreachable, phrases::WEBHOOK_UNREACHABLE, 0.9, about, id)
                .maybe("name", after(message, "webhook ").and_then(quoted))
                .fact("failure", failure)
                .fact("line", message),
        );
    }
    let policy = has_any(
        &lower,
        &[
            "denied the request",
            "violates podsecurity",
            "is forbidden",
            "serviceaccount",
            "is invalid",
            "podsecuritypolicy",
            "security context constraint",
            "admission",
        ],
    );
    policy.then(|| Claim::new(ConfigError, phrases::CONFIG_ADMISSION, 0.9, about, id).fact("line", message))
}

/// The end of the kubelet's long sentence says what went wrong.
fn sandbox_reason(message: &str) -> String {
    let start = ["failed to setup network", "failed to set up sandbox", "network: ", "plugin type=", "rpc error: "]
        .iter()
        .find_map(|cue| super::text::words::find(message, cue));
    message.get(start.unwrap_or(0)..).unwrap_or(message).to_owned()
}
