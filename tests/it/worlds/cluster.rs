//! Kubernetes objects as the controllers and the kubelet would leave them behind.

use serde_json::{Value, json};

use super::recording::{BEGIN, NOW, Recording};

/// One revision of a workload's template.
#[derive(Clone)]
pub struct Revision {
    /// When it was rolled out, in minutes.
    pub at: f64,
    /// What its container has beside its name: `image`, `env`, `resources`, probes.
    pub container: Value,
}

/// A pod as it is when the recording ends.
#[derive(Clone)]
pub struct Pod {
    /// Which revision made it, from 0.
    pub revision: usize,
    /// When it was made.
    pub created: f64,
    /// Where it runs.
    pub node: Option<&'static str>,
    /// `Running`, `Pending`, `Failed`.
    pub phase: &'static str,
    /// Whether it passes its readiness probe.
    pub ready: bool,
    /// `state`, `lastState`, `restartCount` of its container; `None` where there is none yet.
    pub container: Option<Value>,
    /// Reason and message of the `PodScheduled` condition where that is false.
    pub unschedulable: Option<String>,
    /// The pod's own reason and message (`Evicted`, `NodeLost`).
    pub reason: Option<(&'static str, String)>,
}

impl Pod {
    /// A pod that runs and is ready.
    pub fn healthy(revision: usize, created: f64) -> Self {
        Self {
            revision,
            created,
            node: Some("worker-1"),
            phase: "Running",
            ready: true,
            container: Some(json!({"state": {"running": {"startedAt": Recording::at(created)}}, "restartCount": 0})),
            unschedulable: None,
            reason: None,
        }
    }

    /// A pod that runs but is not ready.
    pub fn unready(revision: usize, created: f64) -> Self {
        Self { ready: false, ..Self::healthy(revision, created) }
    }

    /// A container that ended with `code` again and again and waits for its next try.
    pub fn crashing(revision: usize, created: f64, restarts: u32, code: i32, reason: &str) -> Self {
        let ended = json!({"exitCode": code, "reason": reason, "startedAt": Recording::at(NOW - 2.2), "finishedAt": Recording::at(NOW - 2.0), "containerID": "containerd://c"});
        let waiting =
            json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 2m40s restarting failed container"}});
        let container = json!({"state": waiting, "lastState": {"terminated": ended}, "restartCount": restarts});
        Self { ready: false, container: Some(container), ..Self::healthy(revision, created) }
    }

    /// A container that was restarted and runs again.
    pub fn restarted(revision: usize, created: f64, restarts: u32, code: i32, reason: &str, ended: f64) -> Self {
        let terminated = json!({"exitCode": code, "reason": reason, "startedAt": Recording::at(created), "finishedAt": Recording::at(ended), "containerID": "containerd://c"});
        let container = json!({"state": {"running": {"startedAt": Recording::at(ended + 0.1)}}, "lastState": {"terminated": terminated}, "restartCount": restarts});
        Self { container: Some(container), ..Self::healthy(revision, created) }
    }

    /// A container that waits.
    pub fn waiting(revision: usize, created: f64, reason: &str, message: &str) -> Self {
        let state = json!({"waiting": {"reason": reason, "message": message}});
        Self {
            ready: false,
            phase: "Pending",
            container: Some(json!({"state": state, "restartCount": 0})),
            ..Self::healthy(revision, created)
        }
    }

    /// A pod that no node takes.
    pub fn pending(revision: usize, created: f64, message: &str) -> Self {
        Self {
            ready: false,
            phase: "Pending",
            node: None,
            container: None,
            unschedulable: Some(message.to_owned()),
            ..Self::healthy(revision, created)
        }
    }

