//! What would help in a recorded world, and what did: the truth that the simulated controllers go by, and the cures that
//! the other simulated neighbours follow.
//!
//! A world says it in `cures.json`: for each sick workload, what its pods need to be well. One that nothing helps has an
//! empty list; one that is not named is well with any template but the one that was recorded as sick.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

/// More cures than this are not remembered: each is an action of a person.
const MAX_CURES: usize = 1_000;

/// A workload by kind, namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Workload {
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

/// What a container needs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Need {
    container: String,
    /// It has this variable …
    env: Option<String>,
    /// … with this value.
    value: Option<String>,
    /// Its memory limit is at least this.
    memory: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Entry {
    #[serde(flatten)]
    workload: Workload,
    /// One of these is enough.
    well_with: Vec<Need>,
}

/// What would help.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Truth(Vec<Entry>);

impl Truth {
    /// Reads `cures.json`.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }

    /// Whether pods of this template are well; `None` where the world does not say.
    pub fn is_well(&self, workload: &Workload, template: &Value) -> Option<bool> {
        let entry = self.0.iter().find(|entry| entry.workload == *workload)?;
        Some(entry.well_with.iter().any(|need| need.is_met(template)))
    }

    /// Whether a run of a CronJob, or a repetition of a Job, does well: their names begin with that of the CronJob.
    pub fn of_run(&self, namespace: &str, job: &str) -> Option<bool> {
        let is_it = |entry: &&Entry| entry.workload.namespace == namespace && job.starts_with(&entry.workload.name);
        self.0.iter().find(is_it).map(|entry| !entry.well_with.is_empty())
    }
}

impl Need {
    fn is_met(&self, template: &Value) -> bool {
        let containers = template["spec"]["containers"].as_array();
        let Some(container) = containers.into_iter().flatten().find(|one| one["name"] == *self.container) else {
            return false;
        };
        let variable = self.env.as_ref().is_none_or(|name| {
            let variables = container["env"].as_array().into_iter().flatten();
            let mut found = variables.filter(|one| one["name"] == **name);
            found.any(|one| self.value.as_ref().is_none_or(|value| one["value"] == **value))
        });
        let memory = self.memory.as_ref().is_none_or(|least| {
            let limit = &container["resources"]["limits"]["memory"];
            let bytes = super::kubernetes::quantity;
            // No limit is more than any.
            limit.is_null() || bytes(limit) >= bytes(&Value::String(least.clone()))
        });
        variable && memory
    }
}

/// A workload whose pods are all well since an action.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cure {
    pub workload: Workload,
    pub at: DateTime<Utc>,
    /// With which template.
    pub template: Value,
}

impl Cure {
    /// Whether something with these labels is about the workload: its Deployment, or one of its pods.
    pub fn is_about(&self, label: impl Fn(&str) -> Option<String>) -> bool {
        let Workload { kind, namespace, name } = &self.workload;
        if label("namespace").as_ref() != Some(namespace) {
            return false;
        }
        let pods = format!("{name}-");
        label(&kind.to_lowercase()).is_some_and(|named| named == *name)
            || label("pod").is_some_and(|pod| pod.starts_with(&pods))
    }
}

/// The cures so far. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Cures(Arc<Mutex<Vec<Cure>>>);

impl Cures {
    /// Adds what was cured.
    pub fn add(&self, cures: Vec<Cure>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for cure in cures.into_iter().take(MAX_CURES.saturating_sub(known.len())) {
            known.push(cure);
        }
    }

    /// All of them, oldest first.
    pub fn all(&self) -> Vec<Cure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_truth_of_the_shop() {
        let truth = Truth::read(include_str!("worlds/shop/cures.json")).unwrap();
        let workload = |namespace: &str, name: &str| Workload {
            kind: "Deployment".into(),
            namespace: namespace.into(),
            name: name.into(),
        };
        let template = |name: &str, env: Value, memory: &str| json!({"spec": {"containers": [{"name": name, "env": env, "resources": {"limits": {"memory": memory}}}]}});
        let eager = json!([{"name": "CACHE_WARMUP", "value": "eager"}]);
        let off = json!([{"name": "CACHE_WARMUP", "value": "off"}]);
        for (name, template, well) in [
            ("checkout", template("checkout", eager.clone(), "48Mi"), Some(false)),
            ("checkout", template("checkout", eager, "128Mi"), Some(true)),
            ("checkout", template("checkout", off, "48Mi"), Some(true)),
            ("payments", template("payments", json!([]), "32Mi"), Some(false)),
            ("payments", template("payments", json!([{"name": "DATABASE_URL", "value": "x"}]), "32Mi"), Some(true)),
            ("catalog", template("catalog", json!([]), "32Mi"), Some(false)),
            ("frontend", template("nginx", json!([]), "32Mi"), None),
        ] {
            assert_eq!(truth.is_well(&workload("shop", name), &template), well, "{name} {template}");
        }
        assert_eq!(truth.of_run("batch", "nightly-report-29923134-again"), Some(false));
        assert_eq!(truth.of_run("batch", "other-1"), None);
    }
}
