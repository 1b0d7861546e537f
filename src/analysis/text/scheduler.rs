//! The scheduler's message, taken apart: `0/5 nodes are available: 3 Insufficient cpu, 2 node(s) had untolerated …`.

use super::words::{after, find, has_any, leading_number};

/// Why a node, or every node, was ruled out; ordered by how telling it is, most telling first.
///
/// Taints, selectors and the zones of volumes say which nodes were never meant for the pod; what stands beside them is the shortage.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obstacle {
    /// A volume claim is missing or unbound.
    Volume,
    /// Not enough of a resource: `cpu`, `memory`, `nvidia.com/gpu`, `pods`.
    Insufficient(String),
    /// A host port is taken.
    Ports,
    /// Affinity or anti-affinity between pods.
    PodAffinity,
    /// Topology spread constraints.
    Spread,
    /// Nodes that are not ready, unreachable or under pressure: the taint or the condition.
    Unhealthy(String),
    /// Cordoned nodes.
    Cordoned,
    /// The volume lies where these nodes are not, as zonal disks do: the nodes beside it are what is short.
    VolumeElsewhere,
    /// Node selector or node affinity.
    Selector,
    /// A taint that the pod does not tolerate.
    Taint(String),
    /// Device claims.
    Claims,
    /// There is no node at all.
    NoNodes,
    /// Something else, in the scheduler's words.
    Other(String),
}

/// A scheduler's message, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Nodes looked at.
    pub nodes: Option<u64>,
    /// What ruled them out and how many, the most telling first.
    pub obstacles: Vec<(u64, Obstacle)>,
}

impl Obstacle {
    /// As a fact: the phrase chooses its words by it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Volume | Self::VolumeElsewhere => "volume",
            Self::Insufficient(resource) if resource == "pods" => "max_pods",
            Self::Insufficient(_) => "resource",
            Self::Ports => "ports",
            Self::PodAffinity => "pod_affinity",
            Self::Spread => "spread",
            Self::Unhealthy(_) => "unhealthy",
            Self::Cordoned => "cordoned",
            Self::Selector => "selector",
            Self::Taint(_) => "taint",
            Self::Claims => "claims",
            Self::NoNodes => "no_nodes",
            Self::Other(_) => "other",
        }
    }

    /// The resource, taint or words, where it carries any.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Insufficient(text) | Self::Taint(text) | Self::Unhealthy(text) | Self::Other(text) => Some(text),
            _ => None,
        }
    }
}

/// Takes a message apart. A message that is not the scheduler's gives no obstacles.
pub fn verdict(message: &str) -> Verdict {
    let nodes = find(message, "nodes are available").and_then(|at| {
        let total = message[..at].trim_end().rsplit('/').next()?;
        leading_number(total.trim())
    });
    let lower = message.to_ascii_lowercase();
    if lower.contains("no nodes available to schedule pods") || nodes == Some(0) {
        return Verdict { nodes: Some(0), obstacles: vec![(0, Obstacle::NoNodes)] };
    }
    let body = match after(message, "nodes are available:") {
        Some(body) => find(body, "preemption:").map_or(body, |end| &body[..end]),
        None => message,
    };
    let mut obstacles: Vec<(u64, Obstacle)> = Vec::new();
    for part in parts(body) {
        let part = part.trim().trim_end_matches('.');
        let count = leading_number(part).unwrap_or(0);
        let reason = part.trim_start_matches(|c: char| c.is_ascii_digit()).trim();
        if let Some(obstacle) = obstacle(reason, nodes.is_some()) {
            match obstacles.iter_mut().find(|(_, known)| *known == obstacle) {
                Some((known, _)) => *known += count,
                None => obstacles.push((count, obstacle)),
            }
        }
    }
    obstacles.sort_by(|a, b| a.1.cmp(&b.1));
    Verdict { nodes, obstacles }
}

