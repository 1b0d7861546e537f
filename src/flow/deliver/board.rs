//! Which incidents wait for a chat, and which of them comes next. Pure.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::next::Urgency;
use super::pace::Pace;
use crate::domain::incident::IncidentId;
use crate::ports::Undelivered;

/// Most pause after an incident could not be read or written.
const LONGEST_PAUSE: TimeDelta = TimeDelta::seconds(60);

/// What is next of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// How urgent it is.
    pub urgency: Urgency,
    /// Into which channel.
    pub channel: String,
    /// Not earlier.
    pub not_before: DateTime<Utc>,
}

#[derive(Debug)]
struct Entry {
    version: u64,
    /// Place in the line.
    order: u64,
    /// What is next; `None` until it was looked at.
    plan: Option<Plan>,
    /// Whether it changed since it was looked at.
    stale: bool,
    flying: bool,
    strikes: u32,
}

/// Incidents that wait.
#[derive(Debug, Default)]
pub struct Board {
    entries: BTreeMap<IncidentId, Entry>,
    last_order: u64,
    channels: HashSet<String>,
}

impl Board {
    /// Takes over what stands in the outbox.
    pub fn note(&mut self, outbox: &[Undelivered]) {
        let there: HashSet<&IncidentId> = outbox.iter().map(|waiting| &waiting.incident).collect();
        self.entries.retain(|id, entry| entry.flying || there.contains(id));
        for Undelivered { incident, version } in outbox {
            match self.entries.get_mut(incident) {
                Some(entry) if entry.version == *version => {}
                Some(entry) => {
                    entry.version = *version;
                    entry.stale = true;
                }
                None => {
                    self.last_order += 1;
                    let entry = Entry {
                        version: *version,
                        order: self.last_order,
                        plan: None,
                        stale: true,
                        flying: false,
                        strikes: 0,
                    };
                    self.entries.insert(incident.clone(), entry);
                }
            }
        }
    }

    /// Incidents to look at, those that wait longest first, at most `most`.
    pub fn unplanned(&self, most: usize) -> Vec<Undelivered> {
        let mut stale: Vec<(&IncidentId, &Entry)> =
            self.entries.iter().filter(|(_, entry)| entry.stale && !entry.flying).collect();
        stale.sort_by_key(|(_, entry)| entry.order);
        let undelivered =
            |(id, entry): (&IncidentId, &Entry)| Undelivered { incident: id.clone(), version: entry.version };
        stale.into_iter().take(most).map(undelivered).collect()
    }

    /// What is next of an incident, as of a version of it; nothing more: it leaves the board.
    pub fn plan(&mut self, seen: &Undelivered, plan: Option<Plan>) {
        let Some(entry) = self.entries.get_mut(&seen.incident) else { return };
        if entry.version != seen.version {
            // It changed meanwhile, and is looked at again.
            entry.stale = true;
            entry.plan = plan;
            return;
        }
        match plan {
            Some(plan) => {
                entry.stale = false;
                entry.plan = Some(plan);
            }
            None => {
                self.entries.remove(&seen.incident);
            }
        }
    }

    /// A channel is known by its id now.
    pub fn rename(&mut self, written: &str, id: &str) {
        let plans = self.entries.values_mut().filter_map(|entry| entry.plan.as_mut());
        for plan in plans.filter(|plan| plan.channel == written) {
            id.clone_into(&mut plan.channel);
        }
    }