    /// The same on another node.
    pub fn on(self, node: &'static str) -> Self {
        Self { node: Some(node), ..self }
    }
}

/// A Deployment, StatefulSet or DaemonSet with its pods.
#[derive(Clone)]
pub struct Workload {
    /// Kind.
    pub kind: &'static str,
    /// Name, of its container as well.
    pub name: String,
    /// Pods wanted.
    pub wanted: usize,
    /// Oldest first.
    pub revisions: Vec<Revision>,
    /// Its pods.
    pub pods: Vec<Pod>,
    /// Reason of a `Progressing=False` condition.
    pub stuck: bool,
    /// Message of a `ReplicaFailure` condition.
    pub refused: Option<String>,
    /// Further fields of the pod template's spec.
    pub spec: Value,
}

impl Workload {
    /// A Deployment of one revision, months old.
    pub fn deployment(name: &str, image: &str, pods: Vec<Pod>) -> Self {
        Self {
            kind: "Deployment",
            name: name.to_owned(),
            wanted: pods.len(),
            revisions: vec![Revision { at: -90_000.0, container: json!({"image": image}) }],
            pods,
            stuck: false,
            refused: None,
            spec: json!({}),
        }
    }

    /// The same as another kind.
    pub fn kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    /// The newest revision's container, changed.
    pub fn with(mut self, fields: Value) -> Self {
        merge(&mut self.revisions.last_mut().unwrap().container, fields);
        self
    }

    /// A further revision that differs from the last by `fields`.
    pub fn rolled_out(mut self, at: f64, fields: Value) -> Self {
        let mut container = self.revisions.last().unwrap().container.clone();
        merge(&mut container, fields);
        self.revisions.push(Revision { at, container });
        self
    }

