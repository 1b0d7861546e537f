//! A recorded world: what its neighbours knew (metrics, logs, objects, pod logs) and the notifications it sent.
//!
//! Every file may be missing: the neighbour concerned then has nothing to say. A line that cannot be read is an error
//! that names its file and line, because a recording is made by hand and corrected by hand.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::cures::Truth;
use super::files::Files;
use super::shift::{parse, shift_json, shift_text};
use super::time::Span;

/// The labels of a series, `__name__` among them.
pub type Labels = BTreeMap<String, String>;

/// Everything that was recorded.
#[derive(Debug, Clone, Default)]
pub struct World {
    pub(super) series: Vec<Series>,
    pub(super) logs: Vec<LogLine>,
    pub(super) objects: Vec<ObjectList>,
    pub(super) pod_logs: BTreeMap<PodLog, String>,
    pub(super) notifications: Vec<Notification>,
    pub(super) truth: Truth,
}

/// One time series; a value that is not a number marks the moment at which the series ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub labels: Labels,
    /// Milliseconds, ascending.
    pub times: Vec<i64>,
    pub values: Vec<f64>,
}

/// One log line with all its fields, `_time` included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogLine {
    pub nanos: i64,
    pub fields: BTreeMap<String, String>,
}

/// One recorded list response, or the part of one that holds a kind.
#[derive(Debug, Clone)]
pub(super) struct ObjectList {
    pub api_version: String,
    pub kind: String,
    /// The resource as the file is named after it.
    pub resource: String,
    pub resource_version: Option<String>,
    pub items: Vec<Value>,
}

/// Which log of which pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PodLog {
    pub namespace: String,
    pub pod: String,
    pub previous: bool,
}

/// One delivery of Alertmanager.
#[derive(Debug, Clone)]
pub(super) struct Notification {
    pub received_at: DateTime<Utc>,
    pub body: Value,
}

impl World {
    /// The world that comes with the program: a shop with five incidents at once.
    pub fn built_in() -> Result<Self> {
        Self::read(&Files::BuiltIn)
    }

    /// A world recorded in a folder.
    pub fn load(directory: &Path) -> Result<Self> {
        anyhow::ensure!(directory.is_dir(), "{} is not a folder", directory.display());
        Self::read(&Files::Directory(directory.to_owned()))
            .with_context(|| format!("load the world in {}", directory.display()))
    }

    /// A world in which nothing was recorded.
    pub fn empty() -> Self {
        Self::default()
    }

    fn read(files: &Files) -> Result<Self> {
        let mut world = Self {
            series: merge(lines(files, "metrics.jsonl", read_series)?),
            logs: lines(files, "logs.jsonl", read_log)?,
            notifications: lines(files, "webhooks.jsonl", read_notification)?,
            ..Self::default()
        };
        if let Some(text) = files.text("cures.json")? {
            world.truth = Truth::read(&text).context("read cures.json")?;
        }
        world.logs.sort_by_key(|line| line.nanos);
        world.notifications.sort_by_key(|notification| notification.received_at);
        for name in files.list("kubernetes")?.iter().filter(|name| name.ends_with(".json")) {
            let file = format!("kubernetes/{name}");
            let text = files.text(&file)?.unwrap_or_default();
            let resource = name.trim_end_matches(".json").split('-').next().unwrap_or_default();
            world.objects.extend(read_objects(resource, &text).with_context(|| format!("read {file}"))?);
        }
        for name in files.list("pod-logs")? {
            let Some(log) = pod_log_of(&name) else { continue };
            world.pod_logs.insert(log, files.text(&format!("pod-logs/{name}"))?.unwrap_or_default());
        }
        Ok(world)
    }

    /// The recorded times that matter for playing. Without notifications all of it has already happened.
    pub(super) fn span(&self) -> Span {
        let samples = self
            .series
            .iter()
            .filter_map(|series| series.times.last())
            .filter_map(|ms| DateTime::from_timestamp_millis(*ms));
        let lines = self.logs.last().map(|line| DateTime::from_timestamp_nanos(line.nanos));
        let objects = self.objects.iter().flat_map(|list| &list.items).filter_map(newest_of);
        let newest = samples.chain(lines).chain(objects).max();
        let first = self.notifications.first().map(|notification| notification.received_at);
        let last = self.notifications.last().map(|notification| notification.received_at);
        let fallback = newest.unwrap_or_else(Utc::now);
        let last = last.unwrap_or(fallback);
        Span { first: first.unwrap_or(fallback), last, newest: newest.unwrap_or(last) }
    }

