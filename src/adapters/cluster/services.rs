//! Services: what they select, whether they have endpoints, and which workload stands behind them.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::future::join_all;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec, Service, ServicePort};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::api::Query;
use super::selector::{self, Labels, takes};
use super::shape::Shape;
use super::{Cluster, ClusterError};
use crate::domain::cluster::ServiceState;
use crate::domain::subject::{ObjectRef, SubjectKind};

/// Services looked at in a namespace; each is about 2 KB.
pub(super) const MAX_SERVICES: usize = 2_000;
/// Services kept of one workload.
const MAX_KEPT: usize = 10;
/// Services without endpoints that are looked into further; a namespace with more is simply down.
const MAX_EMPTY: usize = 20;
/// EndpointSlices looked at in a namespace; each holds up to 100 endpoints in about 30 KB.
const MAX_SLICES: usize = 2_000;
/// Workloads looked at for one whose template a selector matches.
const MAX_WORKLOADS: usize = 1_000;
/// Services whose backends are looked up at once.
const AT_ONCE: usize = 4;

/// Which label an EndpointSlice names its Service by.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The addresses of a Service.
#[derive(Debug, Clone, Default)]
struct Endpoints {
    ready: BTreeSet<String>,
    not_ready: BTreeSet<String>,
    /// A pod among them, ready or not.
    pod: Option<String>,
}

impl Cluster {
    /// One Service with its endpoints and the workload behind it.
    pub async fn service(&self, namespace: &str, name: &str) -> Result<Option<ServiceState>, ClusterError> {
        let Some(service) = self.api.get::<Service>(Some(namespace), name).await? else { return Ok(None) };
        Ok(Some(self.service_state(service, None).await?))
    }

