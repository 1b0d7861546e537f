//! What an alert is about: the workload, node, volume or service, first by what its labels say.
//!
//! Labels alone are enough to put a hundred pods of one Deployment into one incident; the cluster's owner references
//! later correct the guess. The rules for generated pod names are Kubernetes' own
//! (`staging/src/k8s.io/apimachinery/pkg/util/rand`: suffixes use the alphabet below, without vowels and 0, 1, 3).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::alert::{Alert, Labels};

/// Letters of generated names: `rand.String` of Kubernetes.
const GENERATED: &str = "bcdfghjklmnpqrstvwxz2456789";
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
        let namespace = labels.any(&[
            "exported_namespace",
            "namespace",
            "kubernetes_namespace",
            "kubernetes_namespace_name",
            "k8s_namespace_name",
            "kube_namespace",
            "destination_workload_namespace",
            "destination_service_namespace",
            "namespace_name",
            "pod_namespace",
            "kubernetes_pod_namespace",
            "io_kubernetes_pod_namespace",
            "container_label_io_kubernetes_pod_namespace",
            "label_namespace",
            "target_namespace",
            "k8s_ns",
        ]);
        let namespace = namespace.or(of_job.map(|(namespace, _)| namespace));
        let pod = labels.any(&[
            "exported_pod",
            "pod",
            "pod_name",
            "kubernetes_pod_name",
            "kubernetes_pod",
            "k8s_pod_name",
            "k8s_pod",
            "io_kubernetes_pod_name",
            "container_label_io_kubernetes_pod_name",
            "target_pod",
        ]);
        let pod = pod.filter(|pod| !labels.is_exporter(pod));
        let service = labels.any(&[
            "exported_service",
            "service",
            "service_name",
            "destination_service_name",
            "kube_service",
            "kubernetes_service_name",
            "k8s_service_name",
        ]);
        let service = service.filter(|service| !labels.is_exporter(service));
        let node = labels.any(&[
            "node",
            "nodename",
            "node_name",
            "kubernetes_node",
            "kubernetes_node_name",
            "exported_node",
            "k8s_node_name",
            "k8s_node",
            "kube_node",
            "host",
            "hostname",
        ]);
        let ingress = labels.any(&["exported_ingress", "ingress"]);
        let claim = labels.any(&[
            "persistentvolumeclaim",
            "exported_persistentvolumeclaim",
            "pvc",
            "persistent_volume_claim",
            "k8s_persistentvolumeclaim_name",
        ]);

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
            cluster: labels
                .any(&["cluster", "k8s_cluster", "k8s_cluster_name", "cluster_name", "kube_cluster_name"])
                .map(str::to_owned),
            pods: pod.map(str::to_owned).into_iter().collect(),
            container: labels.any(CONTAINER).filter(|_| pod.is_some()).map(str::to_owned),
            node: node.map(str::to_owned),
            service: service.map(str::to_owned),
            ingress: ingress.map(str::to_owned),
            job: labels.any(&["job_name", "k8s_job_name", "kube_job", "exported_job"]).map(str::to_owned),
            claim: claim.map(str::to_owned),
            address: labels.address().map(str::to_owned),
            guessed,
            ..Self::new(kind, namespace, name)
        }
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
        if self.kind == SubjectKind::Workload || self.kind == SubjectKind::Service && other.kind.owns_pods() {
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

/// What labels call the container.
const CONTAINER: &[&str] = &[
    "exported_container",
    "container",
    "container_name",
    "kubernetes_container_name",
    "k8s_container_name",
    "kube_container_name",
    "io_kubernetes_container_name",
];

/// Labels looked up by any of several names.
struct Names<'a> {
    labels: &'a Labels,
    /// By their letters and digits alone, where some are spelled in another way: `k8s.pod.name`, `podName`.
    spelled_otherwise: BTreeMap<String, &'a str>,
}

impl<'a> Names<'a> {
    fn of(labels: &'a Labels) -> Self {
        let usual = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let others = labels.iter().filter(|(name, _)| !usual(name));
        let spelled_otherwise = others.map(|(name, value)| (letters(name), value.as_str())).collect();
        Self { labels, spelled_otherwise }
    }

