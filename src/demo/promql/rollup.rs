//! Functions over a window of samples, as VictoriaMetrics computes them: from the sample before the window on, and
//! without extrapolation.

/// The samples of one series, without end marks and, for counters, without resets.
pub(super) struct Samples {
    times: Vec<i64>,
    values: Vec<f64>,
    /// The longest gap over which the sample before a window still belongs to it.
    max_gap: i64,
}

/// The samples of one window and their neighbourhood.
pub(super) struct Window<'a> {
    /// The end of the window, in milliseconds.
    pub end: i64,
    pub times: &'a [i64],
    pub values: &'a [f64],
    /// The sample just before the window, if it is near.
    pub before: Option<(i64, f64)>,
    /// The sample before the window, however far.
    pub long_before: Option<f64>,
    /// The sample after the window.
    pub after: Option<f64>,
}

impl Samples {
    /// Prepares a series for windows.
    pub fn new(times: &[i64], values: &[f64], counter: bool) -> Self {
        let numbers = times.iter().zip(values).filter(|(_, value)| !value.is_nan());
        let (times, mut values): (Vec<i64>, Vec<f64>) = numbers.unzip();
        if counter {
            remove_resets(&mut values);
        }
        let max_gap = max_gap(&times);
        Self { times, values, max_gap }
    }

    /// The window of this length that ends at `end` (inclusive).
    pub fn window(&self, end: i64, length: i64) -> Window<'_> {
        let start = end - length;
        let from = self.times.partition_point(|time| *time <= start);
        let to = self.times.partition_point(|time| *time <= end).max(from);
        let previous = from.checked_sub(1);
        Window {
            end,
            times: &self.times[from..to],
            values: &self.values[from..to],
            before: previous
                .filter(|index| self.times[*index] > start - self.max_gap)
                .map(|index| (self.times[index], self.values[index])),
            long_before: previous.map(|index| self.values[index]),
            after: self.values.get(to).copied(),
        }
    }
}

/// A counter that falls was restarted: adds what was lost. A small fall is a correction, not a restart.
fn remove_resets(values: &mut [f64]) {
    let mut correction = 0.0;
    let mut previous = values.first().copied().unwrap_or_default();
    for value in values {
        let fall = previous - *value;
        if fall > 0.0 {
            correction += if fall * 8.0 < previous { fall } else { previous };
        }
        previous = *value;
        *value += correction;
    }
}

/// From the usual distance of the last samples, with more tolerance for short distances.
fn max_gap(times: &[i64]) -> i64 {
    let recent = &times[times.len().saturating_sub(21)..];
    let mut distances: Vec<i64> = recent.windows(2).map(|pair| pair[1] - pair[0]).collect();
    if distances.is_empty() {
        return 5 * 60 * 1000;
    }
    distances.sort_unstable();
    let usual = distances[(distances.len() - 1) * 6 / 10].max(1);
    match usual {
        ..=2_000 => usual * 5,
        2_001..=4_000 => usual * 3,
        4_001..=8_000 => usual * 2,
        8_001..=16_000 => usual + usual / 2,
        16_001..=32_000 => usual + usual / 4,
        32_001..=64_000 => usual + usual / 8,
        _ => usual + usual / 16,
    }
}

/// Per-second growth between the first and the last sample.
pub(super) fn rate(window: &Window<'_>) -> f64 {
    let (Some(last), Some(last_time)) = (window.values.last(), window.times.last()) else {
        return window.before.map_or(f64::NAN, |_| 0.0);
    };
    let (time, value) = match window.before {
        Some(before) => before,
        None if window.values.len() < 2 => return f64::NAN,
        None => (window.times[0], window.values[0]),
    };
    (last - value) / ((last_time - time) as f64 / 1000.0)
}

/// Growth over the window; a series that appears with a plausible first value is taken to have started at zero.
pub(super) fn delta(window: &Window<'_>) -> f64 {
    let Some(last) = window.values.last() else {
        return window.before.map_or(f64::NAN, |_| 0.0);
    };
    if let Some((_, before)) = window.before {
        return last - before;
    }
    if let Some(before) = window.long_before {
        return last - before;
    }
    let first = window.values[0];
    let next = window.values.get(1).copied().or(window.after);
    let step = next.map_or(0.0, |next| next - first);
    if first.abs() < 10.0 * (step.abs() + 1.0) { *last } else { last - first }
}

