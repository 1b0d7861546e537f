//! An incident: alerts about one subject, from the first that fired to the last that resolved.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::alert::{Alert, AlertStatus, Severity};
use super::chat::Spot;
use super::event::EventId;
use super::finding::Cause;
use super::question::Question;
use super::subject::{ObjectRef, Subject, SubjectKind};
use super::text;
use super::trace::TraceParent;

/// Version of the stored form; rises when an older release could not read it.
pub const SCHEMA: u32 = 1;
/// Alerts kept whole in one incident; a thread that lists more is not read. Beyond it only their state is kept.
pub const MAX_WHOLE_ALERTS: usize = 300;
/// Alerts counted at all in one incident (16-digit fingerprint and two times each: about 5 MiB at the bound).
pub const MAX_COUNTED_ALERTS: usize = 50_000;
/// Events remembered as handled, so that a repeated one changes nothing: more than one claim can hold.
const MAX_HANDLED: usize = 256;

/// Longest title made of a question, in bytes.
const MAX_TITLE_BYTES: usize = 160;

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An incident's name, e.g. `i-3f9a1c07be`. Made from what opened it, so that opening twice opens one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct IncidentId(pub String);

impl IncidentId {
    /// The id of the incident that this alert opens under `key`.
    pub fn of(key: &str, alert: &Alert) -> Self {
        let mut hash = Sha256::new();
        for part in [key, &alert.fingerprint, &alert.starts_at.to_rfc3339()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(format!("i-{}", hex(&hash.finalize()[..5])))
    }
}

impl std::fmt::Display for IncidentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Open or over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IncidentStatus {
    /// At least one alert fires, or fired a moment ago.
    Open,
    /// All alerts are resolved.
    Resolved,
}

/// Where the investigation stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Progress {
    /// Nothing was looked at yet.
    #[default]
    Waiting,
    /// Neighbours are being asked.
    Looking {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// The report is written.
    Done {
        /// When.
        at: DateTime<Utc>,
    },
}

/// Why there is a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Alerts fired.
    #[default]
    Alerts,
    /// A person asked something that is about no incident.
    Question,
}

/// State of an alert that is counted but not kept whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedAlert {
    /// When it began.
    pub starts_at: DateTime<Utc>,
    /// When it ended; `None` while firing.
    pub ends_at: Option<DateTime<Utc>>,
}

/// Another incident that shares the cause, or is it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Related {
    /// The other one.
    pub id: IncidentId,
    /// Its title when it was related.
    pub title: String,
    /// How they hang together.
    pub relation: Relation,
}

/// Somebody takes care of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// What people call them.
    pub by: String,
    /// When they said so.
    pub at: DateTime<Utc>,
}

/// How two incidents hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// The other one is where this one's cause is.
    CausedBy,
    /// This one is the cause of the other.
    Causes,
    /// Both have the same cause.
    SameCause,
}

/// An incident. The thread and the investigation are stored beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// See [`SCHEMA`].
    pub schema: u32,
    /// Its name.
    pub id: IncidentId,
    /// Why it is there.
    #[serde(default)]
    pub origin: Origin,
    /// Alerts with this key join it: see [`Subject::correlation_key`].
    pub key: String,
    /// `KubePodCrashLooping on shop/payments`.
    pub title: String,
    /// Open or over.
    pub status: IncidentStatus,
    /// The worst of its alerts so far.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// When the first of its alerts began to fire.
    pub started_at: DateTime<Utc>,
    /// When we first heard of it.
    pub opened_at: DateTime<Utc>,
    /// When the last of its alerts ended.
    pub resolved_at: Option<DateTime<Utc>>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
    /// How often it fired again after it had resolved.
    pub reopened: u32,
    /// Its alerts by fingerprint, whole; see [`MAX_WHOLE_ALERTS`].
    pub alerts: Vec<Alert>,
    /// The rest by fingerprint, counted.
    #[serde(default)]
    pub counted: BTreeMap<String, CountedAlert>,
    /// For a storm: how many alerts of which subjects were folded into this incident.
    #[serde(default)]
    pub folded: BTreeMap<String, u64>,
    /// Deliveries that spoke of it.
    pub notifications: u64,
    /// Events whose effects are already in here.
    #[serde(default)]
    pub handled: VecDeque<EventId>,
    /// Where the investigation stands.
    pub progress: Progress,
    /// How many investigations were begun.
    pub investigations: u32,
    /// Rises whenever an investigation is wanted, so that a wish that comes while one runs is not lost.
    #[serde(default)]
    pub wanted: u32,
    /// The likely cause, once known.
    pub cause: Option<Cause>,
    /// Incidents that hang together with this one.
    #[serde(default)]
    pub related: Vec<Related>,
    /// What the cause leans on beside the subject: used to relate incidents.
    #[serde(default)]
    pub depends_on: Vec<ObjectRef>,
    /// Who takes care of it; nobody any more once it fires again after it was over.
    #[serde(default)]
    pub acknowledged: Option<Acknowledged>,
    /// The trace of the delivery that its investigation is wanted for, if whoever sent it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceParent>,
    /// Where it was asked for, if a person did that in a chat.
    #[serde(default)]
    pub spot: Option<Spot>,
}

