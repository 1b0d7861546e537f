//! When a rule applies: hours of weekdays, and stretches of the calendar.

use chrono::{DateTime, Datelike, FixedOffset, NaiveTime, Timelike, Utc, Weekday};

/// A stretch of time that comes again every week, or once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeWindow {
    /// Hours on weekdays.
    Weekly {
        /// On which days it begins; empty means on all.
        days: Vec<Weekday>,
        /// First minute.
        from: NaiveTime,
        /// First minute after it; not after `from` means on the next day.
        to: NaiveTime,
        /// Which clock the hours are read from.
        offset: FixedOffset,
    },
    /// Once.
    Once {
        /// First moment.
        start: DateTime<Utc>,
        /// First moment after it.
        end: DateTime<Utc>,
    },
}

impl TimeWindow {
    /// Whether `at` is in it.
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        match self {
            Self::Once { start, end } => (*start..*end).contains(&at),
            Self::Weekly { days, from, to, offset } => {
                let local = at.with_timezone(offset);
                let minutes = |time: &NaiveTime| time.num_seconds_from_midnight() / 60;
                let (now, from, to) = (minutes(&local.time()), minutes(from), minutes(to));
                let begins = |day: Weekday| days.is_empty() || days.contains(&day);
                let today = begins(local.weekday()) && now >= from && (now < to || to <= from);
                // After midnight, a window that began the day before may still be open.
                let yesterday = to <= from && now < to && begins(local.weekday().pred());
                today || yesterday
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn hours_are_those_of_the_offset_and_may_cross_midnight() {
        let weekly = |days: &[Weekday], from: &str, to: &str, hours: i32| TimeWindow::Weekly {
            days: days.to_vec(),
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            offset: FixedOffset::east_opt(hours * 3600).unwrap(),
        };
        let office = weekly(&[Weekday::Mon, Weekday::Fri], "09:00:00", "18:00:00", 3);
        let night = weekly(&[Weekday::Fri], "22:00:00", "06:00:00", 0);
        let always = weekly(&[], "00:00:00", "00:00:00", 0);
        // 2026-11-27 is a Friday.
        for (window, time, expected) in [
            (&office, "2026-11-27T05:59:59Z", false),
            (&office, "2026-11-27T06:00:00Z", true),
            (&office, "2026-11-27T14:59:59Z", true),
            (&office, "2026-11-27T15:00:00Z", false),
            (&office, "2026-11-26T10:00:00Z", false),
            (&night, "2026-11-27T21:59:00Z", false),
            (&night, "2026-11-27T23:00:00Z", true),
            (&night, "2026-11-28T05:59:00Z", true),
            (&night, "2026-11-28T06:00:00Z", false),
            (&night, "2026-11-27T05:00:00Z", false),
            (&always, "2026-11-27T05:00:00Z", true),
        ] {
            assert_eq!(window.contains(at(time)), expected, "{window:?} {time}");
        }
        let freeze = TimeWindow::Once { start: at("2026-12-20T00:00:00Z"), end: at("2027-01-10T00:00:00Z") };
        assert!(freeze.contains(at("2027-01-01T00:00:00Z")) && !freeze.contains(at("2027-01-10T00:00:00Z")));
    }
}
