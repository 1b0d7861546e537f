//! Which incident an alert belongs to: one per subject, and fewer in a storm.
//!
//! Alertmanager's groups are not incidents: one group holds two causes, one cause is spread over three groups, and the
//! group key changes with routing. What identifies trouble is the thing it is about.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use super::alert::Alert;
use super::event::EventId;
use super::incident::{Changed, Incident, IncidentStatus};
use super::subject::{Subject, SubjectKind};

/// How incidents fold in a storm and when they re-open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CorrelationRules {
    /// An alert that fires again within this time re-opens the incident instead of opening a new one.
    pub reopen_within: TimeDelta,
    /// Incidents about one node's pods, opened within [`CorrelationRules::storm_window`], before the rest fold into one.
    pub per_node: usize,
    /// The same for one namespace.
    pub per_namespace: usize,
    /// The same for everything.
    pub per_cluster: usize,
    /// How far back a storm is counted.
    pub storm_window: TimeDelta,
}

impl Default for CorrelationRules {
    fn default() -> Self {
        Self {
            reopen_within: TimeDelta::minutes(30),
            // A person can follow a handful of threads about one node, a dozen about one namespace, thirty in all.
            per_node: 5,
            per_namespace: 12,
            per_cluster: 30,
            storm_window: TimeDelta::minutes(5),
        }
    }
}

/// What a storm counts: incidents opened lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// When.
    pub at: DateTime<Utc>,
    /// The subject's node, where an alert named it.
    pub node: Option<String>,
    /// The subject's namespace.
    pub namespace: Option<String>,
    /// The cluster that both are in.
    pub cluster: Option<String>,
    /// Whether it is itself a fold.
    pub is_fold: bool,
}

impl Opened {
    /// As counted for `incident`.
    pub fn of(incident: &Incident) -> Self {
        Self {
            at: incident.opened_at,
            node: incident.subject.node.clone(),
            namespace: incident.subject.namespace.clone(),
            cluster: incident.subject.cluster.clone(),
            is_fold: is_fold(incident),
        }
    }
}

/// An alert with what it is about, after owner references were consulted.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The alert.
    pub alert: Alert,
    /// What it is about.
    pub subject: Subject,
    /// [`Subject::correlation_key`].
    pub key: String,
    /// When it was received.
    pub received_at: DateTime<Utc>,
}

impl Placed {
    /// Places an alert by its subject.
    pub fn new(alert: Alert, subject: Subject, received_at: DateTime<Utc>) -> Self {
        let key = subject.correlation_key(alert.name());
        Self { alert, subject, key, received_at }
    }
}

/// The incidents that a batch may touch, found by key and by fingerprint.
#[derive(Debug, Default)]
pub struct Known {
    /// The newest incident of each key, by key.
    pub by_key: HashMap<String, Incident>,
    /// The key of the newest incident that holds a fingerprint.
    pub key_of_fingerprint: HashMap<String, String>,
    /// Incidents opened within the storm window.
    pub opened: Vec<Opened>,
}

/// A batch's effect on one incident.
#[derive(Debug)]
pub struct Outcome {
    /// The incident after the batch.
    pub incident: Incident,
    /// What changed.
    pub changed: Changed,
}

/// Key of the incident that takes what a storm has too much of.
fn fold_key(cluster: &str, scope: &str, name: &str) -> String {
    format!("{cluster}/storm/{scope}/{name}")
}

/// Whether an incident is a fold: its key says so, after the name of its cluster, which may have slashes of its own.
pub fn is_fold(incident: &Incident) -> bool {
    let cluster = incident.subject.cluster.as_deref().unwrap_or_default();
    incident.key.strip_prefix(cluster).is_some_and(|scope| scope.starts_with("/storm/"))
}

/// The keys of all folds that `subject` could go into, for looking them up beforehand.
pub fn fold_keys(subject: &Subject) -> Vec<String> {
    let cluster = subject.cluster.as_deref().unwrap_or_default();
    let node = subject.node.as_deref().map(|node| fold_key(cluster, "node", node));
    let namespace = subject.namespace.as_deref().map(|namespace| fold_key(cluster, "namespace", namespace));
    node.into_iter().chain(namespace).chain([fold_key(cluster, "cluster", "")]).collect()
}

