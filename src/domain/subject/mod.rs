//! What an alert is about: the workload, node, volume or service, first by what its labels say.
//!
//! Labels alone are enough to put a hundred pods of one Deployment into one incident; the cluster's owner references
//! later correct the guess.

mod labels;
mod owner;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use self::labels::Names;
pub(super) use self::owner::GENERATED;
use self::owner::owner;
pub use self::owner::{owner_of_job, owner_of_pod};
use super::alert::Alert;

/// Most pods remembered by name; a query names them all, so the list stays short and the workload's pattern covers the rest.
const MAX_PODS: usize = 50;

/// The kind of thing, in Kubernetes' spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub enum SubjectKind {
    /// A Deployment.
    Deployment,
    /// A StatefulSet.
    StatefulSet,
    /// A DaemonSet.
    DaemonSet,
    /// A CronJob, with the Jobs it made.
    CronJob,
    /// A Job that no CronJob made.
    Job,
    /// Something that owns pods, whose kind the labels do not tell.
    Workload,
    /// A pod that nothing owns.
    Pod,
    /// A Service, or what stands behind an Ingress.
    Service,
    /// A node.
    Node,
    /// A volume claim.
    PersistentVolumeClaim,
    /// A whole namespace.
    Namespace,
    /// Nothing in the cluster: the alert itself.
    Alert,
}

impl SubjectKind {
    /// Whether pods belong to it.
    pub fn owns_pods(self) -> bool {
        match self {
            Self::Deployment | Self::StatefulSet | Self::DaemonSet | Self::CronJob | Self::Job | Self::Workload => true,
            Self::Pod | Self::Service | Self::Node | Self::PersistentVolumeClaim | Self::Namespace | Self::Alert => {
                false
            }
        }
    }

    /// Kubernetes' spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::CronJob => "CronJob",
            Self::Job => "Job",
            Self::Workload => "Workload",
            Self::Pod => "Pod",
            Self::Service => "Service",
            Self::Node => "Node",
            Self::PersistentVolumeClaim => "PersistentVolumeClaim",
            Self::Namespace => "Namespace",
            Self::Alert => "Alert",
        }
    }
}

/// A thing in the cluster by name, as evidence and findings refer to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ObjectRef {
    /// Kubernetes' kind.
    pub kind: SubjectKind,
    /// `None` for nodes and other cluster-wide things.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// What an incident is about, with the details that queries need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Kind of thing.
    pub kind: SubjectKind,
    /// Its namespace, where it has one.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The `cluster` label, where one Alertmanager serves several clusters.
    pub cluster: Option<String>,
    /// Pods that alerts named, at most 50.
    #[serde(default)]
    pub pods: Vec<String>,
    /// The container an alert named.
    #[serde(default)]
    pub container: Option<String>,
    /// The node an alert named.
    #[serde(default)]
    pub node: Option<String>,
    /// The Service an alert named.
    #[serde(default)]
    pub service: Option<String>,
    /// The Ingress an alert named.
    #[serde(default)]
    pub ingress: Option<String>,
    /// The newest Job an alert named.
    #[serde(default)]
    pub job: Option<String>,
    /// The volume claim an alert named.
    #[serde(default)]
    pub claim: Option<String>,
    /// The address that was scraped, where it is not a host's: a pod's, most likely.
    #[serde(default)]
    pub address: Option<String>,
    /// Whether only a container, a scrape job or an application's label gave the name: there may be no such object.
    #[serde(default)]
    pub guessed: bool,
}

impl Subject {
    /// A subject with nothing but its name.
    pub fn new(kind: SubjectKind, namespace: Option<String>, name: String) -> Self {
        Self {
            kind,
            namespace,
            name,
            cluster: None,
            pods: Vec::new(),
            container: None,
            node: None,
            service: None,
            ingress: None,
            job: None,
            claim: None,
            address: None,
            guessed: false,
        }
    }

