//! The kinds of workload in one shape: what identifies their pods, their template, and how many pods they want.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Cluster, ClusterError, conditions, containers, managed, selector};
use crate::domain::cluster::WorkloadState;
use crate::domain::subject::{ObjectRef, SubjectKind};

/// A workload, whatever its kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    pub meta: ObjectMeta,
    /// Label query for its pods; `None` where labels do not tell (CronJobs, bare pods).
    pub selector: Option<String>,
    pub template: PodTemplateSpec,
    /// Counts, conditions, containers and manager; the rest is still empty.
    pub state: WorkloadState,
}

impl Cluster {
    /// Reads `object`; `None` where it does not exist or its kind has no pods of its own.
    pub(super) async fn shape(&self, object: &ObjectRef) -> Result<Option<Shape>, ClusterError> {
        let namespace = object.namespace.as_deref();
        let name = &object.name;
        Ok(match object.kind {
            SubjectKind::Deployment => self.api.get::<Deployment>(namespace, name).await?.map(deployment),
            SubjectKind::StatefulSet => self.api.get::<StatefulSet>(namespace, name).await?.map(stateful_set),
            SubjectKind::DaemonSet => self.api.get::<DaemonSet>(namespace, name).await?.map(daemon_set),
            SubjectKind::CronJob => self.api.get::<CronJob>(namespace, name).await?.map(cron_job),
            SubjectKind::Job => self.api.get::<Job>(namespace, name).await?.map(job),
            SubjectKind::Pod => self.api.get::<Pod>(namespace, name).await?.map(pod),
            // Owned by a custom resource, whose own shape is not known to us: its ReplicaSet tells.
            SubjectKind::Workload => self.newest_replica_set(object).await?.map(replica_set),
            SubjectKind::Service
            | SubjectKind::Node
            | SubjectKind::PersistentVolumeClaim
            | SubjectKind::Namespace
            | SubjectKind::Alert => None,
        })
    }
}

impl Shape {
    fn new(meta: ObjectMeta, selector: Option<String>, template: PodTemplateSpec, state: WorkloadState) -> Self {
        let containers = template.spec.as_ref().map(containers::specs).unwrap_or_default();
        let managed_by = managed::by(&meta);
        Self { meta, selector, template, state: WorkloadState { containers, managed_by, ..state } }
    }
}

fn deployment(object: Deployment) -> Shape {
    let spec = object.spec.unwrap_or_default();
    let status = object.status.unwrap_or_default();
    let state = WorkloadState {
        desired: spec.replicas.unwrap_or(1),
        ready: status.ready_replicas.unwrap_or(0),
        available: status.available_replicas.unwrap_or(0),
        updated: status.updated_replicas.unwrap_or(0),
        paused: spec.paused.unwrap_or(false),
        conditions: conditions::of_deployment(status.conditions.as_deref().unwrap_or_default()),
        ..WorkloadState::default()
    };
    Shape::new(object.metadata, selector::query(&spec.selector), spec.template, state)
}

fn stateful_set(object: StatefulSet) -> Shape {
    let spec = object.spec.unwrap_or_default();
    let status = object.status.unwrap_or_default();
    let state = WorkloadState {
        desired: spec.replicas.unwrap_or(1),
        ready: status.ready_replicas.unwrap_or(0),
        available: status.available_replicas.unwrap_or(0),
        updated: status.updated_replicas.unwrap_or(0),
        ..WorkloadState::default()
    };
    Shape::new(object.metadata, selector::query(&spec.selector), spec.template, state)
}

fn daemon_set(object: DaemonSet) -> Shape {
    let spec = object.spec.unwrap_or_default();
    let status = object.status.unwrap_or_default();
    let state = WorkloadState {
        desired: status.desired_number_scheduled,
        ready: status.number_ready,
        available: status.number_available.unwrap_or(0),
        updated: status.updated_number_scheduled.unwrap_or(0),
        ..WorkloadState::default()
    };
    Shape::new(object.metadata, selector::query(&spec.selector), spec.template, state)
}

fn replica_set(object: ReplicaSet) -> Shape {
    let spec = object.spec.unwrap_or_default();
    let status = object.status.unwrap_or_default();
    let state = WorkloadState {
        desired: spec.replicas.unwrap_or(1),
        ready: status.ready_replicas.unwrap_or(0),
        available: status.available_replicas.unwrap_or(0),
        updated: status.replicas,
        ..WorkloadState::default()
    };
    Shape::new(object.metadata, selector::query(&spec.selector), spec.template.unwrap_or_default(), state)
}

fn cron_job(object: CronJob) -> Shape {
    let spec = object.spec.unwrap_or_default();
    let template = spec.job_template.spec.map(|job| job.template).unwrap_or_default();
    let state = WorkloadState { paused: spec.suspend.unwrap_or(false), ..WorkloadState::default() };
    Shape::new(object.metadata, None, template, state)
}

fn job(object: Job) -> Shape {
    let spec = object.spec.unwrap_or_default();
    let status = object.status.unwrap_or_default();
    let state = WorkloadState {
        desired: spec.parallelism.unwrap_or(1),
        ready: status.ready.unwrap_or(0),
        available: status.active.unwrap_or(0),
        updated: status.active.unwrap_or(0),
        paused: spec.suspend.unwrap_or(false),
        conditions: conditions::of_job(status.conditions.as_deref().unwrap_or_default()),
        ..WorkloadState::default()
    };
    let selector = spec.selector.as_ref().and_then(selector::query);
    Shape::new(object.metadata, selector, spec.template, state)
}

fn pod(object: Pod) -> Shape {
    let pod = super::pods::state(&object);
    let ready = i32::from(pod.ready);
    let meta = ObjectMeta { labels: object.metadata.labels.clone(), ..ObjectMeta::default() };
    let template = PodTemplateSpec { metadata: Some(meta), spec: object.spec };
    let state = WorkloadState {
        desired: 1,
        ready,
        available: ready,
        updated: 1,
        pods: vec![pod],
        pods_total: 1,
        ..WorkloadState::default()
    };
    Shape::new(object.metadata, None, template, state)
}
