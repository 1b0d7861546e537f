//! A workload's rollout history: its ReplicaSets or ControllerRevisions, and when each was rolled out.

use chrono::{DateTime, Utc};
use k8s_openapi::api::apps::v1::{ControllerRevision, ReplicaSet};
use k8s_openapi::api::core::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;

use super::api::Query;
use super::owners::is_owned_by;
use super::revisions::{self, Revision};
use super::shape::Shape;
use super::time::at;
use super::{Cluster, ClusterError};
use crate::domain::cluster::Rollout;
use crate::domain::subject::{ObjectRef, SubjectKind};

/// ReplicaSets looked at: a selector finds one workload's, of which Deployments keep ten by default.
const MAX_REVISIONS: usize = 200;
/// Scaling events looked at to date a rollback; they live for an hour.
const MAX_EVENTS: usize = 500;

/// Whether the workload's autoscaler changes the number of pods, which is then no change of the revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replicas {
    SetByHand,
    Autoscaled,
}

impl Cluster {
    /// The rollouts of `object`, newest first.
    pub(super) async fn rollouts(
        &self,
        object: &ObjectRef,
        shape: &Shape,
        replicas: Replicas,
    ) -> Result<Vec<Rollout>, ClusterError> {
        let Some(namespace) = object.namespace.as_deref() else { return Ok(Vec::new()) };
        let mut revisions = match object.kind {
            SubjectKind::Deployment | SubjectKind::Workload => self.replica_sets(namespace, object, shape).await?,
            SubjectKind::StatefulSet | SubjectKind::DaemonSet => {
                self.controller_revisions(namespace, object, shape).await?
            }
            _ => return Ok(Vec::new()),
        };
        if replicas == Replicas::Autoscaled {
            revisions.iter_mut().for_each(|revision| revision.wanted = None);
        }
        let scaled = match came_back(&revisions) && object.kind == SubjectKind::Deployment {
            // Without the events there is still the time at which the template was written.
            true => self.scaled_up(namespace, &object.name).await.unwrap_or_default(),
            false => Vec::new(),
        };
        let written = revisions::touched_at(&shape.meta, writes_template);
        let current = revisions.iter().map(|revision| revision.number).max();
        Ok(revisions::rollouts(revisions, |revision, before| {
            let up = scaled.iter().filter(|up| up.set == revision.name).filter_map(|up| up.after(before)).min();
            let written = written.filter(|written| *written > before && current == Some(revision.number));
            up.or(written).or(revision.touched_at.filter(|touched| *touched > before))
        }))
    }

    /// The newest ReplicaSet of an owner of any kind, such as an Argo `Rollout`.
    pub(super) async fn newest_replica_set(&self, object: &ObjectRef) -> Result<Option<ReplicaSet>, ClusterError> {
        let Some(namespace) = object.namespace.as_deref() else { return Ok(None) };
        let query = Query::of(namespace, super::changes::MAX_OBJECTS);
        let sets = self.api.list_meta::<ReplicaSet, _>(query.clone(), |set| {
            is_owned_by(&set.metadata, &object.name).then_some((set.metadata.creation_timestamp, set.metadata.name))
        });
        let newest = sets.await?.items.into_iter().max().and_then(|(_, name)| name);
        match newest {
            Some(name) => self.api.get(Some(namespace), &name).await,
            None => Ok(None),
        }
    }

    async fn replica_sets(
        &self,
        namespace: &str,
        object: &ObjectRef,
        shape: &Shape,
    ) -> Result<Vec<Revision>, ClusterError> {
        // A ReplicaSet's own selector carries its hash: its siblings are found by the rest.
        let selector = shape.selector.as_deref().map(without_hash).filter(|selector| !selector.is_empty());
        let mut query = Query::of(namespace, MAX_REVISIONS);
        query.labels = selector;
        let sets = self.api.list::<ReplicaSet, _>(query.clone(), |set| {
            is_owned_by(&set.metadata, &object.name).then(|| revisions::of_replica_set(set)).flatten()
        });
        Ok(sets.await?.items)
    }

    async fn controller_revisions(
        &self,
        namespace: &str,
        object: &ObjectRef,
        shape: &Shape,
    ) -> Result<Vec<Revision>, ClusterError> {
        let mut query = Query::of(namespace, MAX_REVISIONS);
        query.labels.clone_from(&shape.selector);
        let revisions = self.api.list::<ControllerRevision, _>(query.clone(), |revision| {
            is_owned_by(&revision.metadata, &object.name).then(|| revisions::of_controller_revision(revision))
        });
        Ok(revisions.await?.items)
    }

    async fn scaled_up(&self, namespace: &str, deployment: &str) -> Result<Vec<ScaledUp>, ClusterError> {
        let query = Query::of(namespace, MAX_EVENTS)
            .field("involvedObject.name", deployment)
            .field("involvedObject.kind", "Deployment");
        Ok(self.api.list::<Event, _>(query.clone(), |event| ScaledUp::of(&event)).await?.items)
    }
}

/// A ReplicaSet that a Deployment scaled up.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ScaledUp {
    set: String,
    first: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
}

impl ScaledUp {
    fn of(event: &Event) -> Option<Self> {
        let message = event.message.as_deref()?.strip_prefix("Scaled up replica set ")?;
        let set = message.split_whitespace().next()?.to_owned();
        Some(Self { set, first: at(event.first_timestamp.as_ref()), last: at(event.last_timestamp.as_ref()) })
    }

    fn after(&self, before: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.first.filter(|first| *first >= before).or(self.last.filter(|last| *last >= before))
    }
}

fn came_back(revisions: &[Revision]) -> bool {
    revisions.iter().any(|a| revisions.iter().any(|b| a.number > b.number && a.created_at < b.created_at))
}

fn writes_template(entry: &ManagedFieldsEntry) -> bool {
    entry.fields_v1.as_ref().is_some_and(|fields| fields.0.pointer("/f:spec/f:template").is_some())
}

fn without_hash(selector: &str) -> String {
    let parts = selector.split(',').filter(|part| !part.contains("pod-template-hash="));
    parts.collect::<Vec<_>>().join(",")
}
