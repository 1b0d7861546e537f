//! What to ask for an incident: the runbooks that fit say it, with the variables that the subject gives. Pure.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::domain::evidence::{Evidence, EvidenceData};
use crate::domain::incident::Incident;
use crate::domain::runbook::{LogQuery, MetricQuery, Query, Runbook, Variable, Variables};
use crate::domain::subject::{Subject, SubjectKind};
use crate::domain::window::Window;

/// Metric queries of one investigation: as many charts as a person looks at.
pub const MAX_METRIC_QUERIES: usize = 8;
/// Extra log queries of one investigation.
pub const MAX_LOG_QUERIES: usize = 3;

/// The ranges looked at.
#[derive(Debug, Clone, Copy)]
pub struct Ranges {
    /// Around the onset.
    pub window: Window,
    /// The quiet range before.
    pub baseline: Window,
    /// When the trouble began.
    pub onset: DateTime<Utc>,
}

impl Ranges {
    /// The ranges for an incident seen at `now`. A resolved one is looked at as it was, not as it is now.
    pub fn of(incident: &Incident, now: DateTime<Utc>) -> Self {
        let until = incident.resolved_at.map_or(now, |at| (at + chrono::TimeDelta::minutes(5)).min(now));
        let onset = last_onset(incident).min(now);
        let window = Window::around(onset, until.max(onset));
        Self { window, baseline: window.baseline(onset), onset }
    }
}

/// When the present trouble began: the first alert that fires, or did until the end.
fn last_onset(incident: &Incident) -> DateTime<Utc> {
    let firing = incident.alerts.iter().filter(|alert| alert.is_firing()).map(|alert| alert.starts_at).min();
    firing.unwrap_or(incident.started_at)
}

/// What is known about the incident for choosing runbooks.
pub fn runbook_query(incident: &Incident, evidence: &[Evidence]) -> Query {
    let mut reasons = reasons(evidence);
    reasons.extend(incident.alerts.iter().filter_map(|alert| alert.labels.get("reason").cloned()));
    reasons.sort();
    reasons.dedup();
    let first = incident.alerts.iter().find(|alert| alert.is_firing()).or(incident.alerts.first());
    let text = |name: &str| first.and_then(|alert| alert.annotations.get(name)).cloned().unwrap_or_default();
    Query {
        alert: first.map(|alert| alert.name().to_owned()).unwrap_or_default(),
        summary: text("summary"),
        description: Some(text("description")).filter(|text| !text.is_empty()).unwrap_or_else(|| text("message")),
        labels: first.map(|alert| alert.labels.clone()).unwrap_or_default(),
        reasons,
        runbook_url: Some(text("runbook_url")).filter(|url| !url.is_empty()),
    }
}

/// Reasons that the cluster gives for the state of the subject: `OOMKilled`, `CrashLoopBackOff`, `FailedScheduling` …
fn reasons(evidence: &[Evidence]) -> Vec<String> {
    let mut reasons = BTreeSet::new();
    for evidence in evidence {
        match &evidence.data {
            EvidenceData::Workload(workload) => {
                for container in workload.pods.iter().flat_map(|pod| &pod.containers) {
                    let ended = container.terminated.iter().chain(&container.last_termination);
                    reasons.extend(ended.map(|termination| termination.reason.clone()));
                    reasons.extend(container.waiting.iter().map(|waiting| waiting.reason.clone()));
                }
                let conditions = workload.pods.iter().flat_map(|pod| &pod.conditions);
                reasons.extend(conditions.map(|condition| condition.reason.clone()));
                reasons.extend(workload.jobs.iter().filter_map(|job| Some(job.failure.as_ref()?.reason.clone())));
            }
            EvidenceData::Events { events } => {
                reasons.extend(events.iter().filter(|event| event.kind == "Warning").map(|event| event.reason.clone()));
            }
            EvidenceData::Node(node) => {
                reasons.extend(node.conditions.iter().map(|condition| format!("Node{}", condition.kind)));
            }
            _ => {}
        }
    }
    // What is normal explains nothing.
    for normal in ["", "Completed", "ContainersNotReady", "PodCompleted", "Error"] {
        reasons.remove(normal);
    }
    reasons.into_iter().collect()
}

/// The values that the subject gives to query templates.
pub fn variables(subject: &Subject) -> Variables {
    let mut variables = Variables::default();
    let mut set = |variable, value: Option<&String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            variables.set(variable, value.clone());
        }
    };
    set(Variable::Namespace, subject.namespace.as_ref());
    set(Variable::Container, subject.container.as_ref());
    set(Variable::Ingress, subject.ingress.as_ref());
    set(Variable::Job, subject.job.as_ref());
    set(Variable::Pod, subject.pods.first());
    match subject.kind {
        SubjectKind::Node => set(Variable::Node, Some(&subject.name)),
        SubjectKind::PersistentVolumeClaim => {
            set(Variable::Pvc, Some(&subject.name));
            set(Variable::Node, subject.node.as_ref());
        }
        SubjectKind::Namespace | SubjectKind::Alert => {}
        _ => {
            set(Variable::Workload, Some(&subject.name));
            // Most Services carry the name of what stands behind them.
            set(Variable::Service, Some(subject.service.as_ref().unwrap_or(&subject.name)));
            set(Variable::Node, subject.node.as_ref());
            set(Variable::Pvc, subject.claim.as_ref());
            variables.set(Variable::Pods, pods_pattern(subject));
        }
    }
    variables
}

