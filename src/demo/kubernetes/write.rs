//! Writes: create, patch (in all four formats), scale and delete, with the preconditions and dry runs of the real server.

use axum::http::header;
use axum::response::Response;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::create;
use super::evict::evict;
use super::managers::{self, Conflict, Writer};
use super::patch::{self, Unfit};
use super::resources::{Resource, Target};
use super::status::{Cause, Refusal};
use super::store::Store;
use super::{Moment, named, scale};
use super::{strict, validate};
use crate::demo::http::Asked;

/// How long a pod may take to stop when nobody says; Kubernetes' own default.
const GRACE_SECONDS: i64 = 30;

/// The options of a write.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// Nothing is stored; the answer shows what would be.
    pub dry_run: bool,
    /// Who owns the fields that are written; by default the client's name.
    pub manager: String,
    /// Fields that the kind does not have are refused.
    pub strict: bool,
    force: bool,
}

impl Options {
    /// Reads and checks them; `apply` for server-side apply, which needs a field manager.
    pub fn read(asked: &Asked, apply: bool) -> Result<Self, Refusal> {
        let named = asked.params.get("fieldManager");
        let mut causes = Vec::new();
        let dry_run = match asked.params.get("dryRun") {
            None => false,
            Some("All") => true,
            Some(other) => {
                causes.push(Cause {
                    field: "dryRun".into(),
                    reason: "FieldValueNotSupported",
                    message: format!("Unsupported value: {other:?}: supported values: \"All\""),
                });
                false
            }
        };
        if apply && named.is_none() {
            causes.push(Cause {
                field: "fieldManager".into(),
                reason: "FieldValueRequired",
                message: "Required value: is required for apply patch".into(),
            });
        }
        let force = asked.params.get("force").is_some();
        if force && !apply {
            causes.push(Cause {
                field: "force".into(),
                reason: "FieldValueForbidden",
                message: "Forbidden: may not be specified for non-apply patch".into(),
            });
        }
        if !causes.is_empty() {
            let kind = if asked.method == axum::http::Method::PATCH { "PatchOptions" } else { "CreateOptions" };
            return Err(Refusal::invalid("meta.k8s.io", kind, "", &causes));
        }
        let agent = asked.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("unknown");
        let agent = agent.split('/').next().unwrap_or_default();
        let strict = asked.params.get("fieldValidation") == Some("Strict");
        Ok(Self { dry_run, manager: named.unwrap_or(agent).to_owned(), strict, force: asked.params.flag("force") })
    }
}

/// Everything that changes something.
pub(super) fn write(
    store: &mut Store,
    moment: &Moment,
    asked: &Asked,
    target: &Target,
    resource: &Resource,
) -> Result<Response, Refusal> {
    match (asked.method.as_str(), target.name.as_deref(), target.subresource.as_deref()) {
        ("POST", None, None) => create::create(store, moment, asked, target, resource),
        ("POST", Some(name), Some("eviction")) if resource.kind == "Pod" => {
            evict(store, moment, asked, target, resource, name)
        }
        ("PATCH", Some(name), None | Some("status" | "scale")) => {
            patch_object(store, moment, asked, target, resource, name)
        }
        ("DELETE", Some(name), None) => delete(store, moment, asked, target, resource, name),
        _ => Err(Refusal::Failed {
            code: 405,
            reason: "MethodNotAllowed",
            message: "the server does not allow this method on the requested resource".into(),
            details: json!({}),
        }),
    }
}

/// The formats that a patch may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Merge,
    Strategic,
    Json,
    Apply,
}

fn format(asked: &Asked) -> Result<Format, Refusal> {
    let sent = asked.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match sent.split(';').next().unwrap_or_default().trim() {
        "application/merge-patch+json" => Ok(Format::Merge),
        "application/strategic-merge-patch+json" => Ok(Format::Strategic),
        "application/json-patch+json" => Ok(Format::Json),
        "application/apply-patch+yaml" => Ok(Format::Apply),
        _ => Err(Refusal::Failed {
            code: 415,
            reason: "UnsupportedMediaType",
            message: "415: Unsupported Media Type".into(),
            details: json!({}),
        }),
    }
}

