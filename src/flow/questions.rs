//! Which questions an investigation asks, neighbour by neighbour. Each becomes a [`Task`] that answers with evidence or
//! with a gap; what the answers mean is none of its business.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::gather::{Gathered, Task};
use super::look::ALERTS;
use super::plan::{self, LimitTask, MetricTask, Ranges};
use super::{Context, Sources, log_lines};
use crate::adapters::cluster::{ClusterError, EventScope, Partial};
use crate::adapters::metrics::{LimitSpec, QuerySpec};
use crate::analysis::targets;
use crate::domain::alert::AlertStatus;
use crate::domain::cluster::ServiceState;
use crate::domain::evidence::{AlertFact, Draft, Evidence, EvidenceData, Source};
use crate::domain::incident::Incident;
use crate::domain::investigation::Unavailable;
use crate::domain::runbook::Runbook;
use crate::domain::subject::{ObjectRef, Subject, SubjectKind};

/// Points of a chart: as many as it has pixels to show.
const CHART_POINTS: u32 = 240;
/// Dependencies followed from one subject.
const MAX_DEPENDENCIES: usize = 3;
/// Nodes of troubled pods that are asked about.
const MAX_NODES: usize = 3;

/// Neighbours that are not there, so that the thread says so.
pub fn not_configured(sources: &Sources) -> Vec<Unavailable> {
    let gap = |source, variable: &str| Unavailable { source, reason: format!("not configured: set {variable}") };
    let mut gaps = Vec::new();
    if sources.metrics.is_none() {
        gaps.push(gap(Source::Metrics, "METRICS_URL"));
    }
    if sources.logs.is_none() && sources.cluster.is_none() {
        gaps.push(gap(Source::Logs, "LOGS_URL"));
    }
    if sources.cluster.is_none() {
        gaps.push(gap(Source::Kubernetes, "KUBECONFIG"));
    }
    gaps
}

/// What is not looked at because the subject is in another cluster than everything that could be asked.
pub fn elsewhere(sources: &Sources, cluster: &str) -> Vec<Unavailable> {
    let own = sources.cluster_name.as_deref().unwrap_or_default();
    let reason = format!("this is about cluster {cluster}, and cluster {own} is looked at");
    let gap = |source| Unavailable { source, reason: reason.clone() };
    configured(sources).into_iter().map(gap).collect()
}

/// Neighbours that are there.
pub fn configured(sources: &Sources) -> Vec<Source> {
    let cluster = sources.cluster.is_some();
    [
        (Source::Metrics, sources.metrics.is_some()),
        (Source::Logs, sources.logs.is_some() || cluster),
        (Source::Kubernetes, cluster),
        (Source::Changes, cluster),
    ]
    .into_iter()
    .filter_map(|(source, there)| there.then_some(source))
    .collect()
}

/// The alerts themselves: evidence of last resort, when no neighbour answers.
pub fn alerts(incident: &Incident, ranges: &Ranges) -> Gathered {
    let mut alerts: Vec<AlertFact> = Vec::new();
    for alert in &incident.alerts {
        let fact = AlertFact {
            name: alert.name().to_owned(),
            status: if alert.is_firing() { AlertStatus::Firing } else { AlertStatus::Resolved },
            text: alert.summary().unwrap_or_default().to_owned(),
            reason: alert.labels.get("reason").cloned(),
        };
        if !alerts.contains(&fact) {
            alerts.push(fact);
        }
    }
    Gathered::Evidence {
        slot: ALERTS.into(),
        draft: Box::new(Draft {
            source: Source::Metrics,
            about: incident.subject.object(),
            title: String::new(),
            query: incident.alert_names().join(", "),
            window: ranges.window,
            data: EvidenceData::Alerts { alerts },
            link: incident.alerts.iter().map(|alert| alert.generator_url.clone()).find(|url| !url.is_empty()),
        }),
    }
}

/// The first round: the subject's state, its events, what changed around it, its logs, its charts.
pub fn first<'a>(context: &'a Context, subject: &Subject, ranges: &Ranges, runbooks: &[&Runbook]) -> Vec<Task<'a>> {
    let mut tasks = Vec::new();
    if context.sources.cluster.is_some() {
        tasks.push(state(context, subject.object(), subject.clone(), *ranges));
        if let Some(namespace) = subject.namespace.clone() {
            tasks.push(changes(context, subject.object(), namespace.clone(), *ranges));
            tasks.push(quotas(context, namespace, *ranges));
        }
    }
    if has_logs(subject) {
        tasks.push(log_lines::of_subject(context, subject.clone(), *ranges));
    }
    tasks.extend(called_for(context, subject, ranges, runbooks).into_iter().map(|(_, task)| task));
    tasks
}

