//! Holds the patterns of a window against those of a baseline: what is new, what is much more frequent.

use std::cmp::Reverse;
use std::collections::HashMap;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::level::Level;
use super::template::{Pattern, PatternId};

/// From how many times the usual rate on a pattern is more frequent.
const MORE_RATIO: f64 = 3.0;

/// How many standard deviations of a Poisson count the window must be above what was to be expected, so that five
/// instead of one are no news.
const MORE_DEVIATIONS: f64 = 3.0;

/// Below which part of the usual rate a pattern is less frequent.
const LESS_RATIO: f64 = 1.0 / MORE_RATIO;

/// What must have been expected for its absence to mean something.
const LESS_EXPECTED: f64 = 10.0;

/// How a pattern's rate in the window relates to the baseline's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Novelty {
    /// Not in the baseline.
    New,
    /// Much more frequent, by this factor.
    MoreFrequent {
        /// Rate in the window over rate in the baseline.
        ratio: f64,
    },
    /// As usual.
    Usual,
    /// Much less frequent, or gone.
    Less,
}

/// One pattern, and what is remarkable about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatternChange {
    /// The pattern; as seen in the window, unless it is gone there.
    pub pattern: Pattern,
    /// Records in the window.
    pub count: u64,
    /// Records in the baseline.
    pub baseline_count: u64,
    /// The difference.
    pub novelty: Novelty,
}

/// The lengths of the two times that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spans {
    /// Of the window.
    pub window: TimeDelta,
    /// Of the baseline.
    pub baseline: TimeDelta,
}

/// Compares patterns that one miner found on its two sides. What a person on call wants to see comes first: what is new
/// or more frequent before what is not, errors before the rest.
pub fn compare(window: Vec<Pattern>, baseline: Vec<Pattern>, spans: Spans) -> Vec<PatternChange> {
    let mut usual: HashMap<PatternId, Pattern> = baseline.into_iter().map(|pattern| (pattern.id, pattern)).collect();
    let scale = seconds(spans.window) / seconds(spans.baseline);
    let change = |pattern: Pattern, count, baseline_count| {
        let novelty = novelty(count, baseline_count, scale);
        PatternChange { pattern, count, baseline_count, novelty }
    };
    let mut changes = Vec::with_capacity(window.len() + usual.len());
    for pattern in window {
        let count = pattern.count;
        let baseline_count = usual.remove(&pattern.id).map_or(0, |usual| usual.count);
        changes.push(change(pattern, count, baseline_count));
    }
    for pattern in usual.into_values() {
        let baseline_count = pattern.count;
        changes.push(change(pattern, 0, baseline_count));
    }
    changes
        .sort_by(|a, b| rank(a, scale).cmp(&rank(b, scale)).then_with(|| a.pattern.template.cmp(&b.pattern.template)));
    changes
}

fn seconds(span: TimeDelta) -> f64 {
    (span.num_milliseconds().max(1) as f64) / 1000.0
}

fn novelty(count: u64, baseline_count: u64, scale: f64) -> Novelty {
    if baseline_count == 0 {
        return Novelty::New;
    }
    let (count, expected) = (count as f64, baseline_count as f64 * scale);
    let ratio = count / expected;
    // One record more or less in the baseline must not decide.
    let spread = (expected + scale).sqrt().max(1.0);
    if ratio >= MORE_RATIO && count - expected >= MORE_DEVIATIONS * spread {
        Novelty::MoreFrequent { ratio }
    } else if ratio <= LESS_RATIO && expected >= LESS_EXPECTED {
        Novelty::Less
    } else {
        Novelty::Usual
    }
}

/// Smaller is more interesting.
fn rank(change: &PatternChange, scale: f64) -> (u8, u8, u8, Reverse<u64>) {
    let PatternChange { pattern, count, baseline_count, novelty } = change;
    let gravity = match pattern.level {
        Some(Level::Error | Level::Fatal) => 0,
        Some(Level::Warn) => 1,
        None => 2,
        Some(Level::Info) => 3,
        Some(Level::Debug | Level::Trace) => 4,
    };
    let (remarkable, kind) = match novelty {
        Novelty::New => (0, 0),
        Novelty::MoreFrequent { .. } => (0, 1),
        Novelty::Usual => (1, 0),
        Novelty::Less => (2, 0),
    };
    let expected = (*baseline_count as f64 * scale) as u64;
    (remarkable, gravity, kind, Reverse(count.abs_diff(expected)))
}

#[cfg(test)]
mod tests {
    use super::super::{Miner, Side, read_line};
    use super::*;

    #[test]
    fn what_is_new_and_grave_comes_first() {
        let mut miner = Miner::default();
        let mut add = |line: &str, window: u32, baseline: u32| {
            for _ in 0..window {
                miner.add(&read_line(line), None, Side::Window);
            }
            for _ in 0..baseline {
                miner.add(&read_line(line), None, Side::Baseline);
            }
        };
        add("INFO: served", 100, 600);
        add("INFO: new feature", 3, 0);
        add("ERROR: disk is full", 2, 0);
        add("ERROR: retry", 90, 60);
        add("ERROR: always", 10, 60);
        add("WARN: gone quiet", 0, 600);
        let mined = miner.mine();
        let spans = Spans { window: TimeDelta::minutes(10), baseline: TimeDelta::hours(1) };
        let changes = compare(mined.patterns(Side::Window), mined.patterns(Side::Baseline), spans);
        let seen: Vec<String> = changes
            .iter()
            .map(|change| {
                format!("{:?} {} ({}/{})", change.novelty, change.pattern.template, change.count, change.baseline_count)
            })
            .collect();
        insta::assert_snapshot!(seen.join("\n"), @r"
        New disk is full (2/0)
        MoreFrequent { ratio: 9.0 } retry (90/60)
        New new feature (3/0)
        Usual always (10/60)
        Usual served (100/600)
        Less gone quiet (0/600)
        ");
    }

    #[test]
    fn a_few_more_are_no_news() {
        assert_eq!(novelty(3, 1, 1.0), Novelty::Usual);
        assert_eq!(novelty(0, 3, 1.0), Novelty::Usual);
        assert!(matches!(novelty(30, 3, 1.0), Novelty::MoreFrequent { .. }));
    }
}
