//! Causes that lie behind the subject.

use super::fixtures::*;
use crate::analysis::targets;
use crate::domain::cluster::*;
use crate::domain::evidence::EvidenceData;
use crate::domain::finding::Role;
use crate::domain::subject::{ObjectRef, SubjectKind};

const NGINX: &str = "2026/11/22 22:53:19 [error] 31#31: *3126 connect() failed (111: Connection refused) while connecting to upstream, client: 10.1.6.42, server: shop.example, request: \"GET /products HTTP/1.1\", upstream: \"http://10.0.0.57:80/products\"";
const ACCESS: &str = "10.1.6.42 - - [22/Nov/2026:22:53:19 +0000] \"GET /products?page=2 HTTP/1.1\" 502 157 \"-\" \"Mozilla/5.0\" rt=0.007";

/// The catalog: not ready, because its database refuses connections.
fn catalog() -> WorkloadState {
    let mut state = broken(vec![pod(ContainerState { ready: false, ..running() })]);
    state.conditions = vec![condition("Available", "False", "MinimumReplicasUnavailable", "")];
    state.rollouts = rollouts(&["env DB_UP changed"]);
    state
}

fn with_catalog(world: World, address: &str) -> World {
    let about = deployment("shop/catalog");
    let line = "level=error component=catalog msg=\"query failed\" err=\"dial tcp 10.0.0.12:5432: connect: connection refused\" attempt=1";
    world
        .service(service("shop/catalog", address, 0))
        .about(about.clone(), "", EvidenceData::Workload(Box::new(catalog())))
        .about(about, "", patterns(vec![pattern(line)]))
}

fn frontend() -> World {
    World::of(SubjectKind::Deployment, "shop/frontend").workload(healthy()).logs(vec![pattern(NGINX), pattern(ACCESS)])
}

#[test]
fn two_hops_through_a_known_service() {
    let world = with_catalog(frontend(), "10.0.0.57");
    let best = world.best();
    assert_eq!(best.about, deployment("shop/catalog"));
    assert_eq!(
        (best.kind.as_str(), best.phrase.as_str(), best.role),
        ("dependency_unreachable", "dependency_no_endpoints", Role::Cause)
    );
    assert_eq!(best.facts.get("why_what").map(String::as_str), Some("10.0.0.12:5432"));
    assert_eq!(best.facts.get("why_known_as").map(String::as_str), Some("PostgreSQL"));
    assert!(best.confidence >= 0.85);
    let others = world.findings();
    assert!(others.iter().any(|f| f.kind.as_str() == "bad_rollout"
        && f.role == Role::Contributing
        && f.about == deployment("shop/catalog")));
    assert!(others.iter().any(|f| f.kind.as_str() == "http_errors" && f.role == Role::Symptom));
}

#[test]
fn an_address_that_nobody_has_while_a_neighbour_is_down() {
    let best = with_catalog(frontend(), "10.0.0.58").best();
    assert_eq!((best.about, best.phrase.as_str()), (deployment("shop/catalog"), "dependency_suspected"));
    assert!((0.6..=0.75).contains(&best.confidence), "{}", best.confidence);
}

#[test]
fn an_ingress_service_as_subject() {
    let world = World::of(SubjectKind::Service, "shop/frontend")
        .about(deployment("shop/frontend"), "", EvidenceData::Workload(Box::new(healthy())))
        .about(deployment("shop/frontend"), "", patterns(vec![pattern(NGINX)]));
    assert_eq!(with_catalog(world, "10.0.0.58").best().about, deployment("shop/catalog"));
}

#[test]
fn server_errors_without_a_line_about_them() {
    let world = World::of(SubjectKind::Deployment, "shop/frontend").workload(healthy()).log(ACCESS);
    let best = with_catalog(world, "10.0.0.58").best();
    assert_eq!((best.about, best.kind.as_str()), (deployment("shop/catalog"), "dependency_unreachable"));
    assert!(best.confidence < 0.72);
}

#[test]
fn a_dependency_by_name_that_runs_out_of_memory() {
    let redis = broken(vec![pod(crashing("OOMKilled", 137, ""))]);
    let world = World::new()
        .workload(healthy())
        .log("redis.exceptions.ConnectionError: Error 111 connecting to redis:6379. Connection refused.")
        .about(object(SubjectKind::StatefulSet, "shop/redis"), "", EvidenceData::Workload(Box::new(redis)));
    let best = world.best();
    assert_eq!(
        (best.about, best.phrase.as_str()),
        (object(SubjectKind::StatefulSet, "shop/redis"), "dependency_failing")
    );
    assert_eq!(best.facts.get("why").map(String::as_str), Some("oom_killed"));
}

