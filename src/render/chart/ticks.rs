//! Round places on the axes.

use chrono::{DateTime, Utc};

use crate::domain::unit::Unit;

/// The value axis: from, to, and where to label it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) ticks: Vec<f64>,
}

/// The most steps that a value axis has.
const VALUE_STEPS: f64 = 6.0;
/// No axis has more ticks than this, whatever rounding does at the ends of the number range.
const MAX_TICKS: usize = 16;

/// A scale that holds all of `low..=high`, begins at zero where that is near, and steps roundly in the unit.
pub(super) fn scale(low: f64, high: f64, unit: &Unit) -> Scale {
    // Far beyond what is measured, differences overflow; such values touch the edge.
    const LARGEST: f64 = 1e300;
    let (mut low, mut high) = (low.clamp(-LARGEST, LARGEST), high.clamp(-LARGEST, LARGEST));
    if low > 0.0 && low < high * 0.75 {
        low = 0.0;
    }
    if high < 0.0 && high > low * 0.75 {
        high = 0.0;
    }
    let smallest = (low.abs().max(high.abs()) * 1e-6).max(f64::MIN_POSITIVE * 1e16);
    if high - low < smallest {
        // A constant: give it some room, and zero as the floor where it is positive.
        let room = if high == 0.0 { 1.0 } else { high.abs() * 0.25 };
        low = if high >= 0.0 { 0.0 } else { low - room };
        high += room;
    }
    let step = value_step((high - low) / VALUE_STEPS, unit);
    let first = (low / step + 1e-9).floor();
    let last = (high / step + 1e-9).floor().max(first + 1.0);
    let count = ((last - first) as usize).min(MAX_TICKS);
    let ticks = (0..=count).map(|index| (first + index as f64) * step).collect();
    Scale { low: first * step, high: high.max(last * step), ticks }
}

/// The next round step at or above the raw one.
fn value_step(raw: f64, unit: &Unit) -> f64 {
    match unit {
        Unit::Bytes | Unit::BytesPerSecond if raw >= 1.0 => {
            // 1, 2, 5, 10, 20, 50 … 500 of a binary unit.
            let base = 1024f64.powf(raw.log(1024.0).floor());
            let rest = raw / base;
            let decimal = decimal_step(rest);
            if decimal >= 1000.0 {
                base * 1024.0
            } else if decimal > 200.0 && decimal < 500.5 {
                base * 512.0
            } else {
                base * decimal
            }
        }
        Unit::Bytes | Unit::BytesPerSecond => 1.0,
        Unit::Seconds if raw > 20.0 => long_step(raw),
        Unit::Count if raw < 1.0 && raw > 0.15 => 1.0,
        _ => decimal_step(raw),
    }
}

/// 1, 2 or 5 times a power of ten.
fn decimal_step(raw: f64) -> f64 {
    let base = 10f64.powf(raw.log10().floor());
    let rest = raw / base;
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| rest <= factor * (1.0 + 1e-9)).unwrap_or(10.0);
    factor * base
}

/// Whole minutes, hours and days for durations.
fn long_step(raw: f64) -> f64 {
    const STEPS: [f64; 13] =
        [30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14_400.0, 21_600.0, 43_200.0, 86_400.0];
    STEPS.into_iter().find(|step| raw <= *step).unwrap_or_else(|| 86_400.0 * decimal_step(raw / 86_400.0))
}

/// Moments to label on the time axis, in milliseconds, and how to write them.
pub(super) fn times(from: i64, to: i64, most: usize) -> (Vec<i64>, &'static str) {
    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const STEPS: [i64; 20] = [
        1000,
        5000,
        10_000,
        15_000,
        30_000,
        MINUTE,
        2 * MINUTE,
        5 * MINUTE,
        10 * MINUTE,
        15 * MINUTE,
        30 * MINUTE,
        HOUR,
        2 * HOUR,
        3 * HOUR,
        6 * HOUR,
        12 * HOUR,
        DAY,
        2 * DAY,
        7 * DAY,
        30 * DAY,
    ];
    let span = to.saturating_sub(from).max(1);
    let most = most.max(1) as i64;
    let step = STEPS.into_iter().find(|step| span / step <= most).unwrap_or(span / most + 1);
    let first = from.div_euclid(step).saturating_add(i64::from(from.rem_euclid(step) != 0)).saturating_mul(step);
    let ticks = (0..=most + 1)
        .map(|index| first.saturating_add(index.saturating_mul(step)))
        .take_while(|at| *at <= to)
        .collect();
    let pattern = match step {
        step if step < MINUTE => "%H:%M:%S",
        step if step >= DAY => "%b %-d",
        _ if span > DAY => "%b %-d %H:%M",
        _ => "%H:%M",
    };
    (ticks, pattern)
}

/// A moment as the axis writes it.
pub(super) fn time_label(at: i64, pattern: &str) -> String {
    DateTime::<Utc>::from_timestamp_millis(at).map(|at| at.format(pattern).to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::unit::format;

    #[test]
    fn value_ticks_are_round_in_their_unit() {
        const MI: f64 = 1024.0 * 1024.0;
        let table: &[(f64, f64, &str, &[&str])] = &[
            (30.0 * MI, 250.0 * MI, "bytes", &["0 B", "50 MiB", "100 MiB", "150 MiB", "200 MiB", "250 MiB"]),
            (0.0, 2.2 * 1024.0 * MI, "bytes", &["0 B", "512 MiB", "1 GiB", "1.5 GiB", "2 GiB"]),
            (0.0, 1.0, "ratio", &["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]),
            (0.1, 0.48, "cores", &["0 cores", "100m", "200m", "300m", "400m"]),
            (0.0, 3.0, "count", &["0", "1", "2", "3"]),
            (0.0, 600.0, "seconds", &["0 s", "2 min", "4 min", "6 min", "8 min", "10 min"]),
        ];
        for (low, high, unit, expected) in table {
            let unit = Unit::from(*unit);
            let said: Vec<String> = scale(*low, *high, &unit).ticks.iter().map(|tick| format(*tick, &unit)).collect();
            assert_eq!(said, *expected);
        }
    }

    #[test]
    fn time_ticks_fall_on_round_minutes() {
        let (ticks, pattern) = times(1_763_900_061_000, 1_763_903_661_000, 8);
        let said: Vec<String> = ticks.iter().map(|at| time_label(*at, pattern)).collect();
        assert_eq!(said, ["12:20", "12:30", "12:40", "12:50", "13:00", "13:10"]);
    }
}
