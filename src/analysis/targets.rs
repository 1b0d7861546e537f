//! What the logs could not reach: the places that an investigation follows to the Service behind them.

use chrono::{DateTime, Utc};

use super::patterns::{Level, is_quiet};
use super::text::network::{Failure, failed_connection, place};
use super::text::root_line;
use crate::domain::cluster::ServiceState;
use crate::domain::evidence::{Evidence, EvidenceData, EvidenceId, LogPattern, Novelty};
use crate::domain::subject::ObjectRef;

/// A place that somebody's logs could not reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Name or address, lower case.
    pub host: String,
    /// Port, where the log names one.
    pub port: Option<u16>,
    /// How it failed.
    pub failure: Failure,
    /// Whether it fails now but did not before, or fails much more often.
    pub worse: bool,
    /// Whether it is known how it was before.
    pub known: bool,
    /// First line of the window, where known.
    pub first: Option<DateTime<Utc>>,
    /// Lines.
    pub count: u64,
    /// By which evidence.
    pub evidence: EvidenceId,
    /// Whose logs they are.
    pub caller: ObjectRef,
}

impl Target {
    /// `catalog:80`, `10.0.0.12:5432`.
    pub fn address(&self) -> String {
        match self.port {
            Some(port) if self.host.contains(':') => format!("[{}]:{port}", self.host),
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// Whether `service` is what the caller calls by this address.
    pub fn is(&self, service: &ServiceState) -> bool {
        // What the cluster was asked for it has answered: a pod's address, a name with a pod's in front.
        let asked = self.host.contains(['.', ':']) && service.asked.contains(&self.host);
        if asked || (!service.cluster_ip.is_empty() && self.host == service.cluster_ip) {
            return true;
        }
        match self.cluster_name() {
            Some((namespace, name)) => name == service.name && namespace == service.namespace,
            None => false,
        }
    }

    /// Namespace and name of the Service that the host name means inside the cluster, if it means one.
    ///
    /// `db`, `db.shop`, `db.shop.svc`, `db.shop.svc.cluster.local`, `db-0.db.shop.svc` (a pod of a StatefulSet).
    pub fn cluster_name(&self) -> Option<(&str, &str)> {
        if self.host.parse::<std::net::IpAddr>().is_ok() || self.host == "localhost" {
            return None;
        }
        let labels: Vec<&str> = self.host.split('.').collect();
        match labels.as_slice() {
            [name] => self.caller.namespace.as_deref().map(|namespace| (namespace, *name)),
            [name, namespace] | [name, namespace, "svc", ..] => Some((*namespace, *name)),
            [_, name, namespace, "svc", ..] => Some((*namespace, *name)),
            _ => None,
        }
    }

    /// Whether it is an address that a cluster may have given out, rather than a name or the wide world's.
    pub fn is_private_address(&self) -> bool {
        match self.host.parse::<std::net::IpAddr>() {
            Ok(std::net::IpAddr::V4(address)) => {
                let [first, second, ..] = address.octets();
                address.is_private() || (first == 100 && (64..128).contains(&second))
            }
            // fd00::/8: unique local addresses.
            Ok(std::net::IpAddr::V6(address)) => address.octets()[0] & 0xfe == 0xfc,
            Err(_) => false,
        }
    }

    /// Whether the port is one of the Service's, its own or its pods': `80→8080/TCP`.
    pub fn port_is_of(&self, service: &ServiceState) -> bool {
        let Some(port) = self.port.map(|port| port.to_string()) else { return false };
        service.ports.iter().any(|spec| spec.split(|c: char| !c.is_ascii_digit()).any(|part| part == port))
    }

    /// Whether the name can only be one of this cluster: `db`, `db.shop.svc`; `db.shop` may be a domain as well.
    pub fn is_surely_in_cluster(&self) -> bool {
        self.cluster_name().is_some() && (!self.host.contains('.') || self.host.contains(".svc"))
    }
}

/// What the logs among `evidence` could not reach: what is new first, then what fails most.
pub fn targets(evidence: &[Evidence]) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for piece in evidence {
        match &piece.data {
            EvidenceData::Patterns(patterns) => {
                let known = patterns.is_compared();
                let found = patterns.patterns.iter().filter_map(|pattern| of_pattern(pattern, known, piece));
                found.for_each(|target| add(&mut targets, target));
            }
            EvidenceData::Workload(workload) => {
                let endings = workload
                    .pods
                    .iter()
                    .flat_map(|pod| &pod.containers)
                    .filter_map(|container| container.terminated.as_ref().or(container.last_termination.as_ref()));
                for ending in endings.filter(|ending| ending.exit_code != 0) {
                    let Some((failure, Some(place))) = failed_connection(&ending.message) else { continue };
                    add(
                        &mut targets,
                        Target {
                            host: place.host,
                            port: place.port,
                            failure,
                            worse: true,
                            known: true,
                            first: ending.finished_at,
                            count: 1,
                            evidence: piece.id,
                            caller: piece.about.clone(),
                        },
                    );
                }
            }
            _ => {}
        }
    }
    targets.sort_by(|a, b| b.worse.cmp(&a.worse).then(b.count.cmp(&a.count)).then_with(|| a.host.cmp(&b.host)));
    targets
}

fn of_pattern(pattern: &LogPattern, known: bool, piece: &Evidence) -> Option<Target> {
    let text = if pattern.example.trim().is_empty() { &pattern.template } else { &pattern.example };
    let level = pattern.level.as_deref().and_then(|level| Level::parse(level.as_bytes()));
    if pattern.count == 0 || (is_quiet(level) && !root_line::complains(text)) {
        return None;
    }
    let (failure, found) = failed_connection(text)?;
    let place = found.or_else(|| place(&pattern.template))?;
    Some(Target {
        host: place.host,
        port: place.port,
        failure,
        worse: matches!(pattern.novelty, Novelty::New | Novelty::MoreFrequent),
        known,
        first: pattern.first,
        count: pattern.count,
        evidence: piece.id,
        caller: piece.about.clone(),
    })
}

fn add(targets: &mut Vec<Target>, target: Target) {
    let same = targets
        .iter_mut()
        .find(|known| known.host == target.host && known.port == target.port && known.caller == target.caller);
    match same {
        Some(known) => {
            known.count = known.count.saturating_add(target.count);
            known.worse |= target.worse;
            known.known |= target.known;
            known.first = [known.first, target.first].into_iter().flatten().min();
            known.failure = known.failure.min(target.failure);
        }
        None => targets.push(target),
    }
}
