//! Quantities (`48Mi`, `100m`, `1e3`) as numbers.

/// A quantity as a number of its base unit (bytes, cores, things).
pub(super) fn number(text: &str) -> Option<f64> {
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
pub(super) fn bytes(text: &str) -> Option<i64> {
    number(text).map(|value| value.round() as i64)
}

/// Millicores, rounded up as Kubernetes does.
pub(super) fn millicores(text: &str) -> Option<i64> {
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
}