    /// Wants another number of pods than there are.
    pub fn wanting(self, wanted: usize) -> Self {
        Self { wanted, ..self }
    }
}

fn merge(into: &mut Value, fields: Value) {
    for (name, value) in fields.as_object().unwrap() {
        into[name.as_str()] = value.clone();
    }
}

const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Generated letters, the same for the same seed, with a digit first so that it is a template hash.
fn letters(seed: &str, count: usize) -> String {
    let mut state = seed
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let mut out = String::from("7");
    while out.len() < count {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        out.push(ALPHABET[(state >> 33) as usize % ALPHABET.len()] as char);
    }
    out
}

impl Recording {
    /// Records a workload with its revisions, pods and usual metrics; the names of its pods come back.
    pub fn workload(&mut self, workload: &Workload) -> Vec<String> {
        let Workload { kind, name, wanted, revisions, pods, stuck, refused, spec } = workload;
        let labels = json!({"app.kubernetes.io/name": name});
        let hash = |index: usize| letters(&format!("{name}/{index}"), 9);
        let ready = pods.iter().filter(|pod| pod.ready).count();
        let template = |revision: &Revision| {
            let mut container = json!({"name": name});
            merge(&mut container, revision.container.clone());
            let mut pod_spec = json!({"containers": [container]});
            merge(&mut pod_spec, spec.clone());
            json!({"metadata": {"labels": labels}, "spec": pod_spec})
        };
        let newest = revisions.last().unwrap();
        let mut meta = self.meta(name, revisions[0].at);
        meta["labels"] = labels.clone();
        meta["annotations"] = json!({"deployment.kubernetes.io/revision": revisions.len().to_string()});
        meta["generation"] = json!(revisions.len());
        let uid = meta["uid"].clone();
        let owner = |of: &str, name: &str, uid: &Value| json!([{"apiVersion": "apps/v1", "kind": of, "name": name, "uid": uid, "controller": true, "blockOwnerDeletion": true}]);
        let current = pods.iter().filter(|pod| pod.revision + 1 == revisions.len()).count();
        let mut conditions = vec![json!({
            "type": "Available",
            "status": if ready * 4 >= wanted * 3 && (ready > 0 || *wanted == 0) { "True" } else { "False" },
            "reason": if ready * 4 >= wanted * 3 && ready > 0 { "MinimumReplicasAvailable" } else { "MinimumReplicasUnavailable" },
            "message": "Deployment does not have minimum availability.",
            "lastTransitionTime": Self::at(-4.0),
            "lastUpdateTime": Self::at(-4.0),
        })];
        conditions.push(json!({
            "type": "Progressing",
            "status": if *stuck { "False" } else { "True" },
            "reason": if *stuck { "ProgressDeadlineExceeded" } else { "NewReplicaSetAvailable" },
            "message": "ReplicaSet has timed out progressing.",
            "lastTransitionTime": Self::at(-1.0),
            "lastUpdateTime": Self::at(-1.0),
        }));
        if let Some(message) = refused {
            conditions.push(json!({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message, "lastTransitionTime": Self::at(-4.0)}));
        }
        let selector = json!({"matchLabels": labels});
        let resource = match *kind {
            "Deployment" => "deployments",
            "StatefulSet" => "statefulsets",
            "DaemonSet" => "daemonsets",
            other => panic!("no workload {other}"),
        };
        let object = match *kind {
            "Deployment" => json!({
                "metadata": meta,
                "spec": {"replicas": wanted, "selector": selector, "template": template(newest), "strategy": {"type": "RollingUpdate"}},
                "status": {"observedGeneration": revisions.len(), "replicas": pods.len(), "updatedReplicas": current, "readyReplicas": ready, "availableReplicas": ready, "unavailableReplicas": wanted.saturating_sub(ready), "conditions": conditions},
            }),
            "StatefulSet" => json!({
                "metadata": meta,
                "spec": {"replicas": wanted, "selector": selector, "serviceName": name, "template": template(newest), "updateStrategy": {"type": "RollingUpdate"}, "podManagementPolicy": "OrderedReady"},
                "status": {"observedGeneration": revisions.len(), "replicas": pods.len(), "currentReplicas": pods.len() - current, "updatedReplicas": current, "readyReplicas": ready, "availableReplicas": ready, "currentRevision": format!("{name}-{}", hash(0)), "updateRevision": format!("{name}-{}", hash(revisions.len() - 1))},
            }),
            _ => json!({
                "metadata": meta,
                "spec": {"selector": selector, "template": template(newest)},
                "status": {"observedGeneration": revisions.len(), "currentNumberScheduled": pods.len(), "desiredNumberScheduled": wanted, "numberAvailable": ready, "numberMisscheduled": 0, "numberReady": ready, "numberUnavailable": wanted.saturating_sub(ready), "updatedNumberScheduled": current},
            }),
        };
        self.object(resource, object);
        let mut set_uids = Vec::new();
        for (index, revision) in revisions.iter().enumerate() {
            let set = format!("{name}-{}", hash(index));
            let mut meta = self.meta(&set, revision.at);
            set_uids.push(meta["uid"].clone());
            meta["labels"] = json!({"app.kubernetes.io/name": name, "pod-template-hash": hash(index), "controller-revision-hash": hash(index)});
            meta["annotations"] = json!({"deployment.kubernetes.io/revision": (index + 1).to_string()});
            meta["ownerReferences"] = owner(kind, name, &uid);
            let count = pods.iter().filter(|pod| pod.revision == index).count();
            if *kind == "Deployment" {
                let mut template = template(revision);
                template["metadata"]["labels"]["pod-template-hash"] = json!(hash(index));
                self.object("replicasets", json!({"metadata": meta, "spec": {"replicas": count, "selector": selector, "template": template}, "status": {"replicas": count}}));
            } else {
                self.object("controllerrevisions", json!({"metadata": meta, "data": {"spec": {"template": template(revision)}}, "revision": index + 1}));
            }
        }
        let mut names = Vec::new();
        for (index, pod) in pods.iter().enumerate() {
            let set = format!("{name}-{}", hash(pod.revision));
            let pod_name = match *kind {
                "Deployment" => format!("{set}-{}", letters(&format!("{name}{index}"), 5)),
                "StatefulSet" => format!("{name}-{index}"),
                _ => format!("{name}-{}", letters(&format!("{name}{index}"), 5)),
            };
            let mut meta = self.meta(&pod_name, pod.created);
            meta["labels"] = json!({"app.kubernetes.io/name": name, "pod-template-hash": hash(pod.revision), "controller-revision-hash": set});
            meta["ownerReferences"] = match *kind {
                "Deployment" => owner("ReplicaSet", &set, &set_uids[pod.revision]),
                kind => owner(kind, name, &uid),
            };
            let template = template(&revisions[pod.revision]);
            self.pod(&meta, &template["spec"], pod);
            self.usual_metrics(&pod_name, name, pod, &revisions[pod.revision].container);
            let restarts = pod.container.as_ref().and_then(|status| status["restartCount"].as_u64()).unwrap_or(0);
            if restarts > 3 {
                let message = format!("Back-off restarting failed container {name} in pod {pod_name}");
                let since = (NOW - 2.0 * restarts as f64).max(pod.created);
                self.event(
                    &format!("Pod {pod_name}"),
                    true,
                    "BackOff",
                    &message,
                    restarts as u32 * 4,
                    (since, NOW - 1.0),
                );
            }
            names.push(pod_name);
        }
        self.replicas_metric(resource, name, *wanted, ready);
        names
    }

