//! Nodes, volumes, quotas, changes, events alone, alerts alone.

use super::fixtures::*;
use crate::domain::cluster::*;
use crate::domain::evidence::EvidenceData;
use crate::domain::finding::Role;
use crate::domain::subject::SubjectKind;

#[test]
fn a_node_that_is_gone_explains_its_pods() {
    let lost = PodState {
        conditions: vec![condition("Ready", "False", "NodeNotReady", "")],
        ..pod(ContainerState { ready: false, ..running() })
    };
    let world = World::new().workload(broken(vec![lost])).node(not_ready_node("n1"));
    assert_eq!(world.read(), "node_not_ready replicas_missing-");
    assert_eq!(world.best().about, object(SubjectKind::Node, "n1"));
    // A node that none of its troubled pods runs on is not the reason.
    let elsewhere = World::new().workload(broken(vec![pod(crashing("Error", 1, ""))])).node(not_ready_node("n7"));
    assert!(elsewhere.findings().iter().all(|finding| finding.kind.as_str() != "node_not_ready"));
}

#[test]
fn nodes_as_subjects() {
    for (conditions, expected) in [
        (
            vec![condition("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")],
            "node_not_ready",
        ),
        (
            vec![condition(
                "Ready",
                "False",
                "KubeletNotReady",
                "container runtime network not ready: cni plugin not initialized",
            )],
            "node_not_ready",
        ),
        (
            vec![condition("DiskPressure", "True", "KubeletHasDiskPressure", "kubelet has disk pressure")],
            "node_pressure",
        ),
        (vec![condition("MemoryPressure", "True", "KubeletHasInsufficientMemory", "")], "node_pressure"),
        (vec![condition("StorageReady", "False", "XFSSmallAverageClusterSize", "")], "node_pressure"),
        (vec![], ""),
    ] {
        let ready = !conditions.iter().any(|condition| condition.kind == "Ready");
        let node = NodeState { name: "n1".into(), ready, conditions, ..NodeState::default() };
        assert_eq!(World::of(SubjectKind::Node, "n1").node(node).read(), expected);
    }
}

#[test]
fn evictions() {
    let evicted = |message: &str| PodState {
        phase: "Failed".into(),
        reason: Some(format!("Evicted: {message}")),
        containers: Vec::new(),
        ..pod(running())
    };
    let pressed = World::new().workload(broken(vec![evicted(
        "The node was low on resource: ephemeral-storage. Threshold quantity: 1Gi, available: 3Mi.",
    )]));
    assert_eq!(
        (pressed.best().phrase.as_str(), pressed.best().facts.get("resource").unwrap().as_str()),
        ("evicted", "ephemeral-storage")
    );
    let own = World::new().workload(broken(vec![evicted(
        "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi.",
    )]));
    assert_eq!(own.best().phrase, "evicted_storage");
}

