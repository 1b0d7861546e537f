//! New objects: names, defaults and what Jobs get from the server.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::managers;
use super::named;
use super::resources::Resource;
use super::status::{Cause, Refusal};
use super::write::Write;
use super::{strict, validate};
use crate::demo::http::reply;

/// Letters of generated names, as Kubernetes' `rand.String` has them.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// `POST` of an object.
pub(super) fn create(write: Write) -> Result<Response, Refusal> {
    let mut object = prepared(&write, write.body()?)?;
    let Write { resource, .. } = write;
    managers::updated(&json!({"metadata": {}}), &mut object, write.writer(&resource.api_version()));
    if !write.options.dry_run {
        super::controllers::touched(write.store, write.moment, resource, &object);
        object = write.store.put(resource, object);
    }
    Ok(reply(StatusCode::CREATED, "application/json", named(resource, object).to_string()))
}

fn prepared(write: &Write, mut object: Value) -> Result<Value, Refusal> {
    let Write { store, moment, options, resource, namespace, .. } = write;
    if !object.is_object() {
        return Err(Refusal::BadRequest("the object provided is unrecognized".into()));
    }
    is_meant(namespace, resource, &object)?;
    let seed = store.revision() + 1;
    let meta = &object["metadata"];
    let name = match (meta["name"].as_str(), meta["generateName"].as_str()) {
        (Some(name), _) => name.to_owned(),
        (None, Some(prefix)) => format!("{prefix}{}", letters(seed, 5)),
        (None, None) => {
            let cause = Cause {
                field: "metadata.name".into(),
                reason: "FieldValueRequired",
                message: "Required value: name or generateName is required".into(),
            };
            return Err(Refusal::invalid(&resource.group, &resource.kind, "", &[cause]));
        }
    };
    if let (true, Some(namespaces)) = (resource.namespaced && *namespace != "default", store.kind("Namespace"))
        && store.stored(&namespaces, "", namespace).is_none()
    {
        return Err(Refusal::not_found(&namespaces, namespace));
    }
    if store.stored(resource, namespace, &name).is_some() {
        return Err(Refusal::Failed {
            code: 409,
            reason: "AlreadyExists",
            message: format!("{} {name:?} already exists", resource.dotted()),
            details: json!({"name": name, "group": resource.group, "kind": resource.plural}),
        });
    }
    let uid = uid(seed);
    object["metadata"]["name"] = json!(name);
    object["metadata"]["uid"] = json!(uid);
    object["metadata"]["creationTimestamp"] = json!(moment.text);
    object["metadata"]["generation"] = json!(1);
    if resource.namespaced {
        object["metadata"]["namespace"] = json!(namespace);
    }
    if let Some(map) = object.as_object_mut() {
        map.remove("kind");
        map.remove("apiVersion");
    }
    let unknown = || strict::unknown(&resource.kind, None, &object).filter(|_| options.strict);
    if let Some(problem) = validate::unreadable(&resource.kind, None, &object).or_else(unknown) {
        let version = &resource.version;
        let kind = &resource.kind;
        return Err(Refusal::BadRequest(format!(
            "{kind} in version {version:?} cannot be handled as a {kind}: {problem}"
        )));
    }
    let mut causes = Vec::new();
    match resource.kind.as_str() {
        "Job" => causes.extend(job(&mut object, &uid, &name)),
        "Deployment" | "StatefulSet" if object["spec"]["replicas"].is_null() => object["spec"]["replicas"] = json!(1),
        "Pod" => object["status"] = json!({"phase": "Pending"}),
        _ => {}
    }
    causes.extend(validate::check(resource, None, &object));
    if causes.is_empty() { Ok(object) } else { Err(Refusal::invalid(&resource.group, &resource.kind, &name, &causes)) }
}

/// Whether an object is of the kind and the namespace that its path says. What it leaves out, the path says for it.
fn is_meant(namespace: &str, resource: &Resource, object: &Value) -> Result<(), Refusal> {
    let (wanted, expected) = (object["apiVersion"].as_str(), resource.api_version());
    if let Some(wanted) = wanted.filter(|wanted| *wanted != expected) {
        return Err(Refusal::BadRequest(format!(
            "the API version in the data ({wanted}) does not match the expected API version ({expected})"
        )));
    }
    if let Some(kind) = object["kind"].as_str().filter(|kind| *kind != resource.kind) {
        let (version, expected) = (&resource.version, &resource.kind);
        let group = if resource.group.is_empty() { "core" } else { &resource.group };
        return Err(Refusal::BadRequest(format!(
            "{kind} in version {version:?} cannot be handled as a {expected}: converting ({version}.{kind}) to \
             ({group}.{expected}): unknown conversion"
        )));
    }
    let named = object["metadata"]["namespace"].as_str().unwrap_or_default();
    if !named.is_empty() && named != namespace {
        return Err(Refusal::BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request".into(),
        ));
    }
    Ok(())
}

/// The selector and the labels that tie a Job to its pods; the server makes them, and refuses those of another Job.
fn job(object: &mut Value, uid: &str, name: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    let manual = object["spec"]["manualSelector"] == true;
    if !object["spec"]["selector"].is_null() && !manual {
        causes.push(Cause::invalid("spec.selector", &object["spec"]["selector"], "`selector` not auto-generated"));
    }
    let ours = [
        ("batch.kubernetes.io/controller-uid", uid),
        ("controller-uid", uid),
        ("batch.kubernetes.io/job-name", name),
        ("job-name", name),
    ];
    for (label, value) in ours {
        let slot = &mut object["spec"]["template"]["metadata"]["labels"][label];
        if slot.as_str().is_some_and(|sent| sent != value) {
            let field = format!("spec.template.metadata.labels[{label}]");
            causes.push(Cause::invalid(field, slot, &format!("must be '{value}'")));
        }
        *slot = json!(value);
        object["metadata"]["labels"][label] = json!(value);
    }
    if !manual {
        object["spec"]["selector"] = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}});
    }
    for (field, value) in
        [("completions", json!(1)), ("parallelism", json!(1)), ("backoffLimit", json!(6)), ("suspend", json!(false))]
    {
        if object["spec"][field].is_null() {
            object["spec"][field] = value;
        }
    }
    causes
}

/// What the uids begin with that are given here; those of recorded objects begin otherwise.
const MADE: &str = "00000000-0000-4000-8000-";

/// A uid that no recorded object has.
pub(super) fn uid(seed: u64) -> String {
    format!("{MADE}{seed:012x}")
}

/// Whether an object was made here, rather than recorded.
pub(super) fn is_made(object: &Value) -> bool {
    object["metadata"]["uid"].as_str().is_some_and(|uid| uid.starts_with(MADE))
}

/// Letters of a generated name: others for each seed.
pub(super) fn letters(seed: u64, count: usize) -> String {
    // Any mixing will do that sets neighbouring seeds apart (the constants are those of splitmix64).
    let mut mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xbf58_476d_1ce4_e5b9;
    let mut text = String::new();
    for _ in 0..count {
        mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb);
        text.push(char::from(LETTERS[(mixed >> 33) as usize % LETTERS.len()]));
    }
    text
}
