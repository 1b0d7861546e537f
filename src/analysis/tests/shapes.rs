//! Evidence in the shapes that adapters and flow make of it: several containers, things that are over, thresholds.

use super::fixtures::*;
use crate::analysis::metric_role::Worst;
use crate::analysis::remedies::remedies;
use crate::domain::action::ActionName;
use crate::domain::cluster::*;
use crate::domain::evidence::{EvidenceData, LogPatterns, Novelty};
use crate::domain::series::{Limit, SeriesData, SeriesLine};
use crate::domain::subject::SubjectKind;
use crate::domain::unit::Unit;

const MIB: f64 = 1024.0 * 1024.0;
const MEMORY: &str = "max by (pod, container) (container_memory_working_set_bytes{namespace=\"shop\"})";

/// A chart as the metrics adapter makes it: its summary is of the worst line, a threshold bounds nothing.
fn chart(world: World, query: &str, unit: Unit, limit: Option<Limit>, lines: &[(&str, &[f64])]) -> World {
    let lines: Vec<SeriesLine> = lines
        .iter()
        .map(|(name, values)| {
            let first = at(300).timestamp_millis() - 15_000 * values.len() as i64;
            let points = values.iter().enumerate().map(|(index, value)| (first + 15_000 * index as i64, *value));
            SeriesLine { name: (*name).into(), points: points.collect() }
        })
        .collect();
    let mut data = SeriesData { unit, lines, folded: 0, limit, summary: None, partial: false };
    data.summary = crate::analysis::shape::summarise(&data.lines, &[], data.bound(), Worst::of(query));
    let about = world.subject.object();
    world.about(about, query, EvidenceData::Series(data))
}

fn limit(value: f64) -> Option<Limit> {
    Some(Limit { label: "limit".into(), value })
}

fn threshold(value: f64) -> Option<Limit> {
    Some(Limit { label: Limit::THRESHOLD.into(), value })
}

/// `app` with 64 MiB, and `cache` with 2 GiB beside it.
fn with_cache(mut state: WorkloadState) -> WorkloadState {
    let cache = ContainerSpec { name: "cache".into(), memory_limit: Some(2 << 30), ..ContainerSpec::default() };
    state.containers.push(cache);
    for pod in &mut state.pods {
        pod.containers.push(ContainerState { name: "cache".into(), ..running() });
    }
    state
}

fn actions(world: &World) -> String {
    let found = remedies(&world.subject, &world.evidence, onset(), &world.findings(), &ActionName::ALL);
    found.iter().map(|remedy| remedy.action.to_string()).collect::<Vec<_>>().join("; ")
}

#[test]
fn a_changed_config_map_is_found() {
    // As `adapters/cluster/changes.rs` tells it: there is no kind of subject for a ConfigMap.
    let changed = |name: &str| ChangeFact {
        at: at(-100),
        object: object(SubjectKind::Namespace, "shop"),
        kind: ChangeKind::Config,
        what: format!("ConfigMap {name} changed by kubectl-edit"),
    };
    let mut state = healthy();
    state.containers[0].env = vec!["* from ConfigMap settings".into()];
    let world =
        |name: &str| World::new().workload(state.clone()).changes(vec![changed(name)]).log("level=error msg=\"boom\"");
    assert_eq!(world("settings").read(), "bad_rollout new_errors-");
    let confidence = |name: &str| world(name).best().confidence;
    assert!(confidence("settings") > confidence("others"));
    let elsewhere = ChangeFact { object: object(SubjectKind::Namespace, "other"), ..changed("settings") };
    assert_eq!(World::new().changes(vec![elsewhere]).log("level=error msg=\"boom\"").read(), "new_errors-");
}

#[test]
fn a_threshold_is_no_limit() {
    let share = "max by (pod, container) (container_memory_working_set_bytes) / max by (pod, container) (kube_pod_container_resource_limits)";
    let used = |value: f64| chart(World::new(), share, Unit::Ratio, threshold(0.9), &[("web-1", &[value; 20])]);
    assert_eq!(used(0.82).read(), "");
    let near = used(0.93).best();
    assert_eq!((near.phrase.as_str(), near.facts.get("limit")), ("memory_near_limit", None));
    let waiting = "sum by (pod) (hikaricp_connections_pending{namespace=\"shop\"})";
    assert_eq!(chart(World::new(), waiting, Unit::Count, threshold(1.0), &[("web-1", &[1.0; 20])]).read(), "");
}

