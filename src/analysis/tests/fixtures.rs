//! Evidence in a few words, for tables of cases.

use chrono::{DateTime, TimeDelta, Utc};

use crate::analysis::metric_role::Worst;
use crate::analysis::{PHRASES, analyse};
use crate::domain::alert::AlertStatus;
use crate::domain::cluster::*;
use crate::domain::evidence::*;
use crate::domain::finding::{Finding, Role};
use crate::domain::redact::Redactor;
use crate::domain::series::{Limit, SeriesData, SeriesLine};
use crate::domain::subject::{ObjectRef, Subject, SubjectKind};
use crate::domain::unit::Unit;
use crate::domain::window::Window;

/// 22:48:30, when the alerts began.
pub fn onset() -> DateTime<Utc> {
    "2026-11-22T22:48:30Z".parse().unwrap()
}

/// So many seconds after the onset (before it: negative).
pub fn at(seconds: i64) -> DateTime<Utc> {
    onset() + TimeDelta::seconds(seconds)
}

/// `Deployment shop/web`.
pub fn object(kind: SubjectKind, path: &str) -> ObjectRef {
    let (namespace, name) = match path.split_once('/') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name),
        None => (None, path),
    };
    ObjectRef { kind, namespace, name: name.to_owned() }
}

pub fn deployment(path: &str) -> ObjectRef {
    object(SubjectKind::Deployment, path)
}

/// Evidence in the order it is added.
pub struct World {
    pub subject: Subject,
    pub evidence: Vec<Evidence>,
}

impl World {
    /// A Deployment `shop/web` about which nothing is known.
    pub fn new() -> Self {
        Self::of(SubjectKind::Deployment, "shop/web")
    }

    pub fn of(kind: SubjectKind, path: &str) -> Self {
        let about = object(kind, path);
        Self { subject: Subject::new(kind, about.namespace, about.name), evidence: Vec::new() }
    }

    pub fn about(mut self, about: ObjectRef, query: &str, data: EvidenceData) -> Self {
        let id = EvidenceId(self.evidence.len() as u16 + 1);
        let draft = Draft {
            source: Source::Kubernetes,
            about,
            title: "t".into(),
            query: query.into(),
            window: Window::around(onset(), at(600)),
            data,
            link: None,
        };
        self.evidence.push(Evidence::new(id, draft, &Redactor::new(), |_| String::new()));
        self
    }

    fn own(self, query: &str, data: EvidenceData) -> Self {
        let about = self.subject.object();
        self.about(about, query, data)
    }

    pub fn workload(self, state: WorkloadState) -> Self {
        self.own("", EvidenceData::Workload(Box::new(state)))
    }

    pub fn logs(self, patterns: Vec<LogPattern>) -> Self {
        self.own("", self::patterns(patterns))
    }

    pub fn log(self, example: &str) -> Self {
        self.logs(vec![pattern(example)])
    }

    pub fn events(self, events: Vec<EventFact>) -> Self {
        self.own("", EvidenceData::Events { events })
    }

    pub fn event(self, object: &str, reason: &str, message: &str) -> Self {
        self.events(vec![event(object, reason, message, 12)])
    }

    pub fn node(self, state: NodeState) -> Self {
        let about = object(SubjectKind::Node, &state.name);
        self.about(about, "", EvidenceData::Node(Box::new(state)))
    }

    pub fn service(self, service: ServiceState) -> Self {
        let about = ObjectRef {
            kind: SubjectKind::Service,
            namespace: Some(service.namespace.clone()),
            name: service.name.clone(),
        };
        self.about(about, "", EvidenceData::Service(service))
    }

    pub fn changes(self, changes: Vec<ChangeFact>) -> Self {
        self.own("", EvidenceData::Changes { changes })
    }

    pub fn alert(self, name: &str, reason: Option<&str>, text: &str) -> Self {
        let alert = AlertFact {
            name: name.into(),
            status: AlertStatus::Firing,
            text: text.into(),
            reason: reason.map(str::to_owned),
        };
        self.own("", EvidenceData::Alerts { alerts: vec![alert] })
    }