#[test]
fn names_of_the_cluster_without_more_evidence() {
    let about = |line: &str| World::new().log(line).best().about;
    let named = |name: &str, namespace: &str| ObjectRef {
        kind: SubjectKind::Service,
        namespace: Some(namespace.into()),
        name: name.into(),
    };
    assert_eq!(about("dial tcp: lookup db.data.svc.cluster.local on 10.96.0.10:53: no such host"), named("db", "data"));
    assert_eq!(about("Error: connect ECONNREFUSED redis:6379"), named("redis", "shop"));
    assert_eq!(
        about("Get \"https://api.example.com/v1\": dial tcp 203.0.113.7:443: i/o timeout"),
        deployment("shop/web")
    );
}

#[test]
fn a_service_that_is_there_but_not_on_that_port() {
    let world = World::new()
        .workload(healthy())
        .log("dial tcp 10.0.0.58:8080: connect: connection refused")
        .service(service("shop/catalog", "10.0.0.58", 2));
    // 8080 is the target port, so it is known; 9999 is not.
    assert_eq!(world.best().phrase, "dependency");
    let world = World::new()
        .workload(healthy())
        .log("dial tcp 10.0.0.58:9999: connect: connection refused")
        .service(service("shop/catalog", "10.0.0.58", 2));
    assert_eq!(world.best().phrase, "dependency_wrong_port");
}

#[test]
fn two_that_blame_each_other_end() {
    let line = |host: &str| format!("dial tcp: connect to {host}:80: connection refused");
    let world = World::new()
        .workload(catalog())
        .log(&line("10.0.0.58"))
        .service(service("shop/catalog", "10.0.0.58", 0))
        .service(service("shop/web", "10.0.0.59", 0))
        .about(deployment("shop/catalog"), "", EvidenceData::Workload(Box::new(catalog())))
        .about(deployment("shop/catalog"), "", patterns(vec![pattern(&line("10.0.0.59"))]));
    assert_eq!(world.best().about, deployment("shop/catalog"));
}

#[test]
fn scaled_to_zero() {
    let mut state = broken(Vec::new());
    (state.desired, state.pods_total) = (0, 0);
    state.services = vec![ServiceState { endpoints_not_ready: 0, ..service("shop/catalog", "10.0.0.57", 0) }];
    let world = frontend().service(state.services[0].clone()).about(
        deployment("shop/catalog"),
        "",
        EvidenceData::Workload(Box::new(state)),
    );
    let best = world.best();
    assert_eq!(
        (best.about, best.facts.get("why").map(String::as_str)),
        (deployment("shop/catalog"), Some("replicas_missing"))
    );
}

#[test]
fn targets_for_the_investigator() {
    let world = frontend().about(
        deployment("shop/catalog"),
        "",
        patterns(vec![pattern("dial tcp 10.0.0.12:5432: connect: connection refused")]),
    );
    let targets = targets(&world.evidence);
    assert_eq!(targets.iter().map(|target| target.address()).collect::<Vec<_>>(), ["10.0.0.12:5432", "10.0.0.57:80"]);
    assert_eq!(targets[1].caller, deployment("shop/frontend"));
}

#[test]
fn neighbours_that_cannot_be_meant() {
    // The database's port is not the neighbour's.
    let world = World::new().workload(healthy()).log("dial tcp 10.0.0.12:5432: connect: connection refused");
    assert_eq!(world.service(service("shop/checkout", "10.0.0.9", 0)).best().about, deployment("shop/web"));
    // The wide world is not the neighbour.
    let world = World::new().workload(healthy()).log("Get \"http://api.example.com/v1\": connection refused");
    assert_eq!(world.service(service("shop/checkout", "10.0.0.9", 0)).best().phrase, "dependency");
    // Neither is a Service of another namespace.
    let world = World::new().workload(healthy()).log("dial tcp 10.0.0.57:80: connect: connection refused");
    assert_eq!(world.service(service("other/checkout", "10.0.0.9", 0)).best().about, deployment("shop/web"));
}

#[test]
fn names_that_do_not_resolve_are_the_name_servers() {
    let dns = object(SubjectKind::Deployment, "kube-system/coredns");
    let state = broken(vec![pod(crashing("OOMKilled", 137, ""))]);
    let world = World::new().log("dial tcp: lookup db on 10.96.0.10:53: server misbehaving").about(
        dns.clone(),
        "",
        EvidenceData::Workload(Box::new(state)),
    );
    assert_eq!((world.best().about, world.best().phrase.as_str()), (dns, "dns_failing"));
}
