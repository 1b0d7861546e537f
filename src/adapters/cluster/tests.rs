//! The adapter against an API server: what is found, in how many requests, and what is left when something is refused.

use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::fake::Fake;
use super::{ClusterError, EventScope};
use crate::domain::subject::{ObjectRef, Subject, SubjectKind};
use crate::domain::window::Window;

fn at(minute: u32) -> String {
    format!("2026-11-22T10:{minute:02}:00Z")
}

fn window(from: u32, to: u32) -> Window {
    let parse = |minute| at(minute).parse::<DateTime<Utc>>().unwrap();
    Window::new(parse(from), parse(to))
}

fn meta(name: &str, owner: Option<(&str, &str)>) -> Value {
    let owners: Vec<Value> = owner
        .iter()
        .map(|(kind, name)| json!({"apiVersion": "x/v1", "kind": kind, "name": name, "uid": "1", "controller": true}))
        .collect();
    json!({
        "name": name, "namespace": "shop", "creationTimestamp": at(0),
        "labels": {"app": "web"}, "ownerReferences": owners,
    })
}

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]}})
}

fn set(name: &str, revision: u32, minute: u32, image: &str, owner: (&str, &str)) -> Value {
    let mut meta = meta(name, Some(owner));
    meta["creationTimestamp"] = json!(at(minute));
    meta["annotations"] = json!({"deployment.kubernetes.io/revision": revision.to_string()});
    json!({"metadata": meta, "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template(image)}})
}

fn pod(name: &str, owner: Option<(&str, &str)>, ready: bool) -> Value {
    let status = if ready { "True" } else { "False" };
    json!({
        "metadata": meta(name, owner),
        "spec": {"containers": [], "nodeName": "n1", "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": "web-data"}},
        ]},
        "status": {"phase": "Running", "podIP": "10.1.0.7", "conditions": [{"type": "Ready", "status": status}]},
    })
}

/// A Deployment that was rolled out at minute 30 and rolled back at minute 40.
fn shop() -> Fake {
    let mut deployment = json!({
        "metadata": meta("web", None),
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template("web:1")},
    });
    deployment["metadata"]["managedFields"] = json!([{
        "manager": "kubectl-rollout", "operation": "Update", "time": at(40),
        "fieldsV1": {"f:spec": {"f:template": {}}},
    }]);
    let owner = ("Deployment", "web");
    Fake::new(100)
        .with("apps/deployments", [deployment])
        .with("apps/replicasets", [
            set("web-7464b59bfd", 3, 0, "web:1", owner),
            set("web-6844b544d7", 2, 30, "web:2", owner),
        ])
        .with("/pods", [
            pod("web-7464b59bfd-6rjrg", Some(("ReplicaSet", "web-7464b59bfd")), true),
            pod("web-6844b544d7-vvmv2", Some(("ReplicaSet", "web-6844b544d7")), false),
        ])
        .with("/services", [json!({
            "metadata": meta("front", None),
            "spec": {"selector": {"app": "web"}, "clusterIP": "10.0.0.58", "ports": [{"port": 80, "targetPort": 8080}]},
        })])
        .with("/persistentvolumeclaims", [json!({"metadata": meta("web-data", None), "status": {"phase": "Bound"}})])
        .with("autoscaling/horizontalpodautoscalers", [json!({
            "metadata": meta("web-scaler", None),
            "spec": {"maxReplicas": 4, "scaleTargetRef": {"kind": "Deployment", "name": "web"}},
        })])
        .with("networking.k8s.io/ingresses", [json!({
            "metadata": meta("public", None),
            "spec": {"rules": [{"http": {"paths": [{"pathType": "Prefix", "backend": {"service": {"name": "front"}}}]}}]},
        })])
}

fn subject(kind: SubjectKind, name: &str) -> Subject {
    Subject::new(kind, Some("shop".to_owned()), name.to_owned())
}

fn web() -> ObjectRef {
    subject(SubjectKind::Deployment, "web").object()
}

