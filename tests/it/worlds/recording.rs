//! A world in the making: what its neighbours know, told in minutes from the moment the alert began to fire, and written
//! in the files that a recording has.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, SecondsFormat, TimeDelta, TimeZone as _, Utc};
use holmes_bot::demo::{self, Rule, Timeline, World};
use serde_json::{Value, json};

/// When the recording ends, in minutes after the onset.
pub const NOW: f64 = 6.0;
/// When it begins: the baseline of the bot's window lies behind it.
pub const BEGIN: f64 = -40.0;
/// Stands in logs as a password; must never be shown.
pub const SECRET: &str = "hunter2-Kx93zQ";

/// What the collector of the logs calls its fields.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Collector {
    /// vlagent and Vector.
    Vlagent,
    /// Fluent Bit.
    FluentBit,
    /// Promtail and Alloy.
    Promtail,
    /// OpenTelemetry.
    Otel,
    /// There is none: the logs are only in the pods.
    None,
}

/// A world that is being recorded.
pub struct Recording {
    /// The namespace that its objects are put into.
    pub namespace: String,
    /// Who ships the logs.
    pub collector: Collector,
    objects: BTreeMap<String, Vec<Value>>,
    logs: Vec<(DateTime<Utc>, Value)>,
    pod_logs: BTreeMap<String, String>,
    series: Vec<Value>,
    alerts: Vec<(f64, Value)>,
    count: u64,
}

impl Recording {
    /// A world whose objects live in `namespace`, with nothing in it yet.
    pub fn new(namespace: &str) -> Self {
        let mut recording = Self {
            namespace: namespace.to_owned(),
            collector: Collector::Vlagent,
            objects: BTreeMap::new(),
            logs: Vec::new(),
            pod_logs: BTreeMap::new(),
            series: Vec::new(),
            alerts: Vec::new(),
            count: 0,
        };
        for name in [namespace, "kube-system"] {
            let mut meta = recording.meta(name, -200_000.0);
            meta.as_object_mut().unwrap().remove("namespace");
            recording.object("namespaces", json!({"metadata": meta, "spec": {}, "status": {"phase": "Active"}}));
        }
        recording
    }

    /// The cluster's own pods log, too.
    pub fn hum(&mut self) {
        let own = std::mem::replace(&mut self.namespace, "kube-system".to_owned());
        self.chatter("coredns-5d78c9869d-abcde", "coredns", (BEGIN, NOW), 120.0, |_| {
            "[INFO] plugin/reload: Running configuration".into()
        });
        self.namespace = own;
    }

    /// The moment so many minutes after the onset.
    pub fn time(minute: f64) -> DateTime<Utc> {
        let onset = Utc.with_ymd_and_hms(2026, 10, 5, 3, 20, 0).unwrap();
        onset + TimeDelta::milliseconds((minute * 60_000.0) as i64)
    }

