//! What is known about an alert when a runbook is chosen for it.

use std::collections::BTreeMap;

/// Labels that name what failed or how, and so belong into a full-text query. Others (instance, uid) are only noise.
const TELLING_LABELS: [&str; 7] = ["condition", "reason", "resource", "job", "service", "component", "status"];

/// The facts that choose a runbook.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// The alert's name.
    pub alert: String,
    /// Its `summary` annotation.
    pub summary: String,
    /// Its `description` or `message` annotation.
    pub description: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Reasons seen in the cluster: `OOMKilled`, `CrashLoopBackOff`, `FailedScheduling`.
    pub reasons: Vec<String>,
    /// Its `runbook_url` annotation, where it has one.
    pub runbook_url: Option<String>,
}

/// The query for an alert.
pub fn query_for(
    alert: &str,
    summary: &str,
    description: &str,
    labels: &BTreeMap<String, String>,
    reasons: &[String],
) -> Query {
    Query {
        alert: alert.to_owned(),
        summary: summary.to_owned(),
        description: description.to_owned(),
        labels: labels.clone(),
        reasons: reasons.to_vec(),
        runbook_url: None,
    }
}

impl Query {
    /// The same query with the alert's `runbook_url`.
    #[must_use]
    pub fn with_runbook_url(mut self, url: impl Into<String>) -> Self {
        self.runbook_url = Some(url.into());
        self
    }

    /// The text for full-text search: the name first, because a name in front is trusted most.
    pub fn text(&self) -> String {
        let labels = TELLING_LABELS.iter().filter_map(|name| self.labels.get(*name)).map(String::as_str);
        let parts = [self.alert.as_str(), &self.summary, &self.description].into_iter();
        let parts: Vec<&str> = parts
            .chain(self.reasons.iter().map(String::as_str))
            .chain(labels)
            .filter(|part| !part.is_empty())
            .collect();
        parts.join(" ")
    }

    /// The last part of the runbook's address, which by custom is the runbook's file name.
    pub fn runbook_url_stem(&self) -> Option<&str> {
        let url = self.runbook_url.as_deref()?;
        let path = url.split(['?', '#']).next()?.trim_end_matches('/');
        let name = path.rsplit('/').next()?;
        let name = name.strip_suffix(".md").or_else(|| name.strip_suffix(".html")).unwrap_or(name);
        (!name.is_empty()).then_some(name)
    }
}
