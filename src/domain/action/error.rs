//! What is wrong with an action, by field, and the checks that need no cluster.

use super::{
    Action, MAX_COMMENT_BYTES, MAX_REPLICAS, MAX_SILENCE_SECONDS, MatchOperator, Resource, RolloutKind, SilenceMatcher,
    Workload,
};
use crate::domain::quantity::Quantity;
use crate::domain::text;

/// One field and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct ActionError {
    /// `namespace`, `replicas`, `memory-limit` …
    pub field: String,
    /// What is wrong and how to mend it.
    pub problem: String,
}

impl ActionError {
    /// A problem with a field.
    pub fn new(field: &str, problem: impl Into<String>) -> Self {
        Self { field: field.to_owned(), problem: problem.into() }
    }

    /// The same problem, of another field: a name is checked without knowing what it names.
    #[must_use]
    pub fn of(mut self, field: &str) -> Self {
        field.clone_into(&mut self.field);
        self
    }
}

pub(super) fn check(action: &Action) -> Result<(), ActionError> {
    match action {
        Action::RolloutUndo { to_revision, .. } if *to_revision < 1 => {
            Err(ActionError::new("to-revision", format!("{to_revision} is no revision: they count from 1")))
        }
        Action::RolloutPause { workload } | Action::RolloutResume { workload } => deployment_only(workload),
        Action::Scale { workload, replicas } => scale(workload, *replicas),
        Action::SetResources { resource, field, quantity: Some(quantity), .. } => {
            amount(&format!("{}-{}", resource.as_str(), field.as_str()), *resource, quantity)
        }
        Action::SetHpaBounds { min, max, .. } => bounds(*min, *max),
        Action::CreateSilence { matchers, duration_seconds, comment } => silence(matchers, *duration_seconds, comment),
        Action::ExpireSilence { id } => uuid(id),
        Action::RolloutRestart { .. }
        | Action::RolloutUndo { .. }
        | Action::SetResources { .. }
        | Action::DeletePod { .. }
        | Action::Cordon { .. }
        | Action::Uncordon { .. }
        | Action::Drain { .. }
        | Action::SuspendCronjob { .. }
        | Action::ResumeCronjob { .. }
        | Action::RerunJob { .. } => Ok(()),
    }
}

fn deployment_only(workload: &Workload) -> Result<(), ActionError> {
    if workload.kind == RolloutKind::Deployment {
        return Ok(());
    }
    Err(ActionError::new("target", format!("a {} cannot be paused: only a Deployment can", workload.kind.as_str())))
}

fn scale(workload: &Workload, replicas: u32) -> Result<(), ActionError> {
    if workload.kind == RolloutKind::DaemonSet {
        return Err(ActionError::new("target", "a DaemonSet has no number of replicas: it runs one pod on each node"));
    }
    if replicas > MAX_REPLICAS {
        return Err(ActionError::new("replicas", format!("{replicas} is more than {MAX_REPLICAS}")));
    }
    Ok(())
}

/// A memory limit of `128m` is an eighth of a byte, and the kubelet would not say so: mostly `Mi` was meant.
fn amount(field: &str, resource: Resource, quantity: &Quantity) -> Result<(), ActionError> {
    let problem = match resource {
        Resource::Memory => match quantity.bytes() {
            bytes if bytes < 4 << 20 => format!("`{quantity}` of memory is {bytes} bytes: is it Mi or Gi?"),
            bytes if bytes > 1 << 44 => format!("`{quantity}` is more than 16Ti"),
            _ => return Ok(()),
        },
        Resource::Cpu => match quantity.millicores() {
            0 => format!("`{quantity}` of CPU is less than 1m"),
            millicores if millicores > 1_000_000 => {
                format!("`{quantity}` is more than 1000 cores: write cores like 2, or thousandths like 500m")
            }
            _ => return Ok(()),
        },
    };
    Err(ActionError::new(field, problem))
}

fn bounds(min: u32, max: u32) -> Result<(), ActionError> {
    if min == 0 {
        return Err(ActionError::new("min", "an autoscaler keeps at least 1 pod"));
    }
    if min > max {
        return Err(ActionError::new("max", format!("{max} is less than min {min}")));
    }
    if max > MAX_REPLICAS {
        return Err(ActionError::new("max", format!("{max} is more than {MAX_REPLICAS}")));
    }
    Ok(())
}

fn silence(matchers: &[SilenceMatcher], seconds: u64, comment: &str) -> Result<(), ActionError> {
    for matcher in matchers {
        matcher.check()?;
    }
    let names_something =
        |matcher: &SilenceMatcher| matcher.operator == MatchOperator::Equal && !matcher.value.is_empty();
    if !matchers.iter().any(names_something) {
        return Err(ActionError::new(
            "matchers",
            "name at least one label exactly, e.g. alertname=KubePodCrashLooping",
        ));
    }
    if matchers.len() > 20 {
        return Err(ActionError::new("matchers", format!("{} are more than 20", matchers.len())));
    }
    if !(60..=MAX_SILENCE_SECONDS).contains(&seconds) {
        return Err(ActionError::new("for", format!("{seconds} s is not between 1 minute and 7 days")));
    }
    if comment.trim().is_empty() || comment.len() > MAX_COMMENT_BYTES {
        return Err(ActionError::new("comment", format!("say why, in 1 to {MAX_COMMENT_BYTES} bytes")));
    }
    if text::line(comment, MAX_COMMENT_BYTES) != comment {
        return Err(ActionError::new("comment", "write one line of plain text"));
    }
    Ok(())
}

fn uuid(id: &str) -> Result<(), ActionError> {
    let is_uuid = id.len() == 36
        && id.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_digit() || (b'a'..=b'f').contains(&b),
        });
    if is_uuid {
        return Ok(());
    }
    Err(ActionError::new("id", format!("`{}` is no silence: its id is a UUID", text::line(id, 60))))
}
