//! Keeps the few series worth drawing out of however many there are: the highest, or the lowest where low is bad.

use super::Series;
use crate::analysis::metric_role::Worst;
use crate::domain::alert::Labels;

/// The worst series so far.
#[derive(Debug)]
pub struct Top {
    keep: usize,
    wanted: Vec<Labels>,
    worst: Worst,
    /// Highest rank first, at most `keep`.
    kept: Vec<(Rank, Series)>,
    total: usize,
}

/// Wanted before unwanted, then by how bad it got.
#[derive(Debug, Clone, Copy)]
struct Rank {
    wanted: bool,
    badness: f64,
}

impl Rank {
    fn above(self, other: Self) -> bool {
        if self.wanted == other.wanted { self.badness > other.badness } else { self.wanted }
    }
}

impl Top {
    /// Keeps up to `keep` series, those with `wanted` labels before all others.
    pub fn new(keep: usize, wanted: Vec<Labels>, worst: Worst) -> Self {
        Self { keep, wanted, worst, kept: Vec::with_capacity(keep + 1), total: 0 }
    }

    /// Takes in one series, or counts it and lets it go. Of two equally bad ones the one that came first stays.
    pub fn offer(&mut self, series: Series) {
        let Some(badness) = self.worst.badness(&series.points) else { return };
        self.total += 1;
        let rank = Rank { wanted: self.wanted.contains(&series.labels), badness };
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
        let mut top = Top::new(3, vec![series("quiet", 0.0).labels], Worst::High);
        for number in 0..100 {
            top.offer(series(&format!("p{number}"), f64::from(number % 50)));
        }
        top.offer(series("quiet", 0.0));
        top.offer(Series::default());
        let (kept, total) = top.finish();
        let names: Vec<&str> = kept.iter().map(|series| series.labels["pod"].as_str()).collect();
        assert_eq!((names, total), (vec!["quiet", "p49", "p99"], 101));
    }

    #[test]
    fn where_low_is_bad_the_lowest_stay() {
        let mut top = Top::new(2, Vec::new(), Worst::Low);
        for number in [5.0, 1.0, 9.0, 3.0] {
            top.offer(series(&format!("p{number}"), number));
        }
        let (kept, _) = top.finish();
        assert_eq!(kept.iter().map(|series| series.labels["pod"].as_str()).collect::<Vec<_>>(), ["p1", "p3"]);
    }
}
