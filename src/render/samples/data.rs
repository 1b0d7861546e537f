//! One of every kind of evidence data.

use super::{at, object};
use crate::domain::alert::AlertStatus;
use crate::domain::cluster::*;
use crate::domain::evidence::*;
use crate::domain::finding::FindingKind;
use crate::domain::incident::IncidentId;
use crate::domain::passage::{Collection, Passage};
use crate::domain::past_incident::{History, Likeness, PastCause, PastIncident, Said};
use crate::domain::series::{Limit, SeriesData, SeriesLine, Summary};
use crate::domain::subject::SubjectKind;
use crate::domain::unit::Unit;

const MI: f64 = 1024.0 * 1024.0;

pub fn series() -> EvidenceData {
    let line = |name: &str, phase: i64| SeriesLine {
        name: name.into(),
        points: (0..120)
            .map(|n| {
                let x = ((n + phase) % 20) as f64;
                let value = if n < 55 { 12.0 + (x / 6.0).sin() } else { (14.0 + x * 1.8).min(48.0) };
                (at(-900 + n * 15).timestamp_millis(), value * MI)
            })
            .collect(),
    };
    EvidenceData::Series(SeriesData {
        unit: Unit::Bytes,
        lines: vec![line("checkout-7464b59bfd-6rjrg", 0), line("checkout-7464b59bfd-x2k9p", 7)],
        folded: 2,
        limit: Some(Limit { label: "memory limit".into(), value: 48.0 * MI }),
        summary: Some(Summary {
            series: "checkout-7464b59bfd-6rjrg".into(),
            now: 47.9 * MI,
            peak: 48.0 * MI,
            peak_at: at(205),
            baseline: Some(12.0 * MI),
            stepped_at: Some(at(-75)),
            ratio_to_limit: Some(1.0),
            trend_per_second: Some(1.4 * MI),
        }),
        partial: false,
    })
}

pub fn patterns() -> EvidenceData {
    let pattern = |novelty, level: &str, template: &str, count, baseline_count, example: &str| LogPattern {
        id: "a1".into(),
        template: template.into(),
        level: Some(level.into()),
        count,
        baseline_count,
        novelty,
        first: Some(at(-40)),
        last: Some(at(200)),
        example: example.into(),
    };
    EvidenceData::Patterns(LogPatterns {
        lines: 1204,
        baseline_lines: 1180,
        cut: false,
        patterns: vec![
            pattern(
                Novelty::New,
                "error",
                "java.lang.OutOfMemoryError: Java heap space (request <*>)",
                12,
                0,
                "java.lang.OutOfMemoryError: Java heap space (request 8f21)\n\tat shop.Cart.copy(Cart.java:88)\n\tat shop.Cart.price(Cart.java:41)",
            ),
            pattern(Novelty::MoreFrequent, "warn", "GC pause <*> ms", 310, 12, "GC pause 812 ms"),
            pattern(Novelty::Usual, "info", "GET /cart/<*> 200", 880, 902, "GET /cart/17 200"),
        ],
        folded: 4,
    })
}

pub fn workload() -> EvidenceData {
    let container = ContainerState {
        name: "app".into(),
        image: "registry.example.com/shop/web:1.9".into(),
        restarts: 7,
        waiting: Some(Waiting {
            reason: "CrashLoopBackOff".into(),
            message: "back-off 2m40s restarting failed container".into(),
        }),
        last_termination: Some(Termination {
            reason: "OOMKilled".into(),
            exit_code: 137,
            message: String::new(),
            started_at: Some(at(170)),
            finished_at: Some(at(205)),
        }),
        ..ContainerState::default()
    };
    let pod = |name: &str| PodState {
        name: name.into(),
        phase: "Running".into(),
        node: Some("worker-2".into()),
        revision: Some("7464b59bfd".into()),
        created_at: Some(at(-125)),
        containers: vec![container.clone()],
        ..PodState::default()
    };
    let healthy = PodState {
        ready: true,
        revision: Some("5d8c7f9b4".into()),
        containers: vec![ContainerState {
            name: "app".into(),
            image: "registry.example.com/shop/web:1.8".into(),
            ready: true,
            running_since: Some(at(-86_400)),
            ..ContainerState::default()
        }],
        ..pod("checkout-5d8c7f9b4-kk2vd")
    };
    EvidenceData::Workload(Box::new(WorkloadState {
        desired: 3,
        ready: 1,
        available: 1,
        updated: 2,
        conditions: vec![Condition {
            kind: "Available".into(),
            status: "False".into(),
            reason: "MinimumReplicasUnavailable".into(),
            message: "Deployment does not have minimum availability.".into(),
            since: Some(at(-10)),
        }],
        containers: vec![ContainerSpec {
            name: "app".into(),
            image: "registry.example.com/shop/web:1.9".into(),
            memory_limit: Some(48 * 1024 * 1024),
            memory_request: Some(32 * 1024 * 1024),
            cpu_request: Some(250),
            probes: vec!["readiness: GET /healthz:8080 every 10 s, 3 failures".into()],
            ..ContainerSpec::default()
        }],
        pods: vec![pod("checkout-7464b59bfd-6rjrg"), pod("checkout-7464b59bfd-x2k9p"), healthy],
        pods_total: 3,
        rollouts: vec![
            Rollout {
                revision: 4,
                name: "checkout-7464b59bfd".into(),
                at: Some(at(-125)),
                replicas: 2,
                cause: None,
                changes: vec!["image: web:1.8 → web:1.9".into(), "env CACHE_SIZE added".into()],
            },
            Rollout {
                revision: 3,
                name: "checkout-5d8c7f9b4".into(),
                at: Some(at(-86_400)),
                replicas: 1,
                ..Rollout::default()
            },
        ],
        managed_by: Some("Argo CD application shop".into()),
        autoscaler: Some(AutoscalerState {
            name: "checkout".into(),
            min: 2,
            max: 6,
            current: 3,
            desired: 3,
            conditions: vec![],
        }),
        services: vec![service_state()],
        ..WorkloadState::default()
    }))
}

