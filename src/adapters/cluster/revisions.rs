//! Revisions of a workload in one shape, and which changed what.

use chrono::{DateTime, Utc};
use k8s_openapi::api::apps::v1::{ControllerRevision, ReplicaSet};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};

use super::diff;
use super::time::at;
use crate::domain::cluster::Rollout;

/// Revisions kept: Deployments keep ten by default, and older ones explain no incident.
pub(super) const MAX_KEPT: usize = 10;

/// A ReplicaSet or ControllerRevision.
#[derive(Debug, Clone, Default)]
pub(super) struct Revision {
    pub number: i64,
    pub name: String,
    pub created_at: Option<DateTime<Utc>>,
    /// Pods it has now.
    pub replicas: i32,
    /// Pods the workload wanted when this was its revision.
    pub wanted: Option<i32>,
    pub cause: Option<String>,
    pub template: PodTemplateSpec,
    /// When the API server last saw the object's own fields written, which a rollback does.
    pub touched_at: Option<DateTime<Utc>>,
}

const REVISION: &str = "deployment.kubernetes.io/revision";
const ROLLOUT_REVISION: &str = "rollout.argoproj.io/revision";
const WANTED: &str = "deployment.kubernetes.io/desired-replicas";
const CAUSE: &str = "kubernetes.io/change-cause";

/// A ReplicaSet as a revision; `None` without a revision number, as it is then nobody's rollout.
pub(super) fn of_replica_set(set: ReplicaSet) -> Option<Revision> {
    let annotations = set.metadata.annotations.clone().unwrap_or_default();
    let number = annotations.get(REVISION).or_else(|| annotations.get(ROLLOUT_REVISION))?.parse().ok()?;
    let spec = set.spec.unwrap_or_default();
    Some(Revision {
        number,
        created_at: at(set.metadata.creation_timestamp.as_ref()),
        replicas: set.status.map_or(0, |status| status.replicas),
        wanted: annotations.get(WANTED).and_then(|wanted| wanted.parse().ok()),
        cause: annotations.get(CAUSE).cloned(),
        template: spec.template.unwrap_or_default(),
        touched_at: touched_at(&set.metadata, |_| true),
        name: set.metadata.name.unwrap_or_default(),
    })
}

/// A ControllerRevision as a revision. Its data is a patch that holds the whole template.
pub(super) fn of_controller_revision(revision: ControllerRevision) -> Revision {
    let template = revision.data.as_ref().and_then(|data| data.0.get("spec")?.get("template")).cloned();
    let mut template = template.unwrap_or_default();
    if let Some(fields) = template.as_object_mut() {
        fields.remove("$patch");
    }
    Revision {
        number: revision.revision,
        created_at: at(revision.metadata.creation_timestamp.as_ref()),
        cause: revision.metadata.annotations.as_ref().and_then(|all| all.get(CAUSE).cloned()),
        template: serde_json::from_value(template).unwrap_or_default(),
        touched_at: touched_at(&revision.metadata, |_| true),
        name: revision.metadata.name.unwrap_or_default(),
        ..Revision::default()
    }
}

/// When somebody last wrote fields of the object (not its status) for which `relevant` holds.
pub(super) fn touched_at(meta: &ObjectMeta, relevant: impl Fn(&ManagedFieldsEntry) -> bool) -> Option<DateTime<Utc>> {
    let entries = meta.managed_fields.iter().flatten();
    entries
        .filter(|entry| entry.subresource.is_none() && relevant(entry))
        .filter_map(|entry| at(entry.time.as_ref()))
        .max()
}

/// The revisions as rollouts, newest first, each compared with the one before. A revision that is older than its
/// predecessor came back in a rollback: its creation is not when it was rolled out, `rolled_back` is asked instead.
pub(super) fn rollouts(
    mut revisions: Vec<Revision>,
    rolled_back: impl Fn(&Revision, DateTime<Utc>) -> Option<DateTime<Utc>>,
) -> Vec<Rollout> {
    revisions.sort_by_key(|revision| std::cmp::Reverse(revision.number));
    let latest_before = |index: usize| revisions[index + 1..].iter().filter_map(|r| r.created_at).max();
    revisions
        .iter()
        .enumerate()
        .map(|(index, revision)| {
            let at = match (revision.created_at, latest_before(index)) {
                (Some(created), Some(before)) if created < before => rolled_back(revision, before),
                (created, _) => created,
            };
            Rollout {
                revision: revision.number,
                name: revision.name.clone(),
                at,
                replicas: revision.replicas,
                cause: revision.cause.clone(),
                changes: revisions.get(index + 1).map(|old| changes(old, revision)).unwrap_or_default(),
            }
        })
        .take(MAX_KEPT)
        .collect()
}

fn changes(old: &Revision, new: &Revision) -> Vec<String> {
    let mut lines = diff::templates(&old.template, &new.template);
    if let (Some(before), Some(after)) = (old.wanted, new.wanted)
        && before != after
    {
        lines.push(format!("replicas: {before} → {after}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(number: u32, minute: u32, image: &str) -> Revision {
        let set = json!({
            "metadata": {
                "name": format!("web-{image}"),
                "creationTimestamp": format!("2026-11-22T10:{minute:02}:00Z"),
                "annotations": {REVISION: number.to_string(), WANTED: "2"},
            },
            "spec": {
                "selector": {},
                "template": {"spec": {"containers": [{"name": "web", "image": image}]}},
            },
        });
        of_replica_set(serde_json::from_value(set).unwrap()).unwrap()
    }

    #[test]
    fn a_rollback_is_dated_by_the_rollback() {
        // Revision 1 came back as revision 3.
        let back: DateTime<Utc> = "2026-11-22T10:40:00Z".parse().unwrap();
        let rollouts = rollouts(vec![set(2, 30, "v2"), set(3, 10, "v1")], |_, _| Some(back));
        let seen: Vec<_> = rollouts.iter().map(|r| (r.revision, r.at, r.changes.join("; "))).collect();
        assert_eq!(seen[0], (3, Some(back), "image: v2 → v1".to_owned()));
        assert_eq!(seen[1].0, 2);
        assert_eq!(seen[1].2, "");
    }

    #[test]
    fn a_controller_revision_holds_its_template() {
        let revision = json!({
            "metadata": {"name": "db-7c9", "creationTimestamp": "2026-11-22T10:00:00Z"},
            "revision": 4,
            "data": {"spec": {"template": {"$patch": "replace", "spec": {"containers": [{"name": "db", "image": "pg:16"}]}}}},
        });
        let revision = of_controller_revision(serde_json::from_value(revision).unwrap());
        assert_eq!(revision.number, 4);
        assert_eq!(revision.template.spec.unwrap().containers[0].image.as_deref(), Some("pg:16"));
    }
}
