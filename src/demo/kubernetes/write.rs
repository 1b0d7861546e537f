//! Writes: create, patch, delete and evict, with the preconditions and dry runs of the real server.

use axum::http::header;
use axum::response::Response;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::create;
use super::evict::evict;
use super::managers::{self, Writer};
use super::patch;
use super::resources::{Resource, Target};
use super::status::{Cause, Refusal};
use super::store::{Key, Store, key_of};
use super::{Moment, named};
use super::{strict, validate};
use crate::demo::http::Asked;

/// How long a pod may take to stop when nobody says; Kubernetes' own default.
const GRACE_SECONDS: i64 = 30;

/// The format of patches. The real server knows three more; the bot sends none of them.
const STRATEGIC: &str = "application/strategic-merge-patch+json";

const MODIFIED: &str = "the object has been modified; please apply your changes to the latest version and try again";

/// The options of a write.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// Nothing is stored; the answer shows what would be.
    pub dry_run: bool,
    /// Who owns the fields that are written; by default the client's name.
    pub manager: String,
    /// Fields that the kind does not have are refused.
    pub strict: bool,
}

impl Options {
    fn read(asked: &Asked) -> Result<Self, Refusal> {
        let mut causes = Vec::new();
        let dry_run = asked.params.get("dryRun");
        if let Some(other) = dry_run.filter(|value| *value != "All") {
            causes.push(Cause {
                field: "dryRun".into(),
                reason: "FieldValueNotSupported",
                message: format!("Unsupported value: {other:?}: supported values: \"All\""),
            });
        }
        if asked.params.get("force").is_some() {
            causes.push(Cause {
                field: "force".into(),
                reason: "FieldValueForbidden",
                message: "Forbidden: may not be specified for non-apply patch".into(),
            });
        }
        if !causes.is_empty() {
            let kind = match asked.method.as_str() {
                "PATCH" => "PatchOptions",
                "DELETE" => "DeleteOptions",
                _ => "CreateOptions",
            };
            return Err(Refusal::invalid("meta.k8s.io", kind, "", &causes));
        }
        let agent = asked.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("unknown");
        let agent = agent.split('/').next().unwrap_or_default();
        Ok(Self {
            dry_run: dry_run.is_some(),
            manager: asked.params.get("fieldManager").unwrap_or(agent).to_owned(),
            strict: asked.params.get("fieldValidation") == Some("Strict"),
        })
    }
}

/// A request that changes something.
pub(super) struct Write<'a> {
    pub store: &'a mut Store,
    pub moment: &'a Moment,
    pub options: Options,
    pub resource: &'a Resource,
    /// Empty for what belongs to no namespace.
    pub namespace: &'a str,
    /// Empty where the server is asked to make a name.
    pub name: &'a str,
    subresource: Option<&'a str>,
    asked: &'a Asked,
}

/// Everything that changes something.
pub(super) fn write(
    store: &mut Store,
    moment: &Moment,
    asked: &Asked,
    target: &Target,
    resource: &Resource,
) -> Result<Response, Refusal> {
    let write = Write {
        store,
        moment,
        options: Options::read(asked)?,
        resource,
        namespace: target.namespace.as_deref().unwrap_or_default(),
        name: target.name.as_deref().unwrap_or_default(),
        subresource: target.subresource.as_deref(),
        asked,
    };
    match (asked.method.as_str(), write.name, write.subresource) {
        ("POST", "", None) => create::create(write),
        ("POST", _, Some("eviction")) if resource.kind == "Pod" => evict(write),
        ("PATCH", _, None | Some("status")) => write.patch(),
        ("DELETE", name, None) if !name.is_empty() => write.delete(),
        _ => Err(Refusal::Failed {
            code: 405,
            reason: "MethodNotAllowed",
            message: "the server does not allow this method on the requested resource".into(),
            details: json!({}),
        }),
    }
}

