//! The only code that changes anything: the catalogue's actions as writes to the Kubernetes API and to Alertmanager.
//!
//! It has an account of its own, apart from the one that reads. [`Actuator::preview`] asks the server for a dry run and
//! says what would change; [`Actuator::execute`] does what was approved, exactly as it was shown; [`Actuator::observe`]
//! looks, after a crash, whether it happened.
//!
//! In reading order: `place` says where an action's object lives, `plan` (pure) makes the write out of the action and the
//! object as it is, `conditions` says what does not hold, `diff` shows the change, `ownership` who would undo it;
//! `preview`, `execute`, `drain` and `observe` send, `silence` to Alertmanager; `api` is the one place that sends requests, `error` puts refusals into
//! words, `permissions` is the table of everything that is called.

mod api;
mod check;
mod conditions;
mod connect;
mod diff;
mod drain;
mod error;
mod execute;
mod observe;
mod ownership;
mod permissions;
mod place;
mod plan;
mod preview;
mod revisions;
mod silence;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::adapters::alertmanager::Silences;
use crate::domain::action::Action;

pub use connect::{ActuatorConnection, ActuatorSource};
pub use drain::DrainProgress;
pub use error::ActuatorError;
pub use execute::Applied;
pub use observe::Happening;
pub use permissions::{PERMISSIONS, Permission};
pub use preview::{Preview, Warning};

/// Who the API server books our changes under.
pub const FIELD_MANAGER: &str = "holmes-bot";

/// The annotation that says which proposal changed an object last.
pub const ANNOTATION: &str = "holmes-bot.io/action";

/// Does what was approved.
pub struct Actuator {
    api: api::Api,
    /// Kubernetes users by person; where it is not empty, nothing is done in another name.
    people: BTreeMap<String, String>,
    silences: Option<Silences>,
}

/// What was approved, and as what it was shown.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The proposal's id. It is written onto the object, and by it the effect is recognised after a crash.
    pub id: &'a str,
    /// What to do.
    pub action: &'a Action,
    /// What was shown when it was approved.
    pub shown: &'a Preview,
    /// Who approved: the key of the map of people.
    pub person: &'a str,
    /// When it is done.
    pub at: DateTime<Utc>,
}

impl Actuator {
    /// The Kubernetes user in whose name an order is carried out; `None` for the actuator's own account.
    fn user_of(&self, person: &str) -> Result<Option<&str>, ActuatorError> {
        match self.people.get(person) {
            Some(user) => Ok(Some(user)),
            None if self.people.is_empty() => Ok(None),
            None => Err(ActuatorError::NotMapped { person: person.to_owned() }),
        }
    }

    /// Alertmanager, for silences.
    fn silences(&self) -> Result<&Silences, ActuatorError> {
        self.silences.as_ref().ok_or(ActuatorError::NoAlertmanager)
    }
}
