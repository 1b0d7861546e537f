//! A believable incident with every kind of evidence, for tests of texts and pages.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};

use crate::domain::alert::{Alert, AlertStatus, Labels};
use crate::domain::cluster::*;
use crate::domain::evidence::*;
use crate::domain::finding::{Cause, Finding, FindingKind, Role};
use crate::domain::incident::{Changed, Incident, IncidentId, Progress, Related, Relation};
use crate::domain::investigation::{Investigation, RunbookRef, Unavailable};
use crate::domain::redact::Redactor;
use crate::domain::series::{Limit, SeriesData, SeriesLine, Summary};
use crate::domain::subject::{ObjectRef, Subject, SubjectKind};
use crate::domain::unit::Unit;
use crate::domain::window::Window;

pub const MI: f64 = 1024.0 * 1024.0;

/// Seconds after 22:48:35.
pub fn at(seconds: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 22, 22, 48, 35).unwrap() + TimeDelta::seconds(seconds)
}

pub fn object(kind: SubjectKind, name: &str) -> ObjectRef {
    ObjectRef { kind, namespace: Some("shop".into()), name: name.into() }
}

pub fn alert(name: &str, severity: &str, pod: &str, starts: i64, ends: Option<i64>) -> Alert {
    Alert {
        fingerprint: format!(
            "{:016x}",
            name.bytes().chain(pod.bytes()).fold(7u64, |h, b| h.wrapping_mul(31) + u64::from(b))
        ),
        status: if ends.is_some() { AlertStatus::Resolved } else { AlertStatus::Firing },
        labels: Labels::from([
            ("alertname".into(), name.into()),
            ("severity".into(), severity.into()),
            ("namespace".into(), "shop".into()),
            ("deployment".into(), "checkout".into()),
            ("pod".into(), pod.into()),
            ("container".into(), "app".into()),
        ]),
        annotations: Labels::from([("summary".into(), format!("{name} for {pod} in shop"))]),
        starts_at: at(starts),
        ends_at: ends.map(at),
        generator_url: "http://vmalert.monitoring:8880/vmalert/alert?group_id=1".into(),
    }
}

pub fn incident_of(alerts: &[Alert], minute: i64) -> Incident {
    let first = &alerts[0];
    let mut subject = Subject::of(first);
    subject.pods.clear();
    let mut incident = Incident::open(subject.correlation_key(first.name()), subject, first, at(20));
    let mut changed = Changed::default();
    for alert in alerts {
        incident.take(alert, &Subject::of(alert), &mut changed);
    }
    incident.settle(at(minute * 60), &mut changed);
    incident
}

/// checkout runs out of memory after a rollout.
pub fn incident() -> Incident {
    let mut incident = incident_of(
        &[
            alert("KubePodCrashLooping", "critical", "checkout-7464b59bfd-6rjrg", 0, None),
            alert("KubePodCrashLooping", "critical", "checkout-7464b59bfd-x2k9p", 14, None),
            alert("KubeDeploymentReplicasMismatch", "warning", "checkout-7464b59bfd-6rjrg", 60, None),
        ],
        2,
    );
    incident.progress = Progress::Done { at: at(48) };
    incident.investigations = 1;
    incident.notifications = 2;
    incident.cause = Cause::among(&findings());
    incident.related = vec![Related {
        id: IncidentId("i-77ab01c2de".into()),
        title: "HttpErrors5xx on shop/frontend".into(),
        relation: Relation::Causes,
    }];
    incident
}

/// The same, over.
pub fn resolved() -> Incident {
    let mut incident = incident();
    let mut changed = Changed::default();
    for alert in incident.alerts.clone() {
        let ended = Alert { status: AlertStatus::Resolved, ends_at: Some(at(492)), ..alert };
        incident.take(&ended, &Subject::of(&ended), &mut changed);
    }
    incident.settle(at(500), &mut changed);
    incident
}

