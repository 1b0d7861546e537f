//! The fake Kubernetes API server: read-only, over the recorded objects, in the real one's shapes and refusals.

mod access;
mod calls;
mod discovery;
mod list;
mod pod_logs;
mod resources;
mod selectors;
mod status;
mod store;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

pub use calls::{Call, Calls};
pub(super) use list::Tokens;

use super::http::{Asked, reply};
use super::time::Clock;
use super::world::{LogLine, ObjectList, PodLog};
use resources::{Resource, Target};
use status::Refusal;
use store::Store;

/// Who the server takes every client for.
const USER: &str = "system:serviceaccount:holmes:holmes-bot";

/// What the server knows.
pub(super) struct Cluster {
    store: Store,
    pod_logs: BTreeMap<PodLog, String>,
    /// The lines of the log store, for pods whose own log was not recorded.
    lines: Vec<LogLine>,
    clock: Clock,
    calls: Calls,
    tokens: Tokens,
}

impl Cluster {
    /// A server for these (already moved) records.
    pub fn new(
        objects: Vec<ObjectList>,
        pod_logs: BTreeMap<PodLog, String>,
        lines: Vec<LogLine>,
        clock: Clock,
    ) -> Self {
        Self { store: Store::new(objects), pod_logs, lines, clock, calls: Calls::default(), tokens: Tokens::default() }
    }

    /// What it was asked for so far.
    pub fn calls(&self) -> Calls {
        self.calls.clone()
    }

    /// The switch that lets continue tokens expire.
    pub fn tokens(&self) -> Tokens {
        self.tokens.clone()
    }

    /// The HTTP server.
    pub fn router(self) -> Router {
        Router::new().fallback(handle).with_state(Arc::new(self))
    }
}

async fn handle(State(cluster): State<Arc<Cluster>>, request: Request) -> Response {
    match Asked::read(request).await {
        Ok(asked) => dispatch(&cluster, &asked).unwrap_or_else(Refusal::response),
        Err(refusal) => refusal.response(),
    }
}

fn dispatch(cluster: &Cluster, asked: &Asked) -> Result<Response, Refusal> {
    let segments: Vec<&str> = asked.path.split('/').filter(|segment| !segment.is_empty()).collect();
    match segments.as_slice() {
        ["version"] => return Ok(ok(&discovery::version())),
        ["healthz" | "livez" | "readyz", ..] => return Ok(reply(StatusCode::OK, "text/plain; charset=utf-8", "ok")),
        ["api"] => return Ok(ok(&discovery::core_versions())),
        ["apis"] => return Ok(ok(&discovery::groups(&cluster.store))),
        ["api", version] => return discovery::resources(&cluster.store, "", version).map(|list| ok(&list)),
        ["apis", group] => return discovery::group(&cluster.store, group).map(|group| ok(&group)),
        ["apis", group, version] => return discovery::resources(&cluster.store, group, version).map(|list| ok(&list)),
        _ => {}
    }
    let target = Target::parse(&segments).ok_or(Refusal::UnknownPath)?;
    cluster.calls.record(&target, asked);
    match asked.method {
        Method::GET => get(cluster, asked, &target),
        Method::POST if matches!(target.group.as_str(), "authorization.k8s.io" | "authentication.k8s.io") => {
            access::review(cluster, asked, &target)
        }
        // The demo shows what the bot would do; it never lets it.
        _ => Err(target.forbidden(calls::verb(&asked.method, &target, asked))),
    }
}

fn get(cluster: &Cluster, asked: &Asked, target: &Target) -> Result<Response, Refusal> {
    if target.resource == "secrets" {
        return Err(target.forbidden(calls::verb(&asked.method, target, asked)));
    }
    let resource =
        cluster.store.resource(&target.group, &target.version, &target.resource).ok_or(Refusal::UnknownPath)?;
    if target.namespace.is_some() && !resource.namespaced {
        return Err(Refusal::UnknownPath);
    }
    match (&target.name, target.subresource.as_deref()) {
        (None, _) if asked.params.flag("watch") => watch::watch(cluster, asked, target, resource),
        (None, _) => list::list(cluster, asked, target, resource),
        (Some(name), None | Some("status")) => {
            object(cluster, target, resource, name).map(|object| ok(&partial(asked, object)))
        }
        (Some(name), Some("log")) if resource.plural == "pods" => pod_logs::log(cluster, asked, target, name),
        (Some(name), Some("scale")) if resource.scalable() => {
            object(cluster, target, resource, name).map(|object| ok(&scale(&object)))
        }
        _ => Err(Refusal::UnknownPath),
    }
}

/// One object as it is now, with the kind that lists leave out.
fn object(cluster: &Cluster, target: &Target, resource: &Resource, name: &str) -> Result<Value, Refusal> {
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let found = cluster.store.get(resource, namespace, name, &cluster.clock);
    let mut object = found.ok_or_else(|| Refusal::not_found(resource, name))?;
    if let Some(map) = object.as_object_mut() {
        map.insert("kind".to_owned(), json!(resource.kind));
        map.insert("apiVersion".to_owned(), json!(resource.api_version()));
    }
    Ok(object)
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
