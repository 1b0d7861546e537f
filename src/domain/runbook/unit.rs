//! Units of a metric query: how its values are written on a chart and in a sentence.

/// What one number of a metric means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Bytes a second.
    BytesPerSecond,
    /// CPU cores.
    Cores,
    /// Hundredths: 0 to 100.
    Percent,
    /// A share: 0 to 1.
    Ratio,
    /// Seconds.
    Seconds,
    /// A number of things.
    Count,
    /// Things a second.
    PerSecond,
}

impl Unit {
    /// Every unit, in the order that error messages list them.
    pub const ALL: [Self; 8] = [
        Self::Bytes,
        Self::BytesPerSecond,
        Self::Cores,
        Self::Percent,
        Self::Ratio,
        Self::Seconds,
        Self::Count,
        Self::PerSecond,
    ];

    /// The name as written in a runbook.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes_per_second",
            Self::Cores => "cores",
            Self::Percent => "percent",
            Self::Ratio => "ratio",
            Self::Seconds => "seconds",
            Self::Count => "count",
            Self::PerSecond => "per_second",
        }
    }

    /// Reads a unit's name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.as_str() == name)
    }
}
