//! What must hold before an action, and what success looks like afterwards. Values: the adapter looks, the flow waits.

use serde::{Deserialize, Serialize};

use super::{Action, Name, Namespaced, Resource, ResourceField, Workload};

/// What must hold when an action is proposed, and again just before it is done. That the target exists, with the uid and
/// the resourceVersion that were shown, always must.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "precondition", rename_all = "snake_case")]
pub enum Precondition {
    /// The rollout is paused, or is not.
    Paused {
        /// Which of the two.
        paused: bool,
    },
    /// The revision is still in the history, and is not the current one.
    RevisionKept {
        /// Its number.
        revision: i64,
    },
    /// No autoscaler sets the number of pods: it would set it back.
    NotAutoscaled,
    /// The template has this container.
    HasContainer {
        /// Its name.
        container: Name,
    },
    /// Afterwards the request is still no more than the limit.
    RequestWithinLimit {
        /// Of which resource.
        resource: Resource,
        /// Which of the two is set.
        field: ResourceField,
    },
    /// The pod has a controller that will replace it.
    HasController,
    /// The node is cordoned, or is not.
    Unschedulable {
        /// Which of the two.
        unschedulable: bool,
    },
    /// The CronJob is suspended, or is not.
    Suspended {
        /// Which of the two.
        suspended: bool,
    },
    /// The Job has ended, well or not.
    JobEnded,
    /// The silence is active or pending.
    SilenceActive,
    /// No active silence has the same matchers.
    NotYetSilenced,
}

/// What is watched to see whether an action did what it should.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "condition", rename_all = "snake_case")]
pub enum SuccessCondition {
    /// The controller has seen the change, and all pods wanted are of the new template and ready.
    RolloutComplete {
        /// Which rollout.
        workload: Workload,
    },
    /// `spec.paused` is this.
    RolloutPaused {
        /// Which rollout.
        workload: Workload,
        /// Whether it should be paused.
        paused: bool,
    },
    /// This many pods are wanted and ready.
    ReplicasReady {
        /// Whose pods.
        workload: Workload,
        /// How many.
        replicas: u32,
    },
    /// The autoscaler has these bounds and wants no fewer and no more pods.
    BoundsHeld {
        /// Which autoscaler.
        hpa: Namespaced,
        /// Fewest.
        min: u32,
        /// Most.
        max: u32,
    },
    /// The pod of this name is gone, or is another with a new uid (StatefulSets), and its owner has all pods ready.
    PodReplaced {
        /// The pod that was deleted.
        pod: Namespaced,
    },
    /// `spec.unschedulable` is this.
    NodeUnschedulable {
        /// Which node.
        node: Name,
        /// Whether it should be cordoned.
        unschedulable: bool,
    },
    /// The node is cordoned, and only pods of DaemonSets and static pods are left on it.
    NodeDrained {
        /// Which node.
        node: Name,
    },
    /// `spec.suspend` is this.
    CronJobSuspended {
        /// Which CronJob.
        cronjob: Namespaced,
        /// Whether it should be suspended.
        suspended: bool,
    },
    /// The copy that the action made of this Job completed.
    RerunSucceeded {
        /// The Job that was copied.
        job: Namespaced,
    },
    /// The silence that the action made is active.
    SilenceActive,
    /// The silence is expired.
    SilenceExpired {
        /// Its id.
        id: String,
    },
}

/// What success looks like, and when it is overdue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Success {
    /// What is watched.
    pub condition: SuccessCondition,
    /// For how long, in seconds from the end of the execution.
    pub within_seconds: u64,
    /// For how long it must then hold, in seconds: a pod that is ready for a moment and crashes again is no success.
    pub holds_seconds: u64,
    /// Whether the incident's alerts should end too. Pausing or silencing does not mend anything.
    pub mends: bool,
}

