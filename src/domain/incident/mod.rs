//! An incident: alerts about one subject, from the first that fired to the last that resolved.

mod changed;
mod id;
mod take;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::changed::{Changed, JOINED_TOGETHER, Joined};
pub use self::id::IncidentId;
pub(crate) use self::id::hex;
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
    /// What joined it last, as the thread tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined: Option<Joined>,
}

impl Incident {
    /// A new, empty incident that `alert` opens.
    pub fn open(key: String, subject: Subject, alert: &Alert, now: DateTime<Utc>) -> Self {
        let (id, title) = (IncidentId::of(&key, alert), title(alert.name(), &subject));
        let empty = Self::empty(id, key, title, subject, now);
        Self { severity: alert.severity(), started_at: alert.starts_at.min(now), ..empty }
    }

    /// The thread of a question that is about no incident. It is over from the beginning: nothing fires.
    pub fn for_question(question: &Question) -> Self {
        let subject = Subject::new(SubjectKind::Alert, None, "question".to_owned());
        let (id, at) = (question.thread(), question.asked_at);
        let (key, title) = (format!("question:{id}"), text::line(&question.text, MAX_TITLE_BYTES));
        Self {
            origin: Origin::Question,
            status: IncidentStatus::Resolved,
            resolved_at: Some(at),
            progress: Progress::Done { at },
            spot: question.spot.clone(),
            ..Self::empty(id, key, title, subject, at)
        }
    }

    fn empty(id: IncidentId, key: String, title: String, subject: Subject, at: DateTime<Utc>) -> Self {
        Self {
            schema: SCHEMA,
            id,
            origin: Origin::Alerts,
            key,
            title,
            status: IncidentStatus::Open,
            severity: Severity::Info,
            subject,
            started_at: at,
            opened_at: at,
            resolved_at: None,
            changed_at: at,
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
            joined: None,
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

    /// The fingerprint of every alert, kept whole or counted.
    pub fn fingerprints(&self) -> impl Iterator<Item = &String> {
        self.alerts.iter().map(|alert| &alert.fingerprint).chain(self.counted.keys())
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
