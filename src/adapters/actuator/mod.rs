//! The only code that changes anything: the catalogue's actions as writes to the Kubernetes API and to Alertmanager.
//!
//! It has an account of its own, apart from the one that reads. [`Actuator::preview`] asks the server for a dry run and
//! says what would change; [`Actuator::execute`] takes an [`Approved`], nothing less, and does it to the object that was
//! shown; [`Actuator::observe`] looks, after a crash, whether it happened.
//!
//! The version that an approval is bound to is that of the object's *definition* ([`Actuator::look`]): the status of a
//! workload in trouble is written every few seconds, and with it the server's resourceVersion moves. That one is the
//! precondition of the write itself.
//!
//! In reading order: `place` says where an action's object lives, `plan` (pure) makes the write out of the action and the
//! object as it is, `conditions` says what does not hold, `diff` shows the change, `ownership` who would undo it;
//! `preview`, `execute`, `drain`, `observe` and `success` send, `silence` to Alertmanager; `api` is the one place that sends requests, `error` puts refusals into
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
mod success;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::adapters::alertmanager::Silences;
use crate::domain::action::{Action, Before};
use crate::domain::proposal::{Approved, Snapshot};

pub use crate::adapters::permission::Permission;
pub use connect::{ActuatorConnection, ActuatorSource};
pub use drain::DrainProgress;
pub use error::ActuatorError;
pub use execute::Applied;
pub use permissions::PERMISSIONS;
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

/// What is to be done, and to which object: from a permission, or (to look only) from a proposal.
#[derive(Debug, Clone, Copy)]
struct Order<'a> {
    /// Written onto the object, and by it the effect is recognised after a crash.
    key: &'a str,
    action: &'a Action,
    target: &'a Snapshot,
    before: &'a Before,
    /// Whose approval was the last that was needed: the key of the map of people.
    person: &'a str,
    at: DateTime<Utc>,
}

impl<'a> Order<'a> {
    /// The order that a permission is, while it is one.
    fn of(approved: &'a Approved, now: DateTime<Utc>) -> Result<Self, ActuatorError> {
        if now >= approved.not_after() {
            return Err(ActuatorError::TooLate { until: approved.not_after() });
        }
        Ok(Self {
            key: approved.key(),
            action: approved.action(),
            target: approved.target(),
            before: approved.before(),
            person: approved.approvers().last().map(String::as_str).unwrap_or_default(),
            at: now,
        })
    }

    fn uid(&self) -> &str {
        self.target.uid.as_deref().unwrap_or_default()
    }

    fn version(&self) -> &str {
        self.target.resource_version.as_deref().unwrap_or_default()
    }
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
