//! An incident as its page shows it.

use chrono::{DateTime, Utc};
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;

use super::visitor::Visitor;
use crate::adapters::knowledge::Library;
use crate::domain::alert::Alert;
use crate::domain::evidence::{Evidence, EvidenceId};
use crate::domain::finding::{Finding, Role};
use crate::domain::incident::Incident;
use crate::domain::investigation::Investigation;
use crate::domain::post::{Post, PostKind};
use crate::domain::proposal::{Proposal, State};
use crate::render::{IncidentView, sources_of};

/// Alerts with their labels on the page; a storm has thousands, and the API has them all.
const MAX_ALERTS: usize = 50;
/// Runbooks whose text is on the page.
const MAX_RUNBOOKS: usize = 3;

/// One entry of the timeline.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    /// Where links to it lead.
    id: &'a str,
    kind: PostKind,
    at: chrono::DateTime<chrono::Utc>,
    edited: bool,
    author: &'a str,
    text: &'a str,
    /// For evidence: what to point to instead of repeating it.
    evidence: Vec<(EvidenceId, &'a str)>,
}

/// A runbook with its text, where it can be read.
#[derive(Debug, Serialize)]
struct Runbook<'a> {
    id: &'a str,
    title: &'a str,
    score: f64,
    prose: Option<&'a str>,
}

/// Everything the page of an incident needs.
pub(super) fn incident(
    incident: &Incident,
    investigation: &Investigation,
    thread: &[Post],
    library: &Library,
) -> Value {
    let of = |role: Role| {
        let found: Vec<&Finding> = investigation.findings.iter().filter(|finding| finding.role == role).collect();
        Value::from(Serde(found))
    };
    let mut alerts: Vec<&Alert> = incident.alerts.iter().collect();
    alerts.sort_by_key(|alert| (!alert.is_firing(), alert.starts_at));
    alerts.truncate(MAX_ALERTS);
    let runbooks: Vec<Runbook<'_>> = investigation
        .runbooks
        .iter()
        .take(MAX_RUNBOOKS)
        .map(|known| Runbook {
            id: &known.id,
            title: &known.title,
            score: known.score,
            prose: library.get(&known.id).map(|runbook| runbook.prose.as_str()),
        })
        .collect();
    context! {
        incident => Serde(IncidentView::of(incident)),
        causes => of(Role::Cause), contributing => of(Role::Contributing), symptoms => of(Role::Symptom),
        run => investigation.run, finished_at => Serde(investigation.finished_at),
        evidence => Value::from_iter(investigation.evidence.iter().map(evidence)),
        runbooks => Serde(runbooks),
        sources => Serde(sources_of(investigation, &[])), unavailable => Serde(&investigation.unavailable),
        alerts => Serde(alerts), alerts_left_out => incident.alerts_total().saturating_sub(MAX_ALERTS),
        depends_on => Value::from_iter(incident.depends_on.iter().map(ToString::to_string)),
        timeline => Serde(timeline(thread, investigation)),
        explanation => Serde(&investigation.explanation),
        conversation => Serde(conversation(thread)),
    }
}

fn evidence(evidence: &Evidence) -> Value {
    let Evidence { id, source, about, title, query, window, excerpt, data, link } = evidence;
    context! {
        id => id.to_string(), source => source.as_str(), about => about.to_string(), title, query, excerpt, link,
        window => Serde(window), data => crate::render::evidence_values(data),
    }
}

/// A proposal with what this visitor may do about it.
#[derive(Debug, Serialize)]
struct ProposalCard<'a> {
    id: &'a str,
    state: &'static str,
    /// As its entry of the thread has it.
    text: &'a str,
    /// Whether it waits for people.
    open: bool,
    /// Whether it can be taken back.
    undo: bool,
    /// What the visitor was told last.
    told: Option<&'a str>,
}

/// The proposals of an incident for somebody who looks at them: open ones first, the others newest first.
pub(super) fn proposals(all: &[Proposal], thread: &[Post], visitor: &Visitor, now: DateTime<Utc>) -> Value {
    let text = |proposal: &Proposal| {
        let key = proposal.id.post_key();
        thread.iter().find(|post| post.draft.key == key).map_or("", |post| post.draft.text.as_str())
    };
    let me = visitor.person.as_ref().map(|person| &person.id);
    let mut newest: Vec<&Proposal> = all.iter().rev().collect();
    // What waits for people first, the surest of it on top.
    let waits = |proposal: &Proposal| proposal.state == State::Proposed && now < proposal.expires_at;
    newest.sort_by_key(|proposal| (!waits(proposal), if waits(proposal) { 100 - proposal.why.confidence } else { 0 }));
    let cards = newest.into_iter().map(|proposal| ProposalCard {
        id: &proposal.id.0,
        state: proposal.state.as_str(),
        text: text(proposal),
        open: waits(proposal),
        undo: proposal.way_back().is_some(),
        told: proposal.told.iter().find(|told| Some(&told.to) == me).map(|told| told.said.as_str()),
    });
    context! {
        proposals => Serde(cards.collect::<Vec<_>>()), person => me.is_some(), can_log_in => visitor.can_log_in,
    }
}

/// What was asked and answered, each question before its answer.
fn conversation(thread: &[Post]) -> Vec<Entry<'_>> {
    let said = thread.iter().filter(|post| matches!(post.draft.kind, PostKind::Question | PostKind::Answer));
    said.map(entry).collect()
}

fn entry(post: &Post) -> Entry<'_> {
    Entry {
        // `question:q-…`, `answer:q-…`: the question's id is the place on the page.
        id: post.draft.key.strip_prefix("question:").unwrap_or_default(),
        kind: post.draft.kind,
        at: post.draft.at,
        edited: post.revision > 1,
        author: &post.draft.author,
        text: &post.draft.text,
        evidence: Vec::new(),
    }
}

fn timeline<'a>(thread: &'a [Post], investigation: &'a Investigation) -> Vec<Entry<'a>> {
    let title_of = |id: &EvidenceId| {
        investigation.evidence.iter().find(|evidence| evidence.id == *id).map(|evidence| (*id, evidence.title.as_str()))
    };
    thread
        .iter()
        // Questions stand in the conversation, proposals above the evidence.
        .filter(|post| !matches!(post.draft.kind, PostKind::Question | PostKind::Answer | PostKind::Proposal))
        .map(|post| {
            let is_evidence = post.draft.kind == PostKind::Evidence;
            let titles = post.draft.evidence.iter().filter(|_| is_evidence).filter_map(title_of);
            Entry { evidence: titles.collect(), ..entry(post) }
        })
        .collect()
}
