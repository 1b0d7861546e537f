//! What charts tell of load: CPU held back, memory near its limit, more requests, slower answers, growing queues.

use super::claim::Claim;
use super::format::{bytes, clock, count, duration, percent, value};
use super::metric_role::{MetricRole, is_inverted, metric_role};
use super::phrases;
use super::scene::{Scene, Seen};
use super::shape;
use crate::domain::evidence::EvidenceId;
use crate::domain::finding::FindingKind::{
    CertificateInvalid, CpuThrottled, MemoryHigh, QuotaExceeded, SlowResponses, TrafficSurge,
};
use crate::domain::finding::{FindingKind, Role};
use crate::domain::series::{SeriesData, Summary};
use crate::domain::unit::Unit;

/// Throttled periods beyond this share are felt as latency.
const THROTTLED: f64 = 0.25;
/// Memory this near its limit is one allocation away from a kill.
const NEAR: f64 = 0.9;
/// Growth that fills the memory later than this is not urgent.
const LATEST_HOURS: i64 = 24;
/// So many times the usual is a surge.
const SURGE: f64 = 2.0;

/// What the subject's charts say.
pub(super) fn find(scene: &Scene) -> Vec<Claim> {
    let charts = scene.series().filter_map(|seen| Some((seen, seen.data.summary.as_ref()?)));
    charts
        .filter_map(|(seen, summary)| match metric_role(seen.query) {
            MetricRole::Throttling => throttled(scene, seen, summary),
            MetricRole::Memory => memory(scene, seen, summary),
            MetricRole::NodeMemory => node_memory(scene, seen, summary),
            MetricRole::Cpu => cpu(scene, seen, summary),
            MetricRole::Requests => rose(scene, seen, summary, SURGE, TrafficSurge, phrases::TRAFFIC_SURGE, 0.65),
            MetricRole::Latency => rose(scene, seen, summary, SURGE, SlowResponses, phrases::SLOW_RESPONSES, 0.7),
            MetricRole::Queue => rose(scene, seen, summary, SURGE, SlowResponses, phrases::QUEUE_GROWING, 0.6),
            MetricRole::Certificate => certificate(scene, seen, summary),
            MetricRole::Connections => connections(scene, seen, summary),
            MetricRole::Up => target_down(scene, seen, summary),
            _ => None,
        })
        .collect()
}

fn claim(
    scene: &Scene,
    seen: Seen<SeriesData>,
    summary: &Summary,
    kind: FindingKind,
    phrase: &'static str,
    confidence: f64,
) -> Claim {
    Claim::new(kind, phrase, confidence, scene.subject.object(), seen.id)
        .began(summary.stepped_at)
        .fact("series", &summary.series)
        .fact("now", value(summary.now, &seen.data.unit))
        .fact("peak", value(summary.peak, &seen.data.unit))
        .maybe("usual", summary.baseline.map(|usual| value(usual, &seen.data.unit)))
        .maybe("since", summary.stepped_at.map(|at| clock(at, scene.onset)))
}

/// The value as a share of one, where it is one.
fn share(value: f64, unit: &Unit) -> Option<f64> {
    match unit {
        Unit::Percent => Some(value / 100.0),
        Unit::Ratio => Some(value),
        _ => None,
    }
}

/// How much of what there is was used at most: a share says it itself.
fn used(data: &SeriesData, summary: &Summary) -> Option<f64> {
    share(summary.peak, &data.unit).or(summary.ratio_to_limit)
}

fn throttled(scene: &Scene, seen: Seen<SeriesData>, summary: &Summary) -> Option<Claim> {
    let peak = share(summary.peak, &seen.data.unit)?;
    let usual = summary.baseline.and_then(|usual| share(usual, &seen.data.unit)).unwrap_or(0.0);
    if peak < THROTTLED {
        return None;
    }
    // What was throttled yesterday as much as today explains nothing of today, unless it is what the alert is about or
    // the limit was changed: alerts on throttling wait so long that the quiet range holds it, too.
    let told = scene.alerts().flat_map(|seen| seen.data).any(|alert| alert.name.to_lowercase().contains("throttl"));
    let changed = cpu_limit_change(scene);
    let sure = 0.55 + 0.35 * peak.min(1.0);
    let confidence = match usual > 0.7 * peak {
        false => sure,
        true if told || changed.is_some() => sure - 0.1,
        true => 0.4,
    };
    let container = scene.container_of(&summary.series);
    let limit = scene.workloads().find_map(|seen| {
        let spec = seen.data.containers.iter().find(|spec| Some(spec.name.as_str()) == container)?;
        Some((seen.id, spec.cpu_limit?))
    });
    let mut claim =
        claim(scene, seen, summary, CpuThrottled, phrases::CPU_THROTTLED, confidence).maybe("container", container);
    if let Some((id, change)) = changed {
        claim = claim.cite([id]).fact("limit_change", change);
    }
    Some(match limit {
        Some((id, limit)) => claim.cite([id]).fact("limit", format!("{limit}m")),
        None => claim,
    })
}

/// The newest rollout, where it changed the CPU limit and is part of the story.
fn cpu_limit_change(scene: &Scene) -> Option<(EvidenceId, String)> {
    scene.rollouts().into_iter().take(2).filter(|(_, rollout)| scene.weight(rollout.at) > 0.5).find_map(
        |(id, rollout)| {
            let lower = |change: &str| change.to_ascii_lowercase();
            let change = rollout.changes.iter().find(|change| lower(change).contains("cpu limit"))?;
            Some((id, change.clone()))
        },
    )
}