/// Per-second growth between the last two samples.
pub(super) fn irate(window: &Window<'_>) -> f64 {
    last_two(window).map_or(f64::NAN, |(older, newer)| (newer.1 - older.1) / ((newer.0 - older.0) as f64 / 1000.0))
}

/// Difference of the last two samples.
pub(super) fn idelta(window: &Window<'_>) -> f64 {
    last_two(window).map_or(f64::NAN, |(older, newer)| newer.1 - older.1)
}

fn last_two(window: &Window<'_>) -> Option<((i64, f64), (i64, f64))> {
    let mut samples = window.times.iter().copied().zip(window.values.iter().copied()).rev();
    let newer = samples.next()?;
    Some((samples.next().or(window.before)?, newer))
}

/// The slope of the line through the samples, per second.
pub(super) fn deriv(window: &Window<'_>) -> f64 {
    regression(window).map_or(f64::NAN, |(slope, _)| slope)
}

/// Where that line will be in `ahead` seconds.
pub(super) fn predict(window: &Window<'_>, ahead: f64) -> f64 {
    regression(window).map_or(f64::NAN, |(slope, at_end)| at_end + slope * ahead)
}

fn regression(window: &Window<'_>) -> Option<(f64, f64)> {
    let count = window.values.len();
    if count < 2 {
        return None;
    }
    let xs = window.times.iter().map(|time| (time - window.end) as f64 / 1000.0);
    let mean_x = xs.clone().sum::<f64>() / count as f64;
    let mean_y = window.values.iter().sum::<f64>() / count as f64;
    let (mut covariance, mut variance) = (0.0, 0.0);
    for (x, y) in xs.zip(window.values) {
        covariance += (x - mean_x) * (y - mean_y);
        variance += (x - mean_x) * (x - mean_x);
    }
    let slope = if variance == 0.0 { 0.0 } else { covariance / variance };
    Some((slope, mean_y - slope * mean_x))
}

/// How often the value changed; the appearance of a series counts.
pub(super) fn changes(window: &Window<'_>) -> f64 {
    count_pairs(window, |previous, value| previous != value, 1.0)
}

/// How often the value fell.
pub(super) fn resets(window: &Window<'_>) -> f64 {
    count_pairs(window, |previous, value| value < previous, 0.0)
}

fn count_pairs(window: &Window<'_>, counts: impl Fn(f64, f64) -> bool, appeared: f64) -> f64 {
    let mut values = window.values.iter().copied();
    let (mut previous, mut count) = match window.before.map(|(_, value)| value).or(window.long_before) {
        Some(value) => (value, 0.0),
        None => match values.next() {
            Some(value) => (value, appeared),
            None => return f64::NAN,
        },
    };
    for value in values {
        if counts(previous, value) {
            count += 1.0;
        }
        previous = value;
    }
    count
}

/// The functions that only look at the values of the window: `{name}_over_time`.
pub(super) fn over_time(name: &str) -> Option<fn(&[f64]) -> f64> {
    Some(match name {
        "avg_over_time" => |values| values.iter().sum::<f64>() / values.len() as f64,
        "sum_over_time" => |values| values.iter().sum(),
        "count_over_time" => |values| values.len() as f64,
        "min_over_time" => |values| values.iter().copied().fold(f64::INFINITY, f64::min),
        "max_over_time" => |values| values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "last_over_time" => |values| values.last().copied().unwrap_or(f64::NAN),
        "first_over_time" => |values| values.first().copied().unwrap_or(f64::NAN),
        "present_over_time" => |_| 1.0,
        "stddev_over_time" => |values| variance(values).sqrt(),
        "stdvar_over_time" => variance,
        "mad_over_time" => |values| {
            let middle = quantile(0.5, values);
            quantile(0.5, &values.iter().map(|value| (value - middle).abs()).collect::<Vec<_>>())
        },
        _ => return None,
    })
}

/// The variance of a population.
pub(super) fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64
}

/// The quantile, interpolated between neighbours.
pub(super) fn quantile(phi: f64, values: &[f64]) -> f64 {
    if values.is_empty() || phi.is_nan() {
        return f64::NAN;
    }
    if phi < 0.0 {
        return f64::NEG_INFINITY;
    }
    if phi > 1.0 {
        return f64::INFINITY;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = phi * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
    low + (high - low) * rank.fract()
}
