//! Puts into a conversation's brief what is known: the incident, what was found, the evidence, the runbook, what was said.
//! Which words: `templates/<language>/prompt/`.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use minijinja::value::Serde;
use minijinja::{Value, context};

use super::frame::{self, data, lines};
use super::message::ToolSpec;
use super::pack::Piece;
use super::turn::{Brief, Limits, Script, Task};
use crate::domain::action::ActionName;
use crate::domain::evidence::EvidenceId;
use crate::domain::finding::{Finding, Role};
use crate::domain::incident::Incident;
use crate::domain::investigation::Investigation;
use crate::domain::question::MAX_QUESTION_BYTES;
use crate::domain::text;
use crate::render::{IncidentView, Renderer, text_of};

/// Findings that are told.
const MAX_FINDINGS: usize = 10;
/// Longest runbook in a prompt, in bytes.
const MAX_RUNBOOK_BYTES: usize = 6_000;
/// Things said before that a conversation remembers.
const MAX_SAID: usize = 12;
/// Longest of those, in bytes.
const MAX_SAID_BYTES: usize = 900;
/// Open incidents that a general question is told of.
pub const MAX_OPEN: usize = 15;

/// A model that has fewer tokens for its answer is told so.
const SHORT_ANSWER: u32 = 500;

// Who is served first when room is short.
const RANK_HEAD: u32 = 0;
const RANK_FINDINGS: u32 = 1;
const RANK_SAID: u32 = 2;
const RANK_CITED: u32 = 10;
const RANK_RUNBOOK: u32 = 100;
const RANK_OTHER: u32 = 200;

// Tokens in the first round.
const SHARE_HEAD: u32 = 400;
const SHARE_FINDINGS: u32 = 700;
const SHARE_SAID: u32 = 400;
const SHARE_CITED: u32 = 350;
const SHARE_RUNBOOK: u32 = 350;
const SHARE_OTHER: u32 = 160;

/// A runbook that fits, with its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunbookText<'a> {
    /// Its title.
    pub title: &'a str,
    /// Its Markdown.
    pub prose: &'a str,
}

/// Something that was said in the thread before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Who: a person, or the bot.
    pub author: String,
    /// What, as plain text or Markdown.
    pub text: String,
    /// Whether the bot said it: that makes nothing true.
    pub by_us: bool,
}

/// What the model may do.
#[derive(Debug, Clone)]
pub struct Means {
    /// Tools; empty for none.
    pub tools: Vec<ToolSpec>,
    /// Actions of the catalogue that it may suggest; empty for none.
    pub actions: Vec<ActionName>,
    /// Whether they are called by a schema.
    pub guided: bool,
    /// Whether the model is asked for plain words at once.
    pub plain: bool,
    /// Bounds.
    pub limits: Limits,
}

/// An incident with everything that is known about it.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The incident.
    pub incident: &'a Incident,
    /// What was gathered and found.
    pub investigation: &'a Investigation,
    /// Runbooks that fit, best first.
    pub runbooks: &'a [RunbookText<'a>],
}

/// A question.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// Its words.
    pub text: &'a str,
    /// Who asks.
    pub author: &'a str,
    /// What was said before it, oldest first.
    pub said: &'a [Said],
    /// Instructions that the asker adds to the system prompt.
    pub system: Option<&'a str>,
    /// The schema that the asker wants the answer in.
    pub schema: Option<serde_json::Value>,
}

/// Asks for an explanation of an incident.
pub fn explain(render: &Renderer, known: Known<'_>, now: DateTime<Utc>, means: Means) -> Brief {
    let (pieces, given) = pieces(render, known, now);
    let script = Script {
        task: render.prompt("explain.txt", context! { actions => usages(&means.actions) }),
        answer: render.prompt("report.txt", words(render, &means)),
        ..script(render)
    };
    brief(Task::Explain, script, pieces, Some(known.investigation), given, means)
}

