//! The names of the catalogue, as a runbook lists what may be proposed and a policy what may be approved. A closed set,
//! so that no document can ask for a command.

use std::fmt;

/// One entry of the catalogue, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActionName {
    /// Restart a workload's rollout.
    RolloutRestart,
    /// Return a workload to an earlier revision.
    RolloutUndo,
    /// Stop a rollout where it is.
    RolloutPause,
    /// Let a paused rollout go on.
    RolloutResume,
    /// Set a workload's number of replicas.
    Scale,
    /// Set a container's CPU or memory request or limit.
    SetResources,
    /// Set an autoscaler's bounds.
    SetHpaBounds,
    /// Delete a pod so that its owner makes a new one.
    DeletePod,
    /// Keep new pods off a node.
    Cordon,
    /// Let new pods onto a node again.
    Uncordon,
    /// Move the pods off a node.
    Drain,
    /// Stop a CronJob from starting Jobs.
    SuspendCronjob,
    /// Let a CronJob start Jobs again.
    ResumeCronjob,
    /// Run a Job once more.
    RerunJob,
    /// Silence an alert in Alertmanager.
    CreateSilence,
    /// End a silence.
    ExpireSilence,
}

impl ActionName {
    /// The whole catalogue, in the order that error messages list it.
    pub const ALL: [Self; 16] = [
        Self::RolloutRestart,
        Self::RolloutUndo,
        Self::RolloutPause,
        Self::RolloutResume,
        Self::Scale,
        Self::SetResources,
        Self::SetHpaBounds,
        Self::DeletePod,
        Self::Cordon,
        Self::Uncordon,
        Self::Drain,
        Self::SuspendCronjob,
        Self::ResumeCronjob,
        Self::RerunJob,
        Self::CreateSilence,
        Self::ExpireSilence,
    ];

    /// The name as written in runbooks, policies and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RolloutRestart => "rollout_restart",
            Self::RolloutUndo => "rollout_undo",
            Self::RolloutPause => "rollout_pause",
            Self::RolloutResume => "rollout_resume",
            Self::Scale => "scale",
            Self::SetResources => "set_resources",
            Self::SetHpaBounds => "set_hpa_bounds",
            Self::DeletePod => "delete_pod",
            Self::Cordon => "cordon",
            Self::Uncordon => "uncordon",
            Self::Drain => "drain",
            Self::SuspendCronjob => "suspend_cronjob",
            Self::ResumeCronjob => "resume_cronjob",
            Self::RerunJob => "rerun_job",
            Self::CreateSilence => "create_silence",
            Self::ExpireSilence => "expire_silence",
        }
    }

    /// How its command is written: what people and models are shown.
    pub fn usage(self) -> &'static str {
        match self {
            Self::RolloutRestart => "restart KIND/NAME -n NAMESPACE",
            Self::RolloutUndo => "undo KIND/NAME -n NAMESPACE --to-revision NUMBER",
            Self::RolloutPause => "pause deployment/NAME -n NAMESPACE",
            Self::RolloutResume => "resume deployment/NAME -n NAMESPACE",
            Self::Scale => "scale KIND/NAME -n NAMESPACE --replicas NUMBER",
            Self::SetResources => "set-resources KIND/NAME -n NAMESPACE -c CONTAINER --memory-limit 256Mi",
            Self::SetHpaBounds => "set-hpa hpa/NAME -n NAMESPACE --min NUMBER --max NUMBER",
            Self::DeletePod => "delete pod/NAME -n NAMESPACE",
            Self::Cordon => "cordon node/NAME",
            Self::Uncordon => "uncordon node/NAME",
            Self::Drain => "drain node/NAME",
            Self::SuspendCronjob => "suspend cronjob/NAME -n NAMESPACE",
            Self::ResumeCronjob => "resume cronjob/NAME -n NAMESPACE",
            Self::RerunJob => "rerun job/NAME -n NAMESPACE",
            Self::CreateSilence => "silence LABEL=VALUE --for 2h --comment TEXT",
            Self::ExpireSilence => "expire-silence ID",
        }
    }

    /// Reads a name. `None` when the catalogue has no such action.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }
}

impl fmt::Display for ActionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
