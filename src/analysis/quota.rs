//! Bounds that are reached: a namespace's quota, a limit range, the autoscaler's maximum.

use super::claim::Claim;
use super::format::percent;
use super::phrases;
use super::scene::Scene;
use super::text::words::{after, has_any};
use crate::domain::cluster::AutoscalerState;
use crate::domain::evidence::EvidenceId;
use crate::domain::finding::FindingKind::QuotaExceeded;
use crate::domain::finding::Role;

/// A quota used beyond this share leaves no room for a pod.
const FULL: f64 = 0.99;

/// What events, conditions, quotas and the autoscaler say.
pub(super) fn find(scene: &Scene) -> Vec<Claim> {
    let mut claims = Vec::new();
    for (id, event) in scene
        .events()
        .into_iter()
        .filter(|(_, event)| event.reason == "FailedCreate" || event.reason == "ProvisioningFailed")
    {
        claims.extend(refused(scene, id, &event.message).map(|claim| claim.began(event.first)));
    }
    for seen in scene.workloads() {
        for condition in seen.data.conditions.iter().filter(|condition| condition.kind == "ReplicaFailure") {
            claims.extend(refused(scene, seen.id, &condition.message).map(|claim| claim.began(condition.since)));
        }
        if let Some(scaler) = &seen.data.autoscaler {
            claims.extend(autoscaler(scene, seen.id, scaler));
        }
    }
    claims.extend(full(scene));
    claims
}

/// `exceeded quota: compute, requested: limits.memory=1Gi, used: limits.memory=15Gi, limited: limits.memory=16Gi`.
fn refused(scene: &Scene, id: EvidenceId, message: &str) -> Option<Claim> {
    let lower = message.to_lowercase();
    let about = scene.subject.object();
    if lower.contains("exceeded quota") {
        let part = |cue: &str| {
            let rest = after(message, cue)?;
            let end = [", requested:", ", used:", ", limited:"].iter().filter_map(|cue| rest.find(cue)).min();
            Some(rest[..end.unwrap_or(rest.len())].trim().to_owned())
        };
        return Some(
            Claim::new(QuotaExceeded, phrases::QUOTA, 0.95, about, id)
                .maybe("quota", part("exceeded quota: "))
                .maybe("requested", part("requested: "))
                .maybe("used", part("used: "))
                .maybe("hard", part("limited: ")),
        );
    }
    has_any(
        &lower,
        &[
            "maximum cpu usage",
            "maximum memory usage",
            "minimum cpu usage",
            "minimum memory usage",
            "must specify limits",
            "must specify requests",
            "failed quota",
        ],
    )
    .then(|| Claim::new(QuotaExceeded, phrases::LIMIT_RANGE, 0.9, about, id).fact("line", message))
}

/// A full quota that nobody ran against yet is a hint, not a cause.
fn full(scene: &Scene) -> Option<Claim> {
    let missing = scene
        .workloads()
        .any(|seen| usize::try_from(seen.data.desired).is_ok_and(|desired| desired > seen.data.pods_total));
    scene.namespaces().find_map(|seen| {
        let quota = seen.data.quotas.iter().find(|quota| quota.ratio >= FULL && is_of_pods(&quota.resource))?;
        let confidence = if missing { 0.6 } else { 0.35 };
        Some(
            Claim::new(QuotaExceeded, phrases::QUOTA, confidence, scene.subject.object(), seen.id)
                .role(if missing { Role::Cause } else { Role::Contributing })
                .fact("quota", &quota.quota)
                .fact("used", format!("{} {}", quota.resource, quota.used))
                .fact("hard", format!("{} {}", quota.resource, quota.hard))
                .fact("share", percent(quota.ratio)),
        )
    })
}

/// Whether pods consume it: `services.nodeports 0 of 0` is as full as can be, and keeps no pod out.
fn is_of_pods(resource: &str) -> bool {
    matches!(resource, "pods" | "count/pods" | "cpu" | "memory" | "ephemeral-storage")
        || resource.starts_with("limits.")
        || resource.starts_with("requests.") && resource != "requests.storage"
}

fn autoscaler(scene: &Scene, id: EvidenceId, scaler: &AutoscalerState) -> Option<Claim> {
    let blind = scaler.conditions.iter().find(|condition| {
        matches!(condition.kind.as_str(), "ScalingActive" | "AbleToScale")
            && condition.status == "False"
            && condition.reason != "ScalingDisabled"
    });
    if let Some(condition) = blind {
        return Some(
            Claim::new(QuotaExceeded, phrases::AUTOSCALER_BLIND, 0.55, scene.subject.object(), id)
                .role(Role::Contributing)
                .began(condition.since)
                .fact("name", &scaler.name)
                .fact("reason", &condition.reason)
                .fact("line", &condition.message),
        );
    }
    let limited =
        scaler.conditions.iter().any(|condition| condition.reason == "TooManyReplicas" && condition.status != "False");
    let at_max = scaler.max > scaler.min && scaler.current >= scaler.max && (scaler.desired >= scaler.max || limited);
    at_max.then(|| {
        Claim::new(
            QuotaExceeded,
            phrases::AUTOSCALER_AT_MAX,
            if limited { 0.7 } else { 0.6 },
            scene.subject.object(),
            id,
        )
        .fact("name", &scaler.name)
        .fact("max", scaler.max.to_string())
    })
}
