//! The HorizontalPodAutoscaler of a workload.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;

use super::api::Query;
use super::conditions::condition;
use super::time::at;
use super::{Cluster, ClusterError};
use crate::domain::cluster::AutoscalerState;
use crate::domain::subject::{ObjectRef, SubjectKind};

/// Autoscalers looked at in a namespace; each is about 3 KB.
const MAX_AUTOSCALERS: usize = 1_000;

impl Cluster {
    /// The autoscaler whose target is `object`.
    pub(super) async fn autoscaler(&self, object: &ObjectRef) -> Result<Option<AutoscalerState>, ClusterError> {
        let Some(namespace) = object.namespace.as_deref() else { return Ok(None) };
        let kind = object.kind.as_str();
        let found = self.api.list::<HorizontalPodAutoscaler, _>(Query::of(namespace, MAX_AUTOSCALERS), |hpa| {
            let target = &hpa.spec.as_ref()?.scale_target_ref;
            let ours = target.name == object.name && (target.kind == kind || object.kind == SubjectKind::Workload);
            ours.then(|| state(&hpa))
        });
        Ok(found.await?.items.into_iter().next())
    }
}

fn state(hpa: &HorizontalPodAutoscaler) -> AutoscalerState {
    let status = hpa.status.clone().unwrap_or_default();
    let conditions = status.conditions.unwrap_or_default();
    // `ScalingLimited=True` means that it wants more (or fewer) than it may.
    let bad = conditions.iter().filter(|c| (c.type_ == "ScalingLimited") == (c.status == "True"));
    AutoscalerState {
        name: hpa.metadata.name.clone().unwrap_or_default(),
        min: hpa.spec.as_ref().and_then(|spec| spec.min_replicas).unwrap_or(1),
        max: hpa.spec.as_ref().map_or(0, |spec| spec.max_replicas),
        current: status.current_replicas.unwrap_or(0),
        desired: status.desired_replicas,
        conditions: bad
            .map(|c| {
                let since = at(c.last_transition_time.as_ref());
                condition(&c.type_, &c.status, c.reason.as_ref(), c.message.as_ref(), since)
            })
            .collect(),
    }
}
