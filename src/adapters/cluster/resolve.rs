//! From what an alert's labels say to what is really there.
//!
//! Labels name pods that are gone, Services, Ingresses, autoscalers, and names whose kind nobody knows. What cannot be
//! found stays as the labels had it: a guess is better than nothing, and the state that follows says "does not exist".

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::networking::v1::{Ingress, IngressBackend};

use super::api::Readable;
use super::{Cluster, ClusterError};
use crate::domain::subject::{ObjectRef, Subject, SubjectKind};

/// Pods whose owner is looked up before giving up: alerts name many pods of one workload.
const MAX_PODS_ASKED: usize = 3;

impl Cluster {
    /// The same subject with its real kind and name. Fails only where the API does not answer at all.
    pub async fn resolve(&self, subject: &Subject) -> Result<Subject, ClusterError> {
        let mut resolved = subject.clone();
        if let Some(address) = subject.telling_address()
            && let Some(ObjectRef { kind, namespace, name }) = self.owner_of_address(address).await?
        {
            return Ok(Subject { kind, namespace, name, guessed: false, ..resolved });
        }
        if subject.kind == SubjectKind::Node {
            if let Some(node) = known(self.node_named(&subject.name).await)?.flatten() {
                resolved.name.clone_from(&node);
                resolved.node = Some(node);
            }
            return Ok(resolved);
        }
        let Some(namespace) = subject.namespace.as_deref() else { return Ok(resolved) };
        let found = match subject.kind {
            SubjectKind::Service => self.behind(namespace, subject, &mut resolved).await?,
            SubjectKind::PersistentVolumeClaim => {
                if let Ok(pods) = self.pods_with_claim(namespace, &subject.name).await {
                    resolved.claim = Some(subject.name.clone());
                    resolved.pods.extend(pods.into_iter().filter(|pod| !subject.pods.contains(pod)));
                    resolved.pods.truncate(super::pods::MAX_KEPT);
                }
                None
            }
            kind if kind.owns_pods() || kind == SubjectKind::Pod => self.owner(namespace, subject).await?,
            _ => None,
        };
        match found {
            Some(ObjectRef { kind, namespace, name }) => {
                resolved = Subject { kind, namespace, name, guessed: false, ..resolved };
            }
            // There is no such thing here: what is left is the namespace.
            None if subject.guessed && subject.pods.is_empty() => {
                let name = namespace.to_owned();
                resolved = Subject { kind: SubjectKind::Namespace, name, guessed: false, ..resolved };
            }
            None => {}
        }
        Ok(resolved)
    }

    async fn owner(&self, namespace: &str, subject: &Subject) -> Result<Option<ObjectRef>, ClusterError> {
        // What a label names outright is right if it exists.
        if let Some(found) = self.existing(namespace, subject.kind, &subject.name).await? {
            return Ok(Some(found));
        }
        let named = subject.pods.iter().take(MAX_PODS_ASKED).map(String::as_str);
        let own = Some(subject.name.as_str()).filter(|_| subject.kind == SubjectKind::Pod);
        for pod in named.chain(own) {
            if let Some(owner) = known(self.owner_of_pod(namespace, pod).await)?.flatten() {
                return Ok(Some(owner));
            }
        }
        self.named(namespace, &subject.name).await
    }

    /// What people mean by `name` in `namespace`: an object of that name, an application's pods, what stands behind a
    /// Service. `None` where there is nothing of it.
    pub async fn named(&self, namespace: &str, name: &str) -> Result<Option<ObjectRef>, ClusterError> {
        // All at once: whoever asks holds back the first message of a thread.
        let (by_name, by_label, behind) = futures::join!(
            self.by_name(namespace, name),
            self.by_label(namespace, name),
            self.behind_service(namespace, name)
        );
        Ok(by_name?.or(by_label?).or(known(behind)?.flatten().flatten()))
    }

    /// `job="web"` and the like: an application's name rather than an object's.
    async fn by_label(&self, namespace: &str, name: &str) -> Result<Option<ObjectRef>, ClusterError> {
        if !is_label_value(name) {
            return Ok(None);
        }
        let [usual, short, instance] =
            ["app.kubernetes.io/name", "app", "app.kubernetes.io/instance"].map(|label| format!("{label}={name}"));
        let (usual, short, instance) = futures::join!(
            self.owner_of_labelled(namespace, &usual),
            self.owner_of_labelled(namespace, &short),
            self.owner_of_labelled(namespace, &instance),
        );
        Ok(known(usual)?.flatten().or(known(short)?.flatten()).or(known(instance)?.flatten()))
    }

