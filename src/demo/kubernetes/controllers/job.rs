//! Jobs: one pod that runs a while and ends, well or as it was recorded to end.

use serde_json::{Value, json};

use super::super::Moment;
use super::super::create::is_made;
use super::super::store::Store;
use super::pods::{self, Draft};
use super::{owner, put_if_changed};
use crate::demo::cures::Workload;
use crate::demo::shift::parse;

/// Brings a Job to the present; whether it succeeded.
pub(super) fn reconcile(store: &mut Store, moment: &Moment, workload: &Workload) -> bool {
    let Some((kind, job)) = pods::found(store, workload) else { return false };
    let finished = job["status"]["conditions"].as_array().is_some_and(|conditions| !conditions.is_empty());
    if finished || !is_made(&job) || job["spec"]["suspend"] == true {
        return false;
    }
    let template = &job["spec"]["template"];
    if pods::owned(store, &job).is_empty() {
        let prefix = format!("{}-", workload.name);
        let name = pods::fresh_name(store, &prefix);
        let draft = Draft {
            workload,
            name,
            generate_name: prefix,
            template,
            owner: owner(&kind, &job),
            revision: None,
            node: None,
        };
        pods::make(store, moment, draft);
    }
    let mut after = job.clone();
    after["status"] = json!({"startTime": job["metadata"]["creationTimestamp"], "active": 1, "ready": 0});
    let began = job["metadata"]["creationTimestamp"].as_str().and_then(parse);
    if began.is_some_and(|at| at + store.controllers.takes() <= moment.now) {
        // The truth is told of the CronJob, or of the Job that this one repeats: both names begin alike.
        let well = store.controllers.truth.of_run(&workload.namespace, &workload.name).unwrap_or(true);
        let pod_kind = store.kind("Pod");
        for pod in pods::owned(store, &job) {
            let mut ended = pod.clone();
            ended["status"] = pods::ended(&pod, well, &moment.text);
            if let Some(pods) = &pod_kind {
                store.put(pods, ended);
            }
        }
        after["status"] = outcome(&job, well, moment);
    }
    let succeeded = after["status"]["succeeded"] == 1;
    put_if_changed(store, &kind, &job, after);
    succeeded
}

fn outcome(job: &Value, well: bool, moment: &Moment) -> Value {
    let started = &job["metadata"]["creationTimestamp"];
    let at = &moment.text;
    let condition = |kind: &str, reason: &str, message: &str| json!({"type": kind, "status": "True", "lastProbeTime": at, "lastTransitionTime": at, "reason": reason, "message": message});
    if well {
        return json!({"startTime": started, "completionTime": at, "succeeded": 1, "ready": 0,
            "conditions": [condition("SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods"),
                condition("Complete", "CompletionsReached", "Reached expected number of succeeded pods")]});
    }
    json!({"startTime": started, "failed": 1, "ready": 0,
        "conditions": [condition("FailureTarget", "BackoffLimitExceeded", "Job has reached the specified backoff limit"),
            condition("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")]})
}