fn cpu(scene: &Scene, seen: Seen<SeriesData>, summary: &Summary) -> Option<Claim> {
    let ratio = used(seen.data, summary).filter(|ratio| *ratio >= NEAR)?;
    let rose = summary.baseline.is_none_or(|usual| summary.peak > 1.5 * usual);
    let confidence = if rose { 0.6 } else { 0.35 };
    Some(claim(scene, seen, summary, CpuThrottled, phrases::CPU_HIGH, confidence).fact("share", percent(ratio)))
}

fn memory(scene: &Scene, seen: Seen<SeriesData>, summary: &Summary) -> Option<Claim> {
    let is_bytes = seen.data.unit == Unit::Bytes;
    let limit = seen.data.bound().filter(|limit| is_bytes && *limit > 0.0);
    let ratio = used(seen.data, summary);
    let fills = limit.and_then(|limit| shape::time_to(summary, limit)).filter(|left| left.num_hours() < LATEST_HOURS);
    let near = ratio.is_some_and(|ratio| ratio >= NEAR);
    let (phrase, confidence) = match (near, fills) {
        (true, _) => (phrases::MEMORY_NEAR_LIMIT, 0.7),
        (false, Some(_)) => (phrases::MEMORY_GROWS, 0.6),
        (false, None) => return None,
    };
    let usual_share = summary.baseline.and_then(|usual| share(usual, &seen.data.unit).or(Some(usual / limit?)));
    // Always near its limit, as caches and databases are.
    let confidence = if usual_share.is_some_and(|usual| usual >= NEAR) { 0.35 } else { confidence };
    let rate = summary.trend_per_second.filter(|rate| *rate > 0.0 && is_bytes);
    Some(
        claim(scene, seen, summary, MemoryHigh, phrase, confidence)
            .maybe("share", ratio.map(percent))
            .maybe("container", scene.container_of(&summary.series))
            .maybe("limit", limit.map(bytes))
            .maybe("rate", rate.map(|rate| format!("{}/s", bytes(rate))))
            .maybe("left", fills.map(duration)),
    )
}

fn node_memory(scene: &Scene, seen: Seen<SeriesData>, summary: &Summary) -> Option<Claim> {
    // Only a share of the node's memory can be judged; which way it counts, the query says.
    let now = share(summary.now, &seen.data.unit)?;
    let free = seen.query.contains("MemAvailable") && !is_inverted(seen.query);
    let used = if free { 1.0 - now } else { now };
    (used >= NEAR).then(|| {
        claim(scene, seen, summary, FindingKind::NodePressure, phrases::MEMORY_NEAR_LIMIT, 0.65)
            .fact("share", percent(used))
    })
}

/// Something that is many times its usual.
fn rose(
    scene: &Scene,
    seen: Seen<SeriesData>,
    summary: &Summary,
    times: f64,
    kind: FindingKind,
    phrase: &'static str,
    confidence: f64,
) -> Option<Claim> {
    let usual = summary.baseline.filter(|usual| *usual > 0.0)?;
    let high = summary.now.max(summary.peak);
    let lasting = summary.stepped_at.is_some() || summary.now > times * usual;
    (high > times * usual).then(|| {
        let confidence = if lasting { confidence } else { confidence - 0.25 };
        let role = if kind == TrafficSurge { Role::Contributing } else { Role::Symptom };
        claim(scene, seen, summary, kind, phrase, confidence).role(role).fact("times", count(high / usual))
    })
}

/// Seconds until a certificate ends, or the time at which it does.
fn certificate(scene: &Scene, seen: Seen<SeriesData>, summary: &Summary) -> Option<Claim> {
    let lowest = seen.data.lines.iter().filter_map(|line| line.points.last()).map(|point| point.1).reduce(f64::min)?;
    let left = if lowest > 1e9 { lowest - scene.onset.timestamp() as f64 } else { lowest };
    let confidence = match left {
        left if left <= 0.0 => 0.9,
        left if left < 3.0 * 86_400.0 => 0.6,
        left if left < 21.0 * 86_400.0 => 0.4,
        _ => return None,
    };
    Some(
        Claim::new(CertificateInvalid, phrases::CERTIFICATE_EXPIRY, confidence, scene.subject.object(), seen.id)
            .fact("series", &summary.series)
            .maybe("expired", (left <= 0.0).then_some("yes"))
            .fact("left", value(left.abs(), &Unit::Seconds)),
    )
}

fn connections(scene: &Scene, seen: Seen<SeriesData>, summary: &Summary) -> Option<Claim> {
    let ratio = used(seen.data, summary).filter(|ratio| *ratio >= 0.95)?;
    Some(claim(scene, seen, summary, QuotaExceeded, phrases::TOO_MANY_CONNECTIONS, 0.6).fact("share", percent(ratio)))
}

fn target_down(scene: &Scene, seen: Seen<SeriesData>, summary: &Summary) -> Option<Claim> {
    let down = summary.now == 0.0 && summary.baseline.is_none_or(|usual| usual > 0.5);
    down.then(|| {
        claim(scene, seen, summary, FindingKind::ReplicasMissing, phrases::TARGET_DOWN, 0.5).role(Role::Symptom)
    })
}
