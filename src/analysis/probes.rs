//! Probes that fail, and what follows: restarts, or no traffic.

use super::claim::Claim;
use super::phrases;
use super::scene::Scene;
use super::text::words::{after, has_any, leading_number};
use crate::domain::cluster::EventFact;
use crate::domain::evidence::EvidenceId;
use crate::domain::finding::FindingKind::{ProbeFailing, ReplicasMissing};
use crate::domain::finding::Role;

/// What the subject's events and pods say.
pub(super) fn find(scene: &Scene) -> Vec<Claim> {
    let events = scene.events();
    let mut claims = Vec::new();
    for probe in ["liveness", "startup", "readiness"] {
        let unhealthy: Vec<_> = events
            .iter()
            .filter(|(_, event)| matches!(event.reason.as_str(), "Unhealthy" | "ProbeWarning" | "ProbeError"))
            .filter(|(_, event)| event.message.to_lowercase().starts_with(probe))
            .collect();
        let killing = events
            .iter()
            .find(|(_, event)| event.reason == "Killing" && event.message.contains(&format!("failed {probe} probe")));
        if !unhealthy.is_empty() || killing.is_some() {
            claims.extend(claim(scene, probe, &unhealthy, killing));
        }
    }
    claims.extend(not_ready(scene));
    claims
}

fn claim(
    scene: &Scene,
    probe: &str,
    unhealthy: &[&(EvidenceId, &EventFact)],
    killing: Option<&(EvidenceId, &EventFact)>,
) -> Option<Claim> {
    // A pod that starts fails its probe a few times; what goes on is the trouble.
    let worst = unhealthy.iter().max_by_key(|(_, event)| event.count);
    let id = worst.map(|(id, _)| *id).or(killing.map(|(id, _)| *id))?;
    let count: u32 = unhealthy.iter().map(|(_, event)| event.count).fold(0, u32::saturating_add);
    let restarts = killing.is_some();
    let healthy = scene.workloads().any(|seen| seen.data.desired > 0 && seen.data.ready >= seen.data.desired);
    let confidence = match (restarts, healthy, count) {
        (true, _, _) => 0.85,
        (false, true, _) => 0.3,
        (false, false, 0..3) => 0.45,
        (false, false, _) => 0.7,
    };
    let phrase = if restarts { phrases::PROBE_RESTARTS } else { phrases::PROBE_FAILING };
    let message = worst.map_or("", |(_, event)| event.message.as_str());
    let began = unhealthy.iter().filter_map(|(_, event)| event.first).min();
    Some(
        Claim::new(ProbeFailing, phrase, confidence, scene.subject.object(), id)
            .cite(killing.map(|(id, _)| *id))
            .cite(unhealthy.iter().map(|(id, _)| *id))
            .began(began)
            .fact("probe", probe)
            .fact("failure", failure(message))
            .maybe("status", after(message, "statuscode: ").and_then(leading_number).map(|status| status.to_string()))
            .maybe("count", (count > 0).then(|| count.to_string()))
            .fact("line", message.split_once(": ").map_or(message, |(_, rest)| rest)),
    )
}

/// How the probe failed, as the phrase chooses its words by it.
fn failure(message: &str) -> &'static str {
    let lower = message.to_lowercase();
    match () {
        () if lower.contains("statuscode") => "status",
        () if has_any(&lower, &["connection refused", "actively refused"]) => "refused",
        () if has_any(&lower, &["deadline exceeded", "timeout", "timed out"]) => "timeout",
        () if has_any(&lower, &["connection reset", "eof"]) => "reset",
        () if has_any(&lower, &["no route to host", "network is unreachable", "host is down"]) => "no_route",
        () if has_any(&lower, &["not_serving", "grpc"]) => "grpc",
        () if lower.is_empty() => "unknown",
        () => "command",
    }
}

/// Fewer pods are ready than wanted: what every other trouble of a workload ends in.
fn not_ready(scene: &Scene) -> Vec<Claim> {
    let missing = scene.workloads().filter(|seen| seen.data.desired > 0 && seen.data.ready < seen.data.desired);
    missing
        .map(|seen| {
            let available = seen.data.conditions.iter().find(|condition| condition.kind == "Available");
            let without = seen.data.services.iter().find(|service| service.endpoints_ready == 0);
            Claim::new(ReplicasMissing, phrases::NOT_READY, 0.6, scene.subject.object(), seen.id)
                .role(Role::Symptom)
                .began(available.and_then(|condition| condition.since))
                .fact("ready", seen.data.ready.max(0).to_string())
                .fact("wanted", seen.data.desired.to_string())
                .maybe("service", without.map(|service| service.name.as_str()))
        })
        .collect()
}
