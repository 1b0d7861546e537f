//! What changed in a namespace: rollouts, scaling, ConfigMaps, nodes.
//!
//! First metadata of everything, which tells *where* something changed; then the whole history of those few workloads.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use futures::StreamExt;
use k8s_openapi::api::apps::v1::{ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};

use super::api::{Query, Readable};
use super::events::Noted;
use super::owners::controller;
use super::rollouts::Replicas;
use super::time::at;
use super::{Cluster, ClusterError, Partial};
use crate::domain::cluster::{ChangeFact, ChangeKind};
use crate::domain::subject::{ObjectRef, SubjectKind};
use crate::domain::window::Window;

/// Objects of a kind looked at in a namespace: metadata is 2 to 4 KB each, so 20 MB in the worst case, 2 MB at a time.
pub(super) const MAX_OBJECTS: usize = 5_000;
/// Workloads whose history is read; a window in which more were rolled out was a release of everything.
const MAX_WORKLOADS: usize = 15;
/// Changes kept.
const MAX_KEPT: usize = 40;
/// Changes of nodes kept: another namespace's trouble as often as ours.
const MAX_NODES: usize = 10;
/// Autoscalers' steps kept; one that swings tells it in its newest few.
const MAX_RESCALED: usize = 5;
/// Histories read at once.
const AT_ONCE: usize = 4;

/// What a node event says happened.
const NODE_REASONS: [(&str, &str); 6] = [
    ("NodeNotReady", "became not ready"),
    ("NodeNotSchedulable", "was cordoned"),
    ("Rebooted", "rebooted"),
    ("NodeHasInsufficientMemory", "came under memory pressure"),
    ("NodeHasDiskPressure", "came under disk pressure"),
    ("RemovingNode", "is being removed"),
];

impl Cluster {
    /// What changed in `namespace` during `window`, newest first.
    pub async fn changes(&self, namespace: &str, window: Window) -> Result<Partial<Vec<ChangeFact>>, ClusterError> {
        let mut answer = Partial::default();
        let (rolled, scaled, maps, nodes, rescaled) = futures::join!(
            self.rolled_out(namespace, window),
            self.written(namespace, window),
            self.config_maps(namespace, window),
            self.all_node_events(window),
            self.rescaled(namespace, window),
        );
        if let Err(error) = &rolled
            && error.is_total()
        {
            return Err(error.clone());
        }
        let mut changes = answer.take(maps);
        let mut written = answer.take(scaled);
        let mut touched = answer.take(rolled);
        touched.extend(written.templates);
        changes.append(&mut written.facts);
        changes.extend(answer.take(rescaled));
        let mut nodes = answer.take(nodes);
        nodes.sort_by_key(|noted| Reverse(noted.last));
        changes.extend(nodes.iter().filter_map(of_node).take(MAX_NODES));
        let histories: Vec<_> = futures::stream::iter(touched.into_iter().take(MAX_WORKLOADS))
            .map(|object| async move { self.history(object, window).await })
            .buffered(AT_ONCE)
            .collect()
            .await;
        for history in histories {
            changes.extend(answer.take(history));
        }
        changes.sort_by_key(|change| Reverse(change.at));
        changes.dedup();
        changes.truncate(MAX_KEPT);
        answer.value = changes;
        Ok(answer)
    }

    /// Workloads with a ReplicaSet or ControllerRevision that was made or came back in the window.
    async fn rolled_out(&self, namespace: &str, window: Window) -> Result<BTreeSet<ObjectRef>, ClusterError> {
        let query = Query::of(namespace, MAX_OBJECTS);
        let owner = |meta: ObjectMeta| {
            let at = at(meta.creation_timestamp.as_ref())?;
            let owner = controller(&meta).filter(|_| window.contains(at))?;
            let kind = match owner.kind.as_str() {
                "Deployment" => SubjectKind::Deployment,
                "StatefulSet" => SubjectKind::StatefulSet,
                "DaemonSet" => SubjectKind::DaemonSet,
                _ => SubjectKind::Workload,
            };
            Some(ObjectRef { kind, namespace: Some(namespace.to_owned()), name: owner.name.clone() })
        };
        let (sets, revisions) = futures::join!(
            self.api.list_meta::<ReplicaSet, _>(query.clone(), |set| owner(set.metadata)),
            self.api.list_meta::<ControllerRevision, _>(query.clone(), |revision| owner(revision.metadata)),
        );
        // One of the two refused still leaves the other; both refused is a refusal.
        match (sets, revisions) {
            (Ok(sets), Ok(revisions)) => Ok(sets.items.into_iter().chain(revisions.items).collect()),
            (Ok(listed), Err(_)) | (Err(_), Ok(listed)) => Ok(listed.items.into_iter().collect()),
            (Err(error), Err(_)) => Err(error),
        }
    }

