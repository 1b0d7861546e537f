//! Where the object of an action lives in the API.

use crate::domain::action::{Action, Namespaced, RolloutKind, Target, Workload};

/// A resource, and an object of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// API group; empty for core.
    pub group: &'static str,
    pub version: &'static str,
    pub plural: &'static str,
    pub kind: &'static str,
    pub namespace: Option<String>,
    /// Empty for the collection.
    pub name: String,
}

/// The group, version, plural and kind of what is read and written.
type Resource = (&'static str, &'static str, &'static str, &'static str);

pub(super) const PODS: Resource = ("", "v1", "pods", "Pod");
pub(super) const JOBS: Resource = ("batch", "v1", "jobs", "Job");
pub(super) const REPLICA_SETS: Resource = ("apps", "v1", "replicasets", "ReplicaSet");
pub(super) const REVISIONS: Resource = ("apps", "v1", "controllerrevisions", "ControllerRevision");
pub(super) const AUTOSCALERS: Resource = ("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler");
pub(super) const NODES: Resource = ("", "v1", "nodes", "Node");
pub(super) const CRONJOBS: Resource = ("batch", "v1", "cronjobs", "CronJob");

impl Place {
    /// An object of a resource, or with an empty name all of them.
    pub fn new((group, version, plural, kind): Resource, namespace: Option<&str>, name: &str) -> Self {
        Self { group, version, plural, kind, namespace: namespace.map(str::to_owned), name: name.to_owned() }
    }

    /// What an action changes; `None` for silences, which are not in the cluster.
    pub fn of(action: &Action) -> Option<Self> {
        let inside = |resource, object: &Namespaced| {
            Some(Self::new(resource, Some(object.namespace.as_str()), object.name.as_str()))
        };
        match action.target() {
            Target::Workload(workload) => Some(Self::workload(workload)),
            Target::Hpa(hpa) => inside(AUTOSCALERS, hpa),
            Target::Pod(pod) => inside(PODS, pod),
            Target::Node(node) => Some(Self::new(NODES, None, node.as_str())),
            Target::CronJob(cronjob) => inside(CRONJOBS, cronjob),
            Target::Job(job) => inside(JOBS, job),
            Target::Alertmanager => None,
        }
    }

    /// A workload.
    pub fn workload(workload: &Workload) -> Self {
        let (plural, kind) = match workload.kind {
            RolloutKind::Deployment => ("deployments", "Deployment"),
            RolloutKind::StatefulSet => ("statefulsets", "StatefulSet"),
            RolloutKind::DaemonSet => ("daemonsets", "DaemonSet"),
        };
        Self::new(("apps", "v1", plural, kind), Some(workload.namespace.as_str()), workload.name.as_str())
    }

    /// The path of the object, or of the collection.
    pub fn path(&self) -> String {
        let root = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        let namespace = self.namespace.as_ref().map(|namespace| format!("/namespaces/{namespace}")).unwrap_or_default();
        let name = if self.name.is_empty() { String::new() } else { format!("/{}", self.name) };
        format!("{root}{namespace}/{}{name}", self.plural)
    }
}

impl std::fmt::Display for Place {
    /// `Deployment shop/checkout`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}
