//! Whose address is it? A log line says `connection refused 10.0.0.58:80` or `lookup catalog.shop.svc`; people want to
//! know which Service that is.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::api::Query;
use super::services::MAX_SERVICES;
use super::{Cluster, ClusterError};
use crate::domain::cluster::ServiceState;
use crate::domain::subject::ObjectRef;

/// Services of one pod that are compared by port.
const MAX_CANDIDATES: usize = 5;
/// Pods with one address; more than one only for pods in the host's network.
const MAX_PODS: usize = 50;

impl Cluster {
    /// The Service that `host` (a name or an address, without port) means when a pod of `namespace` says it.
    pub async fn service_by_address(
        &self,
        host: &str,
        port: Option<u16>,
        namespace: Option<&str>,
    ) -> Result<Option<ServiceState>, ClusterError> {
        let host = host.trim().trim_matches(['[', ']']).trim_end_matches('.');
        if let Ok(address) = host.parse::<IpAddr>() {
            return self.service_by_ip(address, port).await;
        }
        for (name, namespace) in candidates(host, namespace) {
            if let Some(service) = self.service(&namespace, &name).await? {
                return Ok(Some(service));
            }
        }
        Ok(None)
    }

    async fn service_by_ip(&self, address: IpAddr, port: Option<u16>) -> Result<Option<ServiceState>, ClusterError> {
        if address.is_loopback() || address.is_unspecified() {
            return Ok(None);
        }
        let ip = address.to_string();
        let has_ip = |service: &Service| {
            let spec = service.spec.as_ref();
            spec.and_then(|spec| spec.cluster_ip.as_deref()) == Some(&*ip)
                || spec.and_then(|spec| spec.cluster_ips.as_ref()).is_some_and(|ips| ips.contains(&ip))
        };
        let everywhere = Query { most: MAX_SERVICES, ..Query::default() };
        let selected = everywhere.clone().fields(format!("spec.clusterIP={ip}"));
        let mut found = self.api.list::<Service, _>(selected, |service| has_ip(&service).then_some(service)).await;
        // An old API server cannot select Services by address and says 400.
        if matches!(&found, Err(ClusterError::Other { .. })) {
            found = self.api.list::<Service, _>(everywhere, |service| has_ip(&service).then_some(service)).await;
        }
        if let Some(service) = found?.items.into_iter().next() {
            return Ok(Some(self.service_state(service, None).await?));
        }
        self.service_of_pod_ip(&ip, port).await
    }

    /// The workload of the pod that has this address; `None` for addresses of nodes and of nobody.
    pub async fn owner_of_address(&self, address: IpAddr) -> Result<Option<ObjectRef>, ClusterError> {
        let pod = self.pod_with_ip(&address.to_string()).await?;
        match pod.and_then(|pod| pod.namespace.zip(pod.name)) {
            Some((namespace, pod)) => self.owner_of_pod(&namespace, &pod).await,
            None => Ok(None),
        }
    }

    /// The pod that has this address now: those that are over keep it in their status while another has it.
    async fn pod_with_ip(&self, ip: &str) -> Result<Option<ObjectMeta>, ClusterError> {
        let query = Query { most: MAX_PODS, ..Query::default() }.fields(format!("status.podIP={ip}"));
        let pods = self.api.list::<Pod, _>(query, |pod| {
            let on_host = pod.spec.as_ref().and_then(|spec| spec.host_network).unwrap_or(false);
            let status = pod.status.as_ref();
            let over = matches!(status.and_then(|status| status.phase.as_deref()), Some("Failed" | "Succeeded"));
            let its_ip = status.and_then(|status| status.pod_ip.as_deref()) == Some(ip);
            (its_ip && !on_host && !over).then_some(pod.metadata)
        });
        Ok(pods.await?.items.into_iter().next())
    }

    async fn service_of_pod_ip(&self, ip: &str, port: Option<u16>) -> Result<Option<ServiceState>, ClusterError> {
        let pod = self.pod_with_ip(ip).await?;
        let Some((Some(namespace), labels)) = pod.map(|pod| (pod.namespace, pod.labels.unwrap_or_default())) else {
            return Ok(None);
        };
        let services = self.services_for(&namespace, &labels).await?;
        let mut states = Vec::new();
        for service in services.into_iter().take(MAX_CANDIDATES) {
            states.push(self.service_state(service, None).await?);
        }
        let by_port = states.iter().position(|state| port.is_some_and(|port| targets(state, port)));
        Ok((!states.is_empty()).then(|| states.swap_remove(by_port.unwrap_or(0))))
    }
}

/// Whether one of the Service's ports leads to `port` of its pods.
fn targets(service: &ServiceState, port: u16) -> bool {
    service.ports.iter().any(|text| text.contains(&format!("→{port}/")))
}

/// The (name, namespace) pairs that a DNS name may mean, likeliest first: `web`, `web.shop`, `web.shop.svc`,
/// `web.shop.svc.cluster.local`, and `db-0.db.shop.svc` for a pod of a StatefulSet.
fn candidates(host: &str, namespace: Option<&str>) -> Vec<(String, String)> {
    let host = host.to_ascii_lowercase();
    let labels: Vec<&str> = host.split('.').collect();
    let is_label = |label: &&str| {
        !label.is_empty() && label.len() <= 63 && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if !labels.iter().all(is_label) {
        return Vec::new();
    }
    let pair = |name: &str, namespace: &str| (name.to_owned(), namespace.to_owned());
    let within_cluster = labels.iter().position(|label| *label == "svc").filter(|index| *index >= 2);
    match (labels.as_slice(), within_cluster) {
        (labels, Some(svc)) => vec![pair(labels[svc - 2], labels[svc - 1])],
        ([name], None) => namespace.map(|namespace| pair(name, namespace)).into_iter().collect(),
        ([name, second], None) => {
            let pod = namespace.map(|namespace| pair(second, namespace));
            std::iter::once(pair(name, second)).chain(pod).collect()
        }
        ([_, name, namespace], None) => vec![pair(name, namespace)],
        // `api.eu.example.com` is somebody else's.
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_names_and_what_they_may_mean() {
        for (host, expected) in [
            ("catalog", &["catalog/shop"][..]),
            ("catalog.shop", &["catalog/shop", "shop/shop"]),
            ("catalog.store.svc", &["catalog/store"]),
            ("Catalog.store.svc.cluster.local", &["catalog/store"]),
            ("db-0.db.store.svc.cluster.local", &["db/store"]),
            ("db-0.db", &["db-0/db", "db/shop"]),
            ("api.eu.example.com", &[]),
            ("../secrets", &[]),
        ] {
            let found: Vec<_> =
                candidates(host, Some("shop")).into_iter().map(|(name, space)| format!("{name}/{space}")).collect();
            assert_eq!(found, expected, "{host}");
        }
    }
}
