//! What is remembered of an incident that is over, how alike two incidents are, and what that says about a new one.
//!
//! Kept apart from the incident and longer than it: small, and with what helped rather than with what was measured.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::cluster::ChangeFact;
use super::finding::FindingKind;
use super::incident::IncidentId;
use super::subject::ObjectRef;
use super::text;

/// Changes remembered of one incident.
pub const MAX_CHANGES: usize = 5;
/// Things that people said which are remembered of one incident, and the length of each in bytes.
pub const MAX_SAID: usize = 10;
/// See [`MAX_SAID`].
pub const MAX_SAID_BYTES: usize = 600;
/// Past incidents that a history names.
const MAX_NAMED: usize = 5;
/// Things that helped which a history names.
const MAX_REMEDIES: usize = 3;

/// An incident that is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PastIncident {
    /// Its name.
    pub id: IncidentId,
    /// `KubePodCrashLooping on shop/payments`.
    pub title: String,
    /// The cluster, where labels named one.
    #[serde(default)]
    pub cluster: Option<String>,
    /// What it was about.
    pub subject: ObjectRef,
    /// Names of its alerts.
    pub alerts: Vec<String>,
    /// The likely cause, where one was found.
    #[serde(default)]
    pub cause: Option<PastCause>,
    /// What changed while it lasted, newest first: one of these may be what ended it.
    #[serde(default)]
    pub changes: Vec<ChangeFact>,
    /// What people said about it, in order.
    #[serde(default)]
    pub said: Vec<Said>,
    /// Actions that were carried out, each a line.
    #[serde(default)]
    pub actions: Vec<String>,
    /// When its first alert fired.
    pub started_at: DateTime<Utc>,
    /// When its last alert ended.
    pub resolved_at: DateTime<Utc>,
}

/// The likely cause of an incident that is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PastCause {
    /// Kind of trouble.
    pub kind: FindingKind,
    /// What was found, as plain text.
    pub claim: String,
    /// What broke.
    pub about: ObjectRef,
}

/// Something a person said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Who.
    pub author: String,
    /// What, as plain text.
    pub text: String,
}

/// What of an incident is compared with the past.
#[derive(Debug, Clone, Copy)]
pub struct Signature<'a> {
    /// Not its own past.
    pub id: Option<&'a IncidentId>,
    /// See [`PastIncident::cluster`].
    pub cluster: Option<&'a str>,
    /// See [`PastIncident::subject`].
    pub subject: &'a ObjectRef,
    /// See [`PastIncident::alerts`].
    pub alerts: &'a [&'a str],
    /// The kind of its likely cause, where that is known yet.
    pub cause: Option<FindingKind>,
}

/// How alike two incidents are, the least alike first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likeness {
    /// The same alert with the same kind of cause, about something else.
    Elsewhere,
    /// The same kind of cause on the same thing, or the same alert on it with another cause.
    SameSubject,
    /// The same alert about the same thing; one of the causes is not known.
    SameAlert,
    /// The same alert about the same thing with the same kind of cause.
    Repeat,
}

impl Likeness {
    /// How alike they are; `None` when not at all, or when it is the same incident.
    pub fn between(now: &Signature<'_>, past: &PastIncident) -> Option<Self> {
        if now.id == Some(&past.id) {
            return None;
        }
        let alert = past.alerts.iter().any(|name| now.alerts.contains(&name.as_str()));
        // The kind is left out: labels of one alert say Workload, those of the next Deployment or Service.
        let subject = now.cluster == past.cluster.as_deref()
            && now.subject.namespace == past.subject.namespace
            && now.subject.name == past.subject.name;
        let cause = now.cause.zip(past.cause.as_ref().map(|cause| cause.kind)).map(|(now, past)| now == past);
        match (subject, alert, cause) {
            (true, true, Some(true)) => Some(Self::Repeat),
            (true, true, None) => Some(Self::SameAlert),
            (true, true, Some(false)) | (true, false, Some(true)) => Some(Self::SameSubject),
            (false, true, Some(true)) => Some(Self::Elsewhere),
            (true, false, _) | (false, ..) => None,
        }
    }
}

/// Something that may have helped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Remedy {
    /// An action that was carried out through the bot.
    Action {
        /// Which.
        what: String,
    },
    /// A person's words.
    Words(Said),
    /// A change shortly before it was over.
    Change(ChangeFact),
}

/// A past incident as a history names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PastFact {
    /// Its name.
    pub id: IncidentId,
    /// Its title.
    pub title: String,
    /// How alike it is.
    pub likeness: Likeness,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long it lasted, in seconds.
    pub lasted: i64,
    /// What was found.
    pub cause: Option<String>,
    /// What may have helped, the surest first.
    pub remedies: Vec<Remedy>,
}

