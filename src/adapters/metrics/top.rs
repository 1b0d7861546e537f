//! Keeps the few series worth drawing out of however many there are.

use super::Series;
use crate::domain::alert::Labels;

/// The series with the highest peaks so far.
#[derive(Debug)]
pub struct Top {
    keep: usize,
    wanted: Vec<Labels>,
    /// Highest rank first, at most `keep`.
    kept: Vec<(Rank, Series)>,
    total: usize,
}

/// Wanted before unwanted, then by peak.
#[derive(Debug, Clone, Copy)]
struct Rank {
    wanted: bool,
    peak: f64,
}

impl Rank {
    fn above(self, other: Self) -> bool {
        if self.wanted == other.wanted { self.peak > other.peak } else { self.wanted }
    }
}

impl Top {
    /// Keeps up to `keep` series, those with `wanted` labels before all others.
    pub fn new(keep: usize, wanted: Vec<Labels>) -> Self {
        Self { keep, wanted, kept: Vec::with_capacity(keep + 1), total: 0 }
    }

    /// Takes in one series, or counts it and lets it go. Of equal peaks the one that came first stays.
    pub fn offer(&mut self, series: Series) {
        let Some(peak) = series.points.iter().map(|point| point.1).reduce(f64::max) else { return };
        self.total += 1;
        let rank = Rank { wanted: self.wanted.contains(&series.labels), peak };
        let place = self.kept.partition_point(|(other, _)| !rank.above(*other));
        if place < self.keep {
            self.kept.insert(place, (rank, series));
            self.kept.truncate(self.keep);
        }
    }

    /// What was kept, and how many there were.
    pub fn finish(self) -> (Vec<Series>, usize) {
        (self.kept.into_iter().map(|(_, series)| series).collect(), self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, peak: f64) -> Series {
        Series { labels: Labels::from([("pod".into(), name.into())]), points: vec![(0, peak / 2.0), (1, peak)] }
    }

    #[test]
    fn the_highest_stay_the_wanted_stay_first_and_the_rest_is_counted() {
        let mut top = Top::new(3, vec![series("quiet", 0.0).labels]);
        for number in 0..100 {
            top.offer(series(&format!("p{number}"), f64::from(number % 50)));
        }
        top.offer(series("quiet", 0.0));
        top.offer(Series::default());
        let (kept, total) = top.finish();
        let names: Vec<&str> = kept.iter().map(|series| series.labels["pod"].as_str()).collect();
        assert_eq!((names, total), (vec!["quiet", "p49", "p99"], 101));
    }
}
