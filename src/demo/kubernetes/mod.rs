//! The fake Kubernetes API server: the recorded objects and what was written since, in the real one's shapes and refusals.
//!
//! Reading order: `resources` (what a path asks for), `identity` (who asks, and what RBAC says), `list`, `watch` and
//! `pod_logs` (reads), `write` with `patch`, `managers`, `create`, `evict`, `validate` and `strict` (writes), `controllers` (what
//! happens then).

mod access;
mod calls;
mod controllers;
mod create;
mod discovery;
mod evict;
mod fields;
mod identity;
mod list;
mod list_keys;
mod managers;
mod patch;
mod pod_logs;
mod resources;
mod selectors;
mod status;
mod store;
mod strict;
#[cfg(test)]
mod tests;
mod validate;
mod watch;
mod write;
#[cfg(test)]
mod write_tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

pub use calls::{Call, Calls};
pub use identity::{Access, READER, Rule};
pub(super) use list::Tokens;
pub(in crate::demo) use validate::amount as quantity;

use super::cures::{Cures, Truth};
use super::http::{Asked, reply};
use super::time::Clock;
use super::world::{LogLine, ObjectList, PodLog};
use resources::{Resource, Target};
use status::Refusal;
use store::Store;

/// The server.
pub(super) struct Server {
    store: Mutex<Store>,
    pod_logs: BTreeMap<PodLog, String>,
    /// The lines of the log store, for pods whose own log was not recorded.
    lines: Vec<LogLine>,
    clock: Clock,
    calls: Calls,
    tokens: Tokens,
    access: Access,
    cures: Cures,
}

/// What a read sees: the server at one moment, and who asks.
pub(super) struct Cluster<'a> {
    store: &'a Store,
    pod_logs: &'a BTreeMap<PodLog, String>,
    lines: &'a [LogLine],
    clock: &'a Clock,
    tokens: &'a Tokens,
    access: &'a Access,
    user: &'a str,
}

/// When a request happens, in the world's time.
pub(super) struct Moment {
    /// The time, in whole seconds.
    pub now: DateTime<Utc>,
    /// The same as the server writes it.
    pub text: String,
    /// When the recording ends.
    pub end: DateTime<Utc>,
}

/// A time as the server writes it.
pub(super) fn written(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Makes the controllers of a started world work without taking time. Cheap to clone.
#[derive(Clone)]
pub(super) struct Hurry(Arc<Server>);

impl Hurry {
    /// From now on a pod is ready, and a deleted one gone, with the next request.
    pub fn hurry(&self) {
        self.0.locked().controllers.hurried = true;
    }
}

impl Server {
    /// A server for these (already moved) records.
    pub fn new(
        objects: Vec<ObjectList>,
        pod_logs: BTreeMap<PodLog, String>,
        lines: Vec<LogLine>,
        clock: Clock,
        truth: Truth,
        cures: Cures,
    ) -> Arc<Self> {
        Arc::new(Self {
            store: Mutex::new(Store::new(objects, truth)),
            pod_logs,
            lines,
            clock,
            calls: Calls::default(),
            tokens: Tokens::default(),
            access: Access::default(),
            cures,
        })
    }

    /// What it was asked for so far.
    pub fn calls(&self) -> Calls {
        self.calls.clone()
    }

    /// The switch that lets continue tokens expire.
    pub fn tokens(&self) -> Tokens {
        self.tokens.clone()
    }

    /// The identities it knows.
    pub fn access(&self) -> Access {
        self.access.clone()
    }

    /// The switch that hurries its controllers.
    pub fn hurry(self: &Arc<Self>) -> Hurry {
        Hurry(self.clone())
    }

    /// The HTTP server.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new().fallback(handle).with_state(self)
    }

    fn locked(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moment(&self) -> Moment {
        let now = self.clock.visible_until();
        let now = DateTime::from_timestamp(now.timestamp(), 0).unwrap_or(now);
        Moment { now, text: written(now), end: self.clock.end() }
    }

    /// Lets the controllers do what is due.
    fn advance(&self) {
        let moment = self.moment();
        let mut store = self.locked();
        // A controller's own change may be what another waits for; a few rounds settle all of them.
        for _ in 0..4 {
            let before = store.revision();
            self.cures.add(controllers::run(&mut store, &moment));
            if store.revision() == before {
                break;
            }
        }
    }

    fn view<'a>(&'a self, store: &'a Store, user: &'a str) -> Cluster<'a> {
        Cluster {
            store,
            pod_logs: &self.pod_logs,
            lines: &self.lines,
            clock: &self.clock,
            tokens: &self.tokens,
            access: &self.access,
            user,
        }
    }
}