    /// A chart with one line, a point every 15 s up to five minutes after the onset, compared with its first third.
    pub fn series(self, query: &str, unit: Unit, limit: Option<f64>, values: &[f64]) -> Self {
        let first = at(300).timestamp_millis() - 15_000 * values.len() as i64;
        let point = |(index, value): (usize, &f64)| (first + 15_000 * index as i64, *value);
        let points: Vec<_> = values.iter().enumerate().map(point).collect();
        let (before, within) = points.split_at(points.len() / 3);
        let line = |points: &[(i64, f64)]| SeriesLine { name: "web-1".into(), points: points.to_vec() };
        let summary = crate::analysis::shape::summarise(&[line(within)], &[line(before)], limit, Worst::of(query));
        let data = SeriesData {
            unit,
            lines: vec![line(within)],
            folded: 0,
            limit: limit.map(|value| Limit { label: "limit".into(), value }),
            summary,
            partial: false,
        };
        self.own(query, EvidenceData::Series(data))
    }

    /// The findings, each checked for what must hold of all.
    pub fn findings(&self) -> Vec<Finding> {
        let findings = analyse(&self.subject, &self.evidence, onset());
        check(&findings, &self.evidence);
        findings
    }

    /// `oom_killed; bad_rollout~; replicas_missing-`: a tilde contributes, a dash is a symptom.
    pub fn read(&self) -> String {
        let mark = |role| match role {
            Role::Cause => "",
            Role::Contributing => "~",
            Role::Symptom => "-",
        };
        let findings = self.findings();
        findings.iter().map(|f| format!("{}{}", f.kind.as_str(), mark(f.role))).collect::<Vec<_>>().join(" ")
    }

    /// The phrase and a fact of the best finding.
    pub fn best(&self) -> Finding {
        self.findings().into_iter().next().expect("a finding")
    }
}

/// What holds of every finding.
pub fn check(findings: &[Finding], evidence: &[Evidence]) {
    for finding in findings {
        assert!((0.0..=1.0).contains(&finding.confidence), "{finding:?}");
        assert!(!finding.evidence.is_empty(), "{finding:?}");
        assert!(finding.evidence.iter().all(|id| evidence.iter().any(|piece| piece.id == *id)), "{finding:?}");
        assert!(PHRASES.contains(&finding.phrase.as_str()), "{finding:?}");
        assert!(finding.facts.values().all(|value| value.len() <= 310 && !value.contains('\n')), "{finding:?}");
    }
}

pub fn patterns(patterns: Vec<LogPattern>) -> EvidenceData {
    EvidenceData::Patterns(LogPatterns { lines: 1000, baseline_lines: 900, patterns, ..LogPatterns::default() })
}

/// A new error pattern since 20 s before the onset.
pub fn pattern(example: &str) -> LogPattern {
    LogPattern {
        id: "p".into(),
        template: example.into(),
        level: Some("error".into()),
        count: 40,
        baseline_count: 0,
        novelty: Novelty::New,
        first: Some(at(-20)),
        last: Some(at(200)),
        example: example.into(),
    }
}

/// The same as before the onset.
pub fn usual(example: &str) -> LogPattern {
    LogPattern { novelty: Novelty::Usual, baseline_count: 40, level: Some("info".into()), ..pattern(example) }
}

pub fn event(object: &str, reason: &str, message: &str, count: u32) -> EventFact {
    EventFact {
        kind: "Warning".into(),
        reason: reason.into(),
        object: object.into(),
        message: message.into(),
        count,
        first: Some(at(-20)),
        last: Some(at(200)),
    }
}

pub fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Condition {
    Condition {
        kind: kind.into(),
        status: status.into(),
        reason: reason.into(),
        message: message.into(),
        since: Some(at(-30)),
    }
}