    /// The address of a pod, by its name.
    pub fn address_of(pod: &str) -> String {
        let sum = pod.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        format!("10.42.{}.{}", sum / 251 % 250, sum % 251 + 1)
    }

    /// A pod with the status that the kubelet and the scheduler give it.
    pub fn pod(&mut self, meta: &Value, spec: &Value, pod: &Pod) {
        let mut spec = spec.clone();
        if let Some(node) = pod.node {
            spec["nodeName"] = json!(node);
        }
        let name = spec["containers"][0]["name"].clone();
        let since = Self::at(if pod.ready { pod.created } else { (-4.0_f64).max(pod.created) });
        let condition = |kind: &str, holds: bool, reason: Option<(&str, &str)>| {
            let mut condition =
                json!({"type": kind, "status": if holds { "True" } else { "False" }, "lastTransitionTime": since});
            if let Some((reason, message)) = reason {
                condition["reason"] = json!(reason);
                condition["message"] = json!(message);
            }
            condition
        };
        let not_ready = (!pod.ready).then_some(("ContainersNotReady", "containers with unready status"));
        let conditions = match &pod.unschedulable {
            Some(message) => vec![condition("PodScheduled", false, Some(("Unschedulable", message)))],
            None => vec![
                condition("PodScheduled", true, None),
                condition("Initialized", true, None),
                condition("ContainersReady", pod.ready, not_ready),
                condition("Ready", pod.ready, not_ready),
            ],
        };
        let address = Self::address_of(meta["name"].as_str().unwrap());
        let mut status = json!({"phase": pod.phase, "conditions": conditions, "startTime": Self::at(pod.created), "podIP": address, "podIPs": [{"ip": address}], "hostIP": "192.0.2.11"});
        if let Some(container) = &pod.container {
            let mut container = container.clone();
            container["name"] = name;
            container["image"] = spec["containers"][0]["image"].clone();
            container["imageID"] = json!("");
            container["ready"] = json!(pod.ready);
            status["containerStatuses"] = json!([container]);
        }
        if let Some((reason, message)) = &pod.reason {
            status["reason"] = json!(reason);
            status["message"] = json!(message);
        }
        let pod = json!({"metadata": meta, "spec": spec, "status": status});
        self.object("pods", pod);
    }

    fn usual_metrics(&mut self, pod_name: &str, container: &str, pod: &Pod, template: &Value) {
        let namespace = self.namespace.clone();
        let of = |name: &'static str| {
            vec![("__name__", name), ("namespace", namespace.as_str()), ("pod", pod_name), ("container", container)]
        };
        let begin = pod.created.max(BEGIN);
        let ready = pod.ready;
        self.series(&of("kube_pod_container_status_ready"), |minute| {
            (minute >= begin).then_some(f64::from(u8::from(ready || minute < -4.0)))
        });
        let restarts = pod.container.as_ref().map_or(0.0, |status| status["restartCount"].as_f64().unwrap());
        self.series(&of("kube_pod_container_status_restarts_total"), |minute| {
            (minute >= begin).then_some(if minute < -4.0 { 0.0 } else { (restarts * (minute + 5.0) / 11.0).floor() })
        });
        if pod.node.is_some() {
            self.series(&of("container_cpu_usage_seconds_total"), |minute| {
                (minute >= begin).then_some((minute + 200.0) * 3.0)
            });
        }
        if let Some(limit) = template["resources"]["limits"]["memory"].as_str() {
            let bytes = limit.strip_suffix("Mi").unwrap().parse::<f64>().unwrap() * 1_048_576.0;
            let mut labels = of("kube_pod_container_resource_limits");
            labels.push(("resource", "memory"));
            self.series(&labels, |minute| (minute >= begin).then_some(bytes));
        }
    }