#[test]
fn the_memory_of_the_container_that_was_killed() {
    let killed = with_cache(broken(vec![pod(crashing("OOMKilled", 137, ""))]));
    let app: &[f64] = &[60.0 * MIB; 20];
    let cache: &[f64] = &[1900.0 * MIB; 20];
    let both = chart(
        World::new().workload(killed.clone()),
        MEMORY,
        Unit::Bytes,
        limit(2048.0 * MIB),
        &[("cache", cache), ("app", app)],
    );
    assert_eq!(both.best().facts.get("peak").map(String::as_str), Some("60 MiB"));
    assert_eq!(actions(&both), "set-resources deployment/web -n shop -c app --memory-limit 96Mi");
    // Where the chart shows others alone, it says nothing of this one.
    let other = chart(World::new().workload(killed), MEMORY, Unit::Bytes, limit(2048.0 * MIB), &[("cache", cache)]);
    assert_eq!(other.best().facts.get("peak"), None);
    assert_eq!(actions(&other), "set-resources deployment/web -n shop -c app --memory-limit 96Mi");
    // A signal is no kill for memory because somebody else's memory is nearly full.
    let signalled = with_cache(broken(vec![pod(crashing("Error", 137, ""))]));
    let world = |state| {
        chart(
            World::new().workload(state),
            MEMORY,
            Unit::Bytes,
            limit(2048.0 * MIB),
            &[("cache", cache), ("app", &[10.0 * MIB; 20])],
        )
    };
    assert!(world(signalled).findings().iter().all(|finding| finding.kind.as_str() != "oom_killed"));
}

#[test]
fn the_cpu_limit_of_the_container_that_is_held_back() {
    let query = "sum by (pod, container) (rate(container_cpu_cfs_throttled_periods_total[5m])) / sum by (pod, container) (rate(container_cpu_cfs_periods_total[5m]))";
    let values = [[0.02; 15], [0.8; 15]].concat();
    let mut state = healthy();
    // Injected into the pods: it stands in no template.
    state.pods[0].containers.push(ContainerState { name: "istio-proxy".into(), ..running() });
    let world = |name: &str| {
        chart(World::new().workload(state.clone()), query, Unit::Ratio, threshold(0.25), &[(name, &values)])
    };
    let proxy = world("web-7464b59bfd-6rjrg/istio-proxy");
    assert_eq!(proxy.best().facts.get("container").map(String::as_str), Some("istio-proxy"));
    assert_eq!(actions(&proxy), "");
    assert_eq!(
        actions(&world("web-7464b59bfd-6rjrg/app")),
        "set-resources deployment/web -n shop -c app --cpu-limit 1"
    );
}

#[test]
fn mounts_and_sandboxes_that_are_over() {
    let ran = |name: &str| PodState { name: name.into(), ..pod(crashing("Error", 2, "panic: boom")) };
    let early = |object: &str, reason: &str, message: &str| EventFact {
        first: Some(at(-58)),
        last: Some(at(-55)),
        ..event(object, reason, message, 1)
    };
    for (reason, message) in [
        (
            "FailedMount",
            "MountVolume.SetUp failed for volume \"kube-api-access-x7k2p\" : failed to sync configmap cache: timed out waiting for the condition",
        ),
        (
            "FailedMount",
            "MountVolume.SetUp failed for volume \"kube-api-access-x7k2p\" : object \"shop\"/\"kube-root-ca.crt\" not registered",
        ),
        ("FailedCreatePodSandBox", "Failed to create pod sandbox: rpc error: code = DeadlineExceeded"),
    ] {
        for object in ["Pod web-7464b59bfd-6rjrg", "Pod web-* (2)"] {
            let pods = vec![ran("web-7464b59bfd-6rjrg"), ran("web-7464b59bfd-892tq")];
            let over = World::new().workload(broken(pods)).events(vec![early(object, reason, message)]);
            assert_eq!(over.best().kind.as_str(), "crash_loop", "{object} {message}");
        }
        // A pod that has never run still suffers from it.
        let stuck = pod(waiting("ContainerCreating", ""));
        let object = "Pod web-7464b59bfd-6rjrg";
        let world = World::new().workload(broken(vec![stuck])).events(vec![early(object, reason, message)]);
        assert!(world.best().confidence > 0.6, "{message}");
        // So does one that ran before its node was started anew.
        let again = EventFact { last: Some(at(280)), ..early(object, reason, message) };
        let down = pod(ContainerState { ready: false, ..crashing("Error", 255, "") });
        let world = World::new().workload(broken(vec![down])).events(vec![again]);
        assert!(
            world.findings().iter().any(|finding| finding.confidence > 0.6 && finding.kind.as_str() != "crash_loop")
        );
    }
}

#[test]
fn pods_that_were_put_out_weeks_ago() {
    let corpse = |seconds: i64| PodState {
        name: "web-7464b59bfd-old".into(),
        phase: "Failed".into(),
        reason: Some("Evicted: The node was low on resource: memory. Threshold quantity: 100Mi.".into()),
        created_at: Some(at(seconds)),
        conditions: vec![Condition {
            since: Some(at(seconds)),
            ..condition("DisruptionTarget", "True", "TerminationByKubelet", "")
        }],
        containers: Vec::new(),
        ..pod(running())
    };
    let killed = |seconds| World::new().workload(broken(vec![corpse(seconds), pod(crashing("OOMKilled", 137, ""))]));
    assert_eq!(killed(-1_800_000).read(), "oom_killed replicas_missing-");
    assert!(killed(-60).read().contains("node_pressure"));
    // Its status and its event are one pod.
    let told = World::new().workload(broken(vec![corpse(-60)])).event(
        "Pod web-7464b59bfd-old",
        "Evicted",
        "The node was low on resource: memory.",
    );
    assert_eq!(told.best().facts.get("pods").map(String::as_str), Some("1"));
}

