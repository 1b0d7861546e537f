//! Doing what was approved: once, only as it was shown, and only to the object that it was shown for.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::api::Run;
use super::drain::DrainProgress;
use super::error::Refusal;
use super::place::Place;
use super::plan::{Change, before, bound_to, version};
use super::{ANNOTATION, Actuator, ActuatorError, Order};
use crate::domain::action::{Action, Before};
use crate::domain::proposal::Approved;

/// How often a write is tried anew because the object's status moved between reading and writing.
const ATTEMPTS: usize = 5;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The name of a Job's copy, or the id of a silence.
    pub created: Option<String>,
    /// What was overwritten, as it was just before.
    pub before: Before,
    /// It had been done already, by this permission.
    pub already: bool,
    /// Of a drain: how far it is. It goes on with [`Actuator::drain`] until it is done.
    pub drain: Option<DrainProgress>,
}

impl Actuator {
    /// Does it. What was done before by this permission is recognised and not repeated.
    ///
    /// # Errors
    /// [`ActuatorError::leaves_doubt`] says whether it may have happened all the same; then [`Actuator::observe`] tells.
    pub async fn execute(&self, approved: &Approved, now: DateTime<Utc>) -> Result<Applied, ActuatorError> {
        let order = &Order::of(approved, now)?;
        let user = self.user_of(order.person)?;
        let Some(place) = Place::of(order.action) else {
            return self.execute_silence(order).await;
        };
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match self.attempt(order, &place, user).await {
                Err(refusal) if refusal.is(409) => last = Some(refusal.error),
                Err(refusal) => return Err(refusal.error),
                Ok(applied) => return Ok(applied),
            }
        }
        Err(last.unwrap_or_else(|| moved(&place, "it is being changed all the time")))
    }

    async fn attempt(&self, order: &Order<'_>, place: &Place, user: Option<&str>) -> Result<Applied, Refusal> {
        let object = self.api.get(place).await?.ok_or_else(|| moved(place, "it is gone"))?;
        if object["metadata"]["uid"] != *order.uid() {
            return Err(moved(place, "another object has its name now").into());
        }
        if object["metadata"]["annotations"][ANNOTATION] == *order.key {
            return Ok(self.already(order, place, user).await?);
        }
        if version(&object, order.action) != order.version() {
            return Err(moved(place, "its definition is another").into());
        }
        let history = self.checked(order.action, place, &object).await?;
        let change = Change::of(order.action, place, &object, &history, order.at, order.key)?;
        let was = before(order.action, &object, &history);
        match &change {
            Change::Patch(patch) => {
                self.api.patch(place, &bound_to(patch, &object, Some(order.key)), Run::Real, user).await?;
                Ok(applied(was))
            }
            Change::Drain(patch) => {
                // Pods came and went since it was shown.
                self.may_begin(order.action, place).await?;
                self.api.patch(place, &bound_to(patch, &object, Some(order.key)), Run::Real, user).await?;
                let drain = self.evict_all(order, place, user).await;
                let drain = drain.map_err(|error| after_cordon(place, error))?;
                Ok(Applied { drain: Some(drain), ..applied(was) })
            }
            Change::Delete => {
                self.api.delete(place, order.uid(), Run::Real, user).await?;
                Ok(applied(was))
            }
            Change::Create { collection, object: made } => {
                match self.api.create(collection, made, Run::Real, user).await {
                    Ok(new) => Ok(created(&new, was)),
                    Err(Refusal { status: Some(status), error }) if status.reason == "AlreadyExists" => {
                        Ok(self.copy(collection, made, order.key).await?.ok_or(error)?)
                    }
                    Err(refusal) => Err(refusal),
                }
            }
        }
    }

    /// The object carries this permission's key: a patch is done, and a drain goes on.
    async fn already(&self, order: &Order<'_>, place: &Place, user: Option<&str>) -> Result<Applied, ActuatorError> {
        let drain = match order.action {
            Action::Drain { .. } => Some(self.evict_all(order, place, user).await?),
            _ => None,
        };
        Ok(Applied { already: true, drain, ..applied(order.before.clone()) })
    }

    /// The copy of a Job that this permission made.
    pub(super) async fn copy(
        &self,
        collection: &Place,
        made: &Value,
        id: &str,
    ) -> Result<Option<Applied>, ActuatorError> {
        let name = made["metadata"]["name"].as_str().unwrap_or_default();
        let place = Place { name: name.to_owned(), ..collection.clone() };
        let found = self.api.get(&place).await?.filter(|job| job["metadata"]["annotations"][ANNOTATION] == *id);
        Ok(found.map(|job| Applied { already: true, ..created(&job, Before::Unknown) }))
    }
}

/// Why a drain stopped, with what it leaves behind. Where that is in doubt the node is looked at anyway.
fn after_cordon(node: &Place, error: ActuatorError) -> ActuatorError {
    if error.leaves_doubt() {
        return error;
    }
    ActuatorError::Unmet { what: node.to_string(), why: format!("it is cordoned and stays so, but {error}") }
}

pub(super) fn moved(place: &Place, how: &str) -> ActuatorError {
    ActuatorError::Moved { what: place.to_string(), how: how.to_owned() }
}

pub(super) fn applied(before: Before) -> Applied {
    Applied { created: None, before, already: false, drain: None }
}

fn created(object: &Value, before: Before) -> Applied {
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    Applied { created: Some(name), ..applied(before) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::actuator::place::NODES;

    #[test]
    fn a_drain_that_stops_says_what_it_leaves_behind() {
        let node = Place::new(NODES, None, "n1");
        let refused = ActuatorError::Refused { what: "evict".into(), why: "no".into() };
        let told = after_cordon(&node, refused).to_string();
        assert_eq!(told, "Node n1: it is cordoned and stays so, but the Kubernetes API refuses to evict: no");
        let lost = ActuatorError::Unreachable { why: "connection refused".into() };
        assert!(after_cordon(&node, lost).leaves_doubt(), "whoever is in doubt looks");
    }
}
