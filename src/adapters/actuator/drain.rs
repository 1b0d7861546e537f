//! Drains, one pass at a time: whoever drives it comes back until it is done, and a crash between two passes costs nothing.

use chrono::{DateTime, Utc};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::api::Run;
use super::error::Refusal;
use super::place::{PODS, Place};
use super::preview::Warning;
use super::{ANNOTATION, Actuator, ActuatorError, Order};
use crate::domain::action::Action;
use crate::domain::proposal::Approved;
use crate::domain::text;

/// Evictions asked for at once.
const AT_ONCE: usize = 8;

/// Pods named in a preview; the rest are counted.
const NAMED: usize = 30;

/// How far a drain is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainProgress {
    /// Pods that this pass evicted.
    pub evicted: usize,
    /// Pods that are ending.
    pub leaving: usize,
    /// Pods that may not go yet, with the disruption budget's sentence.
    pub blocked: Vec<String>,
    /// Pods still to go, those that are ending and those that are blocked included.
    pub left: usize,
}

impl DrainProgress {
    /// Whether nothing is left to do.
    pub fn is_done(&self) -> bool {
        self.left == 0
    }
}

/// What happens to the pods of a node.
#[derive(Debug, Default)]
struct Sorted {
    evict: Vec<Value>,
    leaving: usize,
    /// Why the drain must not begin.
    problems: Vec<String>,
}

impl Actuator {
    /// One more pass of a drain that was begun.
    ///
    /// # Errors
    /// When the node is another, or does not carry this permission's key any more, or the API refuses.
    pub async fn drain(&self, approved: &Approved, now: DateTime<Utc>) -> Result<DrainProgress, ActuatorError> {
        let order = &Order::of(approved, now)?;
        let user = self.user_of(order.person)?;
        let place = Place::of(order.action).ok_or(ActuatorError::NoAlertmanager)?;
        let node = self.api.get(&place).await?;
        let ours = node.is_some_and(|node| {
            node["metadata"]["uid"] == *order.uid()
                && node["metadata"]["annotations"][ANNOTATION] == *order.key
                && node["spec"]["unschedulable"] == true
        });
        if !ours {
            return Err(super::execute::moved(&place, "it is not the node that was cordoned for this drain"));
        }
        self.evict_all(order, &place, user).await
    }

    /// Refuses a drain that could not come to its end, before the node is cordoned for it.
    pub(super) async fn may_begin(&self, action: &Action, node: &Place) -> Result<(), ActuatorError> {
        match self.sorted(action, node).await?.problems.into_iter().next() {
            Some(why) => Err(ActuatorError::Unmet { what: node.to_string(), why }),
            None => Ok(()),
        }
    }

    /// Asks for the eviction of every pod that must go.
    pub(super) async fn evict_all(
        &self,
        order: &Order<'_>,
        node: &Place,
        user: Option<&str>,
    ) -> Result<DrainProgress, ActuatorError> {
        let sorted = self.sorted(order.action, node).await?;
        if let Some(problem) = sorted.problems.first() {
            return Err(ActuatorError::Unmet { what: node.to_string(), why: problem.clone() });
        }
        let mut progress = DrainProgress {
            leaving: sorted.leaving,
            left: sorted.leaving + sorted.evict.len(),
            ..DrainProgress::default()
        };
        for (pod, answer) in self.evictions(&sorted.evict, Run::Real, user).await {
            match answer {
                Ok(()) => progress.evicted += 1,
                Err(refusal) if refusal.is(404) || refusal.is(409) => progress.left -= 1,
                Err(Refusal { status: Some(status), .. }) if status.code == 429 => {
                    progress.blocked.push(format!("{pod}: {}", sentence(&status)));
                }
                Err(refusal) => return Err(refusal.error),
            }
        }
        Ok(progress)
    }

    /// The pods that would go, as lines of a diff, with a warning for each that may not go now.
    pub(super) async fn drain_preview(
        &self,
        action: &Action,
        node: &Place,
        warnings: &mut Vec<Warning>,
    ) -> Result<String, ActuatorError> {
        let sorted = self.sorted(action, node).await?;
        if !sorted.problems.is_empty() {
            return Err(ActuatorError::Unmet { what: node.to_string(), why: sorted.problems.join("; ") });
        }
        let mut lines = String::new();
        for (index, (pod, answer)) in self.evictions(&sorted.evict, Run::Dry, None).await.into_iter().enumerate() {
            match answer {
                Ok(()) => {}
                Err(refusal) if refusal.is(404) || refusal.is(409) => continue,
                Err(Refusal { status: Some(status), .. }) if status.code == 429 => {
                    warnings.push(Warning::Blocked { pod: pod.clone(), why: sentence(&status) });
                }
                Err(refusal) => return Err(refusal.error),
            }
            if index < NAMED {
                lines.push_str(&format!("-Pod {pod}\n"));
            }
        }
        if sorted.evict.len() > NAMED {
            lines.push_str(&format!("-{} more pods\n", sorted.evict.len() - NAMED));
        }
        Ok(lines)
    }

