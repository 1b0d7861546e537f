//! What is said in an incident's thread. Which sentence: here. Its words: `templates/<language>/*.md`.

use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;

use super::escape;
use super::view::IncidentView;
use super::{Language, Renderer};
use crate::domain::cluster::ChangeFact;
use crate::domain::evidence::{Evidence, EvidenceData, Source};
use crate::domain::finding::{Finding, Role};
use crate::domain::incident::{Changed, Incident};
use crate::domain::investigation::Investigation;
use crate::domain::question::QuestionState;
use crate::domain::runbook::markdown;
use crate::domain::text;

/// Longest post, in bytes. Slack's Markdown block takes 12,000 characters a message, Mattermost 16,383.
const MAX_POST_BYTES: usize = 11_000;
/// Findings of one role that a report names; the console shows them all.
const MAX_FINDINGS: usize = 5;
/// Longest object of a look-up that is named, in bytes.
const MAX_LOOKING_BYTES: usize = 120;
/// Longest piece of a runbook in a thread.
const MAX_PROSE_BYTES: usize = 1_500;

/// How far a neighbour is with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SourceState {
    /// Asked, no answer yet.
    Asked,
    /// Answered with so many pieces of evidence.
    Answered {
        /// Pieces.
        evidence: usize,
    },
    /// Not waited for any longer; what it says later is added then.
    Late,
    /// Gave nothing, and why: not configured, or did not answer.
    Unavailable {
        /// One line a person can act on.
        reason: String,
    },
}

/// A neighbour and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceReport {
    /// Which.
    pub source: Source,
    /// How far.
    #[serde(flatten)]
    pub state: SourceState,
}

/// How far each neighbour is, by what an investigation holds; `waited_for` are those that may still answer.
pub fn sources_of(investigation: &Investigation, waited_for: &[Source]) -> Vec<SourceReport> {
    let mut reports = Vec::new();
    for source in [Source::Metrics, Source::Logs, Source::Kubernetes, Source::Changes, Source::Knowledge] {
        let mut evidence = investigation.evidence.iter().filter(|evidence| evidence.source == source).count();
        if source == Source::Knowledge {
            evidence += investigation.runbooks.len();
        }
        if let Some(unavailable) = investigation.unavailable.iter().find(|unavailable| unavailable.source == source) {
            let state = SourceState::Unavailable { reason: unavailable.reason.clone() };
            reports.push(SourceReport { source, state });
        } else if waited_for.contains(&source) {
            let over = investigation.finished_at.is_some();
            let state = if over { SourceState::Late } else { SourceState::Asked };
            reports.push(SourceReport { source, state });
        } else if evidence > 0 || investigation.finished_at.is_some() {
            reports.push(SourceReport { source, state: SourceState::Answered { evidence } });
        }
    }
    reports
}

impl Renderer {
    /// The root of the thread.
    pub fn root(&self, incident: &Incident) -> String {
        self.post("root.md", context! { incident => Serde(IncidentView::of(incident)) })
    }

    /// What is being looked at, and how far each neighbour is.
    pub fn status(&self, incident: &Incident, sources: &[SourceReport]) -> String {
        let values = context! { incident => Serde(IncidentView::of(incident)), sources => Serde(sources) };
        self.post("status.md", values)
    }

    /// A piece of evidence as a post.
    pub fn evidence(&self, evidence: &Evidence) -> String {
        let Evidence { id, source, about, title, query, window, excerpt, data, link } = evidence;
        if let EvidenceData::History(history) = data {
            return self.post("history.md", context! { id => id.to_string(), history => Serde(history) });
        }
        let values = context! {
            id => id.to_string(), source => source.as_str(), about => about.to_string(), title, query, excerpt, link,
            window => Serde(window),
        };
        self.post("evidence.md", values)
    }

    /// Likely cause, what contributed, what is seen, what to check, and what could not be looked at.
    pub fn report(&self, incident: &Incident, investigation: &Investigation) -> String {
        self.post("report.md", self.report_values(incident, investigation))
    }

    /// What a person asked.
    pub fn question(&self, words: &str) -> String {
        let lines: Vec<String> = words.lines().map(escape::markdown).collect();
        self.post("question.md", context! { question => Value::from_safe_string(lines.join("\n")) })
    }

    /// How far an answer is; `findings` stand in for one that the model did not give.
    pub fn answer(&self, state: &QuestionState, findings: &[Finding]) -> String {
        let known: Vec<&Finding> = findings.iter().filter(|finding| finding.role != Role::Symptom).take(2).collect();
        let (text, unverified) = match state {
            QuestionState::Working { text, .. } => (text.as_str(), &[][..]),
            QuestionState::Answered { text, unverified, .. } => (text.as_str(), unverified.as_slice()),
            QuestionState::Waiting | QuestionState::Failed { .. } => ("", &[][..]),
        };
        let values = context! {
            state => Serde(state), text => Value::from_safe_string(escape::model(text)), unverified => Serde(unverified),
            known => Serde(known),
        };
        self.post("answer.md", values)
    }