/// What a batch of alerts changed in an incident.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// It was made just now.
    pub opened: bool,
    /// It had resolved and fires again.
    pub reopened: bool,
    /// Its last alert ended.
    pub resolved: bool,
    /// Alert names that were not in it before.
    pub new_names: Vec<String>,
    /// Alerts that began to fire.
    pub fired: usize,
    /// Alerts that ended.
    pub ended: usize,
    /// It got worse.
    pub escalated: bool,
}

impl Changed {
    /// Whether there is anything to say.
    pub fn is_material(&self) -> bool {
        *self != Self::default()
    }

    /// Takes in what changed after this.
    pub fn and_then(&mut self, later: Self) {
        let Self { opened, reopened, resolved, new_names, fired, ended, escalated } = later;
        self.opened |= opened;
        self.reopened |= reopened;
        // Resolved and fired again within one batch is not resolved.
        self.resolved = resolved || (self.resolved && !reopened);
        self.new_names.extend(new_names);
        self.fired += fired;
        self.ended += ended;
        self.escalated |= escalated;
    }

    /// Whether what was found before may no longer be the whole story.
    pub fn wants_investigation(&self) -> bool {
        self.opened || self.reopened || self.escalated || !self.new_names.is_empty()
    }
}

impl Incident {
    /// A new, empty incident that `alert` opens.
    pub fn open(key: String, subject: Subject, alert: &Alert, now: DateTime<Utc>) -> Self {
        Self {
            schema: SCHEMA,
            id: IncidentId::of(&key, alert),
            title: title(alert.name(), &subject),
            origin: Origin::Alerts,
            key,
            status: IncidentStatus::Open,
            severity: alert.severity(),
            subject,
            started_at: alert.starts_at.min(now),
            opened_at: now,
            resolved_at: None,
            changed_at: now,
            reopened: 0,
            alerts: Vec::new(),
            counted: BTreeMap::new(),
            folded: BTreeMap::new(),
            notifications: 0,
            handled: VecDeque::new(),
            progress: Progress::Waiting,
            investigations: 0,
            wanted: 0,
            cause: None,
            related: Vec::new(),
            depends_on: Vec::new(),
            acknowledged: None,
            trace: None,
            spot: None,
        }
    }

    /// The thread of a question that is about no incident. It is over from the beginning: nothing fires.
    pub fn for_question(question: &Question) -> Self {
        let subject = Subject::new(SubjectKind::Alert, None, "question".to_owned());
        let id = question.thread();
        Self {
            schema: SCHEMA,
            title: text::line(&question.text, MAX_TITLE_BYTES),
            origin: Origin::Question,
            key: format!("question:{id}"),
            id,
            status: IncidentStatus::Resolved,
            severity: Severity::Info,
            subject,
            started_at: question.asked_at,
            opened_at: question.asked_at,
            resolved_at: Some(question.asked_at),
            changed_at: question.asked_at,
            reopened: 0,
            alerts: Vec::new(),
            counted: BTreeMap::new(),
            folded: BTreeMap::new(),
            notifications: 0,
            handled: VecDeque::new(),
            progress: Progress::Done { at: question.asked_at },
            investigations: 0,
            wanted: 0,
            cause: None,
            related: Vec::new(),
            depends_on: Vec::new(),
            acknowledged: None,
            trace: None,
            spot: question.spot.clone(),
        }
    }

    /// The thread of a look at something that no alert spoke of. Nothing fires there either.
    pub fn for_look(question: &Question, subject: Subject) -> Self {
        let title = text::line(&subject.to_string(), MAX_TITLE_BYTES);
        Self { title, subject, progress: Progress::Waiting, wanted: 1, ..Self::for_question(question) }
    }

