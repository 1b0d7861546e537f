//! Whether something still answers: an old revision, or the pods that are left.

use super::claim::Claim;
use crate::domain::cluster::WorkloadState;

/// Adds how many pods still serve, where some do: the trouble is then a degradation, not an outage.
pub(super) fn degraded(claim: Claim, workload: &WorkloadState) -> Claim {
    if workload.ready <= 0 {
        return claim.maybe("down", (workload.desired > 0).then_some("yes"));
    }
    let newest = workload.rollouts.iter().max_by_key(|rollout| rollout.revision);
    let old = newest.is_some_and(|newest| {
        let hash = newest.name.rsplit('-').next().unwrap_or_default();
        let ready = || workload.pods.iter().filter(|pod| pod.ready);
        workload.rollouts.len() > 1
            && ready().count() > 0
            && ready()
                .all(|pod| pod.revision.as_deref().is_some_and(|revision| revision != hash && revision != newest.name))
    });
    claim
        .fact("serving", workload.ready.to_string())
        .fact("wanted", workload.desired.to_string())
        .maybe("old_serves", old.then_some("yes"))
}
