//! The Kubernetes API: objects, events, logs, rollouts. What is named is looked up first.

use super::{Brought, Toolbox, about_namespace};
use crate::adapters::cluster::{Cluster, EventScope, LogRequest, kind_named};
use crate::domain::evidence::{EvidenceData, Source};
use crate::domain::subject::{ObjectRef, Subject, SubjectKind};
use crate::domain::text;

/// Names that are given where one was not found.
const MAX_NAMES: usize = 30;
/// Bytes of a pod's log.
const MAX_LOG_BYTES: u32 = 512 * 1024;
/// Longest line shown, in bytes.
const MAX_LINE_BYTES: usize = 300;
/// Events and state are noted with this range, in seconds.
const RANGE: i64 = 3600;

impl Toolbox<'_> {
    pub(super) async fn get(&self, word: &str, name: Option<&str>, namespace: Option<&str>) -> Brought {
        let Some(cluster) = &self.context.sources.cluster else { return absent() };
        if word.starts_with("secret") {
            return Brought::Words("error: Secrets are never read".into());
        }
        let Some(kind) = kind_named(word) else {
            let known: Vec<&str> = crate::adapters::cluster::KINDS.iter().map(|kind| kind.name).collect();
            let word = text::line(word, 60);
            return Brought::Words(format!("error: kind `{word}` cannot be read; these can: {}", known.join(", ")));
        };
        if let Some(problem) = self.missing(namespace, None).await {
            return Brought::Words(format!("error: {problem}"));
        }
        let Some(name) = name else {
            return match cluster.browse(kind, namespace).await {
                Ok(found) if found.count == 0 => Brought::Words(format!("there is no {} there", kind.name)),
                Ok(found) => {
                    let more = if found.cut { "\nand more: name a namespace" } else { "" };
                    let data = EvidenceData::Text { text: format!("{}{more}", found.text) };
                    let query = format!("list {}s in {}", kind.name, namespace.unwrap_or("all namespaces"));
                    self.evidence(Source::Kubernetes, about_namespace(namespace), query, self.window(RANGE), data)
                }
                Err(error) => Brought::Words(format!("error: {error}")),
            };
        };
        if let Some(subject) = subject_kind(kind.name)
            && let Some(brought) = self.state(cluster, subject, namespace, name).await
        {
            return brought;
        }
        match cluster.browse_one(kind, namespace, name).await {
            Ok(Some(found)) => {
                let about = ObjectRef {
                    kind: subject_kind(kind.name).unwrap_or(SubjectKind::Workload),
                    namespace: namespace.map(str::to_owned),
                    name: name.to_owned(),
                };
                let query = format!("get {} {about}", kind.name);
                let data = EvidenceData::Text { text: found.text };
                self.evidence(Source::Kubernetes, about, query, self.window(RANGE), data)
            }
            Ok(None) => {
                let names = cluster.names(kind, namespace).await.unwrap_or_default();
                Brought::Words(format!("error: {}", not_there(kind.name, name, names)))
            }
            Err(error) => Brought::Words(format!("error: {error}")),
        }
    }

    /// A workload, node or Service the way an investigation sees it, which tells more than its YAML.
    async fn state(
        &self,
        cluster: &Cluster,
        kind: SubjectKind,
        namespace: Option<&str>,
        name: &str,
    ) -> Option<Brought> {
        let about = ObjectRef { kind, namespace: namespace.map(str::to_owned), name: name.to_owned() };
        let data = match (kind, namespace) {
            (SubjectKind::Node, _) => EvidenceData::Node(Box::new(cluster.node(name).await.ok()?.value)),
            (SubjectKind::Service, Some(namespace)) => {
                EvidenceData::Service(cluster.service(namespace, name).await.ok()??)
            }
            (kind, Some(_)) if kind.owns_pods() => {
                let subject = Subject::new(kind, about.namespace.clone(), about.name.clone());
                let state = cluster.workload(&about, &subject).await.ok()?.value;
                EvidenceData::Workload(Box::new(state))
            }
            _ => return None,
        };
        let query = format!("get {} {about}", kind.as_str());
        Some(self.evidence(Source::Kubernetes, about, query, self.window(RANGE), data))
    }

    pub(super) async fn events(&self, namespace: &str, name: Option<&str>) -> Brought {
        let Some(cluster) = &self.context.sources.cluster else { return absent() };
        if let Some(problem) = self.missing(Some(namespace), None).await {
            return Brought::Words(format!("error: {problem}"));
        }
        let scope = match name {
            None => EventScope::All,
            Some(name) => EventScope::beginning(name),
        };
        match cluster.events(namespace, &scope, self.window(RANGE)).await {
            Ok(events) if events.is_empty() => Brought::Words("no events in the last hour".into()),
            Ok(events) => {
                let query =
                    format!("list events in {namespace}{}", name.map(|n| format!(" about {n}")).unwrap_or_default());
                let data = EvidenceData::Events { events };
                self.evidence(Source::Kubernetes, about_namespace(Some(namespace)), query, self.window(RANGE), data)
            }
            Err(error) => Brought::Words(format!("error: {error}")),
        }
    }

    pub(super) async fn pod_log(
        &self,
        namespace: &str,
        pod: &str,
        container: Option<&str>,
        previous: bool,
        lines: usize,
    ) -> Brought {
        let Some(cluster) = &self.context.sources.cluster else { return absent() };
        if let Some(problem) = self.missing(Some(namespace), Some(pod)).await {
            return Brought::Words(format!("error: {problem}"));
        }
        let request = LogRequest {
            namespace: namespace.to_owned(),
            pod: pod.to_owned(),
            container: container.map(str::to_owned),
            previous,
            tail_lines: u32::try_from(lines).unwrap_or(u32::MAX),
            since: None,
            limit_bytes: MAX_LOG_BYTES,
        };
        match cluster.pod_logs(&request).await {
            Ok(log) if log.lines.is_empty() => {
                Brought::Words(format!("there is no log: {}", log.absent.unwrap_or_default()))
            }
            Ok(log) => {
                let line = |line: &crate::adapters::cluster::PodLogLine| {
                    let time = line.at.map(|at| at.format("%H:%M:%S ").to_string()).unwrap_or_default();
                    format!("{time}{}", text::line(&line.text, MAX_LINE_BYTES))
                };
                let text = log.lines.iter().map(line).collect::<Vec<String>>().join("\n");
                let about =
                    ObjectRef { kind: SubjectKind::Pod, namespace: Some(namespace.to_owned()), name: pod.to_owned() };
                let run = if previous { ", the run before" } else { "" };
                let query = format!("log of {about}{run}, last {lines} lines");
                self.evidence(Source::Logs, about, query, self.window(RANGE), EvidenceData::Text { text })
            }
            Err(error) => Brought::Words(format!("error: {error}")),
        }
    }

    pub(super) async fn rollouts(&self, namespace: &str, workload: &str) -> Brought {
        let Some(cluster) = &self.context.sources.cluster else { return absent() };
        if let Some(problem) = self.missing(Some(namespace), None).await {
            return Brought::Words(format!("error: {problem}"));
        }
        let guess = Subject::new(SubjectKind::Workload, Some(namespace.to_owned()), workload.to_owned());
        let subject = match cluster.resolve(&guess).await {
            Ok(subject) => subject,
            Err(error) => return Brought::Words(format!("error: {error}")),
        };
        match self.state(cluster, subject.kind, Some(namespace), &subject.name).await {
            Some(brought) if subject.kind != SubjectKind::Workload => brought,
            _ => {
                let deployments = kind_named("deployment");
                let names = match deployments {
                    Some(kind) => cluster.names(kind, Some(namespace)).await.unwrap_or_default(),
                    None => Vec::new(),
                };
                Brought::Words(format!("error: {}", not_there("workload", workload, names)))
            }
        }
    }

    /// What is wrong with a namespace or a pod that a model names; `None` when both exist, or nobody can tell.
    pub(super) async fn missing(&self, namespace: Option<&str>, pod: Option<&str>) -> Option<String> {
        let (cluster, namespace) = (self.context.sources.cluster.as_ref()?, namespace?);
        let pods = kind_named("pod")?;
        if let Some(pod) = pod {
            // A prefix is as good as a name for log stores; for the API it must be whole.
            if cluster.has_pod(namespace, pod).await.ok()? {
                return None;
            }
            let names = cluster.names(pods, Some(namespace)).await.ok()?;
            if !names.is_empty() {
                return Some(not_there("pod", pod, names));
            }
        }
        let namespaces = cluster.names(kind_named("namespace")?, None).await.ok()?;
        let exists = namespaces.iter().any(|known| known == namespace);
        (!exists).then(|| not_there("namespace", namespace, namespaces))
    }
}