#[test]
fn volumes_by_events() {
    for (reason, message, expected) in [
        (
            "FailedAttachVolume",
            "Multi-Attach error for volume \"pvc-1\" Volume is already exclusively attached to one node and can't be attached to another",
            "volume_unavailable volume_multi_attach",
        ),
        (
            "FailedMount",
            "MountVolume.SetUp failed for volume \"config\" : configmap \"settings\" not found",
            "config_error config_missing_object",
        ),
        (
            "FailedMount",
            "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[]: timed out waiting for the condition",
            "volume_unavailable volume_mount",
        ),
        (
            "ProvisioningFailed",
            "storageclass.storage.k8s.io \"fast\" not found",
            "volume_unavailable volume_claim_pending",
        ),
        (
            "FailedCreatePodSandBox",
            "Failed to create pod sandbox: plugin type=\"calico\" failed (add): no addresses left",
            "node_not_ready sandbox_failed",
        ),
        (
            "FailedCreate",
            "pods \"web-1\" is forbidden: exceeded quota: compute, requested: limits.memory=1Gi, used: limits.memory=15Gi, limited: limits.memory=16Gi",
            "quota_exceeded quota",
        ),
        (
            "FailedCreate",
            "pods \"web-1\" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi",
            "quota_exceeded limit_range",
        ),
        (
            "FailedCreate",
            "pods \"web-1\" is forbidden: violates PodSecurity \"restricted:latest\": runAsNonRoot != true",
            "config_error config_admission",
        ),
        (
            "FailedCreate",
            "Internal error occurred: failed calling webhook \"v.example.com\": Post \"https://hook.sys.svc:443/\": dial tcp 10.0.0.9:443: connect: connection refused",
            "dependency_unreachable webhook_unreachable",
        ),
        (
            "BackOff",
            "Back-off restarting failed container app in pod web-7464b59bfd-6rjrg_shop(1)",
            "crash_loop restarts",
        ),
        ("BackOff", "Back-off pulling image \"web:9\"", "image_pull image_pull"),
        ("FailedScheduling", "0/3 nodes are available: 3 Insufficient memory.", "unschedulable pending"),
        ("OOMKilling", "Memory cgroup out of memory: Killed process 4242 (java)", "oom_killed oom_by_event"),
        ("Preempted", "Preempted by pod 1234 on node n1", "unschedulable preempted"),
        ("BackoffLimitExceeded", "Job has reached the specified backoff limit", "job_failed job_failed"),
        (
            "Evicted",
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi.",
            "node_pressure evicted",
        ),
        ("NodeNotReady", "Node is not ready", "node_not_ready node_events"),
    ] {
        let best = World::new().event("Pod web-7464b59bfd-6rjrg", reason, message).best();
        assert_eq!(format!("{} {}", best.kind.as_str(), best.phrase), expected, "{message}");
    }
}

#[test]
fn events_of_long_ago_and_of_others_say_nothing() {
    let old = EventFact {
        first: Some(at(-90_000)),
        last: Some(at(-80_000)),
        ..event("Pod web-7464b59bfd-6rjrg", "BackOff", "Back-off restarting failed container app", 9)
    };
    assert_eq!(World::new().events(vec![old]).read(), "");
    let others =
        EventData::namespace(vec![event("Pod db-0", "BackOff", "Back-off restarting failed container app", 9)]);
    assert_eq!(World::new().about(object(SubjectKind::Namespace, "shop"), "", others).read(), "");
    let ours = EventData::namespace(vec![event(
        "Pod web-7464b59bfd-6rjrg",
        "BackOff",
        "Back-off restarting failed container app",
        9,
    )]);
    assert_eq!(World::new().about(object(SubjectKind::Namespace, "shop"), "", ours).read(), "crash_loop");
}

struct EventData;

impl EventData {
    fn namespace(events: Vec<EventFact>) -> EvidenceData {
        EvidenceData::Events { events }
    }
}

#[test]
fn alerts_alone_are_half_sure() {
    for (name, reason, expected) in [
        ("KubeContainerOOMKilled", Some("OOMKilled"), "oom_killed"),
        ("KubePodCrashLooping", Some("CrashLoopBackOff"), "crash_loop"),
        ("KubeContainerWaiting", Some("ImagePullBackOff"), "image_pull"),
        ("KubeContainerWaiting", Some("CreateContainerConfigError"), "config_error"),
        ("KubeNodeNotReady", None, "node_not_ready"),
        ("KubeJobFailed", None, "job_failed"),
        ("KubePersistentVolumeFillingUp", None, "disk_full"),
        ("NodeFilesystemAlmostOutOfSpace", None, "disk_full"),
        ("CPUThrottlingHigh", None, "cpu_throttled"),
        ("KubeHpaMaxedOut", None, "quota_exceeded"),
        ("KubeQuotaExceeded", None, "quota_exceeded"),
        ("IngressHigh5xxRate", None, "http_errors-"),
        ("KubeDeploymentReplicasMismatch", None, "replicas_missing-"),
        ("CertManagerCertExpirySoon", None, "certificate_invalid"),
        ("KubePodNotScheduled", None, "unschedulable"),
        ("Watchdog", None, ""),
    ] {
        let world = World::new().alert(name, reason, "");
        assert_eq!(world.read(), expected, "{name}");
        assert!(world.findings().iter().all(|finding| finding.confidence <= 0.5));
    }
}

