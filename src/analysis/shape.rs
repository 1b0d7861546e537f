//! The shape of a series in numbers: level, peak, step and trend. Pure arithmetic over points.

use chrono::{DateTime, TimeDelta, Utc};

use super::metric_role::Worst;
use crate::domain::series::{SeriesLine, Summary};

/// Points looked at for a step or a trend: the split search is quadratic.
const MOST_POINTS: usize = 240;
/// Points on either side without which a level is not a level.
const LEVEL_POINTS: usize = 3;
/// A fall by this share of what a run had gained ends the run: a restart, a collection, a deleted file.
const FALL: f64 = 0.3;
/// How well a line must fit before its slope is called steady (R²).
const FIT: f64 = 0.85;
/// A spread of a normal distribution per median absolute deviation.
const MAD_TO_SIGMA: f64 = 1.4826;
/// Beyond a month a forecast is not worth saying.
const FARTHEST: f64 = 30.0 * 86_400.0;

/// The numbers a person would say about `lines`; `None` when no point is finite.
///
/// They are those of the line that got worst. `baseline` holds points of the quiet range: of the same names where there are
/// any, else all of them, because pods change their names with every rollout.
pub fn summarise(lines: &[SeriesLine], baseline: &[SeriesLine], limit: Option<f64>, worst: Worst) -> Option<Summary> {
    let (line, points, _) = lines
        .iter()
        .filter_map(|line| {
            let points = finite(&line.points);
            let badness = worst.badness(&points)?;
            Some((line, points, badness))
        })
        .reduce(|best, next| if next.2 > best.2 { next } else { best })?;
    let peak = points.iter().copied().reduce(|best, point| if point.1 > best.1 { point } else { best })?;
    let before = baseline_points(line, baseline);
    let stepped_at = step(&[before.as_slice(), points.as_slice()].concat())
        .filter(|at| points.first().is_some_and(|first| *at >= first.0));
    Some(Summary {
        series: line.name.clone(),
        now: points.last()?.1,
        peak: peak.1,
        peak_at: time(peak.0),
        baseline: median(before.iter().map(|point| point.1)),
        stepped_at: stepped_at.map(time),
        ratio_to_limit: limit.filter(|limit| *limit > 0.0).map(|limit| peak.1 / limit),
        trend_per_second: trend(&points),
    })
}

/// How long until the trend meets `limit`, where it leads there within a month.
pub fn time_to(summary: &Summary, limit: f64) -> Option<TimeDelta> {
    let slope = summary.trend_per_second?;
    let seconds = (limit - summary.now) / slope;
    (seconds.is_finite() && (0.0..=FARTHEST).contains(&seconds)).then(|| TimeDelta::seconds(seconds as i64))
}

/// Steady growth or decline in units a second over the newest run without a fall (or rise) that is worth a name.
///
/// Memory of a container that is killed and restarted is a sawtooth: when its newest tooth is too short, the one
/// before it speaks.
pub fn trend(points: &[(i64, f64)]) -> Option<f64> {
    let points = downsample(&finite(points), MOST_POINTS);
    let rising = newest_run(&points, |value| value).and_then(slope);
    rising.or_else(|| newest_run(&points, |value| -value).and_then(slope))
}

/// When the level changed for good, as milliseconds since 1970.
pub fn step(points: &[(i64, f64)]) -> Option<i64> {
    let points = downsample(&finite(points), MOST_POINTS);
    let values: Vec<f64> = points.iter().map(|point| point.1).collect();
    let best = (LEVEL_POINTS..values.len().saturating_sub(LEVEL_POINTS - 1))
        .filter_map(|at| {
            let (left, right) = values.split_at(at);
            let gap = (median(right.iter().copied())? - median(left.iter().copied())?).abs();
            // What is left of the spread once both levels are taken away, weighed by how balanced the split is.
            let balance = (left.len() * right.len()) as f64 / values.len() as f64;
            Some((at, gap * balance.sqrt()))
        })
        .reduce(|best, next| if next.1 > best.1 { next } else { best })?;
    let (left, right) = values.split_at(best.0);
    let (before, after) = (median(left.iter().copied())?, median(right.iter().copied())?);
    let gap = (after - before).abs();
    let spread = MAD_TO_SIGMA * deviation(left, before).max(deviation(right, after));
    let middle = f64::midpoint(before, after);
    let beyond = right.iter().filter(|value| (**value > middle) == (after > before)).count();
    let stays = beyond * 5 >= right.len() * 4;
    let is_step = gap > 4.0 * spread && gap > 0.1 * before.abs().max(after.abs()) && stays;
    // The medians allow the split to lie a little off the edge: the first value beyond the middle is the step.
    let from = best.0.saturating_sub(LEVEL_POINTS);
    let edge = points.iter().skip(from).find(|point| (point.1 > middle) == (after > before));
    is_step.then(|| edge.map(|point| point.0)).flatten()
}