/// What `runbooks` call for, each with its query: charts and lines.
pub fn called_for<'a>(
    context: &'a Context,
    subject: &Subject,
    ranges: &Ranges,
    runbooks: &[&Runbook],
) -> Vec<(String, Task<'a>)> {
    let mut tasks = charts(context, subject, ranges, runbooks);
    if has_logs(subject) {
        tasks.extend(log_lines::of_runbooks(context, subject, ranges, runbooks));
    }
    tasks
}

/// The queries that `runbooks` call for, to know what was asked before.
pub fn queries_of(subject: &Subject, runbooks: &[&Runbook]) -> Vec<String> {
    let variables = plan::variables(subject);
    let charts = plan::metric_tasks(runbooks.iter().copied(), &variables).into_iter().map(|task| task.query);
    charts.chain(plan::log_tasks(runbooks.iter().copied(), &variables).into_iter().map(|task| task.filter)).collect()
}

fn has_logs(subject: &Subject) -> bool {
    subject.namespace.is_some()
        && (subject.kind.owns_pods() || matches!(subject.kind, SubjectKind::Pod | SubjectKind::Service))
}

/// What the answers so far lead to: Services behind addresses that refuse, and Services nearby with nothing behind them.
pub fn dependencies<'a>(
    context: &'a Context,
    subject: &Subject,
    ranges: &Ranges,
    evidence: &[Evidence],
) -> Vec<Task<'a>> {
    let targets = targets(evidence);
    if targets.is_empty() || context.sources.cluster.is_none() {
        return Vec::new();
    }
    let (subject, ranges) = (subject.clone(), *ranges);
    let task = Task::until(Source::Kubernetes, "dependencies", move |until| async move {
        let Some(cluster) = context.sources.cluster.as_ref().map(|cluster| cluster.until(until)) else {
            return Vec::new();
        };
        let mut gathered = Vec::new();
        let mut seen = vec![subject.object()];
        let mut services = Vec::new();
        for target in targets.iter().take(MAX_DEPENDENCIES) {
            let found = cluster.service_by_address(&target.host, target.port, subject.namespace.as_deref()).await;
            let found = found.ok().flatten();
            services.extend(found.map(|service| ServiceState { asked: vec![target.host.clone()], ..service }));
        }
        if services.is_empty()
            && let Some(namespace) = &subject.namespace
        {
            // The address may be that of a Service that was replaced, or of a pod that is gone.
            services = cluster.services_without_endpoints(namespace).await.unwrap_or_default();
        }
        for service in services {
            let object = ObjectRef {
                kind: SubjectKind::Service,
                namespace: Some(service.namespace.clone()),
                name: service.name.clone(),
            };
            let backend = service.backend.clone();
            if seen.contains(&object) || backend.as_ref().is_some_and(|backend| seen.contains(backend)) {
                continue;
            }
            seen.push(object.clone());
            let query = format!("get service {object} and its endpointslices");
            gathered.push(evidence_of(Source::Kubernetes, object, query, &ranges, EvidenceData::Service(service)));
            let Some(backend) = backend.filter(|_| seen.len() <= MAX_DEPENDENCIES + 1) else { continue };
            seen.push(backend.clone());
            let behind = Subject::new(backend.kind, backend.namespace.clone(), backend.name.clone());
            let (state, lines) = futures::join!(
                state(context, backend, behind.clone(), ranges).answer(until),
                log_lines::of_subject(context, behind, ranges).answer(until)
            );
            gathered.extend(state.into_iter().chain(lines));
        }
        gathered
    });
    vec![task]
}

/// The nodes of the subject's troubled pods, when something that was seen says that a node is in trouble.
pub fn nodes<'a>(context: &'a Context, subject: &Subject, ranges: &Ranges, evidence: &[Evidence]) -> Vec<Task<'a>> {
    if context.sources.cluster.is_none() || subject.kind == SubjectKind::Node || !speaks_of_nodes(evidence) {
        return Vec::new();
    }
    let own = evidence.iter().filter(|evidence| evidence.about == subject.object());
    let pods = own.filter_map(|evidence| match &evidence.data {
        EvidenceData::Workload(workload) => Some(workload.pods.iter().filter(|pod| !pod.ready)),
        _ => None,
    });
    let names: BTreeSet<String> = pods.flatten().filter_map(|pod| pod.node.clone()).collect();
    let ask = |name: String| {
        let node = Subject::new(SubjectKind::Node, None, name);
        state(context, node.object(), node, *ranges)
    };
    names.into_iter().take(MAX_NODES).map(ask).collect()
}

