//! Which events belong to a question: those of a workload include its pods', also of pods that are gone.

use std::collections::BTreeSet;

use crate::domain::cluster::WorkloadState;
use crate::domain::subject::{ObjectRef, SubjectKind};

/// Whose events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventScope {
    /// Everything in the namespace.
    All,
    /// Objects with this name, or with one that goes on with `-`.
    Beginning(String),
    /// Objects with one of these names, and pods, ReplicaSets and Jobs whose name is one of `families` plus a suffix.
    Of {
        /// Exact names.
        names: BTreeSet<String>,
        /// ReplicaSets, Jobs, StatefulSets and DaemonSets, whose pods are called `<family>-<suffix>`.
        families: BTreeSet<String>,
    },
}

impl EventScope {
    /// A workload with all that belongs to it.
    pub fn workload(object: &ObjectRef, state: &WorkloadState) -> Self {
        let mut names = BTreeSet::from([object.name.clone()]);
        names.extend(state.pods.iter().map(|pod| pod.name.clone()));
        names.extend(state.claims.iter().map(|claim| claim.name.clone()));
        names.extend(state.autoscaler.iter().map(|autoscaler| autoscaler.name.clone()));
        names.extend(state.rollouts.iter().map(|rollout| rollout.name.clone()));
        names.extend(state.jobs.iter().map(|job| job.name.clone()));
        let mut families: BTreeSet<String> = state.jobs.iter().map(|job| job.name.clone()).collect();
        match object.kind {
            // A CronJob's Jobs are deleted soon; their events stay for an hour.
            SubjectKind::CronJob | SubjectKind::StatefulSet | SubjectKind::DaemonSet | SubjectKind::Job => {
                families.insert(object.name.clone());
            }
            SubjectKind::Deployment | SubjectKind::Workload => {
                families.extend(state.rollouts.iter().map(|rollout| rollout.name.clone()));
                // A custom resource may own its pods itself.
                families.extend((state.rollouts.is_empty()).then(|| object.name.clone()));
            }
            _ => {}
        }
        Self::Of { names, families }
    }

    /// Everything whose name begins with this one: for a question, a sibling too many is better than a pod too few.
    pub fn beginning(name: &str) -> Self {
        Self::Beginning(name.to_owned())
    }

    /// One object and nothing else.
    pub fn object(name: &str) -> Self {
        Self::Of { names: BTreeSet::from([name.to_owned()]), families: BTreeSet::new() }
    }

    /// Whether an event about the object `kind`/`name` belongs here.
    pub(super) fn holds(&self, kind: &str, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Beginning(first) => {
                name.strip_prefix(first.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            }
            Self::Of { names, families } => {
                names.contains(name)
                    || (matches!(kind, "Pod" | "ReplicaSet" | "Job" | "PersistentVolumeClaim")
                        && families.iter().any(|family| is_child(family, name)))
            }
        }
    }
}

/// Whether `name` is `family` with one or two generated suffixes: `web-7b54f-x2x9k`, `db-0`, `report-29923134-4dfx6`.
/// A sibling such as `web-admin-0` for the family `web` is not told apart from a Job's pod unless its suffix is a word.
fn is_child(family: &str, name: &str) -> bool {
    let Some(suffix) = name.strip_prefix(family).and_then(|rest| rest.strip_prefix('-')) else { return false };
    let parts: Vec<&str> = suffix.split('-').collect();
    let generated = |part: &&str| {
        let digits = part.bytes().all(|b| b.is_ascii_digit());
        let random = part.len() == 5 && !part.bytes().any(|b| b"aeiouy".contains(&b));
        digits || random
    };
    match parts.as_slice() {
        [last] => generated(last),
        // The Job of a CronJob, and its pod.
        [run, last] => run.bytes().all(|b| b.is_ascii_digit()) && generated(last),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_by_their_names() {
        for (family, name, expected) in [
            ("web-7464b59bfd", "web-7464b59bfd-6rjrg", true),
            ("db", "db-0", true),
            ("db", "db-12", true),
            ("gateway", "gateway-fn5lc", true),
            ("gateway", "gateway-admin", false),
            ("report", "report-29923134", true),
            ("report", "report-29923134-4dfx6", true),
            ("web", "web-admin-0", false),
            ("web", "webhook-0", false),
        ] {
            assert_eq!(is_child(family, name), expected, "{family} {name}");
        }
    }
}