/// At most `max` points that look the same on a chart: the lowest and the highest of every stretch, first and last.
pub fn downsample(points: &[(i64, f64)], max: usize) -> Vec<(i64, f64)> {
    if points.len() <= max || max < 4 {
        return points.iter().copied().take(max).collect();
    }
    let buckets = (max - 2) / 2;
    let inner = &points[1..points.len() - 1];
    let mut out = Vec::with_capacity(max);
    out.extend(points.first());
    for bucket in 0..buckets {
        let stretch = &inner[bucket * inner.len() / buckets..(bucket + 1) * inner.len() / buckets];
        let low = stretch.iter().enumerate().min_by(|a, b| a.1.1.total_cmp(&b.1.1));
        let high = stretch.iter().enumerate().max_by(|a, b| a.1.1.total_cmp(&b.1.1));
        let (Some(low), Some(high)) = (low, high) else { continue };
        let (first, second) = if low.0 <= high.0 { (low, high) } else { (high, low) };
        out.push(*first.1);
        if first.0 != second.0 {
            out.push(*second.1);
        }
    }
    out.extend(points.last());
    out
}

/// The middle value; `None` without any.
pub fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => values.get(middle).copied(),
        _ => Some(f64::midpoint(*values.get(middle - 1)?, *values.get(middle)?)),
    }
}

fn deviation(values: &[f64], centre: f64) -> f64 {
    median(values.iter().map(|value| (value - centre).abs())).unwrap_or_default()
}

fn finite(points: &[(i64, f64)]) -> Vec<(i64, f64)> {
    points.iter().copied().filter(|point| point.1.is_finite()).collect()
}

fn baseline_points(line: &SeriesLine, baseline: &[SeriesLine]) -> Vec<(i64, f64)> {
    let same = baseline.iter().find(|other| other.name == line.name);
    let mut points: Vec<(i64, f64)> = match same {
        Some(same) => finite(&same.points),
        None => baseline.iter().flat_map(|other| finite(&other.points)).collect(),
    };
    points.sort_by_key(|point| point.0);
    points
}

/// The newest stretch of at least four points (else three) in which `sign(value)` does not fall by [`FALL`] of its gain.
fn newest_run(points: &[(i64, f64)], sign: impl Fn(f64) -> f64) -> Option<&[(i64, f64)]> {
    let mut runs: Vec<&[(i64, f64)]> = Vec::new();
    let (mut start, mut low, mut high) = (0, f64::INFINITY, f64::NEG_INFINITY);
    for (index, point) in points.iter().enumerate() {
        let value = sign(point.1);
        if high - value > FALL * (high - low) && high > low {
            runs.push(&points[start..index]);
            (start, low, high) = (index, value, value);
        }
        (low, high) = (low.min(value), high.max(value));
    }
    runs.push(&points[start..]);
    let newest = || runs.iter().rev().take(8).copied();
    newest().find(|run| run.len() >= 4).or_else(|| newest().find(|run| run.len() >= 3))
}

/// Least squares, where the line fits and the change is worth a word.
fn slope(run: &[(i64, f64)]) -> Option<f64> {
    let count = run.len() as f64;
    let origin = run.first()?.0;
    let seconds = |point: &(i64, f64)| point.0.saturating_sub(origin) as f64 / 1000.0;
    let mean_x = run.iter().map(seconds).sum::<f64>() / count;
    let mean_y = run.iter().map(|point| point.1).sum::<f64>() / count;
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for point in run {
        let (x, y) = (seconds(point) - mean_x, point.1 - mean_y);
        xx += x * x;
        xy += x * y;
        yy += y * y;
    }
    let slope = xy / xx;
    let fit = xy * xy / (xx * yy);
    let change = (slope * seconds(run.last()?)).abs();
    (slope.is_finite() && fit >= FIT && change > 0.05 * mean_y.abs()).then_some(slope)
}

