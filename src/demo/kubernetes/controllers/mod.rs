//! The controllers: what a cluster does by itself after a write, as far as somebody who verifies an action can see it.
//!
//! Only workloads that were written to are reconciled; all others stay as they were recorded. Each run brings every such
//! workload to the state that it has by now; a pod becomes ready, and a deleted one is gone, after a little of the
//! world's time.

mod deployment;
mod job;
mod node_pods;
mod pods;
mod revisions;

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::Moment;
use super::resources::Resource;
use super::store::{Store, key_of};
use crate::demo::cures::{Cure, Truth, Workload};

/// How long a pod takes to become ready, to go, or (of a Job) to finish.
const POD_TAKES: TimeDelta = TimeDelta::seconds(3);

/// What the controllers remember between runs.
#[derive(Debug, Default)]
pub(super) struct Controllers {
    /// The workloads that they look after, by kind, namespace and name.
    looked_after: BTreeSet<Workload>,
    /// How a pod of a workload looked that was not well, before anything was done about it.
    sick: BTreeMap<Workload, Value>,
    /// Those of which a cure was told.
    told: BTreeSet<(Workload, String)>,
    truth: Truth,
    /// Nothing takes time any more.
    pub hurried: bool,
}

impl Controllers {
    pub fn new(truth: Truth) -> Self {
        Self { truth, ..Self::default() }
    }

    fn takes(&self) -> TimeDelta {
        if self.hurried { TimeDelta::zero() } else { POD_TAKES }
    }

    /// Whether a pod of this template will do well.
    fn is_well(&self, workload: &Workload, template: &Value) -> bool {
        match self.truth.is_well(workload, template) {
            Some(well) => well,
            None => !self.sick.get(workload).is_some_and(|sick| same_spec(&sick["spec"], &template["spec"])),
        }
    }
}

/// Whether two pod specs name the same containers with the same images and variables.
fn same_spec(one: &Value, other: &Value) -> bool {
    let essence = |spec: &Value| {
        let containers = spec["containers"].as_array().into_iter().flatten();
        containers
            .map(|container| {
                json!([
                    container["name"],
                    container["image"],
                    container["env"],
                    container["args"],
                    container["resources"]
                ])
            })
            .collect::<Vec<_>>()
    };
    essence(one) == essence(other)
}

/// From now on the workload of this object is looked after. Called before the write, so that what was can be kept.
pub(super) fn touched(store: &mut Store, moment: &Moment, resource: &Resource, object: &Value) {
    if resource.kind == "Namespace" || resource.kind == "Node" {
        return;
    }
    let Some((kind, workload)) = root(store, resource, object) else { return };
    if let Some(sick) = pods::sick(store, &workload) {
        store.controllers.sick.entry(workload.clone()).or_insert(sick);
    }
    if matches!(workload.kind.as_str(), "StatefulSet" | "DaemonSet")
        && let Some(current) = store.stored(&kind, &workload.namespace, &workload.name).cloned()
    {
        revisions::keep(store, moment, &workload, &current);
    }
    store.controllers.looked_after.insert(workload);
}

/// What an object belongs to in the end.
fn root(store: &Store, resource: &Resource, object: &Value) -> Option<(Resource, Workload)> {
    let mut resource = resource.clone();
    let mut object = object.clone();
    loop {
        let owner = object["metadata"]["ownerReferences"].as_array().and_then(|owners| owners.first()).cloned();
        let above = owner.and_then(|owner| {
            let kind = store.kind(owner["kind"].as_str()?)?;
            let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
            let found = store.stored(&kind, namespace, owner["name"].as_str()?)?;
            // A Job is looked after itself: its CronJob does nothing here.
            (kind.kind != "CronJob").then(|| (kind, found.clone()))
        });
        match above {
            Some((kind, found)) => (resource, object) = (kind, found),
            None => break,
        }
    }
    let (namespace, name) = key_of(&object);
    let workload = Workload { kind: resource.kind.clone(), namespace, name };
    Some((resource, workload))
}

/// Brings everything that is looked after to the present, and returns what was cured meanwhile.
pub(super) fn run(store: &mut Store, moment: &Moment) -> Vec<Cure> {
    pods::bury(store, moment);
    let mut cures = Vec::new();
    for workload in store.controllers.looked_after.clone() {
        let done = match workload.kind.as_str() {
            "Deployment" => deployment::reconcile(store, moment, &workload),
            "StatefulSet" | "DaemonSet" => node_pods::reconcile(store, moment, &workload),
            "Job" => job::reconcile(store, moment, &workload),
            "HorizontalPodAutoscaler" => {
                autoscale(store, moment, &workload);
                false
            }
            "Pod" => {
                pods::lone(store, moment, &workload);
                false
            }
            _ => false,
        };
        let template = pods::template(store, &workload).unwrap_or_default();
        let essence = template["spec"].to_string();
        if done && store.controllers.told.insert((workload.clone(), essence)) {
            cures.push(Cure { workload, at: moment.now, template });
        }
    }
    cures
}

/// Keeps the scaled workload between the bounds.
fn autoscale(store: &mut Store, moment: &Moment, workload: &Workload) {
    let Some(kind) = store.kind("HorizontalPodAutoscaler") else { return };
    let Some(hpa) = store.stored(&kind, &workload.namespace, &workload.name).cloned() else { return };
    let target = &hpa["spec"]["scaleTargetRef"];
    let (Some(target_kind), Some(name)) =
        (target["kind"].as_str().and_then(|kind| store.kind(kind)), target["name"].as_str())
    else {
        return;
    };
    let Some(scaled) = store.stored(&target_kind, &workload.namespace, name).cloned() else { return };
    let has = scaled["spec"]["replicas"].as_i64().unwrap_or(1);
    let (min, max) =
        (hpa["spec"]["minReplicas"].as_i64().unwrap_or(1), hpa["spec"]["maxReplicas"].as_i64().unwrap_or(1));
    let wanted = has.clamp(min.min(max), max);
    if wanted != has {
        touched(store, moment, &target_kind, &scaled);
        let mut scaled = scaled;
        scaled["spec"]["replicas"] = json!(wanted);
        scaled["metadata"]["generation"] = json!(scaled["metadata"]["generation"].as_i64().unwrap_or(1) + 1);
        store.put(&target_kind, scaled);
    }
    let mut after = hpa.clone();
    after["status"]["currentReplicas"] = json!(wanted);
    after["status"]["desiredReplicas"] = json!(wanted);
    put_if_changed(store, &kind, &hpa, after);
}

/// Stores an object unless it is as before.
fn put_if_changed(store: &mut Store, resource: &Resource, before: &Value, after: Value) {
    if *before != after {
        store.put(resource, after);
    }
}

/// A short text that differs where the template does.
fn hash(template: &Value) -> String {
    let mut bare = template.clone();
    for label in ["pod-template-hash", "controller-revision-hash"] {
        if let Some(labels) = bare["metadata"]["labels"].as_object_mut() {
            labels.remove(label);
        }
    }
    let text = bare.to_string();
    // FNV-1a, as Kubernetes has it.
    let number = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    super::create::letters(number, 9)
}

/// A reference to the owner.
fn owner(kind: &Resource, object: &Value) -> Value {
    json!([{
        "apiVersion": kind.api_version(), "kind": kind.kind, "name": object["metadata"]["name"],
        "uid": object["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
    }])
}
