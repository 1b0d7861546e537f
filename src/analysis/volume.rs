//! Volumes that cannot be bound, attached or mounted.

use super::claim::Claim;
use super::phrases;
use super::scene::Scene;
use super::text::words::{after, has_any, quoted};
use crate::domain::finding::FindingKind::VolumeUnavailable;

/// What the subject's claims and events say.
pub(super) fn find(scene: &Scene) -> Vec<Claim> {
    let mut claims = Vec::new();
    let about = scene.subject.object();
    let events = scene.events();
    let provisioning =
        events.iter().find(|(_, event)| matches!(event.reason.as_str(), "ProvisioningFailed" | "FailedBinding"));
    for seen in scene.workloads() {
        for claim in seen.data.claims.iter().filter(|claim| matches!(claim.phase.as_str(), "Pending" | "Lost")) {
            // A claim that waits for its first consumer is only worth a word when the pod waits too.
            let waiting = seen.data.pods.iter().any(|pod| pod.phase == "Pending")
                || provisioning.is_some()
                || claim.phase == "Lost";
            if waiting {
                let found = Claim::new(VolumeUnavailable, phrases::VOLUME_CLAIM_PENDING, 0.96, about.clone(), seen.id)
                    .fact("name", &claim.name)
                    .fact("phase", &claim.phase)
                    .maybe("class", claim.storage_class.as_deref());
                claims.push(match provisioning {
                    Some((id, event)) => found.cite([*id]).fact("line", &event.message),
                    None => found,
                });
            }
        }
    }
    if claims.is_empty()
        && let Some((id, event)) = provisioning
    {
        claims.push(
            Claim::new(VolumeUnavailable, phrases::VOLUME_CLAIM_PENDING, 0.8, about.clone(), *id)
                .began(event.first)
                .fact("name", event.object.split_once(' ').map_or("", |(_, name)| name))
                .fact("line", &event.message),
        );
    }
    for (id, event) in &events {
        let lower = event.message.to_lowercase();
        let mount = matches!(
            event.reason.as_str(),
            "FailedMount" | "FailedAttachVolume" | "FailedMapVolume" | "VolumeMountFailed" | "FailedDetachVolume"
        );
        // A missing ConfigMap or Secret is a configuration error, not a storage error.
        let config = has_any(&lower, &["configmap", "secret"])
            && has_any(&lower, &["not found", "not registered", "non-existent"]);
        if !mount || config {
            continue;
        }
        let multi = has_any(
            &lower,
            &["multi-attach", "already exclusively attached", "already used by", "volume is already attached"],
        );
        let vague = lower.contains("timed out waiting for the condition") || lower.contains("unmounted volumes");
        let (phrase, confidence) = match (multi, vague) {
            (true, _) => (phrases::VOLUME_MULTI_ATTACH, 0.92),
            (false, true) => (phrases::VOLUME_MOUNT, 0.7),
            (false, false) => (phrases::VOLUME_MOUNT, 0.85),
        };
        let confidence = scene.unless_over(event, confidence);
        claims.push(
            Claim::new(VolumeUnavailable, phrase, confidence, about.clone(), *id)
                .began(event.first)
                .maybe("name", after(&event.message, "volume ").and_then(quoted).or_else(|| quoted(&event.message)))
                .fact("line", &event.message)
                .fact("count", event.count.to_string()),
        );
    }
    claims
}
