//! Quantiles of classic histograms, from their cumulative buckets.

use std::collections::BTreeMap;

use super::Column;
use super::labels::without_name;
use crate::demo::world::Labels;

/// The quantile of each histogram: buckets that differ only in `le` belong together.
pub(super) fn histogram_quantile(phi: &[f64], columns: Vec<Column>) -> Vec<Column> {
    let mut histograms: BTreeMap<Labels, Vec<(f64, Vec<f64>)>> = BTreeMap::new();
    for column in columns {
        let mut labels = without_name(&column.labels);
        let Some(bound) = labels.remove("le").and_then(|le| le.parse::<f64>().ok()) else { continue };
        histograms.entry(labels).or_default().push((bound, column.values));
    }
    let quantiles = histograms.into_iter().map(|(labels, mut buckets)| {
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let at = |(step, phi): (usize, &f64)| {
            let present =
                buckets.iter().map(|(bound, counts)| (*bound, counts[step])).filter(|(_, count)| !count.is_nan());
            bucket_quantile(*phi, &present.collect::<Vec<_>>())
        };
        Column { labels, values: phi.iter().enumerate().map(at).collect() }
    });
    quantiles.filter(Column::is_present).collect()
}

/// Interpolates within the bucket that holds the rank; in the last, open bucket its lower bound is the best guess.
fn bucket_quantile(phi: f64, buckets: &[(f64, f64)]) -> f64 {
    let Some((_, total)) = buckets.last().filter(|(_, total)| *total > 0.0) else { return f64::NAN };
    if phi.is_nan() {
        return f64::NAN;
    }
    if phi < 0.0 {
        return f64::NEG_INFINITY;
    }
    if phi > 1.0 {
        return f64::INFINITY;
    }
    let rank = phi * total;
    let (mut lower, mut below) = (0.0, 0.0);
    for (bound, count) in buckets {
        if *count >= rank && *count > below {
            if bound.is_infinite() {
                return lower;
            }
            return lower + (bound - lower) * ((rank - below) / (count - below)).clamp(0.0, 1.0);
        }
        (lower, below) = (*bound, count.max(below));
    }
    lower
}