#[test]
fn alerts_are_silent_where_the_cluster_speaks() {
    let world = World::new()
        .alert("KubePodCrashLooping", Some("CrashLoopBackOff"), "")
        .workload(broken(vec![pod(crashing("OOMKilled", 137, ""))]));
    assert_eq!(world.read(), "oom_killed replicas_missing-");
}

#[test]
fn rollouts_and_other_changes() {
    // New errors right after a rollout, and nothing more direct.
    let mut state = healthy();
    state.rollouts = rollouts(&["image: app:1 → app:2"]);
    let world = World::new().workload(state).log("level=error msg=\"template rendering broke\"");
    assert_eq!(world.read(), "bad_rollout new_errors-");
    // What was rolled out after the trouble is a remedy.
    let mut state = healthy();
    state.rollouts = rollouts(&["image: app:1 → app:2"]);
    state.rollouts[0].at = Some(at(500));
    assert_eq!(World::new().workload(state).log("level=error msg=\"template rendering broke\"").read(), "new_errors-");
    // A stuck rollout while the old revision serves.
    let mut state = broken(vec![pod(ContainerState { ready: false, ..running() })]);
    state.rollouts = rollouts(&["image: app:1 → app:2"]);
    state.conditions = vec![condition("Progressing", "False", "ProgressDeadlineExceeded", "")];
    state.ready = 1;
    let stuck = World::new().workload(state).best();
    assert_eq!((stuck.phrase.as_str(), stuck.role), ("rollout_stuck", Role::Cause));
    // A ConfigMap of the namespace changed.
    let change = ChangeFact {
        at: at(-100),
        object: object(SubjectKind::Workload, "shop/settings"),
        kind: ChangeKind::Config,
        what: "ConfigMap settings changed".into(),
    };
    assert_eq!(
        World::new().workload(healthy()).changes(vec![change]).log("level=error msg=\"boom\"").read(),
        "bad_rollout new_errors-"
    );
}

#[test]
fn autoscalers_and_quotas() {
    let mut state = healthy();
    state.autoscaler = Some(AutoscalerState {
        name: "web".into(),
        min: 2,
        max: 10,
        current: 10,
        desired: 10,
        conditions: vec![condition("ScalingLimited", "True", "TooManyReplicas", "")],
    });
    assert_eq!(World::new().workload(state.clone()).best().phrase, "autoscaler_at_max");
    state.autoscaler = Some(AutoscalerState {
        name: "web".into(),
        min: 2,
        max: 10,
        current: 2,
        desired: 2,
        conditions: vec![condition("ScalingActive", "False", "FailedGetResourceMetric", "unable to get metrics")],
    });
    assert_eq!(World::new().workload(state).best().phrase, "autoscaler_blind");
    let quota =
        QuotaUse { quota: "compute".into(), resource: "pods".into(), used: "10".into(), hard: "10".into(), ratio: 1.0 };
    let full = NamespaceState { quotas: vec![quota], terminating: false };
    let world = World::new().about(object(SubjectKind::Namespace, "shop"), "", EvidenceData::Namespace(full));
    assert_eq!(world.read(), "quota_exceeded~");
}

#[test]
fn a_service_that_selects_nothing() {
    let empty = ServiceState { endpoints_not_ready: 0, backend: None, ..service("shop/web", "10.0.0.9", 0) };
    let world = World::of(SubjectKind::Service, "shop/web").service(empty).about(
        deployment("shop/web"),
        "",
        EvidenceData::Workload(Box::new(healthy())),
    );
    assert_eq!(world.best().phrase, "config_no_pods_selected");
}
