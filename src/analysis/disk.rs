//! Disks and volumes that are full or will soon be.

use super::claim::Claim;
use super::format::{clock, duration, percent, value};
use super::metric_role::{MetricRole, counts_free_inodes, is_inverted, is_share, metric_role};
use super::phrases;
use super::scene::{Scene, Seen};
use super::shape;
use super::text::complaint::{Trouble, complaint};
use super::text::root_line::root_line;
use crate::domain::finding::FindingKind::DiskFull;
use crate::domain::series::SeriesData;
use crate::domain::unit::Unit;

/// Used beyond this share, a disk is as good as full: file systems keep a reserve.
const FULL: f64 = 0.97;
/// Used beyond this share, people want to know.
const NEAR: f64 = 0.85;
/// A forecast further away is not this incident.
const SOON_HOURS: i64 = 24 * 4;

/// What the subject's charts and logs say.
pub(super) fn find(scene: &Scene) -> Vec<Claim> {
    let mut claims: Vec<Claim> = scene.series().filter_map(|seen| filling(scene, seen)).collect();
    claims.extend(logged(scene));
    claims
}

fn filling(scene: &Scene, seen: Seen<SeriesData>) -> Option<Claim> {
    let role = metric_role(seen.query);
    let free = match role {
        MetricRole::DiskFree => true,
        MetricRole::DiskUsed => false,
        MetricRole::Inodes => counts_free_inodes(seen.query),
        _ => return None,
    };
    // `1 - free / size` counts what is used.
    let free = free != is_inverted(seen.query);
    let inodes = role == MetricRole::Inodes || seen.query.contains("inodes");
    // Of several volumes the fullest counts: for free space that is not the one that peaks.
    let lines = seen.data.lines.iter().filter_map(|line| Some((line, line.points.last()?.1)));
    let (line, now) = lines.reduce(|best, next| if (next.1 < best.1) == free { next } else { best })?;
    let capacity = match seen.data.unit {
        Unit::Percent => Some(100.0),
        Unit::Ratio => Some(1.0),
        _ if is_share(seen.query) => Some(1.0),
        _ => seen.data.bound(),
    }
    .filter(|capacity| *capacity > 0.0);
    let had_some = || {
        let before = seen.data.summary.as_ref().and_then(|summary| summary.baseline);
        line.points.iter().map(|point| point.1).chain(before).any(|value| value > 0.0)
    };
    let used = match (capacity, free) {
        (Some(capacity), true) => Some(1.0 - now / capacity),
        (Some(capacity), false) => Some(now / capacity),
        // Nothing left is full, whatever the size; but some file systems know no inodes, and always say none.
        (None, true) if now <= 0.0 && (!inodes || had_some()) => Some(1.0),
        (None, _) => None,
    };
    let trend = shape::trend(&line.points);
    let target = if free { Some(0.0) } else { capacity };
    let left = trend.zip(target).and_then(|(trend, target)| {
        let seconds = (target - now) / trend;
        (seconds.is_finite() && seconds >= 0.0 && seconds < SOON_HOURS as f64 * 3600.0)
            .then(|| chrono::TimeDelta::seconds(seconds as i64))
    });
    let (phrase, confidence) = match used {
        Some(used) if used >= FULL && inodes => (phrases::INODES_FULL, 0.92),
        Some(used) if used >= FULL => (phrases::DISK_FULL, 0.92),
        Some(used) if used >= NEAR && inodes => (phrases::INODES_FULL, 0.7),
        Some(used) if used >= NEAR => (phrases::DISK_FILLING, 0.7),
        _ if left.is_some_and(|left| left.num_hours() < 24) => (phrases::DISK_FILLING, 0.6),
        _ => return None,
    };
    Some(
        Claim::new(DiskFull, phrase, confidence, scene.subject.object(), seen.id)
            .fact("volume", &line.name)
            .maybe("used", used.map(|used| percent(used.clamp(0.0, 1.0))))
            .maybe(
                "free",
                (free && capacity != Some(1.0) && capacity != Some(100.0)).then(|| value(now, &seen.data.unit)),
            )
            .maybe("left", left.map(duration)),
    )
}

fn logged(scene: &Scene) -> Option<Claim> {
    let record = scene.records().into_iter().find(|record| {
        record.complains && complaint(record.text).is_some_and(|found| found.trouble == Trouble::NoSpace)
    })?;
    let confidence = if record.worse { 0.88 } else { 0.5 };
    Some(
        Claim::new(DiskFull, phrases::DISK_FULL_LOGS, confidence, scene.subject.object(), record.id)
            .began(record.first)
            .maybe("line", root_line(record.text))
            .fact("count", record.count.to_string())
            .maybe("name", complaint(record.text).and_then(|found| found.name))
            .maybe("since", record.first.map(|at| clock(at, scene.onset))),
    )
}