    /// Workloads whose spec somebody wrote in the window, as their managed fields tell.
    async fn written(&self, namespace: &str, window: Window) -> Result<Written, ClusterError> {
        let (deployments, stateful_sets, daemon_sets, cron_jobs) = futures::join!(
            self.written_of::<Deployment>(namespace, SubjectKind::Deployment, window),
            self.written_of::<StatefulSet>(namespace, SubjectKind::StatefulSet, window),
            self.written_of::<DaemonSet>(namespace, SubjectKind::DaemonSet, window),
            self.written_of::<CronJob>(namespace, SubjectKind::CronJob, window),
        );
        let mut all = Written::default();
        for part in [deployments?, stateful_sets?, daemon_sets?, cron_jobs?] {
            all.templates.extend(part.templates);
            all.facts.extend(part.facts);
        }
        Ok(all)
    }

    async fn written_of<K: Readable + Clone>(
        &self,
        namespace: &str,
        kind: SubjectKind,
        window: Window,
    ) -> Result<Written, ClusterError> {
        let query = Query::of(namespace, MAX_OBJECTS);
        let metas =
            self.api.list_meta::<K, _>(query.clone(), |object| Some(writes(namespace, kind, &object.metadata, window)));
        let mut all = Written::default();
        for part in metas.await?.items {
            all.templates.extend(part.templates);
            all.facts.extend(part.facts);
        }
        Ok(all)
    }

    /// The rollouts of one workload in the window.
    async fn history(&self, object: ObjectRef, window: Window) -> Result<Vec<ChangeFact>, ClusterError> {
        let Some(shape) = self.shape(&object).await? else { return Ok(Vec::new()) };
        // A line about replicas here would be the autoscaler's as often as a person's; scaling has its own lines.
        let rollouts = self.rollouts(&object, &shape, Replicas::Autoscaled).await?;
        let within = rollouts.into_iter().filter_map(|rollout| {
            let at = rollout.at.filter(|at| window.contains(*at))?;
            let cause = rollout.cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
            let what = match rollout.changes.is_empty() {
                true if rollout.revision <= 1 => format!("first rolled out{cause}"),
                true => format!("revision {}{cause}", rollout.revision),
                false => format!("revision {}: {}{cause}", rollout.revision, rollout.changes.join(", ")),
            };
            let first = rollout.changes.is_empty() && rollout.revision <= 1;
            let kind = if first { ChangeKind::Created } else { ChangeKind::Rollout };
            Some(ChangeFact { at, object: object.clone(), kind, what })
        });
        let mut facts: Vec<ChangeFact> = within.collect();
        // Without readable revisions its creation is still known.
        let created = at(shape.meta.creation_timestamp.as_ref()).filter(|at| window.contains(*at));
        if let (true, Some(at)) = (facts.is_empty(), created) {
            let what = "first rolled out".to_owned();
            facts.push(ChangeFact { at, object, kind: ChangeKind::Created, what });
        }
        Ok(facts)
    }

    /// ConfigMaps made or written in the window: names and times.
    async fn config_maps(&self, namespace: &str, window: Window) -> Result<Vec<ChangeFact>, ClusterError> {
        let maps = self.api.list_meta::<ConfigMap, _>(Query::of(namespace, MAX_OBJECTS), |map| {
            config_map(namespace, &map.metadata, window)
        });
        Ok(maps.await?.items)
    }

    /// What autoscalers did. Their events are about themselves; people look for the workload.
    async fn rescaled(&self, namespace: &str, window: Window) -> Result<Vec<ChangeFact>, ClusterError> {
        let query = Query::of(namespace, MAX_OBJECTS).fields("reason=SuccessfulRescale");
        let mut noted =
            self.noted(query, |noted| noted.reason == "SuccessfulRescale" && noted.overlaps(window)).await?;
        noted.sort_by_key(|noted| Reverse(noted.last));
        let mut facts = Vec::new();
        for Noted { object, message, last, .. } in noted.into_iter().take(MAX_RESCALED) {
            let target = self.scaled_by(namespace, &object).await?;
            let unknown =
                || ObjectRef { kind: SubjectKind::Workload, namespace: Some(namespace.to_owned()), name: object };
            let object = target.unwrap_or_else(unknown);
            let what = format!("autoscaler: {message}");
            facts.extend(last.map(|at| ChangeFact { at, object, kind: ChangeKind::Scale, what }));
        }
        Ok(facts)
    }
}

