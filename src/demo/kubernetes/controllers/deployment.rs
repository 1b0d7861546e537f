//! Deployments: a ReplicaSet for each template, new pods first, old ones when the new are ready.

use serde_json::{Value, json};

use super::super::Moment;
use super::super::resources::Resource;
use super::super::store::{Store, key_of};
use super::pods::{self, Draft};
use super::{hash, owner, put_if_changed};
use crate::demo::cures::Workload;

const REVISION: &str = "deployment.kubernetes.io/revision";

/// Brings a Deployment to the present; whether its rollout is complete.
pub(super) fn reconcile(store: &mut Store, moment: &Moment, workload: &Workload) -> bool {
    let Some((kind, deployment)) = pods::found(store, workload) else { return false };
    let Some(sets) = store.kind("ReplicaSet") else { return false };
    let paused = deployment["spec"]["paused"] == true;
    let template = &deployment["spec"]["template"];
    let owned = replica_sets(store, &sets, &deployment);
    let newest = owned.iter().map(revision_of).max().unwrap_or(0);
    let current = owned.iter().find(|set| hash(&set["spec"]["template"]) == hash(template)).cloned();
    let current = match (current, paused) {
        (Some(set), true) => set,
        (Some(set), false) => promoted(store, &sets, set, newest),
        (None, true) => match owned.iter().max_by_key(|set| revision_of(set)) {
            Some(set) => set.clone(),
            None => return false,
        },
        (None, false) => made(store, moment, &sets, &kind, &deployment, newest + 1),
    };
    let wanted = usize::try_from(deployment["spec"]["replicas"].as_i64().unwrap_or(1)).unwrap_or(0);
    let ready = keep(store, moment, workload, &sets, &current, wanted);
    let recreates = deployment["spec"]["strategy"]["type"] == "Recreate";
    let mut old_left = 0;
    let mut old_ready = 0;
    for set in owned.iter().filter(|set| set["metadata"]["uid"] != current["metadata"]["uid"]) {
        let of_set = pods::owned(store, set);
        if ready >= wanted || recreates {
            for pod in &of_set {
                pods::dismiss(store, moment, pod);
            }
            count(store, &sets, set, 0, 0);
        } else {
            old_left += of_set.len();
            old_ready += of_set.iter().filter(|pod| super::super::status_of(pod, "Ready")).count();
        }
    }
    let has = pods::owned(store, &current).len();
    let mut after = deployment.clone();
    after["metadata"]["annotations"][REVISION] = json!(revision_of(&current).to_string());
    let available = ready + old_ready;
    let complete = ready >= wanted && old_left == 0 && has == wanted;
    let counts = Counts { has, old: old_left, available, wanted, complete };
    after["status"] = status(&deployment, moment, &counts, &current);
    put_if_changed(store, &kind, &deployment, after);
    complete && wanted > 0
}

fn replica_sets(store: &Store, sets: &Resource, deployment: &Value) -> Vec<Value> {
    let uid = &deployment["metadata"]["uid"];
    let is_owned = |set: &&Value| {
        set["metadata"]["ownerReferences"].as_array().into_iter().flatten().any(|one| one["uid"] == *uid)
    };
    store.all(sets).filter(is_owned).cloned().collect()
}

