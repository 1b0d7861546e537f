//! Pods: how they begin, become ready, fail as they were recorded to fail, and go.

use serde_json::{Value, json};

use super::super::create::is_made;
use super::super::resources::Resource;
use super::super::store::{Key, Store, key_of};
use super::super::{Moment, status_of, written};
use crate::demo::cures::Workload;
use crate::demo::shift::parse;

/// A pod to be made.
pub(super) struct Draft<'a> {
    pub workload: &'a Workload,
    pub name: String,
    pub generate_name: String,
    pub template: &'a Value,
    pub owner: Value,
    /// The label that carries the template's hash, and the hash.
    pub revision: Option<(&'static str, String)>,
    pub node: Option<String>,
}

/// Makes a pod; what becomes of it, [`settle`] says.
pub(super) fn make(store: &mut Store, moment: &Moment, draft: Draft) {
    let Some(kind) = store.kind("Pod") else { return };
    let mut metadata = draft.template["metadata"].clone();
    if !metadata.is_object() {
        metadata = json!({});
    }
    let seed = store.revision() + 1;
    metadata["name"] = json!(draft.name);
    metadata["namespace"] = json!(draft.workload.namespace);
    metadata["uid"] = json!(super::super::create::uid(seed));
    metadata["creationTimestamp"] = json!(moment.text);
    metadata["ownerReferences"] = draft.owner;
    metadata["generation"] = json!(1);
    if !draft.generate_name.is_empty() {
        metadata["generateName"] = json!(draft.generate_name);
    }
    if let Some((label, hash)) = draft.revision {
        metadata["labels"][label] = json!(hash);
    }
    let mut pod = json!({"metadata": metadata, "spec": draft.template["spec"], "status": {"phase": "Pending"}});
    let fixed = draft.template["spec"]["nodeName"].as_str().map(str::to_owned);
    if let Some(node) = draft.node.or(fixed).or_else(|| free_node(store)) {
        pod["spec"]["nodeName"] = json!(node);
    }
    store.put(&kind, pod);
}

/// A node that takes pods.
fn free_node(store: &Store) -> Option<String> {
    let nodes = store.kind("Node")?;
    let free = store.all(&nodes).find(|node| node["spec"]["unschedulable"] != true)?;
    free["metadata"]["name"].as_str().map(str::to_owned)
}

/// A name with random letters at its end.
pub(super) fn fresh_name(store: &Store, prefix: &str) -> String {
    format!("{prefix}{}", super::super::create::letters(store.revision() + 1, 5))
}

/// Brings a pod of a workload to the present, and says whether it is ready.
pub(super) fn settle(store: &mut Store, moment: &Moment, workload: &Workload, pod: &Value, template: &Value) -> bool {
    let Some(kind) = store.kind("Pod") else { return false };
    if !is_made(pod) {
        return status_of(pod, "Ready");
    }
    let began = pod["metadata"]["creationTimestamp"].as_str().and_then(parse);
    let old_enough = began.is_none_or(|at| at + store.controllers.takes() <= moment.now);
    let mut after = pod.clone();
    if pod["spec"]["nodeName"].is_null() {
        match free_node(store) {
            Some(node) => after["spec"]["nodeName"] = json!(node),
            None => {
                after["status"] = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
                    "reason": "Unschedulable", "message": "0/1 nodes are available: 1 node(s) were unschedulable."}]});
                super::put_if_changed(store, &kind, pod, after);
                return false;
            }
        }
    }
    let sick = store.controllers.sick.get(workload).cloned();
    let well = store.controllers.is_well(workload, template);
    let since = pod["status"]["startTime"].as_str().unwrap_or(&moment.text).to_owned();
    after["status"] = match (well, old_enough, sick) {
        (true, true, _) => running(&after, &since),
        (false, true, Some(sick)) => sick["status"].clone(),
        (_, _, _) => starting(&after, &since),
    };
    let ready = status_of(&after, "Ready");
    super::put_if_changed(store, &kind, pod, after);
    ready
}