/// Puts the alerts of one delivered notification into incidents. Pure: `known` goes in, the touched incidents come out,
/// and `known` is brought up to date for the next notification of the batch.
pub fn fold(
    event: EventId,
    mut placed: Vec<Placed>,
    known: &mut Known,
    rules: &CorrelationRules,
    now: DateTime<Utc>,
) -> Vec<Outcome> {
    let mut changes: BTreeMap<String, Changed> = BTreeMap::new();
    let mut touched: Vec<String> = Vec::new();
    // What fires comes first: a resolved alert joins the incident that its firing neighbour opens.
    placed.sort_by_key(|placed| !placed.alert.is_firing());
    for Placed { alert, subject, key, received_at } in placed {
        let Some(key) = place(&alert, &subject, key, known, rules, now, &mut changes) else { continue };
        let Some(incident) = known.by_key.get_mut(&key) else { continue };
        if incident.has_handled(event) {
            continue;
        }
        let folds = is_fold(incident);
        if folds {
            let is_new = !incident.alerts.iter().any(|known| known.fingerprint == alert.fingerprint)
                && !incident.counted.contains_key(&alert.fingerprint);
            if is_new {
                *incident.folded.entry(subject.to_string()).or_default() += 1;
                bound_folded(&mut incident.folded);
            }
        }
        let own_subject = if folds { incident.subject.clone() } else { subject };
        incident.take(&alert, &own_subject, received_at, changes.entry(key.clone()).or_default());
        known.key_of_fingerprint.insert(alert.fingerprint.clone(), key.clone());
        if !touched.contains(&key) {
            touched.push(key);
        }
    }
    touched
        .into_iter()
        .filter_map(|key| {
            let incident = known.by_key.get_mut(&key)?;
            let mut changed = changes.remove(&key).unwrap_or_default();
            incident.settle(now, &mut changed);
            incident.notifications += 1;
            incident.remember(event);
            Some(Outcome { incident: incident.clone(), changed })
        })
        .collect()
}

/// Subjects named in a fold; the rest are summed under `…`.
const MAX_FOLDED_SUBJECTS: usize = 200;

fn bound_folded(folded: &mut BTreeMap<String, u64>) {
    if folded.len() > MAX_FOLDED_SUBJECTS
        && let Some(name) = folded.keys().rfind(|name| *name != "…").cloned()
        && let Some(count) = folded.remove(&name)
    {
        *folded.entry("…".into()).or_default() += count;
    }
}

/// The key of the incident that takes this alert, opening one where needed; `None` when there is nothing to open.
fn place(
    alert: &Alert,
    subject: &Subject,
    key: String,
    known: &mut Known,
    rules: &CorrelationRules,
    now: DateTime<Utc>,
    changes: &mut BTreeMap<String, Changed>,
) -> Option<String> {
    let accepts = |incident: &Incident| match incident.status {
        IncidentStatus::Open => true,
        IncidentStatus::Resolved => incident
            .resolved_at
            .is_some_and(|at| alert.is_firing() && alert.starts_at.min(now) - at <= rules.reopen_within),
    };
    // Where this very alert already is, it stays: routing, labels of neighbours or a storm may have changed since.
    if let Some(home) = known.key_of_fingerprint.get(&alert.fingerprint)
        && known.by_key.get(home).is_some_and(|incident| accepts(incident) || !alert.is_firing())
    {
        return Some(home.clone());
    }
    if known.by_key.get(&key).is_some_and(accepts) {
        return Some(key);
    }
    // The end of something we never saw begin is no incident.
    if !alert.is_firing() {
        return None;
    }
    let (key, subject) = match storm(subject, known, rules, now) {
        Some((fold, _)) if known.by_key.get(&fold).is_some_and(accepts) => return Some(fold),
        Some((fold, subject)) => (fold, subject),
        None => (key, subject.clone()),
    };
    let incident = open(key.clone(), subject, alert, now);
    known.opened.push(Opened::of(&incident));
    known.by_key.insert(key.clone(), incident);
    changes.entry(key.clone()).or_default().opened = true;
    Some(key)
}

fn open(key: String, subject: Subject, alert: &Alert, now: DateTime<Utc>) -> Incident {
    let mut incident = Incident::open(key, subject, alert, now);
    if is_fold(&incident) {
        incident.title = match incident.subject.kind {
            SubjectKind::Alert => "Alert storm".to_owned(),
            SubjectKind::Node => format!("Alert storm on node {}", incident.subject.name),
            _ => format!("Alert storm in {}", incident.subject.name),
        };
    }
    incident
}