    /// Takes over what owner references say of the subject: it is truer than what labels said.
    pub fn correct(&mut self, subject: &Subject) {
        let was = self.subject.object();
        self.subject.kind = subject.kind;
        self.subject.namespace.clone_from(&subject.namespace);
        self.subject.name.clone_from(&subject.name);
        self.subject.join(subject);
        if self.subject.object() != was {
            self.name();
        }
    }

    /// Alerts that fire now.
    pub fn firing(&self) -> usize {
        self.alerts.iter().filter(|alert| alert.is_firing()).count()
            + self.counted.values().filter(|alert| alert.ends_at.is_none()).count()
    }

    /// All alerts it ever had.
    pub fn alerts_total(&self) -> usize {
        self.alerts.len() + self.counted.len()
    }

    /// Whether `event` already had its effect.
    pub fn has_handled(&self, event: EventId) -> bool {
        self.handled.contains(&event)
    }

    /// Remembers that `event` had its effect.
    pub fn remember(&mut self, event: EventId) {
        if self.handled.len() == MAX_HANDLED {
            self.handled.pop_front();
        }
        self.handled.push_back(event);
    }

    /// Takes in one alert about `subject`. The same alert again changes nothing.
    pub fn take(&mut self, alert: &Alert, subject: &Subject, changed: &mut Changed) {
        let (was_firing, was_known) = match self.known(&alert.fingerprint) {
            // A late delivery about an earlier firing of the same alert says nothing new.
            Some((starts_at, _)) if alert.starts_at < starts_at => return,
            Some((starts_at, ends_at)) if starts_at == alert.starts_at && ends_at.is_some() && alert.is_firing() => {
                return;
            }
            Some((starts_at, ends_at)) => (ends_at.is_none() && starts_at == alert.starts_at, true),
            None => (false, false),
        };
        let knew_name = self.alerts.iter().any(|known| known.name() == alert.name());
        if alert.is_firing() && !was_firing {
            changed.fired += 1;
        } else if !alert.is_firing() && (was_firing || !was_known) {
            changed.ended += 1;
        }
        self.keep(alert);
        self.subject.join(subject);
        if !knew_name && !self.counted.contains_key(&alert.fingerprint) {
            changed.new_names.push(alert.name().to_owned());
        }
        if alert.is_firing() && alert.severity() > self.severity {
            self.severity = alert.severity();
            changed.escalated = true;
        }
        self.started_at = self.started_at.min(alert.starts_at);
    }

    /// Sets the status by what fires now; call it after a batch of [`Incident::take`].
    ///
    /// `now` is when the batch is handled; `resolved_at` is when the last alert ended by its own times.
    pub fn settle(&mut self, now: DateTime<Utc>, changed: &mut Changed) {
        let firing = self.firing() > 0;
        match self.status {
            IncidentStatus::Open if !firing && self.alerts_total() > 0 => {
                self.status = IncidentStatus::Resolved;
                let ended = self.alerts.iter().filter_map(|alert| alert.ends_at);
                let counted = self.counted.values().filter_map(|alert| alert.ends_at);
                self.resolved_at = ended.chain(counted).max().map(|at| at.min(now)).or(Some(now));
                changed.resolved = true;
            }
            IncidentStatus::Resolved if firing => {
                self.status = IncidentStatus::Open;
                self.resolved_at = None;
                self.reopened += 1;
                // Whoever took care of it thought that it was over.
                self.acknowledged = None;
                changed.reopened = true;
            }
            IncidentStatus::Open | IncidentStatus::Resolved => {}
        }
        if changed.is_material() {
            self.changed_at = now;
            self.name();
        }
    }

    /// Takes the title from the alert that says most: of those that fire the most severe, among equals the one that came
    /// last, because rules about consequences fire before those about causes have held long enough.
    fn name(&mut self) {
        let firing = self.alerts.iter().filter(|alert| alert.is_firing());
        let best = firing.max_by_key(|alert| (alert.severity(), alert.starts_at));
        if let Some(best) = best.filter(|_| !super::correlate::is_fold(&self.key)) {
            self.title = title(best.name(), &self.subject);
        }
    }

    fn known(&self, fingerprint: &str) -> Option<(DateTime<Utc>, Option<DateTime<Utc>>)> {
        self.alerts
            .iter()
            .find(|alert| alert.fingerprint == fingerprint)
            .map(|alert| (alert.starts_at, alert.ends_at))
            .or_else(|| self.counted.get(fingerprint).map(|alert| (alert.starts_at, alert.ends_at)))
    }

