//! Nothing, nonsense and contradictions.

use proptest::prelude::*;

use super::fixtures::*;
use crate::analysis::analyse;
use crate::domain::cluster::*;
use crate::domain::evidence::{EvidenceData, LogPatterns};
use crate::domain::series::SeriesData;
use crate::domain::subject::SubjectKind;
use crate::domain::unit::Unit;

#[test]
fn no_evidence_no_findings() {
    for kind in [
        SubjectKind::Deployment,
        SubjectKind::Node,
        SubjectKind::Alert,
        SubjectKind::Namespace,
        SubjectKind::PersistentVolumeClaim,
        SubjectKind::Service,
        SubjectKind::Pod,
        SubjectKind::CronJob,
    ] {
        assert_eq!(World::of(kind, "shop/x").read(), "");
    }
}

#[test]
fn empty_pieces() {
    let world = World::new()
        .workload(WorkloadState::default())
        .node(NodeState::default())
        .events(Vec::new())
        .changes(Vec::new())
        .service(ServiceState::default())
        .about(deployment("shop/web"), "", EvidenceData::Patterns(LogPatterns::default()))
        .about(
            deployment("shop/web"),
            "container_memory_working_set_bytes",
            EvidenceData::Series(SeriesData {
                unit: Unit::Bytes,
                lines: Vec::new(),
                folded: 0,
                limit: None,
                summary: None,
                partial: true,
            }),
        )
        .about(deployment("shop/web"), "", EvidenceData::Namespace(NamespaceState::default()));
    assert_eq!(world.read(), "");
}

#[test]
fn a_healthy_workload_has_no_cause() {
    assert_eq!(World::new().workload(healthy()).read(), "");
}

#[test]
fn two_containers_two_troubles() {
    let mut both = pod(crashing("OOMKilled", 137, ""));
    both.containers.push(ContainerState { name: "sidecar".into(), ..crashing("Error", 1, "KeyError: 'TOKEN_FILE'") });
    let world = World::new().workload(broken(vec![both]));
    assert!(
        world.read().starts_with("oom_killed config_error") || world.read().starts_with("config_error oom_killed"),
        "{}",
        world.read()
    );
}

#[test]
fn a_pod_being_deleted_is_not_looked_at() {
    let mut leaving = pod(crashing("OOMKilled", 137, ""));
    leaving.deleting_since = Some(at(0));
    let mut state = healthy();
    state.pods.push(leaving);
    assert_eq!(World::new().workload(state).read(), "");
}

#[test]
fn times_the_wrong_way_round() {
    let mut odd = crashing("OOMKilled", 137, "");
    odd.last_termination =
        Some(Termination { started_at: Some(at(100)), finished_at: Some(at(0)), ..odd.last_termination.unwrap() });
    let mut state = broken(vec![pod(odd)]);
    state.rollouts = vec![Rollout::default(), Rollout { at: Some(at(i64::from(i32::MAX))), ..Rollout::default() }];
    assert!(!World::new().workload(state).best().facts.contains_key("lived"));
}

#[test]
fn the_same_evidence_says_the_same() {
    let world = World::new()
        .workload(broken(vec![pod(crashing("Error", 1, "boom failed"))]))
        .log("dial tcp 10.0.0.1:80: connect: connection refused");
    assert_eq!(world.findings(), world.findings());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn never_panics(text in "\\PC{0,60}", reason in "[A-Za-z]{0,12}", code in any::<i32>(), numbers in proptest::collection::vec(any::<f64>(), 0..12), seconds in -1_000_000i64..1_000_000) {
        let reasons = ["FailedScheduling", "FailedCreate", "Unhealthy", "Failed", "FailedMount", "BackOff", reason.as_str()];
        let events = reasons.iter().map(|reason| EventFact { first: Some(at(seconds)), last: Some(at(seconds)), ..event(&text, reason, &text, code.unsigned_abs()) }).collect();
        let mut state = broken(vec![pod(crashing(&reason, code, &text)), pod(waiting("CreateContainerConfigError", &text)), unscheduled(&text)]);
        state.desired = code;
        state.rollouts = rollouts(&[&text]);
        let world = World::new()
            .workload(state)
            .events(events)
            .log(&format!("Connection refused {text}"))
            .log(&format!("Traceback (most recent call last)\n{text}\nKeyError: {text}"))
            .alert(&text, Some(&reason), &text)
            .about(object(SubjectKind::Node, "n1"), "", EvidenceData::Node(Box::new(NodeState { name: "n1".into(), conditions: vec![condition("Ready", &text, &reason, &text)], ..NodeState::default() })));
        let queries = ["container_memory_working_set_bytes", "kubelet_volume_stats_used_bytes", "cfs_throttled", "http_requests_total{code=~\"5..\"}", "cert_expiry"];
        let world = queries.iter().fold(world, |world, query| world.series(query, Unit::Ratio, numbers.first().copied(), &numbers));
        check(&analyse(&world.subject, &world.evidence, onset()), &world.evidence);
        check(&analyse(&world.subject, &world.evidence, at(seconds)), &world.evidence);
    }
}
