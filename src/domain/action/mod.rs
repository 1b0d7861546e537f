//! What may be done to the cluster: a closed catalogue with typed targets.
//!
//! An [`Action`] is a wish and changes nothing. It says what it is about, how risky it is, what must hold before, how to
//! take it back and what success looks like; who may let it happen is decided by `domain::policy`, and only an approved
//! proposal reaches the code that can do it. Its command form (`restart deployment/checkout -n shop`) is what people
//! type, what they are shown, and what the digest is made of.

pub mod condition;
pub mod error;
pub mod form;
pub mod inverse;
pub mod matcher;
pub mod name;
pub mod phrase;
pub mod target;

mod command;
mod parse;
mod words;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use command::seconds;
pub use condition::{Precondition, Success, SuccessCondition};
pub use error::ActionError;
pub use inverse::{Before, Inverse, NoInverse};
pub use matcher::{MatchOperator, SilenceMatcher};
pub use name::ActionName;
pub use target::{Name, Namespaced, RolloutKind, Workload};

use super::incident::hex;
use super::quantity::Quantity;
use super::subject::{ObjectRef, Subject, SubjectKind};

/// Most replicas that may be asked for at once; a typing error must not fill a cluster.
pub const MAX_REPLICAS: u32 = 1_000;
/// Longest silence: a week, beyond which an alert belongs changed, not silenced.
pub const MAX_SILENCE_SECONDS: u64 = 7 * 24 * 3600;
/// Longest comment of a silence, in bytes.
pub const MAX_COMMENT_BYTES: usize = 500;

/// One thing that may be done, with its target.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Replace a workload's pods, a few at a time.
    RolloutRestart {
        /// Whose pods.
        workload: Workload,
    },
    /// Return to the pod template of an earlier revision.
    RolloutUndo {
        /// Which workload.
        workload: Workload,
        /// The revision to return to.
        to_revision: i64,
    },
    /// Stop a Deployment's rollout where it is.
    RolloutPause {
        /// A Deployment; the other kinds cannot be paused.
        workload: Workload,
    },
    /// Let a Deployment's rollout go on.
    RolloutResume {
        /// A Deployment.
        workload: Workload,
    },
    /// Set the number of pods.
    Scale {
        /// A Deployment or a StatefulSet.
        workload: Workload,
        /// Pods wanted.
        replicas: u32,
    },
    /// Set one request or limit of one container in the pod template.
    SetResources {
        /// Which workload.
        workload: Workload,
        /// Which container of its template, init containers included.
        container: Name,
        /// CPU or memory.
        resource: Resource,
        /// Request or limit.
        field: ResourceField,
        /// The new value; `None` removes it, which is how a value that was not there before is taken back.
        quantity: Option<Quantity>,
    },
    /// Set the bounds of a HorizontalPodAutoscaler.
    SetHpaBounds {
        /// Which autoscaler.
        hpa: Namespaced,
        /// Fewest pods, at least 1.
        min: u32,
        /// Most pods.
        max: u32,
    },
    /// Delete a pod so that its owner makes a new one.
    DeletePod {
        /// Which pod.
        pod: Namespaced,
    },
    /// Keep new pods off a node.
    Cordon {
        /// Which node.
        node: Name,
    },
    /// Let new pods onto a node again.
    Uncordon {
        /// Which node.
        node: Name,
    },
    /// Cordon a node and evict its pods, as far as their disruption budgets allow; pods of DaemonSets stay.
    Drain {
        /// Which node.
        node: Name,
        /// Also evict pods whose `emptyDir` volumes are lost by it. Without, such pods stop the drain before it begins.
        delete_empty_dir: bool,
    },
    /// Stop a CronJob from starting Jobs; a Job that runs goes on.
    SuspendCronjob {
        /// Which CronJob.
        cronjob: Namespaced,
    },
    /// Let a CronJob start Jobs again.
    ResumeCronjob {
        /// Which CronJob.
        cronjob: Namespaced,
    },
    /// Run a finished Job once more, as a copy beside it.
    RerunJob {
        /// The Job to copy.
        job: Namespaced,
    },
    /// Silence alerts in Alertmanager.
    CreateSilence {
        /// All must hold. At least one is an equality, so that no silence covers everything.
        matchers: Vec<SilenceMatcher>,
        /// For how long from now, in seconds.
        duration_seconds: u64,
        /// Why, for whoever finds the silence.
        comment: String,
    },
    /// End a silence.
    ExpireSilence {
        /// Alertmanager's id, a UUID.
        id: String,
    },
}

