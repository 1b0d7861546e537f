//! A namespace with workloads, in the simulated cluster or in a real one.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use axum::http::Request;
use holmes_bot::adapters::actuator::{Actuator, ActuatorConnection, ActuatorSource, PERMISSIONS};
use holmes_bot::commands::demo::rules;
use holmes_bot::demo::{self, Rule, Running, Timeline, World};
use serde_json::{Value, json};

use crate::wait;

/// The actuator's user in the simulated cluster.
pub const ACTUATOR: &str = "system:serviceaccount:holmes:holmes-bot-actuator";

/// One namespace of a cluster.
pub struct Place {
    /// Its name.
    pub namespace: String,
    /// What is tested.
    pub actuator: Actuator,
    admin: kube::Client,
    running: Option<Running>,
    /// Nodes that were made, which no namespace takes away with it.
    nodes: Mutex<Vec<String>>,
}

/// Everywhere that these tests run.
pub async fn places() -> Vec<Place> {
    let mut places = vec![Place::fake().await];
    if let Some(path) = std::env::var_os("KUBECONFIG") {
        places.push(Place::real(path.into()).await);
    }
    places
}

/// What the actuator is granted, by the table.
pub fn granted() -> Vec<Rule> {
    rules(&PERMISSIONS)
}

impl Place {
    /// In the simulated cluster, whose controllers take no time.
    pub async fn fake() -> Self {
        Self::fake_for(BTreeMap::new()).await
    }

    /// The same, acting in people's names.
    pub async fn fake_for(people: BTreeMap<String, String>) -> Self {
        drop(crate::process::client());
        let running = demo::start(World::empty(), Timeline::at_once()).await.unwrap();
        running.hurry_controllers();
        running.access.token("admin", "admin");
        running.access.grant("admin", vec![Rule::all()]);
        running.access.token("actuator", ACTUATOR);
        running.access.grant(ACTUATOR, granted());
        running.access.require_tokens();
        let url = running.neighbours.kubernetes_url.clone();
        let mut config = kube::Config::new(url.parse().unwrap());
        config.auth_info.token = Some("admin".to_owned().into());
        let source = ActuatorSource::Url { url, token: "actuator".to_owned().into() };
        Self::with(config, source, people, Some(running)).await
    }

    async fn real(path: std::path::PathBuf) -> Self {
        drop(crate::process::client());
        let file = kube::config::Kubeconfig::read_from(&path).unwrap();
        let config = kube::Config::from_custom_kubeconfig(file, &Default::default()).await.unwrap();
        let source = ActuatorSource::Kubeconfig { path, context: None };
        Self::with(config, source, BTreeMap::new(), None).await
    }