    fn keep(&mut self, alert: &Alert) {
        if let Some(known) = self.alerts.iter_mut().find(|known| known.fingerprint == alert.fingerprint) {
            known.clone_from(alert);
        } else if self.counted.contains_key(&alert.fingerprint) || self.alerts.len() >= MAX_WHOLE_ALERTS {
            if self.counted.len() < MAX_COUNTED_ALERTS {
                let state = CountedAlert { starts_at: alert.starts_at, ends_at: alert.ends_at };
                self.counted.insert(alert.fingerprint.clone(), state);
            }
        } else {
            self.alerts.push(alert.clone());
        }
    }

    /// Names of its alerts, each once, firing ones first.
    pub fn alert_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for status in [AlertStatus::Firing, AlertStatus::Resolved] {
            for alert in self.alerts.iter().filter(|alert| alert.status == status) {
                if !names.contains(&alert.name()) {
                    names.push(alert.name());
                }
            }
        }
        names
    }
}

/// The title of an incident that an alert of this name opens.
pub fn title(alert: &str, subject: &Subject) -> String {
    if subject.name == alert { alert.to_owned() } else { format!("{alert} on {subject}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::Labels;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(minute)
    }

    fn alert(name: &str, starts: i64, ends: Option<i64>) -> Alert {
        Alert {
            fingerprint: name.into(),
            status: if ends.is_some() { AlertStatus::Resolved } else { AlertStatus::Firing },
            labels: Labels::from([
                ("alertname".into(), name.into()),
                ("namespace".into(), "shop".into()),
                ("deployment".into(), "web".into()),
            ]),
            annotations: Labels::new(),
            starts_at: at(starts),
            ends_at: ends.map(at),
            generator_url: String::new(),
        }
    }

    fn take(incident: &mut Incident, alerts: &[Alert], minute: i64) -> Changed {
        let mut changed = Changed::default();
        for alert in alerts {
            incident.take(alert, &Subject::of(alert), &mut changed);
        }
        incident.settle(at(minute), &mut changed);
        changed
    }

    fn opened() -> Incident {
        let first = alert("A", 0, None);
        let mut incident = Incident::open("k".into(), Subject::of(&first), &first, at(1));
        take(&mut incident, &[first], 1);
        incident
    }

    #[test]
    fn repeats_change_nothing() {
        let mut incident = opened();
        let before = incident.clone();
        let changed = take(&mut incident, &[alert("A", 0, None)], 240);
        assert!(!changed.is_material());
        assert_eq!(incident, before);
    }

    #[test]
    fn resolves_when_the_last_alert_ends_and_reopens_when_it_fires_again() {
        let mut incident = opened();
        take(&mut incident, &[alert("B", 2, None)], 3);
        assert!(!take(&mut incident, &[alert("A", 0, Some(5))], 6).resolved);
        assert!(take(&mut incident, &[alert("B", 2, Some(7))], 8).resolved);
        assert_eq!(incident.resolved_at, Some(at(7)));
        assert!(take(&mut incident, &[alert("A", 9, None)], 10).reopened);
        assert_eq!((incident.status, incident.reopened), (IncidentStatus::Open, 1));
    }

    #[test]
    fn a_late_firing_delivery_does_not_reopen() {
        let mut incident = opened();
        take(&mut incident, &[alert("A", 0, Some(5))], 6);
        let changed = take(&mut incident, &[alert("A", 0, None)], 7);
        assert!(!changed.is_material());
        assert_eq!(incident.status, IncidentStatus::Resolved);
    }

    #[test]
    fn alerts_beyond_the_bound_are_counted_and_still_resolve() {
        let mut incident = opened();
        let many: Vec<Alert> = (0..MAX_WHOLE_ALERTS + 5).map(|n| alert(&format!("N{n}"), 1, None)).collect();
        take(&mut incident, &many, 2);
        assert_eq!(incident.firing(), MAX_WHOLE_ALERTS + 6);
        let ended: Vec<Alert> = (0..MAX_WHOLE_ALERTS + 5).map(|n| alert(&format!("N{n}"), 1, Some(3))).collect();
        take(&mut incident, &ended, 4);
        assert_eq!(incident.firing(), 1);
        assert!(take(&mut incident, &[alert("A", 0, Some(5))], 6).resolved);
    }
}
