//! Evidence: what a neighbour said, numbered, bounded and free of secrets.
//!
//! [`Evidence::new`] is the only way to make one, so nothing unredacted can reach a thread, a model or the store.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::alert::AlertStatus;
use super::cluster::{ChangeFact, EventFact, NamespaceState, NodeState, ServiceState, WorkloadState};
use super::passage::Passage;
use super::past_incident::History;
use super::redact::Redactor;
use super::series::SeriesData;
use super::subject::ObjectRef;
use super::text;
use super::window::Window;

/// Longest excerpt, in bytes: a screen of text in a thread, a tenth of a small model's window.
pub const MAX_EXCERPT_BYTES: usize = 4 * 1024;

/// `E1`, `E2` … within one investigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EvidenceId(pub u16);

impl std::fmt::Display for EvidenceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "E{}", self.0)
    }
}

impl std::str::FromStr for EvidenceId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        text.strip_prefix('E')
            .and_then(|number| number.parse().ok())
            .map(Self)
            .ok_or_else(|| format!("`{}` is not an evidence id like E1", text::bounded(text, 20)))
    }
}

impl Serialize for EvidenceId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EvidenceId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Which neighbour it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// VictoriaMetrics or Prometheus.
    Metrics,
    /// VictoriaLogs, or pod logs from the Kubernetes API.
    Logs,
    /// The state of objects.
    Kubernetes,
    /// What changed around the onset.
    Changes,
    /// Runbooks and past incidents.
    Knowledge,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Metrics, Self::Logs, Self::Kubernetes, Self::Changes, Self::Knowledge];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Logs => "logs",
            Self::Kubernetes => "kubernetes",
            Self::Changes => "changes",
            Self::Knowledge => "knowledge",
        }
    }
}

/// A piece of evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Its number.
    pub id: EvidenceId,
    /// The neighbour.
    pub source: Source,
    /// What it is about: the subject, or something the subject depends on.
    pub about: ObjectRef,
    /// One line.
    pub title: String,
    /// What was asked, in the neighbour's own language.
    pub query: String,
    /// The range asked about.
    pub window: Window,
    /// What a person reads: bounded, redacted text.
    pub excerpt: String,
    /// The same for analysers and charts.
    pub data: EvidenceData,
    /// Where to look further.
    pub link: Option<String>,
}

/// Evidence before it has a number and before it was cleaned.
///
/// Adapters return facts; whoever asked them says in a draft what the facts are about.
#[derive(Debug, Clone)]
pub struct Draft {
    /// See [`Evidence::source`].
    pub source: Source,
    /// See [`Evidence::about`].
    pub about: ObjectRef,
    /// See [`Evidence::title`].
    pub title: String,
    /// See [`Evidence::query`].
    pub query: String,
    /// See [`Evidence::window`].
    pub window: Window,
    /// See [`Evidence::data`].
    pub data: EvidenceData,
    /// See [`Evidence::link`].
    pub link: Option<String>,
}

/// What analysers read, by kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EvidenceData {
    /// A chart's worth of series.
    Series(SeriesData),
    /// Log lines grouped into patterns.
    Patterns(LogPatterns),
    /// A workload, its pods and rollouts.
    Workload(Box<WorkloadState>),
    /// A node.
    Node(Box<NodeState>),
    /// A Service and its endpoints.
    Service(ServiceState),
    /// Aggregated events, newest first.
    Events {
        /// The events.
        events: Vec<EventFact>,
    },
    /// Changes around the onset, newest first.
    Changes {
        /// The changes.
        changes: Vec<ChangeFact>,
    },
    /// Quotas and such.
    Namespace(NamespaceState),
    /// What a tool read, as it was read: log lines, values, a list of objects.
    Text {
        /// Its lines.
        text: String,
    },
    /// Similar incidents of the past, and what helped then.
    History(Box<History>),
    /// What is written about something.
    Passages {
        /// Best first.
        passages: Vec<Passage>,
    },
    /// The alerts themselves, as evidence of last resort.
    Alerts {
        /// Name, status and annotations' text of each.
        alerts: Vec<AlertFact>,
    },
}

