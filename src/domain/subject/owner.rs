//! The workload that owns what a label names: by the label, or by the shape of a generated name.
//!
//! The rules for generated names are Kubernetes' own (`staging/src/k8s.io/apimachinery/pkg/util/rand`: suffixes use the
//! alphabet below, without vowels and 0, 1, 3).

use super::SubjectKind;
use super::labels::{Names, letters};

/// Letters of generated names: `rand.String` of Kubernetes.
pub(in crate::domain) const GENERATED: &str = "bcdfghjklmnpqrstvwxz2456789";
/// Kinds of workload by the names that labels have for them.
const WORKLOADS: [(SubjectKind, &str, &str); 4] = [
    (SubjectKind::Deployment, "deployment", "kube_deployment"),
    (SubjectKind::StatefulSet, "statefulset", "kube_stateful_set"),
    (SubjectKind::DaemonSet, "daemonset", "kube_daemon_set"),
    (SubjectKind::CronJob, "cronjob", "kube_cronjob"),
];

/// The owner that a label names outright.
pub(super) fn owner(labels: &Names<'_>) -> Option<(SubjectKind, String)> {
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