    /// A message of it arrived.
    pub fn succeeds(&mut self, id: &IncidentId) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.strikes = 0;
        }
    }

    /// An incident could not be read or written: again in a while.
    pub fn stumbles(&mut self, id: &IncidentId, now: DateTime<Utc>) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        let pause = (TimeDelta::seconds(1) * (1 << entry.strikes.min(6))).min(LONGEST_PAUSE);
        entry.strikes += 1;
        match &mut entry.plan {
            Some(plan) => {
                plan.not_before = plan.not_before.max(now + pause);
                entry.stale = false;
            }
            None => entry.stale = true,
        }
    }

    /// The incident that comes next, with its channel. Of a channel only one is under way at a time.
    pub fn pick(&mut self, pace: &Pace, now: DateTime<Utc>) -> Option<(Undelivered, String)> {
        if pace.platform_ready_at() > now {
            return None;
        }
        let ready = |plan: &Plan| {
            plan.not_before <= now && !self.channels.contains(&plan.channel) && pace.ready_at(&plan.channel) <= now
        };
        let waiting = self.entries.iter().filter(|(_, entry)| !entry.flying).filter_map(|(id, entry)| {
            let plan = entry.plan.as_ref().filter(|plan| ready(plan))?;
            Some(((plan.urgency, entry.order), id, entry.version, plan.channel.clone()))
        });
        let (_, id, version, channel) = waiting.min_by_key(|(rank, ..)| *rank)?;
        let undelivered = Undelivered { incident: id.clone(), version };
        if let Some(entry) = self.entries.get_mut(&undelivered.incident) {
            entry.flying = true;
        }
        self.channels.insert(channel.clone());
        Some((undelivered, channel))
    }

    /// Its message is under way no more.
    pub fn landed(&mut self, id: &IncidentId, channel: &str) {
        self.channels.remove(channel);
        if let Some(entry) = self.entries.get_mut(id) {
            entry.flying = false;
        }
    }

    /// When something is due next, without what is under way.
    pub fn due(&self, pace: &Pace) -> Option<DateTime<Utc>> {
        let waiting = self.entries.values().filter(|entry| !entry.flying).filter_map(|entry| entry.plan.as_ref());
        let free = waiting.filter(|plan| !self.channels.contains(&plan.channel));
        free.map(|plan| plan.not_before.max(pace.ready_at(&plan.channel))).min()
    }
}

#[cfg(test)]
mod tests {
    use super::super::pace::Rates;
    use super::*;

    fn waiting(id: &str, version: u64) -> Undelivered {
        Undelivered { incident: IncidentId(id.into()), version }
    }

    fn plan(urgency: Urgency, channel: &str) -> Option<Plan> {
        Some(Plan { urgency, channel: channel.into(), not_before: DateTime::UNIX_EPOCH })
    }

    #[test]
    fn roots_first_then_who_waits_longest_and_one_at_a_time_in_a_channel() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let pace = Pace::new(Rates::default());
        let mut board = Board::default();
        let outbox = [waiting("i-1", 1), waiting("i-2", 1), waiting("i-3", 1), waiting("i-4", 1)];
        board.note(&outbox);
        assert_eq!(board.unplanned(2), outbox[..2]);
        for (seen, plan) in outbox.iter().zip([
            plan(Urgency::Status, "a"),
            plan(Urgency::Entry, "a"),
            plan(Urgency::Root, "a"),
            plan(Urgency::Edit, "b"),
        ]) {
            board.plan(seen, plan);
        }
        let mut picked = Vec::new();
        while let Some((undelivered, channel)) = board.pick(&pace, now) {
            picked.push((undelivered.incident.0, channel));
        }
        assert_eq!(picked, [("i-3".to_owned(), "a".to_owned()), ("i-4".into(), "b".into())]);
        board.landed(&IncidentId("i-3".into()), "a");
        board.plan(&outbox[2], None);
        assert_eq!(board.pick(&pace, now).unwrap().0, outbox[1]);
    }

    #[test]
    fn what_changed_meanwhile_is_looked_at_again() {
        let mut board = Board::default();
        board.note(&[waiting("i-1", 1)]);
        board.note(&[waiting("i-1", 2)]);
        board.plan(&waiting("i-1", 1), None);
        assert_eq!(board.unplanned(9), [waiting("i-1", 2)]);
        board.plan(&waiting("i-1", 2), None);
        assert_eq!(board.unplanned(9), []);
    }
}