/// Which pods are the subject's, those of earlier revisions too, as a regular expression (RE2, anchored by its user).
pub fn pods_pattern(subject: &Subject) -> String {
    let name = regex::escape(&subject.name);
    let own = match subject.kind {
        SubjectKind::Deployment => format!("{name}-[a-z0-9]{{1,10}}-[a-z0-9]{{5}}"),
        SubjectKind::StatefulSet => format!("{name}-[0-9]+"),
        SubjectKind::DaemonSet | SubjectKind::Job => format!("{name}-[a-z0-9]{{5}}"),
        SubjectKind::CronJob => format!("{name}-[0-9]+-[a-z0-9]{{5}}"),
        SubjectKind::Pod => name,
        _ => format!("{name}-[a-z0-9-]+"),
    };
    // Long names are cut before the suffix, so alerts may name pods that the pattern does not fit.
    let fits = regex::Regex::new(&format!("^(?:{own})$"));
    let others = subject.pods.iter().filter(|pod| fits.as_ref().is_ok_and(|fits| !fits.is_match(pod)));
    std::iter::once(own.clone()).chain(others.map(|pod| regex::escape(pod))).collect::<Vec<_>>().join("|")
}

/// A metric query with the subject's values in it.
#[derive(Debug, Clone)]
pub struct MetricTask {
    /// Names it across runs.
    pub slot: String,
    /// The runbook's query.
    pub spec: MetricQuery,
    /// PromQL.
    pub query: String,
    /// PromQL of the limit line.
    pub limit: Option<LimitTask>,
}

/// Where the limit line comes from.
#[derive(Debug, Clone)]
pub enum LimitTask {
    /// A number.
    Value(f64),
    /// PromQL.
    Query(String),
}

/// The metric queries of `runbooks` that the subject can fill, each once, in order of the runbooks' rank.
pub fn metric_tasks<'a>(runbooks: impl IntoIterator<Item = &'a Runbook>, variables: &Variables) -> Vec<MetricTask> {
    use crate::domain::runbook::Limit;
    let mut tasks: Vec<MetricTask> = Vec::new();
    for spec in runbooks.into_iter().flat_map(|runbook| &runbook.metrics) {
        let Ok(query) = spec.query.render(variables) else { continue };
        if tasks.len() == MAX_METRIC_QUERIES || tasks.iter().any(|task| task.query == query) {
            continue;
        }
        let limit = match &spec.limit {
            Some(Limit::Value(value)) => Some(LimitTask::Value(*value)),
            Some(Limit::Query(limit)) => limit.render(variables).ok().map(LimitTask::Query),
            None => spec.threshold.map(LimitTask::Value),
        };
        tasks.push(MetricTask { slot: format!("metrics:{query}"), spec: spec.clone(), query, limit });
    }
    tasks
}

/// The log filters of `runbooks` that the subject can fill.
pub fn log_filters<'a>(
    runbooks: impl IntoIterator<Item = &'a Runbook>,
    variables: &Variables,
) -> Vec<(LogQuery, String)> {
    let mut filters: Vec<(LogQuery, String)> = Vec::new();
    for spec in runbooks.into_iter().flat_map(|runbook| &runbook.logs) {
        let Ok(filter) = spec.query.render(variables) else { continue };
        if filters.len() < MAX_LOG_QUERIES && filters.iter().all(|(_, known)| *known != filter) {
            filters.push((spec.clone(), filter));
        }
    }
    filters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_of_every_revision_fit_and_neighbours_do_not() {
        for (kind, pod, fits) in [
            (SubjectKind::Deployment, "web-7464b59bfd-6rjrg", true),
            (SubjectKind::Deployment, "web-admin-7464b59bfd-6rjrg", false),
            (SubjectKind::StatefulSet, "web-0", true),
            (SubjectKind::StatefulSet, "web-0-x", false),
            (SubjectKind::DaemonSet, "web-fn5lc", true),
            (SubjectKind::CronJob, "web-29923129-4dfx6", true),
            (SubjectKind::Pod, "web", true),
        ] {
            let subject = Subject::new(kind, Some("shop".into()), "web".into());
            let pattern = regex::Regex::new(&format!("^(?:{})$", pods_pattern(&subject))).unwrap();
            assert_eq!(pattern.is_match(pod), fits, "{kind:?} {pod}");
        }
    }

    #[test]
    fn a_pod_that_an_alert_named_always_fits() {
        let mut subject = Subject::new(SubjectKind::Deployment, None, "a-very-long-name".into());
        subject.pods = vec!["a-very-long-na6rjrg".into()];
        let pattern = regex::Regex::new(&format!("^(?:{})$", pods_pattern(&subject))).unwrap();
        assert!(pattern.is_match("a-very-long-na6rjrg"));
    }
}
