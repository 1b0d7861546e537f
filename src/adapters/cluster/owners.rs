//! From a pod to the workload that people know: pod → ReplicaSet → Deployment, pod → Job → CronJob.

use std::time::Duration;

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::{Cluster, ClusterError};
use crate::domain::subject::{self, ObjectRef, SubjectKind};

/// Owners remembered: 10,000 at about 300 bytes are 3 MB.
const MAX_OWNERS: u64 = 10_000;
/// An owner does not change while the object lives; names of StatefulSet pods come back, with the same owner.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Owners by `namespace/Kind/name`.
pub(super) fn cache() -> moka::future::Cache<String, Option<ObjectRef>> {
    moka::future::Cache::builder().max_capacity(MAX_OWNERS).time_to_live(REMEMBERED).build()
}

impl Cluster {
    /// The workload that a pod belongs to: one read of metadata, two for Deployments and CronJobs, none if the pod was
    /// asked about lately. A pod without owner is its own workload; `None` means that the pod is gone.
    pub async fn owner_of_pod(&self, namespace: &str, pod: &str) -> Result<Option<ObjectRef>, ClusterError> {
        let key = format!("{namespace}/Pod/{pod}");
        if let Some(owner) = self.owners.get(&key).await {
            return Ok(owner);
        }
        let Some(found) = self.api.get_meta::<Pod>(Some(namespace), pod).await? else { return Ok(None) };
        let owner = self.owner_of(namespace, SubjectKind::Pod, &found.metadata).await?;
        self.owners.insert(key, Some(owner.clone())).await;
        Ok(Some(owner))
    }

    /// The workload at the end of `meta`'s owner references; the object itself where there is none.
    pub(super) async fn owner_of(
        &self,
        namespace: &str,
        kind: SubjectKind,
        meta: &ObjectMeta,
    ) -> Result<ObjectRef, ClusterError> {
        let this = |kind, name: &str| ObjectRef { kind, namespace: Some(namespace.to_owned()), name: name.to_owned() };
        let Some(owner) = controller(meta) else { return Ok(this(kind, meta.name.as_deref().unwrap_or_default())) };
        match owner.kind.as_str() {
            "ReplicaSet" => self.owner_of_replica_set(namespace, &owner.name).await,
            "Job" => self.owner_of_job(namespace, &owner.name).await,
            "Deployment" => Ok(this(SubjectKind::Deployment, &owner.name)),
            "StatefulSet" => Ok(this(SubjectKind::StatefulSet, &owner.name)),
            "DaemonSet" => Ok(this(SubjectKind::DaemonSet, &owner.name)),
            "CronJob" => Ok(this(SubjectKind::CronJob, &owner.name)),
            // A static pod belongs to its node's kubelet.
            "Node" => Ok(this(kind, meta.name.as_deref().unwrap_or_default())),
            _ => Ok(this(SubjectKind::Workload, &owner.name)),
        }
    }

    /// A hundred pods of one ReplicaSet are one read here.
    pub(super) async fn owner_of_replica_set(&self, namespace: &str, name: &str) -> Result<ObjectRef, ClusterError> {
        let key = format!("{namespace}/ReplicaSet/{name}");
        if let Some(Some(owner)) = self.owners.get(&key).await {
            return Ok(owner);
        }
        let object = |kind, name: String| ObjectRef { kind, namespace: Some(namespace.to_owned()), name };
        let owner = match self.api.get_meta::<ReplicaSet>(Some(namespace), name).await? {
            Some(set) => match controller(&set.metadata) {
                Some(owner) if owner.kind == "Deployment" => object(SubjectKind::Deployment, owner.name.clone()),
                Some(owner) => object(SubjectKind::Workload, owner.name.clone()),
                None => object(SubjectKind::Workload, name.to_owned()),
            },
            // Collected meanwhile: its name still tells, as a pod of it would be called.
            None => {
                let (kind, name) = subject::owner_of_pod(&format!("{name}-xxxxx"));
                object(kind, name)
            }
        };
        self.owners.insert(key, Some(owner.clone())).await;
        Ok(owner)
    }

    pub(super) async fn owner_of_job(&self, namespace: &str, name: &str) -> Result<ObjectRef, ClusterError> {
        let object = |kind, name: String| ObjectRef { kind, namespace: Some(namespace.to_owned()), name };
        let Some(job) = self.api.get_meta::<Job>(Some(namespace), name).await? else {
            let (kind, name) = subject::owner_of_job(name);
            return Ok(object(kind, name));
        };
        Ok(match controller(&job.metadata) {
            Some(owner) if owner.kind == "CronJob" => object(SubjectKind::CronJob, owner.name.clone()),
            Some(owner) => object(SubjectKind::Workload, owner.name.clone()),
            None => object(SubjectKind::Job, name.to_owned()),
        })
    }
}

/// The owner that controls the object; others only keep it from being collected.
pub(super) fn controller(meta: &ObjectMeta) -> Option<&OwnerReference> {
    meta.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
}

/// Whether `name` controls the object.
pub(super) fn is_owned_by(meta: &ObjectMeta, name: &str) -> bool {
    controller(meta).is_some_and(|owner| owner.name == name)
}
