//! What the Kubernetes API said, reduced to the facts that people and analysers use.
//!
//! Every list is bounded by whoever fills it; counts tell what was left out. Nothing here comes from a Secret.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::subject::ObjectRef;

/// A workload with its pods and its rollout history.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkloadState {
    /// Pods wanted.
    pub desired: i32,
    /// Pods that pass their readiness probe.
    pub ready: i32,
    /// Pods available for `minReadySeconds`.
    pub available: i32,
    /// Pods of the current revision.
    pub updated: i32,
    /// Whether a rollout is paused, or a CronJob suspended.
    pub paused: bool,
    /// Conditions that are not as they should be, e.g. `Available=False MinimumReplicasUnavailable: …`.
    pub conditions: Vec<Condition>,
    /// The containers of the current template.
    pub containers: Vec<ContainerSpec>,
    /// Its pods, unhealthy ones first, newest first among equals; bounded.
    pub pods: Vec<PodState>,
    /// How many pods there are in all.
    pub pods_total: usize,
    /// Revisions, newest first.
    pub rollouts: Vec<Rollout>,
    /// What manages it: `Argo CD application shop`, `Flux kustomization apps/shop`, `Helm release web`.
    pub managed_by: Option<String>,
    /// The HorizontalPodAutoscaler that scales it.
    pub autoscaler: Option<AutoscalerState>,
    /// For Jobs and CronJobs: recent runs, newest first.
    pub jobs: Vec<JobRun>,
    /// Services whose selector matches its pods.
    pub services: Vec<ServiceState>,
    /// Volume claims its pods mount.
    pub claims: Vec<ClaimState>,
}

/// One condition of an object's status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// `Available`, `Progressing`, `Ready`, `MemoryPressure` …
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// CamelCase reason.
    pub reason: String,
    /// Sentence by the controller.
    pub message: String,
    /// When it last changed.
    pub since: Option<DateTime<Utc>>,
}

/// A container as its template describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerSpec {
    /// Its name.
    pub name: String,
    /// Image with tag or digest.
    pub image: String,
    /// Whether it is an init container.
    pub init: bool,
    /// Memory limit in bytes.
    pub memory_limit: Option<i64>,
    /// Memory request in bytes.
    pub memory_request: Option<i64>,
    /// CPU limit in millicores.
    pub cpu_limit: Option<i64>,
    /// CPU request in millicores.
    pub cpu_request: Option<i64>,
    /// Names of its environment variables (values are not kept).
    pub env: Vec<String>,
    /// `liveness: GET /healthz:8080 every 10 s, 3 failures`.
    pub probes: Vec<String>,
}

/// A pod.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PodState {
    /// Its name.
    pub name: String,
    /// `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`.
    pub phase: String,
    /// `Evicted`, `NodeLost` … where the status carries a reason, with its message.
    pub reason: Option<String>,
    /// The node it runs on.
    pub node: Option<String>,
    /// Whether it is ready.
    pub ready: bool,
    /// Being deleted since.
    pub deleting_since: Option<DateTime<Utc>>,
    /// When it was created.
    pub created_at: Option<DateTime<Utc>>,
    /// The ReplicaSet's template hash or the controller revision, to tell old pods from new.
    pub revision: Option<String>,
    /// Conditions that are not as they should be (`PodScheduled=False Unschedulable: 0/3 nodes …`).
    pub conditions: Vec<Condition>,
    /// Its containers, init containers first.
    pub containers: Vec<ContainerState>,
}

/// What a container does now and how it last ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerState {
    /// Its name.
    pub name: String,
    /// Image.
    pub image: String,
    /// Passes its readiness probe.
    pub ready: bool,
    /// Whether it is an init container.
    pub init: bool,
    /// How often it was restarted.
    pub restarts: i32,
    /// Waiting: `CrashLoopBackOff`, `ImagePullBackOff`, `ContainerCreating` … with the message.
    pub waiting: Option<Waiting>,
    /// Running since.
    pub running_since: Option<DateTime<Utc>>,
    /// Ended, and not started again.
    pub terminated: Option<Termination>,
    /// How the run before ended.
    pub last_termination: Option<Termination>,
}

/// Why a container waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// CamelCase reason.
    pub reason: String,
    /// Sentence by the kubelet.
    pub message: String,
}

/// How a container ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Termination {
    /// `OOMKilled`, `Error`, `Completed`, `ContainerCannotRun`, `StartError` …
    pub reason: String,
    /// Exit code; 128 + n means signal n.
    pub exit_code: i32,
    /// What the process wrote to its termination log.
    pub message: String,
    /// Start of that run.
    pub started_at: Option<DateTime<Utc>>,
    /// End of that run.
    pub finished_at: Option<DateTime<Utc>>,
}