    /// The same as the API writes it.
    pub fn at(minute: f64) -> String {
        Self::time(minute).to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// A number that no other thing of this world has.
    pub fn unique(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// Metadata of a new object of the world's namespace.
    pub fn meta(&mut self, name: &str, created: f64) -> Value {
        let number = self.unique();
        json!({
            "name": name,
            "namespace": self.namespace,
            // Not as the simulated API server's own, by which its controllers know what they made.
            "uid": format!("11111111-0000-4000-8000-{number:012}"),
            "resourceVersion": (1000 + number).to_string(),
            "creationTimestamp": Self::at(created),
        })
    }

    /// Adds an object to the list of `resource`.
    pub fn object(&mut self, resource: &str, object: Value) {
        self.objects.entry(resource.to_owned()).or_default().push(object);
    }

    /// An event about `Pod web-1`, seen `count` times from `first` to `last`.
    pub fn event(&mut self, object: &str, warning: bool, reason: &str, message: &str, count: u32, times: (f64, f64)) {
        let (kind, name) = object.split_once(' ').unwrap();
        let cluster_wide = kind == "Node";
        let number = self.unique();
        let mut meta = self.meta(&format!("{name}.{number:x}"), times.0);
        if cluster_wide {
            meta["namespace"] = json!("default");
        }
        let mut involved = json!({"kind": kind, "name": name, "uid": format!("u-{name}")});
        if !cluster_wide {
            involved["namespace"] = json!(self.namespace);
        }
        let event = json!({
            "metadata": meta,
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "source": {"component": "kubelet"},
            "firstTimestamp": Self::at(times.0),
            "lastTimestamp": Self::at(times.1),
            "count": count,
            "type": if warning { "Warning" } else { "Normal" },
            "eventTime": null,
        });
        self.object("events", event);
    }

    /// One line of a container; also the last line of its log in the API.
    pub fn log(&mut self, pod: &str, container: &str, minute: f64, text: &str) {
        let at = Self::time(minute);
        let stamp = at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let file = format!("{}.{pod}.log", self.namespace);
        let kept = self.pod_logs.entry(file).or_default();
        for line in text.lines() {
            kept.push_str(&format!("{stamp} {line}\n"));
        }
        let [namespace, pod_field, container_field] = match self.collector {
            Collector::Vlagent => ["kubernetes.pod_namespace", "kubernetes.pod_name", "kubernetes.container_name"],
            Collector::FluentBit => ["kubernetes_namespace_name", "kubernetes_pod_name", "kubernetes_container_name"],
            Collector::Promtail => ["namespace", "pod", "container"],
            Collector::Otel => ["k8s.namespace.name", "k8s.pod.name", "k8s.container.name"],
            Collector::None => return,
        };
        for (index, line) in text.lines().enumerate() {
            let at = at + TimeDelta::microseconds(index as i64);
            let mut fields = json!({
                "_msg": line,
                "_time": at.to_rfc3339_opts(SecondsFormat::Nanos, true),
                "_stream": format!(
                    "{{{container_field}=\"{container}\",{namespace}=\"{}\",{pod_field}=\"{pod}\"}}",
                    self.namespace
                ),
                "_stream_id": format!("{:032x}", pod.len()),
            });
            fields[namespace] = json!(self.namespace);
            fields[pod_field] = json!(pod);
            fields[container_field] = json!(container);
            self.logs.push((at, fields));
        }
    }

    /// A line every `seconds` from one minute to another; `line` gets its number.
    pub fn chatter(
        &mut self,
        pod: &str,
        container: &str,
        (from, to): (f64, f64),
        seconds: f64,
        line: impl Fn(u64) -> String,
    ) {
        let mut minute = from.max(BEGIN);
        let mut number = 1;
        while minute < to {
            self.log(pod, container, minute, &line(number));
            number += 1;
            minute += seconds / 60.0;
        }
    }

    /// What the container before the present one wrote; only the API keeps it.
    pub fn previous_log(&mut self, pod: &str, minute: f64, text: &str) {
        let stamp = Self::time(minute).to_rfc3339_opts(SecondsFormat::Millis, true);
        let lines: String = text.lines().map(|line| format!("{stamp} {line}\n")).collect();
        self.pod_logs.insert(format!("{}.{pod}.previous.log", self.namespace), lines);
    }

    /// A series sampled every half minute; `value` gets the minute, and `None` leaves a gap.
    pub fn series(&mut self, labels: &[(&str, &str)], value: impl Fn(f64) -> Option<f64>) {
        let metric: BTreeMap<&str, &str> = labels.iter().copied().collect();
        let steps = ((NOW - BEGIN) * 2.0) as i32;
        let samples: Vec<(i64, f64)> = (0..=steps)
            .filter_map(|step| {
                let minute = BEGIN + f64::from(step) / 2.0;
                Some((Self::time(minute).timestamp_millis(), value(minute)?))
            })
            .collect();
        let (times, values): (Vec<i64>, Vec<f64>) = samples.into_iter().unzip();
        self.series.push(json!({"metric": metric, "values": values, "timestamps": times}));
    }

    /// An alert that fires since `minute`; labels and annotations as the rule gives them.
    pub fn alert_since(&mut self, minute: f64, name: &str, labels: &[(&str, &str)], text: &str) {
        let mut all: BTreeMap<&str, &str> = labels.iter().copied().collect();
        all.insert("alertname", name);
        all.entry("severity").or_insert("warning");
        let number = self.unique();
        let alert = json!({
            "status": "firing",
            "labels": all,
            "annotations": {"summary": text, "description": text},
            "startsAt": Self::at(minute),
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://vmalert:8880/vmalert/alert?group_id=1&alert_id=1",
            "fingerprint": format!("{number:016x}"),
        });
        self.alerts.push((minute, alert));
    }

    /// An alert that fires since the onset.
    pub fn alert(&mut self, name: &str, labels: &[(&str, &str)], text: &str) {
        self.alert_since(0.0, name, labels, text);
    }

    /// Makes the whole cluster ten minutes old when the trouble begins, as one that was set up for the purpose is: what
    /// was before is gone, and its pods' scheduling raised alerts that are over.
    pub fn make_young(&mut self) {
        let birth = Self::time(-10.0);
        for object in self.objects.values_mut().flatten() {
            rejuvenate(object, birth);
        }
        self.logs.retain(|(at, _)| *at >= birth);
        for series in &mut self.series {
            let old = series["timestamps"].as_array().unwrap().iter();
            let old = old.take_while(|at| at.as_i64().unwrap() < birth.timestamp_millis()).count();
            for name in ["timestamps", "values"] {
                series[name].as_array_mut().unwrap().drain(..old);
            }
        }
        self.series.retain(|series| !series["values"].as_array().unwrap().is_empty());
        for log in self.pod_logs.values_mut() {
            let stamp = birth.to_rfc3339_opts(SecondsFormat::Millis, true);
            *log = log.lines().filter(|line| line >= &stamp.as_str()).map(|line| format!("{line}\n")).collect();
        }
        let pods: Vec<String> = self
            .objects
            .get("pods")
            .into_iter()
            .flatten()
            .filter_map(|pod| {
                let born = pod["metadata"]["creationTimestamp"] == json!(Self::at(-10.0));
                (born && pod["status"]["phase"] == "Running")
                    .then(|| pod["metadata"]["name"].as_str().unwrap().to_owned())
            })
            .collect();
        let namespace = self.namespace.clone();
        for pod in pods {
            let labels = [("namespace", namespace.as_str()), ("pod", pod.as_str()), ("phase", "Pending")];
            self.alert_since(-9.8, "KubePodNotScheduled", &labels, "Pod is pending");
            let (_, over) = self.alerts.last_mut().unwrap();
            over["status"] = json!("resolved");
            over["endsAt"] = json!(Self::at(-9.0));
        }
    }

    /// Writes the files into `directory`.
    pub fn write(mut self, directory: &Path) {
        let cluster = directory.join("kubernetes");
        std::fs::create_dir_all(&cluster).unwrap();
        std::fs::create_dir_all(directory.join("pod-logs")).unwrap();
        for (resource, items) in &self.objects {
            let (version, kind) = list_kind(resource);
            let list =
                json!({"kind": kind, "apiVersion": version, "metadata": {"resourceVersion": "9999"}, "items": items});
            std::fs::write(cluster.join(format!("{resource}.json")), list.to_string()).unwrap();
        }
        self.logs.sort_by_key(|(at, _)| *at);
        let logs: String = self.logs.iter().map(|(_, line)| format!("{line}\n")).collect();
        std::fs::write(directory.join("logs.jsonl"), logs).unwrap();
        let series: String = self.series.iter().map(|series| format!("{series}\n")).collect();
        std::fs::write(directory.join("metrics.jsonl"), series).unwrap();
        for (name, text) in &self.pod_logs {
            std::fs::write(directory.join("pod-logs").join(name), text).unwrap();
        }
        self.alerts.sort_by(|a, b| a.0.total_cmp(&b.0));
        // What was over long ago was told twice: when it began and when it ended.
        let mut webhooks = String::new();
        for (minute, alert) in &self.alerts {
            if alert["status"] == "resolved" {
                let mut before = alert.clone();
                before["status"] = json!("firing");
                before["endsAt"] = json!("0001-01-01T00:00:00Z");
                webhooks.push_str(&webhook(*minute, &before));
            }
            webhooks.push_str(&webhook(*minute, alert));
        }
        std::fs::write(directory.join("webhooks.jsonl"), webhooks).unwrap();
    }
}

/// Sets every time before `birth` to `birth`.
fn rejuvenate(value: &mut Value, birth: DateTime<Utc>) {
    match value {
        Value::String(text) => {
            let early = DateTime::parse_from_rfc3339(text).is_ok_and(|at| at < birth);
            if early {
                *text = birth.to_rfc3339_opts(SecondsFormat::Secs, true);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rejuvenate(item, birth)),
        Value::Object(fields) => fields.values_mut().for_each(|field| rejuvenate(field, birth)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn webhook(minute: f64, alert: &Value) -> String {
    let minute = if minute < -5.0 { minute } else { NOW };
    let received = Recording::time(minute).timestamp_millis() as f64 / 1000.0;
    let body = json!({
        "version": "4",
        "receiver": "bot",
        "status": alert["status"],
        "alerts": [alert],
        "groupLabels": {"alertname": alert["labels"]["alertname"]},
        "commonLabels": alert["labels"],
        "commonAnnotations": alert["annotations"],
        "externalURL": "http://alertmanager:9093",
        "groupKey": format!("{{}}:{{alertname=\"{}\"}}", alert["labels"]["alertname"].as_str().unwrap()),
        "truncatedAlerts": 0,
    });
    let delivery = json!({"received_at": received, "path": "/webhook", "headers": {}, "body": body});
    format!("{delivery}\n")
}

/// The list's `apiVersion` and `kind`.
fn list_kind(resource: &str) -> (&'static str, &'static str) {
    match resource {
        "pods" => ("v1", "PodList"),
        "events" => ("v1", "EventList"),
        "services" => ("v1", "ServiceList"),
        "nodes" => ("v1", "NodeList"),
        "configmaps" => ("v1", "ConfigMapList"),
        "persistentvolumeclaims" => ("v1", "PersistentVolumeClaimList"),
        "resourcequotas" => ("v1", "ResourceQuotaList"),
        "namespaces" => ("v1", "NamespaceList"),
        "endpointslices" => ("discovery.k8s.io/v1", "EndpointSliceList"),
        "deployments" => ("apps/v1", "DeploymentList"),
        "replicasets" => ("apps/v1", "ReplicaSetList"),
        "statefulsets" => ("apps/v1", "StatefulSetList"),
        "daemonsets" => ("apps/v1", "DaemonSetList"),
        "controllerrevisions" => ("apps/v1", "ControllerRevisionList"),
        "jobs" => ("batch/v1", "JobList"),
        "cronjobs" => ("batch/v1", "CronJobList"),
        "horizontalpodautoscalers" => ("autoscaling/v2", "HorizontalPodAutoscalerList"),
        "ingresses" => ("networking.k8s.io/v1", "IngressList"),
        other => panic!("no list of {other}"),
    }
}

/// The simulated server's controllers know by its uid what they made themselves, and bring only that to the present.
#[tokio::test]
async fn what_is_recorded_does_not_pass_for_what_was_made() {
    let mut recording = Recording::new("prod-7");
    let recorded = recording.meta("web", 0.0)["uid"].as_str().unwrap().to_owned();
    let directory = tempfile::tempdir().unwrap();
    recording.write(directory.path());
    let running = demo::start(World::load(directory.path()).unwrap(), Timeline::at_once()).await.unwrap();
    running.access.token("admin", "admin");
    running.access.grant("admin", vec![Rule::all()]);
    let url = format!("{}/api/v1/namespaces/prod-7/configmaps", running.neighbours.kubernetes_url);
    let request = crate::process::client().post(url).bearer_auth("admin").json(&json!({"metadata": {"name": "made"}}));
    let made: Value = request.send().await.unwrap().json().await.unwrap();
    assert_ne!(made["metadata"]["uid"].as_str().unwrap()[..24], recorded[..24]);
}
