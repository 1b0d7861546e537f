//! A node in trouble: keep new pods off it, and where its kubelet still answers, move those that are there.

use super::{Case, Remedy, SURE, remedy};
use crate::analysis::phrases;
use crate::domain::action::{Action, Name};
use crate::domain::cluster::NodeState;
use crate::domain::finding::FindingKind;
use crate::domain::subject::SubjectKind;

pub(super) const CORDON: &str = "why.cordon";
pub(super) const DRAIN: &str = "why.drain";
pub(super) const UNCORDON: &str = "why.uncordon";

pub(super) fn find(case: &Case<'_>) -> Vec<Remedy> {
    let mut found = Vec::new();
    let kinds = [FindingKind::NodeNotReady, FindingKind::NodePressure, FindingKind::DiskFull];
    for finding in case.findings.iter().filter(|finding| kinds.contains(&finding.kind)) {
        if finding.about.kind != SubjectKind::Node {
            continue;
        }
        let Ok(node) = finding.about.name.parse::<Name>() else { continue };
        let Some(state) = state(case, &node) else { continue };
        let ready = |remedy: Remedy| remedy.fact("node", node.as_str()).fact("pods", state.pods_total.to_string());
        if finding.phrase == phrases::NODE_CORDONED {
            // Somebody meant it, unless it is well and pods wait for it.
            let waits = case.finding(&[FindingKind::Unschedulable]).is_some();
            let action = Action::Uncordon { node: node.clone() };
            let is_well = state.ready && state.conditions.is_empty() && waits;
            found.extend(is_well.then(|| remedy(action, UNCORDON, 0.45, &finding.evidence)).flatten().map(ready));
            continue;
        }
        if finding.confidence < SURE {
            continue;
        }
        if !state.unschedulable {
            let action = Action::Cordon { node: node.clone() };
            found.extend(remedy(action, CORDON, 0.65 * finding.confidence, &finding.evidence).map(ready));
        }
        // Evictions end only when the kubelet says so: of a silent node, pods cannot be moved.
        let silent =
            state.conditions.iter().any(|condition| condition.kind == "Ready" && condition.status == "Unknown");
        if !silent {
            let action = Action::Drain { node: node.clone(), delete_empty_dir: false };
            found.extend(remedy(action, DRAIN, 0.45 * finding.confidence, &finding.evidence).map(ready));
        }
    }
    found
}

fn state<'a>(case: &Case<'a>, node: &Name) -> Option<&'a NodeState> {
    case.scene.nodes().map(|seen| seen.data).find(|state| state.name == node.as_str())
}
