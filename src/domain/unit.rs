//! placeholder
use serde::{Deserialize, Serialize};
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Bytes,
    Cores,
    Percent,
    Ratio,
    Seconds,
    Count,
    PerSecond,
    BytesPerSecond,
    Other(String),
}
