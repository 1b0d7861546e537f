//! Whether an action did what it should: its success condition, read from the objects as they are.

use serde_json::Value;

use super::place::{AUTOSCALERS, CRONJOBS, JOBS, NODES, PODS, Place};
use super::{Actuator, ActuatorError};
use crate::adapters::alertmanager::SilenceError;
use crate::domain::action::{Namespaced, SuccessCondition, Workload};
use crate::domain::proposal::{Proposal, Seen, State};

/// Labels that differ between the pods of one workload.
const OF_ONE_POD: [&str; 2] = ["statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"];

impl Actuator {
    /// Looks whether what a proposal's action should bring about is there.
    ///
    /// # Errors
    /// When the API or Alertmanager does not answer; nothing is known then.
    pub async fn success(&self, proposal: &Proposal) -> Result<Seen, ActuatorError> {
        match &proposal.action.success().condition {
            SuccessCondition::RolloutComplete { workload } => {
                Ok(self.object(&Place::workload(workload)).await?.map_or_else(gone, |object| rolled_out(&object)))
            }
            SuccessCondition::RolloutPaused { workload, paused } => {
                self.field(&Place::workload(workload), "paused", *paused).await
            }
            SuccessCondition::ReplicasReady { workload, replicas } => self.replicas(workload, *replicas).await,
            SuccessCondition::BoundsHeld { hpa, min, max } => {
                let place = Place::new(AUTOSCALERS, Some(hpa.namespace.as_str()), hpa.name.as_str());
                Ok(self.object(&place).await?.map_or_else(gone, |object| bounds(&object, *min, *max)))
            }
            SuccessCondition::PodReplaced { pod } => self.replaced(pod, proposal).await,
            SuccessCondition::NodeUnschedulable { node, unschedulable } => {
                self.field(&Place::new(NODES, None, node.as_str()), "unschedulable", *unschedulable).await
            }
            SuccessCondition::NodeDrained { node } => {
                let left = self.left_on(&proposal.action, &Place::new(NODES, None, node.as_str())).await?;
                Ok(if left == 0 { Seen::Holds } else { not_yet(format!("{left} pod(s) are still on it")) })
            }
            SuccessCondition::CronJobSuspended { cronjob, suspended } => {
                let place = Place::new(CRONJOBS, Some(cronjob.namespace.as_str()), cronjob.name.as_str());
                self.field(&place, "suspend", *suspended).await
            }
            SuccessCondition::RerunSucceeded { job } => {
                let Some(copy) = created(proposal) else { return Ok(unknown("the Job's copy")) };
                let place = Place::new(JOBS, Some(job.namespace.as_str()), copy);
                Ok(self.object(&place).await?.map_or_else(gone, |object| job_ended(&object)))
            }
            SuccessCondition::SilenceActive => {
                let Some(id) = created(proposal) else { return Ok(unknown("the silence")) };
                self.silence(id, true).await
            }
            SuccessCondition::SilenceExpired { id } => self.silence(id, false).await,
        }
    }

    async fn object(&self, place: &Place) -> Result<Option<Value>, ActuatorError> {
        self.api.get(place).await
    }

    async fn field(&self, place: &Place, name: &str, wanted: bool) -> Result<Seen, ActuatorError> {
        let Some(object) = self.object(place).await? else { return Ok(gone()) };
        let is = object["spec"][name] == true;
        Ok(if is == wanted { Seen::Holds } else { not_yet(format!("{place}: {name} is {is}")) })
    }

    async fn replicas(&self, workload: &Workload, wanted: u32) -> Result<Seen, ActuatorError> {
        let Some(object) = self.object(&Place::workload(workload)).await? else { return Ok(gone()) };
        let asked = number(&object["spec"], "replicas").unwrap_or(1);
        if asked != u64::from(wanted) {
            return Ok(Seen::Never { why: format!("somebody asked for {asked} pod(s) meanwhile") });
        }
        let (ready, there) = (count(&object, "readyReplicas"), count(&object, "replicas"));
        let done = ready == asked && there == asked;
        Ok(if done { Seen::Holds } else { not_yet(format!("{ready} of {asked} pod(s) are ready")) })
    }

    /// The pod is gone or another one, and the pods beside it are ready.
    async fn replaced(&self, pod: &Namespaced, proposal: &Proposal) -> Result<Seen, ActuatorError> {
        let namespace = Some(pod.namespace.as_str());
        let there = self.object(&Place::new(PODS, namespace, pod.name.as_str())).await?;
        if there.is_some_and(|there| there["metadata"]["uid"].as_str() == proposal.target.uid.as_deref()) {
            return Ok(not_yet(format!("pod {} is still there", pod.name)));
        }
        let labels = proposal.target.labels.iter().flatten().filter(|(name, _)| !OF_ONE_POD.contains(&name.as_str()));
        // Names and values of labels hold nothing else that a query would have to encode.
        let encoded = |(name, value): (&String, &String)| format!("{}%3D{value}", name.replace('/', "%2F"));
        let selector = labels.map(encoded).collect::<Vec<_>>().join("%2C");
        let beside = self.api.list(&Place::new(PODS, namespace, ""), &format!("labelSelector={selector}")).await?;
        let staying = || beside.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        let (all, ready) = (staying().count(), staying().filter(|pod| is_true(pod, "Ready")).count());
        let done = all > 0 && ready == all;
        Ok(if done { Seen::Holds } else { not_yet(format!("{ready} of {all} pod(s) beside it are ready")) })
    }

