//! The fake Kubernetes API server: the recorded objects and what was written since, in the real one's shapes and refusals.
//!
//! Reading order: `resources` (what a path asks for), `identity` (who asks, and what RBAC says), `list` and
//! `pod_logs` (reads), `write` with `patch`, `managers`, `create`, `evict`, `validate` and `strict` (writes), `controllers` (what
//! happens then).

mod access;
mod calls;
mod controllers;
mod create;
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
use list::Tokens;
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
    /// What it was asked for so far.
    pub calls: Calls,
    /// Raised, it lets the continue tokens that were given out expire.
    pub tokens: Tokens,
    /// The identities it knows.
    pub access: Access,
    cures: Cures,
}

/// What a read sees: the server at one moment, and who asks.
pub(super) struct Cluster<'a> {
    server: &'a Server,
    store: &'a Store,
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

    /// From now on a pod is ready, and a deleted one gone, with the next request.
    pub fn hurry(&self) {
        self.locked().controllers.hurried = true;
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
}

async fn handle(State(server): State<Arc<Server>>, request: Request) -> Response {
    match Asked::read(request).await {
        Ok(asked) => dispatch(&server, &asked).unwrap_or_else(Refusal::response),
        Err(refusal) => refusal.response(),
    }
}

fn dispatch(server: &Server, asked: &Asked) -> Result<Response, Refusal> {
    server.advance();
    let user = server.access.user(asked)?;
    let segments: Vec<&str> = asked.path.split('/').filter(|segment| !segment.is_empty()).collect();
    let mut store = server.locked();
    match segments.as_slice() {
        ["version"] => return Ok(ok(&version())),
        ["healthz" | "livez" | "readyz", ..] => return Ok(reply(StatusCode::OK, "text/plain; charset=utf-8", "ok")),
        _ => {}
    }
    let target = Target::parse(&segments).ok_or(Refusal::UnknownPath)?;
    server.calls.record(&user, &target, asked);
    if asked.method == Method::POST && matches!(target.group.as_str(), "authorization.k8s.io" | "authentication.k8s.io")
    {
        return access::review(&Cluster { server, store: &store, user: &user }, asked, &target);
    }
    server.access.check(&user, asked, &target)?;
    let resource =
        store.resource(&target.group, &target.version, &target.resource).cloned().ok_or(Refusal::UnknownPath)?;
    if target.namespace.is_some() && !resource.namespaced {
        return Err(Refusal::UnknownPath);
    }
    if asked.method == Method::GET {
        if target.name.is_none() && asked.params.flag("watch") {
            // A list where a watch is expected would be waited for in vain.
            return Err(Refusal::BadRequest("the simulated server has no watches".into()));
        }
        return get(&Cluster { server, store: &store, user: &user }, asked, &target, &resource);
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
        _ => Err(Refusal::UnknownPath),
    }
}

/// One object as it is now, with the kind that lists leave out.
fn object(cluster: &Cluster, target: &Target, resource: &Resource, name: &str) -> Result<Value, Refusal> {
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let found = cluster.store.get(resource, namespace, name, &cluster.server.clock);
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

/// `/version`
fn version() -> Value {
    json!({
        "major": "1", "minor": "34", "gitVersion": "v1.34.9", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1.27.3", "compiler": "gc", "platform": "linux/amd64",
        "emulationMajor": "1", "emulationMinor": "34", "minCompatibilityMajor": "1", "minCompatibilityMinor": "33",
    })
}

/// A JSON answer.
fn ok(value: &Value) -> Response {
    reply(StatusCode::OK, "application/json", value.to_string())
}