fn revision_of(set: &Value) -> i64 {
    set["metadata"]["annotations"][REVISION].as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// An earlier ReplicaSet that is current again becomes the newest revision.
fn promoted(store: &mut Store, sets: &Resource, set: Value, newest: i64) -> Value {
    if revision_of(&set) == newest {
        return set;
    }
    let mut set = set;
    set["metadata"]["annotations"][REVISION] = json!((newest + 1).to_string());
    store.put(sets, set)
}

fn made(
    store: &mut Store,
    moment: &Moment,
    sets: &Resource,
    kind: &Resource,
    deployment: &Value,
    revision: i64,
) -> Value {
    let (namespace, name) = key_of(deployment);
    let hash = hash(&deployment["spec"]["template"]);
    let mut template = deployment["spec"]["template"].clone();
    template["metadata"]["labels"]["pod-template-hash"] = json!(hash);
    let mut selector = deployment["spec"]["selector"].clone();
    selector["matchLabels"]["pod-template-hash"] = json!(hash);
    let seed = store.revision() + 1;
    let set = json!({
        "metadata": {
            "name": format!("{name}-{hash}"), "namespace": namespace, "uid": super::super::create::uid(seed),
            "creationTimestamp": moment.text, "generation": 1, "labels": template["metadata"]["labels"],
            "annotations": {REVISION: revision.to_string()}, "ownerReferences": owner(kind, deployment),
        },
        "spec": {"replicas": 0, "selector": selector, "template": template},
        "status": {"replicas": 0},
    });
    store.put(sets, set)
}

/// Makes and dismisses pods until there are as many as wanted; how many are ready.
fn keep(store: &mut Store, moment: &Moment, workload: &Workload, sets: &Resource, set: &Value, wanted: usize) -> usize {
    let template = &set["spec"]["template"];
    let has = pods::owned(store, set);
    let hash = template["metadata"]["labels"]["pod-template-hash"].as_str().unwrap_or_default().to_owned();
    for _ in has.len()..wanted {
        let (_, set_name) = key_of(set);
        let prefix = format!("{set_name}-");
        let name = pods::fresh_name(store, &prefix);
        pods::make(
            store,
            moment,
            Draft {
                workload,
                name,
                generate_name: prefix,
                template,
                owner: owner(sets, set),
                revision: Some(("pod-template-hash", hash.clone())),
                node: None,
            },
        );
    }
    for pod in has.iter().skip(wanted) {
        pods::dismiss(store, moment, pod);
    }
    let now: Vec<Value> = pods::owned(store, set);
    let ready = now.iter().filter(|pod| pods::settle(store, moment, workload, pod, template)).count();
    count(store, sets, set, now.len(), ready);
    ready
}

fn count(store: &mut Store, sets: &Resource, set: &Value, has: usize, ready: usize) {
    let (namespace, name) = key_of(set);
    let Some(before) = store.stored(sets, &namespace, &name).cloned() else { return };
    let mut after = before.clone();
    after["spec"]["replicas"] = json!(has);
    after["status"]["replicas"] = json!(has);
    after["status"]["readyReplicas"] = json!(ready);
    after["status"]["availableReplicas"] = json!(ready);
    if has == 0 {
        after["status"] = json!({"replicas": 0, "observedGeneration": before["metadata"]["generation"]});
    }
    put_if_changed(store, sets, &before, after);
}

/// The pods of a Deployment.
struct Counts {
    /// Those of the present template.
    has: usize,
    /// Those of earlier ones.
    old: usize,
    available: usize,
    wanted: usize,
    /// Whether the rollout is.
    complete: bool,
}

fn status(deployment: &Value, moment: &Moment, counts: &Counts, set: &Value) -> Value {
    let Counts { has, old, available, wanted, complete } = *counts;
    let mut status = json!({"observedGeneration": deployment["metadata"]["generation"], "replicas": has + old, "updatedReplicas": has});
    if available > 0 {
        status["readyReplicas"] = json!(available);
        status["availableReplicas"] = json!(available);
    }
    if available < wanted {
        status["unavailableReplicas"] = json!(wanted - available);
    }
    let name = set["metadata"]["name"].as_str().unwrap_or_default();
    let enough = available * 4 >= wanted * 3;
    let (is_available, why, text) = if enough {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    let (reason, message) = if complete {
        ("NewReplicaSetAvailable", format!("ReplicaSet {name:?} has successfully progressed."))
    } else {
        ("ReplicaSetUpdated", format!("ReplicaSet {name:?} is progressing."))
    };
    let since = |kind: &str, value: &str| {
        let known = deployment["status"]["conditions"].as_array().into_iter().flatten();
        let same = known.into_iter().find(|one| one["type"] == *kind && one["status"] == *value);
        same.and_then(|one| one["lastTransitionTime"].as_str()).unwrap_or(&moment.text).to_owned()
    };
    let one = |kind: &str, value: &str, reason: &str, message: &str| {
        let at = since(kind, value);
        json!({"type": kind, "status": value, "lastUpdateTime": at, "lastTransitionTime": at, "reason": reason, "message": message})
    };
    status["conditions"] =
        json!([one("Available", is_available, why, text), one("Progressing", "True", reason, &message)]);
    status
}
