//! Logs of pods: from the recorded ones, or else from what the log store has of the pod.

use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::resources::{Resource, Target};
use super::status::{Cause, Refusal};
use super::{Cluster, object};
use crate::demo::http::{Asked, reply};
use crate::demo::shift::parse;
use crate::demo::world::PodLog;

/// What a recorded log begins with when the server refused it.
const REFUSED: &str = "Error from server (";

/// The arguments of a log request.
struct Options {
    previous: bool,
    timestamps: bool,
    tail: Option<usize>,
    limit_bytes: Option<usize>,
    since: Option<DateTime<Utc>>,
}

/// `…/pods/{name}/log`
pub(super) fn log(cluster: &Cluster, asked: &Asked, target: &Target, name: &str) -> Result<Response, Refusal> {
    let namespace = target.namespace.clone().unwrap_or_default();
    let options = Options::read(cluster, asked, name)?;
    let resource = cluster.store.resource("", "v1", "pods").ok_or(Refusal::UnknownPath)?;
    let key = PodLog { namespace: namespace.clone(), pod: name.to_owned(), previous: options.previous };
    let recorded = cluster.server.pod_logs.get(&key).map(String::as_str);
    let pod = match object(cluster, target, resource, name) {
        Ok(pod) => pod,
        // The log of a pod whose object was not recorded is still a log.
        Err(_)
            if recorded.is_some()
                && !cluster
                    .store
                    .resources()
                    .any(|known| cluster.store.visible(known, None, &cluster.server.clock).next().is_some()) =>
        {
            Value::Null
        }
        Err(refusal) => return Err(refusal),
    };
    let container = container(&pod, name, asked.params.get("container"))?;
    if let Some(refused) = recorded.filter(|text| text.starts_with(REFUSED)) {
        return Err(recorded_refusal(refused, resource, name));
    }
    let single = pod["spec"]["containers"].as_array().is_none_or(|containers| containers.len() <= 1);
    let limit = cluster.server.clock.visible_until();
    let from_file: Vec<(Option<DateTime<Utc>>, String)> =
        recorded.filter(|_| single).map(|text| stamped(text, limit)).unwrap_or_default();
    let lines = if from_file.is_empty() {
        from_store(cluster, &namespace, name, &container, &pod, options.previous)
    } else {
        from_file
    };
    if lines.is_empty() {
        return nothing(&pod, name, &container, options.previous);
    }
    Ok(reply(StatusCode::OK, "text/plain", options.render(&lines)))
}

impl Options {
    fn read(cluster: &Cluster, asked: &Asked, pod: &str) -> Result<Self, Refusal> {
        let params = &asked.params;
        let count = |name: &'static str| {
            let Some(text) = params.get(name) else { return Ok(None) };
            let number: i64 = text
                .parse()
                .map_err(|_| Refusal::BadRequest(format!("strconv.ParseInt: parsing {text:?}: invalid syntax")))?;
            let least = if name == "tailLines" { 0 } else { 1 };
            if number < least {
                let bound = if least == 0 { "or equal to 0" } else { "0" };
                let cause = Cause::invalid(name, &number.into(), &format!("must be greater than {bound}"));
                return Err(Refusal::invalid("", "PodLogOptions", pod, &[cause]));
            }
            Ok(Some(number))
        };
        let since_seconds =
            count("sinceSeconds")?.map(|seconds| cluster.server.clock.now() - chrono::TimeDelta::seconds(seconds));
        let bad_time = |text: &str| {
            Refusal::BadRequest(format!(
                "parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {text:?} as \"2006\""
            ))
        };
        let since_time = params
            .get("sinceTime")
            .map(|text| DateTime::parse_from_rfc3339(text).map_err(|_| bad_time(text)))
            .transpose()?;
        Ok(Self {
            previous: params.flag("previous"),
            timestamps: params.flag("timestamps"),
            tail: count("tailLines")?.map(|lines| lines as usize),
            limit_bytes: count("limitBytes")?.map(|bytes| bytes as usize),
            since: since_seconds.or(since_time.map(|time| time.to_utc())),
        })
    }

    /// The lines that are asked for, cut in mid-line where the limit falls.
    fn render(&self, lines: &[(Option<DateTime<Utc>>, String)]) -> Vec<u8> {
        let recent: Vec<&String> = lines
            .iter()
            .filter(|(at, _)| self.since.is_none_or(|since| at.is_none_or(|at| at >= since)))
            .map(|(_, line)| line)
            .collect();
        let skipped = self.tail.map_or(0, |tail| recent.len().saturating_sub(tail));
        let mut text = String::new();
        for line in &recent[skipped..] {
            let shown = match line.split_once(' ') {
                Some((stamp, rest)) if !self.timestamps && parse(stamp).is_some() => rest,
                _ => line,
            };
            text.push_str(shown);
            text.push('\n');
        }
        let mut bytes = text.into_bytes();
        bytes.truncate(self.limit_bytes.unwrap_or(usize::MAX));
        bytes
    }
}

