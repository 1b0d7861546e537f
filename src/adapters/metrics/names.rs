//! Names for lines of a chart: what tells one series from the others, and nothing more.

use std::collections::HashSet;

use super::Series;
use crate::domain::text;

/// Labels whose value is a name that stands for itself, most telling first.
const SELF_EXPLAINING: [&str; 22] = [
    "pod",
    "container",
    "node",
    "persistentvolumeclaim",
    "deployment",
    "statefulset",
    "daemonset",
    "cronjob",
    "job_name",
    "horizontalpodautoscaler",
    "workload",
    "service",
    "ingress",
    "host",
    "instance",
    "device",
    "mountpoint",
    "namespace",
    "reason",
    "phase",
    "condition",
    "job",
];
/// Labels that never help a person to tell two series apart when others do.
const NOISE: [&str; 13] = [
    "__name__",
    "id",
    "uid",
    "name",
    "image",
    "image_id",
    "container_id",
    "endpoint",
    "metrics_path",
    "prometheus",
    "prometheus_replica",
    "replica",
    "pod_ip",
];
/// Longest name.
const MAX_NAME_BYTES: usize = 120;

/// A name for each series. `fallback` names a single series without labels.
pub(super) fn names(series: &[&Series], fallback: &str) -> Vec<String> {
    let mut chosen: Vec<&str> = Vec::new();
    let mut distinct = 1;
    for label in candidates(series) {
        let mut more = chosen.clone();
        more.push(label);
        let count = series.iter().map(|one| values(one, &more)).collect::<HashSet<_>>().len();
        if count > distinct {
            (chosen, distinct) = (more, count);
        }
    }
    if chosen.is_empty() {
        chosen.extend(SELF_EXPLAINING.iter().find(|label| series.iter().any(|one| one.labels.contains_key(**label))));
    }
    // Read from the general to the particular: `pod/container`, with what explains itself in front.
    chosen
        .sort_by_key(|label| SELF_EXPLAINING.iter().position(|known| known == label).unwrap_or(SELF_EXPLAINING.len()));
    let names: Vec<String> = series.iter().map(|one| name(one, &chosen, fallback)).collect();
    unique(names)
}

/// Labels that differ, most telling first.
fn candidates<'a>(series: &[&'a Series]) -> Vec<&'a str> {
    let all: HashSet<&str> = series.iter().flat_map(|one| one.labels.keys().map(String::as_str)).collect();
    let mut all: Vec<&str> = all
        .into_iter()
        .filter(|label| {
            let first = series.first().and_then(|one| one.labels.get(*label));
            series.iter().any(|one| one.labels.get(*label) != first)
        })
        .collect();
    all.sort_by_key(|label| {
        let known = SELF_EXPLAINING.iter().position(|known| known == label);
        (NOISE.contains(label), known.unwrap_or(SELF_EXPLAINING.len()), *label)
    });
    all
}

fn values<'a>(series: &'a Series, labels: &[&str]) -> Vec<Option<&'a str>> {
    labels.iter().map(|label| series.labels.get(*label).map(String::as_str)).collect()
}

fn name(series: &Series, labels: &[&str], fallback: &str) -> String {
    let parts: Vec<String> = labels
        .iter()
        .filter_map(|label| {
            let value = series.labels.get(*label).filter(|value| !value.is_empty())?;
            Some(if SELF_EXPLAINING.contains(label) { value.clone() } else { format!("{label}={value}") })
        })
        .collect();
    let name = if parts.is_empty() { fallback.to_owned() } else { parts.join("/") };
    text::line(&name, MAX_NAME_BYTES)
}

/// Numbers what is still the same, such as long names that were cut.
fn unique(names: Vec<String>) -> Vec<String> {
    let mut seen: HashSet<String> = HashSet::new();
    names
        .into_iter()
        .map(|name| {
            let mut unique = name.clone();
            let mut number = 2;
            while !seen.insert(unique.clone()) {
                unique = format!("{name} #{number}");
                number += 1;
            }
            unique
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(series: &[&[(&str, &str)]]) -> Vec<String> {
        let series: Vec<Series> = series
            .iter()
            .map(|labels| Series {
                labels: labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
                points: Vec::new(),
            })
            .collect();
        names(&series.iter().collect::<Vec<_>>(), "memory")
    }

    #[test]
    fn by_the_labels_that_differ() {
        assert_eq!(named(&[&[("pod", "a"), ("namespace", "x")], &[("pod", "b"), ("namespace", "x")]]), ["a", "b"]);
        assert_eq!(
            named(&[
                &[("pod", "a"), ("container", "app"), ("id", "/1")],
                &[("pod", "a"), ("container", "proxy"), ("id", "/2")],
                &[("pod", "b"), ("container", "app"), ("id", "/3")],
            ]),
            ["a/app", "a/proxy", "b/app"]
        );
        assert_eq!(named(&[&[("code", "200")], &[("code", "502")]]), ["code=200", "code=502"]);
        assert_eq!(named(&[&[("id", "/1")], &[("id", "/2")]]), ["id=/1", "id=/2"]);
        assert_eq!(named(&[&[("pod", "a")], &[]]), ["a", "memory"]);
    }

    #[test]
    fn one_series_and_twins() {
        assert_eq!(named(&[&[]]), ["memory"]);
        assert_eq!(named(&[&[("__name__", "up"), ("namespace", "x"), ("pod", "a")]]), ["a"]);
        assert_eq!(named(&[&[("pod", "a")], &[("pod", "a")]]), ["a", "a #2"]);
        assert!(named(&[]).is_empty());
    }
}
