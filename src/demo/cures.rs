//! What would help in a recorded world, and what did: the truth that the simulated controllers go by, and the cures that
//! the other simulated neighbours follow.
//!
//! A world says it in `cures.json`: for each sick workload, what its pods need to be well. One that nothing helps has an
//! empty list; one that is not named is well with any template but the one that was recorded as sick.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::domain::subject::owner_of_pod;

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

    /// Whether a run of a CronJob, or a repetition of a Job, does well: their names begin with its name.
    pub fn of_run(&self, namespace: &str, job: &str) -> Option<bool> {
        let is_it = |entry: &&Entry| {
            let Workload { kind, namespace: place, name } = &entry.workload;
            let begins = job.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
            matches!(kind.as_str(), "CronJob" | "Job") && place == namespace && begins
        };
        // Of `report` and `report-weekly` the longer one is meant by `report-weekly-29923134`.
        let entry = self.0.iter().filter(is_it).max_by_key(|entry| entry.workload.name.len())?;
        Some(!entry.well_with.is_empty())
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

/// A workload whose pods are all well since an action. It is not taken back when they are sick again.
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
        // A series' `job` is who scraped it.
        let own = if kind == "Job" { "job_name".to_owned() } else { kind.to_lowercase() };
        label("namespace").as_ref() == Some(namespace)
            && (label(&own).as_ref() == Some(name) || label("pod").is_some_and(|pod| owner_of_pod(&pod).1 == *name))
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
        assert_eq!(truth.of_run("batch", "nightly-reporter-1"), None);
        assert_eq!(truth.of_run("edge", "gateway-1"), None, "a DaemonSet has no runs");
    }

    #[test]
    fn a_cure_is_about_its_own_workload_alone() {
        let cure = |kind: &str, name: &str| Cure {
            workload: Workload { kind: kind.into(), namespace: "shop".into(), name: name.into() },
            at: DateTime::UNIX_EPOCH,
            template: Value::Null,
        };
        let web = cure("Deployment", "web");
        let about = |cure: &Cure, label: &str, value: &str| {
            cure.is_about(|name| match name {
                "namespace" => Some("shop".to_owned()),
                name => (name == label).then(|| value.to_owned()),
            })
        };
        assert!(about(&web, "pod", "web-7464b59bfd-6rjrg") && about(&web, "deployment", "web"));
        assert!(!about(&web, "pod", "web-worker-7464b59bfd-6rjrg") && !about(&web, "deployment", "web-worker"));
        let job = cure("Job", "kubelet");
        assert!(about(&job, "job_name", "kubelet") && !about(&job, "job", "kubelet"), "who scraped is not meant");
    }
}