/// The lines of a recorded log until now. A line without a timestamp belongs to the one before it.
fn stamped(text: &str, limit: DateTime<Utc>) -> Vec<(Option<DateTime<Utc>>, String)> {
    let mut last = None;
    let lines = text.lines().map(|line| {
        last = line.split(' ').next().and_then(parse).or(last);
        (last, line.to_owned())
    });
    lines.filter(|(at, _)| at.is_none_or(|at| at <= limit)).collect()
}

/// What the log store has of this pod. Before its newest start lies the previous container's log.
fn from_store(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    container: &str,
    pod: &Value,
    previous: bool,
) -> Vec<(Option<DateTime<Utc>>, String)> {
    let limit = cluster.server.clock.visible_until();
    let started = started(pod, container).filter(|_| restarts(pod, container) > 0);
    if previous && started.is_none() {
        return Vec::new();
    }
    let field = |line: &crate::demo::world::LogLine, names: &[&str], wanted: &str| {
        names.iter().filter_map(|name| line.fields.get(*name)).any(|value| value == wanted)
    };
    let mut lines = Vec::new();
    for line in &cluster.server.lines {
        let at = DateTime::from_timestamp_nanos(line.nanos);
        let of_pod = field(line, &["kubernetes.pod_name", "pod", "pod_name"], name)
            && field(line, &["kubernetes.pod_namespace", "namespace", "pod_namespace"], namespace)
            && (container.is_empty()
                || field(line, &["kubernetes.container_name", "container", "container_name"], container));
        let in_time = at <= limit && started.is_none_or(|started| (at < started) == previous);
        if of_pod && in_time {
            let stamp = line.fields.get("_time").cloned().unwrap_or_default();
            lines.push((Some(at), format!("{stamp} {}", line.fields.get("_msg").map_or("", String::as_str))));
        }
    }
    lines
}

/// The container that is meant; it must be named when there are several.
fn container(pod: &Value, name: &str, asked: Option<&str>) -> Result<String, Refusal> {
    let all = ["containers", "initContainers", "ephemeralContainers"]
        .into_iter()
        .filter_map(|list| pod["spec"][list].as_array())
        .flatten();
    let names: Vec<&str> = all.filter_map(|container| container["name"].as_str()).collect();
    let regular = pod["spec"]["containers"].as_array().map_or(0, Vec::len);
    match asked {
        Some(asked) if names.is_empty() || names.contains(&asked) => Ok(asked.to_owned()),
        Some(asked) => Err(Refusal::BadRequest(format!("container {asked} is not valid for pod {name}"))),
        None if regular <= 1 => Ok(names.first().copied().unwrap_or_default().to_owned()),
        None => Err(Refusal::BadRequest(format!(
            "a container name must be specified for pod {name}, choose one of: [{}]",
            names[..regular].join(" ")
        ))),
    }
}

fn container_status<'a>(pod: &'a Value, container: &str) -> Option<&'a Value> {
    pod["status"]["containerStatuses"].as_array()?.iter().find(|status| status["name"] == container)
}

fn restarts(pod: &Value, container: &str) -> u64 {
    container_status(pod, container).and_then(|status| status["restartCount"].as_u64()).unwrap_or(0)
}

/// When the present (or, while it waits, the last) container was started.
fn started(pod: &Value, container: &str) -> Option<DateTime<Utc>> {
    let status = container_status(pod, container)?;
    let states = [&status["state"]["running"], &status["state"]["terminated"], &status["lastState"]["terminated"]];
    states.into_iter().find_map(|state| parse(state["startedAt"].as_str()?))
}

/// What the server says when there is no log.
fn nothing(pod: &Value, name: &str, container: &str, previous: bool) -> Result<Response, Refusal> {
    if !pod.is_null() && pod["spec"]["nodeName"].as_str().is_none_or(str::is_empty) {
        return Ok(reply(StatusCode::NO_CONTENT, "text/plain", ""));
    }
    if previous {
        return Err(Refusal::BadRequest(format!(
            "previous terminated container {container:?} in pod {name:?} not found"
        )));
    }
    let waiting = container_status(pod, container).and_then(|status| status["state"]["waiting"]["reason"].as_str());
    match waiting {
        Some(reason) if restarts(pod, container) == 0 => {
            Err(Refusal::BadRequest(format!("container {container:?} in pod {name:?} is waiting to start: {reason}")))
        }
        _ => Ok(reply(StatusCode::OK, "text/plain", "")),
    }
}

/// `Error from server (BadRequest): …`, as kubectl prints a refusal.
fn recorded_refusal(text: &str, pods: &Resource, pod: &str) -> Refusal {
    let rest = text.trim_end().strip_prefix(REFUSED).unwrap_or_default();
    let (reason, message) = rest.split_once("): ").unwrap_or(("BadRequest", rest));
    match reason {
        "NotFound" => Refusal::not_found(pods, pod),
        "Forbidden" => Refusal::forbidden(message.to_owned(), "", "pods", Some(pod)),
        _ => Refusal::BadRequest(message.to_owned()),
    }
}