    fn any(&self, names: &[&str]) -> Option<&'a str> {
        let exact =
            names.iter().filter_map(|name| self.labels.get(*name)).map(String::as_str).find(|value| says(value));
        exact.or_else(|| {
            let others = &self.spelled_otherwise;
            let found = names.iter().filter(|_| !others.is_empty()).filter_map(|name| others.get(&letters(name)));
            found.copied().find(|value| says(value))
        })
    }

    /// Whether `name` is the thing that exported the metric rather than what the metric is about: rules over
    /// kube-state-metrics or node-exporter carry the exporter's own `pod` and `service` as target labels.
    fn is_exporter(&self, name: &str) -> bool {
        const EXPORTERS: [&str; 5] =
            ["kube-state-metrics", "node-exporter", "blackbox-exporter", "kubelet", "cadvisor"];
        let job = self.labels.get("job").map_or("", String::as_str);
        EXPORTERS.iter().any(|exporter| job.contains(exporter) && (name.contains(exporter) || name == job))
            || (name.contains("kube-state-metrics")
                && self.any(&["deployment", "statefulset", "daemonset", "node"]).is_some())
    }

    fn app(&self) -> Option<&'a str> {
        self.any(&[
            "workload",
            "destination_workload",
            "app_kubernetes_io_name",
            "label_app_kubernetes_io_name",
            "app",
            "label_app",
            "destination_app",
            "application",
            "app_name",
            "k8s_app",
            "component",
        ])
    }

    /// `shop/web`: what a PodMonitor or ServiceMonitor calls its scrape job.
    fn namespaced_job(&self) -> Option<(&'a str, &'a str)> {
        let (namespace, name) = self.any(&["job"])?.split_once('/')?;
        let is_label = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        (is_label(namespace) && is_label(name)).then_some((namespace, name))
    }

    /// The scraped address, where it is no host's.
    fn address(&self) -> Option<&'a str> {
        let instance = self.any(&["instance"])?;
        let host = instance.rsplit_once(':').map_or(instance, |(host, _)| host).trim_matches(['[', ']']);
        let exporter = self.labels.get("job").is_some_and(|job| {
            ["node", "kubelet", "kube-state", "cadvisor", "blackbox", "exporter"].iter().any(|name| job.contains(name))
        });
        (!exporter && host.parse::<std::net::IpAddr>().is_ok()).then_some(host)
    }

    /// The container, or the scrape job, that a rule over an application's own metrics kept: both mostly carry the
    /// application's name. Jobs that scrape many things or somebody else's say nothing.
    fn target(&self) -> Option<&'a str> {
        const GENERIC: [&str; 20] = [
            "kube",
            "k8s",
            "exporter",
            "metrics",
            "cadvisor",
            "prometheus",
            "vmagent",
            "victoria",
            "grafana",
            "alertmanager",
            "blackbox",
            "probe",
            "ingress",
            "nginx",
            "istio",
            "envoy",
            "traefik",
            "gateway",
            "otel",
            "collector",
        ];
        let specific = |name: &&str| {
            let name = name.to_ascii_lowercase();
            let is_name = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            is_name
                && !["app", "apps", "pods", "pod", "services", "node", "nodes", "main"].contains(&name.as_str())
                && !GENERIC.iter().any(|word| name.contains(word))
        };
        let about_quota = self.any(&["resourcequota"]).is_some();
        let container = self.any(CONTAINER);
        container.filter(specific).or_else(|| self.any(&["job"]).filter(specific)).filter(|_| !about_quota)
    }

    /// The host of `instance`, when the scrape target is a host rather than a pod's address in a namespace.
    fn instance(&self) -> Option<&'a str> {
        let instance = self.any(&["instance"])?;
        let host = instance
            .rsplit_once(':')
            .map_or(instance, |(host, port)| if port.bytes().all(|b| b.is_ascii_digit()) { host } else { instance });
        let about_hosts = self.labels.get("job").is_none_or(|job| job.contains("node") || job.contains("kubelet"));
        (about_hosts && !host.contains("://")).then_some(host)
    }
}