    /// Moves everything that was recorded, the times of delivery excepted, by whole seconds.
    pub(super) fn shifted(mut self, by: TimeDelta) -> Self {
        for series in &mut self.series {
            shift_series(series, by);
        }
        for line in &mut self.logs {
            line.nanos += by.num_seconds() * 1_000_000_000;
            if let Some(time) = line.fields.get_mut("_time") {
                *time = shift_text(time, by).unwrap_or_else(|| time.clone());
            }
        }
        for item in self.objects.iter_mut().flat_map(|list| &mut list.items) {
            shift_json(item, by);
        }
        for text in self.pod_logs.values_mut() {
            *text = text.split_inclusive('\n').map(|line| shift_prefix(line, by)).collect();
        }
        for notification in &mut self.notifications {
            shift_json(&mut notification.body, by);
        }
        self
    }
}

/// Reads a file of JSON lines; the error names the file and the line.
fn lines<T>(files: &Files, name: &str, read: fn(&str) -> Result<T>) -> Result<Vec<T>> {
    let text = files.text(name)?.unwrap_or_default();
    let numbered = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    numbered.map(|(index, line)| read(line).with_context(|| format!("{name}, line {}", index + 1))).collect()
}

fn read_series(line: &str) -> Result<Series> {
    #[derive(Deserialize)]
    struct Exported {
        metric: Labels,
        values: Vec<Value>,
        timestamps: Vec<i64>,
    }
    let Exported { metric, values, timestamps } = serde_json::from_str(line)?;
    anyhow::ensure!(values.len() == timestamps.len(), "{} values but {} timestamps", values.len(), timestamps.len());
    let mut samples = timestamps.into_iter().zip(values.iter().map(sample)).collect::<Vec<_>>();
    samples.sort_by_key(|(time, _)| *time);
    let (times, values) = samples.into_iter().unzip();
    Ok(Series { labels: metric, times, values })
}

fn sample(value: &Value) -> f64 {
    match value {
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        Value::String(text) => text.parse().unwrap_or(f64::NAN),
        _ => f64::NAN,
    }
}

/// An export writes a long series as several lines: puts them together again.
fn merge(lines: Vec<Series>) -> Vec<Series> {
    let mut by_labels: BTreeMap<Labels, Vec<(i64, f64)>> = BTreeMap::new();
    for Series { labels, times, values } in lines {
        by_labels.entry(labels).or_default().extend(times.into_iter().zip(values));
    }
    let sorted = by_labels.into_iter().map(|(labels, mut samples)| {
        samples.sort_by_key(|(time, _)| *time);
        let (times, values) = samples.into_iter().unzip();
        Series { labels, times, values }
    });
    sorted.collect()
}

fn read_log(line: &str) -> Result<LogLine> {
    let recorded: serde_json::Map<String, Value> = serde_json::from_str(line)?;
    let mut fields = BTreeMap::new();
    for (name, value) in recorded {
        flatten(name, value, &mut fields);
    }
    let time = fields.get("_time").context("no _time")?;
    let time = DateTime::parse_from_rfc3339(time).with_context(|| format!("_time {time:?} is not RFC 3339"))?;
    let nanos = time.timestamp_nanos_opt().context("_time is out of range")?;
    fields.entry("_stream".to_owned()).or_insert_with(|| "{}".to_owned());
    Ok(LogLine { nanos, fields })
}

/// The store keeps nested objects under dotted names, all values as text, and no empty values.
fn flatten(name: String, value: Value, into: &mut BTreeMap<String, String>) {
    let text = match value {
        Value::Object(map) => {
            map.into_iter().for_each(|(key, value)| flatten(format!("{name}.{key}"), value, into));
            return;
        }
        Value::Null => return,
        Value::String(text) => text,
        other => other.to_string(),
    };
    if !text.is_empty() {
        into.insert(name, text);
    }
}

