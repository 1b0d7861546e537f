//! Turns raw samples into strokes that can be drawn.

/// A sample farther from the last one than this many usual steps is not joined to it.
const GAP_STEPS: i64 = 3;

/// A stretch of samples that belong together, in order of time.
pub(super) type Stretch = Vec<(i64, f64)>;

/// The finite samples inside the window, in order, broken where samples are missing or not finite.
pub(super) fn stretches(points: &[(i64, f64)], from: i64, to: i64) -> Vec<Stretch> {
    let mut inside: Vec<(i64, f64)> = points.iter().copied().filter(|(at, _)| (from..=to).contains(at)).collect();
    inside.sort_by_key(|(at, _)| *at);
    let gap = usual_step(&inside).map_or(i64::MAX, |step| step.saturating_mul(GAP_STEPS));
    let mut result: Vec<Stretch> = Vec::new();
    let mut current: Stretch = Vec::new();
    for (at, value) in inside {
        let far = current.last().is_some_and(|(last, _)| at.saturating_sub(*last) > gap);
        if (far || !value.is_finite()) && !current.is_empty() {
            result.push(std::mem::take(&mut current));
        }
        if value.is_finite() {
            current.push((at, value));
        }
    }
    if !current.is_empty() {
        result.push(current);
    }
    result
}

/// The median distance between neighbours.
fn usual_step(points: &[(i64, f64)]) -> Option<i64> {
    let mut steps: Vec<i64> =
        points.windows(2).map(|pair| pair[1].0.saturating_sub(pair[0].0)).filter(|step| *step > 0).collect();
    let middle = steps.len() / 2;
    (!steps.is_empty()).then(|| *steps.select_nth_unstable(middle).1)
}

/// The outline of a line so dense that its strokes touch: the highest and the lowest point of each column of pixels,
/// each joined to its neighbours. Drawing this as one shape looks the same and takes a fraction of the time.
pub(super) fn envelope(points: &[(f32, f32)], width: f32) -> Vec<(f32, f32)> {
    let half = width / 2.0;
    let (mut upper, mut lower) = (Vec::new(), Vec::new());
    let mut before: Option<f32> = None;
    for column in points.chunk_by(|a, b| (a.0 / width).floor() == (b.0 / width).floor()) {
        let (x, last) = column.last().copied().unwrap_or_default();
        let range = column.iter().map(|(_, y)| *y).chain(before);
        let (top, bottom) =
            range.fold((f32::INFINITY, f32::NEG_INFINITY), |(top, bottom), y| (top.min(y), bottom.max(y)));
        upper.push((x, top - half));
        lower.push((x, bottom + half));
        before = Some(last);
    }
    upper.extend(lower.into_iter().rev());
    upper
}

/// The newest finite value in the window.
pub(super) fn last_value(stretches: &[Stretch]) -> Option<f64> {
    stretches.last().and_then(|stretch| stretch.last()).map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_breaks_at_missing_samples_and_at_what_is_no_number() {
        let points =
            [(0, 1.0), (10, 1.0), (20, f64::NAN), (30, 1.0), (40, 2.0), (100, 3.0), (70, f64::INFINITY), (90, 1.0)];
        let lengths: Vec<usize> = stretches(&points, 0, 1000).iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 2, 2]);
    }
}
