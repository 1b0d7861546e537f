//! StatefulSets and DaemonSets: pods with fixed names, or one on each node.

use serde_json::{Value, json};

use super::super::Moment;
use super::super::store::{Store, key_of};
use super::pods::{self, Draft};
use super::{owner, put_if_changed, revisions};
use crate::demo::cures::Workload;

const LABEL: &str = "controller-revision-hash";

/// Brings one to the present; whether its rollout is complete.
pub(super) fn reconcile(store: &mut Store, moment: &Moment, workload: &Workload) -> bool {
    let Some((kind, object)) = pods::found(store, workload) else { return false };
    let revision = revisions::keep(store, moment, workload, &object);
    let hash = revision.rsplit('-').next().unwrap_or_default().to_owned();
    // A StatefulSet's label is the revision's whole name, a DaemonSet's the hash alone.
    let value = if workload.kind == "StatefulSet" { revision.clone() } else { hash };
    let places = places(store, workload, &object);
    let template = &object["spec"]["template"];
    let mut ready = 0;
    for pod in pods::owned(store, &object) {
        let (_, name) = key_of(&pod);
        let place = places.iter().any(|place| match place {
            Place::Named(wanted) => *wanted == name,
            Place::Node(node) => pod["spec"]["nodeName"] == *node,
        });
        // A recorded pod of an unchanged template does not carry our hash.
        let stale = pods::revision(&pod, LABEL) != value && !carries(&pod, template);
        if !place || stale {
            pods::dismiss(store, moment, &pod);
        }
    }
    let has = pods::owned(store, &object);
    for place in &places {
        let (name, prefix, node) = match place {
            Place::Named(name) => (name.clone(), String::new(), None),
            Place::Node(node) => {
                let prefix = format!("{}-", workload.name);
                (pods::fresh_name(store, &prefix), prefix, Some(node.clone()))
            }
        };
        let taken = has.iter().any(|pod| match place {
            Place::Named(name) => key_of(pod).1 == *name,
            Place::Node(node) => pod["spec"]["nodeName"] == **node,
        });
        let kept = store.kind("Pod").is_some_and(|pods| store.stored(&pods, &workload.namespace, &name).is_some());
        if !taken && !kept {
            let draft = Draft {
                workload,
                name,
                generate_name: prefix,
                template,
                owner: owner(&kind, &object),
                revision: Some((LABEL, value.clone())),
                node,
            };
            pods::make(store, moment, draft);
        }
    }
    let now = pods::owned(store, &object);
    for pod in &now {
        ready += usize::from(pods::settle(store, moment, workload, pod, template));
    }
    let updated = now.iter().filter(|pod| pods::revision(pod, LABEL) == value || carries(pod, template)).count();
    let complete = ready >= places.len() && updated >= places.len();
    let mut after = object.clone();
    let generation = object["metadata"]["generation"].clone();
    after["status"] = if workload.kind == "StatefulSet" {
        let current = if complete { json!(revision) } else { object["status"]["currentRevision"].clone() };
        json!({"observedGeneration": generation, "replicas": now.len(), "readyReplicas": ready, "availableReplicas": ready,
            "updatedReplicas": updated, "currentReplicas": now.len(), "currentRevision": current, "updateRevision": revision,
            "collisionCount": 0})
    } else {
        json!({"observedGeneration": generation, "desiredNumberScheduled": places.len(), "currentNumberScheduled": now.len(),
            "numberReady": ready, "numberAvailable": ready, "updatedNumberScheduled": updated, "numberMisscheduled": 0})
    };
    put_if_changed(store, &kind, &object, after);
    complete && !places.is_empty()
}

enum Place {
    Named(String),
    Node(String),
}

fn places(store: &Store, workload: &Workload, object: &Value) -> Vec<Place> {
    if workload.kind == "StatefulSet" {
        let count = object["spec"]["replicas"].as_i64().unwrap_or(1);
        return (0..count).map(|index| Place::Named(format!("{}-{index}", workload.name))).collect();
    }
    let Some(nodes) = store.kind("Node") else { return Vec::new() };
    store
        .all(&nodes)
        .filter_map(|node| node["metadata"]["name"].as_str())
        .map(|name| Place::Node(name.to_owned()))
        .collect()
}

/// Whether a pod was made from this template, as far as its annotations and containers tell.
fn carries(pod: &Value, template: &Value) -> bool {
    const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";
    super::same_spec(&pod["spec"], &template["spec"])
        && pod["metadata"]["annotations"][RESTARTED] == template["metadata"]["annotations"][RESTARTED]
}
