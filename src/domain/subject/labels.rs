//! What labels say, by any of the names that exporters, collectors and rules have for one thing.

use std::collections::BTreeMap;

use crate::domain::alert::Labels;

/// Labels looked up by any of several names.
pub(super) struct Names<'a> {
    labels: &'a Labels,
    /// By their letters and digits alone, where some are spelled in another way: `k8s.pod.name`, `podName`.
    spelled_otherwise: BTreeMap<String, &'a str>,
}

impl<'a> Names<'a> {
    pub(super) fn of(labels: &'a Labels) -> Self {
        let usual = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let others = labels.iter().filter(|(name, _)| !usual(name));
        let spelled_otherwise = others.map(|(name, value)| (letters(name), value.as_str())).collect();
        Self { labels, spelled_otherwise }
    }

    pub(super) fn any(&self, names: &[&str]) -> Option<&'a str> {
        let exact =
            names.iter().filter_map(|name| self.labels.get(*name)).map(String::as_str).find(|value| says(value));
        exact.or_else(|| {
            let others = &self.spelled_otherwise;
            let found = names.iter().filter(|_| !others.is_empty()).filter_map(|name| others.get(&letters(name)));
            found.copied().find(|value| says(value))
        })
    }

    /// The namespace, with that of what is observed before that of the observer.
    pub(super) fn namespace(&self) -> Option<&'a str> {
        self.any(&[
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
        ])
    }

    /// The pod, where it is not the one that exported the metric.
    pub(super) fn pod(&self) -> Option<&'a str> {
        self.any(&[
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
        ])
        .filter(|name| !self.is_exporter(name))
    }

    /// The Service, where it is not the one that exported the metric.
    pub(super) fn service(&self) -> Option<&'a str> {
        self.any(&[
            "exported_service",
            "service",
            "service_name",
            "destination_service_name",
            "kube_service",
            "kubernetes_service_name",
            "k8s_service_name",
        ])
        .filter(|name| !self.is_exporter(name))
    }

    /// The node.
    pub(super) fn node(&self) -> Option<&'a str> {
        self.any(&[
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
        ])
    }

    /// The Ingress.
    pub(super) fn ingress(&self) -> Option<&'a str> {
        self.any(&["exported_ingress", "ingress"])
    }

    /// The volume claim.
    pub(super) fn claim(&self) -> Option<&'a str> {
        self.any(&[
            "persistentvolumeclaim",
            "exported_persistentvolumeclaim",
            "pvc",
            "persistent_volume_claim",
            "k8s_persistentvolumeclaim_name",
        ])
    }

    /// The cluster, where one Alertmanager serves several.
    pub(super) fn cluster(&self) -> Option<&'a str> {
        self.any(&["cluster", "k8s_cluster", "k8s_cluster_name", "cluster_name", "kube_cluster_name"])
    }

    /// The Job, not the scrape job.
    pub(super) fn job(&self) -> Option<&'a str> {
        self.any(&["job_name", "k8s_job_name", "kube_job", "exported_job"])
    }

    /// The container.
    pub(super) fn container(&self) -> Option<&'a str> {
        self.any(&[
            "exported_container",
            "container",
            "container_name",
            "kubernetes_container_name",
            "k8s_container_name",
            "kube_container_name",
            "io_kubernetes_container_name",
        ])
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

    pub(super) fn app(&self) -> Option<&'a str> {
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
    pub(super) fn namespaced_job(&self) -> Option<(&'a str, &'a str)> {
        let (namespace, name) = self.any(&["job"])?.split_once('/')?;
        let is_label = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        (is_label(namespace) && is_label(name)).then_some((namespace, name))
    }

    /// The scraped address, where it is no host's.
    pub(super) fn address(&self) -> Option<&'a str> {
        let instance = self.any(&["instance"])?;
        let host = host_of(instance);
        let exporter = self.labels.get("job").is_some_and(|job| {
            scrapes_hosts(job)
                || ["kube-state", "cadvisor", "blackbox", "exporter"].iter().any(|name| job.contains(name))
        });
        (!exporter && host.parse::<std::net::IpAddr>().is_ok()).then_some(host)
    }

    /// The container, or the scrape job, that a rule over an application's own metrics kept: both mostly carry the
    /// application's name. Jobs that scrape many things or somebody else's say nothing.
    pub(super) fn target(&self) -> Option<&'a str> {
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
        self.container().filter(specific).or_else(|| self.any(&["job"]).filter(specific)).filter(|_| !about_quota)
    }

    /// The host of `instance`, when the scrape target is a host rather than a pod's address in a namespace.
    pub(super) fn instance(&self) -> Option<&'a str> {
        let instance = self.any(&["instance"])?;
        let host = host_of(instance);
        let about_hosts = self.labels.get("job").is_none_or(|job| scrapes_hosts(job));
        (about_hosts && !host.contains("://")).then_some(host)
    }
}

/// Whether a scrape job of this name looks at hosts, and not at somebody's `nodejs-api`.
fn scrapes_hosts(job: &str) -> bool {
    const HOSTS: [&str; 5] = ["node-exporter", "node_exporter", "nodeexporter", "kubernetes-nodes", "kubelet"];
    matches!(job, "node" | "nodes") || HOSTS.iter().any(|name| job.contains(name))
}

/// `node-1:9100`, `[fd00::5]:9100` and `fd00::5` without port and brackets.
fn host_of(instance: &str) -> &str {
    if instance.parse::<std::net::IpAddr>().is_ok() {
        return instance;
    }
    let host = instance.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    host.map_or(instance, |(host, _)| host).trim_matches(['[', ']'])
}

/// The letters and digits of a label's name, in lower case.
pub(super) fn letters(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn says(value: &str) -> bool {
    !value.trim().is_empty()
}