#[tokio::test]
async fn every_way_to_name_it_leads_to_the_deployment() {
    let (cluster, _) = shop().cluster();
    let ingress = Subject { ingress: Some("public".to_owned()), ..subject(SubjectKind::Service, "public") };
    let gone = Subject {
        // Collected long ago; the guess from its name is right.
        pods: vec!["web-5555555555-xxxxx".to_owned()],
        ..subject(SubjectKind::Deployment, "web")
    };
    for subject in [
        subject(SubjectKind::Pod, "web-7464b59bfd-6rjrg"),
        subject(SubjectKind::Deployment, "web"),
        subject(SubjectKind::Workload, "web"),
        subject(SubjectKind::Workload, "web-7464b59bfd"),
        subject(SubjectKind::Workload, "web-scaler"),
        subject(SubjectKind::Service, "front"),
        ingress,
        gone,
    ] {
        assert_eq!(cluster.resolve(&subject).await.unwrap().object(), web(), "{subject:?}");
    }
    let claim = cluster.resolve(&subject(SubjectKind::PersistentVolumeClaim, "web-data")).await.unwrap();
    assert_eq!((claim.kind, claim.pods.len()), (SubjectKind::PersistentVolumeClaim, 2));
    let unknown = subject(SubjectKind::Workload, "nobody");
    assert_eq!(cluster.resolve(&unknown).await.unwrap(), unknown);
}

#[tokio::test]
async fn the_owner_of_a_pod_is_asked_for_once() {
    let (cluster, fake) = shop().cluster();
    for _ in 0..3 {
        assert_eq!(cluster.owner_of_pod("shop", "web-7464b59bfd-6rjrg").await.unwrap(), Some(web()));
    }
    assert_eq!(*fake.calls.lock().unwrap(), ["get pods", "get replicasets"]);
    assert_eq!(cluster.owner_of_pod("shop", "nobody").await.unwrap(), None);
}

#[tokio::test]
async fn a_workload_with_all_that_belongs_to_it() {
    let (cluster, _) = shop().cluster();
    let answer = cluster.workload(&web(), &subject(SubjectKind::Deployment, "web")).await.unwrap();
    assert_eq!(answer.missing, []);
    let state = answer.value;
    assert_eq!(state.pods.iter().map(|pod| pod.ready).collect::<Vec<_>>(), [false, true]);
    assert_eq!((state.pods_total, state.claims.len(), state.services.len()), (2, 1, 1));
    assert_eq!(state.autoscaler.unwrap().max, 4);
    let newest = &state.rollouts[0];
    assert_eq!((newest.revision, newest.changes.as_slice()), (3, &["image: web:2 → web:1".to_owned()][..]));
    assert_eq!(newest.at, Some(window(40, 40).from), "a rollback is dated by who wrote the template");
}

#[tokio::test]
async fn an_argo_rollout_is_known_by_its_replica_sets() {
    let owner = ("Rollout", "web");
    let (cluster, _) = Fake::new(100)
        .with(
            "apps/replicasets",
            [set("web-7464b59bfd", 1, 0, "web:1", owner), set("web-6844b544d7", 2, 30, "web:2", owner)],
        )
        .with("/pods", [pod("web-6844b544d7-vvmv2", Some(("ReplicaSet", "web-6844b544d7")), true)])
        .cluster();
    let resolved = cluster.resolve(&subject(SubjectKind::Pod, "web-6844b544d7-vvmv2")).await.unwrap();
    assert_eq!((resolved.kind, resolved.name.as_str()), (SubjectKind::Workload, "web"));
    let state = cluster.workload(&resolved.object(), &resolved).await.unwrap().value;
    assert_eq!((state.pods_total, state.rollouts.len()), (1, 2));
    assert_eq!(state.rollouts[0].changes, ["image: web:1 → web:2"]);
}

#[tokio::test]
async fn what_is_refused_is_missing_and_nothing_else() {
    let (cluster, _) = shop().denying("list replicasets").denying("list endpointslices").cluster();
    let answer = cluster.workload(&web(), &subject(SubjectKind::Deployment, "web")).await.unwrap();
    assert_eq!((answer.value.pods_total, answer.value.rollouts.len()), (2, 0));
    let refused = |resource: &str| ClusterError::Forbidden {
        verb: "list".into(),
        resource: resource.into(),
        namespace: Some("shop".into()),
    };
    assert_eq!(answer.missing, [refused("replicasets.apps"), refused("endpointslices.discovery.k8s.io")]);
    let gone = subject(SubjectKind::Deployment, "gone");
    let gone = cluster.workload(&gone.object(), &gone).await;
    assert_eq!(gone.unwrap_err().to_string(), "Deployment shop/gone does not exist");
}

