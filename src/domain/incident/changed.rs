//! What a batch of alerts changed in an incident, and what the thread says when something joins it.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Incident;
use crate::domain::event::EventId;

/// What joins within this time of the first is told in one message: longer than a storm takes to hit, shorter than
/// Alertmanager's `group_interval` (5 minutes), after which a group says what is new in it.
pub const JOINED_TOGETHER: TimeDelta = TimeDelta::minutes(2);
/// New names that are remembered; a message shows the first few.
const MAX_NEW_NAMES: usize = 300;

/// What a batch of alerts changed in an incident.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// It was made just now.
    pub opened: bool,
    /// It had resolved and fires again.
    pub reopened: bool,
    /// Its last alert ended.
    pub resolved: bool,
    /// Alert names that were not in it before, each once; see [`MAX_NEW_NAMES`].
    pub new_names: Vec<String>,
    /// Alerts that began to fire.
    pub fired: usize,
    /// Alerts that ended.
    pub ended: usize,
    /// It got worse.
    pub escalated: bool,
}

impl Changed {
    /// Whether there is anything to say.
    pub fn is_material(&self) -> bool {
        *self != Self::default()
    }

    /// Takes in the name of an alert that was not in the incident before.
    pub(super) fn name(&mut self, name: String) {
        if !self.new_names.contains(&name) && self.new_names.len() < MAX_NEW_NAMES {
            self.new_names.push(name);
        }
    }

    /// Takes in what changed after this.
    pub fn and_then(&mut self, later: Self) {
        let Self { opened, reopened, resolved, new_names, fired, ended, escalated } = later;
        self.opened |= opened;
        self.reopened |= reopened;
        // Resolved and fired again within one batch is not resolved.
        self.resolved = resolved || (self.resolved && !reopened);
        for name in new_names {
            self.name(name);
        }
        self.fired += fired;
        self.ended += ended;
        self.escalated |= escalated;
    }

    /// Whether something came to an incident that was there before.
    pub fn has_joined(&self) -> bool {
        !self.opened && (!self.new_names.is_empty() || self.escalated)
    }

    /// Whether what was found before may no longer be the whole story.
    pub fn wants_investigation(&self) -> bool {
        self.opened || self.reopened || self.escalated || !self.new_names.is_empty()
    }
}

/// What joined an incident within a while ([`JOINED_TOGETHER`]): one message tells of it, so that a storm of different alerts is
/// no storm of messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The delivery that began it; names the message.
    pub event: EventId,
    /// When that was.
    pub since: DateTime<Utc>,
    /// All of it together.
    pub changed: Changed,
}

impl Incident {
    /// What the thread says of what joined, if anything did: together with what joined a moment ago, in the same message. A
    /// message does not grow past the end of the incident or its return.
    pub fn tell_joined(&mut self, changed: &Changed, event: EventId, now: DateTime<Utc>) -> Option<&Joined> {
        if changed.resolved || changed.reopened {
            self.joined = None;
        }
        if !changed.has_joined() {
            return None;
        }
        match &mut self.joined {
            Some(joined) if now - joined.since < JOINED_TOGETHER => joined.changed.and_then(changed.clone()),
            joined => *joined = Some(Joined { event, since: now, changed: changed.clone() }),
        }
        self.joined.as_ref()
    }
}
