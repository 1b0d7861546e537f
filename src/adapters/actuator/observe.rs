//! Whether it happened: what is looked at after a crash, before anything is repeated.

use super::place::Place;
use super::plan::{basis, copy_name};
use super::{ANNOTATION, Actuator, ActuatorError, Order};
use crate::domain::action::Action;

/// What the cluster says about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// It was done.
    Happened,
    /// It was not done, or (a drain) not to its end: it may be carried out.
    NotHappened,
    /// The object does not tell any more; a person must look.
    Unknown {
        /// Why not.
        why: String,
    },
}

impl Actuator {
    /// Looks for the effect of an order.
    ///
    /// # Errors
    /// When the API or Alertmanager does not answer; nothing is known then.
    pub async fn observe(&self, order: &Order<'_>) -> Result<Happening, ActuatorError> {
        let Some(place) = Place::of(order.action) else {
            return self.observe_silence(order).await;
        };
        if let Action::RerunJob { job } = order.action {
            let copy = Place { name: copy_name(job.name.as_str(), order.id), ..place };
            let made = self.api.get(&copy).await?;
            let ours = made.is_some_and(|made| made["metadata"]["annotations"][ANNOTATION] == *order.id);
            return Ok(if ours { Happening::Happened } else { Happening::NotHappened });
        }
        let object = self.api.get(&place).await?.filter(|object| object["metadata"]["uid"] == *order.shown.uid);
        if let Action::DeletePod { .. } = order.action {
            // Whoever deleted it: it is gone, and deleting it again would hit another pod.
            let stays = object.is_some_and(|pod| pod["metadata"]["deletionTimestamp"].is_null());
            return Ok(if stays { Happening::NotHappened } else { Happening::Happened });
        }
        let Some(object) = object else {
            return Ok(Happening::Unknown { why: format!("{place} is gone, or another object has its name") });
        };
        if object["metadata"]["annotations"][ANNOTATION] != *order.id {
            let unchanged = basis(&object) == order.shown.basis;
            return Ok(match unchanged {
                true => Happening::NotHappened,
                false => Happening::Unknown { why: format!("{place} was changed since, by somebody else") },
            });
        }
        if let Action::Drain { .. } = order.action {
            let left = self.left_on(order.action, &place).await?;
            return Ok(if left == 0 { Happening::Happened } else { Happening::NotHappened });
        }
        Ok(Happening::Happened)
    }
}