impl EvidenceData {
    /// Its kind by name, as in its serialised form.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Series(_) => "series",
            Self::Patterns(_) => "patterns",
            Self::Workload(_) => "workload",
            Self::Node(_) => "node",
            Self::Service(_) => "service",
            Self::Events { .. } => "events",
            Self::Changes { .. } => "changes",
            Self::Namespace(_) => "namespace",
            Self::Text { .. } => "text",
            Self::History(_) => "history",
            Self::Passages { .. } => "passages",
            Self::Alerts { .. } => "alerts",
        }
    }
}

/// An alert as evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertFact {
    /// `alertname`.
    pub name: String,
    /// Firing or resolved.
    pub status: AlertStatus,
    /// Summary or description.
    pub text: String,
    /// Reason-like labels: `OOMKilled`, `CrashLoopBackOff`.
    pub reason: Option<String>,
}

/// Log lines of one subject over Window and Baseline.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogPatterns {
    /// Lines read in the Window.
    pub lines: u64,
    /// Lines read in the Baseline.
    pub baseline_lines: u64,
    /// Whether a bound cut the reading off, so that counts are lower bounds.
    pub cut: bool,
    /// Patterns, what a person on call wants to see first: new errors, then new, then much more frequent.
    pub patterns: Vec<LogPattern>,
    /// Patterns left out.
    pub folded: usize,
}

impl LogPatterns {
    /// Whether there were lines of before to compare with: without them nothing is known to be new.
    pub fn is_compared(&self) -> bool {
        self.baseline_lines > 0
    }
}

/// One pattern of log lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogPattern {
    /// Hash of the template, stable across investigations.
    pub id: String,
    /// The line with its variable parts as `<*>`.
    pub template: String,
    /// Worst level seen, lower case: `error`, `warn`; `None` where lines carry none.
    pub level: Option<String>,
    /// Lines in the Window.
    pub count: u64,
    /// Lines in the Baseline.
    pub baseline_count: u64,
    /// How it compares with the Baseline.
    pub novelty: Novelty,
    /// First line in the Window.
    pub first: Option<DateTime<Utc>>,
    /// Last line.
    pub last: Option<DateTime<Utc>>,
    /// One whole record, bounded; stack traces together.
    pub example: String,
}

/// How a pattern compares with the Baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Novelty {
    /// Not seen in the Baseline.
    New,
    /// Much more frequent than in the Baseline.
    MoreFrequent,
    /// About as before.
    Usual,
    /// Much rarer.
    LessFrequent,
}

impl Evidence {
    /// Numbers a draft, removes every secret from its text and its data, and has `excerpt` say the cleaned data in words.
    pub fn new(
        id: EvidenceId,
        draft: Draft,
        redactor: &Redactor,
        excerpt: impl FnOnce(&EvidenceData) -> String,
    ) -> Self {
        let Draft { source, about, title, query, window, data, link } = draft;
        let data = redacted(data, redactor);
        let excerpt = excerpt(&data);
        let excerpt = redactor.redact(&excerpt);
        Self {
            id,
            source,
            about,
            title: text::line(&redactor.redact(&title), 200),
            query: text::bounded(&text::plain(&redactor.redact(&query)), MAX_EXCERPT_BYTES).into_owned(),
            window,
            excerpt: text::bounded(&text::plain(&excerpt), MAX_EXCERPT_BYTES).into_owned(),
            data,
            link: link.filter(|link| link.starts_with("http://") || link.starts_with("https://")),
        }
    }
}

/// Redacts every string of the data. Numbers need no redaction, so charts are left as they are.
fn redacted(data: EvidenceData, redactor: &Redactor) -> EvidenceData {
    if let EvidenceData::Series(mut series) = data {
        for line in &mut series.lines {
            line.name = text::line(&redactor.redact(&line.name), 200);
        }
        return EvidenceData::Series(series);
    }
    let Ok(mut value) = serde_json::to_value(&data) else { return EvidenceData::Alerts { alerts: Vec::new() } };
    redactor.redact_json(&mut value);
    // A redacted string is still a string, so the shape is unchanged; were it not, nothing is better than a secret.
    serde_json::from_value(value).unwrap_or(EvidenceData::Alerts { alerts: Vec::new() })
}
