//! Pods that are stuck: one of many is replaced alone; all of them are restarted, with little hope; a paused rollout goes
//! on.

use super::{Case, Remedy, remedy, rollback};
use crate::analysis::phrases;
use crate::analysis::scene::has_ended;
use crate::domain::action::{Action, Namespaced, RolloutKind};
use crate::domain::finding::FindingKind;

pub(super) const ONE_OF_MANY: &str = "why.one_pod";
pub(super) const RESTART: &str = "why.restart";
pub(super) const PAUSED: &str = "why.paused";

pub(super) fn find(case: &Case<'_>) -> Vec<Remedy> {
    [paused(case), one_of_many(case), restart(case)].into_iter().flatten().collect()
}

/// One pod is unwell while its sisters of the same revision, with the same configuration, are well.
fn one_of_many(case: &Case<'_>) -> Option<Remedy> {
    let kinds = [
        FindingKind::ProbeFailing,
        FindingKind::ReplicasMissing,
        FindingKind::CrashLoop,
        FindingKind::NodeNotReady,
        FindingKind::VolumeUnavailable,
    ];
    let finding = case.finding(&kinds)?;
    let (_, seen) = case.rollout()?;
    let well: Vec<_> = seen.data.pods.iter().filter(|pod| pod.ready && pod.deleting_since.is_none()).collect();
    // What has ended is no longer anybody's: its controller has made another.
    let unwell = seen.data.pods.iter().filter(|pod| !pod.ready && pod.deleting_since.is_none() && !has_ended(pod));
    let unwell: Vec<_> = unwell.collect();
    let [pod] = unwell.as_slice() else { return None };
    let has_sisters = well.iter().any(|other| other.revision == pod.revision);
    // A pod without a node waits for the scheduler; a new one would wait beside it.
    if !has_sisters || pod.node.is_none() || seen.data.pods.len() != seen.data.pods_total {
        return None;
    }
    let action = Action::DeletePod { pod: Namespaced { namespace: case.namespace()?, name: pod.name.parse().ok()? } };
    let remedy = remedy(action, ONE_OF_MANY, 0.7 * finding.confidence, &finding.evidence)?;
    Some(
        remedy
            .fact("pod", &pod.name)
            .fact("well", well.len().to_string())
            .maybe("node", pod.node.as_deref())
            .cite(seen.id),
    )
}

/// Everything is unwell and nothing changed: a restart helps where a process got stuck, and seldom else.
fn restart(case: &Case<'_>) -> Option<Remedy> {
    let finding = case.finding(&[FindingKind::CrashLoop, FindingKind::ProbeFailing])?;
    let other_cause = case.cause().is_some_and(|cause| {
        !matches!(cause.kind, FindingKind::CrashLoop | FindingKind::ProbeFailing | FindingKind::ReplicasMissing)
    });
    if other_cause || rollback::blamed(case).is_some() {
        return None;
    }
    let (workload, seen) = case.rollout()?;
    let remedy = remedy(Action::RolloutRestart { workload }, RESTART, 0.35 * finding.confidence, &finding.evidence)?;
    Some(remedy.fact("wanted", seen.data.desired.to_string()).fact("ready", seen.data.ready.to_string()).cite(seen.id))
}

/// A rollout that somebody paused and left half done.
fn paused(case: &Case<'_>) -> Option<Remedy> {
    let (workload, seen) = case.rollout()?;
    let half_done = seen.data.paused && seen.data.updated < seen.data.desired;
    if !half_done || workload.kind != RolloutKind::Deployment {
        return None;
    }
    let finding = case.finding(&[FindingKind::ReplicasMissing, FindingKind::BadRollout])?;
    // What is stuck is not helped by going on.
    if finding.phrase == phrases::ROLLOUT_STUCK {
        return None;
    }
    let remedy = remedy(Action::RolloutResume { workload }, PAUSED, 0.5 * finding.confidence, &finding.evidence)?;
    Some(
        remedy
            .fact("updated", seen.data.updated.to_string())
            .fact("wanted", seen.data.desired.to_string())
            .cite(seen.id),
    )
}
