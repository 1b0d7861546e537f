//! The runbooks that come with the bot: without lint problems, and each query run against a real VictoriaMetrics with
//! series as exporters write them, or against the demo's VictoriaLogs with lines as programs write them.

mod asked;

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use holmes_bot::adapters::knowledge::embedded;
use holmes_bot::adapters::logs::{Filter, LogSelector, Logs, LogsSettings};
use holmes_bot::adapters::metrics::{Metrics, MetricsSettings};
use holmes_bot::demo::{self, Timeline, World};
use holmes_bot::domain::query_variables::{Variable, Variables};
use holmes_bot::domain::runbook::{Limit, Runbook};
use holmes_bot::domain::subject::{Subject, SubjectKind};
use holmes_bot::domain::window::Window;

use crate::fakes;
use crate::neighbours::VictoriaMetrics;

const SERIES: &str = include_str!("series.prom");
const LINES: &str = include_str!("lines.txt");
/// How far back the series go, in minutes: the longest range that a query looks over, and then some.
const MINUTES: i64 = 40;

fn runbooks() -> Vec<Runbook> {
    embedded::read().0
}

/// A subject that knows everything that a template can ask for.
fn variables() -> Variables {
    let mut variables = Variables::of(&Subject::new(SubjectKind::Deployment, Some("shop".into()), "web".into()));
    for (variable, value) in [
        (Variable::Pod, "web-7464b59bfd-6rjrg"),
        (Variable::Container, "app"),
        (Variable::Node, "node-1"),
        (Variable::Service, "web"),
        (Variable::Ingress, "web"),
        (Variable::Pvc, "data-db-0"),
        (Variable::Job, "nightly-29923129"),
    ] {
        variables.set(variable, value);
    }
    variables
}

#[test]
fn none_has_a_lint_problem() {
    let (runbooks, problems) = embedded::read();
    assert_eq!(problems, []);
    assert!(runbooks.len() >= 24, "{}", runbooks.len());
    for runbook in &runbooks {
        // The general workflow is what is left when nothing matches.
        let matches = !runbook.matcher.alerts.is_empty() || !runbook.matcher.reasons.is_empty();
        assert!(matches != (runbook.id == "general-workflow"), "{}: match", runbook.id);
        assert!(!runbook.actions.is_empty(), "{}: no action", runbook.id);
    }
}

/// The fixture's series as lines of Prometheus' text format, a sample a minute until `now`.
fn samples(now: DateTime<Utc>) -> String {
    let mut out = String::new();
    for line in SERIES.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let (series, values) = line.split_once("} ").unwrap_or_else(|| panic!("{line}"));
        let (first, growth) = values.split_once(" +").unwrap_or((values, "0"));
        let first = match first.strip_prefix("now+") {
            Some(seconds) => now.timestamp() as f64 + seconds.parse::<f64>().unwrap(),
            None => first.parse().unwrap(),
        };
        let growth: f64 = growth.parse().unwrap();
        for minute in 0..=MINUTES {
            let at = (now - TimeDelta::minutes(MINUTES - minute)).timestamp_millis();
            out += &format!("{series}}} {} {at}\n", first + growth * minute as f64);
        }
    }
    out
}

#[tokio::test]
async fn every_metrics_query_finds_what_exporters_write() {
    let server = VictoriaMetrics::start().await;
    let now = DateTime::from_timestamp(Utc::now().timestamp() / 60 * 60, 0).unwrap();
    server.import(samples(now)).await;
    let mut endpoint = fakes::settings(server.url());
    endpoint.client.total_timeout = Some(std::time::Duration::from_secs(20));
    let metrics = Metrics::new(MetricsSettings { endpoint, ..Default::default() }).unwrap();
    let variables = variables();
    let window = Window::new(now - TimeDelta::minutes(10), now);
    let mut silent = Vec::new();
    let mut asked = 0;
    for runbook in runbooks() {
        for metric in &runbook.metrics {
            let limit = match &metric.limit {
                Some(Limit::Query(limit)) => Some(limit),
                Some(Limit::Value(_)) | None => None,
            };
            for template in std::iter::once(&metric.query).chain(limit) {
                let query = template.fill(&variables).unwrap();
                let answer = metrics.query_range(&query, window, TimeDelta::seconds(60)).await;
                asked += 1;
                match answer {
                    Ok(found) if found.series.iter().any(|series| !series.points.is_empty()) => {}
                    Ok(_) => silent.push(format!("{}, {}: finds nothing: {query}", runbook.id, metric.title)),
                    Err(error) => silent.push(format!("{}, {}: {error}: {query}", runbook.id, metric.title)),
                }
            }
        }
    }
    assert!(silent.is_empty(), "{} of {asked} queries:\n{}", silent.len(), silent.join("\n"));
    assert!(asked > 80, "{asked}");
}

/// The fixture's lines by the runbook that is for them; `-` are those that are for none.
fn lines() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut lines: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in LINES.lines().filter(|line| !line.starts_with('#')) {
        let (id, text) = line.split_once('\t').unwrap_or_else(|| panic!("no tab: {line}"));
        lines.entry(id).or_default().push(text);
    }
    lines
}

#[tokio::test]
async fn every_logs_query_finds_its_lines_and_no_others() {
    let now = Utc::now();
    let recorded: String = lines()
        .into_values()
        .flatten()
        .enumerate()
        .map(|(at, text)| {
            let time = (now - TimeDelta::seconds(1 + at as i64)).to_rfc3339_opts(SecondsFormat::Nanos, true);
            let line = serde_json::json!({
                "_time": time, "_msg": text, "kubernetes.pod_namespace": "shop",
                "kubernetes.pod_name": "web-7464b59bfd-6rjrg", "kubernetes.container_name": "app",
            });
            format!("{line}\n")
        })
        .collect();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("logs.jsonl"), recorded).unwrap();
    let cluster = demo::start(World::load(directory.path()).unwrap(), Timeline::at_once()).await.unwrap();
    let endpoint = fakes::settings(&cluster.neighbours.logs_url);
    let logs = Logs::new(LogsSettings { endpoint, ..Default::default() }).unwrap();
    let window = Window::new(now - TimeDelta::hours(1), now + TimeDelta::hours(1));
    let variables = variables();
    let mut wrong = Vec::new();
    let lines = lines();
    for runbook in runbooks() {
        let mut found = Vec::new();
        for log in &runbook.logs {
            let filter = log.query.fill(&variables).unwrap();
            let mut selector = LogSelector::of(&variables).unwrap();
            selector.filters.push(Filter::LogsQl(filter));
            match logs.lines(&selector, window, 1000).await {
                Ok(batch) => found.extend(batch.lines.into_iter().map(|line| line.message)),
                Err(error) => wrong.push(format!("{}, {}: {error}", runbook.id, log.title)),
            }
        }
        let Some(meant) = lines.get(runbook.id.as_str()) else {
            wrong.push(format!("{}: no line to try it on", runbook.id));
            continue;
        };
        for line in meant.iter().filter(|line| !found.iter().any(|found| found == **line)) {
            wrong.push(format!("{}: does not find: {line}", runbook.id));
        }
        for line in lines["-"].iter().filter(|line| found.iter().any(|found| found == **line)) {
            wrong.push(format!("{}: finds: {line}", runbook.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