async fn handle(State(server): State<Arc<Server>>, request: Request) -> Response {
    match Asked::read(request).await {
        Ok(asked) => dispatch(&server, &asked).unwrap_or_else(Refusal::response),
        Err(refusal) => refusal.response(),
    }
}

fn dispatch(server: &Arc<Server>, asked: &Asked) -> Result<Response, Refusal> {
    server.advance();
    let user = server.access.user(asked)?;
    let segments: Vec<&str> = asked.path.split('/').filter(|segment| !segment.is_empty()).collect();
    let mut store = server.locked();
    match segments.as_slice() {
        ["version"] => return Ok(ok(&discovery::version())),
        ["healthz" | "livez" | "readyz", ..] => return Ok(reply(StatusCode::OK, "text/plain; charset=utf-8", "ok")),
        ["api"] => return Ok(ok(&discovery::core_versions())),
        ["apis"] => return Ok(ok(&discovery::groups(&store))),
        ["api", version] => return discovery::resources(&store, "", version).map(|list| ok(&list)),
        ["apis", group] => return discovery::group(&store, group).map(|group| ok(&group)),
        ["apis", group, version] => return discovery::resources(&store, group, version).map(|list| ok(&list)),
        _ => {}
    }
    let target = Target::parse(&segments).ok_or(Refusal::UnknownPath)?;
    server.calls.record(&user, &target, asked);
    if asked.method == Method::POST && matches!(target.group.as_str(), "authorization.k8s.io" | "authentication.k8s.io")
    {
        return access::review(&server.view(&store, &user), asked, &target);
    }
    server.access.check(&user, asked, &target)?;
    let resource =
        store.resource(&target.group, &target.version, &target.resource).cloned().ok_or(Refusal::UnknownPath)?;
    if target.namespace.is_some() && !resource.namespaced {
        return Err(Refusal::UnknownPath);
    }
    if asked.method == Method::GET {
        if target.name.is_none() && asked.params.flag("watch") {
            return watch::watch(server, &store, asked, &target, &resource);
        }
        return get(&server.view(&store, &user), asked, &target, &resource);
    }
    let answer = write::write(&mut store, &server.moment(), asked, &target, &resource);
    drop(store);
    server.advance();
    answer
}

fn get(cluster: &Cluster, asked: &Asked, target: &Target, resource: &Resource) -> Result<Response, Refusal> {
    match (&target.name, target.subresource.as_deref()) {
        (None, _) => list::list(cluster, asked, target, resource),
        (Some(name), None | Some("status")) => {
            object(cluster, target, resource, name).map(|object| ok(&partial(asked, object)))
        }
        (Some(name), Some("log")) if resource.kind == "Pod" => pod_logs::log(cluster, asked, target, name),
        (Some(name), Some("scale")) if resource.scalable() => {
            object(cluster, target, resource, name).map(|object| ok(&scale(&object)))
        }
        _ => Err(Refusal::UnknownPath),
    }
}

/// One object as it is now, with the kind that lists leave out.
fn object(cluster: &Cluster, target: &Target, resource: &Resource, name: &str) -> Result<Value, Refusal> {
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let found = cluster.store.get(resource, namespace, name, cluster.clock);
    found.map(|object| named(resource, object)).ok_or_else(|| Refusal::not_found(resource, name))
}

/// An object with the kind that it is stored without.
fn named(resource: &Resource, mut object: Value) -> Value {
    if let Some(map) = object.as_object_mut() {
        map.insert("kind".to_owned(), json!(resource.kind));
        map.insert("apiVersion".to_owned(), json!(resource.api_version()));
    }
    object
}

/// Whether a condition of an object is true.
fn status_of(object: &Value, condition: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|one| one["type"] == *condition && one["status"] == "True")
}

/// Only the metadata, for a client that asked for no more.
fn partial(asked: &Asked, object: Value) -> Value {
    if asked.header_has(axum::http::header::ACCEPT, "as=PartialObjectMetadata;") {
        list::metadata_of(&object)
    } else {
        object
    }
}

/// The scale of a workload.
fn scale(object: &Value) -> Value {
    let meta = &object["metadata"];
    let labels = object["spec"]["selector"]["matchLabels"].as_object().into_iter().flatten();
    let selector: Vec<String> =
        labels.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default())).collect();
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"],
            "resourceVersion": meta["resourceVersion"], "creationTimestamp": meta["creationTimestamp"]},
        "spec": {"replicas": object["spec"]["replicas"]},
        "status": {"replicas": object["status"]["replicas"].as_i64().unwrap_or(0), "selector": selector.join(",")},
    })
}

/// A JSON answer.
fn ok(value: &Value) -> Response {
    reply(StatusCode::OK, "application/json", value.to_string())
}