/// `no such pod web-1; these exist: web-0, …`, the likeliest first.
fn not_there(kind: &str, name: &str, mut names: Vec<String>) -> String {
    let name = text::line(name, 80);
    if names.is_empty() {
        return format!("no such {}: {name}; there is none", kind.to_lowercase());
    }
    let common = |other: &str| other.chars().zip(name.chars()).take_while(|(a, b)| a == b).count();
    names.sort_by_key(|other| std::cmp::Reverse((other.contains(&name), common(other))));
    let more = names.len().saturating_sub(MAX_NAMES);
    names.truncate(MAX_NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("no such {}: {name}; these exist: {}{more}", kind.to_lowercase(), names.join(", "))
}

fn subject_kind(name: &str) -> Option<SubjectKind> {
    Some(match name {
        "Deployment" => SubjectKind::Deployment,
        "StatefulSet" => SubjectKind::StatefulSet,
        "DaemonSet" => SubjectKind::DaemonSet,
        "CronJob" => SubjectKind::CronJob,
        "Job" => SubjectKind::Job,
        "Service" => SubjectKind::Service,
        "Node" => SubjectKind::Node,
        "Pod" => SubjectKind::Pod,
        "PersistentVolumeClaim" => SubjectKind::PersistentVolumeClaim,
        "Namespace" => SubjectKind::Namespace,
        _ => return None,
    })
}

fn absent() -> Brought {
    Brought::Words("error: no Kubernetes API is configured".into())
}
