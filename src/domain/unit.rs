//! Units of measured values, and how a person would say a value in one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a number counts. Runbooks name it; charts and messages say it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Unit {
    /// Bytes, said in powers of 1024.
    Bytes,
    /// Bytes a second.
    BytesPerSecond,
    /// CPU cores.
    Cores,
    /// Out of one hundred.
    Percent,
    /// Out of one; said as a percentage.
    Ratio,
    /// Seconds.
    Seconds,
    /// Thousandths of a second.
    Milliseconds,
    /// Things a second.
    PerSecond,
    /// A number of things.
    #[default]
    Count,
    /// A unit that we do not know, said as it was written.
    Other(String),
}

impl Unit {
    /// The names that are known, in the order that error messages list them.
    pub const NAMES: [&str; 9] =
        ["bytes", "bytes_per_second", "cores", "percent", "ratio", "seconds", "milliseconds", "count", "per_second"];

    /// The name in runbooks.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes_per_second",
            Self::Cores => "cores",
            Self::Percent => "percent",
            Self::Ratio => "ratio",
            Self::Seconds => "seconds",
            Self::Milliseconds => "milliseconds",
            Self::PerSecond => "per_second",
            Self::Count => "count",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&str> for Unit {
    fn from(text: &str) -> Self {
        // Grafana's names differ by this letter: `bps` are bits, which are shown as they are.
        if text.trim() == "Bps" {
            return Self::BytesPerSecond;
        }
        match text.trim().to_ascii_lowercase().as_str() {
            "bytes" | "byte" | "b" => Self::Bytes,
            "bytes_per_second" | "bytes/s" | "b/s" => Self::BytesPerSecond,
            "cores" | "core" | "cpu" => Self::Cores,
            "percent" | "%" => Self::Percent,
            "ratio" | "fraction" => Self::Ratio,
            "seconds" | "second" | "s" => Self::Seconds,
            "milliseconds" | "millisecond" | "ms" => Self::Milliseconds,
            "per_second" | "1/s" | "/s" | "rps" | "rate" => Self::PerSecond,
            "count" | "" | "short" | "none" => Self::Count,
            _ => Self::Other(text.trim().to_owned()),
        }
    }
}

impl From<String> for Unit {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<Unit> for String {
    fn from(unit: Unit) -> Self {
        unit.as_str().to_owned()
    }
}

/// The value as a person would say it: `48 MiB`, `1.5 cores`, `250m`, `52.5 %`, `1.2 s`, `340/s`.
#[must_use]
pub fn format(value: f64, unit: &Unit) -> String {
    if value.is_nan() {
        return "no value".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞".to_owned() } else { "-∞".to_owned() };
    }
    match unit {
        Unit::Bytes => bytes(value),
        Unit::BytesPerSecond => format!("{}/s", bytes(value)),
        Unit::Cores => cores(value),
        Unit::Percent => format!("{} %", number(value)),
        Unit::Ratio => format!("{} %", number(value * 100.0)),
        Unit::Seconds => seconds(value),
        Unit::Milliseconds => seconds(value / 1000.0),
        Unit::PerSecond => format!("{}/s", scaled(value)),
        Unit::Count => scaled(value),
        Unit::Other(name) => format!("{} {name}", scaled(value)),
    }
}

fn bytes(value: f64) -> String {
    const NAMES: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut rest = value;
    let mut name = 0;
    while rounded(rest).abs() >= 1024.0 && name + 1 < NAMES.len() {
        rest /= 1024.0;
        name += 1;
    }
    format!("{} {}", number(rest), NAMES[name])
}

fn cores(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        return "0 cores".to_owned();
    }
    if size < 0.9995 {
        return format!("{}m", number(value * 1000.0));
    }
    let said = scaled(value);
    if said == "1" { "1 core".to_owned() } else { format!("{said} cores") }
}

fn seconds(value: f64) -> String {
    let size = value.abs();
    match size {
        0.0 => "0 s".to_owned(),
        _ if size < 0.000_999_5 => format!("{} µs", number(value * 1e6)),
        _ if size < 0.9995 => format!("{} ms", number(value * 1e3)),
        _ if size < 119.5 => format!("{} s", number(value)),
        _ => long_time(value),
    }
}

/// Two of the largest parts: `2 min 5 s`, `3 h 20 min`, `4 d`.
fn long_time(value: f64) -> String {
    const PARTS: [(f64, &str, f64, &str); 3] =
        [(86_400.0, "d", 3_600.0, "h"), (3_600.0, "h", 60.0, "min"), (60.0, "min", 1.0, "s")];
    let sign = if value < 0.0 { "-" } else { "" };
    let size = value.abs();
    let (large, large_name, small, small_name) =
        PARTS.into_iter().find(|(large, ..)| size >= *large - 0.5).unwrap_or(PARTS[2]);
    let steps = (size / small).round();
    let per = large / small;
    let (whole, rest) = ((steps / per).floor(), steps % per);
    if rest == 0.0 || whole >= 1000.0 {
        format!("{sign}{} {large_name}", scaled(whole))
    } else {
        format!("{sign}{whole} {large_name} {rest} {small_name}")
    }
}

/// With k, M, G, T behind it from ten thousand on.
fn scaled(value: f64) -> String {
    const NAMES: [&str; 5] = ["", "k", "M", "G", "T"];
    if rounded(value).abs() < 10_000.0 {
        return number(value);
    }
    let mut rest = value;
    let mut name = 0;
    while rounded(rest).abs() >= 1000.0 && name + 1 < NAMES.len() {
        rest /= 1000.0;
        name += 1;
    }
    format!("{}{}", number(rest), NAMES[name])
}

/// Three significant digits for small numbers, whole ones from a hundred on, no trailing zeros.
fn number(value: f64) -> String {
    let rounded = rounded(value);
    let size = rounded.abs();
    if size >= 1e15 || (size > 0.0 && size < 1e-4) {
        return format!("{rounded:.1e}");
    }
    let text = format!("{rounded:.8}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn rounded(value: f64) -> f64 {
    let size = value.abs();
    if size >= 100.0 {
        return value.round();
    }
    if size < 1e-12 {
        return 0.0;
    }
    let digits = 2 - size.log10().floor() as i32;
    let step = 10f64.powi(digits.clamp(0, 15));
    (value * step).round() / step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_a_person_would_say_them() {
        const MI: f64 = 1024.0 * 1024.0;
        let table: &[(f64, &str, &str)] = &[
            (0.0, "bytes", "0 B"),
            (512.0, "bytes", "512 B"),
            (1023.9, "bytes", "1 KiB"),
            (1536.0, "bytes", "1.5 KiB"),
            (48.0 * MI, "bytes", "48 MiB"),
            (1023.99 * MI, "bytes", "1 GiB"),
            (-2.5 * MI, "bytes", "-2.5 MiB"),
            (3.0 * MI, "bytes_per_second", "3 MiB/s"),
            (3.0 * MI, "Bps", "3 MiB/s"),
            (12.0, "bps", "12 bps"),
            (0.25, "cores", "250m"),
            (0.0015, "cores", "1.5m"),
            (1.5, "cores", "1.5 cores"),
            (1.0, "cores", "1 core"),
            (0.9999, "cores", "1 core"),
            (0.0, "cores", "0 cores"),
            (52.5, "percent", "52.5 %"),
            (99.95, "percent", "100 %"),
            (99.94, "percent", "99.9 %"),
            (0.525, "ratio", "52.5 %"),
            (1.2, "seconds", "1.2 s"),
            (0.35, "seconds", "350 ms"),
            (0.000_25, "seconds", "250 µs"),
            (125.0, "seconds", "2 min 5 s"),
            (3600.0, "seconds", "1 h"),
            (3599.9, "seconds", "1 h"),
            (12_000.0, "seconds", "3 h 20 min"),
            (90_000.0, "seconds", "1 d 1 h"),
            (345_600.0, "seconds", "4 d"),
            (350.0, "milliseconds", "350 ms"),
            (340.0, "per_second", "340/s"),
            (0.05, "per_second", "0.05/s"),
            (12_345.0, "per_second", "12.3k/s"),
            (7.0, "count", "7"),
            (9_999.0, "count", "9999"),
            (9_999.9, "count", "10k"),
            (1_234_567.0, "count", "1.23M"),
            (-15_000.0, "count", "-15k"),
            (3.0, "widgets", "3 widgets"),
            (f64::NAN, "bytes", "no value"),
            (f64::INFINITY, "seconds", "∞"),
        ];
        for (value, unit, expected) in table {
            assert_eq!(format(*value, &Unit::from(*unit)), *expected, "{value} {unit}");
        }
    }

    #[test]
    fn units_survive_serde_by_name() {
        for name in
            ["bytes", "cores", "percent", "ratio", "seconds", "count", "per_second", "bytes_per_second", "furlongs"]
        {
            let unit: Unit = serde_json::from_value(serde_json::json!(name)).unwrap();
            assert_eq!(serde_json::to_value(&unit).unwrap(), name);
        }
    }

    #[test]
    fn any_number_has_a_short_name() {
        let units = ["bytes", "cores", "percent", "seconds", "milliseconds", "count", "per_second"];
        for value in [f64::MAX, f64::MIN, f64::MIN_POSITIVE, 1e300, -1e-300, 5e14] {
            for unit in units {
                let said = format(value, &Unit::from(unit));
                assert!(said.len() < 24, "{said}");
            }
        }
    }
}