    /// The workload behind the Service of this name, whose endpoints need not be readable; `None` without such a Service.
    pub(super) async fn behind_service(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Option<ObjectRef>>, ClusterError> {
        let Some(service) = self.api.get::<Service>(Some(namespace), name).await? else { return Ok(None) };
        let endpoints = self.endpoints(namespace, name).await.unwrap_or_default();
        Ok(Some(self.backend(&service, &endpoints).await?))
    }

    /// Services of `namespace` that should have endpoints and have none that is ready.
    pub async fn services_without_endpoints(&self, namespace: &str) -> Result<Vec<ServiceState>, ClusterError> {
        let query = Query::of(namespace, MAX_SERVICES);
        let slices = Query::of(namespace, MAX_SLICES);
        let (services, slices) = futures::join!(
            self.api.list::<Service, _>(query.clone(), |service| has_selector(&service).then_some(service)),
            self.api.list::<EndpointSlice, _>(slices, Some),
        );
        let mut by_service: BTreeMap<String, Vec<EndpointSlice>> = BTreeMap::new();
        let slices = slices?;
        for slice in slices.items {
            let name = slice.metadata.labels.as_ref().and_then(|labels| labels.get(SERVICE_NAME)).cloned();
            by_service.entry(name.unwrap_or_default()).or_default().push(slice);
        }
        let empty = services?.items.into_iter().filter_map(|service| {
            let known = by_service.get(service.metadata.name.as_ref()?);
            // Where not all were read, those of this one may be among the rest.
            if known.is_none() && slices.cut {
                return None;
            }
            let endpoints = endpoints(known.map_or(&[][..], Vec::as_slice));
            endpoints.ready.is_empty().then_some((service, endpoints))
        });
        let states = futures::stream::iter(empty.take(MAX_EMPTY))
            .map(|(service, endpoints)| async move {
                let backend = self.backend(&service, &endpoints).await.unwrap_or_default();
                state(&service, &endpoints, backend)
            })
            .buffered(AT_ONCE);
        Ok(states.collect().await)
    }

    /// The Services that select the pods of `object`.
    pub(super) async fn services_of(
        &self,
        object: &ObjectRef,
        shape: &Shape,
    ) -> Result<Vec<ServiceState>, ClusterError> {
        let labels = shape.template.metadata.as_ref().and_then(|meta| meta.labels.as_ref());
        let serves = !matches!(object.kind, SubjectKind::Job | SubjectKind::CronJob);
        let (Some(namespace), Some(labels)) = (object.namespace.as_deref(), labels.filter(|_| serves)) else {
            return Ok(Vec::new());
        };
        let ours = self.services_for(namespace, labels).await?.into_iter().take(MAX_KEPT);
        join_all(ours.map(|service| self.service_state(service, Some(object)))).await.into_iter().collect()
    }

    /// The Services whose selector takes pods with these labels.
    pub(super) async fn services_for(&self, namespace: &str, labels: &Labels) -> Result<Vec<Service>, ClusterError> {
        let services = self.api.list::<Service, _>(Query::of(namespace, MAX_SERVICES), |service| {
            let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
            takes(selector, Some(labels)).then_some(service)
        });
        Ok(services.await?.items)
    }

    /// Its state with endpoints; `backend` where it is known.
    pub(super) async fn service_state(
        &self,
        service: Service,
        backend: Option<&ObjectRef>,
    ) -> Result<ServiceState, ClusterError> {
        let namespace = service.metadata.namespace.as_deref().unwrap_or_default();
        // Endpoints that cannot be read are an error: as "none" they would be taken for an outage.
        let endpoints = self.endpoints(namespace, service.metadata.name.as_deref().unwrap_or_default()).await?;
        let backend = match backend {
            Some(backend) => Some(backend.clone()),
            None => self.backend(&service, &endpoints).await.unwrap_or_default(),
        };
        Ok(state(&service, &endpoints, backend))
    }

    async fn endpoints(&self, namespace: &str, service: &str) -> Result<Endpoints, ClusterError> {
        let query = Query::of(namespace, MAX_SLICES).labels(format!("{SERVICE_NAME}={service}"));
        Ok(endpoints(&self.api.list::<EndpointSlice, _>(query, Some).await?.items))
    }

    /// The workload behind a Service: the owner of a pod among its endpoints, else of a pod that it selects, else the
    /// workload whose template it selects (scaled to nothing, or its pods cannot be created).
    async fn backend(&self, service: &Service, endpoints: &Endpoints) -> Result<Option<ObjectRef>, ClusterError> {
        let Some(namespace) = service.metadata.namespace.as_deref() else { return Ok(None) };
        if let Some(pod) = &endpoints.pod
            && let Some(owner) = self.owner_of_pod(namespace, pod).await?
        {
            return Ok(Some(owner));
        }
        let Some(selector) = service.spec.as_ref().and_then(|spec| spec.selector.as_ref()) else { return Ok(None) };
        let Some(labels) = selector::equality(selector) else { return Ok(None) };
        if let Some(owner) = self.owner_of_labelled(namespace, &labels).await? {
            return Ok(Some(owner));
        }
        self.workload_selected_by(namespace, selector).await
    }

    /// The owner of some pod with these labels.
    pub(super) async fn owner_of_labelled(
        &self,
        namespace: &str,
        labels: &str,
    ) -> Result<Option<ObjectRef>, ClusterError> {
        let query = Query::of(namespace, 1).labels(labels);
        let pods = self.api.list_meta::<Pod, _>(query.clone(), |pod| Some(pod.metadata)).await?;
        match pods.items.first() {
            Some(meta) => Ok(Some(self.owner_of(namespace, SubjectKind::Pod, meta).await?)),
            None => Ok(None),
        }
    }

    async fn workload_selected_by(
        &self,
        namespace: &str,
        selector: &Labels,
    ) -> Result<Option<ObjectRef>, ClusterError> {
        let query = Query::of(namespace, MAX_WORKLOADS);
        let fits = |template: &PodTemplateSpec| {
            takes(Some(selector), template.metadata.as_ref().and_then(|meta| meta.labels.as_ref()))
        };
        let (deployments, stateful_sets, daemon_sets) = futures::join!(
            self.api
                .list::<Deployment, _>(query.clone(), |d| fits(&d.spec?.template).then_some(d.metadata.name).flatten()),
            self.api.list::<StatefulSet, _>(query.clone(), |s| fits(&s.spec?.template)
                .then_some(s.metadata.name)
                .flatten()),
            self.api
                .list::<DaemonSet, _>(query.clone(), |d| fits(&d.spec?.template).then_some(d.metadata.name).flatten()),
        );
        for (kind, names) in [
            (SubjectKind::Deployment, deployments?),
            (SubjectKind::StatefulSet, stateful_sets?),
            (SubjectKind::DaemonSet, daemon_sets?),
        ] {
            if let Some(name) = names.items.into_iter().next() {
                return Ok(Some(ObjectRef { kind, namespace: Some(namespace.to_owned()), name }));
            }
        }
        Ok(None)
    }
}

fn has_selector(service: &Service) -> bool {
    let spec = service.spec.as_ref();
    let external = spec.and_then(|spec| spec.type_.as_deref()) == Some("ExternalName");
    !external && spec.and_then(|spec| spec.selector.as_ref()).is_some_and(|selector| !selector.is_empty())
}

fn endpoints(slices: &[EndpointSlice]) -> Endpoints {
    let mut all = Endpoints::default();
    for endpoint in slices.iter().flat_map(|slice| slice.endpoints.iter()) {
        // No condition means ready, by the API's definition.
        let ready = endpoint.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true);
        let target = endpoint.target_ref.as_ref().filter(|target| target.kind.as_deref() == Some("Pod"));
        let pod = target.and_then(|target| target.name.clone());
        // One pod has an address in the IPv4 and one in the IPv6 slice: it is still one.
        let identity = pod.clone().or_else(|| endpoint.addresses.first().cloned()).unwrap_or_default();
        if ready {
            all.ready.insert(identity)
        } else {
            all.not_ready.insert(identity)
        };
        all.pod = all.pod.or(pod);
    }
    all
}

fn state(service: &Service, endpoints: &Endpoints, backend: Option<ObjectRef>) -> ServiceState {
    let spec = service.spec.clone().unwrap_or_default();
    ServiceState {
        namespace: service.metadata.namespace.clone().unwrap_or_default(),
        name: service.metadata.name.clone().unwrap_or_default(),
        cluster_ip: spec.cluster_ip.unwrap_or_default(),
        ports: spec.ports.iter().flatten().map(port).collect(),
        endpoints_ready: endpoints.ready.len(),
        endpoints_not_ready: endpoints.not_ready.difference(&endpoints.ready).count(),
        backend,
        asked: Vec::new(),
    }
}

fn port(port: &ServicePort) -> String {
    let target = match &port.target_port {
        Some(IntOrString::Int(number)) => number.to_string(),
        Some(IntOrString::String(name)) => name.clone(),
        None => port.port.to_string(),
    };
    format!("{}→{target}/{}", port.port, port.protocol.as_deref().unwrap_or("TCP"))
}