/// Asks a question about an incident, or about the cluster where `known` is `None`.
pub fn question(
    render: &Renderer,
    known: Option<Known<'_>>,
    open: &[Incident],
    question: &Question<'_>,
    now: DateTime<Utc>,
    means: Means,
) -> Brief {
    let (mut pieces, mut given) = match known {
        Some(known) => pieces(render, known, now),
        None => {
            let views: Vec<IncidentView<'_>> = open.iter().take(MAX_OPEN).map(IncidentView::of).collect();
            let head = render.prompt("general.txt", context! { open => Serde(&views), now => now.to_rfc3339() });
            (vec![piece("incidents", head.clone(), RANK_HEAD, SHARE_HEAD)], head)
        }
    };
    if !question.said.is_empty() {
        let said = compacted(question.said.iter());
        given.push_str(&compacted(question.said.iter().filter(|said| !said.by_us)));
        let heading = format!("# {}\n", render.word("prompt.said"));
        pieces.push(Piece {
            name: "thread".into(),
            opening: heading,
            text: said,
            closing: String::new(),
            rank: RANK_SAID,
            share: SHARE_SAID,
        });
    }
    let text = text::bounded(text::plain(question.text).trim(), MAX_QUESTION_BYTES).into_owned();
    given.push('\n');
    given.push_str(&text);
    let mut script = Script {
        task: render.prompt("question.txt", context! { author => question.author, question => data(&text) }),
        answer: render
            .prompt(if question.schema.is_some() { "shaped.txt" } else { "answer.txt" }, words(render, &means)),
        ..script(render)
    };
    if let Some(system) = question.system {
        script.system.push('\n');
        script.system.push_str(text::bounded(system, MAX_QUESTION_BYTES).as_ref());
        given.push_str(system);
    }
    let task = match &question.schema {
        Some(schema) => Task::Shaped { schema: schema.clone() },
        None => Task::Question,
    };
    brief(task, script, pieces, known.map(|known| known.investigation), given, means)
}

/// How the commands of these actions are written, each once.
fn usages(actions: &[ActionName]) -> Vec<&'static str> {
    let wanted = ActionName::ALL.into_iter().filter(|name| actions.contains(name));
    wanted.map(ActionName::usage).collect()
}

fn brief(
    task: Task,
    script: Script,
    pieces: Vec<Piece>,
    investigation: Option<&Investigation>,
    given: String,
    means: Means,
) -> Brief {
    let Means { tools, actions, guided, plain, limits } = means;
    Brief {
        task,
        script,
        pieces,
        evidence: investigation.map(|known| known.evidence.clone()).unwrap_or_default(),
        findings: investigation.map(|known| known.findings.clone()).unwrap_or_default(),
        given,
        tools,
        may_propose: !actions.is_empty(),
        guided,
        plain,
        limits,
    }
}

/// What is said about the answer: its language, and its length where little time is left for it.
fn words(render: &Renderer, means: &Means) -> Value {
    let tokens = means.limits.answer;
    // A word with its share of JSON and citations is about three tokens, in other alphabets four.
    let words = (tokens < SHORT_ANSWER).then_some(tokens / 4);
    context! { answer_language => render.language().endonym(), words }
}

fn script(render: &Renderer) -> Script {
    let plain = |name: &str| render.prompt(name, context! { answer_language => render.language().endonym() });
    Script {
        system: plain("system.txt"),
        task: String::new(),
        guided: plain("guided.txt"),
        answer: String::new(),
        plain: plain("plain.txt"),
        correct: plain("correct.txt"),
        left_out: plain("left_out.txt"),
    }
}