/// Two pods wanted, none ready, one container `app` with a limit of 64 MiB.
pub fn broken(pods: Vec<PodState>) -> WorkloadState {
    WorkloadState {
        desired: 2,
        pods_total: pods.len(),
        pods,
        containers: vec![ContainerSpec {
            name: "app".into(),
            image: "registry.example/app:2".into(),
            memory_limit: Some(64 << 20),
            cpu_limit: Some(500),
            cpu_request: Some(250),
            ..ContainerSpec::default()
        }],
        ..WorkloadState::default()
    }
}

/// Everything ready.
pub fn healthy() -> WorkloadState {
    let pod = PodState { ready: true, phase: "Running".into(), ..pod(running()) };
    WorkloadState { ready: 2, available: 2, updated: 2, ..broken(vec![pod]) }
}

pub fn pod(container: ContainerState) -> PodState {
    PodState {
        name: "web-7464b59bfd-6rjrg".into(),
        phase: "Running".into(),
        node: Some("n1".into()),
        created_at: Some(at(-60)),
        revision: Some("7464b59bfd".into()),
        containers: vec![container],
        ..PodState::default()
    }
}

pub fn running() -> ContainerState {
    ContainerState { name: "app".into(), ready: true, running_since: Some(at(-9000)), ..ContainerState::default() }
}

pub fn waiting(reason: &str, message: &str) -> ContainerState {
    ContainerState {
        name: "app".into(),
        image: "registry.example/app:2".into(),
        waiting: Some(Waiting { reason: reason.into(), message: message.into() }),
        ..ContainerState::default()
    }
}

/// In a crash loop; its last run took 18 s.
pub fn crashing(reason: &str, exit_code: i32, message: &str) -> ContainerState {
    ContainerState {
        restarts: 5,
        last_termination: Some(Termination {
            reason: reason.into(),
            exit_code,
            message: message.into(),
            started_at: Some(at(172)),
            finished_at: Some(at(190)),
        }),
        ..waiting("CrashLoopBackOff", "back-off 2m40s restarting failed container")
    }
}

/// A Pending pod with the scheduler's message.
pub fn unscheduled(message: &str) -> PodState {
    PodState {
        phase: "Pending".into(),
        node: None,
        containers: Vec::new(),
        conditions: vec![condition("PodScheduled", "False", "Unschedulable", message)],
        ..pod(running())
    }
}

/// Revision 2, 29 s before the onset, after revision 1 of the day before.
pub fn rollouts(changes: &[&str]) -> Vec<Rollout> {
    vec![
        Rollout {
            revision: 2,
            name: "web-7464b59bfd".into(),
            at: Some(at(-29)),
            replicas: 2,
            cause: None,
            changes: changes.iter().map(|change| (*change).to_owned()).collect(),
        },
        Rollout { revision: 1, name: "web-6844b544d".into(), at: Some(at(-86_400)), ..Rollout::default() },
    ]
}

pub fn service(path: &str, address: &str, ready: usize) -> ServiceState {
    let about = deployment(path);
    ServiceState {
        namespace: about.namespace.clone().unwrap_or_default(),
        name: about.name.clone(),
        cluster_ip: address.into(),
        ports: vec!["80→8080/TCP".into()],
        endpoints_ready: ready,
        endpoints_not_ready: 1,
        backend: Some(about),
        asked: Vec::new(),
    }
}

pub fn not_ready_node(name: &str) -> NodeState {
    NodeState {
        name: name.into(),
        conditions: vec![condition("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")],
        pods_total: 9,
        ..NodeState::default()
    }
}

pub fn failed_run(name: &str, start: i64) -> JobRun {
    JobRun {
        name: name.into(),
        started_at: Some(at(start)),
        finished_at: Some(at(start + 20)),
        failed: 2,
        backoff_limit: 1,
        failure: Some(condition(
            "Failed",
            "True",
            "BackoffLimitExceeded",
            "Job has reached the specified backoff limit",
        )),
        ..JobRun::default()
    }
}
