//! Runs of Jobs and CronJobs.

use std::cmp::Reverse;

use k8s_openapi::api::batch::v1::Job;

use super::api::Query;
use super::conditions::job_condition;
use super::owners::is_owned_by;
use super::time::at;
use super::{Cluster, ClusterError};
use crate::domain::cluster::JobRun;
use crate::domain::subject::{ObjectRef, SubjectKind};

/// Runs kept, newest first.
const MAX_RUNS: usize = 10;
/// Jobs looked at in a namespace, 4 KB each.
const MAX_JOBS: usize = 2_000;
/// Runs whose pods are asked for; older pods tell nothing that newer ones do not.
const RUNS_WITH_PODS: usize = 5;

impl Cluster {
    /// The runs of a CronJob or Job, newest first.
    pub(super) async fn runs(&self, object: &ObjectRef) -> Result<Vec<JobRun>, ClusterError> {
        let Some(namespace) = object.namespace.as_deref() else { return Ok(Vec::new()) };
        let mut runs = match object.kind {
            SubjectKind::Job => {
                self.api.get::<Job>(Some(namespace), &object.name).await?.iter().map(run).collect::<Vec<_>>()
            }
            SubjectKind::CronJob => {
                let jobs = self.api.list::<Job, _>(Query::of(namespace, MAX_JOBS), |job| {
                    is_owned_by(&job.metadata, &object.name).then(|| run(&job))
                });
                jobs.await?.items
            }
            _ => Vec::new(),
        };
        runs.sort_by_key(|run| Reverse((run.started_at, run.name.clone())));
        runs.truncate(MAX_RUNS);
        Ok(runs)
    }
}

/// The label query for the pods of the newest runs.
pub(super) fn pods_of(runs: &[JobRun]) -> Option<String> {
    let names = runs.iter().take(RUNS_WITH_PODS).map(|run| run.name.as_str()).collect::<Vec<_>>();
    (!names.is_empty()).then(|| format!("job-name in ({})", names.join(",")))
}

fn run(job: &Job) -> JobRun {
    let status = job.status.clone().unwrap_or_default();
    let conditions = status.conditions.unwrap_or_default();
    let failed = conditions.iter().find(|c| c.type_ == "Failed" && c.status == "True");
    let ended = at(status.completion_time.as_ref());
    JobRun {
        name: job.metadata.name.clone().unwrap_or_default(),
        started_at: at(status.start_time.as_ref()).or_else(|| at(job.metadata.creation_timestamp.as_ref())),
        finished_at: ended.or_else(|| at(failed?.last_transition_time.as_ref())),
        succeeded: status.succeeded.unwrap_or(0),
        failed: status.failed.unwrap_or(0),
        backoff_limit: job.spec.as_ref().and_then(|spec| spec.backoff_limit).unwrap_or(6),
        failure: failed.map(job_condition),
    }
}
