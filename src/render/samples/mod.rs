//! A believable incident with every kind of evidence, for tests of texts and pages.

pub mod data;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};

use crate::domain::alert::{Alert, AlertStatus, Labels};
use crate::domain::evidence::{Draft, Evidence, EvidenceData, EvidenceId, Source};
use crate::domain::finding::{Cause, Finding, FindingKind, Role};
use crate::domain::incident::{Changed, Incident, IncidentId, Progress, Related, Relation};
use crate::domain::investigation::{Investigation, RunbookRef, Unavailable};
use crate::domain::redact::Redactor;
use crate::domain::subject::{ObjectRef, Subject, SubjectKind};
use crate::domain::window::Window;

pub use data::all_data;

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
        incident.take(alert, &Subject::of(alert), at(minute * 60), &mut changed);
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
        incident.take(&ended, &Subject::of(&ended), at(492), &mut changed);
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
        slots: BTreeMap::new(),
        run: 1,
        started_at: Some(at(21)),
        trace: None,
        finished_at: Some(at(48)),
        evidence: evidence(excerpt),
        findings: findings(),
        runbooks: vec![RunbookRef {
            id: "oom-killed".into(),
            title: "Container killed for memory".into(),
            score: 0.91,
        }],
        unavailable: vec![Unavailable { source: Source::Knowledge, reason: "did not answer within 10 s".into() }],
        explanation: None,
        asked: Vec::new(),
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