impl Write<'_> {
    /// What was sent.
    pub fn body(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(&self.asked.body)
            .map_err(|error| Refusal::BadRequest(format!("the body of the request is not JSON: {error}")))
    }

    /// Who writes.
    pub fn writer<'a>(&'a self, api_version: &'a str) -> Writer<'a> {
        Writer { manager: &self.options.manager, api_version, subresource: self.subresource, at: &self.moment.text }
    }

    fn patch(mut self) -> Result<Response, Refusal> {
        let sent = self.asked.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if sent.unwrap_or_default().split(';').next().unwrap_or_default().trim() != STRATEGIC {
            return Err(Refusal::Failed {
                code: 415,
                reason: "UnsupportedMediaType",
                message: "415: Unsupported Media Type".into(),
                details: json!({}),
            });
        }
        let body: Value = serde_json::from_slice(&self.asked.body)
            .map_err(|error| Refusal::BadRequest(format!("error decoding patch: {error}")))?;
        let (resource, name) = (self.resource, self.name);
        // Once it is written to, what was recorded to happen to it later does not happen any more.
        let stored = self.store.stored(resource, self.namespace, name);
        let current = stored.map(|object| self.store.present(object, self.moment.now, self.moment.end));
        let current = current.ok_or_else(|| Refusal::not_found(resource, name))?;
        let mut after = current.clone();
        patch::strategic(&mut after, &body);
        if after["metadata"]["resourceVersion"] != current["metadata"]["resourceVersion"] {
            return Err(Refusal::conflict(resource, name, MODIFIED));
        }
        for field in ["creationTimestamp", "generation", "deletionTimestamp", "namespace"] {
            restore(&mut after["metadata"], &current["metadata"], field);
        }
        if after["metadata"]["name"] != *name {
            let wanted = after["metadata"]["name"].as_str().unwrap_or_default();
            return Err(Refusal::BadRequest(format!(
                "the name of the object ({wanted}) does not match the name on the URL ({name})"
            )));
        }
        // Each of the two sides of an object is written through its own path only.
        if self.subresource.is_some() {
            let status = after["status"].clone();
            after = current.clone();
            after["status"] = status;
        } else {
            restore(&mut after, &current, "status");
        }
        if let Some(map) = after.as_object_mut() {
            map.remove("kind");
            map.remove("apiVersion");
        }
        let stored = self.finish(&current, after, &body)?;
        Ok(super::ok(&named(resource, stored)))
    }

    /// Checks a changed object and stores it.
    fn finish(&mut self, current: &Value, mut after: Value, body: &Value) -> Result<Value, Refusal> {
        let Resource { group, kind, .. } = self.resource;
        let unknown = || strict::unknown(kind, Some(current), &after).filter(|_| self.options.strict);
        if let Some(problem) = validate::unreadable(kind, Some(current), &after).or_else(unknown) {
            let cause = Cause::invalid("patch", &json!(body.to_string()), &problem);
            return Err(Refusal::invalid("", "", "", &[cause]));
        }
        let causes = validate::check(self.resource, Some(current), &after);
        if !causes.is_empty() {
            return Err(Refusal::invalid(group, kind, self.name, &causes));
        }
        let bare = |object: &Value| {
            let mut object = object.clone();
            if let Some(map) = object["metadata"].as_object_mut() {
                map.remove("managedFields");
            }
            object
        };
        if bare(&after) == bare(current) {
            return Ok(current.clone());
        }
        if after["spec"] != current["spec"]
            && let Some(generation) = current["metadata"]["generation"].as_i64()
        {
            after["metadata"]["generation"] = json!(generation + 1);
        }
        managers::updated(current, &mut after, self.writer(&self.resource.api_version()));
        if self.options.dry_run {
            return Ok(after);
        }
        super::controllers::touched(self.store, self.moment, self.resource, current);
        Ok(self.store.put(self.resource, after))
    }

    fn delete(self) -> Result<Response, Refusal> {
        let Self { resource, namespace, name, .. } = self;
        let body = if self.asked.body.is_empty() { Value::Null } else { self.body()? };
        let dry = self.options.dry_run || body["dryRun"].as_array().is_some_and(|list| !list.is_empty());
        let object = self.store.stored(resource, namespace, name).cloned();
        let object = object.ok_or_else(|| Refusal::not_found(resource, name))?;
        preconditions(resource, &object, &body)?;
        if resource.kind == "Pod" {
            let grace = body["gracePeriodSeconds"].as_i64();
            let shown = if dry { object } else { delete_pod(self.store, self.moment, resource, &object, grace) };
            return Ok(super::ok(&named(resource, shown)));
        }
        if !dry {
            remove_with_dependents(self.store, resource, namespace, name);
        }
        let mut details = json!({"name": name, "kind": resource.plural, "uid": object["metadata"]["uid"]});
        if !resource.group.is_empty() {
            details["group"] = json!(resource.group);
        }
        Ok(super::ok(
            &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}),
        ))
    }
}