/// What the past says about an incident: the facts of "seen 3 times, last on …; fixed by …".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// How often the same was seen before.
    pub times: usize,
    /// When last.
    pub last: Option<DateTime<Utc>>,
    /// What helped the last time that something is known to have helped, and in which incident.
    pub fixed_by: Vec<Remedy>,
    /// See `fixed_by`.
    pub fixed_in: Option<IncidentId>,
    /// The incidents, the most alike first, among equals the newest.
    pub incidents: Vec<PastFact>,
    /// Incidents that are not named.
    pub more: usize,
}

impl History {
    /// Sums up what is alike; `None` when nothing is. `alike` is in order, the most alike first.
    pub fn of(alike: &[(Likeness, PastIncident)]) -> Option<Self> {
        if alike.is_empty() {
            return None;
        }
        let same: Vec<&PastIncident> =
            alike.iter().filter(|(likeness, _)| *likeness >= Likeness::SameAlert).map(|(_, past)| past).collect();
        let mut newest_first = same.clone();
        newest_first.sort_by_key(|past| std::cmp::Reverse(past.started_at));
        let fixed = newest_first.iter().map(|past| (past, past.remedies())).find(|(_, remedies)| !remedies.is_empty());
        let (fixed_in, fixed_by) = fixed.map(|(past, remedies)| (past.id.clone(), remedies)).unzip();
        let incidents: Vec<PastFact> =
            alike.iter().take(MAX_NAMED).map(|(likeness, past)| past.fact(*likeness)).collect();
        Some(Self {
            times: same.len(),
            last: newest_first.first().map(|past| past.started_at),
            fixed_by: fixed_by.unwrap_or_default(),
            fixed_in,
            more: alike.len() - incidents.len(),
            incidents,
        })
    }
}