#[tokio::test]
async fn two_thousand_pods_are_read_in_pages_also_when_the_list_expires() {
    let pods =
        (0..2_000).map(|n| pod(&format!("web-7464b59bfd-{n}"), Some(("ReplicaSet", "web-7464b59bfd")), n != 1234));
    let (cluster, fake) = shop().with("/pods", pods).cluster();
    for expires in [false, true] {
        fake.expires.store(expires, Ordering::Relaxed);
        let state = cluster.workload(&web(), &subject(SubjectKind::Deployment, "web")).await.unwrap().value;
        assert_eq!((state.pods_total, state.pods.len()), (2_002, 30));
        assert!(state.pods.iter().any(|pod| pod.name == "web-7464b59bfd-1234"));
    }
}

#[tokio::test]
async fn changes_are_rollouts_scaling_config_maps_and_nodes() {
    let map = |name: &str, minute: u32| {
        let mut meta = meta(name, None);
        meta["managedFields"] = json!([{"manager": "helm", "operation": "Update", "time": at(minute)}]);
        json!({"metadata": meta, "data": {"password": "hunter2"}})
    };
    let event = |kind: &str, name: &str, reason: &str, namespace: &str| {
        json!({
            "metadata": {"name": name, "namespace": namespace}, "reason": reason, "message": "New size: 4",
            "involvedObject": {"kind": kind, "name": name}, "count": 1, "firstTimestamp": at(35), "lastTimestamp": at(35),
        })
    };
    let (cluster, _) = shop()
        .with("/configmaps", [map("web-config", 25), map("kube-root-ca.crt", 25), map("old", 5)])
        .with(
            "/events",
            [
                event("HorizontalPodAutoscaler", "web-scaler", "SuccessfulRescale", "shop"),
                event("Node", "n1", "NodeNotReady", "default"),
            ],
        )
        .cluster();
    let answer = cluster.changes("shop", window(20, 50)).await.unwrap();
    assert_eq!(answer.missing, []);
    let lines: Vec<_> = answer
        .value
        .iter()
        .map(|c| format!("{} {:?} {}: {}", c.at.format("%H:%M"), c.kind, c.object, c.what))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    10:40 Rollout shop/web: revision 3: image: web:2 → web:1
    10:35 Scale shop/web: autoscaler: New size: 4
    10:35 Node n1: became not ready
    10:30 Rollout shop/web: revision 2
    10:25 Config shop: ConfigMap web-config changed by helm
    ");
}

#[tokio::test]
async fn addresses_lead_to_services() {
    let (cluster, _) = shop().cluster();
    for (host, namespace) in [
        ("10.0.0.58", None),
        ("10.1.0.7", None),
        ("front", Some("shop")),
        ("front.shop", None),
        ("front.shop.svc.cluster.local.", Some("other")),
    ] {
        let service = cluster.service_by_address(host, Some(8080), namespace).await.unwrap();
        let service = service.unwrap_or_else(|| panic!("{host} is known"));
        assert_eq!((service.name.as_str(), service.backend), ("front", Some(web())));
    }
    for host in ["10.9.9.9", "127.0.0.1", "front", "api.example.com"] {
        assert_eq!(cluster.service_by_address(host, None, None).await.unwrap(), None, "{host}");
    }
    let empty = cluster.services_without_endpoints("shop").await.unwrap();
    assert_eq!((empty.len(), empty[0].backend.clone()), (1, Some(web())));
}

#[tokio::test]
async fn an_address_is_that_of_the_pod_that_runs() {
    let mut over = pod("backup-29923129-x7k2p", None, false);
    over["metadata"]["labels"] = json!({"app": "backup"});
    (over["status"]["phase"], over["status"]["podIP"]) = (json!("Succeeded"), json!("10.1.0.9"));
    let mut runs = pod("web-7464b59bfd-6rjrg", Some(("ReplicaSet", "web-7464b59bfd")), true);
    runs["status"]["podIP"] = json!("10.1.0.9");
    let (cluster, _) = shop().with("/pods", [over, runs]).cluster();
    let service = cluster.service_by_address("10.1.0.9", Some(8080), None).await.unwrap();
    assert_eq!(service.map(|service| service.name).as_deref(), Some("front"));
    assert_eq!(cluster.owner_of_address("10.1.0.9".parse().unwrap()).await.unwrap(), Some(web()));
}

