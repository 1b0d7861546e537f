//! Findings: what the analysers claim, and by which evidence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::evidence::EvidenceId;
use super::subject::ObjectRef;

/// What kind of trouble; the snake_case names are part of the API and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// The kernel killed a container at its memory limit or on a full node, or its runtime ran out of heap.
    OomKilled,
    /// Memory nears its limit, or grows without end.
    MemoryHigh,
    /// The process ends because its configuration is missing or wrong.
    ConfigError,
    /// The process ends again and again for a reason of its own.
    CrashLoop,
    /// Something it calls does not answer.
    DependencyUnreachable,
    /// The image cannot be pulled.
    ImagePull,
    /// No node takes the pod.
    Unschedulable,
    /// A Job failed for good.
    JobFailed,
    /// A rollout or configuration change just before the onset.
    BadRollout,
    /// A node is not ready.
    NodeNotReady,
    /// A node is short of memory, disk or process ids.
    NodePressure,
    /// A disk or volume is full or will soon be.
    DiskFull,
    /// A volume cannot be bound, attached or mounted.
    VolumeUnavailable,
    /// The CPU limit holds the container back.
    CpuThrottled,
    /// A readiness, liveness or startup probe fails.
    ProbeFailing,
    /// Requests answered with 5xx.
    HttpErrors,
    /// A certificate expired or is not trusted.
    CertificateInvalid,
    /// A login or permission was refused.
    AuthFailed,
    /// A quota or the autoscaler's bound is reached.
    QuotaExceeded,
    /// Answers take longer than before.
    SlowResponses,
    /// Many more requests than before.
    TrafficSurge,
    /// Fewer pods are ready than wanted.
    ReplicasMissing,
    /// Errors in the log that were not there before.
    NewErrors,
}

impl FindingKind {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OomKilled => "oom_killed",
            Self::MemoryHigh => "memory_high",
            Self::ConfigError => "config_error",
            Self::CrashLoop => "crash_loop",
            Self::DependencyUnreachable => "dependency_unreachable",
            Self::ImagePull => "image_pull",
            Self::Unschedulable => "unschedulable",
            Self::JobFailed => "job_failed",
            Self::BadRollout => "bad_rollout",
            Self::NodeNotReady => "node_not_ready",
            Self::NodePressure => "node_pressure",
            Self::DiskFull => "disk_full",
            Self::VolumeUnavailable => "volume_unavailable",
            Self::CpuThrottled => "cpu_throttled",
            Self::ProbeFailing => "probe_failing",
            Self::HttpErrors => "http_errors",
            Self::CertificateInvalid => "certificate_invalid",
            Self::AuthFailed => "auth_failed",
            Self::QuotaExceeded => "quota_exceeded",
            Self::SlowResponses => "slow_responses",
            Self::TrafficSurge => "traffic_surge",
            Self::ReplicasMissing => "replicas_missing",
            Self::NewErrors => "new_errors",
        }
    }
}

/// Whether a finding explains the others or is explained by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Explains what is seen.
    Cause,
    /// Came with it, and may have made it happen: a change just before the onset.
    Contributing,
    /// Is what is seen.
    Symptom,
}

/// A claim with its evidence. No finding exists without evidence: see [`Finding::new`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Kind of trouble.
    pub kind: FindingKind,
    /// Cause, contribution or symptom.
    pub role: Role,
    /// Which sentence says it: a name in `templates/<language>/findings`, e.g. `oom_killed_at_limit`.
    pub phrase: String,
    /// What the sentence is filled with: short, already formatted values (`limit` = `48 MiB`).
    pub facts: BTreeMap<String, String>,
    /// One or two sentences in the installation's language, safe to show. Written by `render` from phrase and facts.
    pub claim: String,
    /// 0 to 1: how sure, by the strength of the evidence.
    pub confidence: f64,
    /// What it rests on; never empty.
    pub evidence: Vec<EvidenceId>,
    /// What it is about: the subject, or the dependency that broke.
    pub about: ObjectRef,
    /// What would confirm or refute it; written by `render` too.
    pub check: Option<String>,
}

impl Finding {
    /// A finding without its words, or `None` when there is no evidence to cite.
    pub fn new(
        kind: FindingKind,
        role: Role,
        confidence: f64,
        about: ObjectRef,
        phrase: &str,
        mut evidence: Vec<EvidenceId>,
    ) -> Option<Self> {
        evidence.sort_unstable();
        evidence.dedup();
        (!evidence.is_empty()).then(|| Self {
            kind,
            role,
            phrase: phrase.to_owned(),
            facts: BTreeMap::new(),
            claim: String::new(),
            confidence: confidence.clamp(0.0, 1.0),
            evidence,
            about,
            check: None,
        })
    }

    /// Adds a value that its sentence is filled with.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Into<String>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }
}

/// The likely cause, as an incident carries it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// Kind of trouble.
    pub kind: FindingKind,
    /// The finding's claim.
    pub claim: String,
    /// 0 to 1.
    pub confidence: f64,
    /// What broke, which may be something the subject depends on.
    pub about: ObjectRef,
}

impl Cause {
    /// The likely cause among `findings`, which are in order, best first: the first that is not a mere symptom, else the first.
    pub fn among(findings: &[Finding]) -> Option<Self> {
        let best = findings.iter().find(|finding| finding.role != Role::Symptom).or_else(|| findings.first())?;
        Some(Self {
            kind: best.kind,
            claim: best.claim.clone(),
            confidence: best.confidence,
            about: best.about.clone(),
        })
    }
}
