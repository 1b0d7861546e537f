//! What changed just before: rollouts of the subject, configuration, scale, nodes.

use chrono::{DateTime, TimeDelta, Utc};

use super::claim::Claim;
use super::format::{clock, duration};
use super::phrases;
use super::scene::Scene;
use super::serving;
use crate::domain::cluster::{ChangeKind, Rollout, WorkloadState};
use crate::domain::evidence::EvidenceId;
use crate::domain::finding::FindingKind::{BadRollout, ReplicasMissing};
use crate::domain::finding::Role;
use crate::domain::subject::SubjectKind;

/// Clocks differ, and an alert's start is rounded to the rule's interval.
const SLACK: TimeDelta = TimeDelta::seconds(90);
/// A change longer before the trouble than this has nothing to do with it.
const LONGEST: TimeDelta = TimeDelta::hours(6);
/// Lines of a diff that fit a sentence.
const MOST_LINES: usize = 3;

/// What changed just before the onset or before any of `others` began.
pub(super) fn find(scene: &Scene, others: &[Claim]) -> Vec<Claim> {
    // Only what is sure enough to have a beginning counts as trouble.
    let mut starts: Vec<DateTime<Utc>> =
        others.iter().filter(|claim| claim.confidence >= 0.4).filter_map(|claim| claim.began).collect();
    starts.push(scene.onset);
    let mut claims: Vec<Claim> =
        scene.workloads().filter_map(|seen| rollout(scene, seen.id, seen.data, &starts)).collect();
    claims.extend(others_changes(scene, &starts, claims.is_empty()));
    claims.extend(scaled_to_zero(scene));
    claims
}

/// How long before the trouble `at` was; `None` after it, or long before.
fn gap(starts: &[DateTime<Utc>], at: DateTime<Utc>) -> Option<TimeDelta> {
    let gaps = starts.iter().map(|start| *start - at).filter(|gap| *gap >= -SLACK);
    gaps.min().map(|gap| gap.max(TimeDelta::zero())).filter(|gap| *gap <= LONGEST)
}

fn likelihood(gap: TimeDelta) -> f64 {
    match gap.num_minutes() {
        0..=10 => 0.8,
        11..=30 => 0.7,
        31..=60 => 0.6,
        61..=120 => 0.45,
        _ => 0.3,
    }
}

fn rollout(scene: &Scene, id: EvidenceId, workload: &WorkloadState, starts: &[DateTime<Utc>]) -> Option<Claim> {
    let stuck = workload.conditions.iter().any(|condition| condition.reason == "ProgressDeadlineExceeded");
    // The newest that came before the trouble; what came after is somebody's remedy.
    let before = |rollout: &&Rollout| rollout.at.is_some_and(|at| gap(starts, at).is_some());
    let mut dated: Vec<&Rollout> = workload.rollouts.iter().filter(before).collect();
    dated.sort_by_key(|rollout| std::cmp::Reverse(rollout.at));
    let newest = dated.first().copied().or_else(|| workload.rollouts.first().filter(|_| stuck))?;
    // The first revision changed nothing, and there is nothing to go back to. A later one whose forerunners are gone did.
    let is_first = newest.revision <= 1 || workload.rollouts.len() < 2 && !stuck;
    if is_first && newest.changes.is_empty() {
        return None;
    }
    let gap = newest.at.and_then(|at| gap(starts, at));
    let confidence = gap.map_or(0.5, likelihood);
    let confidence = if newest.changes.is_empty() { confidence - 0.1 } else { confidence };
    let previous =
        workload.rollouts.iter().filter(|other| other.revision < newest.revision).map(|other| other.revision).max();
    let phrase = if stuck { phrases::ROLLOUT_STUCK } else { phrases::ROLLOUT };
    let more = newest.changes.len().saturating_sub(MOST_LINES);
    let claim = Claim::new(
        BadRollout,
        phrase,
        if stuck { confidence.max(0.7) } else { confidence },
        scene.subject.object(),
        id,
    )
    .role(Role::Contributing)
    .began(newest.at)
    .fact("revision", newest.revision.to_string())
    .maybe("previous", previous.map(|revision| revision.to_string()))
    .maybe("at", newest.at.map(|at| clock(at, scene.onset)))
    .maybe("before", gap.filter(|gap| gap.num_seconds() > 0).map(duration))
    .fact("changes", newest.changes.iter().take(MOST_LINES).map(String::as_str).collect::<Vec<_>>().join("; "))
    .maybe("more", (more > 0).then(|| more.to_string()))
    .maybe("note", newest.cause.as_deref())
    .maybe("managed_by", workload.managed_by.as_deref());
    Some(serving::degraded(claim, workload))
}

