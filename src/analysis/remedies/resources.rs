//! A limit holds a container back: raise it, to a value with a reason, where there is room for it.

use super::{Case, Remedy, remedy, rollback};
use crate::analysis::format::bytes;
use crate::analysis::phrases;
use crate::domain::action::{Action, Resource, ResourceField, Workload};
use crate::domain::cluster::{ContainerSpec, WorkloadState};
use crate::domain::finding::{Finding, FindingKind};
use crate::domain::quantity::{self, Quantity};

pub(super) const MEMORY: &str = "why.memory_peak";
pub(super) const MEMORY_HIGH: &str = "why.memory_high";
pub(super) const CPU: &str = "why.cpu_limit";

/// What is added to the highest use: a process that was killed at its limit wanted more than was measured.
const HEADROOM: f64 = 1.5;
/// Share of a node that one container may be given; the rest is for what runs there anyway.
const NODE_SHARE: f64 = 0.8;
/// Less than this much more is not worth a rollout.
const WORTH: f64 = 1.1;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

pub(super) fn find(case: &Case<'_>) -> Vec<Remedy> {
    let mut found = Vec::new();
    found.extend(memory(case));
    found.extend(cpu(case));
    found
}

fn memory(case: &Case<'_>) -> Option<Remedy> {
    let (workload, seen) = case.rollout()?;
    let killed = case.all(&[FindingKind::OomKilled]).find(|finding| finding.phrase == phrases::OOM_AT_LIMIT);
    let near = || {
        let phrases = [phrases::MEMORY_NEAR_LIMIT, phrases::MEMORY_GROWS];
        case.all(&[FindingKind::MemoryHigh]).find(|finding| phrases.contains(&finding.phrase.as_str()))
    };
    let finding = killed.or_else(near)?;
    // Memory that climbs ever since a rollout climbs through a higher limit too: going back is the remedy.
    let climbs = finding.facts.contains_key("rate");
    let after_rollout = rollback::blamed(case).is_some();
    if after_rollout && (climbs || finding.facts.contains_key("limit_change")) {
        return None;
    }
    let container = container(case, finding, seen.data)?;
    let limit = u64::try_from(container.memory_limit?).ok().filter(|limit| *limit > 0)?;
    let peak = case.scene.memory_of(&container.name).map(|memory| memory.summary.peak).filter(|peak| peak.is_finite());
    let peak = peak.map_or(limit, |peak| (peak as u64).max(limit));
    let wanted = rounded_memory((peak as f64 * HEADROOM) as u64);
    let node = largest_node(case, "memory").map(|size| rounded_down((size * NODE_SHARE) as u64));
    let value = node.map_or(wanted, |most| wanted.min(most));
    if (value as f64) < limit as f64 * WORTH || !quota_allows(case, value - limit, seen.data.desired) {
        return None;
    }
    let confidence = match (killed.is_some(), climbs) {
        (true, false) => 0.75,
        // It may be a leak, for which a higher limit buys time.
        (true, true) => 0.6,
        (false, _) => 0.45,
    };
    let confidence = confidence * finding.confidence * if after_rollout { 0.7 } else { 1.0 };
    let reason = if killed.is_some() { MEMORY } else { MEMORY_HIGH };
    let action = set(workload, container, Resource::Memory, Quantity::of_bytes(value))?;
    let remedy = remedy(action, reason, confidence, &finding.evidence)?
        .fact("container", &container.name)
        .fact("limit", bytes(limit as f64))
        .fact("peak", bytes(peak as f64))
        .fact("new", bytes(value as f64))
        .maybe("rate", finding.facts.get("rate"))
        .maybe("node", (value < wanted).then(|| bytes(node.unwrap_or_default() as f64)))
        .maybe("managed_by", seen.data.managed_by.as_deref());
    Some(remedy)
}