/// The preconditions of a delete or an eviction.
pub(super) fn preconditions(resource: &Resource, object: &Value, options: &Value) -> Result<(), Refusal> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let told = [
        ("uid", "UID", "The object might have been deleted and then recreated"),
        ("resourceVersion", "ResourceVersion", "The object might have been modified"),
    ];
    for (field, label, perhaps) in told {
        let wanted = &options["preconditions"][field];
        if !wanted.is_null() && *wanted != object["metadata"][field] {
            let (sent, has) = (wanted.as_str(), object["metadata"][field].as_str());
            let (sent, has) = (sent.unwrap_or_default(), has.unwrap_or_default());
            let why = format!(
                "the {label} in the precondition ({sent}) does not match the {label} in record ({has}). {perhaps}"
            );
            return Err(Refusal::conflict(resource, name, &why));
        }
    }
    Ok(())
}

/// Begins the end of a pod: the kubelet removes it when its time is over; one without a node goes at once.
pub(super) fn delete_pod(
    store: &mut Store,
    moment: &Moment,
    pods: &Resource,
    pod: &Value,
    grace: Option<i64>,
) -> Value {
    let (namespace, name) = key_of(pod);
    super::controllers::touched(store, moment, pods, pod);
    let grace = grace.or_else(|| pod["spec"]["terminationGracePeriodSeconds"].as_i64()).unwrap_or(GRACE_SECONDS);
    let over = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    if grace == 0 || over || pod["spec"]["nodeName"].is_null() {
        return store.remove(pods, &namespace, &name).unwrap_or_else(|| pod.clone());
    }
    if !pod["metadata"]["deletionTimestamp"].is_null() {
        return pod.clone();
    }
    let mut ending = store.present(pod, moment.now, moment.end);
    let until = moment.now + TimeDelta::seconds(grace);
    ending["metadata"]["deletionTimestamp"] = json!(super::written(until));
    ending["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
    store.put(pods, ending)
}

/// Removes an object and whatever it owns.
fn remove_with_dependents(store: &mut Store, resource: &Resource, namespace: &str, name: &str) {
    let Some(object) = store.remove(resource, namespace, name) else { return };
    let uid = object["metadata"]["uid"].clone();
    let kinds: Vec<Resource> = store.resources().cloned().collect();
    for kind in kinds {
        let owned = |item: &&Value| {
            let owners = item["metadata"]["ownerReferences"].as_array();
            owners.into_iter().flatten().any(|owner| owner["uid"] == uid)
                || (resource.kind == "Namespace" && kind.namespaced && item["metadata"]["namespace"] == *name)
        };
        let keys: Vec<Key> = store.all(&kind).filter(owned).map(key_of).collect();
        for (namespace, name) in keys {
            remove_with_dependents(store, &kind, &namespace, &name);
        }
    }
}

/// Sets a field back to what it was.
fn restore(after: &mut Value, current: &Value, field: &str) {
    let Some(map) = after.as_object_mut() else { return };
    match current.get(field) {
        Some(value) => {
            map.insert(field.to_owned(), value.clone());
        }
        None => {
            map.remove(field);
        }
    }
}
