//! Whether it happened: what is looked at after a crash, before anything is repeated.

use super::place::Place;
use super::plan::{copy_name, version};
use super::{ANNOTATION, Actuator, ActuatorError};
use crate::domain::action::Action;
use crate::domain::proposal::{Done, Proposal, Sight};

impl Actuator {
    /// Looks for the effect of a proposal's execution. A drain that did not come to its end is underway: it may
    /// go on.
    ///
    /// # Errors
    /// When the API or Alertmanager does not answer; nothing is known then.
    pub async fn observe(&self, proposal: &Proposal) -> Result<Sight, ActuatorError> {
        let (key, action) = (proposal.id.0.as_str(), &proposal.action);
        let target = &proposal.target;
        let Some(place) = Place::of(action) else {
            return self.observe_silence(key, action).await;
        };
        if let Action::RerunJob { job } = action {
            let copy = Place { name: copy_name(job.name.as_str(), key), ..place };
            let made = self.api.get(&copy).await?;
            let ours = made.is_some_and(|made| made["metadata"]["annotations"][ANNOTATION] == *key);
            return Ok(if ours { Sight::Applied(Done { created: Some(copy.name) }) } else { Sight::NotApplied });
        }
        let object =
            self.api.get(&place).await?.filter(|object| object["metadata"]["uid"].as_str() == target.uid.as_deref());
        if let Action::DeletePod { .. } = action {
            // Whoever deleted it: it is gone, and deleting it again would hit another pod.
            let stays = object.is_some_and(|pod| pod["metadata"]["deletionTimestamp"].is_null());
            return Ok(if stays { Sight::NotApplied } else { Sight::Applied(Done::default()) });
        }
        let Some(object) = object else {
            return Ok(Sight::Unclear { why: format!("{place} is gone, or another object has its name") });
        };
        if object["metadata"]["annotations"][ANNOTATION] != *key {
            let unchanged = Some(version(&object, action)) == target.resource_version;
            return Ok(match unchanged {
                true => Sight::NotApplied,
                false => Sight::Unclear { why: format!("{place} was changed since, by somebody else") },
            });
        }
        if let Action::Drain { .. } = action {
            let left = self.left_on(action, &place).await?;
            let left_over = || Sight::Underway { left: format!("{left} pod(s) are still on {}", place.name) };
            return Ok(if left == 0 { Sight::Applied(Done::default()) } else { left_over() });
        }
        Ok(Sight::Applied(Done::default()))
    }
}