fn time(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(milliseconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(name: &str, values: &[f64]) -> SeriesLine {
        let points = values.iter().enumerate().map(|(index, value)| (index as i64 * 10_000, *value)).collect();
        SeriesLine { name: name.into(), points }
    }

    #[test]
    fn speaks_of_the_line_that_peaks_highest() {
        let lines = [line("a", &[1.0, 2.0, 1.0]), line("b", &[1.0, 9.0, 3.0])];
        let summary = summarise(&lines, &[line("b", &[1.0, 1.0, 3.0])], Some(18.0), Worst::High).unwrap();
        assert_eq!((summary.series.as_str(), summary.now, summary.peak), ("b", 3.0, 9.0));
        assert_eq!((summary.baseline, summary.ratio_to_limit), (Some(1.0), Some(0.5)));
        assert_eq!(summary.peak_at.timestamp(), 10);
    }

    #[test]
    fn where_low_is_bad_it_speaks_of_the_line_that_falls_lowest() {
        let lines = [line("a", &[1.0, 1.0, 1.0]), line("b", &[1.0, 1.0, 0.0])];
        let summary = summarise(&lines, &[], None, Worst::Low).unwrap();
        assert_eq!((summary.series.as_str(), summary.now, summary.peak), ("b", 0.0, 1.0));
    }

    #[test]
    fn single_points_gaps_and_nothing() {
        assert!(summarise(&[], &[], None, Worst::High).is_none());
        assert!(summarise(&[line("a", &[f64::NAN])], &[], None, Worst::High).is_none());
        let one = summarise(&[line("a", &[4.0])], &[], Some(0.0), Worst::High).unwrap();
        assert_eq!((one.now, one.trend_per_second, one.stepped_at, one.ratio_to_limit), (4.0, None, None, None));
    }

    #[test]
    fn a_step_is_found_and_a_spike_is_not() {
        let mut values = vec![2.0, 2.2, 1.9, 2.1, 2.0, 2.1, 9.0, 9.3, 8.8, 9.1, 9.0, 9.2];
        assert_eq!(step(&line("a", &values).points), Some(60_000));
        values.truncate(6);
        values.extend([9.0, 2.0, 2.1, 1.9, 2.0]);
        assert_eq!(step(&line("a", &values).points), None);
        assert_eq!(step(&line("a", &[5.0; 20]).points), None);
    }

    #[test]
    fn steady_growth_of_a_leak_and_of_a_sawtooth() {
        let leak: Vec<f64> = (0..20).map(|i| 100.0 + f64::from(i) * 5.0).collect();
        assert!((trend(&line("a", &leak).points).unwrap() - 0.5).abs() < 1e-9);
        // Three teeth; the newest has one point only.
        let saw: Vec<f64> = (0..16).map(|i| f64::from(i % 5) * 15.0 + 3.0).collect();
        assert!((trend(&line("a", &saw).points).unwrap() - 1.5).abs() < 1e-9);
        let falling: Vec<f64> = (0..10).map(|i| 100.0 - f64::from(i) * 5.0).collect();
        assert!((trend(&line("a", &falling).points).unwrap() + 0.5).abs() < 1e-9);
        assert_eq!(trend(&line("a", &[5.0; 9]).points), None);
        assert_eq!(trend(&line("a", &[5.0, 9.0, 2.0, 7.0, 1.0, 8.0]).points), None);
    }

    #[test]
    fn time_to_the_limit() {
        let leak: Vec<f64> = (0..20).map(|i| 100.0 + f64::from(i) * 5.0).collect();
        let summary = summarise(&[line("a", &leak)], &[], None, Worst::High).unwrap();
        assert_eq!(time_to(&summary, 245.0), Some(TimeDelta::seconds(100)));
        assert_eq!(time_to(&summary, 90.0), None);
    }

    #[test]
    fn downsampling_keeps_peaks_and_ends() {
        let points: Vec<(i64, f64)> = (0..1000).map(|i| (i, if i == 517 { 99.0 } else { (i % 7) as f64 })).collect();
        let out = downsample(&points, 50);
        assert!(out.len() <= 50);
        assert!(out.contains(&(517, 99.0)));
        assert_eq!((out.first(), out.last()), (points.first(), points.last()));
        assert!(out.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    proptest! {
        #[test]
        fn never_panics(values in proptest::collection::vec((any::<i64>(), any::<f64>()), 0..80), max in 0usize..90) {
            let line = SeriesLine { name: "x".into(), points: values.clone() };
            let limit = values.first().map(|p| p.1);
            let _ = summarise(std::slice::from_ref(&line), std::slice::from_ref(&line), limit, Worst::High);
            prop_assert!(downsample(&values, max).len() <= max);
        }
    }
}