    /// What `alert` is about, by its labels alone.
    pub fn of(alert: &Alert) -> Self {
        let labels = Names::of(&alert.labels);
        let of_job = labels.namespaced_job();
        let namespace = labels.namespace().or(of_job.map(|(namespace, _)| namespace));
        let (pod, service, node) = (labels.pod(), labels.service(), labels.node());
        let (ingress, claim) = (labels.ingress(), labels.claim());

        let target = || labels.target().or(of_job.map(|(_, name)| name));
        let mut guessed = false;
        let (kind, name) = owner(&labels)
            .or_else(|| claim.map(|claim| (SubjectKind::PersistentVolumeClaim, claim.to_owned())))
            .or_else(|| pod.map(owner_of_pod))
            .or_else(|| node.filter(|_| service.is_none()).map(|node| (SubjectKind::Node, node.to_owned())))
            .or_else(|| {
                let app = labels.app()?;
                guessed = true;
                Some((SubjectKind::Workload, app.to_owned()))
            })
            .or_else(|| service.or(ingress).map(|service| (SubjectKind::Service, service.to_owned())))
            .or_else(|| node.map(|node| (SubjectKind::Node, node.to_owned())))
            .or_else(|| labels.instance().map(|host| (SubjectKind::Node, host.to_owned())))
            .or_else(|| {
                let target = namespace.and_then(|_| target())?;
                guessed = true;
                Some((SubjectKind::Workload, target.to_owned()))
            })
            .or_else(|| namespace.map(|namespace| (SubjectKind::Namespace, namespace.to_owned())))
            .unwrap_or_else(|| (SubjectKind::Alert, alert.name().to_owned()));

        let namespace = match kind {
            SubjectKind::Node | SubjectKind::Alert => None,
            _ => namespace.map(str::to_owned),
        };
        Self {
            cluster: labels.cluster().map(str::to_owned),
            pods: pod.map(str::to_owned).into_iter().collect(),
            container: labels.container().filter(|_| pod.is_some()).map(str::to_owned),
            node: node.map(str::to_owned),
            service: service.map(str::to_owned),
            ingress: ingress.map(str::to_owned),
            job: labels.job().map(str::to_owned),
            claim: claim.map(str::to_owned),
            address: labels.address().map(str::to_owned),
            guessed,
            ..Self::new(kind, namespace, name)
        }
    }

    /// The cluster it is in, where that is another one than the bot's `own`. Without a name for that, nothing is elsewhere.
    pub fn elsewhere(&self, own: Option<&str>) -> Option<&str> {
        self.cluster.as_deref().filter(|cluster| own.is_some_and(|own| own != *cluster))
    }

    /// The scraped address, where it says more than the rest: labels that name a namespace, an address or nothing do not
    /// tell what this is about, the pod that has the address does.
    pub fn telling_address(&self) -> Option<IpAddr> {
        let address = self.address.as_ref()?;
        let vague = matches!(self.kind, SubjectKind::Namespace | SubjectKind::Alert) || *address == self.name;
        address.parse().ok().filter(|_| vague)
    }

    /// The same thing as evidence refers to it.
    pub fn object(&self) -> ObjectRef {
        ObjectRef { kind: self.kind, namespace: self.namespace.clone(), name: self.name.clone() }
    }

    /// Under which key alerts about this subject meet in one incident.
    ///
    /// A workload, its pods and the Service of the same name share a key: the labels of different alerts name different
    /// ones of them. `alert` tells apart what has no better subject than its namespace or itself.
    pub fn correlation_key(&self, alert: &str) -> String {
        let cluster = self.cluster.as_deref().unwrap_or_default();
        let namespace = self.namespace.as_deref().unwrap_or_default();
        let name = &self.name;
        match self.kind {
            SubjectKind::Node => format!("{cluster}/node/{name}"),
            SubjectKind::PersistentVolumeClaim => format!("{cluster}/claim/{namespace}/{name}"),
            SubjectKind::Namespace => format!("{cluster}/namespace/{namespace}/{alert}"),
            SubjectKind::Alert => format!("{cluster}/alert/{name}"),
            _ => format!("{cluster}/workload/{namespace}/{name}"),
        }
    }

    /// Takes in what another alert of the same incident adds.
    pub fn join(&mut self, other: &Self) {
        for pod in &other.pods {
            if self.pods.len() < MAX_PODS && !self.pods.contains(pod) {
                self.pods.push(pod.clone());
            }
        }
        // What has pods says more than a guess or the Service before them; a Service says less than a guess that has them.
        let says_more = match self.kind {
            SubjectKind::Workload => other.kind.owns_pods() || other.kind == SubjectKind::Pod,
            SubjectKind::Service => other.kind.owns_pods(),
            _ => false,
        };
        if says_more {
            self.kind = other.kind;
        }
        for (mine, theirs) in [
            (&mut self.container, &other.container),
            (&mut self.node, &other.node),
            (&mut self.service, &other.service),
            (&mut self.ingress, &other.ingress),
            (&mut self.claim, &other.claim),
        ] {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        }
        if other.job.is_some() {
            self.job.clone_from(&other.job);
        }
        self.guessed &= other.guessed;
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) if self.kind != SubjectKind::Namespace => write!(f, "{namespace}/{}", self.name),
            _ => f.write_str(&self.name),
        }
    }
}
