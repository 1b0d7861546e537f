//! Which places the records of one pattern could not reach: templates mask addresses, so that two gateways which fail
//! alike are one pattern.

use std::collections::HashMap;

use super::log_evidence::MAX_EXAMPLE_BYTES;
use super::patterns::miner::Side;
use super::text::network::{Place, place};
use crate::domain::text;

/// Places told apart in one pattern: a caller has few neighbours.
const MOST: usize = 8;

/// How often each place stands in the records of a pattern.
#[derive(Default)]
pub(super) struct Places(HashMap<Place, Seen>);

/// One place.
#[derive(Default)]
struct Seen {
    window: u64,
    baseline: u64,
    /// The first record of the Window that names it.
    example: Option<String>,
}

impl Places {
    /// Counts one record.
    pub fn count(&mut self, record: &str, side: Side) {
        let Some(place) = place(record) else { return };
        if self.0.len() >= MOST && !self.0.contains_key(&place) {
            return;
        }
        let seen = self.0.entry(place).or_default();
        match side {
            Side::Window => {
                seen.window += 1;
                seen.example.get_or_insert_with(|| text::bounded(record, MAX_EXAMPLE_BYTES).into_owned());
            }
            Side::Baseline => seen.baseline += 1,
        }
    }

    /// Adds those of another slot with the same template.
    pub fn add(&mut self, other: Self) {
        for (place, seen) in other.0 {
            let known = self.0.entry(place).or_default();
            known.window += seen.window;
            known.baseline += seen.baseline;
            known.example = known.example.take().or(seen.example);
        }
    }

    /// A record of the place that is named so much more than before; `None` where there is but one. `scale` is how much
    /// longer the Window is than the Baseline.
    pub fn worst(self, scale: f64) -> Option<String> {
        if self.0.len() < 2 {
            return None;
        }
        let excess = |seen: &Seen| seen.window as f64 - seen.baseline as f64 * scale;
        let worst = self.0.into_iter().max_by(|(a, x), (b, y)| excess(x).total_cmp(&excess(y)).then_with(|| b.cmp(a)));
        worst.and_then(|(_, seen)| seen.example)
    }
}