/// Everything that is known, most telling first, and the part of it that needs no citation.
fn pieces(render: &Renderer, known: Known<'_>, now: DateTime<Utc>) -> (Vec<Piece>, String) {
    let Known { incident, investigation, runbooks } = known;
    let summary = incident.alerts.iter().find(|alert| alert.is_firing()).or(incident.alerts.first());
    let unavailable: Vec<Value> = investigation
        .unavailable
        .iter()
        .map(|gap| context! { source => gap.source.as_str(), reason => &gap.reason })
        .collect();
    let head = render.prompt(
        "incident.txt",
        context! {
            incident => Serde(IncidentView::of(incident)),
            now => now.to_rfc3339(),
            summary => summary.and_then(|alert| alert.summary()),
            unavailable,
        },
    );
    let mut given = head.clone();
    for alert in &incident.alerts {
        for value in alert.labels.values().chain(alert.annotations.values()) {
            given.push('\n');
            given.push_str(value);
        }
    }
    let mut pieces = vec![piece("incident", head, RANK_HEAD, SHARE_HEAD)];
    if !investigation.findings.is_empty() {
        let heading = format!("# {}\n", render.word("prompt.findings"));
        let said = findings(&investigation.findings);
        pieces.push(Piece {
            name: "findings".into(),
            opening: heading,
            text: said,
            closing: String::new(),
            rank: RANK_FINDINGS,
            share: SHARE_FINDINGS,
        });
    }
    let cited = by_citation(&investigation.findings);
    for evidence in &investigation.evidence {
        let place = cited.iter().position(|id| *id == evidence.id);
        let (rank, share) = match place {
            Some(place) => (RANK_CITED + u32::try_from(place).unwrap_or(0).min(80), SHARE_CITED),
            None => (RANK_OTHER + u32::from(evidence.id.0), SHARE_OTHER),
        };
        pieces.push(frame::evidence(evidence, rank, share));
    }
    for (at, runbook) in (0u32..).zip(runbooks) {
        let prose = data(&text::bounded(render.edition(runbook.prose).trim(), MAX_RUNBOOK_BYTES));
        let title = data(runbook.title);
        pieces.push(Piece {
            name: format!("runbook {}", text::line(&title, 60)),
            opening: format!("# {}: {}\n", render.word("prompt.runbook"), text::line(&title, 120)),
            text: lines(&prose),
            closing: String::new(),
            // The second runbook matters less than any evidence.
            rank: if at == 0 { RANK_RUNBOOK } else { RANK_OTHER + 1_000 + at },
            share: SHARE_RUNBOOK,
        });
    }
    (pieces, given)
}

fn piece(name: &str, text: String, rank: u32, share: u32) -> Piece {
    Piece { name: name.to_owned(), opening: String::new(), text, closing: "\n".into(), rank, share }
}

fn findings(findings: &[Finding]) -> String {
    let mut said = String::new();
    for finding in findings.iter().take(MAX_FINDINGS) {
        let role = match finding.role {
            Role::Cause => "cause",
            Role::Contributing => "contributing",
            Role::Symptom => "symptom",
        };
        let ids: String = finding.evidence.iter().map(|id| format!("[{id}]")).collect();
        let claim = text::line(&data(&text_of(&finding.claim)), 600);
        let Finding { kind, confidence, about, .. } = finding;
        said.push_str(&format!("- {role} {} ({confidence:.2}) about {about}: {claim} {ids}\n", kind.as_str()));
    }
    said
}

/// Evidence that findings rest on, the best finding's first.
fn by_citation(findings: &[Finding]) -> Vec<EvidenceId> {
    let mut seen = BTreeSet::new();
    findings.iter().flat_map(|finding| finding.evidence.iter().copied()).filter(|id| seen.insert(*id)).collect()
}

/// The newest things that were said, each on a line; long ones keep their beginning.
fn compacted<'a>(said: impl DoubleEndedIterator<Item = &'a Said>) -> String {
    let mut newest: Vec<&Said> = said.rev().take(MAX_SAID).collect();
    newest.reverse();
    newest
        .into_iter()
        .map(|said| format!("{}: {}\n", text::line(&said.author, 60), text::line(&data(&said.text), MAX_SAID_BYTES)))
        .collect()
}

#[cfg(test)]
mod tests;