/// What a container asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Cores.
    Cpu,
    /// Bytes.
    Memory,
}

impl Resource {
    /// Kubernetes' spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }
}

/// Which bound of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceField {
    /// What the scheduler sets aside.
    Request,
    /// What the kernel holds the container to.
    Limit,
}

impl ResourceField {
    /// The singular word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Limit => "limit",
        }
    }
}

/// How much harm an action can do when it is the wrong one; ordered, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Nothing is lost and nothing stops serving.
    Low,
    /// Pods are replaced, or something runs that may have effects of its own.
    Medium,
    /// Something stops serving, or many workloads are touched.
    High,
}

impl Risk {
    /// From the least to the worst.
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// The name in policies and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl Action {
    /// Reads the command form. `namespace` is taken where the command names none: that of the incident's subject.
    ///
    /// # Errors
    /// [`ActionError`] names the part that is wrong and how to mend it.
    pub fn parse(command: &str, namespace: Option<&Name>) -> Result<Self, ActionError> {
        parse::action(command, namespace)?.checked()
    }

    /// Reads the command form as it is meant about `subject`, whose namespace is taken where the command names none.
    ///
    /// # Errors
    /// See [`Action::parse`].
    pub fn parse_about(command: &str, subject: &Subject) -> Result<Self, ActionError> {
        let namespace = subject.namespace.as_deref().and_then(|name| name.parse::<Name>().ok());
        Self::parse(command, namespace.as_ref())
    }

    /// The same action, when its values make sense together: whatever was not parsed here (an API body, a model's
    /// answer) passes through this before it becomes a proposal.
    ///
    /// # Errors
    /// [`ActionError`] names the field.
    pub fn checked(self) -> Result<Self, ActionError> {
        error::check(&self)?;
        Ok(self)
    }

    /// Its entry of the catalogue.
    pub fn name(&self) -> ActionName {
        match self {
            Self::RolloutRestart { .. } => ActionName::RolloutRestart,
            Self::RolloutUndo { .. } => ActionName::RolloutUndo,
            Self::RolloutPause { .. } => ActionName::RolloutPause,
            Self::RolloutResume { .. } => ActionName::RolloutResume,
            Self::Scale { .. } => ActionName::Scale,
            Self::SetResources { .. } => ActionName::SetResources,
            Self::SetHpaBounds { .. } => ActionName::SetHpaBounds,
            Self::DeletePod { .. } => ActionName::DeletePod,
            Self::Cordon { .. } => ActionName::Cordon,
            Self::Uncordon { .. } => ActionName::Uncordon,
            Self::Drain { .. } => ActionName::Drain,
            Self::SuspendCronjob { .. } => ActionName::SuspendCronjob,
            Self::ResumeCronjob { .. } => ActionName::ResumeCronjob,
            Self::RerunJob { .. } => ActionName::RerunJob,
            Self::CreateSilence { .. } => ActionName::CreateSilence,
            Self::ExpireSilence { .. } => ActionName::ExpireSilence,
        }
    }

    /// The namespace it is in: a silence is in the one that a matcher names exactly.
    pub fn namespace(&self) -> Option<&str> {
        if let Self::CreateSilence { matchers, .. } = self {
            let named = matchers.iter().find(|matcher| {
                matcher.operator == MatchOperator::Equal && matcher.name == "namespace" && !matcher.value.is_empty()
            });
            return named.map(|matcher| matcher.value.as_str());
        }
        self.target().namespace().map(Name::as_str)
    }

