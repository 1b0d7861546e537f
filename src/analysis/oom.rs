//! Killed for memory: at the container's own limit, on a node without memory left, or by its own runtime's heap.

use chrono::{DateTime, TimeDelta, Utc};

use super::claim::Claim;
use super::format::{bytes, clock, duration, percent};
use super::metric_role::{MetricRole, metric_role};
use super::phrases;
use super::scene::{ContainerMemory, Scene, Unit};
use super::shape;
use super::text::complaint::{Trouble, complaint};
use super::text::root_line::root_line;
use crate::domain::evidence::EvidenceId;
use crate::domain::finding::FindingKind::OomKilled;

/// A limit that memory would need more than a day to reach is not reached by a leak that matters now.
const SLOWEST_FILL: f64 = 86_400.0;

/// What the subject's containers and charts say.
pub(super) fn find(scene: &Scene) -> Vec<Claim> {
    let mut claims = killed(scene);
    if claims.is_empty() {
        claims.extend(likely(scene));
        claims.extend(by_event(scene));
        claims.extend(by_metrics(scene));
    }
    claims.extend(heap(scene));
    claims
}

/// Whether the container's last end was the out-of-memory killer's.
pub(super) fn was_killed(unit: &Unit) -> bool {
    // A limit that not even the start fits into is told by the runtime: `container init was OOM-killed`.
    let told = |text: &str| text.contains("OOM-killed") || text.contains("OOM killed");
    unit.ending().is_some_and(|ending| ending.reason == "OOMKilled" || told(&ending.message))
        || unit.state.waiting.as_ref().is_some_and(|waiting| told(&waiting.message))
}

fn killed(scene: &Scene) -> Vec<Claim> {
    let mut kills: Vec<Unit> = scene.containers().into_iter().filter(was_killed).collect();
    let mut claims = Vec::new();
    while let Some(first) = kills.first().copied() {
        let (same, others): (Vec<_>, Vec<_>) = kills.into_iter().partition(|unit| unit.state.name == first.state.name);
        claims.extend(claim(scene, &same));
        kills = others;
    }
    claims
}

/// Killed by SIGKILL with its memory at the limit and no probe to blame: the killer's name was lost, its work was not.
fn likely(scene: &Scene) -> Option<Claim> {
    let killed: Vec<Unit> = scene
        .containers()
        .into_iter()
        .filter(|unit| {
            unit.ending().is_some_and(|ending| ending.exit_code == 137 && scene.weight(ending.finished_at) > 0.5)
        })
        .collect();
    let probed = scene.events().iter().any(|(_, event)| event.reason == "Killing" && event.message.contains("probe"));
    let full = killed.first().is_some_and(|unit| {
        let limit = unit.spec.and_then(|spec| spec.memory_limit).map(|limit| limit as f64);
        let memory = scene.memory_of(&unit.state.name);
        memory.is_some_and(|memory| {
            limit.or(memory.bound).is_some_and(|limit| limit > 0.0 && memory.summary.peak >= 0.9 * limit)
        })
    });
    let claim = (full && !probed).then(|| claim(scene, &killed)).flatten()?;
    Some(Claim { confidence: claim.confidence.min(0.75), ..claim })
}

/// One claim for all kills of one container.
fn claim(scene: &Scene, kills: &[Unit]) -> Option<Claim> {
    let unit = kills.first()?;
    let waits = kills.iter().any(|unit| unit.waits() == "CrashLoopBackOff");
    let newest = kills.iter().filter_map(|unit| unit.ending()?.finished_at).max();
    let weight = if waits { 1.0 } else { scene.weight(newest) };
    if weight == 0.0 {
        return None;
    }
    let limit = unit.spec.and_then(|spec| spec.memory_limit).filter(|limit| *limit > 0);
    let phrase = if limit.is_some() { phrases::OOM_AT_LIMIT } else { phrases::OOM_ON_NODE };
    let lived = kills.iter().filter_map(|unit| {
        let ending = unit.ending()?;
        Some((ending.finished_at? - ending.started_at?).num_seconds() as f64)
    });
    let lived =
        shape::median(lived).filter(|seconds| *seconds >= 0.0).map(|seconds| TimeDelta::seconds(seconds as i64));
    let restarts: i32 = kills.iter().map(|unit| unit.state.restarts).sum();
    let began = kills.iter().filter_map(|unit| scene.failing_since(unit)).min();
    let mut claim = Claim::new(OomKilled, phrase, 0.97 * weight, scene.subject.object(), unit.id)
        .cite(kills.iter().map(|unit| unit.id))
        .began(began)
        .fact("container", &unit.state.name)
        .fact("pods", kills.len().to_string())
        .fact("restarts", restarts.to_string())
        .maybe("limit", limit.map(|limit| bytes(limit as f64)))
        .maybe("lived", lived.map(duration))
        .maybe("last", newest.map(|at| clock(at, scene.onset)))
        .maybe("node", limit.is_none().then_some(unit.pod.node.as_deref()).flatten());
    if let Some(memory) = scene.memory_of(&unit.state.name) {
        claim = with_shape(claim, &memory, limit);
    }
    if let Some((id, change)) = limit_change(scene, began) {
        claim = claim.cite([id]).fact("limit_change", change);
    }
    Some(claim)
}

