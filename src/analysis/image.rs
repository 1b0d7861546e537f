//! Images that cannot be pulled, and why.

use super::claim::Claim;
use super::format::clock;
use super::phrases;
use super::scene::Scene;
use super::serving;
use super::text::network;
use super::text::pull::{PullFailure, image_of, pull_failure, registry_of};
use super::text::words::has_any;
use crate::domain::cluster::EventFact;
use crate::domain::evidence::EvidenceId;
use crate::domain::finding::FindingKind::ImagePull;

const WAITING: &[&str] = &[
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "RegistryUnavailable",
    "ImageInspectError",
    "SignatureValidationFailed",
];

/// What the subject's containers and events say.
pub(super) fn find(scene: &Scene) -> Vec<Claim> {
    let told = pulls(scene);
    let mut claims: Vec<Claim> = Vec::new();
    let waiting: Vec<_> = scene.containers().into_iter().filter(|unit| WAITING.contains(&unit.waits())).collect();
    for unit in &waiting {
        let reason = unit.waits();
        let own = unit.state.waiting.as_ref().map_or("", |waiting| waiting.message.as_str());
        let own = format!("{reason}: {own}");
        // `Back-off pulling image` says nothing; the event beside it does.
        let image = &unit.state.image;
        let told = told.iter().map(|(id, event)| (*id, event.message.as_str()));
        let told = told.filter(|(_, text)| image.is_empty() || text.contains(image.as_str()) || waiting.len() == 1);
        let own = (unit.id, own.as_str());
        let best = std::iter::once(own).chain(told).find(|(_, text)| is_told(text)).unwrap_or(own);
        let claim = claim(scene, best.1, unit.id, 0.96)
            .cite([best.0])
            .fact("container", &unit.state.name)
            .fact("image", if image.is_empty() { image_of(own.1).unwrap_or_default() } else { image })
            .fact("pods", waiting.iter().filter(|other| other.state.name == unit.state.name).count().to_string())
            .began(unit.pod.created_at);
        let claim = serving::degraded(with_change(scene, claim), unit.workload);
        if !claims.iter().any(|known| known.facts.get("container") == claim.facts.get("container")) {
            claims.push(claim);
        }
    }
    if claims.is_empty()
        && let Some((id, event)) = told.iter().max_by_key(|(_, event)| is_told(&event.message))
    {
        let confidence = scene.unless_over(event, 0.8);
        let text = event.message.as_str();
        claims.push(with_change(scene, claim(scene, text, *id, confidence).maybe("image", image_of(text))));
    }
    claims
}

fn claim(scene: &Scene, message: &str, id: EvidenceId, confidence: f64) -> Claim {
    let mut failure = pull_failure(message);
    let secret = scene.events().into_iter().find(|(_, event)| event.reason == "FailedToRetrieveImagePullSecret");
    if failure == PullFailure::Unauthorized && secret.is_some() {
        failure = PullFailure::SecretMissing;
    }
    let confidence = if failure == PullFailure::Unknown { confidence - 0.1 } else { confidence };
    let how = (failure == PullFailure::Unreachable).then(|| network::failure(message)).flatten();
    Claim::new(ImagePull, phrases::IMAGE_PULL, confidence, scene.subject.object(), id)
        .cite(secret.filter(|_| failure == PullFailure::SecretMissing).map(|(id, _)| id))
        .fact("failure", failure.as_str())
        .maybe("how", how.map(network::Failure::as_str))
        .maybe("registry", image_of(message).map(registry_of))
        .maybe("line", (failure == PullFailure::Unknown).then(|| message.to_owned()))
}

/// The rollout that brought the image.
fn with_change(scene: &Scene, claim: Claim) -> Claim {
    let Some(image) = claim.facts.get("image").cloned() else { return claim };
    let claim = if claim.facts.contains_key("registry") { claim } else { claim.fact("registry", registry_of(&image)) };
    let change = scene.rollouts().into_iter().take(2).find_map(|(id, rollout)| {
        let line = rollout
            .changes
            .iter()
            .find(|change| change.starts_with("image") || change.contains(" image") || change.contains(&image))?;
        (rollout.at.is_some() && scene.weight(rollout.at) > 0.5).then_some((id, rollout, line))
    });
    match change {
        Some((id, rollout, line)) => claim
            .cite([id])
            .fact("change", line)
            .fact("revision", rollout.revision.to_string())
            .maybe("at", rollout.at.map(|at| clock(at, scene.onset))),
        None => claim,
    }
}

fn is_told(text: &str) -> bool {
    pull_failure(text) != PullFailure::Unknown
}

fn pulls<'a>(scene: &Scene<'a>) -> Vec<(EvidenceId, &'a EventFact)> {
    let pulls = scene.events().into_iter().filter(|(_, event)| {
        let lower = event.message.to_lowercase();
        matches!(event.reason.as_str(), "Failed" | "BackOff" | "InspectFailed" | "ErrImageNeverPull")
            && has_any(&lower, &["pull", "image"])
            && !lower.contains("restarting failed container")
    });
    pulls.collect()
}
