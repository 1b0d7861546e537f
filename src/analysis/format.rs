//! Numbers as a person writes them: short, with a unit, the same in every language.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::unit::Unit;

/// `48 MiB`, `1.5 GiB`, `612 KiB`.
pub fn bytes(value: f64) -> String {
    scaled(value, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"])
}

/// `18 s`, `2 min 40 s`, `1 h 5 min`, `3 d 4 h`: two units at most.
pub fn duration(span: TimeDelta) -> String {
    let seconds = span.num_seconds().abs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let (big, big_unit, small, small_unit) = match seconds {
        0..60 => return format!("{seconds} s"),
        60..3600 => (minutes, "min", seconds % 60, "s"),
        3600..86_400 => (hours, "h", minutes % 60, "min"),
        _ => (days, "d", hours % 24, "h"),
    };
    // Beyond ten of the big unit the small one is noise.
    if small == 0 || big >= 10 { format!("{big} {big_unit}") } else { format!("{big} {big_unit} {small} {small_unit}") }
}

/// `22:48:01`, with the date where `at` lies more than half a day from `near`.
pub fn clock(at: DateTime<Utc>, near: DateTime<Utc>) -> String {
    let far = at.signed_duration_since(near).num_hours().abs() >= 12;
    at.format(if far { "%Y-%m-%d %H:%M" } else { "%H:%M:%S" }).to_string()
}

/// `97%` of a share of one.
pub fn percent(ratio: f64) -> String {
    let value = ratio * 100.0;
    if value.abs() < 10.0 && value != 0.0 { format!("{value:.1}%") } else { format!("{value:.0}%") }
}

/// `950`, `12.5k`, `3.2M`.
pub fn count(value: f64) -> String {
    scaled(value, 1000.0, &["", "k", "M", "G", "T"]).trim_end().replacen(' ', "", 1)
}

/// A value in its unit: `48 MiB`, `250 ms`, `0.4 cores`, `12/s`.
pub fn value(value: f64, unit: &Unit) -> String {
    match unit {
        Unit::Bytes => bytes(value),
        Unit::BytesPerSecond => format!("{}/s", bytes(value)),
        Unit::Cores if value.abs() < 1.0 => format!("{:.0}m", value * 1000.0),
        Unit::Cores => trimmed(value),
        Unit::Percent => percent(value / 100.0),
        Unit::Ratio => percent(value),
        Unit::Milliseconds => format!("{value:.0} ms"),
        Unit::Seconds if value.abs() < 1.0 => format!("{:.0} ms", value * 1000.0),
        Unit::Seconds if value.abs() < 60.0 => format!("{} s", trimmed(value)),
        // Centuries are a mistake of the query, not a duration.
        Unit::Seconds => duration(TimeDelta::seconds(value.clamp(-1e10, 1e10) as i64)),
        Unit::PerSecond => format!("{}/s", count(value)),
        Unit::Count => count(value),
        Unit::Other(name) => format!("{} {name}", count(value)).trim_end().to_owned(),
    }
}

fn scaled(value: f64, base: f64, units: &[&str]) -> String {
    let (mut scaled, mut step) = (value, 0);
    while scaled.abs() >= base && step + 1 < units.len() {
        scaled /= base;
        step += 1;
    }
    format!("{} {}", trimmed(scaled), units.get(step).copied().unwrap_or_default())
}

/// Three figures are enough: `48`, `1.5`, `0.25`.
fn trimmed(value: f64) -> String {
    let text = match value.abs() {
        v if v >= 10.0 => return format!("{value:.0}"),
        v if v >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_a_person_writes_them() {
        assert_eq!(bytes(48.0 * 1024.0 * 1024.0), "48 MiB");
        assert_eq!(bytes(1.5 * 1024.0 * 1024.0 * 1024.0), "1.5 GiB");
        assert_eq!(bytes(0.0), "0 B");
        assert_eq!(duration(TimeDelta::seconds(18)), "18 s");
        assert_eq!(duration(TimeDelta::seconds(160)), "2 min 40 s");
        assert_eq!(duration(TimeDelta::seconds(3600)), "1 h");
        assert_eq!(duration(TimeDelta::seconds(90_000)), "1 d 1 h");
        assert_eq!(percent(0.973), "97%");
        assert_eq!(percent(0.012), "1.2%");
        assert_eq!(count(12_500.0), "12k");
        assert_eq!(count(7.0), "7");
        assert_eq!(value(0.25, &Unit::Seconds), "250 ms");
        assert_eq!(value(0.4, &Unit::Cores), "400m");
        assert_eq!(value(f64::NAN, &Unit::Seconds), "0 s");
        assert_eq!(value(12.0, &Unit::PerSecond), "12/s");
    }
}
