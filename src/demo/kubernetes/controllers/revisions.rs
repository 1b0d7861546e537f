//! ControllerRevisions: the history of StatefulSets and DaemonSets.

use serde_json::{Value, json};

use super::super::Moment;
use super::super::store::Store;
use super::{hash, owner};
use crate::demo::cures::Workload;

/// Makes sure that there is a revision for the object's template, and that it is the newest; returns its name.
pub(super) fn keep(store: &mut Store, moment: &Moment, workload: &Workload, object: &Value) -> String {
    let hash = hash(&object["spec"]["template"]);
    let name = format!("{}-{hash}", workload.name);
    let (Some(kind), Some(revisions)) = (store.kind(&workload.kind), store.kind("ControllerRevision")) else {
        return name;
    };
    let uid = &object["metadata"]["uid"];
    let of_object = |one: &&Value| {
        one["metadata"]["ownerReferences"].as_array().into_iter().flatten().any(|owner| owner["uid"] == *uid)
    };
    let newest = store.all(&revisions).filter(of_object).filter_map(|one| one["revision"].as_i64()).max().unwrap_or(0);
    match store.stored(&revisions, &workload.namespace, &name).cloned() {
        Some(known) if known["revision"] == newest => {}
        Some(mut known) => {
            known["revision"] = json!(newest + 1);
            store.put(&revisions, known);
        }
        None => {
            let mut template = object["spec"]["template"].clone();
            template["$patch"] = json!("replace");
            let seed = store.revision() + 1;
            let revision = json!({
                "metadata": {"name": name, "namespace": workload.namespace, "uid": super::super::create::uid(seed),
                    "creationTimestamp": moment.text, "labels": object["spec"]["selector"]["matchLabels"],
                    "ownerReferences": owner(&kind, object)},
                "data": {"spec": {"template": template}},
                "revision": newest + 1,
            });
            store.put(&revisions, revision);
        }
    }
    name
}