fn cpu(case: &Case<'_>) -> Option<Remedy> {
    let (workload, seen) = case.rollout()?;
    let finding = case.all(&[FindingKind::CpuThrottled]).find(|finding| finding.phrase == phrases::CPU_THROTTLED)?;
    if rollback::blamed(case).is_some() && finding.facts.contains_key("limit_change") {
        return None;
    }
    let container = container(case, finding, seen.data)?;
    let limit = u64::try_from(container.cpu_limit?).ok().filter(|limit| *limit > 0)?;
    // Throttling hides how much it would use: doubled, it shows.
    let wanted = (limit * 2).div_ceil(50) * 50;
    let node = largest_node(case, "cpu").map(|cores| (cores * 1000.0 * NODE_SHARE) as u64);
    let value = node.map_or(wanted, |most| wanted.min(most));
    if (value as f64) < limit as f64 * WORTH {
        return None;
    }
    let quantity = Quantity::of_millicores(value);
    let action = set(workload, container, Resource::Cpu, quantity.clone())?;
    let remedy = remedy(action, CPU, 0.75 * finding.confidence, &finding.evidence)?
        .fact("container", &container.name)
        .fact("limit", Quantity::of_millicores(limit).to_string())
        .fact("new", quantity.to_string())
        .maybe("managed_by", seen.data.managed_by.as_deref());
    Some(remedy)
}

fn set(workload: Workload, container: &ContainerSpec, resource: Resource, quantity: Quantity) -> Option<Action> {
    let container = container.name.parse().ok()?;
    Some(Action::SetResources { workload, container, resource, field: ResourceField::Limit, quantity: Some(quantity) })
}

/// The container that the finding names, else the only one there is.
fn container<'a>(case: &Case<'_>, finding: &Finding, workload: &'a WorkloadState) -> Option<&'a ContainerSpec> {
    let named = finding.facts.get("container").map(String::as_str).or(case.scene.subject.container.as_deref());
    let mut regular = workload.containers.iter().filter(|container| !container.init);
    match named {
        Some(name) => workload.containers.iter().find(|container| container.name == name),
        None => regular.next().filter(|_| regular.next().is_none()),
    }
}

/// The most that any node looked at has to give: bytes or cores.
fn largest_node(case: &Case<'_>, resource: &str) -> Option<f64> {
    let sizes = case.scene.nodes().flat_map(|seen| seen.data.allocatable.iter()).filter_map(|given| {
        let (name, size) = given.split_once(' ')?;
        (name == resource).then(|| quantity::number(size)).flatten()
    });
    sizes.reduce(f64::max)
}

/// Whether the namespace's quota has room for so much more memory in each of the pods. A rollout needs it for one pod
/// more than is wanted, for a while.
fn quota_allows(case: &Case<'_>, more: u64, pods: i32) -> bool {
    let needed = more as f64 * (f64::from(pods.max(1)) + 1.0);
    let quotas = case.scene.namespaces().flat_map(|seen| seen.data.quotas.iter());
    quotas.filter(|quota| quota.resource == "limits.memory").all(|quota| {
        match (quantity::number(&quota.hard), quantity::number(&quota.used)) {
            (Some(hard), Some(used)) => hard - used >= needed,
            _ => true,
        }
    })
}

/// Up to a number that a person would have written.
fn rounded_memory(bytes: u64) -> u64 {
    let step = step(bytes);
    bytes.div_ceil(step) * step
}

fn rounded_down(bytes: u64) -> u64 {
    let step = step(bytes);
    bytes / step * step
}

fn step(bytes: u64) -> u64 {
    match bytes {
        0..0x1000_0000 => 16 * MIB,
        0x1000_0000..0x4000_0000 => 64 * MIB,
        0x4000_0000..0x2_0000_0000 => 256 * MIB,
        _ => GIB,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounded_as_a_person_would() {
        for (bytes, expected) in [
            (72 * MIB, "80Mi"),
            (96 * MIB, "96Mi"),
            (300 * MIB, "320Mi"),
            (1500 * MIB, "1536Mi"),
            (9 * GIB + 1, "10Gi"),
        ] {
            assert_eq!(Quantity::of_bytes(rounded_memory(bytes)).to_string(), expected);
        }
        assert_eq!(Quantity::of_bytes(rounded_down(300 * MIB)).to_string(), "256Mi");
    }
}
