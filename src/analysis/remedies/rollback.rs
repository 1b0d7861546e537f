//! A rollout came just before the trouble: return to what ran before.

use chrono::TimeDelta;

use super::{Case, Remedy, remedy};
use crate::analysis::phrases;
use crate::domain::action::Action;
use crate::domain::cluster::Rollout;
use crate::domain::finding::{Finding, FindingKind};

pub(super) const REASON: &str = "why.rollback";

/// A revision that was replaced sooner than this was probably no good either.
const LIVED: TimeDelta = TimeDelta::minutes(10);
/// A rollout is blamed from this confidence on: it came within the hour.
const BLAMED: f64 = 0.6;

/// The rollout that is to blame, if one is.
pub(super) fn blamed<'a>(case: &Case<'a>) -> Option<&'a Finding> {
    case.all(&[FindingKind::BadRollout]).find(|finding| {
        let of_subject = [phrases::ROLLOUT, phrases::ROLLOUT_STUCK].contains(&finding.phrase.as_str());
        of_subject && finding.confidence >= BLAMED
    })
}

pub(super) fn find(case: &Case<'_>) -> Option<Remedy> {
    let (workload, seen) = case.rollout()?;
    let blamed = blamed(case)?;
    let bad: i64 = blamed.facts.get("revision")?.parse().ok()?;
    // Whoever rolled out again since has moved on; undoing the older rollout would undo the newer one too.
    if seen.data.rollouts.iter().map(|rollout| rollout.revision).max() != Some(bad) {
        return None;
    }
    let (good, proven) = previous(&seen.data.rollouts, bad)?;
    let explains = match case.cause() {
        Some(cause) => explained(cause, blamed)?,
        // Nothing but symptoms and a rollout: the rollout is the best guess.
        None => 0.8 * blamed.confidence,
    };
    let confidence = if proven { explains } else { explains * 0.7 };
    let remedy =
        remedy(Action::RolloutUndo { workload, to_revision: good.revision }, REASON, confidence, &blamed.evidence)?;
    Some(
        remedy
            .fact("revision", bad.to_string())
            .fact("previous", good.revision.to_string())
            .maybe("changes", blamed.facts.get("changes"))
            .maybe("before", blamed.facts.get("before"))
            .maybe("managed_by", seen.data.managed_by.as_deref()),
    )
}

/// The newest earlier revision, and whether it ran long enough to be called good: one that was replaced at once was
/// somebody's failed attempt, and an older one is better.
fn previous(rollouts: &[Rollout], bad: i64) -> Option<(&Rollout, bool)> {
    let mut sorted: Vec<&Rollout> = rollouts.iter().filter(|rollout| rollout.revision <= bad).collect();
    sorted.sort_by_key(|rollout| std::cmp::Reverse(rollout.revision));
    let lived = |pair: &[&Rollout]| match (pair.first()?.at, pair.get(1)?.at) {
        (Some(next), Some(begun)) => Some(next - begun >= LIVED),
        _ => Some(true),
    };
    let good = sorted.windows(2).find(|pair| lived(pair) == Some(true)).and_then(|pair| pair.get(1));
    match good {
        Some(good) => Some((good, true)),
        None => sorted.get(1).map(|newest| (*newest, false)),
    }
}

/// How sure it is that going back mends what the cause is; `None` where it does not.
fn explained(cause: &Finding, blamed: &Finding) -> Option<f64> {
    let changes = blamed.facts.get("changes").map(|changes| changes.to_ascii_lowercase()).unwrap_or_default();
    let reconfigured = ["env", "config", "arg", "command", "secret", "image"].iter().any(|word| changes.contains(word));
    let both = f64::midpoint(cause.confidence, blamed.confidence);
    match cause.kind {
        FindingKind::OomKilled
        | FindingKind::MemoryHigh
        | FindingKind::ConfigError
        | FindingKind::CrashLoop
        | FindingKind::ImagePull
        | FindingKind::BadRollout
        | FindingKind::CpuThrottled
        | FindingKind::ProbeFailing
        | FindingKind::HttpErrors
        | FindingKind::SlowResponses
        | FindingKind::Unschedulable
        | FindingKind::ReplicasMissing
        | FindingKind::NewErrors => Some(both),
        // What it calls may have been given another address or another password by the rollout.
        FindingKind::DependencyUnreachable | FindingKind::AuthFailed | FindingKind::VolumeUnavailable => {
            reconfigured.then_some(both * 0.6)
        }
        FindingKind::JobFailed
        | FindingKind::NodeNotReady
        | FindingKind::NodePressure
        | FindingKind::DiskFull
        | FindingKind::CertificateInvalid
        | FindingKind::QuotaExceeded
        | FindingKind::TrafficSurge => None,
    }
}