#[tokio::test]
async fn a_service_whose_slices_were_not_read_is_not_called_empty() {
    let slices = (0..2_001).map(|n| {
        let mut meta = meta(&format!("other-{n}"), None);
        meta["labels"] = json!({"kubernetes.io/service-name": format!("other-{n}")});
        json!({"metadata": meta, "addressType": "IPv4", "endpoints": []})
    });
    let (cluster, _) = shop().with("discovery.k8s.io/endpointslices", slices).cluster();
    assert_eq!(cluster.services_without_endpoints("shop").await.unwrap(), []);
}

#[tokio::test]
async fn the_newest_changes_of_nodes_are_told() {
    let event = |name: &str, minute: u32| {
        json!({
            "metadata": {"name": name, "namespace": "default"}, "reason": "NodeNotReady", "message": "m",
            "involvedObject": {"kind": "Node", "name": name}, "count": 1, "lastTimestamp": at(minute),
        })
    };
    let events = (0..12).map(|n| event(&format!("n{n:02}"), 25)).chain([event("z-node", 35)]);
    let (cluster, _) = shop().with("/events", events).cluster();
    let changes = cluster.changes("shop", window(20, 50)).await.unwrap().value;
    let nodes: Vec<_> = changes.iter().filter(|change| change.object.kind == SubjectKind::Node).collect();
    assert_eq!((nodes.len(), nodes[0].object.name.as_str()), (10, "z-node"));
}

#[tokio::test]
async fn one_config_map_of_many_is_found_by_its_name_and_never_read() {
    let maps =
        (0..250).map(|n| json!({"metadata": meta(&format!("map-{n:03}"), None), "data": {"password": "hunter2"}}));
    let (cluster, fake) = Fake::new(100).with("/configmaps", maps).cluster();
    let kind = super::browse::kind_named("cm").unwrap();
    for (namespace, line) in [(Some("shop"), "map-249 created "), (None, "shop/map-249 created ")] {
        let found = cluster.browse_one(kind, namespace, "map-249").await.unwrap().unwrap();
        assert!(found.text.starts_with(line) && found.count == 1 && !found.cut, "{found:?}");
    }
    assert_eq!(cluster.browse_one(kind, Some("shop"), "map-250").await.unwrap(), None);
    let all = cluster.browse(kind, Some("shop")).await.unwrap();
    assert_eq!((all.count, all.cut), (200, true));
    assert_eq!(cluster.names(kind, Some("shop")).await.unwrap().len(), 250);
    assert_eq!(*fake.whole.lock().unwrap(), std::collections::BTreeSet::new(), "names and times, never contents");
}

#[tokio::test]
async fn events_of_a_workload_include_those_of_pods_that_are_gone() {
    let event = |kind: &str, name: &str| {
        json!({
            "metadata": {"name": name, "namespace": "shop"}, "type": "Warning", "reason": "BackOff", "message": "m",
            "involvedObject": {"kind": kind, "name": name}, "count": 3, "lastTimestamp": at(35),
        })
    };
    let (cluster, _) = shop()
        .with(
            "/events",
            [event("Pod", "web-6844b544d7-gggg5"), event("Pod", "other-6844b544d7-gggg5"), event("Deployment", "web")],
        )
        .cluster();
    let state = cluster.workload(&web(), &subject(SubjectKind::Deployment, "web")).await.unwrap().value;
    let scope = EventScope::workload(&web(), &state);
    let events = cluster.events("shop", &scope, window(20, 50)).await.unwrap();
    let objects: Vec<_> = events.iter().map(|event| event.object.as_str()).collect();
    assert_eq!(objects, ["Deployment web", "Pod web-6844b544d7-gggg5"]);
}

#[tokio::test]
async fn a_server_that_hangs_or_is_another_is_told_apart_from_an_absent_pod() {
    let hangs = axum::Router::new().fallback(std::future::pending::<()>);
    let other = axum::Router::new().fallback(|| async { (axum::http::StatusCode::NOT_FOUND, "no such page") });
    for (router, expected) in [
        (hangs, "the Kubernetes API did not answer `get pods web-0 in namespace shop` within 0.05 s"),
        (other, "Kubernetes API: get pods web-0 in namespace shop: 404 no such page"),
    ] {
        let client = kube::Client::new(router, "default");
        let cluster = super::Cluster::new(client, std::time::Duration::from_millis(50));
        assert_eq!(cluster.owner_of_pod("shop", "web-0").await.unwrap_err().to_string(), expected);
    }
}