fn service_state() -> ServiceState {
    ServiceState {
        namespace: "shop".into(),
        name: "checkout".into(),
        cluster_ip: "10.0.0.58".into(),
        ports: vec!["80→8080/TCP".into()],
        endpoints_ready: 1,
        endpoints_not_ready: 2,
        backend: Some(object(SubjectKind::Deployment, "checkout")),
        asked: Vec::new(),
    }
}

fn history() -> History {
    let past = |id: &str, days: i64, said: &[&str]| PastIncident {
        id: IncidentId(id.into()),
        title: "KubePodCrashLooping on shop/checkout".into(),
        cluster: None,
        subject: object(SubjectKind::Deployment, "checkout"),
        alerts: vec!["KubePodCrashLooping".into()],
        cause: Some(PastCause {
            kind: FindingKind::OomKilled,
            claim: "app was killed at its memory limit of 32 MiB.".into(),
            about: object(SubjectKind::Deployment, "checkout"),
        }),
        changes: Vec::new(),
        said: said.iter().map(|text| Said { author: "alice".into(), text: (*text).into() }).collect(),
        actions: Vec::new(),
        started_at: at(-86_400 * days),
        resolved_at: at(-86_400 * days + 1_260),
    };
    let alike = [
        (Likeness::Repeat, past("i-2222222222", 2, &[])),
        (Likeness::Repeat, past("i-1111111111", 30, &["raised the limit to 48Mi, @channel"])),
    ];
    History::of(&alike).unwrap()
}

/// Every kind of data once, by the number it gets.
pub fn all_data() -> Vec<(Source, &'static str, EvidenceData)> {
    vec![
        (Source::Metrics, "Memory by pod", series()),
        (Source::Logs, "Log patterns of checkout", patterns()),
        (Source::Kubernetes, "Deployment shop/checkout: 1 of 3 ready", workload()),
        (
            Source::Kubernetes,
            "Events of shop/checkout",
            EvidenceData::Events {
                events: vec![EventFact {
                    kind: "Warning".into(),
                    reason: "BackOff".into(),
                    object: "Pod checkout-7464b59bfd-6rjrg".into(),
                    message: "Back-off restarting failed container app in pod checkout-7464b59bfd-6rjrg".into(),
                    count: 17,
                    first: Some(at(-20)),
                    last: Some(at(190)),
                }],
            },
        ),
        (
            Source::Changes,
            "Changes around the onset",
            EvidenceData::Changes {
                changes: vec![
                    ChangeFact {
                        at: at(-125),
                        object: object(SubjectKind::Deployment, "checkout"),
                        kind: ChangeKind::Rollout,
                        what: "revision 4: image web:1.8 → web:1.9".into(),
                    },
                    ChangeFact {
                        at: at(-3_700),
                        object: object(SubjectKind::Workload, "checkout-config"),
                        kind: ChangeKind::Config,
                        what: "ConfigMap checkout-config changed".into(),
                    },
                ],
            },
        ),
        (
            Source::Kubernetes,
            "Node worker-2",
            EvidenceData::Node(Box::new(NodeState {
                name: "worker-2".into(),
                ready: false,
                conditions: vec![Condition {
                    kind: "MemoryPressure".into(),
                    status: "True".into(),
                    reason: "KubeletHasInsufficientMemory".into(),
                    message: "kubelet has insufficient memory available".into(),
                    since: Some(at(-30)),
                }],
                taints: vec!["node.kubernetes.io/memory-pressure:NoSchedule".into()],
                unschedulable: true,
                allocatable: vec!["cpu 4".into(), "memory 16Gi".into()],
                version: "v1.34.1".into(),
                unhealthy_pods: vec![PodState {
                    name: "checkout-7464b59bfd-6rjrg".into(),
                    phase: "Failed".into(),
                    reason: Some("Evicted".into()),
                    ..PodState::default()
                }],
                pods_total: 41,
            })),
        ),
        (Source::Kubernetes, "Service shop/checkout", EvidenceData::Service(service_state())),
        (
            Source::Kubernetes,
            "Limits of namespace shop",
            EvidenceData::Namespace(NamespaceState {
                quotas: vec![QuotaUse {
                    quota: "compute".into(),
                    resource: "limits.memory".into(),
                    used: "15Gi".into(),
                    hard: "16Gi".into(),
                    ratio: 0.9375,
                }],
                terminating: false,
            }),
        ),
        (Source::Knowledge, "Seen before", EvidenceData::History(Box::new(history()))),
        (
            Source::Knowledge,
            "Written about checkout",
            EvidenceData::Passages {
                passages: vec![Passage {
                    collection: Collection::Notes,
                    source: "note n-81c0aa11f2".into(),
                    title: "Memory of checkout".into(),
                    text: "The cart cache grows with every campaign.\n\nRaise the limit *before* one.".into(),
                    score: 1.0,
                    link: None,
                    at: Some(at(-864_000)),
                }],
            },
        ),
        (
            Source::Kubernetes,
            "Alerts",
            EvidenceData::Alerts {
                alerts: vec![AlertFact {
                    name: "KubePodCrashLooping".into(),
                    status: AlertStatus::Firing,
                    text: "Pod is crash looping".into(),
                    reason: Some("CrashLoopBackOff".into()),
                }],
            },
        ),
    ]
}