fn read_notification(line: &str) -> Result<Notification> {
    #[derive(Deserialize)]
    struct Delivery {
        received_at: f64,
        body: Value,
    }
    let Delivery { received_at, body } = serde_json::from_str(line)?;
    let body = match body {
        Value::String(text) => serde_json::from_str(&text).context("the body is not JSON")?,
        parsed => parsed,
    };
    let received_at = DateTime::from_timestamp_millis((received_at * 1000.0).round() as i64)
        .context("received_at is out of range")?;
    Ok(Notification { received_at, body })
}

/// Reads a list response. A plain `List` (as `kubectl get -o json` writes) is split by the kind of its items.
fn read_objects(resource: &str, text: &str) -> Result<Vec<ObjectList>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Listed {
        kind: String,
        api_version: String,
        #[serde(default)]
        metadata: Value,
        #[serde(default)]
        items: Vec<Value>,
    }
    let listed: Listed = serde_json::from_str(text)?;
    let kind = listed.kind.strip_suffix("List").context("its kind does not end in List")?.to_owned();
    let resource_version = listed.metadata["resourceVersion"].as_str().map(str::to_owned);
    let mut lists: BTreeMap<(String, String), Vec<Value>> = BTreeMap::new();
    if !kind.is_empty() {
        lists.insert((listed.api_version.clone(), kind.clone()), Vec::new());
    }
    for mut item in listed.items {
        let map = item.as_object_mut().context("an item is not an object")?;
        let own = |value: Option<Value>| value.as_ref().and_then(Value::as_str).map(str::to_owned);
        // Items of a typed list carry neither; in a response they never do.
        let item_kind = own(map.remove("kind")).unwrap_or_else(|| kind.clone());
        let item_version = own(map.remove("apiVersion")).unwrap_or_else(|| listed.api_version.clone());
        lists.entry((item_version, item_kind)).or_default().push(item);
    }
    let lists = lists.into_iter().map(|((api_version, kind), items)| ObjectList {
        api_version,
        kind,
        resource: resource.to_owned(),
        resource_version: resource_version.clone(),
        items,
    });
    Ok(lists.collect())
}

/// `{namespace}.{pod}.log` or `{namespace}.{pod}.previous.log`; a namespace has no dots, a pod may.
fn pod_log_of(file: &str) -> Option<PodLog> {
    let (namespace, rest) = file.strip_suffix(".log")?.split_once('.')?;
    let (pod, previous) = rest.strip_suffix(".previous").map_or((rest, false), |pod| (pod, true));
    Some(PodLog { namespace: namespace.to_owned(), pod: pod.to_owned(), previous })
}

/// When an object was created, or an event last seen.
fn newest_of(item: &Value) -> Option<DateTime<Utc>> {
    let times = [&item["metadata"]["creationTimestamp"], &item["lastTimestamp"], &item["eventTime"]];
    times.into_iter().filter_map(|time| parse(time.as_str()?)).max()
}

/// Moves the samples; values that are themselves moments are moved with them.
fn shift_series(series: &mut Series, by: TimeDelta) {
    let moment = series.labels.get("__name__").is_some_and(|name| holds_moments(name));
    for (time, value) in series.times.iter_mut().zip(&mut series.values) {
        let recorded = *time as f64 / 1000.0;
        *time += by.num_milliseconds();
        // A moment of this recording, and not some other number under a similar name.
        if moment && (*value - recorded).abs() < 10.0 * 365.0 * 86_400.0 {
            *value += by.num_seconds() as f64;
        }
    }
}

fn holds_moments(name: &str) -> bool {
    const SUFFIXES: [&str; 7] = [
        "_timestamp_seconds",
        "_time_seconds",
        "_created",
        "_start_time",
        "_completion_time",
        "_schedule_time",
        "_last_seen",
    ];
    name == "ALERTS_FOR_STATE" || SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

/// Moves the timestamp that a log line starts with.
fn shift_prefix(line: &str, by: TimeDelta) -> String {
    match line.split_once(' ') {
        Some((prefix, rest)) => {
            shift_text(prefix, by).map_or_else(|| line.to_owned(), |moved| format!("{moved} {rest}"))
        }
        None => shift_text(line.trim_end(), by).map_or_else(|| line.to_owned(), |moved| format!("{moved} \n")),
    }
}

#[cfg(test)]
#[path = "world_tests.rs"]
mod tests;