fn speaks_of_nodes(evidence: &[Evidence]) -> bool {
    evidence.iter().any(|evidence| match &evidence.data {
        EvidenceData::Events { events } => events.iter().any(|event| {
            matches!(event.reason.as_str(), "NodeNotReady" | "NodeLost" | "TaintManagerEviction" | "Evicted")
        }),
        EvidenceData::Changes { changes } => changes.iter().any(|change| change.object.kind == SubjectKind::Node),
        EvidenceData::Workload(workload) => workload
            .pods
            .iter()
            .filter_map(|pod| pod.reason.as_deref())
            // The reason has its message behind it.
            .any(|reason| ["NodeLost", "Evicted", "NodeShutdown"].iter().any(|known| reason.starts_with(known))),
        _ => false,
    })
}

pub(super) fn evidence_of(
    source: Source,
    about: ObjectRef,
    query: String,
    ranges: &Ranges,
    data: EvidenceData,
) -> Gathered {
    let draft = Draft { source, about, title: String::new(), query, window: ranges.window, data, link: None };
    Gathered::Evidence { slot: slot_of(&draft), draft: Box::new(draft) }
}

/// Names a piece of evidence across runs.
pub(super) fn slot_of(draft: &Draft) -> String {
    format!("{}:{}:{}", draft.data.kind(), draft.about.kind.as_str(), draft.about)
}

fn refused(error: &ClusterError) -> Gathered {
    Gathered::Gap { source: Source::Kubernetes, reason: error.to_string() }
}

/// The evidence and what could not be read of it.
fn whole<T>(partial: Partial<T>, make: impl FnOnce(T) -> Gathered) -> Vec<Gathered> {
    let missing: Vec<Gathered> = partial.missing.iter().map(refused).collect();
    std::iter::once(make(partial.value)).chain(missing).collect()
}

/// What `object` is, and the events about it.
fn state(context: &Context, object: ObjectRef, hints: Subject, ranges: Ranges) -> Task<'_> {
    Task::until(Source::Kubernetes, "state", move |until| async move {
        // What is slow costs itself: the state is told without its events, the events without the state.
        let Some(cluster) = context.sources.cluster.as_ref().map(|cluster| cluster.until(until)) else {
            return Vec::new();
        };
        let query = format!("get {} {object}", object.kind.as_str().to_lowercase());
        let make = |data| evidence_of(Source::Kubernetes, object.clone(), query.clone(), &ranges, data);
        let namespace = object.namespace.as_deref().unwrap_or_default();
        let mut scope = EventScope::object(&object.name);
        let answer = match object.kind {
            SubjectKind::Node => cluster
                .node(&object.name)
                .await
                .map(|node| whole(node, |node| make(EvidenceData::Node(Box::new(node))))),
            SubjectKind::Service => cluster
                .service(namespace, &object.name)
                .await
                .map(|service| service.map(|service| make(EvidenceData::Service(service))).into_iter().collect()),
            SubjectKind::Alert => return Vec::new(),
            SubjectKind::Namespace => {
                scope = EventScope::All;
                Ok(Vec::new())
            }
            SubjectKind::PersistentVolumeClaim => Ok(Vec::new()),
            _ => cluster.workload(&object, &hints).await.map(|state| {
                scope = EventScope::workload(&object, &state.value);
                whole(state, |state| make(EvidenceData::Workload(Box::new(state))))
            }),
        };
        let mut gathered = answer.unwrap_or_else(|error| match error {
            // An object that is gone is no fault of the neighbour's, and its events still tell what happened.
            ClusterError::NotFound { .. } => Vec::new(),
            error => vec![refused(&error)],
        });
        let events = match object.kind {
            SubjectKind::Node => cluster.node_events(&object.name, ranges.window).await,
            _ => cluster.events(namespace, &scope, ranges.window).await,
        };
        match events {
            Ok(events) if events.is_empty() => {}
            Ok(events) => {
                let query = format!("list events about {object}");
                let data = EvidenceData::Events { events };
                gathered.push(evidence_of(Source::Kubernetes, object.clone(), query, &ranges, data));
            }
            Err(error) => gathered.push(refused(&error)),
        }
        gathered
    })
}

fn changes(context: &Context, about: ObjectRef, namespace: String, ranges: Ranges) -> Task<'_> {
    Task::until(Source::Changes, "changes", move |until| async move {
        let Some(cluster) = context.sources.cluster.as_ref().map(|cluster| cluster.until(until)) else {
            return Vec::new();
        };
        let refused = |error: &ClusterError| Gathered::Gap { source: Source::Changes, reason: error.to_string() };
        match cluster.changes(&namespace, ranges.window).await {
            Ok(Partial { value: changes, missing }) => {
                let query = format!("list replicasets, controllerrevisions, configmaps and events in {namespace}");
                let evidence = (!changes.is_empty())
                    .then(|| evidence_of(Source::Changes, about, query, &ranges, EvidenceData::Changes { changes }));
                evidence.into_iter().chain(missing.iter().map(refused)).collect()
            }
            Err(error) => vec![refused(&error)],
        }
    })
}

