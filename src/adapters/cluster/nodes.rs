//! Nodes, and the pods on them that are not well.

use k8s_openapi::api::core::v1::Node;

use super::api::Query;
use super::{Cluster, ClusterError, Partial, conditions, pods};
use crate::domain::cluster::NodeState;

/// Nodes looked at for one with a given address: 5,000 is as large as clusters get; 15 KB each, a page at a time.
const MAX_NODES: usize = 5_000;
/// Resources worth a line; the others are huge pages and attachable volumes.
const SHOWN: [&str; 4] = ["cpu", "memory", "ephemeral-storage", "pods"];

impl Cluster {
    /// A node by its name, host name or address.
    pub async fn node(&self, name: &str) -> Result<Partial<NodeState>, ClusterError> {
        let missing = || ClusterError::NotFound { what: format!("Node {name}") };
        let node = match self.api.get::<Node>(None, name).await? {
            Some(node) => node,
            None => {
                let name = self.node_named(name).await?.ok_or_else(missing)?;
                self.api.get::<Node>(None, &name).await?.ok_or_else(missing)?
            }
        };
        let mut answer = Partial { value: state(&node), missing: Vec::new() };
        let query =
            Query { most: pods::MAX_READ, ..Query::default() }.fields(format!("spec.nodeName={}", answer.value.name));
        let on_it = answer.take(self.pods(query, &[]).await);
        answer.value.pods_total = on_it.total;
        answer.value.unhealthy_pods = on_it.kept.into_iter().filter(|pod| !pods::is_healthy(pod)).collect();
        Ok(answer)
    }

    /// The name of the node with this name, host name or address.
    pub(super) async fn node_named(&self, host: &str) -> Result<Option<String>, ClusterError> {
        let host = host.to_ascii_lowercase();
        if is_name(&host) && self.api.get_meta::<Node>(None, &host).await?.is_some() {
            return Ok(Some(host));
        }
        let query = Query { most: MAX_NODES, ..Query::default() };
        let nodes = self.api.list::<Node, _>(query.clone(), |node| {
            let name = node.metadata.name.clone()?;
            // `node-1` for `node-1.eu.internal`, either way round.
            let short = |name: &str| name.split('.').next().map(str::to_owned);
            let same = is_name(&host) && host.parse::<std::net::IpAddr>().is_err() && short(&name) == short(&host);
            (has_address(&node, &host) || same).then_some((!has_address(&node, &host), name))
        });
        Ok(nodes.await?.items.into_iter().min().map(|(_, name)| name))
    }
}

fn is_name(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

fn has_address(node: &Node, host: &str) -> bool {
    let status = node.status.as_ref();
    let addresses = status.and_then(|status| status.addresses.as_ref()).into_iter().flatten();
    let mut own = addresses.map(|address| address.address.as_str());
    let label = node.metadata.labels.as_ref().and_then(|labels| labels.get("kubernetes.io/hostname"));
    own.any(|address| address.eq_ignore_ascii_case(host)) || label.is_some_and(|label| label == host)
}

fn state(node: &Node) -> NodeState {
    let spec = node.spec.clone().unwrap_or_default();
    let status = node.status.clone().unwrap_or_default();
    let all = status.conditions.as_deref().unwrap_or_default();
    let taints = spec.taints.iter().flatten().map(|taint| match &taint.value {
        Some(value) => format!("{}={value}:{}", taint.key, taint.effect),
        None => format!("{}:{}", taint.key, taint.effect),
    });
    let allocatable = status.allocatable.iter().flatten();
    NodeState {
        name: node.metadata.name.clone().unwrap_or_default(),
        ready: all.iter().any(|c| c.type_ == "Ready" && c.status == "True"),
        conditions: conditions::of_node(all),
        taints: taints.collect(),
        unschedulable: spec.unschedulable.unwrap_or(false),
        allocatable: allocatable
            // Extended resources such as GPUs have a domain in their name.
            .filter(|(name, _)| SHOWN.contains(&name.as_str()) || name.contains('/'))
            .map(|(name, quantity)| format!("{name} {}", quantity.0))
            .collect(),
        version: status.node_info.map(|info| info.kubelet_version).unwrap_or_default(),
        ..NodeState::default()
    }
}