/// What managed fields tell about workloads.
#[derive(Debug, Default)]
struct Written {
    /// Those that were made or whose template was written, whose rollouts are then read: a rollback makes no new
    /// ReplicaSet.
    templates: BTreeSet<ObjectRef>,
    facts: Vec<ChangeFact>,
}

fn writes(namespace: &str, kind: SubjectKind, meta: &ObjectMeta, window: Window) -> Written {
    let mut all = Written::default();
    let Some(name) = meta.name.clone() else { return all };
    let object = ObjectRef { kind, namespace: Some(namespace.to_owned()), name };
    let created = at(meta.creation_timestamp.as_ref());
    for entry in meta.managed_fields.iter().flatten() {
        // What was written as the object was made is its first rollout.
        let Some(at) = at(entry.time.as_ref()).filter(|at| window.contains(*at) && Some(*at) != created) else {
            continue;
        };
        let wrote = |field: &str| entry.fields_v1.as_ref().is_some_and(|fields| fields.0.pointer(field).is_some());
        let by = by(entry);
        let mut note = |kind, what: &str| {
            all.facts.push(ChangeFact { at, object: object.clone(), kind, what: format!("{what}{by}") });
        };
        match entry.subresource.as_deref() {
            Some("scale") => note(ChangeKind::Scale, "scaled"),
            Some(_) => {}
            None if wrote("/f:spec/f:jobTemplate") => note(ChangeKind::Rollout, "job template changed"),
            None if wrote("/f:spec/f:suspend") => note(ChangeKind::Other, "suspended or resumed"),
            None if wrote("/f:spec/f:schedule") => note(ChangeKind::Other, "schedule changed"),
            None if wrote("/f:spec/f:template") => {
                all.templates.insert(object.clone());
            }
            None if wrote("/f:spec/f:replicas") => note(ChangeKind::Scale, "number of replicas changed"),
            None => {}
        }
    }
    if let Some(at) = created.filter(|at| window.contains(*at)) {
        match kind {
            SubjectKind::CronJob => {
                all.facts.push(ChangeFact { at, object, kind: ChangeKind::Created, what: "created".to_owned() });
            }
            _ => {
                all.templates.insert(object);
            }
        }
    }
    all
}

fn config_map(namespace: &str, meta: &ObjectMeta, window: Window) -> Option<ChangeFact> {
    let name = meta.name.clone()?;
    let annotated = |prefix: &str| meta.annotations.iter().flatten().any(|(name, _)| name.starts_with(prefix));
    let is_machinery = name == "kube-root-ca.crt"
        || name == "openshift-service-ca.crt"
        || name == "istio-ca-root-cert"
        || name.ends_with("-leader-election")
        || name.ends_with("-lock")
        || name.starts_with("sh.helm.release.")
        || annotated("control-plane.alpha.kubernetes.io/leader");
    if is_machinery {
        return None;
    }
    let created = at(meta.creation_timestamp.as_ref());
    let entries = meta.managed_fields.iter().flatten();
    let newest = entries.filter_map(|entry| Some((at(entry.time.as_ref())?, entry))).max_by_key(|(at, _)| *at);
    let (at, what) = match newest {
        Some((at, entry)) if Some(at) != created => (at, format!("changed{}", by(entry))),
        Some((at, entry)) => (at, format!("created{}", by(entry))),
        None => (created?, "created".to_owned()),
    };
    // There is no kind of subject for it: the namespace is where it happened, the line says what.
    let object = ObjectRef { kind: SubjectKind::Namespace, namespace: None, name: namespace.to_owned() };
    let change = ChangeFact { at, object, kind: ChangeKind::Config, what: format!("ConfigMap {name} {what}") };
    window.contains(at).then_some(change)
}

/// ` by helm`: who wrote it, as the API server saw it.
fn by(entry: &ManagedFieldsEntry) -> String {
    entry.manager.as_ref().map(|manager| format!(" by {manager}")).unwrap_or_default()
}

fn of_node(noted: &Noted) -> Option<ChangeFact> {
    let (_, what) = NODE_REASONS.iter().find(|(reason, _)| *reason == noted.reason)?;
    let at: DateTime<Utc> = noted.last?;
    let object = ObjectRef { kind: SubjectKind::Node, namespace: None, name: noted.object.clone() };
    Some(ChangeFact { at, object, kind: ChangeKind::Node, what: (*what).to_owned() })
}
