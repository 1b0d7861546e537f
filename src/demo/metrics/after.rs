//! The series after a cure: those of the sick pods end, those of well ones go on from there.

use chrono::{DateTime, Utc};

use super::Series;
use crate::demo::cures::Cure;

/// How far ahead the new series are written; nobody sees more of them than has happened.
const AHEAD_MS: i64 = 6 * 3600 * 1000;

/// Between two samples: the recordings were scraped every ten seconds.
const STEP_MS: i64 = 10_000;

/// Memory of a well pod, in bytes: a quarter of its limit, where one is known.
const MEMORY_SHARE: f64 = 0.25;

/// All series as they are after a cure; `end` is the end of the recording.
pub(super) fn cured<'a>(series: impl Iterator<Item = &'a Series>, cure: &Cure, end: DateTime<Utc>) -> Vec<Series> {
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
        match well(name, one, cure).filter(|_| !is_over(&ended, end.timestamp_millis())) {
            Some(value) => after.push(gone_on(ended, at, value)),
            None => after.push(ended),
        }
    }
    after
}

/// Whether a series had ended long before the recording did: then it belongs to a pod of another time.
fn is_over(series: &Series, end: i64) -> bool {
    series.values.last().is_some_and(|value| value.is_nan())
        || series.times.last().is_none_or(|last| *last < end - 3_600_000)
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

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::*;
    use crate::demo::cures::Workload;

    #[test]
    fn a_series_goes_on_however_long_after_the_recording_its_workload_is_cured() {
        let end = DateTime::from_timestamp(1_795_383_600, 0).unwrap();
        let series = |pod: &str, last: DateTime<Utc>| {
            let labels = [("__name__", "kube_pod_container_status_ready"), ("namespace", "shop"), ("pod", pod)];
            let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Series { labels, times: vec![last.timestamp_millis()], values: vec![0.0] }
        };
        let recorded = [series("web-7464b59bfd-6rjrg", end), series("web-7464b59bfd-892tq", end - TimeDelta::hours(2))];
        for minutes in [1, 61, 300] {
            let cure = Cure {
                workload: Workload { kind: "Deployment".into(), namespace: "shop".into(), name: "web".into() },
                at: end + TimeDelta::minutes(minutes),
                template: json!({}),
            };
            let after = cured(recorded.iter(), &cure, end);
            let newest: Vec<f64> = after.iter().map(|one| *one.values.last().unwrap()).collect();
            assert_eq!(newest, [1.0, 0.0], "{minutes} minutes: the pod that was there is well, the other stays gone");
        }
    }
}
