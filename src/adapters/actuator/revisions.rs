//! The history of a workload: the template of an earlier revision, and which one is current.

use serde_json::{Value, json};

use super::place::{Place, REPLICA_SETS, REVISIONS};
use super::{Actuator, ActuatorError};
use crate::domain::action::{RolloutKind, Workload};

/// Where a Deployment's controller writes a revision's number.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// What is known of a workload's history.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    /// Numbers and templates (as patches that replace the template).
    kept: Vec<(i64, Value)>,
    /// The current one's number.
    pub current: Option<i64>,
}

impl History {
    /// The template of a revision, as a patch of `spec.template`.
    pub fn template(&self, revision: i64) -> Option<&Value> {
        self.kept.iter().find(|(number, _)| *number == revision).map(|(_, template)| template)
    }

    /// The numbers that are kept, ascending.
    pub fn numbers(&self) -> Vec<i64> {
        let mut numbers: Vec<i64> = self.kept.iter().map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        numbers
    }
}

impl Actuator {
    /// Reads the history of a workload.
    pub(super) async fn history(&self, workload: &Workload, object: &Value) -> Result<History, ActuatorError> {
        let namespace = Some(workload.namespace.as_str());
        let selector = selector(object);
        let uid = &object["metadata"]["uid"];
        let owned = |item: &&Value| {
            item["metadata"]["ownerReferences"].as_array().into_iter().flatten().any(|owner| owner["uid"] == *uid)
        };
        if workload.kind == RolloutKind::Deployment {
            let sets = self.api.list(&Place::new(REPLICA_SETS, namespace, ""), &selector).await?;
            let number = |object: &Value| object["metadata"]["annotations"][REVISION].as_str()?.parse::<i64>().ok();
            let kept = sets
                .iter()
                .filter(owned)
                .filter_map(|set| Some((number(set)?, without_hash(&set["spec"]["template"]))));
            return Ok(History { kept: kept.collect(), current: number(object) });
        }
        let revisions = self.api.list(&Place::new(REVISIONS, namespace, ""), &selector).await?;
        let owned: Vec<&Value> = revisions.iter().filter(owned).collect();
        let named = object["status"]["updateRevision"].as_str();
        let current = owned.iter().find(|one| named.is_some() && one["metadata"]["name"].as_str() == named);
        let current = current.and_then(|one| one["revision"].as_i64());
        let newest = owned.iter().filter_map(|one| one["revision"].as_i64()).max();
        let kept = owned
            .iter()
            .filter_map(|one| Some((one["revision"].as_i64()?, replacing(&one["data"]["spec"]["template"]))));
        Ok(History { kept: kept.collect(), current: current.or(newest) })
    }
}

/// The template without the label that the ReplicaSet's controller adds.
fn without_hash(template: &Value) -> Value {
    let mut template = replacing(template);
    if let Some(labels) = template["metadata"]["labels"].as_object_mut() {
        labels.remove("pod-template-hash");
    }
    template
}

/// A patch that replaces the whole template, rather than merging into it.
fn replacing(template: &Value) -> Value {
    let mut template = template.clone();
    template["$patch"] = json!("replace");
    template
}

/// The workload's own selector, as a query.
fn selector(object: &Value) -> String {
    let labels = object["spec"]["selector"]["matchLabels"].as_object();
    let terms: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name}%3D{}", value.as_str().unwrap_or_default()).replace('/', "%2F"))
        .collect();
    format!("labelSelector={}", terms.join("%2C"))
}