fn starting(pod: &Value, since: &str) -> Value {
    let statuses = containers(pod, |_| {
        json!({"ready": false, "started": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ContainerCreating"}}, "lastState": {}})
    });
    json!({"phase": "Pending", "startTime": since, "conditions": conditions("False", since), "containerStatuses": statuses})
}

fn running(pod: &Value, since: &str) -> Value {
    let statuses = containers(pod, |_| {
        json!({"ready": true, "started": true, "restartCount": 0,
        "state": {"running": {"startedAt": since}}, "lastState": {}})
    });
    json!({"phase": "Running", "startTime": since, "conditions": conditions("True", since), "containerStatuses": statuses})
}

fn conditions(ready: &str, since: &str) -> Value {
    let one = |kind: &str, status: &str| json!({"type": kind, "status": status, "lastProbeTime": null, "lastTransitionTime": since});
    json!([one("Initialized", "True"), one("Ready", ready), one("ContainersReady", ready), one("PodScheduled", "True")])
}

fn containers(pod: &Value, state: impl Fn(&Value) -> Value) -> Vec<Value> {
    let items = pod["spec"]["containers"].as_array().into_iter().flatten();
    items
        .map(|container| {
            let mut status = state(container);
            status["name"] = container["name"].clone();
            status["image"] = container["image"].clone();
            status["imageID"] = json!("");
            status
        })
        .collect()
}

/// A Job's pod that came to its end.
pub(super) fn ended(pod: &Value, succeeded: bool, at: &str) -> Value {
    let code = if succeeded { 0 } else { 1 };
    let reason = if succeeded { "Completed" } else { "Error" };
    let started = pod["metadata"]["creationTimestamp"].clone();
    let statuses = containers(pod, |_| {
        json!({"ready": false, "started": false, "restartCount": 0, "lastState": {},
        "state": {"terminated": {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": at}}})
    });
    json!({"phase": if succeeded { "Succeeded" } else { "Failed" }, "startTime": started,
        "conditions": conditions("False", at), "containerStatuses": statuses})
}

/// Removes the pods whose end has come.
pub(super) fn bury(store: &mut Store, moment: &Moment) {
    let Some(kind) = store.kind("Pod") else { return };
    let takes = store.controllers.takes();
    let over = |pod: &Value| {
        let until = pod["metadata"]["deletionTimestamp"].as_str().and_then(parse)?;
        let grace = pod["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0);
        let began = until - chrono::TimeDelta::seconds(grace);
        (began + takes.min(chrono::TimeDelta::seconds(grace)) <= moment.now).then(|| key_of(pod))
    };
    let gone: Vec<Key> = store.all(&kind).filter_map(over).collect();
    for (namespace, name) in gone {
        store.remove(&kind, &namespace, &name);
    }
}

/// The pods that an object owns, those that are ending excepted.
pub(super) fn owned(store: &Store, owner: &Value) -> Vec<Value> {
    let Some(kind) = store.kind("Pod") else { return Vec::new() };
    let uid = &owner["metadata"]["uid"];
    let is_owned = |pod: &&Value| {
        pod["metadata"]["deletionTimestamp"].is_null()
            && pod["metadata"]["ownerReferences"].as_array().into_iter().flatten().any(|one| one["uid"] == *uid)
    };
    store.all(&kind).filter(is_owned).cloned().collect()
}

/// Lets a pod go as a controller does.
pub(super) fn dismiss(store: &mut Store, moment: &Moment, pod: &Value) {
    let Some(kind) = store.kind("Pod") else { return };
    let (namespace, name) = key_of(pod);
    if store.controllers.hurried || pod["spec"]["nodeName"].is_null() {
        store.remove(&kind, &namespace, &name);
        return;
    }
    let grace = pod["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(30);
    let mut ending = store.present(pod, moment.now, moment.end);
    ending["metadata"]["deletionTimestamp"] = json!(written(moment.now + chrono::TimeDelta::seconds(grace)));
    ending["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
    store.put(&kind, ending);
}

/// How a pod of the workload looks that is not well.
pub(super) fn sick(store: &Store, workload: &Workload) -> Option<Value> {
    let kind = store.kind("Pod")?;
    let is_sick = |pod: &&Value| {
        let belongs = super::root(store, &kind, pod).is_some_and(|(_, root)| root == *workload);
        belongs && !is_made(pod) && !status_of(pod, "Ready")
    };
    store.all(&kind).find(is_sick).cloned()
}

/// The pod template of a workload.
pub(super) fn template(store: &Store, workload: &Workload) -> Option<Value> {
    let kind = store.kind(&workload.kind)?;
    let object = store.stored(&kind, &workload.namespace, &workload.name)?;
    Some(object["spec"]["template"].clone())
}

/// A pod that nothing owns: it runs.
pub(super) fn lone(store: &mut Store, moment: &Moment, workload: &Workload) {
    let Some(kind) = store.kind("Pod") else { return };
    if let Some(pod) = store.stored(&kind, &workload.namespace, &workload.name).cloned() {
        settle(store, moment, workload, &pod, &json!({"spec": pod["spec"]}));
    }
}

/// The hash that a pod carries.
pub(super) fn revision(pod: &Value, label: &str) -> String {
    pod["metadata"]["labels"][label].as_str().unwrap_or_default().to_owned()
}

/// The kind of an object that is there.
pub(super) fn found(store: &Store, workload: &Workload) -> Option<(Resource, Value)> {
    let kind = store.kind(&workload.kind)?;
    let object = store.stored(&kind, &workload.namespace, &workload.name)?.clone();
    Some((kind, object))
}
