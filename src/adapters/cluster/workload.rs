//! A workload's whole state, put together out of reads that run side by side.

use std::collections::BTreeSet;

use futures::future::join_all;
use k8s_openapi::api::core::v1::Pod;

use super::api::Query;
use super::owners::{controller, is_owned_by};
use super::pods::{self, Pods};
use super::rollouts::Replicas;
use super::shape::Shape;
use super::{Cluster, ClusterError, Partial, claims, jobs};
use crate::domain::cluster::{PodState, WorkloadState};
use crate::domain::subject::{ObjectRef, Subject, SubjectKind};

impl Cluster {
    /// What `object` is and how it does. The pods that `hints` names are kept even if they are well. An object that does
    /// not exist is an error; anything else that cannot be read is missing from the answer, which says so.
    pub async fn workload(&self, object: &ObjectRef, hints: &Subject) -> Result<Partial<WorkloadState>, ClusterError> {
        let mut answer = Partial::default();
        let shape = match self.shape(object).await {
            Ok(Some(shape)) => shape,
            Ok(None) if object.kind == SubjectKind::Workload => Shape::default(),
            Ok(None) => {
                let what = format!("{} {object}", object.kind.as_str());
                return Err(ClusterError::NotFound { what });
            }
            Err(error) if error.is_total() => return Err(error),
            Err(error) => {
                answer.lacks(error);
                Shape::default()
            }
        };
        let runs = answer.take(self.runs(object).await);
        let (pods, autoscaler, services) = futures::join!(
            self.pods_of(object, &shape, jobs::pods_of(&runs), &hints.pods),
            self.autoscaler(object),
            self.services_of(object, &shape),
        );
        let autoscaler = answer.take(autoscaler);
        let replicas = if autoscaler.is_some() { Replicas::Autoscaled } else { Replicas::SetByHand };
        let (pods, claim_names) = answer.take(pods);
        let namespace = object.namespace.as_deref().unwrap_or_default();
        let (rollouts, claims) =
            futures::join!(self.rollouts(object, &shape, replicas), self.claims(namespace, &claim_names));
        let mut state = shape.state;
        if object.kind != SubjectKind::Pod {
            state.pods_total = pods.total;
            state.pods = pods.kept;
        }
        state = WorkloadState { autoscaler, jobs: runs, ..state };
        state.rollouts = answer.take(rollouts);
        state.services = answer.take(services);
        state.claims = answer.take(claims);
        answer.value = state;
        Ok(answer)
    }

    /// Its pods, and the claims that they mount.
    async fn pods_of(
        &self,
        object: &ObjectRef,
        shape: &Shape,
        of_runs: Option<String>,
        named: &[String],
    ) -> Result<(Pods, BTreeSet<String>), ClusterError> {
        let of_template = shape.template.spec.as_ref().map(claims::names).unwrap_or_default();
        let Some(namespace) = object.namespace.as_deref() else { return Ok((Pods::default(), of_template)) };
        let query = Query::of(namespace, pods::MAX_READ);
        let (query, belongs): (Query, fn(&Pod, &str) -> bool) = match object.kind {
            SubjectKind::CronJob => match of_runs {
                Some(selector) => (query.labels(selector), |_, _| true),
                None => return Ok((Pods::default(), of_template)),
            },
            // Two Deployments with the same labels are a mistake that happens; the ReplicaSet's name tells them apart.
            SubjectKind::Deployment => match &shape.selector {
                Some(selector) => (query.labels(selector.clone()), |pod, name| {
                    controller(&pod.metadata).is_some_and(|set| {
                        set.name
                            .strip_prefix(name)
                            .is_some_and(|hash| hash.starts_with('-') && !hash[1..].contains('-'))
                    })
                }),
                None => return self.pods_by_owner(namespace, &object.name, named).await,
            },
            SubjectKind::StatefulSet | SubjectKind::DaemonSet | SubjectKind::Job => match &shape.selector {
                Some(selector) => (query.labels(selector.clone()), |pod, name| is_owned_by(&pod.metadata, name)),
                None => return self.pods_by_owner(namespace, &object.name, named).await,
            },
            SubjectKind::Workload => match &shape.selector {
                Some(selector) => (query.labels(selector.clone()), |_, _| true),
                None => return self.pods_by_owner(namespace, &object.name, named).await,
            },
            _ => return Ok((Pods::default(), of_template)),
        };
        let listed =
            self.api.list::<Pod, _>(query.clone(), |pod| belongs(&pod, &object.name).then(|| reduced(&pod))).await?;
        // Cut off, nobody knows how many of the rest are its own; what was looked at is the better estimate.
        let total = if listed.cut { listed.seen } else { listed.items.len() };
        Ok(summed(listed.items, total, named, of_template))
    }

    /// The pods of an owner whose selector is not known, by their owner references: metadata of all pods of the
    /// namespace, then at most [`pods::MAX_KEPT`] of them whole.
    async fn pods_by_owner(
        &self,
        namespace: &str,
        owner: &str,
        named: &[String],
    ) -> Result<(Pods, BTreeSet<String>), ClusterError> {
        let names = self.api.list_meta::<Pod, _>(Query::of(namespace, pods::MAX_READ), |pod| {
            let owner_name = &controller(&pod.metadata)?.name;
            let prefix = owner_name.rsplit_once('-').map_or("", |(prefix, _)| prefix);
            (owner_name == owner || prefix == owner).then_some(pod.metadata.name).flatten()
        });
        let names = names.await?.items;
        let reads = names.iter().take(pods::MAX_KEPT).map(|name| self.api.get::<Pod>(Some(namespace), name));
        let read = join_all(reads).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        let items = read.into_iter().flatten().map(|pod| reduced(&pod)).collect();
        Ok(summed(items, names.len(), named, BTreeSet::new()))
    }
}

fn reduced(pod: &Pod) -> (PodState, BTreeSet<String>) {
    (pods::state(pod), pod.spec.as_ref().map(claims::names).unwrap_or_default())
}

fn summed(
    read: Vec<(PodState, BTreeSet<String>)>,
    total: usize,
    named: &[String],
    mut claims: BTreeSet<String>,
) -> (Pods, BTreeSet<String>) {
    let mut states = Vec::with_capacity(read.len());
    for (pod, its_claims) in read {
        // The claims of pods that are well are not what anybody looks for.
        if claims.is_empty() || !pods::is_healthy(&pod) {
            claims.extend(its_claims);
        }
        states.push(pod);
    }
    (pods::sorted(states, total, named), claims)
}