fn quotas(context: &Context, namespace: String, ranges: Ranges) -> Task<'_> {
    Task::until(Source::Kubernetes, "quotas", move |until| async move {
        let Some(cluster) = context.sources.cluster.as_ref().map(|cluster| cluster.until(until)) else {
            return Vec::new();
        };
        match cluster.namespace(&namespace).await {
            Ok(Partial { value: state, .. }) if state.quotas.is_empty() && !state.terminating => Vec::new(),
            Ok(state) => {
                let about = ObjectRef {
                    kind: SubjectKind::Namespace,
                    namespace: Some(namespace.clone()),
                    name: namespace.clone(),
                };
                let query = format!("get namespace {namespace} and list its resourcequotas");
                let make =
                    |state| evidence_of(Source::Kubernetes, about, query, &ranges, EvidenceData::Namespace(state));
                whole(state, make)
            }
            // What the namespace held is told by its events; that it is gone is no fault of the neighbour's.
            Err(ClusterError::NotFound { .. }) => Vec::new(),
            Err(error) => vec![refused(&error)],
        }
    })
}

fn charts<'a>(
    context: &'a Context,
    subject: &Subject,
    ranges: &Ranges,
    runbooks: &[&Runbook],
) -> Vec<(String, Task<'a>)> {
    if context.sources.metrics.is_none() {
        return Vec::new();
    }
    let tasks = plan::metric_tasks(runbooks.iter().copied(), &plan::variables(subject));
    let (about, ranges) = (subject.object(), *ranges);
    tasks.into_iter().map(|task| (task.query.clone(), chart(context, about.clone(), task, ranges))).collect()
}

fn chart(context: &Context, about: ObjectRef, task: MetricTask, ranges: Ranges) -> Task<'_> {
    Task::new(Source::Metrics, "charts", async move {
        let Some(metrics) = &context.sources.metrics else { return Vec::new() };
        let spec = QuerySpec {
            query: task.query.clone(),
            title: task.spec.title.clone(),
            unit: task.spec.unit.clone(),
            threshold: task.spec.threshold,
            limit: task.limit.map(|limit| match limit {
                LimitTask::Value(value) => LimitSpec::Value(value),
                LimitTask::Query(query) => LimitSpec::Query(query),
            }),
        };
        let step = ranges.window.step(CHART_POINTS, TimeDelta::seconds(5));
        match metrics.chart_data(&spec, ranges.window, ranges.baseline, step).await {
            Ok(series) if series.lines.is_empty() => Vec::new(),
            Ok(series) => {
                let draft = Draft {
                    source: Source::Metrics,
                    about,
                    title: task.spec.title.clone(),
                    link: metrics.link(&task.query, &ranges.window).await,
                    query: task.query,
                    window: ranges.window,
                    data: EvidenceData::Series(series),
                };
                vec![Gathered::Evidence { slot: task.slot, draft: Box::new(draft) }]
            }
            Err(error) => vec![Gathered::Gap { source: Source::Metrics, reason: error.to_string() }],
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cluster::{PodState, WorkloadState};
    use crate::domain::evidence::EvidenceId;
    use crate::domain::redact::Redactor;
    use crate::domain::window::Window;

    #[test]
    fn a_pod_that_was_put_out_speaks_of_its_node() {
        let workload = |reason: &str| {
            // As the pod's status gives it, with the message.
            let pod = PodState { reason: Some(reason.into()), ..PodState::default() };
            let state = WorkloadState { pods: vec![pod], ..WorkloadState::default() };
            let draft = Draft {
                source: Source::Kubernetes,
                about: ObjectRef { kind: SubjectKind::Deployment, namespace: Some("shop".into()), name: "web".into() },
                title: String::new(),
                query: String::new(),
                window: Window::around(chrono::DateTime::UNIX_EPOCH, chrono::DateTime::UNIX_EPOCH),
                data: EvidenceData::Workload(Box::new(state)),
                link: None,
            };
            [Evidence::new(EvidenceId(1), draft, &Redactor::new(), |_| String::new())]
        };
        assert!(speaks_of_nodes(&workload("Evicted: The node was low on resource: memory.")));
        assert!(speaks_of_nodes(&workload("NodeLost")));
        assert!(!speaks_of_nodes(&workload("UnexpectedAdmissionError: Pod was rejected")));
    }
}
