//! An incident as templates see it: small, and with the sums a person would do in their head already done.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::finding::Cause;
use crate::domain::incident::{Acknowledged, Incident, IncidentStatus, Origin, Progress, Related};

/// Folded subjects that are named.
const MAX_FOLDED_NAMES: usize = 8;
/// Alert names that are named.
const MAX_ALERT_NAMES: usize = 6;

/// An incident without its alerts.
#[derive(Debug, Clone, Serialize)]
pub struct IncidentView<'a> {
    /// Its name.
    pub id: &'a str,
    /// `KubePodCrashLooping on shop/payments`.
    pub title: &'a str,
    /// Whether a person asked for it, and nothing fires.
    pub asked: bool,
    /// Who takes care of it.
    pub acknowledged: Option<&'a Acknowledged>,
    /// Whether it is over.
    pub resolved: bool,
    /// `waiting`, `looking`, `done`: where the investigation stands.
    pub progress: &'static str,
    /// `critical`, `warning`, `info`.
    pub severity: &'static str,
    /// `Deployment`.
    pub kind: &'static str,
    /// `shop/payments`.
    pub subject: String,
    /// The cluster, where labels name one.
    pub cluster: Option<&'a str>,
    /// First alert.
    pub started_at: DateTime<Utc>,
    /// When we heard of it.
    pub opened_at: DateTime<Utc>,
    /// End of the last alert.
    pub resolved_at: Option<DateTime<Utc>>,
    /// From the first alert to the end of the last, in seconds; `None` while open.
    pub lasted: Option<i64>,
    /// Alerts that fire.
    pub firing: usize,
    /// Alerts in all.
    pub alerts: usize,
    /// Names of alerts, firing ones first; bounded.
    pub names: Vec<&'a str>,
    /// Names left out.
    pub more_names: usize,
    /// How often it re-opened.
    pub reopened: u32,
    /// The likely cause.
    pub cause: Option<&'a Cause>,
    /// What a storm folded into it.
    pub folded: Option<Folded<'a>>,
    /// Incidents that hang together with it.
    pub related: &'a [Related],
    /// Investigations begun.
    pub investigations: u32,
}

/// What a storm folded into one incident.
#[derive(Debug, Clone, Serialize)]
pub struct Folded<'a> {
    /// Alerts folded.
    pub alerts: u64,
    /// Things they are about, a lower bound where `many`.
    pub subjects: usize,
    /// Whether there are more things than were kept by name.
    pub many: bool,
    /// The ones with most alerts.
    pub named: Vec<(&'a str, u64)>,
    /// Things that are not named.
    pub more: usize,
}

impl<'a> IncidentView<'a> {
    /// Sums `incident` up.
    pub fn of(incident: &'a Incident) -> Self {
        let mut names = incident.alert_names();
        let more_names = names.len().saturating_sub(MAX_ALERT_NAMES);
        names.truncate(MAX_ALERT_NAMES);
        Self {
            id: &incident.id.0,
            title: &incident.title,
            asked: incident.origin == Origin::Question,
            acknowledged: incident.acknowledged.as_ref(),
            resolved: incident.status == IncidentStatus::Resolved,
            progress: match incident.progress {
                Progress::Waiting => "waiting",
                Progress::Looking { .. } => "looking",
                Progress::Done { .. } => "done",
            },
            severity: incident.severity.as_str(),
            kind: incident.subject.kind.as_str(),
            subject: incident.subject.to_string(),
            cluster: incident.subject.cluster.as_deref(),
            started_at: incident.started_at,
            opened_at: incident.opened_at,
            resolved_at: incident.resolved_at,
            lasted: incident.resolved_at.map(|at| (at - incident.started_at).num_seconds().max(0)),
            firing: incident.firing(),
            alerts: incident.alerts_total(),
            names,
            more_names,
            reopened: incident.reopened,
            cause: incident.cause.as_ref(),
            folded: Folded::of(incident),
            related: &incident.related,
            investigations: incident.investigations,
        }
    }
}

impl<'a> Folded<'a> {
    fn of(incident: &'a Incident) -> Option<Self> {
        if incident.folded.is_empty() {
            return None;
        }
        // `…` stands for the things beyond the bound of what is kept by name.
        let many = incident.folded.contains_key("…");
        let mut named: Vec<(&str, u64)> = incident
            .folded
            .iter()
            .filter(|(name, _)| *name != "…")
            .map(|(name, count)| (name.as_str(), *count))
            .collect();
        let subjects = named.len();
        named.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        named.truncate(MAX_FOLDED_NAMES);
        Some(Self { alerts: incident.folded.values().sum(), subjects, many, more: subjects - named.len(), named })
    }
}
