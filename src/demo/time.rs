//! When things happen: maps the recorded time of a world to the present, and says how much of it has happened so far.
//!
//! A recording is served as if it were happening now: every timestamp is moved by one constant number of whole seconds
//! (so fractions and formats keep their shape), and what lies after the world clock is not shown yet.

use anyhow::{Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};

/// How a world is played: at which speed, and from when.
#[derive(Debug, Clone, Copy)]
pub struct Timeline {
    pace: Pace,
    now: Now,
}

#[derive(Debug, Clone, Copy)]
enum Pace {
    Speed(f64),
    AtOnce,
}

/// Where "now" comes from: the wall clock, or a fixed moment for tests that compare timestamps.
#[derive(Debug, Clone, Copy)]
enum Now {
    Wall,
    Fixed(DateTime<Utc>),
}

impl Now {
    fn get(self) -> DateTime<Utc> {
        match self {
            Now::Wall => Utc::now(),
            Now::Fixed(at) => at,
        }
    }
}

impl Timeline {
    /// Plays the world `speed` times as fast as it was recorded (1.0 is the recorded pace).
    pub fn at_speed(speed: f64) -> Result<Self> {
        ensure!(speed.is_finite() && speed > 0.0, "the speed must be a positive number, not {speed}");
        Ok(Self { pace: Pace::Speed(speed), now: Now::Wall })
    }

    /// Everything has happened: all notifications are due at once and all data is visible.
    pub fn at_once() -> Self {
        Self { pace: Pace::AtOnce, now: Now::Wall }
    }

    /// The same timeline with a clock that stands still at `at`, for tests.
    pub fn frozen_at(self, at: DateTime<Utc>) -> Self {
        Self { now: Now::Fixed(at), ..self }
    }
}

/// The recorded times that matter for playing: first and last notification, and the newest datum of any kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// When the first notification was received.
    pub first: DateTime<Utc>,
    /// When the last notification was received.
    pub last: DateTime<Utc>,
    /// The newest sample, log line or object.
    pub newest: DateTime<Utc>,
}

/// A started timeline.
#[derive(Debug, Clone)]
pub struct Clock {
    pace: Pace,
    now: Now,
    started: DateTime<Utc>,
    span: Span,
    shift: TimeDelta,
}

impl Clock {
    /// Starts playing a world with this span.
    pub fn start(span: Span, timeline: Timeline) -> Self {
        let started = timeline.now.get();
        let recorded = span.last - span.first;
        let anchor = match timeline.pace {
            Pace::AtOnce => span.last.max(span.newest),
            // Played faster, the recording takes less time than it covers: its end is put where the play ends.
            // Played slower, its beginning is put where the play starts. Either way nothing lies in the future.
            Pace::Speed(speed) => span.last - scale(recorded, 1.0 / speed).min(recorded),
        };
        // Rounded down to whole seconds: formats survive, and the future stays empty.
        let shift = TimeDelta::seconds((started - anchor).num_milliseconds().div_euclid(1000));
        Self { pace: timeline.pace, now: timeline.now, started, span, shift }
    }

    /// What is added to every recorded timestamp before it is served.
    pub fn shift(&self) -> TimeDelta {
        self.shift
    }

    /// The present.
    pub fn now(&self) -> DateTime<Utc> {
        self.now.get()
    }

    /// The world clock in served time: what is newer has not happened yet.
    pub fn visible_until(&self) -> DateTime<Utc> {
        let now = self.now();
        match self.pace {
            Pace::AtOnce => now,
            Pace::Speed(speed) => {
                let begin = self.span.first + self.shift;
                // However fast it is played, it is played at most until now.
                begin.checked_add_signed(scale(now - self.started, speed)).map_or(now, |at| at.min(now))
            }
        }
    }

    /// The end of the recording in served time.
    pub fn end(&self) -> DateTime<Utc> {
        self.span.last.max(self.span.newest) + self.shift
    }

    /// When a notification that was received at this recorded time is due.
    pub fn due(&self, received: DateTime<Utc>) -> DateTime<Utc> {
        match self.pace {
            Pace::AtOnce => self.started,
            Pace::Speed(speed) => {
                let after = scale(received - self.span.first, 1.0 / speed);
                self.started.checked_add_signed(after).unwrap_or(DateTime::<Utc>::MAX_UTC)
            }
        }
    }
}

fn scale(delta: TimeDelta, factor: f64) -> TimeDelta {
    TimeDelta::milliseconds((delta.num_milliseconds() as f64 * factor) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn span() -> Span {
        Span { first: at(1_000), last: at(1_600), newest: at(1_300) }
    }

    #[test]
    fn at_recorded_pace_the_first_notification_is_now() {
        let clock = Clock::start(span(), Timeline::at_speed(1.0).unwrap().frozen_at(at(50_000)));
        assert_eq!(at(1_000) + clock.shift(), at(50_000));
        assert_eq!(clock.visible_until(), at(50_000));
        assert_eq!(clock.due(at(1_300)), at(50_300));
    }

    #[test]
    fn played_faster_the_last_notification_meets_the_present() {
        let mut clock = Clock::start(span(), Timeline::at_speed(10.0).unwrap().frozen_at(at(50_000)));
        assert_eq!(clock.due(at(1_600)), at(50_060));
        assert_eq!(at(1_600) + clock.shift(), at(50_060));
        assert_eq!(clock.visible_until(), at(1_000) + clock.shift());
        clock.now = Now::Fixed(at(50_060));
        assert_eq!(clock.visible_until(), at(50_060));
        clock.now = Now::Fixed(at(50_100));
        assert_eq!(clock.visible_until(), at(50_100), "after the play the world goes on at the normal pace");
    }

    #[test]
    fn played_slower_nothing_lies_in_the_future() {
        let mut clock = Clock::start(span(), Timeline::at_speed(0.5).unwrap().frozen_at(at(50_000)));
        assert_eq!(clock.visible_until(), at(50_000));
        clock.now = Now::Fixed(at(50_100));
        assert_eq!(clock.visible_until(), at(50_050));
    }

    #[test]
    fn at_once_everything_is_visible_and_due() {
        let clock = Clock::start(span(), Timeline::at_once().frozen_at(at(50_000)));
        assert_eq!(at(1_600) + clock.shift(), at(50_000));
        assert_eq!(clock.due(at(1_600)), at(50_000));
        let late = Span { newest: at(1_900), ..span() };
        let clock = Clock::start(late, Timeline::at_once().frozen_at(at(50_000)));
        assert_eq!(clock.end(), at(50_000));
    }

    #[test]
    fn extreme_speeds_stay_within_the_calendar() {
        let mut clock = Clock::start(span(), Timeline::at_speed(1e300).unwrap().frozen_at(at(50_000)));
        clock.now = Now::Fixed(at(60_000));
        assert_eq!(clock.visible_until(), at(60_000));
        let clock = Clock::start(span(), Timeline::at_speed(1e-300).unwrap().frozen_at(at(50_000)));
        assert_eq!((clock.due(at(1_000)), clock.due(at(1_600))), (at(50_000), DateTime::<Utc>::MAX_UTC));
    }

    #[test]
    fn senseless_speeds_are_refused() {
        for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Timeline::at_speed(speed).is_err());
        }
    }
}