/// Many things at once on one node.
pub fn storm() -> Incident {
    let mut first = alert("KubePodNotReady", "warning", "web-7464b59bfd-6rjrg", 0, None);
    first.labels.insert("node".into(), "worker-3".into());
    let mut incident = incident_of(&[first], 1);
    incident.subject = Subject::new(SubjectKind::Node, None, "worker-3".into());
    incident.title = "Storm on worker-3".into();
    incident.key = "/storm/node/worker-3".into();
    incident.folded = (0..40).map(|n| (format!("shop/service-{n}"), if n == 7 { 31 } else { 1 })).collect();
    incident.folded.insert("…".into(), 917);
    incident
}

pub fn findings() -> Vec<Finding> {
    let about = object(SubjectKind::Deployment, "checkout");
    let ids = |ids: &[u16]| ids.iter().map(|id| EvidenceId(*id)).collect();
    let say = |finding: Option<Finding>, claim: &str, check: Option<&str>| {
        let mut finding = finding.unwrap();
        finding.claim = claim.into();
        finding.check = check.map(Into::into);
        finding
    };
    vec![
        say(
            Finding::new(FindingKind::OomKilled, Role::Cause, 0.93, about.clone(), "oom_killed_at_limit", ids(&[1, 3])),
            "Container `app` of `shop/checkout` was killed at its memory limit of 48 MiB; it grew 1.4 MiB/s until then.",
            Some("Compare the heap of `web:1.9` with `web:1.8`; the limit did not change."),
        ),
        say(
            Finding::new(
                FindingKind::BadRollout,
                Role::Contributing,
                0.7,
                about.clone(),
                "rollout_before",
                ids(&[3, 5]),
            ),
            "Revision 4 (`image: web:1.8 → web:1.9`) was rolled out 2 min 5 s before the onset.",
            Some("Undo the rollout to revision 3 and see whether memory stays flat."),
        ),
        say(
            Finding::new(FindingKind::CrashLoop, Role::Symptom, 0.9, about, "crash_loop", ids(&[3, 4])),
            "`app` was restarted 7 times and now waits in CrashLoopBackOff.",
            None,
        ),
    ]
}

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
    }
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

pub fn evidence(excerpt: impl Fn(&EvidenceData) -> String) -> Vec<Evidence> {
    let redactor = Redactor::new();
    (1..)
        .zip(all_data())
        .map(|(id, (source, title, data))| {
            let draft = Draft {
                source,
                about: object(SubjectKind::Deployment, "checkout"),
                title: title.into(),
                query: match source {
                    Source::Metrics => {
                        "max by (pod) (container_memory_working_set_bytes{namespace=\"shop\", container!=\"\"})".into()
                    }
                    Source::Logs => "{kubernetes.pod_namespace=\"shop\"} kubernetes.pod_name:~\"^checkout-\"".into(),
                    _ => String::new(),
                },
                window: Window::new(at(-900), at(900)),
                data,
                link: (source == Source::Metrics).then(|| "https://vmui.example.com/#/?g0.expr=up(x)".into()),
            };
            Evidence::new(EvidenceId(id), draft, &redactor, &excerpt)
        })
        .collect()
}

pub fn investigation(excerpt: impl Fn(&EvidenceData) -> String) -> Investigation {
    Investigation {
        run: 1,
        started_at: Some(at(21)),
        finished_at: Some(at(48)),
        evidence: evidence(excerpt),
        findings: findings(),
        runbooks: vec![RunbookRef {
            id: "oom-killed".into(),
            title: "Container killed for memory".into(),
            score: 0.91,
        }],
        unavailable: vec![Unavailable { source: Source::Knowledge, reason: "did not answer within 10 s".into() }],
    }
}

/// Facts of a finding that no file has a phrase for.
pub fn unknown_finding() -> Finding {
    let about = object(SubjectKind::Service, "payments");
    let mut finding =
        Finding::new(FindingKind::HttpErrors, Role::Symptom, 0.4, about, "no_such_phrase", vec![EvidenceId(1)])
            .unwrap();
    finding.facts = BTreeMap::from([("rate".into(), "12/s".into())]);
    finding
}