/// One revision of a workload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rollout {
    /// Revision number.
    pub revision: i64,
    /// Its ReplicaSet or ControllerRevision.
    pub name: String,
    /// When it was first rolled out.
    pub at: Option<DateTime<Utc>>,
    /// Pods it has now.
    pub replicas: i32,
    /// The `kubernetes.io/change-cause` annotation.
    pub cause: Option<String>,
    /// What differs from the revision before, a line each: `image: web:1.8 → web:1.9`, `env DATABASE_URL removed`.
    pub changes: Vec<String>,
}

/// A HorizontalPodAutoscaler.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AutoscalerState {
    /// Its name.
    pub name: String,
    /// Bounds and state.
    pub min: i32,
    /// Upper bound.
    pub max: i32,
    /// Pods now.
    pub current: i32,
    /// Pods wanted.
    pub desired: i32,
    /// Conditions that limit it.
    pub conditions: Vec<Condition>,
}

/// One run of a Job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobRun {
    /// The Job's name.
    pub name: String,
    /// When it started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Pods that succeeded.
    pub succeeded: i32,
    /// Pods that failed.
    pub failed: i32,
    /// Retries allowed.
    pub backoff_limit: i32,
    /// `Some` reason (`BackoffLimitExceeded`, `DeadlineExceeded`) when it failed for good.
    pub failure: Option<Condition>,
}

/// A Service and what stands behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceState {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `10.0.0.58`, `None` for headless, empty for ExternalName.
    pub cluster_ip: String,
    /// `80→8080/TCP`.
    pub ports: Vec<String>,
    /// Addresses that are ready.
    pub endpoints_ready: usize,
    /// Addresses that are not.
    pub endpoints_not_ready: usize,
    /// The workload behind it, found through its endpoints or its selector.
    pub backend: Option<ObjectRef>,
    /// Addresses that it was found by: `10.1.6.42`, `db-0.db.shop`.
    pub asked: Vec<String>,
}

/// A volume claim.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimState {
    /// Name.
    pub name: String,
    /// `Pending`, `Bound`, `Lost`.
    pub phase: String,
    /// Capacity as given by the API, e.g. `50Gi`.
    pub capacity: Option<String>,
    /// Storage class.
    pub storage_class: Option<String>,
    /// The volume it is bound to.
    pub volume: Option<String>,
}

/// A node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeState {
    /// Name.
    pub name: String,
    /// Ready condition is `True`.
    pub ready: bool,
    /// Conditions that are not as they should be.
    pub conditions: Vec<Condition>,
    /// `key=value:Effect`.
    pub taints: Vec<String>,
    /// Cordoned.
    pub unschedulable: bool,
    /// Allocatable resources as given: `cpu 4`, `memory 16Gi`, `nvidia.com/gpu 1`.
    pub allocatable: Vec<String>,
    /// Kubelet version.
    pub version: String,
    /// Pods on it that are not healthy; bounded.
    pub unhealthy_pods: Vec<PodState>,
    /// Pods on it.
    pub pods_total: usize,
}

/// Events of one reason about one object, added up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventFact {
    /// `Warning` or `Normal`.
    pub kind: String,
    /// CamelCase reason.
    pub reason: String,
    /// `Pod checkout-7464b59bfd-6rjrg`, without the namespace.
    pub object: String,
    /// The newest message.
    pub message: String,
    /// How often.
    pub count: u32,
    /// First time.
    pub first: Option<DateTime<Utc>>,
    /// Last time.
    pub last: Option<DateTime<Utc>>,
}

/// Something that changed in the namespace or on the node around the onset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeFact {
    /// When.
    pub at: DateTime<Utc>,
    /// What it happened to.
    pub object: ObjectRef,
    /// `rollout`, `scale`, `config`, `node`, `created`, `other`.
    pub kind: ChangeKind,
    /// One line: `revision 4: image web:1.8 → web:1.9`.
    pub what: String,
}

/// Kinds of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A new revision of a workload.
    Rollout,
    /// The number of replicas.
    Scale,
    /// A ConfigMap or a Secret (its name only).
    Config,
    /// A node came, went, or changed its state.
    Node,
    /// It was made: there was nothing of it before.
    Created,
    /// Anything else.
    Other,
}

/// Limits of a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NamespaceState {
    /// ResourceQuotas: `compute: limits.memory 15Gi of 16Gi`, the fullest first.
    pub quotas: Vec<QuotaUse>,
    /// Being deleted.
    pub terminating: bool,
}

/// One resource of a quota.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct QuotaUse {
    /// The ResourceQuota.
    pub quota: String,
    /// `limits.memory`, `pods` …
    pub resource: String,
    /// As given by the API.
    pub used: String,
    /// As given by the API.
    pub hard: String,
    /// used / hard.
    pub ratio: f64,
}

impl Eq for QuotaUse {}