    async fn silence(&self, id: &str, on: bool) -> Result<Seen, ActuatorError> {
        let is_on = match self.silences()?.get(id).await {
            Ok(silence) => silence.is_on(),
            Err(SilenceError::NotFound { .. }) => false,
            Err(error) => return Err(error.into()),
        };
        Ok(if is_on == on {
            Seen::Holds
        } else {
            not_yet(format!("silence {id} is {}", if is_on { "on" } else { "over" }))
        })
    }
}

fn created(proposal: &Proposal) -> Option<&str> {
    match &proposal.state {
        State::Applied { created, .. } => created.as_deref(),
        _ => None,
    }
}

fn gone() -> Seen {
    Seen::Never { why: "it is gone".to_owned() }
}

fn unknown(what: &str) -> Seen {
    Seen::Never { why: format!("{what} is not known") }
}

fn not_yet(what: String) -> Seen {
    Seen::NotYet { what }
}

fn number(object: &Value, field: &str) -> Option<u64> {
    object[field].as_u64()
}

fn count(object: &Value, field: &str) -> u64 {
    number(&object["status"], field).unwrap_or(0)
}

fn condition<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == name)
}

fn is_true(object: &Value, name: &str) -> bool {
    condition(object, name).is_some_and(|condition| condition["status"] == "True")
}

/// As `kubectl rollout status` judges: the controller has seen the change, every pod is of the new template, none of the
/// old is left, and all are ready.
fn rolled_out(object: &Value) -> Seen {
    let seen = count(object, "observedGeneration") >= number(&object["metadata"], "generation").unwrap_or(0);
    if !seen {
        return not_yet("the controller has not seen the change yet".to_owned());
    }
    let late = condition(object, "Progressing").filter(|condition| condition["reason"] == "ProgressDeadlineExceeded");
    if late.is_some() {
        return Seen::Never { why: "the rollout exceeded its progress deadline".to_owned() };
    }
    let (wanted, updated, ready, old) = if object["kind"] == "DaemonSet" {
        let wanted = count(object, "desiredNumberScheduled");
        (wanted, count(object, "updatedNumberScheduled"), count(object, "numberReady"), 0)
    } else {
        let wanted = number(&object["spec"], "replicas").unwrap_or(1);
        let updated = count(object, "updatedReplicas");
        (wanted, updated, count(object, "readyReplicas"), count(object, "replicas").saturating_sub(updated))
    };
    if updated < wanted {
        return not_yet(format!("{updated} of {wanted} pod(s) are of the new template"));
    }
    if old > 0 {
        return not_yet(format!("{old} pod(s) of the old template are still there"));
    }
    if ready < wanted {
        return not_yet(format!("{ready} of {wanted} pod(s) are ready"));
    }
    Seen::Holds
}

fn bounds(object: &Value, min: u32, max: u32) -> Seen {
    let (lower, upper) = (number(&object["spec"], "minReplicas").unwrap_or(1), number(&object["spec"], "maxReplicas"));
    if (lower, upper) != (u64::from(min), Some(u64::from(max))) {
        return Seen::Never { why: "somebody set other bounds meanwhile".to_owned() };
    }
    let wanted = count(object, "desiredReplicas");
    let within = (u64::from(min)..=u64::from(max)).contains(&wanted);
    if within { Seen::Holds } else { not_yet(format!("the autoscaler wants {wanted} pod(s)")) }
}

fn job_ended(object: &Value) -> Seen {
    if is_true(object, "Complete") {
        return Seen::Holds;
    }
    match condition(object, "Failed").filter(|condition| condition["status"] == "True") {
        Some(failed) => {
            let why = failed["message"].as_str().unwrap_or("no reason given");
            Seen::Never { why: format!("the Job failed again: {why}") }
        }
        None => not_yet("the Job has not ended yet".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_rollout_is_complete_when_all_of_it_is_new_and_ready() {
        let deployment = |status: Value| json!({"kind": "Deployment", "metadata": {"generation": 4}, "spec": {"replicas": 2}, "status": status});
        let cases = [
            (
                json!({"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}),
                "the controller has not seen the change yet",
            ),
            (
                json!({"observedGeneration": 4, "replicas": 3, "updatedReplicas": 1, "readyReplicas": 2}),
                "1 of 2 pod(s) are of the new template",
            ),
            (
                json!({"observedGeneration": 4, "replicas": 3, "updatedReplicas": 2, "readyReplicas": 2}),
                "1 pod(s) of the old template are still there",
            ),
            (
                json!({"observedGeneration": 4, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 1}),
                "1 of 2 pod(s) are ready",
            ),
        ];
        for (status, what) in cases {
            assert_eq!(rolled_out(&deployment(status)), not_yet(what.to_owned()));
        }
        let done = json!({"observedGeneration": 4, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2});
        assert_eq!(rolled_out(&deployment(done)), Seen::Holds);
        let daemons = json!({"kind": "DaemonSet", "metadata": {"generation": 1}, "spec": {}, "status": {"observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberReady": 2}});
        assert_eq!(rolled_out(&daemons), not_yet("2 of 3 pod(s) are ready".to_owned()));
    }

    #[test]
    fn a_job_that_failed_again_never_succeeds() {
        let job =
            |kind: &str| json!({"status": {"conditions": [{"type": kind, "status": "True", "message": "backoff"}]}});
        assert_eq!(job_ended(&job("Complete")), Seen::Holds);
        assert_eq!(job_ended(&job("Failed")), Seen::Never { why: "the Job failed again: backoff".into() });
        assert_eq!(job_ended(&json!({})), not_yet("the Job has not ended yet".into()));
    }
}
