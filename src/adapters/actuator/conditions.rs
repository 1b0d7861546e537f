//! What does not hold of an action's preconditions, read from the object as it is.

use serde_json::Value;

use super::plan::{bound, container_of};
use super::revisions::History;
use crate::domain::action::{Action, Precondition, Resource, ResourceField};
use crate::domain::quantity;

/// The first precondition that does not hold, and what to do instead; `autoscaler` names the one that scales the object.
pub(super) fn unmet(action: &Action, object: &Value, history: &History, autoscaler: Option<&str>) -> Option<String> {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return Some("it is being deleted".to_owned());
    }
    action.preconditions().iter().find_map(|condition| failing(condition, action, object, history, autoscaler))
}

fn failing(
    condition: &Precondition,
    action: &Action,
    object: &Value,
    history: &History,
    autoscaler: Option<&str>,
) -> Option<String> {
    let is_set = |field: &str| object["spec"][field] == true;
    match condition {
        Precondition::Paused { paused } if is_set("paused") != *paused => Some(match paused {
            false => "its rollout is paused: resume it first".to_owned(),
            true => "its rollout is not paused".to_owned(),
        }),
        Precondition::RevisionKept { revision } if history.template(*revision).is_none() => {
            Some(format!("revision {revision} is not kept any more; there are {:?}", history.numbers()))
        }
        Precondition::RevisionKept { revision } if history.current == Some(*revision) => {
            Some(format!("revision {revision} is the current one"))
        }
        Precondition::NotAutoscaled => {
            autoscaler.map(|name| format!("HorizontalPodAutoscaler {name} would set it back: change its bounds instead"))
        }
        Precondition::HasContainer { container } if container_of(object, container.as_str()).is_none() => {
            Some(format!("its template has no container {container}"))
        }
        Precondition::RequestWithinLimit { resource, field } => over_limit(action, object, *resource, *field),
        Precondition::HasController => {
            let owners = object["metadata"]["ownerReferences"].as_array();
            let owned = owners.into_iter().flatten().any(|owner| owner["controller"] == true);
            (!owned).then(|| "nothing would make it again: it has no controller".to_owned())
        }
        Precondition::Unschedulable { unschedulable } if is_set("unschedulable") != *unschedulable => {
            Some(format!("it is {}cordoned", if *unschedulable { "not " } else { "already " }))
        }
        Precondition::Suspended { suspended } if is_set("suspend") != *suspended => {
            Some(format!("it is {}suspended", if *suspended { "not " } else { "already " }))
        }
        Precondition::JobEnded => {
            let conditions = object["status"]["conditions"].as_array();
            let ended = conditions.into_iter().flatten().any(|condition| {
                condition["status"] == "True" && (condition["type"] == "Complete" || condition["type"] == "Failed")
            });
            (!ended).then(|| "it has not ended yet".to_owned())
        }
        Precondition::Paused { .. }
        | Precondition::RevisionKept { .. }
        | Precondition::HasContainer { .. }
        | Precondition::Unschedulable { .. }
        | Precondition::Suspended { .. }
        // Alertmanager's are looked at there.
        | Precondition::SilenceActive
        | Precondition::NotYetSilenced => None,
    }
}

fn over_limit(action: &Action, object: &Value, resource: Resource, field: ResourceField) -> Option<String> {
    let Action::SetResources { container, quantity: Some(wanted), .. } = action else { return None };
    let other = match field {
        ResourceField::Request => ResourceField::Limit,
        ResourceField::Limit => ResourceField::Request,
    };
    let there = container_of(object, container.as_str())?["resources"][bound(other)][resource.as_str()].as_str()?;
    let (new, old) = (quantity::number(&wanted.to_string())?, quantity::number(there)?);
    let (request, limit) = if field == ResourceField::Request { (new, old) } else { (old, new) };
    (request > limit).then(|| match field {
        ResourceField::Request => format!("a request of {wanted} is more than its limit of {there}"),
        ResourceField::Limit => format!("a limit of {wanted} is less than its request of {there}"),
    })
}
