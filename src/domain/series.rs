//! A few lines over time, with the numbers a person would say about them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::unit::Unit;

/// What a metric query brought: the top series, ready to be drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesData {
    /// What the values are measured in.
    pub unit: Unit,
    /// The worst series, at most a chart's worth.
    pub lines: Vec<SeriesLine>,
    /// How many more series there were.
    pub folded: usize,
    /// A limit or threshold to draw beside them.
    pub limit: Option<Limit>,
    /// What a person would say; `None` when no point was finite.
    pub summary: Option<Summary>,
    /// Whether the server said that some storage nodes did not answer.
    #[serde(default)]
    pub partial: bool,
}

impl SeriesData {
    /// What the values cannot go beyond. A threshold only says when to worry.
    pub fn bound(&self) -> Option<f64> {
        self.limit.as_ref().filter(|limit| limit.label != Limit::THRESHOLD).map(|limit| limit.value)
    }
}

/// One series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesLine {
    /// What tells it from the others: `checkout-7464b59bfd-6rjrg`.
    pub name: String,
    /// Milliseconds since 1970 and the value; finite, ascending; a gap is simply absent.
    pub points: Vec<(i64, f64)>,
}

/// A horizontal line of meaning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// `memory limit`, `threshold`.
    pub label: String,
    /// In the chart's unit.
    pub value: f64,
}

impl Limit {
    /// The label of a line that may be crossed.
    pub const THRESHOLD: &str = "threshold";
}

/// The numbers a person would say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The series it speaks of: the one that peaks highest, or falls lowest where low is bad.
    pub series: String,
    /// Newest value.
    pub now: f64,
    /// Highest value in the Window.
    pub peak: f64,
    /// When it peaked.
    pub peak_at: DateTime<Utc>,
    /// Median of the Baseline; `None` without points there.
    pub baseline: Option<f64>,
    /// When the level changed for good, if it did: up or down by more than its usual spread.
    pub stepped_at: Option<DateTime<Utc>>,
    /// peak / limit.
    pub ratio_to_limit: Option<f64>,
    /// Steady growth in units a second over the newest run of the series, where a straight line fits well.
    pub trend_per_second: Option<f64>,
}
