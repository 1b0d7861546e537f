//! Quantities (`48Mi`, `100m`, `1e3`) as Kubernetes writes them, and as numbers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::text;

/// A positive quantity, kept in the spelling it was given in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Quantity(String);

/// A text that is no quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a quantity like 128Mi, 1.5Gi or 500m")]
pub struct NotAQuantity(pub String);

impl Quantity {
    /// As memory, in bytes.
    pub fn bytes(&self) -> i64 {
        bytes(&self.0).unwrap_or_default()
    }

    /// As CPU, in thousandths of a core.
    pub fn millicores(&self) -> i64 {
        millicores(&self.0).unwrap_or_default()
    }

    /// Memory in the largest binary unit without a fraction: `128Mi`, `1536Mi`, `2Gi`.
    pub fn of_bytes(bytes: u64) -> Self {
        let units = [("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)];
        let unit = units.into_iter().find(|(_, size)| bytes > 0 && bytes.is_multiple_of(*size));
        Self(unit.map_or_else(|| bytes.to_string(), |(unit, size)| format!("{}{unit}", bytes / size)))
    }

    /// CPU as `500m` or whole cores.
    pub fn of_millicores(millicores: u64) -> Self {
        match millicores % 1000 {
            0 => Self((millicores / 1000).to_string()),
            _ => Self(format!("{millicores}m")),
        }
    }
}

impl FromStr for Quantity {
    type Err = NotAQuantity;

    fn from_str(text: &str) -> Result<Self, NotAQuantity> {
        let digits = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let unsigned = text.bytes().next().is_some_and(|b| b.is_ascii_digit());
        let plain = text.len() <= 20 && digits.bytes().all(|b| b.is_ascii_alphanumeric());
        let value = number(text).filter(|value| value.is_finite() && *value >= 0.0);
        match value.filter(|_| unsigned && plain) {
            Some(_) => Ok(Self(text.to_owned())),
            None => Err(NotAQuantity(text::line(text, 40))),
        }
    }
}

impl TryFrom<String> for Quantity {
    type Error = NotAQuantity;

    fn try_from(text: String) -> Result<Self, NotAQuantity> {
        text.parse()
    }
}

impl From<Quantity> for String {
    fn from(quantity: Quantity) -> Self {
        quantity.0
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A quantity as a number of its base unit (bytes, cores, things).
pub fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let suffix = text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-'));
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        "Pi" => 1_125_899_906_842_624.0,
        "Ei" => 1_152_921_504_606_846_976.0,
        // 1e3, 12E6
        _ => return text.parse().ok(),
    };
    text[..text.len() - suffix.len()].parse::<f64>().ok().map(|value| value * factor)
}

/// Bytes, rounded.
pub fn bytes(text: &str) -> Option<i64> {
    number(text).map(|value| value.round() as i64)
}

/// Millicores, rounded up as Kubernetes does.
pub fn millicores(text: &str) -> Option<i64> {
    // 0.1 × 1000 is 100.00000000000001 in binary: a hair is not a millicore.
    number(text).map(|value| (value * 1000.0 - 1e-6).ceil() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_as_kubernetes_writes_them() {
        for (text, expected) in [
            ("48Mi", 50_331_648),
            ("1.5Gi", 1_610_612_736),
            ("128974848", 128_974_848),
            ("129e6", 129_000_000),
            ("1G", 1_000_000_000),
        ] {
            assert_eq!(bytes(text), Some(expected), "{text}");
        }
        for (text, expected) in [("100m", 100), ("0.1", 100), ("2", 2000), ("1500u", 2)] {
            assert_eq!(millicores(text), Some(expected), "{text}");
        }
        assert_eq!(bytes("lots"), None);
    }

    #[test]
    fn made_and_read_quantities() {
        for (made, text) in [
            (Quantity::of_bytes(134_217_728), "128Mi"),
            (Quantity::of_bytes(1_610_612_736), "1536Mi"),
            (Quantity::of_bytes(3 << 30), "3Gi"),
            (Quantity::of_bytes(1001), "1001"),
            (Quantity::of_millicores(1500), "1500m"),
            (Quantity::of_millicores(2000), "2"),
        ] {
            assert_eq!(made.to_string(), text);
            assert_eq!(text.parse(), Ok(made));
        }
        for text in ["", "-1", "+1", "Mi", "1 Gi", "12Mib", "1.2.3", "NaN", "inf", "1e999", "12\u{202e}Mi"] {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }
}