    fn replicas_metric(&mut self, resource: &str, name: &str, wanted: usize, ready: usize) {
        let namespace = self.namespace.clone();
        let (label, want, have) = match resource {
            "deployments" => {
                ("deployment", "kube_deployment_spec_replicas", "kube_deployment_status_replicas_available")
            }
            "statefulsets" => ("statefulset", "kube_statefulset_replicas", "kube_statefulset_status_replicas_ready"),
            _ => ("daemonset", "kube_daemonset_status_desired_number_scheduled", "kube_daemonset_status_number_ready"),
        };
        let of = |metric| vec![("__name__", metric), ("namespace", namespace.as_str()), (label, name)];
        self.series(&of(want), |_| Some(wanted as f64));
        self.series(&of(have), |minute| Some(if minute < -4.0 { wanted } else { ready } as f64));
    }

    /// Memory of a container over time, in MiB.
    pub fn memory(&mut self, pod: &str, container: &str, mebibytes: impl Fn(f64) -> Option<f64>) {
        let namespace = self.namespace.clone();
        let labels = [
            ("__name__", "container_memory_working_set_bytes"),
            ("namespace", namespace.as_str()),
            ("pod", pod),
            ("container", container),
        ];
        self.series(&labels, |minute| mebibytes(minute).map(|value| value * 1_048_576.0));
    }

    /// A Service with the pods behind it.
    pub fn service(&mut self, name: &str, port: u16, ready: &[&str], not_ready: &[&str]) {
        let mut meta = self.meta(name, -90_000.0);
        meta["labels"] = json!({"app.kubernetes.io/name": name});
        let last = self.unique() % 250;
        self.object("services", json!({
            "metadata": meta,
            "spec": {"ports": [{"name": "http", "protocol": "TCP", "port": port, "targetPort": port}], "selector": {"app.kubernetes.io/name": name}, "clusterIP": format!("10.96.3.{last}"), "clusterIPs": [format!("10.96.3.{last}")], "type": "ClusterIP"},
            "status": {"loadBalancer": {}},
        }));
        let mut meta = self.meta(&format!("{name}-{}", letters(name, 5)), -90_000.0);
        meta["labels"] = json!({"kubernetes.io/service-name": name, "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"});
        let namespace = self.namespace.clone();
        let endpoint = |(index, pod, ready): (usize, &str, bool)| {
            json!({
                "addresses": [format!("10.42.2.{}", index + 10)],
                "conditions": {"ready": ready, "serving": ready, "terminating": false},
                "targetRef": {"kind": "Pod", "namespace": namespace, "name": pod, "uid": "u"},
                "nodeName": "worker-1",
            })
        };
        let all = ready.iter().map(|pod| (*pod, true)).chain(not_ready.iter().map(|pod| (*pod, false)));
        let endpoints: Vec<Value> =
            all.enumerate().map(|(index, (pod, ready))| endpoint((index, pod, ready))).collect();
        self.object("endpointslices", json!({"metadata": meta, "addressType": "IPv4", "endpoints": endpoints, "ports": [{"name": "http", "protocol": "TCP", "port": port}]}));
    }