/// Peak and growth, where a chart of the container's memory was drawn.
fn with_shape(claim: Claim, memory: &ContainerMemory, limit: Option<i64>) -> Claim {
    let summary = &memory.summary;
    let limit = limit.map(|limit| limit as f64).or(memory.bound);
    let rate = summary.trend_per_second.filter(|rate| *rate > 0.0);
    let rate = rate.filter(|rate| limit.is_none_or(|limit| limit / rate < SLOWEST_FILL));
    claim
        .cite([memory.id])
        .fact("peak", bytes(summary.peak))
        .maybe("peak_share", limit.filter(|limit| *limit > 0.0).map(|limit| percent(summary.peak / limit)))
        .maybe("rate", rate.map(|rate| format!("{}/s", bytes(rate))))
}

/// The rollout line that changed the memory limit shortly before.
fn limit_change(scene: &Scene, began: Option<DateTime<Utc>>) -> Option<(EvidenceId, String)> {
    let latest = began.unwrap_or(scene.onset).max(scene.onset);
    scene.rollouts().into_iter().take(2).find_map(|(id, rollout)| {
        let near = rollout.at.is_some_and(|at| at <= latest && scene.weight(Some(at)) > 0.5);
        let change = rollout.changes.iter().find(|change| {
            let lower = change.to_ascii_lowercase();
            lower.contains("memory") && lower.contains("limit")
        })?;
        near.then(|| (id, change.clone()))
    })
}

/// The kernel's word for it in the node's events, when the pods do not tell (they are gone).
fn by_event(scene: &Scene) -> Option<Claim> {
    scene.events().into_iter().find_map(|(id, event)| {
        let told = matches!(event.reason.as_str(), "OOMKilling" | "OOMKilled" | "SystemOOM" | "OOM")
            || event.message.contains("OOMKilled");
        told.then(|| {
            Claim::new(OomKilled, phrases::OOM_BY_EVENT, 0.75, scene.subject.object(), id)
                .began(event.first)
                .fact("message", &event.message)
                .maybe("last", event.last.map(|at| clock(at, scene.onset)))
        })
    })
}

/// Counters of kills, and the reason of the last termination, by kube-state-metrics.
fn by_metrics(scene: &Scene) -> Option<Claim> {
    scene.series().find_map(|seen| {
        let summary = seen.data.summary.as_ref()?;
        let told = match metric_role(seen.query) {
            MetricRole::OomKills => true,
            MetricRole::ContainerReason => seen.query.contains("OOMKilled") || summary.series.contains("OOMKilled"),
            _ => false,
        };
        // A raw counter may hold kills of last week; what counts is that it rose.
        let rose = summary.peak > summary.baseline.unwrap_or(0.0);
        let sure = summary.baseline.is_some() || !seen.query.contains("_total") || seen.query.contains("increase");
        (told && rose && summary.peak > 0.0).then(|| {
            let confidence = if sure { 0.8 } else { 0.5 };
            Claim::new(OomKilled, phrases::OOM_BY_METRICS, confidence, scene.subject.object(), seen.id)
                .began(summary.stepped_at)
                .fact("series", &summary.series)
        })
    })
}

/// The runtime's own word: the kernel had no hand in it.
fn heap(scene: &Scene) -> Option<Claim> {
    let crashes = scene.containers().iter().any(|unit| unit.ending().is_some_and(|ending| ending.exit_code != 0));
    let record = scene.records().into_iter().find(|record| {
        (record.worse || (crashes && record.complains))
            && complaint(record.text).is_some_and(|found| found.trouble == Trouble::HeapExhausted)
    })?;
    let confidence = if crashes || record.last_word { 0.88 } else { 0.7 };
    Some(
        Claim::new(OomKilled, phrases::HEAP_EXHAUSTED, confidence, scene.subject.object(), record.id)
            .began(record.first)
            .maybe("line", root_line(record.text))
            .fact("count", record.count.to_string()),
    )
}