    /// What it acts on: `deployment/checkout` in its namespace. A silence has no object in the cluster.
    pub fn target(&self) -> Target<'_> {
        match self {
            Self::RolloutRestart { workload }
            | Self::RolloutUndo { workload, .. }
            | Self::RolloutPause { workload }
            | Self::RolloutResume { workload }
            | Self::Scale { workload, .. }
            | Self::SetResources { workload, .. } => Target::Workload(workload),
            Self::SetHpaBounds { hpa, .. } => Target::Hpa(hpa),
            Self::DeletePod { pod } => Target::Pod(pod),
            Self::Cordon { node } | Self::Uncordon { node } | Self::Drain { node, .. } => Target::Node(node),
            Self::SuspendCronjob { cronjob } | Self::ResumeCronjob { cronjob } => Target::CronJob(cronjob),
            Self::RerunJob { job } => Target::Job(job),
            Self::CreateSilence { .. } | Self::ExpireSilence { .. } => Target::Alertmanager,
        }
    }

    /// How much harm it can do.
    pub fn risk(&self) -> Risk {
        match self {
            Self::RolloutRestart { workload } if workload.kind == RolloutKind::Deployment => Risk::Low,
            Self::Scale { replicas: 0, .. } | Self::Drain { .. } => Risk::High,
            Self::RolloutRestart { .. }
            | Self::RolloutUndo { .. }
            | Self::RolloutResume { .. }
            | Self::Scale { .. }
            | Self::SetResources { .. }
            | Self::SetHpaBounds { .. }
            | Self::DeletePod { .. }
            | Self::RerunJob { .. } => Risk::Medium,
            // A day without an alert is a day in which nobody is told.
            Self::CreateSilence { duration_seconds, .. } if *duration_seconds >= 24 * 3600 => Risk::Medium,
            Self::RolloutPause { .. }
            | Self::Cordon { .. }
            | Self::Uncordon { .. }
            | Self::SuspendCronjob { .. }
            | Self::ResumeCronjob { .. }
            | Self::CreateSilence { .. }
            | Self::ExpireSilence { .. } => Risk::Low,
        }
    }

    /// SHA-256 over the command form, hex: equal exactly for equal actions.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(self.to_string()))
    }
}

/// What an action acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// A Deployment, StatefulSet or DaemonSet.
    Workload(&'a Workload),
    /// A HorizontalPodAutoscaler.
    Hpa(&'a Namespaced),
    /// A pod.
    Pod(&'a Namespaced),
    /// A node.
    Node(&'a Name),
    /// A CronJob.
    CronJob(&'a Namespaced),
    /// A Job.
    Job(&'a Namespaced),
    /// Silences live outside the cluster's API.
    Alertmanager,
}

impl<'a> Target<'a> {
    /// The namespace, where it has one.
    pub fn namespace(&self) -> Option<&'a Name> {
        match self {
            Self::Workload(workload) => Some(&workload.namespace),
            Self::Hpa(object) | Self::Pod(object) | Self::CronJob(object) | Self::Job(object) => {
                Some(&object.namespace)
            }
            Self::Node(_) | Self::Alertmanager => None,
        }
    }

    /// The object as evidence and findings refer to it; autoscalers and silences are no subjects.
    pub fn object(&self) -> Option<ObjectRef> {
        let object = |kind, namespace: Option<&Name>, name: &Name| {
            Some(ObjectRef { kind, namespace: namespace.map(ToString::to_string), name: name.to_string() })
        };
        match self {
            Self::Workload(workload) => object(workload.kind.subject(), Some(&workload.namespace), &workload.name),
            Self::Pod(pod) => object(SubjectKind::Pod, Some(&pod.namespace), &pod.name),
            Self::Node(node) => object(SubjectKind::Node, None, node),
            Self::CronJob(cronjob) => object(SubjectKind::CronJob, Some(&cronjob.namespace), &cronjob.name),
            Self::Job(job) => object(SubjectKind::Job, Some(&job.namespace), &job.name),
            Self::Hpa(_) | Self::Alertmanager => None,
        }
    }
}

impl std::fmt::Display for Target<'_> {
    /// `Deployment shop/checkout`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Workload(workload) => {
                write!(f, "{} {}/{}", workload.kind.as_str(), workload.namespace, workload.name)
            }
            Self::Hpa(hpa) => write!(f, "HorizontalPodAutoscaler {hpa}"),
            Self::Pod(pod) => write!(f, "Pod {pod}"),
            Self::Node(node) => write!(f, "Node {node}"),
            Self::CronJob(cronjob) => write!(f, "CronJob {cronjob}"),
            Self::Job(job) => write!(f, "Job {job}"),
            Self::Alertmanager => f.write_str("Alertmanager"),
        }
    }
}

#[cfg(test)]
mod tests;
