//! Volume claims: the ones that a workload's pods mount, and the pods that mount one.

use std::collections::BTreeSet;

use futures::future::join_all;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, PodSpec};

use super::api::Query;
use super::{Cluster, ClusterError};
use crate::domain::cluster::ClaimState;

/// Claims read of one workload; a StatefulSet has one or two a pod, and those of unhealthy pods come first.
const MAX_CLAIMS: usize = 10;

impl Cluster {
    /// One claim.
    pub async fn claim(&self, namespace: &str, name: &str) -> Result<Option<ClaimState>, ClusterError> {
        let claim = self.api.get::<PersistentVolumeClaim>(Some(namespace), name).await?;
        Ok(claim.map(|claim| state(&claim)))
    }

    /// Names of the pods that mount a claim.
    pub(super) async fn pods_with_claim(&self, namespace: &str, claim: &str) -> Result<Vec<String>, ClusterError> {
        let pods = self.api.list::<Pod, _>(Query::of(namespace, super::pods::MAX_READ), |pod| {
            names(pod.spec.as_ref()?).contains(claim).then_some(pod.metadata.name).flatten()
        });
        Ok(pods.await?.items)
    }

    /// The claims of these names, at most [`MAX_CLAIMS`]. One that does not exist is shown as such: a pod waits for it.
    pub(super) async fn claims(
        &self,
        namespace: &str,
        names: &BTreeSet<String>,
    ) -> Result<Vec<ClaimState>, ClusterError> {
        let reads = names.iter().take(MAX_CLAIMS).map(|name| async move {
            let missing = || ClaimState { name: name.clone(), phase: "missing".to_owned(), ..ClaimState::default() };
            Ok(self.claim(namespace, name).await?.unwrap_or_else(missing))
        });
        join_all(reads).await.into_iter().collect()
    }
}

/// Names of the claims that a pod mounts.
pub(super) fn names(pod: &PodSpec) -> BTreeSet<String> {
    let volumes = pod.volumes.iter().flatten();
    volumes.filter_map(|volume| Some(volume.persistent_volume_claim.as_ref()?.claim_name.clone())).collect()
}

fn state(claim: &PersistentVolumeClaim) -> ClaimState {
    let spec = claim.spec.clone().unwrap_or_default();
    let status = claim.status.clone().unwrap_or_default();
    let storage = |map: Option<&std::collections::BTreeMap<_, _>>| {
        map.and_then(|map| map.get("storage"))
            .map(|quantity: &k8s_openapi::apimachinery::pkg::api::resource::Quantity| quantity.0.clone())
    };
    ClaimState {
        name: claim.metadata.name.clone().unwrap_or_default(),
        phase: status.phase.unwrap_or_default(),
        // Before it is bound, what was asked for.
        capacity: storage(status.capacity.as_ref())
            .or_else(|| storage(spec.resources.as_ref().and_then(|resources| resources.requests.as_ref()))),
        storage_class: spec.storage_class_name,
        volume: spec.volume_name.filter(|name| !name.is_empty()),
    }
}