    async fn with(
        config: kube::Config,
        source: ActuatorSource,
        people: BTreeMap<String, String>,
        running: Option<Running>,
    ) -> Self {
        let admin = kube::Client::try_from(config).unwrap();
        let connection = ActuatorConnection { source, people, timeout: Duration::from_secs(10) };
        let actuator = Actuator::connect(&connection, None).await.unwrap();
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let namespace = format!("holmes-it-{}-{number}", std::process::id());
        let place = Self { namespace, actuator, admin, running, nodes: Mutex::default() };
        place
            .create(
                "/api/v1/namespaces",
                &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place.namespace}}),
            )
            .await;
        place
    }

    /// The simulated cluster.
    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    /// Writes the file with which the actuator's account is used by a process of its own; gives its path.
    pub fn kubeconfig(&self, directory: &std::path::Path) -> String {
        crate::process::kubeconfig(directory, &self.running().neighbours.kubernetes_url, "actuator")
    }

    /// A notification that a Deployment of the namespace is broken.
    pub fn broken(&self, deployment: &str) -> Value {
        json!({
            "version": "4", "groupKey": "{}", "status": "firing", "receiver": "holmes", "groupLabels": {},
            "commonLabels": {}, "commonAnnotations": {}, "externalURL": "", "alerts": [{
                "status": "firing", "annotations": {}, "startsAt": "2026-11-22T22:00:00Z",
                "labels": {"alertname": "Broken", "namespace": self.namespace, "deployment": deployment},
                "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", "fingerprint": deployment,
            }],
        })
    }

    /// Whether it is the simulated one.
    pub fn is_fake(&self) -> bool {
        self.running.is_some()
    }

    /// The path of an object in the namespace.
    pub fn path(&self, version: &str, plural: &str, name: &str) -> String {
        let root = if version == "v1" { "/api/v1".to_owned() } else { format!("/apis/{version}") };
        format!("{root}/namespaces/{}/{plural}/{name}", self.namespace)
    }

    /// The path of a Deployment.
    pub fn deployment(&self, name: &str) -> String {
        self.path("apps/v1", "deployments", name)
    }

    async fn send(&self, method: &str, path: &str, kind: &str, body: &Value) -> Result<Value, kube::Error> {
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.admin.request(request.body(body).unwrap()).await
    }

    /// Reads an object that is there.
    pub async fn get(&self, path: &str) -> Value {
        self.send("GET", path, "application/json", &Value::Null).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Reads an object that may be gone.
    pub async fn find(&self, path: &str) -> Option<Value> {
        self.send("GET", path, "application/json", &Value::Null).await.ok()
    }

    /// Creates an object.
    pub async fn create(&self, collection: &str, object: &Value) -> Value {
        let made = self.send("POST", collection, "application/json", object).await;
        made.unwrap_or_else(|error| panic!("{collection}: {error}"))
    }

    /// Changes an object as somebody else would.
    pub async fn patch(&self, path: &str, patch: &Value) -> Value {
        let kind = "application/strategic-merge-patch+json";
        let path = format!("{path}?fieldManager=somebody-else");
        self.send("PATCH", &path, kind, patch).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Deletes an object.
    pub async fn delete(&self, path: &str) {
        self.send("DELETE", path, "application/json", &Value::Null)
            .await
            .unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Removes the namespace and the nodes.
    pub async fn clear(&self) {
        self.delete(&format!("/api/v1/namespaces/{}", self.namespace)).await;
        let nodes = std::mem::take(&mut *self.nodes.lock().unwrap());
        for node in nodes {
            self.delete(&format!("/api/v1/nodes/{node}")).await;
        }
    }

    /// A node of this name, which no kubelet stands behind.
    pub async fn node(&self, name: &str) -> String {
        let name = format!("{name}-{}", self.namespace);
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}});
        self.create("/api/v1/nodes", &node).await;
        self.nodes.lock().unwrap().push(name.clone());
        name
    }

    /// One of each kind.
    pub async fn workloads(&self) {
        let container = json!({"name": "app", "image": "registry.example/app:1",
            "resources": {"limits": {"memory": "64Mi"}, "requests": {"cpu": "10m", "memory": "8Mi"}}});
        let template = |name: &str| json!({"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}});
        let selector = |name: &str| json!({"matchLabels": {"app": name}});
        let apps = |plural: &str| self.path("apps/v1", plural, "").trim_end_matches('/').to_owned();
        for name in ["web", "auto"] {
            let spec = json!({"replicas": 2, "selector": selector(name), "template": template(name)});
            self.create(
                &apps("deployments"),
                &json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}),
            )
            .await;
        }
        let spec = json!({"replicas": 1, "serviceName": "db", "selector": selector("db"), "template": template("db")});
        self.create(
            &apps("statefulsets"),
            &json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": spec}),
        )
        .await;
        let spec = json!({"selector": selector("agent"), "template": template("agent")});
        self.create(
            &apps("daemonsets"),
            &json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"}, "spec": spec}),
        )
        .await;
        let mut run = template("run");
        run["spec"]["restartPolicy"] = json!("Never");
        let batch = |plural: &str| self.path("batch/v1", plural, "").trim_end_matches('/').to_owned();
        self.create(
            &batch("cronjobs"),
            &json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "report"},
            "spec": {"schedule": "0 3 * * *", "suspend": false, "jobTemplate": {"spec": {"template": run}}}}),
        )
        .await;
        self.create(
            &batch("jobs"),
            &json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"},
            "spec": {"backoffLimit": 0, "template": run}}),
        )
        .await;
        let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "auto"});
        let hpas = self.path("autoscaling/v2", "horizontalpodautoscalers", "");
        self.create(
            hpas.trim_end_matches('/'),
            &json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "auto"}, "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3}}),
        )
        .await;
    }

    /// Waits until the controller has made a revision of this number.
    pub async fn revision(&self, object: &str, kind: &str, number: i64) {
        let plural = if kind == "deployment" { "replicasets" } else { "controllerrevisions" };
        let path = self.path("apps/v1", plural, "");
        let uid = self.get(object).await["metadata"]["uid"].clone();
        let text = number.to_string();
        self.until(&format!("revision {number} of {object}"), async || {
            let list = self.get(path.trim_end_matches('/')).await;
            list["items"].as_array().unwrap().iter().any(|one| {
                let owned = one["metadata"]["ownerReferences"][0]["uid"] == uid;
                let annotated = &one["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
                owned && (one["revision"] == number || annotated.as_str() == Some(text.as_str()))
            })
        })
        .await;
    }

    /// The name of a pod of a Deployment.
    pub async fn pod_of(&self, app: &str) -> String {
        let path = format!("{}?labelSelector=app%3D{app}", self.path("v1", "pods", "").trim_end_matches('/'));
        self.until(&format!("a pod of {app}"), async || !self.get(&path).await["items"].as_array().unwrap().is_empty())
            .await;
        self.get(&path).await["items"][0]["metadata"]["name"].as_str().unwrap().to_owned()
    }

    /// Whether a Job ends; without a kubelet none does.
    pub async fn job_ends(&self, object: &str) -> bool {
        if !self.is_fake() {
            return false;
        }
        self.get(object).await["status"]["conditions"].is_array()
    }

    async fn until(&self, what: &str, done: impl AsyncFn() -> bool) {
        wait::until(what, async || done().await.then_some(())).await;
    }
}