    /// One line that says what a tool looks at.
    pub fn looking(&self, tool: &str, object: &str) -> String {
        let object = text::line(object, MAX_LOOKING_BYTES);
        self.word(&format!("looking.{tool}")).replace("{}", &object)
    }

    /// The part of a runbook that is in the reader's language, where it has one.
    pub fn edition<'a>(&self, prose: &'a str) -> &'a str {
        match self.language() {
            Language::English => markdown::english(prose),
            Language::Russian => markdown::russian(prose),
        }
    }

    /// The runbook that fits, with the beginning of its text.
    pub fn runbook(&self, title: &str, id: &str, score: f64, prose: &str) -> String {
        let prose = whole_lines(self.edition(prose).trim(), MAX_PROSE_BYTES);
        // A runbook is the operator's own Markdown: its formatting stays, its mentions and raw HTML do not.
        let prose = prose.replace('<', "\\<").replace('@', "@\u{2060}");
        self.post("runbook.md", context! { title, id, score, prose => Value::from_safe_string(prose) })
    }

    /// Alerts joined, ended, or made it worse.
    pub fn update(&self, incident: &Incident, changed: &Changed) -> String {
        let Changed { opened, reopened, resolved, new_names, fired, ended, escalated } = changed;
        let values = context! {
            incident => Serde(IncidentView::of(incident)),
            opened, reopened, resolved, new_names, fired, ended, escalated,
        };
        self.post("update.md", values)
    }

    /// Other incidents that hang together with it.
    pub fn related(&self, incident: &Incident) -> String {
        self.post("related.md", context! { incident => Serde(IncidentView::of(incident)) })
    }

    /// All is over; `changes` is what changed meanwhile, newest first, as far as it is known.
    pub fn resolved(&self, incident: &Incident, changes: &[ChangeFact]) -> String {
        let values = context! { incident => Serde(IncidentView::of(incident)), changes => Serde(changes) };
        self.post("resolved.md", values)
    }

    /// It fires again.
    pub fn reopened(&self, incident: &Incident) -> String {
        self.post("reopened.md", context! { incident => Serde(IncidentView::of(incident)) })
    }

    pub(super) fn report_values(&self, incident: &Incident, investigation: &Investigation) -> Value {
        let of = |role: Role| {
            let found: Vec<_> = investigation.findings.iter().filter(|finding| finding.role == role).collect();
            let more = found.len().saturating_sub(MAX_FINDINGS);
            context! { shown => Serde(found.into_iter().take(MAX_FINDINGS).collect::<Vec<_>>()), more }
        };
        let mut checks: Vec<&str> = Vec::new();
        for check in investigation.findings.iter().filter_map(|finding| finding.check.as_deref()) {
            if !checks.contains(&check) && checks.len() < MAX_FINDINGS {
                checks.push(check);
            }
        }
        let checks: Vec<Value> = checks.into_iter().map(|check| Value::from_safe_string(check.to_owned())).collect();
        let looked_at = sources_of(investigation, &[]);
        context! {
            incident => Serde(IncidentView::of(incident)),
            causes => of(Role::Cause), contributing => of(Role::Contributing), symptoms => of(Role::Symptom),
            checks, unavailable => Serde(&investigation.unavailable), sources => Serde(looked_at),
            evidence => investigation.evidence.len(), explanation => Serde(&investigation.explanation),
        }
    }

    pub(super) fn post(&self, name: &str, values: Value) -> String {
        tidy(&self.text(name, values))
    }
}

/// Without runs of blank lines, and bounded; a fence that the bound cut open is closed.
fn tidy(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut fence: Option<&str> = None;
    let mut blank = true;
    for line in raw.lines() {
        let line = line.trim_end();
        if out.len() + line.len() > MAX_POST_BYTES {
            out.push_str(text::bounded(line, 80).as_ref());
            out.push_str(" …\n");
            if let Some(fence) = fence {
                out.push_str(fence);
            }
            break;
        }
        let ticks = line.bytes().take_while(|b| *b == b'`').count();
        match fence {
            None if ticks >= 3 => fence = Some(&line[..ticks]),
            Some(open) if line == open => fence = None,
            _ => {}
        }
        if line.is_empty() && blank && fence.is_none() {
            continue;
        }
        blank = line.is_empty();
        out.push_str(line);
        out.push('\n');
    }
    out.trim_end().to_owned()
}

/// As many whole lines as fit into `max` bytes.
pub(super) fn whole_lines(raw: &str, max: usize) -> String {
    if raw.len() <= max {
        return raw.to_owned();
    }
    let mut out = String::new();
    for line in raw.lines() {
        if out.len() + line.len() + 1 > max.saturating_sub('…'.len_utf8()) {
            break;
        }
        out.push_str(line);
        out.push('\n');
    }
    if out.is_empty() {
        return text::bounded(raw, max).into_owned();
    }
    out.push('…');
    out
}
