//! Too few pods for the load: raise the autoscaler's bound, or scale.

use super::{Case, Remedy, remedy};
use crate::analysis::phrases;
use crate::domain::action::{Action, Namespaced, RolloutKind};
use crate::domain::finding::FindingKind;

pub(super) const AT_MAX: &str = "why.autoscaler_at_max";
pub(super) const LOAD: &str = "why.load";
pub(super) const FROM_ZERO: &str = "why.scaled_to_zero";

pub(super) fn find(case: &Case<'_>) -> Vec<Remedy> {
    [at_max(case), load(case), from_zero(case)].into_iter().flatten().collect()
}

/// Half as many more, at least one.
fn half_more(count: u32) -> u32 {
    count + count.div_ceil(2).max(1)
}

fn at_max(case: &Case<'_>) -> Option<Remedy> {
    let finding =
        case.all(&[FindingKind::QuotaExceeded]).find(|finding| finding.phrase == phrases::AUTOSCALER_AT_MAX)?;
    let scaler = case.scene.workloads().find_map(|seen| seen.data.autoscaler.as_ref())?;
    let (min, max) = (u32::try_from(scaler.min).ok()?.max(1), u32::try_from(scaler.max).ok()?);
    let hpa = Namespaced { namespace: case.namespace()?, name: scaler.name.parse().ok()? };
    let new = half_more(max);
    let remedy =
        remedy(Action::SetHpaBounds { hpa, min, max: new }, AT_MAX, 0.8 * finding.confidence, &finding.evidence)?;
    Some(remedy.fact("max", max.to_string()).fact("new", new.to_string()))
}

/// More requests than its pods can serve, and nothing that scales it by itself.
fn load(case: &Case<'_>) -> Option<Remedy> {
    let surge = case.finding(&[FindingKind::TrafficSurge])?;
    let saturated = case
        .all(&[FindingKind::CpuThrottled, FindingKind::SlowResponses, FindingKind::HttpErrors])
        .find(|finding| finding.confidence >= 0.5)?;
    let (workload, seen) = case.rollout()?;
    if workload.kind == RolloutKind::DaemonSet || seen.data.autoscaler.is_some() || seen.data.desired < 1 {
        return None;
    }
    let now = u32::try_from(seen.data.desired).ok()?;
    let confidence = 0.7 * surge.confidence.min(saturated.confidence);
    let remedy = remedy(Action::Scale { workload, replicas: half_more(now) }, LOAD, confidence, &surge.evidence)?;
    Some(remedy.fact("now", now.to_string()).fact("new", half_more(now).to_string()).cite(seen.id))
}

fn from_zero(case: &Case<'_>) -> Option<Remedy> {
    let finding =
        case.all(&[FindingKind::ReplicasMissing]).find(|finding| finding.phrase == phrases::SCALED_TO_ZERO)?;
    let (workload, seen) = case.rollout()?;
    if workload.kind == RolloutKind::DaemonSet || seen.data.autoscaler.is_some() {
        return None;
    }
    // How many there were is not known; one serves, and people know how many more they want.
    let replicas = 1;
    let confidence = 0.7 * finding.confidence;
    let remedy = remedy(Action::Scale { workload, replicas }, FROM_ZERO, confidence, &finding.evidence)?;
    Some(remedy.fact("new", replicas.to_string()).cite(seen.id))
}