fn patch_object(
    store: &mut Store,
    moment: &Moment,
    asked: &Asked,
    target: &Target,
    resource: &Resource,
    name: &str,
) -> Result<Response, Refusal> {
    let format = format(asked)?;
    let options = Options::read(asked, format == Format::Apply)?;
    let body = body(asked, format)?;
    let namespace = target.namespace.clone().unwrap_or_default();
    let subresource = target.subresource.as_deref();
    // Once it is written to, what was recorded to happen to it later does not happen any more.
    let current = store.stored(resource, &namespace, name).map(|object| store.present(object, moment.now, moment.end));
    if subresource == Some("scale") {
        if !resource.scalable() {
            return Err(Refusal::UnknownPath);
        }
        let current = current.ok_or_else(|| Refusal::not_found(resource, name))?;
        return patch_scale(store, moment, &options, format, &body, resource, &current);
    }
    let Some(current) = current else {
        if format == Format::Apply {
            return create::applied(store, moment, &options, target, resource, name, body);
        }
        return Err(Refusal::not_found(resource, name));
    };
    let api_version = resource.api_version();
    let writer = Writer { manager: &options.manager, api_version: &api_version, subresource, at: &moment.text };
    let mut after = match format {
        Format::Merge => {
            let mut after = current.clone();
            patch::merge(&mut after, &body);
            after
        }
        Format::Strategic => {
            let mut after = current.clone();
            patch::strategic(&mut after, &body);
            after
        }
        Format::Json => patch::json_patch(&current, &body).map_err(unfit)?,
        Format::Apply => {
            check_applied(&body)?;
            managers::applied(Some(&current), &without_preconditions(&body), options.force, writer)
                .map_err(|conflicts| refuse_apply(&conflicts))?
        }
    };
    if format == Format::Apply {
        for field in ["uid", "resourceVersion"] {
            if let Some(wanted) = body.get("metadata").and_then(|metadata| metadata.get(field)) {
                after["metadata"][field] = wanted.clone();
            }
        }
    }
    precondition(resource, &current, &after, name)?;
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
    if subresource == Some("status") {
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
    finish(store, moment, &options, resource, &current, after, (format != Format::Apply).then_some(writer), &body)
        .map(|stored| super::ok(&named(resource, stored)))
}

/// Checks an object and stores it; without a writer its managers are kept already.
#[allow(clippy::too_many_arguments)]
fn finish(
    store: &mut Store,
    moment: &Moment,
    options: &Options,
    resource: &Resource,
    current: &Value,
    mut after: Value,
    writer: Option<Writer>,
    body: &Value,
) -> Result<Value, Refusal> {
    let unknown = || strict::unknown(&resource.kind, Some(current), &after).filter(|_| options.strict);
    if let Some(problem) = validate::unreadable(&resource.kind, Some(current), &after).or_else(unknown) {
        let cause = Cause::invalid("patch", &json!(body.to_string()), &problem);
        return Err(Refusal::invalid("", "", "", &[cause]));
    }
    let causes = validate::check(resource, Some(current), &after);
    if !causes.is_empty() {
        let name = current["metadata"]["name"].as_str().unwrap_or_default();
        return Err(Refusal::invalid(&resource.group, &resource.kind, name, &causes));
    }
    let same = {
        let bare = |object: &Value| {
            let mut object = object.clone();
            if let Some(map) = object["metadata"].as_object_mut() {
                map.remove("managedFields");
            }
            object
        };
        bare(&after) == bare(current)
    };
    if same && writer.is_some() {
        return Ok(current.clone());
    }
    if after["spec"] != current["spec"]
        && let Some(generation) = current["metadata"]["generation"].as_i64()
    {
        after["metadata"]["generation"] = json!(generation + 1);
    }
    if let Some(writer) = writer {
        managers::updated(current, &mut after, writer);
    }
    if options.dry_run {
        return Ok(after);
    }
    super::controllers::touched(store, moment, resource, current);
    Ok(store.put(resource, after))
}

fn patch_scale(
    store: &mut Store,
    moment: &Moment,
    options: &Options,
    format: Format,
    body: &Value,
    resource: &Resource,
    current: &Value,
) -> Result<Response, Refusal> {
    let before = scale(current);
    let mut wanted = before.clone();
    match format {
        Format::Json => wanted = patch::json_patch(&before, body).map_err(unfit)?,
        Format::Merge | Format::Strategic | Format::Apply => patch::merge(&mut wanted, body),
    }
    let name = current["metadata"]["name"].as_str().unwrap_or_default();
    if wanted["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"] {
        return Err(Refusal::conflict(resource, name, MODIFIED));
    }
    if wanted["spec"]["replicas"].as_i64().is_some_and(|replicas| replicas < 0) {
        let cause = Cause::invalid("spec.replicas", &wanted["spec"]["replicas"], "must be greater than or equal to 0");
        return Err(Refusal::invalid("autoscaling", "Scale", name, &[cause]));
    }
    let mut after = current.clone();
    after["spec"]["replicas"] = wanted["spec"]["replicas"].clone();
    let api_version = resource.api_version();
    let writer =
        Writer { manager: &options.manager, api_version: &api_version, subresource: Some("scale"), at: &moment.text };
    let stored = finish(store, moment, options, resource, current, after, Some(writer), body)?;
    // The new spec, and the status that the controllers have not brought up to it yet.
    Ok(super::ok(&scale(&stored)))
}

const MODIFIED: &str = "the object has been modified; please apply your changes to the latest version and try again";

fn precondition(resource: &Resource, current: &Value, after: &Value, name: &str) -> Result<(), Refusal> {
    if after["metadata"]["resourceVersion"] != current["metadata"]["resourceVersion"] {
        return Err(Refusal::conflict(resource, name, MODIFIED));
    }
    Ok(())
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

fn delete(
    store: &mut Store,
    moment: &Moment,
    asked: &Asked,
    target: &Target,
    resource: &Resource,
    name: &str,
) -> Result<Response, Refusal> {
    let body: Value = if asked.body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&asked.body)
            .map_err(|error| Refusal::BadRequest(format!("the body of the request is not JSON: {error}")))?
    };
    let dry =
        asked.params.get("dryRun") == Some("All") || body["dryRun"].as_array().is_some_and(|list| !list.is_empty());
    let namespace = target.namespace.clone().unwrap_or_default();
    let object = store.stored(resource, &namespace, name).cloned().ok_or_else(|| Refusal::not_found(resource, name))?;
    preconditions(resource, &object, &body)?;
    if resource.kind == "Pod" {
        let grace = body["gracePeriodSeconds"].as_i64();
        let shown = if dry { object } else { delete_pod(store, moment, resource, &object, grace) };
        return Ok(super::ok(&named(resource, shown)));
    }
    if !dry {
        remove_with_dependents(store, resource, &namespace, name);
    }
    let mut details = json!({"name": name, "kind": resource.plural, "uid": object["metadata"]["uid"]});
    if !resource.group.is_empty() {
        details["group"] = json!(resource.group);
    }
    Ok(super::ok(
        &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}),
    ))
}