fn obstacle(reason: &str, sure: bool) -> Option<Obstacle> {
    let lower = reason.to_ascii_lowercase();
    Some(if let Some(resource) = after(reason, "insufficient ") {
        Obstacle::Insufficient(resource_name(resource))
    } else if lower.contains("too many pods") {
        Obstacle::Insufficient("pods".into())
    } else if has_any(&lower, &["volume node affinity conflict", "no available volume zone"]) {
        Obstacle::VolumeElsewhere
    } else if has_any(&lower, &["persistentvolume", "pvc", "volume", "storageclass", "storage class"]) {
        Obstacle::Volume
    } else if lower.contains("taint") {
        let taint = reason.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(taint, _)| taint);
        let taint = taint.trim().trim_end_matches(':').trim().to_owned();
        let broken = ["not-ready", "unreachable", "-pressure", "network-unavailable", "out-of-service"];
        match taint {
            taint if taint.contains("node.kubernetes.io/unschedulable") => Obstacle::Cordoned,
            taint if has_any(&taint, &broken) && taint.contains("kubernetes.io/") => Obstacle::Unhealthy(taint),
            taint => Obstacle::Taint(taint),
        }
    } else if has_any(&lower, &["were unschedulable", "was unschedulable"]) {
        Obstacle::Cordoned
    } else if has_any(&lower, &["were not ready", "were unreachable", "pressure", "network unavailable"]) {
        Obstacle::Unhealthy(reason.trim_start_matches("node(s) ").to_owned())
    } else if has_any(&lower, &["free ports", "host port"]) {
        Obstacle::Ports
    } else if lower.contains("topology spread") {
        Obstacle::Spread
    } else if has_any(
        &lower,
        &["pod affinity", "pod anti-affinity", "pods anti-affinity", "inter-pod", "match pod affinity"],
    ) {
        Obstacle::PodAffinity
    } else if has_any(&lower, &["affinity", "selector"]) {
        Obstacle::Selector
    } else if has_any(&lower, &["allocate all claims", "resourceclaim"]) {
        Obstacle::Claims
    } else if !sure
        || reason.is_empty()
        || has_any(&lower, &["no new claims to deallocate", "no preemption victims", "pod didn't tolerate"])
    {
        return None;
    } else {
        Obstacle::Other(crate::domain::text::line(reason, 120))
    })
}

/// `nvidia.com/gpu` of `nvidia.com/gpu. no new claims to deallocate`.
fn resource_name(text: &str) -> String {
    let end = text.find([' ', ',', ';']).unwrap_or(text.len());
    text[..end].trim_end_matches('.').to_owned()
}

/// At commas and at the ends of sentences, but not within `{…}`.
fn parts(body: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_u32, 0);
    let bytes = body.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b',' | b'.' if depth == 0 && bytes.get(at + 1).is_none_or(|next| *next == b' ') => {
                parts.push(&body[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&body[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(message: &str) -> String {
        let obstacles = verdict(message).obstacles;
        let words = obstacles.iter().map(|(count, obstacle)| {
            format!("{count} {} {}", obstacle.as_str(), obstacle.detail().unwrap_or_default()).trim_end().to_owned()
        });
        words.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn messages_of_schedulers() {
        for (message, expected) in [
            (
                "0/1 nodes are available: 1 Insufficient nvidia.com/gpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
                "1 resource nvidia.com/gpu",
            ),
            (
                "0/5 nodes are available: 3 Insufficient cpu, 2 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }. preemption: 0/5 nodes are available: 2 Preemption is not helpful for scheduling, 3 No preemption victims found for incoming pod.",
                "3 resource cpu; 2 taint node-role.kubernetes.io/control-plane",
            ),
            (
                "0/3 nodes are available: 1 node(s) had taint {a: b}, that the pod didn't tolerate, 2 node(s) didn't match Pod's node affinity/selector.",
                "2 selector; 1 taint a: b",
            ),
            (
                "0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.",
                "0 volume",
            ),
            ("persistentvolumeclaim \"data-pg-0\" not found", "0 volume"),
            ("0/2 nodes are available: 2 node(s) had volume node affinity conflict.", "2 volume"),
            (
                "0/6 nodes are available: 2 Insufficient cpu, 4 node(s) had volume node affinity conflict.",
                "2 resource cpu; 4 volume",
            ),
            ("0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod ports.", "2 ports"),
            ("0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.", "3 pod_affinity"),
            ("0/3 nodes are available: 3 node(s) didn't match pod topology spread constraints.", "3 spread"),
            ("0/3 nodes are available: 1 Too many pods, 2 node(s) were unschedulable.", "1 max_pods pods; 2 cordoned"),
            (
                "0/2 nodes are available: 2 node(s) had untolerated taint {node.kubernetes.io/unreachable: }.",
                "2 unhealthy node.kubernetes.io/unreachable",
            ),
            ("no nodes available to schedule pods", "0 no_nodes"),
            ("skip schedule deleting pod: a/b", ""),
            ("", ""),
        ] {
            assert_eq!(words(message), expected, "{message}");
        }
        assert_eq!(verdict("0/5 nodes are available: 5 Insufficient cpu.").nodes, Some(5));
    }
}