    /// A node; `conditions` are those that are not as they should be: type, status, reason, message.
    pub fn node(&mut self, name: &str, conditions: &[(&str, &str, &str, &str)], taints: &[(&str, &str)]) {
        let mut meta = self.meta(name, -200_000.0);
        meta.as_object_mut().unwrap().remove("namespace");
        meta["labels"] = json!({"kubernetes.io/hostname": name, "kubernetes.io/arch": "amd64"});
        let usual = [
            ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ];
        let all: Vec<Value> = usual
            .iter()
            .map(|usual| {
                let changed = conditions.iter().find(|changed| changed.0 == usual.0);
                let (kind, status, reason, message) = changed.unwrap_or(usual);
                let since = Self::at(if changed.is_some() { -4.0 } else { -200_000.0 });
                json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since, "lastHeartbeatTime": Self::at(NOW - 1.0)})
            })
            .collect();
        let taints: Vec<Value> = taints.iter().map(|(key, effect)| json!({"key": key, "effect": effect})).collect();
        let resources = json!({"cpu": "4", "memory": "16384Mi", "pods": "110", "ephemeral-storage": "100Gi"});
        self.object("nodes", json!({"metadata": meta, "spec": {"taints": taints}, "status": {"capacity": resources, "allocatable": resources, "conditions": all, "nodeInfo": {"kubeletVersion": "v1.34.1"}, "addresses": [{"type": "InternalIP", "address": format!("192.0.2.{}", name.len())}, {"type": "Hostname", "address": name}]}}));
    }

    /// A run of a CronJob (or a Job of its own where `owner` is `None`) with one pod a failed attempt.
    pub fn job(&mut self, name: &str, owner: Option<&str>, container: &Value, run: &Run) -> Vec<String> {
        let mut meta = self.meta(name, run.started);
        let uid = meta["uid"].clone();
        meta["labels"] = json!({"job-name": name, "batch.kubernetes.io/job-name": name});
        if let Some(owner) = owner {
            meta["ownerReferences"] = json!([{"apiVersion": "batch/v1", "kind": "CronJob", "name": owner, "uid": format!("u-{owner}"), "controller": true}]);
        }
        let ended = Self::at(run.started + 1.0);
        let mut status = json!({"startTime": Self::at(run.started)});
        match run.failure {
            Some((reason, message)) => {
                status["failed"] = json!(run.failed);
                status["conditions"] = json!([{"type": "Failed", "status": "True", "reason": reason, "message": message, "lastTransitionTime": ended, "lastProbeTime": ended}]);
            }
            None if run.active => {
                status["active"] = json!(1);
                status["failed"] = json!(run.failed);
            }
            None => {
                status["succeeded"] = json!(1);
                status["completionTime"] = json!(ended);
                status["conditions"] = json!([{"type": "Complete", "status": "True", "lastTransitionTime": ended}]);
            }
        }
        let labels = json!({"job-name": name, "batch.kubernetes.io/job-name": name, "controller-uid": uid, "batch.kubernetes.io/controller-uid": uid});
        let template =
            json!({"metadata": {"labels": labels}, "spec": {"containers": [container], "restartPolicy": "Never"}});
        self.object("jobs", json!({"metadata": meta, "spec": {"backoffLimit": 2, "parallelism": 1, "completions": 1, "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}, "template": template}, "status": status}));
        let mut names = Vec::new();
        for (index, pod) in run.pods.iter().enumerate() {
            let pod_name = format!("{name}-{}", letters(&format!("{name}{index}"), 5));
            let mut meta = self.meta(&pod_name, pod.created);
            meta["labels"] = labels.clone();
            meta["ownerReferences"] =
                json!([{"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid, "controller": true}]);
            self.pod(&meta, &template["spec"], pod);
            names.push(pod_name);
        }
        names
    }

    /// A CronJob.
    pub fn cron_job(&mut self, name: &str, container: &Value, suspended: bool, last: f64) {
        let mut meta = self.meta(name, -90_000.0);
        meta["uid"] = json!(format!("u-{name}"));
        let template = json!({"spec": {"template": {"spec": {"containers": [container], "restartPolicy": "Never"}}}});
        self.object("cronjobs", json!({"metadata": meta, "spec": {"schedule": "*/10 * * * *", "suspend": suspended, "concurrencyPolicy": "Forbid", "jobTemplate": template}, "status": {"lastScheduleTime": Self::at(last)}}));
    }
}

/// How a Job's run went.
#[derive(Clone, Default)]
pub struct Run {
    /// When it started.
    pub started: f64,
    /// Pods that failed.
    pub failed: u32,
    /// Reason and message of its `Failed` condition.
    pub failure: Option<(&'static str, &'static str)>,
    /// Whether it still runs.
    pub active: bool,
    /// Its pods.
    pub pods: Vec<Pod>,
}

impl Pod {
    /// A Job's pod that ended.
    pub fn ended(created: f64, code: i32, reason: &str) -> Self {
        let terminated = json!({"exitCode": code, "reason": reason, "startedAt": Recording::at(created), "finishedAt": Recording::at(created + 0.2), "containerID": "containerd://c"});
        Self {
            ready: false,
            phase: if code == 0 { "Succeeded" } else { "Failed" },
            container: Some(json!({"state": {"terminated": terminated}, "restartCount": 0})),
            ..Self::healthy(0, created)
        }
    }
}
