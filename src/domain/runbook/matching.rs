//! Which runbooks an alert calls for by itself, before any search: by what was seen in the cluster, by the alert's
//! name, by the runbook's own name.
//!
//! What was seen beats what the alert is called: `KubePodCrashLooping` with `OOMKilled` is a memory matter. A reason that
//! every failing pod shows in the end (`CrashLoopBackOff`) is worth less than one that names a cause.

use super::source::stem;
use super::{Query, Runbook};

/// A runbook that fits, how well, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct RunbookMatch {
    /// The runbook's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// From 0 to 1; above `BY_RULE` it is a match by rule, below it the likeness of the texts.
    pub score: f64,
    /// The reason, for people.
    pub why: String,
}

/// The least score of a match by rule. A match by text alone stays below it.
pub const BY_RULE: f64 = 0.6;

const CAUSE_SEEN: f64 = 0.95;
const NAMED_BY_URL: f64 = 0.92;
const NAMED_AFTER_ALERT: f64 = 0.88;
const SYMPTOM_SEEN: f64 = 0.78;
const ALERT_NAME: f64 = 0.62;
/// What a pattern of plain letters adds over one of wildcards only.
const SPECIFIC: f64 = 0.18;
/// What agreement between several rules adds. Small: it breaks ties and overturns nothing.
const AGREEMENT: f64 = 0.02;

/// Reasons that follow from any cause, and so tell little about it.
const SYMPTOMS: [&str; 9] = [
    "crashloopbackoff",
    "backoff",
    "error",
    "failed",
    "completed",
    "unhealthy",
    "containersnotready",
    "killing",
    "notready",
];

/// How well the rules of one runbook fit. `None` when none of them does.
pub fn by_rule(runbook: &Runbook, query: &Query) -> Option<RunbookMatch> {
    let matcher = &runbook.matcher;
    let labels_hold =
        matcher.labels.iter().all(|(name, pattern)| pattern.fits(query.labels.get(name).map_or("", String::as_str)));
    if !labels_hold {
        return None;
    }
    let mut reasons: Vec<(f64, String)> = Vec::new();
    let labelled = query.labels.get("reason");
    for seen in query.reasons.iter().chain(labelled.filter(|reason| !query.reasons.contains(reason))) {
        if let Some(pattern) = matcher.reasons.iter().find(|pattern| pattern.fits(seen)) {
            let symptom = SYMPTOMS.contains(&seen.to_lowercase().as_str());
            let base = if symptom { SYMPTOM_SEEN } else { CAUSE_SEEN };
            // A wildcard pattern that happens to fit a reason knows no more than one that fits a name.
            let base = if pattern.specificity() < 0.3 { ALERT_NAME } else { base };
            reasons.push((base, format!("{seen} was seen in the cluster")));
        }
    }
    if let Some(name) = query.runbook_url_stem()
        && same_name(stem(&runbook.path), name)
    {
        reasons.push((NAMED_BY_URL, "the alert's runbook_url names it".to_owned()));
    }
    if !query.alert.is_empty() && same_name(stem(&runbook.path), &query.alert) {
        reasons.push((NAMED_AFTER_ALERT, format!("it is named after {}", query.alert)));
    }
    let alert = matcher.alerts.iter().filter(|pattern| pattern.fits(&query.alert)).map(|pattern| pattern.specificity());
    if let Some(specificity) = alert.max_by(f64::total_cmp).filter(|_| !query.alert.is_empty()) {
        reasons.push((ALERT_NAME + SPECIFIC * specificity, format!("it is written for {}", query.alert)));
    }
    if reasons.is_empty() && !matcher.labels.is_empty() && matcher.alerts.is_empty() && matcher.reasons.is_empty() {
        let names: Vec<&str> = matcher.labels.iter().map(|(name, _)| name.as_str()).collect();
        reasons.push((ALERT_NAME, format!("its labels fit: {}", names.join(", "))));
    }
    reasons.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (best, why) = reasons.first()?.clone();
    let more = reasons.len() - 1 + matcher.labels.len();
    let score = (best + AGREEMENT * more as f64).min(if best < CAUSE_SEEN { CAUSE_SEEN - 0.001 } else { 1.0 });
    Some(RunbookMatch { id: runbook.id.clone(), title: runbook.title.clone(), score, why })
}

/// Whether two names are one but for case and separators.
fn same_name(a: &str, b: &str) -> bool {
    let letters =
        |name: &str| -> String { name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect() };
    let a = letters(a);
    !a.is_empty() && a == letters(b)
}