#[test]
fn conditions_that_are_well_when_true() {
    let node = |kind: &str, status: &str| {
        let conditions = vec![condition(kind, status, "x", "")];
        let state = NodeState { name: "n1".into(), ready: true, conditions, ..NodeState::default() };
        World::of(SubjectKind::Node, "n1").node(state).read()
    };
    assert_eq!(node("NetworkingReady", "True"), "");
    assert_eq!(node("NetworkingReady", "False"), "node_pressure");
    assert_eq!(node("KernelDeadlock", "True"), "node_pressure");
}

#[test]
fn logs_without_a_time_before() {
    let refused = "dial tcp 10.0.0.12:5432: connect: connection refused";
    let logs = |last: i64| {
        let one =
            crate::domain::evidence::LogPattern { novelty: Novelty::Usual, last: Some(at(last)), ..pattern(refused) };
        EvidenceData::Patterns(LogPatterns { lines: 40, patterns: vec![one], ..LogPatterns::default() })
    };
    // At the end of a container's run: its last one ended 190 s after the onset.
    let crashing =
        World::new().workload(broken(vec![pod(crashing("Error", 1, ""))])).about(deployment("shop/web"), "", logs(190));
    assert_eq!(crashing.read(), "dependency_unreachable crash_loop- replicas_missing-");
    // Where nothing fails it may be noise, but it is not known to be.
    let running = World::new().workload(healthy()).about(deployment("shop/web"), "", logs(200));
    let confidence = running.best().confidence;
    assert!((0.5..0.7).contains(&confidence), "{confidence}");
}

#[test]
fn file_systems_without_inodes() {
    let query = "max by (persistentvolumeclaim) (kubelet_volume_stats_inodes_free{namespace=\"shop\"})";
    let free = |values: &[f64]| chart(World::new(), query, Unit::Count, None, &[("data", values)]).read();
    assert_eq!(free(&[0.0; 20]), "");
    assert_eq!(free(&[[900.0; 10], [0.0; 10]].concat()), "disk_full");
}

#[test]
fn a_name_in_a_query_is_not_the_query() {
    let used = "max(kubelet_volume_stats_used_bytes{persistentvolumeclaim=\"pg-1-wal\"}) / max(kubelet_volume_stats_capacity_bytes{persistentvolumeclaim=\"pg-1-wal\"})";
    let read =
        |value: f64| chart(World::new(), used, Unit::Ratio, threshold(0.85), &[("pg-1-wal", &[value; 20])]).read();
    assert_eq!((read(0.98).as_str(), read(0.03).as_str()), ("disk_full", ""));
}

#[test]
fn the_instance_that_is_down_among_many() {
    let lines: [(&str, &[f64]); 3] = [("a", &[1.0; 20]), ("b", &[1.0; 20]), ("c", &[0.0; 20])];
    let world = chart(World::new(), "max by (instance) (up{job=\"web\"})", Unit::Count, None, &lines);
    assert_eq!(world.best().facts.get("series").map(String::as_str), Some("c"));
}

#[test]
fn quotas_that_keep_no_pod_out() {
    let full = |resource: &str, hard: &str| {
        let quota = QuotaUse {
            quota: "hardening".into(),
            resource: resource.into(),
            used: hard.into(),
            hard: hard.into(),
            ratio: 1.0,
        };
        let state = NamespaceState { quotas: vec![quota], terminating: false };
        World::new().about(object(SubjectKind::Namespace, "shop"), "", EvidenceData::Namespace(state)).read()
    };
    assert_eq!((full("services.nodeports", "0").as_str(), full("requests.storage", "1Ti").as_str()), ("", ""));
    assert_eq!(
        (full("pods", "10").as_str(), full("requests.cpu", "4").as_str()),
        ("quota_exceeded~", "quota_exceeded~")
    );
}

#[test]
fn a_headless_service_declares_no_port_that_matters() {
    let kafka =
        ServiceState {
            cluster_ip: "None".into(), ports: vec!["9092→9092/TCP".into()], ..service("shop/kafka", "", 2)
        };
    let refused = "dial tcp: kafka-1.kafka.shop.svc:9093: connect: connection refused";
    let best = World::new().workload(healthy()).log(refused).service(kafka).best();
    assert_eq!(best.phrase, "dependency");
}

#[test]
fn an_address_is_recognised_by_what_the_cluster_answered() {
    // A pod's address, which an ingress dials.
    let found = ServiceState { asked: vec!["10.42.7.9".into()], ..service("shop/catalog", "10.0.0.57", 0) };
    let world = World::new().workload(healthy()).log("dial tcp 10.42.7.9:8080: connect: connection refused");
    assert_eq!(world.service(found).best().phrase, "dependency_no_endpoints");
}

#[test]
fn alerts_whose_names_hold_error() {
    for (name, expected) in [("HighErrorRate", "http_errors-"), ("KubeAPIErrorBudgetBurn", "http_errors-")] {
        assert_eq!(World::new().alert(name, None, "").read(), expected, "{name}");
    }
}
