//! The time range an investigation looks at, and the quiet range it is compared with.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// How far before the onset the window begins, so that a chart shows the moment things changed: an alert starts when its
/// rule has waited, and the widespread ones wait a quarter of an hour.
const LEAD: TimeDelta = TimeDelta::minutes(20);
/// An incident that has been burning for days is looked at around its onset, where its cause is, not whole.
const LONGEST: TimeDelta = TimeDelta::hours(6);
/// Shortest window: rates over two minutes need a few points to be worth a chart.
const SHORTEST: TimeDelta = TimeDelta::minutes(20);

/// A closed time range, `from <= to`, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// First instant looked at.
    pub from: DateTime<Utc>,
    /// Last instant looked at.
    pub to: DateTime<Utc>,
}

impl Window {
    /// The range `from..=to`; swapped ends are put in order.
    pub fn new(from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        if from <= to { Self { from, to } } else { Self { from: to, to: from } }
    }

    /// The Window of an incident that began at `onset`, seen at `now`.
    ///
    /// It starts [`LEAD`] before the onset and ends now, or [`LONGEST`] after its start; it is at least [`SHORTEST`] long. An onset in
    /// the future (a neighbour's clock is ahead) counts as now.
    pub fn around(onset: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let onset = onset.min(now);
        let from = (onset - LEAD).min(now - SHORTEST);
        Self { from, to: now.min(from + LONGEST) }
    }

    /// The Baseline: the range of the same length that ends where the trouble cannot have begun yet.
    ///
    /// `onset` is when the alert started, after the `for:` of its rule: the Baseline ends [`LEAD`] before it.
    pub fn baseline(&self, onset: DateTime<Utc>) -> Self {
        let to = onset.min(self.to) - LEAD;
        Self { from: to - self.length(), to }
    }

    /// Length of the range.
    pub fn length(&self) -> TimeDelta {
        self.to - self.from
    }

    /// Whether `at` lies inside, ends included.
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        self.from <= at && at <= self.to
    }

    /// A step for range queries that gives about `points` points, a whole number of seconds, at least `least`.
    pub fn step(&self, points: u32, least: TimeDelta) -> TimeDelta {
        let seconds = self.length().num_seconds() / i64::from(points.max(1));
        TimeDelta::seconds(seconds.max(least.num_seconds()).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn at(minute: i64) -> DateTime<Utc> {
        Utc.timestamp_opt(1_700_000_000 + minute * 60, 0).unwrap()
    }

    #[test]
    fn window_shows_the_onset_and_ends_now() {
        let window = Window::around(at(0), at(10));
        assert_eq!(window, Window::new(at(-20), at(10)));
        assert!(window.contains(at(0)));
    }

    #[test]
    fn a_fresh_alert_and_a_clock_ahead_still_have_room() {
        assert_eq!(Window::around(at(60), at(0)), Window::new(at(-20), at(0)));
    }

    #[test]
    fn a_week_old_incident_is_looked_at_around_its_onset() {
        let window = Window::around(at(0), at(7 * 24 * 60));
        assert_eq!(window.length(), TimeDelta::hours(6));
        assert!(window.contains(at(0)));
    }

    #[test]
    fn the_baseline_is_as_long_as_the_window_and_ends_before_the_onset() {
        let window = Window::around(at(0), at(10));
        let baseline = window.baseline(at(0));
        assert_eq!(baseline.length(), window.length());
        assert_eq!(baseline.to, at(-20));
        // What began before a rule that waits for 15 minutes fired is in the Window alone.
        assert!(window.contains(at(-16)) && !baseline.contains(at(-16)));
    }
}
