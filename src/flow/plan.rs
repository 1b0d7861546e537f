//! What to ask for an incident: the runbooks that fit say it, with the variables that the subject gives. Pure.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::domain::alert::Alert;
use crate::domain::evidence::{Evidence, EvidenceData};
use crate::domain::incident::{Incident, title};
use crate::domain::query_variables::{Variable, Variables};
use crate::domain::runbook::{Limit, MetricQuery, Query, Runbook, Template};
use crate::domain::subject::Subject;
use crate::domain::window::Window;

/// Metric queries of one round of questions: as many charts as a person looks at.
const MAX_METRIC_QUERIES: usize = 8;
/// Log queries of one round of questions; each is asked for two ranges.
const MAX_LOG_QUERIES: usize = 3;

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

/// When the present trouble began: the first of the alerts that gave the incident its name, of those that fire if any does.
/// Others may have fired long before, and say little about when *this* began.
fn last_onset(incident: &Incident) -> DateTime<Utc> {
    let telling = |alert: &&Alert| incident.title == title(alert.name(), &incident.subject);
    let first =
        |alerts: &dyn Fn(&&Alert) -> bool| incident.alerts.iter().filter(alerts).map(|alert| alert.starts_at).min();
    first(&|alert| telling(alert) && alert.is_firing())
        .or_else(|| first(&telling))
        .or_else(|| first(&|alert| alert.is_firing()))
        .unwrap_or(incident.started_at)
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
    let mut variables = Variables::of(subject);
    if subject.kind.owns_pods() && variables.get(Variable::Service).is_none() {
        // Most Services carry the name of what stands behind them.
        variables.set(Variable::Service, subject.name.clone());
    }
    variables
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
    let mut tasks: Vec<MetricTask> = Vec::new();
    for spec in runbooks.into_iter().flat_map(|runbook| &runbook.metrics) {
        let Some(query) = promql(&spec.query, variables) else { continue };
        if tasks.len() == MAX_METRIC_QUERIES || tasks.iter().any(|task| task.query == query) {
            continue;
        }
        let limit = match &spec.limit {
            Some(Limit::Value(value)) => Some(LimitTask::Value(*value)),
            Some(Limit::Query(limit)) => promql(limit, variables).map(LimitTask::Query),
            // A threshold is no limit: it is drawn, and nothing is measured by it.
            None => None,
        };
        tasks.push(MetricTask { slot: format!("metrics:{query}"), spec: spec.clone(), query, limit });
    }
    tasks
}

/// The query with the subject's values in it; `None` when the subject lacks one.
fn promql(template: &Template, variables: &Variables) -> Option<String> {
    template.fill(variables).ok()
}

/// A log query with the subject's values in it.
#[derive(Debug, Clone)]
pub struct LogTask {
    /// Names it across runs.
    pub slot: String,
    /// What the lines are about.
    pub title: String,
    /// A LogsQL filter.
    pub filter: String,
}

/// The log queries of `runbooks` that the subject can fill, each once, in order of the runbooks' rank.
pub fn log_tasks<'a>(runbooks: impl IntoIterator<Item = &'a Runbook>, variables: &Variables) -> Vec<LogTask> {
    let mut tasks: Vec<LogTask> = Vec::new();
    for spec in runbooks.into_iter().flat_map(|runbook| &runbook.logs) {
        let Ok(filter) = spec.query.fill(variables) else { continue };
        if tasks.len() < MAX_LOG_QUERIES && tasks.iter().all(|task| task.filter != filter) {
            tasks.push(LogTask { slot: format!("logs:{filter}"), title: spec.title.clone(), filter });
        }
    }
    tasks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::{AlertStatus, Labels};
    use crate::domain::incident::Changed;
    use chrono::TimeDelta;

    #[test]
    fn the_onset_is_that_of_what_fires_and_not_of_what_is_long_over() {
        let at = |minute: i64| DateTime::UNIX_EPOCH + TimeDelta::minutes(minute);
        let alert = |pod: &str, starts: i64, ends: Option<i64>| Alert {
            fingerprint: pod.to_owned(),
            status: if ends.is_some() { AlertStatus::Resolved } else { AlertStatus::Firing },
            labels: Labels::from([
                ("alertname".into(), "KubePodCrashLooping".into()),
                ("namespace".into(), "shop".into()),
                ("deployment".into(), "web".into()),
                ("pod".into(), pod.into()),
            ]),
            annotations: Labels::new(),
            starts_at: at(starts),
            ends_at: ends.map(at),
            generator_url: String::new(),
        };
        let subject = Subject::of(&alert("a", 0, None));
        let mut incident = Incident::open("k".into(), subject.clone(), &alert("a", 0, None), at(1));
        for (alert, minute, onset) in [
            (alert("a", 0, None), 1, 0),
            (alert("a", 0, Some(20)), 21, 0),
            (alert("b", 600, None), 601, 600),
            (alert("c", 602, None), 603, 600),
        ] {
            let mut changed = Changed::default();
            incident.take(&alert, &subject, at(minute), &mut changed);
            incident.settle(at(minute), &mut changed);
            assert_eq!(Ranges::of(&incident, at(minute + 1)).onset, at(onset), "{}", alert.fingerprint);
        }
    }
}