impl PastIncident {
    /// The same within bounds.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.title = text::line(&self.title, 300);
        self.alerts.truncate(20);
        self.changes.truncate(MAX_CHANGES);
        for said in &mut self.said {
            said.author = text::line(&said.author, 80);
            said.text = text::bounded(text::plain(said.text.trim()).trim(), MAX_SAID_BYTES).into_owned();
        }
        self.said.retain(|said| !said.text.is_empty());
        // The last words are the ones that say what helped.
        self.said.drain(..self.said.len().saturating_sub(MAX_SAID));
        self.actions.truncate(MAX_SAID);
        if let Some(cause) = &mut self.cause {
            cause.claim = text::line(&cause.claim, MAX_SAID_BYTES);
        }
        self
    }

    /// What may have helped, the surest first: actions, then people's words, then changes.
    fn remedies(&self) -> Vec<Remedy> {
        let actions = self.actions.iter().map(|what| Remedy::Action { what: what.clone() });
        let words = self.said.iter().rev().map(|said| Remedy::Words(said.clone()));
        let changes = self.changes.iter().map(|change| Remedy::Change(change.clone()));
        actions.chain(words).chain(changes).take(MAX_REMEDIES).collect()
    }

    fn fact(&self, likeness: Likeness) -> PastFact {
        PastFact {
            id: self.id.clone(),
            title: self.title.clone(),
            likeness,
            started_at: self.started_at,
            lasted: (self.resolved_at - self.started_at).num_seconds().max(0),
            cause: self.cause.as_ref().map(|cause| cause.claim.clone()),
            remedies: self.remedies(),
        }
    }

    /// The incident as a document: what is searched, and what a knowledge base elsewhere is given.
    pub fn markdown(&self) -> String {
        let Self { id, title, cluster, subject, alerts, cause, changes, said, actions, started_at, resolved_at } = self;
        let mut out = format!(
            "# {title}\n\nIncident {id} about {} {subject}{}, from {} to {}. Alerts: {}.\n",
            subject.kind.as_str(),
            cluster.as_ref().map_or_else(String::new, |cluster| format!(" in cluster {cluster}")),
            started_at.format("%Y-%m-%d %H:%M"),
            resolved_at.format("%Y-%m-%d %H:%M UTC"),
            alerts.join(", "),
        );
        // Writing to a string cannot fail.
        if let Some(PastCause { kind, claim, about }) = cause {
            let _ = write!(out, "\n## Cause\n\n{claim} ({}, {about})\n", kind.as_str());
        }
        if !actions.is_empty() || !said.is_empty() {
            out.push_str("\n## What was done\n\n");
            for action in actions {
                let _ = writeln!(out, "- {action}");
            }
            for Said { author, text } in said {
                let _ = writeln!(out, "- {author}: {text}");
            }
        }
        if !changes.is_empty() {
            out.push_str("\n## What changed meanwhile\n\n");
            for change in changes {
                let at = change.at.format("%Y-%m-%d %H:%M");
                let _ = writeln!(out, "- {at} {}: {}", change.object, text::line(&change.what, 300));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cluster::ChangeKind;
    use crate::domain::subject::SubjectKind;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(hour)
    }

    fn object(name: &str) -> ObjectRef {
        ObjectRef { kind: SubjectKind::Deployment, namespace: Some("shop".into()), name: name.into() }
    }

    fn past(id: &str, name: &str, alert: &str, cause: Option<FindingKind>, hour: i64) -> PastIncident {
        PastIncident {
            id: IncidentId(id.into()),
            title: format!("{alert} on shop/{name}"),
            cluster: None,
            subject: object(name),
            alerts: vec![alert.into()],
            cause: cause.map(|kind| PastCause { kind, claim: "memory ran out".into(), about: object(name) }),
            changes: Vec::new(),
            said: Vec::new(),
            actions: Vec::new(),
            started_at: at(hour),
            resolved_at: at(hour + 1),
        }
    }

    #[test]
    fn subject_alert_and_cause_decide() {
        let subject = ObjectRef { kind: SubjectKind::Workload, ..object("web") };
        let oom = Some(FindingKind::OomKilled);
        let image = Some(FindingKind::ImagePull);
        for (now, past, expected) in [
            (oom, past("i-1", "web", "Crash", oom, 0), Some(Likeness::Repeat)),
            (None, past("i-1", "web", "Crash", oom, 0), Some(Likeness::SameAlert)),
            (oom, past("i-1", "web", "Crash", None, 0), Some(Likeness::SameAlert)),
            (oom, past("i-1", "web", "Crash", image, 0), Some(Likeness::SameSubject)),
            (oom, past("i-1", "web", "Slow", oom, 0), Some(Likeness::SameSubject)),
            (oom, past("i-1", "web", "Slow", image, 0), None),
            (oom, past("i-1", "api", "Crash", oom, 0), Some(Likeness::Elsewhere)),
            (oom, past("i-1", "api", "Crash", image, 0), None),
            (None, past("i-1", "api", "Crash", None, 0), None),
            (oom, past("i-now", "web", "Crash", oom, 0), None),
            (oom, PastIncident { cluster: Some("eu".into()), ..past("i-1", "web", "Slow", oom, 0) }, None),
        ] {
            let now = Signature {
                id: Some(&IncidentId("i-now".into())),
                cluster: None,
                subject: &subject,
                alerts: &["Crash"],
                cause: now,
            };
            assert_eq!(Likeness::between(&now, &past), expected, "{past:?}");
        }
    }

    #[test]
    fn a_history_counts_the_same_and_names_what_helped_last() {
        let said = |text: &str| Said { author: "alice".into(), text: text.into() };
        let change =
            ChangeFact { at: at(5), object: object("web"), kind: ChangeKind::Rollout, what: "limit up".into() };
        let alike = [
            (
                Likeness::Repeat,
                PastIncident {
                    said: vec![said("looking"), said("raised the limit")],
                    changes: vec![change],
                    ..past("i-2", "web", "Crash", None, 4)
                },
            ),
            (Likeness::SameAlert, past("i-3", "web", "Crash", None, 9)),
            (Likeness::Elsewhere, past("i-1", "api", "Crash", None, 20)),
        ];
        let history = History::of(&alike).unwrap();
        assert_eq!((history.times, history.last, history.more), (2, Some(at(9)), 0));
        assert_eq!(history.fixed_in, Some(IncidentId("i-2".into())));
        assert_eq!(history.fixed_by[0], Remedy::Words(said("raised the limit")));
        assert_eq!(history.fixed_by.len(), 3);
        assert_eq!(History::of(&[]), None);
    }

    #[test]
    fn the_document_of_an_incident() {
        let mut incident = past("i-1", "web", "Crash", Some(FindingKind::OomKilled), 0);
        incident.said = vec![Said { author: "alice".into(), text: "raised the limit to 96Mi".into() }];
        incident.actions = vec!["set the memory limit of shop/web to 96Mi".into()];
        incident.changes = vec![ChangeFact {
            at: at(1),
            object: object("web"),
            kind: ChangeKind::Rollout,
            what: "revision 5: limit 48Mi → 96Mi".into(),
        }];
        insta::assert_snapshot!(incident.markdown(), @r"
        # Crash on shop/web

        Incident i-1 about Deployment shop/web, from 1970-01-01 00:00 to 1970-01-01 01:00 UTC. Alerts: Crash.

        ## Cause

        memory ran out (oom_killed, shop/web)

        ## What was done

        - set the memory limit of shop/web to 96Mi
        - alice: raised the limit to 96Mi

        ## What changed meanwhile

        - 1970-01-01 01:00 shop/web: revision 5: limit 48Mi → 96Mi
        ");
    }

    #[test]
    fn bounds_keep_the_last_words() {
        let mut incident = past("i-1", "web", "Crash", None, 0);
        incident.said =
            (0..30).map(|n| Said { author: "a".into(), text: format!("{n} {}", "x".repeat(2000)) }).collect();
        let said = incident.bounded().said;
        assert_eq!(said.len(), MAX_SAID);
        assert!(said.iter().all(|said| said.text.len() <= MAX_SAID_BYTES));
        assert!(said[MAX_SAID - 1].text.starts_with("29 "));
    }
}
