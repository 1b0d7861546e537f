//! An API server for tests: serves the objects it was given, page by page, and refuses every read that
//! [`PERMISSIONS`](super::PERMISSIONS) does not hold, so that table and code cannot drift apart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Cluster, PERMISSIONS};

/// What is served and how.
#[derive(Default)]
pub(super) struct Fake {
    /// Objects by their group and plural: `apps/deployments`, `/pods`.
    objects: BTreeMap<String, Vec<Value>>,
    /// `verb plural` that RBAC does not grant.
    denied: BTreeSet<String>,
    /// Most objects in a page.
    page: usize,
    /// Whether the next continue token is answered with 410.
    pub expires: AtomicBool,
    /// `verb plural`, in order.
    pub calls: Mutex<Vec<String>>,
    /// Those of them that asked for more than metadata.
    pub whole: Mutex<BTreeSet<String>>,
}

impl Fake {
    /// Serves pages of `page` objects at most.
    pub fn new(page: usize) -> Self {
        Self { page, ..Self::default() }
    }

    /// With these objects more.
    pub fn with(mut self, resource: &str, objects: impl IntoIterator<Item = Value>) -> Self {
        self.objects.entry(resource.to_owned()).or_default().extend(objects);
        self
    }

    /// Without the permission to e.g. `list events`.
    pub fn denying(mut self, call: &str) -> Self {
        self.denied.insert(call.to_owned());
        self
    }

    /// A client of it.
    pub fn cluster(self) -> (Cluster, Arc<Self>) {
        let fake = Arc::new(self);
        let router = Router::new().fallback(answer).with_state(fake.clone());
        (Cluster::new(kube::Client::new(router, "default"), Duration::from_secs(5)), fake)
    }

    fn list(&self, objects: &[&Value], params: &BTreeMap<String, String>) -> Response {
        let from: usize = params.get("continue").and_then(|token| token.parse().ok()).unwrap_or(0);
        if from > 0 && self.expires.swap(false, Ordering::Relaxed) {
            return status(StatusCode::GONE, "Expired");
        }
        let limit = match params.get("limit").and_then(|limit| limit.parse::<usize>().ok()) {
            Some(limit) => limit.min(self.page),
            None => usize::MAX,
        };
        let items: Vec<&&Value> = objects.iter().skip(from).take(limit).collect();
        let end = from + items.len();
        let next = if end < objects.len() { end.to_string() } else { String::new() };
        axum::Json(json!({"kind": "List", "apiVersion": "v1", "metadata": {"continue": next}, "items": items}))
            .into_response()
    }
}

async fn answer(State(fake): State<Arc<Fake>>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let accepts = request.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let query = request.uri().query().unwrap_or_default();
    let params: BTreeMap<String, String> = serde_json::from_value(pairs(query)).unwrap();
    let mut parts: Vec<&str> = path.split('/').collect();
    let group = if parts[0] == "apis" { parts.remove(1) } else { "" };
    parts.drain(..2);
    let namespace =
        if parts[0] == "namespaces" && parts.len() > 2 { Some(parts.drain(..2).nth(1).unwrap()) } else { None };
    let (plural, name, sub) = (parts[0], parts.get(1).copied(), parts.get(2).copied());
    let resource = sub.map_or(plural.to_owned(), |sub| format!("{plural}/{sub}"));
    let verb = if name.is_some() { "get" } else { "list" };
    let call = format!("{verb} {resource}");
    fake.calls.lock().unwrap().push(call.clone());
    let known = PERMISSIONS.iter().any(|p| p.group == group && p.resource == resource && p.verb == verb);
    if !known || fake.denied.contains(&call) {
        return status(StatusCode::FORBIDDEN, "Forbidden");
    }
    let all = fake.objects.get(&format!("{group}/{plural}")).map_or(&[][..], Vec::as_slice);
    let fits = |object: &&Value| {
        namespace.is_none_or(|namespace| object["metadata"]["namespace"] == namespace)
            && name.is_none_or(|name| object["metadata"]["name"] == name)
            && params.get("labelSelector").is_none_or(|s| has_labels(object, s))
            && params.get("fieldSelector").is_none_or(|s| has_fields(object, s))
    };
    let meta: Vec<Value>;
    let mut found: Vec<&Value> = all.iter().filter(fits).collect();
    if !accepts.contains("PartialObjectMetadata") {
        fake.whole.lock().unwrap().insert(call);
    } else {
        meta = found.iter().map(|object| json!({"metadata": object["metadata"]})).collect();
        found = meta.iter().collect();
    }
    match name {
        None => fake.list(&found, &params),
        Some(_) => match found.first() {
            Some(object) => axum::Json(object).into_response(),
            None => status(StatusCode::NOT_FOUND, "NotFound"),
        },
    }
}

fn status(code: StatusCode, reason: &str) -> Response {
    let body =
        json!({"kind": "Status", "status": "Failure", "reason": reason, "message": reason, "code": code.as_u16()});
    (code, axum::Json(body)).into_response()
}

/// The query string decoded: what kube escapes is little.
fn pairs(query: &str) -> Value {
    let decode = |text: &str| {
        let mut text = text.replace('+', " ");
        for (code, plain) in [("%3D", "="), ("%2C", ","), ("%2F", "/"), ("%28", "("), ("%29", ")"), ("%21", "!")] {
            text = text.replace(code, plain);
        }
        text
    };
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    Value::Object(pairs.map(|(name, value)| (name.to_owned(), json!(decode(value)))).collect())
}

/// `a=b,c=d` and `a in (b,c)`, which is what the code sends.
fn has_labels(object: &Value, selector: &str) -> bool {
    let label = |name: &str| object["metadata"]["labels"][name].as_str().unwrap_or_default().to_owned();
    if let Some((name, values)) = selector.split_once(" in ") {
        return values.trim_matches(['(', ')']).split(',').any(|value| label(name) == value);
    }
    selector.split(',').all(|part| part.split_once('=').is_some_and(|(name, value)| label(name) == value))
}

fn has_fields(object: &Value, selector: &str) -> bool {
    selector.split(',').all(|part| {
        let (path, value) = part.split_once('=').unwrap();
        object.pointer(&format!("/{}", path.replace('.', "/"))).and_then(Value::as_str).unwrap_or_default() == value
    })
}