    /// How many pods have yet to go.
    pub(super) async fn left_on(&self, action: &Action, node: &Place) -> Result<usize, ActuatorError> {
        let sorted = self.sorted(action, node).await?;
        Ok(sorted.leaving + sorted.evict.len())
    }

    async fn evictions(&self, pods: &[Value], run: Run, user: Option<&str>) -> Vec<(String, Result<(), Refusal>)> {
        let one = |pod: &Value| {
            let text = |field: &str| pod["metadata"][field].as_str().unwrap_or_default().to_owned();
            let (namespace, name, uid) = (text("namespace"), text("name"), text("uid"));
            async move {
                let place = Place::new(PODS, Some(&namespace), &name);
                (format!("{namespace}/{name}"), self.api.evict(&place, &uid, run, user).await)
            }
        };
        // One after the other where it is real: each eviction takes from the budget that the next one needs.
        let width = if run == Run::Real { 1 } else { AT_ONCE };
        futures::stream::iter(pods.iter().map(one)).buffered(width).collect().await
    }

    async fn sorted(&self, action: &Action, node: &Place) -> Result<Sorted, ActuatorError> {
        let lose_data = matches!(action, Action::Drain { delete_empty_dir: true, .. });
        let everywhere = Place::new(PODS, None, "");
        let pods = self.api.list(&everywhere, &format!("fieldSelector=spec.nodeName%3D{}", node.name)).await?;
        Ok(sort(pods, lose_data))
    }
}

/// As `kubectl drain` sorts them: pods of DaemonSets and static pods stay; one that nothing would make again stops it all.
fn sort(pods: Vec<Value>, lose_data: bool) -> Sorted {
    let mut sorted = Sorted::default();
    for pod in pods {
        let name = format!(
            "{}/{}",
            pod["metadata"]["namespace"].as_str().unwrap_or_default(),
            pod["metadata"]["name"].as_str().unwrap_or_default()
        );
        let owners = pod["metadata"]["ownerReferences"].as_array();
        let controller = owners.into_iter().flatten().find(|owner| owner["controller"] == true);
        let kind = controller.and_then(|owner| owner["kind"].as_str());
        let is_static = !pod["metadata"]["annotations"]["kubernetes.io/config.mirror"].is_null();
        if kind == Some("DaemonSet") || is_static {
            continue;
        }
        if !pod["metadata"]["deletionTimestamp"].is_null() {
            sorted.leaving += 1;
            continue;
        }
        let over = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
        if !over && kind.is_none() {
            sorted.problems.push(format!("Pod {name} has no controller and would be lost"));
        }
        let mut volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
        if !over && !lose_data && volumes.any(|volume| !volume["emptyDir"].is_null()) {
            sorted.problems.push(format!("Pod {name} would lose its emptyDir: drain with --delete-empty-dir"));
        }
        sorted.evict.push(pod);
    }
    sorted
}

/// The disruption budget's own sentence, which stands in the causes.
fn sentence(status: &kube::core::Status) -> String {
    let causes = status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
    let cause = causes.first().map(|cause| cause.message.as_str()).filter(|message| !message.is_empty());
    text::line(cause.unwrap_or(&status.message), 300)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn which_pods_go() {
        let pod = |name: &str, kind: Option<&str>, extra: Value| {
            let owners: Vec<Value> = kind.into_iter().map(|kind| json!({"kind": kind, "controller": true})).collect();
            let mut pod = json!({"metadata": {"namespace": "shop", "name": name, "ownerReferences": owners}, "spec": {}, "status": {"phase": "Running"}});
            super::super::tests::merge(&mut pod, &extra);
            pod
        };
        let empty_dir = json!({"spec": {"volumes": [{"name": "tmp", "emptyDir": {}}]}});
        let pods = || {
            vec![
                pod("web", Some("ReplicaSet"), json!({})),
                pod("agent", Some("DaemonSet"), json!({})),
                pod("etcd", Some("Node"), json!({"metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}})),
                pod("ending", Some("ReplicaSet"), json!({"metadata": {"deletionTimestamp": "2026-11-22T22:00:00Z"}})),
                pod("cache", Some("ReplicaSet"), empty_dir.clone()),
                pod("done", None, json!({"status": {"phase": "Succeeded"}})),
            ]
        };
        let names = |sorted: &Sorted| -> Vec<String> {
            sorted.evict.iter().map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
        };
        let careful = sort(pods(), false);
        assert_eq!(careful.problems, ["Pod shop/cache would lose its emptyDir: drain with --delete-empty-dir"]);
        let bold = sort(pods(), true);
        assert_eq!(
            (names(&bold), bold.leaving, bold.problems.len()),
            (vec!["web".into(), "cache".into(), "done".into()], 1, 0)
        );
        let lone = sort(vec![pod("lone", None, json!({}))], true);
        assert_eq!(lone.problems, ["Pod shop/lone has no controller and would be lost"]);
    }
}