    /// The object of this kind and name; a Job leads to its CronJob.
    async fn existing(
        &self,
        namespace: &str,
        kind: SubjectKind,
        name: &str,
    ) -> Result<Option<ObjectRef>, ClusterError> {
        let exists = match kind {
            SubjectKind::Deployment => self.has::<Deployment>(namespace, name).await?,
            SubjectKind::StatefulSet => self.has::<StatefulSet>(namespace, name).await?,
            SubjectKind::DaemonSet => self.has::<DaemonSet>(namespace, name).await?,
            SubjectKind::CronJob => self.has::<CronJob>(namespace, name).await?,
            SubjectKind::Job => {
                let there = self.has::<Job>(namespace, name).await?;
                return if there { known(self.owner_of_job(namespace, name).await) } else { Ok(None) };
            }
            _ => false,
        };
        Ok(exists.then(|| ObjectRef { kind, namespace: Some(namespace.to_owned()), name: name.to_owned() }))
    }

    /// Whatever has this name: the kinds in the order in which people mean them.
    async fn by_name(&self, namespace: &str, name: &str) -> Result<Option<ObjectRef>, ClusterError> {
        let (deployment, stateful_set, daemon_set, cron_job, job, autoscaler) = futures::join!(
            self.existing(namespace, SubjectKind::Deployment, name),
            self.existing(namespace, SubjectKind::StatefulSet, name),
            self.existing(namespace, SubjectKind::DaemonSet, name),
            self.existing(namespace, SubjectKind::CronJob, name),
            self.existing(namespace, SubjectKind::Job, name),
            self.scaled_by(namespace, name),
        );
        let found = deployment?.or(stateful_set?).or(daemon_set?).or(cron_job?).or(job?).or(autoscaler?);
        if found.is_some() {
            return Ok(found);
        }
        // A ReplicaSet that is still there has an owner.
        let set = self.api.get_meta::<k8s_openapi::api::apps::v1::ReplicaSet>(Some(namespace), name).await;
        match known(set)?.flatten() {
            Some(_) => known(self.owner_of_replica_set(namespace, name).await),
            None => Ok(None),
        }
    }

    /// What an autoscaler scales.
    pub(super) async fn scaled_by(&self, namespace: &str, autoscaler: &str) -> Result<Option<ObjectRef>, ClusterError> {
        let hpa = known(self.api.get::<HorizontalPodAutoscaler>(Some(namespace), autoscaler).await)?.flatten();
        let Some(target) = hpa.and_then(|hpa| hpa.spec).map(|spec| spec.scale_target_ref) else { return Ok(None) };
        let kind = match target.kind.as_str() {
            "Deployment" => SubjectKind::Deployment,
            "StatefulSet" => SubjectKind::StatefulSet,
            _ => SubjectKind::Workload,
        };
        Ok(Some(ObjectRef { kind, namespace: Some(namespace.to_owned()), name: target.name }))
    }

    /// The workload behind a Service or an Ingress.
    async fn behind(
        &self,
        namespace: &str,
        subject: &Subject,
        resolved: &mut Subject,
    ) -> Result<Option<ObjectRef>, ClusterError> {
        let own = subject.service.clone().unwrap_or_else(|| subject.name.clone());
        let mut names = vec![own];
        if let Some(ingress) = subject.ingress.as_deref() {
            let ingress = known(self.api.get::<Ingress>(Some(namespace), ingress).await)?.flatten();
            names.extend(ingress.as_ref().map(backends).unwrap_or_default());
        }
        for name in names {
            if let Some(backend) = known(self.behind_service(namespace, &name).await)?.flatten() {
                resolved.name.clone_from(&name);
                resolved.service = Some(name);
                return Ok(backend);
            }
        }
        Ok(None)
    }

    async fn has<K: Readable>(&self, namespace: &str, name: &str) -> Result<bool, ClusterError> {
        Ok(known(self.api.get_meta::<K>(Some(namespace), name).await)?.flatten().is_some())
    }
}

/// Services that an Ingress leads to.
fn backends(ingress: &Ingress) -> Vec<String> {
    let name = |backend: &IngressBackend| Some(backend.service.as_ref()?.name.clone());
    let spec = ingress.spec.clone().unwrap_or_default();
    let rules = spec.rules.into_iter().flatten().filter_map(|rule| rule.http).flat_map(|http| http.paths);
    let mut names: Vec<String> = rules.filter_map(|path| name(&path.backend)).collect();
    names.extend(spec.default_backend.as_ref().and_then(name));
    names.dedup();
    names
}

/// An answer, or nothing where this one question was refused: the next may be allowed.
fn known<T>(answer: Result<T, ClusterError>) -> Result<Option<T>, ClusterError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_total() => Err(error),
        Err(_) => Ok(None),
    }
}

/// Whether the text may stand in a label selector.
fn is_label_value(text: &str) -> bool {
    !text.is_empty() && text.len() <= 63 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}
