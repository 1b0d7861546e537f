//! Jobs that failed: run again what failed for a reason that passes, and nothing else.

use super::{Case, Remedy, remedy};
use crate::analysis::phrases;
use crate::domain::action::{Action, Namespaced};
use crate::domain::cluster::JobRun;
use crate::domain::finding::FindingKind;
use crate::domain::subject::SubjectKind;

pub(super) const TRANSIENT: &str = "why.transient";
pub(super) const SUSPENDED: &str = "why.suspended";
pub(super) const FAILS_ALWAYS: &str = "why.fails_always";

/// Failed runs in a row after which more of them only do harm.
const ALWAYS: usize = 3;

pub(super) fn find(case: &Case<'_>) -> Option<Remedy> {
    let failed = case.finding(&[FindingKind::JobFailed])?;
    let seen = case.scene.workloads().find(|seen| !seen.data.jobs.is_empty() || seen.data.paused)?;
    let is_cron = seen.about.kind == SubjectKind::CronJob;
    let object = |name: &str| Some(Namespaced { namespace: case.namespace()?, name: name.parse().ok()? });
    if failed.phrase == phrases::JOB_SUSPENDED {
        let cronjob = object(&seen.about.name).filter(|_| is_cron)?;
        return remedy(Action::ResumeCronjob { cronjob }, SUSPENDED, 0.6 * failed.confidence, &failed.evidence);
    }
    let runs = &seen.data.jobs;
    let newest = runs.first().filter(|run| run.failure.is_some())?;
    let in_a_row = runs.iter().take_while(|run| run.failure.is_some()).count();
    // What it needs was not there, or its node went away. A wrong setting or too little memory will be wrong again.
    let passing = case.findings.iter().find(|finding| {
        let kinds = [FindingKind::DependencyUnreachable, FindingKind::NodeNotReady, FindingKind::NodePressure];
        kinds.contains(&finding.kind) && finding.confidence >= super::SURE
    });
    let lasting = case.finding(&[FindingKind::ConfigError, FindingKind::OomKilled, FindingKind::ImagePull]);
    let worked = runs.iter().any(|run: &JobRun| run.succeeded > 0);
    if let Some(passing) = passing.filter(|_| lasting.is_none() && worked && in_a_row < ALWAYS) {
        let job = object(&newest.name)?;
        let confidence = 0.7 * failed.confidence.min(passing.confidence);
        let remedy = remedy(Action::RerunJob { job }, TRANSIENT, confidence, &failed.evidence)?;
        let cited = passing.evidence.iter().fold(remedy, |remedy, id| remedy.cite(*id));
        return Some(cited.fact("job", &newest.name).fact("about", passing.about.to_string()));
    }
    let cronjob = object(&seen.about.name).filter(|_| is_cron && in_a_row >= ALWAYS)?;
    let remedy = remedy(Action::SuspendCronjob { cronjob }, FAILS_ALWAYS, 0.4 * failed.confidence, &failed.evidence)?;
    Some(remedy.fact("runs", in_a_row.to_string()))
}
