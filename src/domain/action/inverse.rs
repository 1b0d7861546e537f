//! How an action is taken back, given what was there before.

use serde::{Deserialize, Serialize};

use super::{Action, SilenceMatcher};
use crate::domain::quantity::Quantity;

/// What an action would overwrite, as it was when the action was proposed and again just before it was done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "before", rename_all = "snake_case")]
pub enum Before {
    /// Nothing that could be put back, or nothing known.
    #[default]
    Unknown,
    /// Of a rollout: restart, undo, pause, resume.
    Rollout {
        /// The revision that was current, where there is one.
        revision: Option<i64>,
        /// Whether it was paused.
        paused: bool,
    },
    /// Of `scale`.
    Replicas {
        /// Pods that were wanted.
        replicas: u32,
    },
    /// Of `set_resources`.
    Resource {
        /// The old value; `None` where there was none.
        quantity: Option<Quantity>,
    },
    /// Of `set_hpa_bounds`.
    Bounds {
        /// Old lower bound.
        min: u32,
        /// Old upper bound.
        max: u32,
    },
    /// Of `cordon`, `uncordon`, `drain`.
    Node {
        /// Whether it was cordoned.
        unschedulable: bool,
    },
    /// Of `suspend_cronjob`, `resume_cronjob`.
    CronJob {
        /// Whether it was suspended.
        suspended: bool,
    },
    /// Of `expire_silence`.
    Silence {
        /// Its matchers.
        matchers: Vec<SilenceMatcher>,
        /// What was left of it, in seconds.
        remaining_seconds: u64,
        /// Its comment.
        comment: String,
    },
}

/// The way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inverse {
    /// This action restores what was.
    By(Action),
    /// There is none.
    None(NoInverse),
}

/// Why there is no way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoInverse {
    /// It was like that before: nothing would change.
    AlreadySo,
    /// What ended or began cannot be called back: pods that were replaced, a Job that ran.
    Irreversible,
    /// What was before, or what was made, is not known.
    Unknown,
}

impl NoInverse {
    /// The name in texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AlreadySo => "already_so",
            Self::Irreversible => "irreversible",
            Self::Unknown => "unknown",
        }
    }
}

impl Action {
    /// Whether an action of this kind can be taken back at all.
    pub fn is_reversible(&self) -> bool {
        match self {
            Self::RolloutRestart { .. } | Self::DeletePod { .. } | Self::RerunJob { .. } => false,
            Self::RolloutUndo { .. }
            | Self::RolloutPause { .. }
            | Self::RolloutResume { .. }
            | Self::Scale { .. }
            | Self::SetResources { .. }
            | Self::SetHpaBounds { .. }
            | Self::Cordon { .. }
            | Self::Uncordon { .. }
            | Self::Drain { .. }
            | Self::SuspendCronjob { .. }
            | Self::ResumeCronjob { .. }
            | Self::CreateSilence { .. }
            | Self::ExpireSilence { .. } => true,
        }
    }

    /// What takes it back. `before` is what it overwrites; `created` is the id of what it made (a silence's), which is
    /// known only once it was done.
    ///
    /// After an undo of a rollout the revision that was current keeps its number, so that it can be returned to.
    pub fn inverse(&self, before: &Before, created: Option<&str>) -> Inverse {
        if !self.is_reversible() {
            return Inverse::None(NoInverse::Irreversible);
        }
        let back = |action: Action| if action == *self { None } else { Some(action) };
        let found = match (self.clone(), before) {
            (Self::RolloutUndo { workload, .. }, Before::Rollout { revision: Some(revision), .. }) => {
                back(Self::RolloutUndo { workload, to_revision: *revision })
            }
            (Self::RolloutPause { workload }, Before::Rollout { paused: false, .. }) => {
                Some(Self::RolloutResume { workload })
            }
            (Self::RolloutResume { workload }, Before::Rollout { paused: true, .. }) => {
                Some(Self::RolloutPause { workload })
            }
            (Self::Scale { workload, .. }, Before::Replicas { replicas }) => {
                back(Self::Scale { workload, replicas: *replicas })
            }
            (Self::SetResources { workload, container, resource, field, .. }, Before::Resource { quantity }) => {
                back(Self::SetResources { workload, container, resource, field, quantity: quantity.clone() })
            }
            (Self::SetHpaBounds { hpa, .. }, Before::Bounds { min, max }) => {
                back(Self::SetHpaBounds { hpa, min: *min, max: *max })
            }
            (Self::Cordon { node } | Self::Drain { node, .. }, Before::Node { unschedulable: false }) => {
                Some(Self::Uncordon { node })
            }
            (Self::Uncordon { node }, Before::Node { unschedulable: true }) => Some(Self::Cordon { node }),
            (Self::SuspendCronjob { cronjob }, Before::CronJob { suspended: false }) => {
                Some(Self::ResumeCronjob { cronjob })
            }
            (Self::ResumeCronjob { cronjob }, Before::CronJob { suspended: true }) => {
                Some(Self::SuspendCronjob { cronjob })
            }
            (Self::CreateSilence { .. }, _) => {
                let Some(id) = created else { return Inverse::None(NoInverse::Unknown) };
                Some(Self::ExpireSilence { id: id.to_owned() })
            }
            (Self::ExpireSilence { .. }, Before::Silence { matchers, remaining_seconds, comment }) => {
                Some(Self::CreateSilence {
                    matchers: matchers.clone(),
                    duration_seconds: *remaining_seconds,
                    comment: comment.clone(),
                })
            }
            (Self::RolloutPause { .. } | Self::RolloutResume { .. }, Before::Rollout { .. })
            | (Self::Cordon { .. } | Self::Uncordon { .. } | Self::Drain { .. }, Before::Node { .. })
            | (Self::SuspendCronjob { .. } | Self::ResumeCronjob { .. }, Before::CronJob { .. }) => None,
            _ => return Inverse::None(NoInverse::Unknown),
        };
        // The way back passes the same checks; a silence that would have ended within a minute is not worth one.
        match found.map(Action::checked) {
            Some(Ok(action)) => Inverse::By(action),
            Some(Err(_)) => Inverse::None(NoInverse::Unknown),
            None => Inverse::None(NoInverse::AlreadySo),
        }
    }
}