/// Changes that no rollout of the subject shows.
fn others_changes(scene: &Scene, starts: &[DateTime<Utc>], no_rollout: bool) -> Option<Claim> {
    let nodes = scene.nodes_of_pods();
    let all = scene.changes().flat_map(|seen| seen.data.iter().map(move |change| (seen.id, change)));
    let weighed = all.filter_map(|(id, change)| {
        let gap = gap(starts, change.at)?;
        let own = scene.is_own(&change.object);
        let near = scene.is_near(&change.object);
        let weight = match change.kind {
            // What the workload tells itself need not be said again.
            ChangeKind::Rollout if own => f64::from(u8::from(no_rollout)),
            ChangeKind::Config if near && reads(scene, &change.what) => 0.75,
            // It may still be mounted, or read over the API.
            ChangeKind::Config if own || near => 0.65,
            ChangeKind::Scale | ChangeKind::Other if own => 0.6,
            ChangeKind::Node if nodes.contains(&change.object.name.as_str()) || own => 0.7,
            ChangeKind::Rollout if near => 0.5,
            // What was made just now has no state before it that was better.
            ChangeKind::Created => 0.0,
            _ => 0.0,
        };
        let confidence = likelihood(gap) * weight;
        (confidence > 0.2).then_some((id, change, gap, confidence, own))
    });
    let (id, change, gap, confidence, own) = weighed.reduce(|best, next| if next.3 > best.3 { next } else { best })?;
    Some(
        Claim::new(
            BadRollout,
            phrases::CHANGE,
            confidence,
            if own { scene.subject.object() } else { change.object.clone() },
            id,
        )
        .role(Role::Contributing)
        .began(Some(change.at))
        .fact("object", format!("{} {}", change.object.kind.as_str(), change.object))
        .fact("what", &change.what)
        .fact("at", clock(change.at, scene.onset))
        .fact("before", duration(gap)),
    )
}

/// Whether the subject's containers take variables from the map that changed: `ConfigMap web-env changed by helm`.
fn reads(scene: &Scene, what: &str) -> bool {
    let Some(name) = what.strip_prefix("ConfigMap ").and_then(|rest| rest.split(' ').next()) else { return false };
    let taken = format!("* from ConfigMap {name}");
    scene.workloads().flat_map(|seen| &seen.data.containers).any(|container| container.env.contains(&taken))
}

/// Nobody wants pods, yet somebody calls.
fn scaled_to_zero(scene: &Scene) -> Option<Claim> {
    let serves = matches!(
        scene.subject.kind,
        SubjectKind::Deployment | SubjectKind::StatefulSet | SubjectKind::Service | SubjectKind::Workload
    );
    let seen = scene.workloads().find(|seen| {
        let called = seen.data.services.iter().any(|service| service.endpoints_ready == 0)
            || scene.subject.kind == SubjectKind::Service;
        seen.data.desired == 0 && seen.data.jobs.is_empty() && seen.about.kind.owns_pods() && called
    })?;
    serves.then(|| {
        let scaler = seen.data.autoscaler.as_ref().map(|scaler| scaler.name.as_str());
        Claim::new(ReplicasMissing, phrases::SCALED_TO_ZERO, 0.8, scene.subject.object(), seen.id)
            .maybe("autoscaler", scaler)
    })
}
