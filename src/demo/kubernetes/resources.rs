//! Which resources there are, and what a path asks for.

use super::status::Refusal;

/// A resource type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    pub group: String,
    pub version: String,
    pub plural: String,
    pub kind: String,
    pub namespaced: bool,
}

/// The types that every cluster has, recorded or not: group, version, plural, kind, namespaced.
const KNOWN: [(&str, &str, &str, &str, bool); 31] = [
    ("", "v1", "pods", "Pod", true),
    ("", "v1", "services", "Service", true),
    ("", "v1", "endpoints", "Endpoints", true),
    ("", "v1", "events", "Event", true),
    ("", "v1", "configmaps", "ConfigMap", true),
    ("", "v1", "secrets", "Secret", true),
    ("", "v1", "serviceaccounts", "ServiceAccount", true),
    ("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", true),
    ("", "v1", "resourcequotas", "ResourceQuota", true),
    ("", "v1", "limitranges", "LimitRange", true),
    ("", "v1", "replicationcontrollers", "ReplicationController", true),
    ("", "v1", "nodes", "Node", false),
    ("", "v1", "namespaces", "Namespace", false),
    ("", "v1", "persistentvolumes", "PersistentVolume", false),
    ("apps", "v1", "deployments", "Deployment", true),
    ("apps", "v1", "replicasets", "ReplicaSet", true),
    ("apps", "v1", "statefulsets", "StatefulSet", true),
    ("apps", "v1", "daemonsets", "DaemonSet", true),
    ("apps", "v1", "controllerrevisions", "ControllerRevision", true),
    ("batch", "v1", "jobs", "Job", true),
    ("batch", "v1", "cronjobs", "CronJob", true),
    ("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", true),
    ("networking.k8s.io", "v1", "ingresses", "Ingress", true),
    ("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", true),
    ("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", true),
    ("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", true),
    ("storage.k8s.io", "v1", "storageclasses", "StorageClass", false),
    ("coordination.k8s.io", "v1", "leases", "Lease", true),
    ("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", false),
    ("rbac.authorization.k8s.io", "v1", "roles", "Role", true),
    ("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", false),
];

/// The types that every cluster has.
pub(super) fn known() -> Vec<Resource> {
    let known = KNOWN.iter().map(|(group, version, plural, kind, namespaced)| Resource {
        group: (*group).to_owned(),
        version: (*version).to_owned(),
        plural: (*plural).to_owned(),
        kind: (*kind).to_owned(),
        namespaced: *namespaced,
    });
    known.collect()
}

impl Resource {
    /// `v1` or `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `pods` or `deployments.apps`.
    pub fn dotted(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }
}

/// What a path asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Target {
    pub group: String,
    pub version: String,
    pub namespace: Option<String>,
    pub resource: String,
    pub name: Option<String>,
    pub subresource: Option<String>,
}

impl Target {
    /// Reads the segments of a path below `/api` or `/apis`.
    pub fn parse(segments: &[&str]) -> Option<Self> {
        let (group, version, rest) = match segments {
            ["api", version, rest @ ..] => ("", version, rest),
            ["apis", group, version, rest @ ..] => (*group, version, rest),
            _ => return None,
        };
        // `/namespaces/shop` and its own subresources mean the namespace itself.
        let (namespace, rest) = match rest {
            ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => (None, rest),
            ["namespaces", namespace, rest @ ..] => (Some((*namespace).to_owned()), rest),
            rest => (None, rest),
        };
        let (resource, rest) = rest.split_first()?;
        Some(Self {
            group: group.to_owned(),
            version: (*version).to_owned(),
            namespace,
            resource: (*resource).to_owned(),
            name: rest.first().map(|name| (*name).to_owned()),
            subresource: rest.get(1).map(|_| rest[1..].join("/")),
        })
    }

    /// The resource with its subresource, as RBAC names it.
    pub fn path(&self) -> String {
        self.subresource.as_ref().map_or_else(|| self.resource.clone(), |sub| format!("{}/{sub}", self.resource))
    }

    /// The refusal of a client that lacks this right.
    pub fn forbidden(&self, user: &str, verb: &str) -> Refusal {
        let dotted =
            if self.group.is_empty() { self.resource.clone() } else { format!("{}.{}", self.resource, self.group) };
        let what = self.name.as_ref().map_or_else(|| dotted.clone(), |name| format!("{dotted} {name:?}"));
        let place = self
            .namespace
            .as_ref()
            .map_or_else(|| "at the cluster scope".to_owned(), |namespace| format!("in the namespace {namespace:?}"));
        let message = format!(
            "{what} is forbidden: User {user:?} cannot {verb} resource {:?} in API group {:?} {place}",
            self.path(),
            self.group
        );
        Refusal::forbidden(message, &self.group, &self.resource, self.name.as_deref())
    }
}
