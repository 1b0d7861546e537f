//! Which incidents wait for a chat, and which of them comes next. Pure.

use std::collections::{BTreeMap, BTreeSet, HashSet};

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

/// What waits for one channel: kept in order, since it is asked for between any two messages.
#[derive(Debug, Default)]
struct Lane {
    /// May go as soon as the channel takes something: the most urgent first, of those who waits longest.
    ready: BTreeSet<(Urgency, u64, IncidentId)>,
    /// May not go yet.
    later: BTreeSet<(DateTime<Utc>, Urgency, u64, IncidentId)>,
    /// Whether a message into it is under way.
    is_busy: bool,
}

impl Lane {
    fn ripen(&mut self, now: DateTime<Utc>) {
        while self.later.first().is_some_and(|(not_before, ..)| *not_before <= now)
            && let Some((_, urgency, order, id)) = self.later.pop_first()
        {
            self.ready.insert((urgency, order, id));
        }
    }
}

/// Incidents that wait.
#[derive(Debug, Default)]
pub struct Board {
    entries: BTreeMap<IncidentId, Entry>,
    last_order: u64,
    lanes: BTreeMap<String, Lane>,
}

impl Board {
    /// Takes over what stands in the outbox.
    pub fn note(&mut self, outbox: &[Undelivered]) {
        let there: HashSet<&IncidentId> = outbox.iter().map(|waiting| &waiting.incident).collect();
        let gone = self.entries.iter().filter(|(id, entry)| !entry.flying && !there.contains(id));
        for id in gone.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.remove(&id);
        }
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
        let Some(entry) = self.entries.get(&seen.incident) else { return };
        // What changed meanwhile is looked at again.
        let is_newest = entry.version == seen.version;
        if plan.is_none() && is_newest {
            self.remove(&seen.incident);
        } else {
            self.change(&seen.incident, |entry| {
                entry.stale = !is_newest;
                entry.plan = plan;
            });
        }
    }

    /// A channel is known by its id now.
    pub fn rename(&mut self, written: &str, id: &str) {
        let planned = |entry: &Entry| entry.plan.as_ref().is_some_and(|plan| plan.channel == written);
        let there = self.entries.iter().filter(|(_, entry)| planned(entry));
        for incident in there.map(|(incident, _)| incident.clone()).collect::<Vec<_>>() {
            self.change(&incident, |entry| {
                if let Some(plan) = &mut entry.plan {
                    id.clone_into(&mut plan.channel);
                }
            });
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
        self.change(id, |entry| {
            let pause = (TimeDelta::seconds(1) * (1 << entry.strikes.min(6))).min(LONGEST_PAUSE);
            entry.strikes += 1;
            match &mut entry.plan {
                Some(plan) => {
                    plan.not_before = plan.not_before.max(now + pause);
                    entry.stale = false;
                }
                None => entry.stale = true,
            }
        });
    }

    /// The incident that comes next, with its channel. Of a channel only one is under way at a time.
    pub fn pick(&mut self, pace: &Pace, now: DateTime<Utc>) -> Option<(Undelivered, String)> {
        if pace.platform_ready_at() > now {
            return None;
        }
        for lane in self.lanes.values_mut() {
            lane.ripen(now);
        }
        let free = self.lanes.iter().filter(|(channel, lane)| !lane.is_busy && pace.ready_at(channel) <= now);
        let first = free.filter_map(|(channel, lane)| Some((lane.ready.first()?, channel)));
        let ((_, _, id), channel) = first.min_by_key(|(first, _)| *first)?;
        let (id, channel) = (id.clone(), channel.clone());
        let version = self.entries.get(&id)?.version;
        self.lanes.get_mut(&channel)?.is_busy = true;
        self.change(&id, |entry| entry.flying = true);
        Some((Undelivered { incident: id, version }, channel))
    }

    /// Its message is under way no more.
    pub fn landed(&mut self, id: &IncidentId, channel: &str) {
        if let Some(lane) = self.lanes.get_mut(channel) {
            lane.is_busy = false;
        }
        self.change(id, |entry| entry.flying = false);
    }

    /// When something is due next, without what is under way.
    pub fn due(&self, pace: &Pace) -> Option<DateTime<Utc>> {
        let free = self.lanes.iter().filter(|(_, lane)| !lane.is_busy);
        let due = free.filter_map(|(channel, lane)| {
            let later = lane.later.first().map(|(not_before, ..)| *not_before);
            let first = if lane.ready.is_empty() { later? } else { DateTime::<Utc>::MIN_UTC };
            Some(first.max(pace.ready_at(channel)))
        });
        due.min()
    }

    fn remove(&mut self, id: &IncidentId) {
        self.leave(id);
        self.entries.remove(id);
    }

    /// Changes an entry, and puts it where it now belongs.
    fn change(&mut self, id: &IncidentId, change: impl FnOnce(&mut Entry)) {
        self.leave(id);
        let Some(entry) = self.entries.get_mut(id) else { return };
        change(entry);
        if let Some(Plan { urgency, channel, not_before }) = &entry.plan
            && !entry.flying
        {
            let place = (*not_before, *urgency, entry.order, id.clone());
            self.lanes.entry(channel.clone()).or_default().later.insert(place);
        }
    }

    /// Takes an entry out of its lane; a lane that nothing waits in is forgotten.
    fn leave(&mut self, id: &IncidentId) {
        let Some(Entry { order, plan: Some(plan), .. }) = self.entries.get(id) else { return };
        let Some(lane) = self.lanes.get_mut(&plan.channel) else { return };
        lane.later.remove(&(plan.not_before, plan.urgency, *order, id.clone()));
        lane.ready.remove(&(plan.urgency, *order, id.clone()));
        if lane.later.is_empty() && lane.ready.is_empty() && !lane.is_busy {
            self.lanes.remove(&plan.channel);
        }
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

    #[test]
    fn what_may_not_go_yet_takes_its_place_when_it_may() {
        let at = |second| DateTime::UNIX_EPOCH + TimeDelta::days(1) + TimeDelta::seconds(second);
        let pace = Pace::new(Rates::default());
        let mut board = Board::default();
        let outbox = [waiting("i-1", 1), waiting("i-2", 1), waiting("i-3", 1)];
        board.note(&outbox);
        let plan = |urgency, second| Some(Plan { urgency, channel: "a".into(), not_before: at(second) });
        for (seen, plan) in
            outbox.iter().zip([plan(Urgency::Status, 2), plan(Urgency::Root, 4), plan(Urgency::Edit, 0)])
        {
            board.plan(seen, plan);
        }
        assert_eq!(board.due(&pace), Some(at(0)));
        let mut next = |second| {
            let (picked, channel) = board.pick(&pace, at(second))?;
            board.landed(&picked.incident, &channel);
            Some(picked.incident.0)
        };
        assert_eq!(next(-1), None);
        assert_eq!(next(3), Some("i-3".into()), "an edit goes before a status");
        assert_eq!(next(5), Some("i-2".into()), "a root before both");
        board.stumbles(&IncidentId("i-2".into()), at(5));
        board.rename("a", "C1");
        assert_eq!(board.pick(&pace, at(5)), Some((outbox[2].clone(), "C1".into())), "what stumbled waits");
        assert_eq!(board.due(&pace), None, "one at a time");
        board.landed(&outbox[2].incident, "C1");
        board.note(&outbox[1..2]);
        assert_eq!(board.due(&pace), Some(at(6)), "what left the outbox is not told");
    }
}