/// The fold that a new incident about `subject` must go into, if there are too many already.
fn storm(subject: &Subject, known: &Known, rules: &CorrelationRules, now: DateTime<Utc>) -> Option<(String, Subject)> {
    let cluster = subject.cluster.as_deref().unwrap_or_default();
    // A storm is one cluster's: nodes and namespaces of others share only their names.
    let lately = || {
        let here = known.opened.iter().filter(|opened| opened.cluster == subject.cluster);
        here.filter(|opened| !opened.is_fold && now - opened.at <= rules.storm_window)
    };
    let with_cluster = |folded: Subject| Subject { cluster: subject.cluster.clone(), ..folded };
    if let Some(node) = &subject.node
        && lately().filter(|opened| opened.node.as_ref() == Some(node)).count() >= rules.per_node
    {
        let folded = Subject { node: Some(node.clone()), ..Subject::new(SubjectKind::Node, None, node.clone()) };
        return Some((fold_key(cluster, "node", node), with_cluster(folded)));
    }
    if let Some(namespace) = &subject.namespace
        && lately().filter(|opened| opened.namespace.as_ref() == Some(namespace)).count() >= rules.per_namespace
    {
        let folded = Subject::new(SubjectKind::Namespace, Some(namespace.clone()), namespace.clone());
        return Some((fold_key(cluster, "namespace", namespace), with_cluster(folded)));
    }
    (lately().count() >= rules.per_cluster).then(|| {
        let folded = Subject::new(SubjectKind::Alert, None, "storm".to_owned());
        (fold_key(cluster, "cluster", ""), with_cluster(folded))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::{AlertStatus, Labels};

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn alert(labels: &[(&str, &str)], second: i64) -> Alert {
        let labels: Labels = labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Alert {
            fingerprint: format!("{labels:?}"),
            status: AlertStatus::Firing,
            labels,
            annotations: Labels::new(),
            starts_at: at(second),
            ends_at: None,
            generator_url: String::new(),
        }
    }

    fn deliver(known: &mut Known, event: u64, alerts: Vec<Alert>, second: i64) -> Vec<Outcome> {
        let placed = alerts
            .into_iter()
            .map(|alert| {
                let subject = Subject::of(&alert);
                Placed::new(alert, subject, at(second))
            })
            .collect();
        fold(EventId(event), placed, known, &CorrelationRules::default(), at(second))
    }

    #[test]
    fn a_hundred_pods_of_one_deployment_are_one_incident() {
        let mut known = Known::default();
        let letters: Vec<char> = "bcdfghjklm".chars().collect();
        let alerts = (0..100)
            .map(|n| {
                let pod = format!("web-7464b59bfd-6rj{}{}", letters[n / 10], letters[n % 10]);
                alert(&[("alertname", "KubePodCrashLooping"), ("namespace", "shop"), ("pod", &pod)], 0)
            })
            .collect();
        let outcomes = deliver(&mut known, 1, alerts, 1);
        assert_eq!(outcomes.len(), 1);
        assert_eq!(outcomes[0].incident.firing(), 100);
        assert_eq!(outcomes[0].incident.title, "KubePodCrashLooping on shop/web");
    }

    #[test]
    fn one_group_with_two_causes_is_two_incidents_and_other_alerts_join() {
        let mut known = Known::default();
        let crash = |pod| alert(&[("alertname", "Crash"), ("namespace", "shop"), ("pod", pod)], 0);
        let outcomes = deliver(&mut known, 1, vec![crash("web-7464b59bfd-6rjrg"), crash("pay-7464b59bfd-6rjrg")], 1);
        assert_eq!(outcomes.len(), 2);
        let mismatch = alert(&[("alertname", "Mismatch"), ("namespace", "shop"), ("deployment", "web")], 5);
        let outcomes = deliver(&mut known, 2, vec![mismatch], 6);
        assert_eq!(outcomes.len(), 1);
        assert_eq!(outcomes[0].changed.new_names, ["Mismatch"]);
        assert!(!outcomes[0].changed.opened);
    }

    #[test]
    fn handling_an_event_twice_changes_nothing() {
        let mut known = Known::default();
        let crash = || vec![alert(&[("alertname", "Crash"), ("namespace", "shop"), ("deployment", "web")], 0)];
        deliver(&mut known, 1, crash(), 1);
        assert!(deliver(&mut known, 1, crash(), 2).is_empty());
        assert_eq!(deliver(&mut known, 2, crash(), 3)[0].incident.notifications, 2);
    }

    #[test]
    fn a_storm_folds_into_few_incidents_and_loses_no_alert() {
        let mut known = Known::default();
        let alerts: Vec<Alert> = (0..1000)
            .map(|n| {
                let (namespace, deployment) = (format!("ns{}", n % 10), format!("app{n}"));
                alert(&[("alertname", "Down"), ("namespace", &namespace), ("deployment", &deployment)], 0)
            })
            .collect();
        let outcomes = deliver(&mut known, 1, alerts, 1);
        assert!(outcomes.len() <= 31, "{}", outcomes.len());
        let total: usize = outcomes.iter().map(|outcome| outcome.incident.alerts_total()).sum();
        assert_eq!(total, 1000);
        let storm = outcomes.iter().find(|outcome| is_fold(&outcome.incident)).unwrap();
        assert_eq!(storm.incident.folded.values().sum::<u64>(), 970);
        assert!(storm.incident.folded.len() <= MAX_FOLDED_SUBJECTS + 1);
    }

    #[test]
    fn the_same_alert_after_a_long_quiet_is_a_new_incident() {
        let mut known = Known::default();
        let labels = [("alertname", "Crash"), ("namespace", "shop"), ("deployment", "web")];
        let first = deliver(&mut known, 1, vec![alert(&labels, 0)], 1).remove(0).incident.id;
        let over = Alert { status: AlertStatus::Resolved, ends_at: Some(at(10)), ..alert(&labels, 0) };
        deliver(&mut known, 2, vec![over], 11);
        let again = deliver(&mut known, 3, vec![alert(&labels, 600)], 601).remove(0);
        assert!(again.changed.reopened && again.incident.id == first);
        let over = Alert { status: AlertStatus::Resolved, ends_at: Some(at(700)), ..alert(&labels, 600) };
        deliver(&mut known, 4, vec![over], 701);
        let later = deliver(&mut known, 5, vec![alert(&labels, 90_000)], 90_001).remove(0);
        assert!(later.changed.opened && later.incident.id != first);
    }

    #[test]
    fn what_fires_on_after_a_break_comes_back_and_what_is_late_opens_nothing() {
        let mut known = Known::default();
        let labels = [("alertname", "Crash"), ("namespace", "shop"), ("deployment", "web")];
        let first = deliver(&mut known, 1, vec![alert(&labels, 0)], 1).remove(0).incident.id;
        let over = Alert { status: AlertStatus::Resolved, ends_at: Some(at(300)), ..alert(&labels, 0) };
        assert!(deliver(&mut known, 2, vec![over.clone()], 310)[0].changed.resolved);
        let late = deliver(&mut known, 3, vec![alert(&labels, 0)], 320);
        assert!(late.iter().all(|outcome| !outcome.changed.is_material()));
        let back = deliver(&mut known, 4, vec![alert(&labels, 0)], 1_200).remove(0);
        assert!(back.changed.reopened && back.incident.id == first);

        // It is the same firing however long after, which makes no second incident.
        let over = Alert { ends_at: Some(at(1_500)), ..over };
        assert!(deliver(&mut known, 5, vec![over], 1_510)[0].changed.resolved);
        let again = deliver(&mut known, 6, vec![alert(&labels, 0)], 15_000).remove(0);
        assert!(again.changed.reopened && again.incident.id == first);
    }

    #[test]
    fn a_storm_is_one_clusters_whatever_that_is_called() {
        let cluster = "arn:aws:eks:eu-west-1:1:cluster/prod";
        let down = |cluster: &str, n: usize| {
            let deployment = format!("app{n}");
            alert(&[("alertname", "Down"), ("namespace", "shop"), ("deployment", &deployment), ("cluster", cluster)], 0)
        };
        let mut known = Known::default();
        deliver(&mut known, 1, (0..20).map(|n| down(cluster, n)).collect(), 1);
        let storm = known.by_key.values().find(|incident| is_fold(incident)).unwrap();
        assert_eq!((storm.title.as_str(), storm.folded.values().sum::<u64>()), ("Alert storm in shop", 8));
        let named_so = deliver(&mut known, 2, vec![down("storm", 0)], 2).remove(0);
        assert!(!is_fold(&named_so.incident), "{}", named_so.incident.key);

        let alone = deliver(&mut known, 3, vec![down("us", 0)], 3).remove(0);
        assert_eq!(alone.incident.title, "Down on shop/app0", "a storm elsewhere is none here");
    }
}
