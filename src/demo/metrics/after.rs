//! The series after a cure: those of the sick pods end, those of well ones go on from there.

use super::Series;
use crate::demo::cures::Cure;

/// How far ahead the new series are written; nobody sees more of them than has happened.
const AHEAD_MS: i64 = 6 * 3600 * 1000;

/// Between two samples: the recordings were scraped every ten seconds.
const STEP_MS: i64 = 10_000;

/// Memory of a well pod, in bytes: a quarter of its limit, where one is known.
const MEMORY_SHARE: f64 = 0.25;

/// All series as they are after a cure.
pub(super) fn cured<'a>(series: impl Iterator<Item = &'a Series>, cure: &Cure) -> Vec<Series> {
    let at = cure.at.timestamp_millis();
    let mut after = Vec::new();
    for one in series {
        if !cure.is_about(|label| one.labels.get(label).cloned()) {
            after.push(one.clone());
            continue;
        }
        let ended = until(one, at);
        // The workload's own series and its pods' live on, as those of well ones.
        let name = one.labels.get("__name__").map(String::as_str).unwrap_or_default();
        match well(name, one, cure).filter(|_| !is_over(&ended, at)) {
            Some(value) => after.push(gone_on(ended, at, value)),
            None => after.push(ended),
        }
    }
    after
}

/// Whether a series had ended long before.
fn is_over(series: &Series, at: i64) -> bool {
    // A series that stopped more than an hour ago belongs to a pod of another time; younger ones are the recording's end.
    series.values.last().is_some_and(|value| value.is_nan())
        || series.times.last().is_none_or(|last| *last < at - 3_600_000)
}

/// What a series shows of a well workload; `None` where it has nothing to show any more.
fn well(name: &str, series: &Series, cure: &Cure) -> Option<f64> {
    let last = series.values.iter().rev().find(|value| !value.is_nan()).copied();
    match name {
        "ALERTS"
        | "ALERTS_FOR_STATE"
        | "kube_pod_container_status_waiting_reason"
        | "kube_pod_container_status_last_terminated_reason" => None,
        "kube_pod_container_status_ready" | "kube_pod_info" => Some(1.0),
        "kube_pod_status_phase" => {
            Some(f64::from(u8::from(series.labels.get("phase").map(String::as_str) == Some("Running"))))
        }
        "kube_deployment_status_replicas_available" | "kube_deployment_spec_replicas" => {
            last.map(|value| value.max(1.0))
        }
        "container_memory_working_set_bytes" | "container_memory_rss" => {
            limit(series, cure).map(|limit| limit * MEMORY_SHARE).or(last)
        }
        "kube_pod_container_resource_limits" if series.labels.get("resource").map(String::as_str) == Some("memory") => {
            limit(series, cure).or(last)
        }
        _ => last,
    }
}

/// The memory limit of the series' container in the new template, in bytes.
fn limit(series: &Series, cure: &Cure) -> Option<f64> {
    let container = series.labels.get("container")?;
    let containers = cure.template["spec"]["containers"].as_array()?;
    let found = containers.iter().find(|one| one["name"] == **container)?;
    crate::demo::kubernetes::quantity(&found["resources"]["limits"]["memory"])
}

fn until(series: &Series, at: i64) -> Series {
    let keep = series.times.partition_point(|time| *time < at);
    Series {
        labels: series.labels.clone(),
        times: series.times[..keep].to_vec(),
        values: series.values[..keep].to_vec(),
    }
}

fn gone_on(mut series: Series, at: i64, value: f64) -> Series {
    let times: Vec<i64> = (0..AHEAD_MS / STEP_MS).map(|step| at + step * STEP_MS).collect();
    series.values.extend(times.iter().map(|_| value));
    series.times.extend(times);
    series
}