/// Begins the end of a pod: the kubelet removes it when its time is over; one without a node goes at once.
pub(super) fn delete_pod(
    store: &mut Store,
    moment: &Moment,
    pods: &Resource,
    pod: &Value,
    grace: Option<i64>,
) -> Value {
    let text = |pointer: &str| pod.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
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
        let names: Vec<(String, String)> = store
            .all(&kind)
            .filter(owned)
            .map(|item| {
                let text = |field: &str| item["metadata"][field].as_str().unwrap_or_default().to_owned();
                (text("namespace"), text("name"))
            })
            .collect();
        for (namespace, name) in names {
            remove_with_dependents(store, &kind, &namespace, &name);
        }
    }
}

fn body(asked: &Asked, format: Format) -> Result<Value, Refusal> {
    let decode = |error: String| Refusal::BadRequest(format!("error decoding patch: {error}"));
    if format == Format::Apply
        && let Ok(text) = std::str::from_utf8(&asked.body)
        && !text.trim_start().starts_with('{')
    {
        return serde_saphyr::from_str(text)
            .map_err(|error| Refusal::BadRequest(format!("error decoding YAML: {error}")));
    }
    serde_json::from_slice(&asked.body).map_err(|error| decode(error.to_string()))
}

/// What an apply must not contain.
pub(super) fn check_applied(body: &Value) -> Result<(), Refusal> {
    if body["apiVersion"].is_null() || body["kind"].is_null() {
        return Err(Refusal::BadRequest("Object 'Kind' is missing in the applied configuration".into()));
    }
    if !body["metadata"]["managedFields"].is_null() {
        return Err(Refusal::BadRequest("metadata.managedFields must be nil".into()));
    }
    Ok(())
}

fn without_preconditions(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("uid");
        metadata.remove("resourceVersion");
    }
    body
}

fn refuse_apply(conflicts: &[Conflict]) -> Refusal {
    let message = match conflicts {
        [one] => format!("Apply failed with 1 conflict: conflict with {}: {}", one.with, one.field),
        many => {
            let mut lines = Vec::new();
            let mut with: Vec<&str> = many.iter().map(|conflict| conflict.with.as_str()).collect();
            with.sort_unstable();
            with.dedup();
            for manager in with {
                lines.push(format!("conflicts with {manager}:"));
                let of_manager = many.iter().filter(|conflict| conflict.with == manager);
                lines.extend(of_manager.map(|conflict| format!("- {}", conflict.field)));
            }
            format!("Apply failed with {} conflicts: {}", many.len(), lines.join("\n"))
        }
    };
    let causes: Vec<Value> = conflicts
        .iter()
        .map(|conflict| {
            json!({"reason": "FieldManagerConflict", "message": format!("conflict with {}", conflict.with), "field": conflict.field})
        })
        .collect();
    Refusal::Failed { code: 409, reason: "Conflict", message, details: json!({"causes": causes}) }
}

fn unfit(unfit: Unfit) -> Refusal {
    match unfit {
        Unfit::Malformed(why) => Refusal::BadRequest(why),
        Unfit::Unprocessable => Refusal::Failed {
            code: 422,
            reason: "Invalid",
            message: "the server rejected our request due to an error in our request".into(),
            details: json!({}),
        },
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
