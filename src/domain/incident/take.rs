//! Alerts come into an incident, and it is open or over by what fires.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Changed, CountedAlert, Incident, IncidentStatus, MAX_COUNTED_ALERTS, MAX_WHOLE_ALERTS, title};
use crate::domain::alert::Alert;
use crate::domain::correlate;
use crate::domain::subject::Subject;

/// How long after an alert's end a delivery may come that still says it fires: Alertmanager tries a delivery for as long as its
/// group's interval, and a peer of it waits some seconds more. What says so later was sent later.
const LATE: TimeDelta = TimeDelta::minutes(10);

impl Incident {
    /// Takes in one alert about `subject`, which was received at that time. The same alert again changes nothing.
    pub fn take(&mut self, alert: &Alert, subject: &Subject, received_at: DateTime<Utc>, changed: &mut Changed) {
        if self.knows_better(alert, received_at) {
            return;
        }
        let (was_firing, was_known) = match self.known(&alert.fingerprint) {
            Some((starts_at, ends_at)) => (ends_at.is_none() && starts_at == alert.starts_at, true),
            None => (false, false),
        };
        let knew_name = self.alerts.iter().any(|known| known.name() == alert.name());
        if alert.is_firing() && !was_firing {
            changed.fired += 1;
        } else if !alert.is_firing() && (was_firing || !was_known) {
            changed.ended += 1;
        }
        self.keep(alert);
        self.subject.join(subject);
        if !knew_name && !self.counted.contains_key(&alert.fingerprint) {
            changed.name(alert.name().to_owned());
        }
        if alert.is_firing() && alert.severity() > self.severity {
            self.severity = alert.severity();
            changed.escalated = true;
        }
        self.started_at = self.started_at.min(alert.starts_at);
    }

    /// Sets the status by what fires now; call it after a batch of [`Incident::take`].
    ///
    /// `now` is when the batch is handled; `resolved_at` is when the last alert ended by its own times.
    pub fn settle(&mut self, now: DateTime<Utc>, changed: &mut Changed) {
        let firing = self.firing() > 0;
        match self.status {
            IncidentStatus::Open if !firing && self.alerts_total() > 0 => {
                self.status = IncidentStatus::Resolved;
                let ended = self.alerts.iter().filter_map(|alert| alert.ends_at);
                let counted = self.counted.values().filter_map(|alert| alert.ends_at);
                self.resolved_at = ended.chain(counted).max().map(|at| at.min(now)).or(Some(now));
                changed.resolved = true;
            }
            IncidentStatus::Resolved if firing => {
                self.status = IncidentStatus::Open;
                self.resolved_at = None;
                self.reopened += 1;
                // Whoever took care of it thought that it was over.
                self.acknowledged = None;
                changed.reopened = true;
            }
            IncidentStatus::Open | IncidentStatus::Resolved => {}
        }
        if changed.is_material() {
            self.changed_at = now;
            self.name();
        }
    }

    /// Takes the title from the alert that says most: of those that fire the most severe, among equals the one that came
    /// last, because rules about consequences fire before those about causes have held long enough.
    pub(super) fn name(&mut self) {
        let firing = self.alerts.iter().filter(|alert| alert.is_firing());
        let best = firing.max_by_key(|alert| (alert.severity(), alert.starts_at));
        if let Some(best) = best.filter(|_| !correlate::is_fold(self)) {
            self.title = title(best.name(), &self.subject);
        }
    }

    /// Whether a delivery about `alert` was overtaken by one that is here already, and says nothing new.
    ///
    /// An alert may fire again with the time at which it once began: Prometheus keeps that over a break of its connection, in
    /// which Alertmanager takes the alert for resolved. Only how long ago that was tells the two apart.
    fn knows_better(&self, alert: &Alert, received_at: DateTime<Utc>) -> bool {
        self.known(&alert.fingerprint).is_some_and(|(starts_at, ends_at)| {
            let ended_lately = || ends_at.is_some_and(|ends_at| received_at - ends_at < LATE);
            alert.starts_at < starts_at || alert.starts_at == starts_at && alert.is_firing() && ended_lately()
        })
    }

    fn known(&self, fingerprint: &str) -> Option<(DateTime<Utc>, Option<DateTime<Utc>>)> {
        self.alerts
            .iter()
            .find(|alert| alert.fingerprint == fingerprint)
            .map(|alert| (alert.starts_at, alert.ends_at))
            .or_else(|| self.counted.get(fingerprint).map(|alert| (alert.starts_at, alert.ends_at)))
    }

    fn keep(&mut self, alert: &Alert) {
        if let Some(known) = self.alerts.iter_mut().find(|known| known.fingerprint == alert.fingerprint) {
            known.clone_from(alert);
        } else if self.counted.contains_key(&alert.fingerprint) || self.alerts.len() >= MAX_WHOLE_ALERTS {
            let state = CountedAlert { starts_at: alert.starts_at, ends_at: alert.ends_at };
            if let Some(known) = self.counted.get_mut(&alert.fingerprint) {
                *known = state;
            } else if self.counted.len() < MAX_COUNTED_ALERTS {
                self.counted.insert(alert.fingerprint.clone(), state);
            }
        } else {
            self.alerts.push(alert.clone());
        }
    }
}
