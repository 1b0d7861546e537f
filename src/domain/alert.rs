//! One alert as Alertmanager describes it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Label or annotation names and values, in a stable order.
pub type Labels = BTreeMap<String, String>;

/// Whether an alert still fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertStatus {
    /// The rule's condition holds.
    Firing,
    /// It no longer does.
    Resolved,
}

/// How bad the rule's author says it is; ordered, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// `severity: none` or `info`.
    Info,
    /// No or an unknown severity label: worth a look, so it counts as a warning.
    #[default]
    Warning,
    /// Users are or will soon be hurt.
    Critical,
}

impl Severity {
    /// Reads the `severity` (or `priority`) label in the spellings in use: `critical`, `page`, `P1`, `warn` …
    pub fn from_labels(labels: &Labels) -> Self {
        let value = labels.get("severity").or_else(|| labels.get("priority"));
        match value.map(|v| v.to_ascii_lowercase()).as_deref() {
            Some("critical" | "crit" | "page" | "emergency" | "fatal" | "disaster" | "high" | "p0" | "p1" | "sev1") => {
                Self::Critical
            }
            Some("info" | "information" | "informational" | "none" | "low" | "debug" | "p4" | "p5") => Self::Info,
            _ => Self::Warning,
        }
    }

    /// The label's usual spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One alert of a notification. Its identity is [`Alert::fingerprint`] with [`Alert::starts_at`]: the same alert
/// reaches several receivers under different group keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Hash of the labels, as Alertmanager computes it (16 hex digits).
    pub fingerprint: String,
    /// Firing or resolved.
    pub status: AlertStatus,
    /// What identifies it, `alertname` among them.
    pub labels: Labels,
    /// What explains it: `summary`, `description`, `runbook_url` …
    #[serde(default)]
    pub annotations: Labels,
    /// When the rule's condition began to hold, by the rule evaluator's clock.
    pub starts_at: DateTime<Utc>,
    /// When it ended; `None` while firing.
    pub ends_at: Option<DateTime<Utc>>,
    /// The rule's page in Prometheus or vmalert.
    #[serde(default)]
    pub generator_url: String,
}

impl Alert {
    /// The `alertname` label, or `unnamed alert`.
    pub fn name(&self) -> &str {
        self.labels.get("alertname").map_or("unnamed alert", String::as_str)
    }

    /// How bad its author says it is.
    pub fn severity(&self) -> Severity {
        Severity::from_labels(&self.labels)
    }

    /// Whether it still fires.
    pub fn is_firing(&self) -> bool {
        self.status == AlertStatus::Firing
    }

    /// The annotation a person would read first: `summary`, else `description`, else `message`.
    pub fn summary(&self) -> Option<&str> {
        ["summary", "description", "message", "title"]
            .iter()
            .filter_map(|name| self.annotations.get(*name))
            .map(String::as_str)
            .find(|text| !text.trim().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_summary_hides_no_description() {
        let annotations = Labels::from([("summary".into(), " ".into()), ("description".into(), "x".into())]);
        let mut alert = Alert {
            fingerprint: String::new(),
            status: AlertStatus::Firing,
            labels: Labels::new(),
            annotations,
            starts_at: DateTime::UNIX_EPOCH,
            ends_at: None,
            generator_url: String::new(),
        };
        assert_eq!(alert.summary(), Some("x"));
        alert.annotations.remove("description");
        assert_eq!(alert.summary(), None);
    }

    #[test]
    fn severities_in_the_spellings_in_use() {
        for (label, severity) in [
            ("critical", Severity::Critical),
            ("Page", Severity::Critical),
            ("P1", Severity::Critical),
            ("warning", Severity::Warning),
            ("whatever", Severity::Warning),
            ("none", Severity::Info),
        ] {
            let labels = Labels::from([("severity".into(), label.into())]);
            assert_eq!(Severity::from_labels(&labels), severity, "{label}");
        }
        assert_eq!(Severity::from_labels(&Labels::new()), Severity::Warning);
    }
}