/// The letters and digits of a label's name, in lower case.
fn letters(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn says(value: &str) -> bool {
    !value.trim().is_empty()
}

/// Kinds of workload by the names that labels have for them.
const WORKLOADS: [(SubjectKind, &str, &str); 4] = [
    (SubjectKind::Deployment, "deployment", "kube_deployment"),
    (SubjectKind::StatefulSet, "statefulset", "kube_stateful_set"),
    (SubjectKind::DaemonSet, "daemonset", "kube_daemon_set"),
    (SubjectKind::CronJob, "cronjob", "kube_cronjob"),
];

/// The owner that a label names outright.
fn owner(labels: &Names<'_>) -> Option<(SubjectKind, String)> {
    for (kind, name, datadog) in WORKLOADS {
        let names = [
            format!("exported_{name}"),
            name.to_owned(),
            format!("k8s_{name}_name"),
            format!("kubernetes_{name}_name"),
            format!("{name}_name"),
            datadog.to_owned(),
        ];
        if let Some(value) = labels.any(&names.each_ref().map(String::as_str)) {
            return Some((kind, value.to_owned()));
        }
    }
    if let Some(job) = labels.any(&["job_name", "k8s_job_name", "kubernetes_job_name", "kube_job"]) {
        return Some(owner_of_job(job));
    }
    // The kind in one label, the name in another.
    for (kind, name) in [
        ("workload_type", "workload"),
        ("workload_kind", "workload"),
        ("owner_kind", "owner_name"),
        ("created_by_kind", "created_by_name"),
        ("controller_kind", "controller"),
        ("resource_kind", "resource_name"),
        ("object_kind", "object_name"),
        ("involved_object_kind", "involved_object_name"),
        ("kind", "name"),
    ] {
        let (Some(kind), Some(name)) = (labels.any(&[kind]), labels.any(&[name])) else { continue };
        match letters(kind).as_str() {
            "job" => return Some(owner_of_job(name)),
            "pod" => return Some(owner_of_pod(name)),
            "node" => return Some((SubjectKind::Node, name.to_owned())),
            "replicaset" => return Some(owner_of_replica_set(name)),
            "service" => return Some((SubjectKind::Service, name.to_owned())),
            "persistentvolumeclaim" => return Some((SubjectKind::PersistentVolumeClaim, name.to_owned())),
            kind => {
                if let Some((kind, ..)) = WORKLOADS.iter().find(|(_, known, _)| *known == kind) {
                    return Some((*kind, name.to_owned()));
                }
            }
        }
    }
    let replicaset = labels.any(&["replicaset", "k8s_replicaset_name", "kube_replica_set"]).map(owner_of_replica_set);
    replicaset.or_else(|| {
        let autoscaler = labels.any(&["horizontalpodautoscaler", "hpa"])?;
        Some((SubjectKind::Workload, autoscaler.to_owned()))
    })
}

/// The Deployment of a ReplicaSet named after it, else whatever made it.
fn owner_of_replica_set(name: &str) -> (SubjectKind, String) {
    match split_suffix(name) {
        Some((deployment, hash)) if is_template_hash(hash) => (SubjectKind::Deployment, deployment.to_owned()),
        _ => (SubjectKind::Workload, name.to_owned()),
    }
}

/// The CronJob of a Job named `name-<minutes since 1970>`, else the Job itself.
pub fn owner_of_job(job: &str) -> (SubjectKind, String) {
    match split_suffix(job) {
        Some((cron_job, minutes))
            if (7..=10).contains(&minutes.len()) && minutes.bytes().all(|b| b.is_ascii_digit()) =>
        {
            (SubjectKind::CronJob, cron_job.to_owned())
        }
        _ => (SubjectKind::Job, job.to_owned()),
    }
}

/// The workload that a pod of this name most likely belongs to.
pub fn owner_of_pod(pod: &str) -> (SubjectKind, String) {
    let Some((rest, suffix)) = split_suffix(pod) else { return (SubjectKind::Pod, pod.to_owned()) };
    if suffix.len() <= 5 && suffix.bytes().all(|b| b.is_ascii_digit()) && !(suffix.len() == 5 && is_generated(suffix)) {
        return (SubjectKind::StatefulSet, rest.to_owned());
    }
    if suffix.len() != 5 || !is_generated(suffix) {
        return (SubjectKind::Pod, pod.to_owned());
    }
    match split_suffix(rest) {
        Some((deployment, hash)) if is_template_hash(hash) => (SubjectKind::Deployment, deployment.to_owned()),
        _ => match owner_of_job(rest) {
            (SubjectKind::CronJob, cron_job) => (SubjectKind::CronJob, cron_job),
            // A DaemonSet, a Job or a bare ReplicaSet: their pods look alike.
            _ => (SubjectKind::Workload, rest.to_owned()),
        },
    }
}

fn split_suffix(name: &str) -> Option<(&str, &str)> {
    name.rsplit_once('-').filter(|(rest, suffix)| !rest.is_empty() && !suffix.is_empty())
}

fn is_generated(text: &str) -> bool {
    text.chars().all(|c| GENERATED.contains(c))
}

/// A `pod-template-hash`: 6 to 10 generated letters with a digit among them, so that `-frontend` is not one.
fn is_template_hash(text: &str) -> bool {
    (6..=10).contains(&text.len()) && is_generated(text) && text.bytes().any(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::AlertStatus;

    fn alert(labels: &[(&str, &str)]) -> Alert {
        Alert {
            fingerprint: "f".into(),
            status: AlertStatus::Firing,
            labels: labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            annotations: Labels::new(),
            starts_at: chrono::DateTime::UNIX_EPOCH,
            ends_at: None,
            generator_url: String::new(),
        }
    }

    fn subject(labels: &[(&str, &str)]) -> String {
        let subject = Subject::of(&alert(labels));
        format!("{} {subject}", subject.kind.as_str())
    }

    #[test]
    fn pods_by_the_shape_of_their_names() {
        for (pod, owner) in [
            ("checkout-7464b59bfd-6rjrg", "Deployment checkout"),
            ("payments-6844b544d-vvmv2", "Deployment payments"),
            ("my-front-end-768d598687-hstw9", "Deployment my-front-end"),
            ("trainer-0", "StatefulSet trainer"),
            ("kafka-broker-12", "StatefulSet kafka-broker"),
            ("gateway-fn5lc", "Workload gateway"),
            ("nightly-report-29923129-4dfx6", "CronJob nightly-report"),
            ("standalone", "Pod standalone"),
            ("debug-shell", "Pod debug-shell"),
        ] {
            let (kind, name) = owner_of_pod(pod);
            assert_eq!(format!("{} {name}", kind.as_str()), owner);
        }
    }

    #[test]
    fn labels_of_the_usual_rules() {
        for (labels, expected) in [
            (&[("namespace", "shop"), ("deployment", "catalog")][..], "Deployment shop/catalog"),
            (&[("namespace", "batch"), ("job_name", "nightly-report-29923129")], "CronJob batch/nightly-report"),
            (
                &[("exported_namespace", "shop"), ("exported_service", "frontend"), ("ingress", "shop")],
                "Service shop/frontend",
            ),
            // The target labels of kube-state-metrics are not what the alert is about.
            (
                &[
                    ("namespace", "shop"),
                    ("deployment", "catalog"),
                    ("job", "kube-state-metrics"),
                    ("pod", "kube-state-metrics-7464b59bfd-6rjrg"),
                ],
                "Deployment shop/catalog",
            ),
            (
                &[("node", "n1"), ("job", "kube-state-metrics"), ("pod", "kube-state-metrics-7464b59bfd-6rjrg")],
                "Node n1",
            ),
            (
                &[
                    ("instance", "10.0.0.7:9100"),
                    ("job", "node-exporter"),
                    ("pod", "node-exporter-abcde"),
                    ("namespace", "monitoring"),
                ],
                "Node 10.0.0.7",
            ),
            (
                &[("namespace", "db"), ("persistentvolumeclaim", "data-pg-0"), ("node", "n2")],
                "PersistentVolumeClaim db/data-pg-0",
            ),
            (&[("namespace", "shop"), ("pod", "web-7464b59bfd-6rjrg"), ("node", "n1")], "Deployment shop/web"),
            (&[("namespace", "shop"), ("alertname", "QuotaFull")], "Namespace shop"),
            (&[("namespace", "shop"), ("job", "cart"), ("alertname", "High5xx")], "Workload shop/cart"),
            (&[("namespace", "shop"), ("container", "cart")], "Workload shop/cart"),
            (&[("namespace", "shop"), ("job", "kubernetes-pods")], "Namespace shop"),
            (&[("namespace", "shop"), ("job", "kube-state-metrics"), ("resourcequota", "q")], "Namespace shop"),
            (&[("k8s_namespace_name", "shop"), ("k8s_deployment_name", "web")], "Deployment shop/web"),
            (&[("k8s.namespace.name", "shop"), ("k8s.deployment.name", "web")], "Deployment shop/web"),
            (&[("kube_namespace", "shop"), ("kube_stateful_set", "db")], "StatefulSet shop/db"),
            (&[("namespace", "shop"), ("podName", "web-7464b59bfd-6rjrg")], "Deployment shop/web"),
            (&[("namespace", "shop"), ("owner_kind", "DaemonSet"), ("owner_name", "agent")], "DaemonSet shop/agent"),
            (&[("namespace", "shop"), ("workload", "web"), ("workload_type", "deployment")], "Deployment shop/web"),
            (&[("job", "shop/web"), ("instance", "10.42.0.7:8080")], "Workload shop/web"),
            (&[("alertname", "Watchdog")], "Alert Watchdog"),
        ] {
            assert_eq!(subject(labels), expected, "{labels:?}");
        }
    }

    #[test]
    fn a_workload_its_pods_and_its_service_meet() {
        let key = |labels| Subject::of(&alert(labels)).correlation_key("X");
        let deployment = key(&[("namespace", "shop"), ("deployment", "web")]);
        assert_eq!(key(&[("namespace", "shop"), ("pod", "web-7464b59bfd-6rjrg")]), deployment);
        assert_eq!(key(&[("namespace", "shop"), ("service", "web")]), deployment);
        assert_ne!(key(&[("namespace", "test"), ("service", "web")]), deployment);
        assert_ne!(key(&[("namespace", "shop"), ("service", "web"), ("cluster", "eu")]), deployment);
    }
}