impl Action {
    /// What must hold before it.
    pub fn preconditions(&self) -> Vec<Precondition> {
        match self {
            // A restart of a paused Deployment would be a change that nothing carries out.
            Self::RolloutRestart { .. } => vec![Precondition::Paused { paused: false }],
            Self::RolloutUndo { to_revision, .. } => {
                vec![Precondition::Paused { paused: false }, Precondition::RevisionKept { revision: *to_revision }]
            }
            Self::RolloutPause { .. } => vec![Precondition::Paused { paused: false }],
            Self::RolloutResume { .. } => vec![Precondition::Paused { paused: true }],
            Self::Scale { .. } => vec![Precondition::NotAutoscaled],
            Self::SetResources { container, resource, field, .. } => vec![
                Precondition::Paused { paused: false },
                Precondition::HasContainer { container: container.clone() },
                Precondition::RequestWithinLimit { resource: *resource, field: *field },
            ],
            Self::SetHpaBounds { .. } => Vec::new(),
            Self::DeletePod { .. } => vec![Precondition::HasController],
            Self::Cordon { .. } => vec![Precondition::Unschedulable { unschedulable: false }],
            Self::Uncordon { .. } => vec![Precondition::Unschedulable { unschedulable: true }],
            Self::Drain { .. } => Vec::new(),
            Self::SuspendCronjob { .. } => vec![Precondition::Suspended { suspended: false }],
            Self::ResumeCronjob { .. } => vec![Precondition::Suspended { suspended: true }],
            Self::RerunJob { .. } => vec![Precondition::JobEnded],
            Self::CreateSilence { .. } => vec![Precondition::NotYetSilenced],
            Self::ExpireSilence { .. } => vec![Precondition::SilenceActive],
        }
    }

    /// What success looks like.
    pub fn success(&self) -> Success {
        let mends = |condition, minutes: u64| Success {
            condition,
            within_seconds: minutes * 60,
            // Longer than a container that crashes at start takes to crash twice.
            holds_seconds: 120,
            mends: true,
        };
        let is_so = |condition| Success { condition, within_seconds: 60, holds_seconds: 0, mends: false };
        match self.clone() {
            // Kubernetes' own `progressDeadlineSeconds` is ten minutes by default.
            Self::RolloutRestart { workload } | Self::RolloutUndo { workload, .. } => {
                mends(SuccessCondition::RolloutComplete { workload }, 10)
            }
            Self::SetResources { workload, .. } => mends(SuccessCondition::RolloutComplete { workload }, 10),
            Self::RolloutPause { workload } => is_so(SuccessCondition::RolloutPaused { workload, paused: true }),
            Self::RolloutResume { workload } => mends(SuccessCondition::RolloutComplete { workload }, 10),
            Self::Scale { workload, replicas } => mends(SuccessCondition::ReplicasReady { workload, replicas }, 10),
            Self::SetHpaBounds { hpa, min, max } => mends(SuccessCondition::BoundsHeld { hpa, min, max }, 10),
            Self::DeletePod { pod } => mends(SuccessCondition::PodReplaced { pod }, 5),
            Self::Cordon { node } => is_so(SuccessCondition::NodeUnschedulable { node, unschedulable: true }),
            Self::Uncordon { node } => is_so(SuccessCondition::NodeUnschedulable { node, unschedulable: false }),
            // Disruption budgets may make each eviction wait for a new pod elsewhere.
            Self::Drain { node, .. } => mends(SuccessCondition::NodeDrained { node }, 30),
            Self::SuspendCronjob { cronjob } => is_so(SuccessCondition::CronJobSuspended { cronjob, suspended: true }),
            Self::ResumeCronjob { cronjob } => is_so(SuccessCondition::CronJobSuspended { cronjob, suspended: false }),
            Self::RerunJob { job } => {
                Success { holds_seconds: 0, ..mends(SuccessCondition::RerunSucceeded { job }, 60) }
            }
            Self::CreateSilence { .. } => is_so(SuccessCondition::SilenceActive),
            Self::ExpireSilence { id } => is_so(SuccessCondition::SilenceExpired { id }),
        }
    }
}
