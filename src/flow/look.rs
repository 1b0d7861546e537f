//! A look at an incident: what to ask, what came of it, and what it means. Whoever looks decides where that is kept.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;
use tracing::field::Empty;

use super::gather::{Gathered, Gathering, Task};
use super::plan::{self, Ranges};
use super::{Context, history, questions};
use crate::analysis;
use crate::domain::evidence::{Draft, Evidence, Source};
use crate::domain::finding::Cause;
use crate::domain::incident::Incident;
use crate::domain::investigation::{Investigation, RunbookRef, Unavailable};
use crate::domain::runbook::{Runbook, matching};
use crate::domain::subject::Subject;

/// Part of the deadline that the first round of questions has; the rest is for what the answers lead to.
pub const FIRST_ROUND: f64 = 0.6;
/// Runbooks whose queries are asked and that are shown.
const MAX_RUNBOOKS: usize = 3;
/// The runbook for what no other is for.
pub const GENERAL: &str = "general-workflow";
/// How the slot of the alerts themselves is called.
pub const ALERTS: &str = "alerts";

/// A look with what it knows so far.
pub struct Look<'a> {
    context: &'a Context,
    /// What is looked at.
    pub incident: Incident,
    /// Its subject, as owner references say it.
    pub subject: Subject,
    /// What was found.
    pub record: Investigation,
    /// The runbooks that are asked, those that fit first.
    pub runbooks: Vec<&'a Runbook>,
    /// What was gathered and has no number yet, by slot.
    pub gathered: Vec<(String, Draft)>,
    ranges: Ranges,
    started: Instant,
}

impl<'a> Look<'a> {
    /// A look that begins now, and goes on from the numbers that `before` gave.
    pub fn new(context: &'a Context, incident: Incident, before: &Investigation) -> Self {
        let now = (context.clock)();
        let mut unavailable = questions::not_configured(&context.sources);
        if let Some(cluster) = context.sources.elsewhere(&incident.subject) {
            unavailable.extend(questions::elsewhere(&context.sources, cluster));
        }
        let record = Investigation {
            run: before.run + 1,
            started_at: Some(now),
            slots: before.slots.clone(),
            unavailable,
            ..Investigation::default()
        };
        Self {
            subject: incident.subject.clone(),
            ranges: Ranges::of(&incident, now),
            started: Instant::now(),
            gathered: Vec::new(),
            runbooks: Vec::new(),
            context,
            incident,
            record,
        }
    }

    /// Whether the subject is in another cluster: what is asked by its names would answer about something else.
    fn is_elsewhere(&self) -> bool {
        self.context.sources.elsewhere(&self.subject).is_some()
    }

    /// Owner references first, then everything that the subject's kind and the matching runbooks call for.
    pub async fn first_round(&mut self) -> Gathering<'a> {
        let here = !self.is_elsewhere();
        if let Some(cluster) = self.context.sources.cluster.as_ref().filter(|_| here) {
            let patience = self.context.deadline.mul_f64(FIRST_ROUND / 2.0);
            match tokio::time::timeout(patience, cluster.resolve(&self.subject)).await {
                Ok(Ok(subject)) => self.subject = subject,
                Ok(Err(error)) => self.gap(Source::Kubernetes, error.to_string()),
                Err(_) => self.gap(
                    Source::Kubernetes,
                    format!("owner references: no answer within {:.0} s", patience.as_secs_f64()),
                ),
            }
        }
        self.match_runbooks();
        if !self.incident.alerts.is_empty() {
            self.take(questions::alerts(&self.incident, &self.ranges));
        }
        let mut tasks = Vec::new();
        if here {
            tasks = questions::first(self.context, &self.subject, &self.ranges, &self.runbooks);
        }
        tasks.push(history::question(self.context, &self.incident, &self.subject, &self.ranges));
        self.ask(tasks, FIRST_ROUND)
    }

    /// What the first answers lead to: the runbook of the reason that was seen, and what the subject depends on.
    pub fn second_round(&mut self) -> Gathering<'a> {
        if self.is_elsewhere() {
            return self.ask(Vec::new(), 1.0);
        }
        let known = std::mem::take(&mut self.runbooks);
        self.match_runbooks();
        let mut tasks = questions::called_for(self.context, &self.subject, &self.ranges, &self.runbooks);
        let asked = questions::queries_of(&self.subject, &known);
        tasks.retain(|(query, _)| !asked.contains(query));
        let mut tasks: Vec<Task<'_>> = tasks.into_iter().map(|(_, task)| task).collect();
        tasks.extend(questions::nodes(self.context, &self.subject, &self.ranges, &self.record.evidence));
        tasks.extend(questions::dependencies(self.context, &self.subject, &self.ranges, &self.record.evidence));
        self.ask(tasks, 1.0)
    }

    fn match_runbooks(&mut self) {
        let query = plan::runbook_query(&self.incident, &self.record.evidence);
        let library = &self.context.sources.runbooks;
        let matches = library.matching(&query).unwrap_or_else(|error| {
            tracing::error!("match runbooks: {error:#}");
            Vec::new()
        });
        self.record.runbooks = matches
            .iter()
            .take(MAX_RUNBOOKS)
            .map(|found| RunbookRef { id: found.id.clone(), title: found.title.clone(), score: found.score })
            .collect();
        self.runbooks = self.record.runbooks.iter().filter_map(|found| library.get(&found.id)).collect();
        // Where no rule fits, likeness of words alone is a weak plan; the general one is asked besides.
        if self.record.runbooks.iter().all(|found| found.score < matching::BY_RULE) {
            self.runbooks.extend(library.get(GENERAL));
        }
    }

    fn ask(&self, tasks: Vec<Task<'a>>, part: f64) -> Gathering<'a> {
        let within: Duration = self.context.deadline.mul_f64(part);
        Gathering::start(tasks, self.started + within, within, &self.context.counters)
    }

    /// Takes in one answer.
    pub fn take(&mut self, answer: Gathered) {
        match answer {
            Gathered::Evidence { slot, draft } => self.gathered.push((slot, *draft)),
            Gathered::Gap { source, reason } => self.gap(source, reason),
        }
    }

    /// One line per source: the first is what a person acts on.
    fn gap(&mut self, source: Source, reason: String) {
        if self.record.unavailable.iter().all(|gap| gap.source != source) {
            let reason = self.context.redactor.redact(&reason).into_owned();
            tracing::info!(incident = %self.incident.id, source = source.as_str(), "a source gave nothing: {reason}");
            self.record.unavailable.push(Unavailable { source, reason });
        }
    }

    /// States findings, and gives the likely cause among them.
    pub fn analyse(&mut self, now: DateTime<Utc>) -> Option<Cause> {
        let span = tracing::info_span!("analyse", evidence = self.record.evidence.len(), findings = Empty).entered();
        let mut findings = analysis::analyse(&self.subject, &self.record.evidence, self.ranges.onset);
        span.record("findings", findings.len());
        self.context.render.claims(&mut findings);
        let cause = Cause::among(&findings);
        self.record.findings = findings;
        self.record.finished_at = Some(now);
        cause
    }

    /// Numbers what was gathered in the look's own record, for a look that nobody else keeps; gives it back.
    fn keep(&mut self) -> Vec<Evidence> {
        let gathered = std::mem::take(&mut self.gathered);
        enter(self.context, &mut self.record, &gathered)
    }
}

/// Numbers what was gathered, and gives it as evidence.
pub fn enter(context: &Context, record: &mut Investigation, gathered: &[(String, Draft)]) -> Vec<Evidence> {
    let mut entered = Vec::new();
    for (slot, draft) in gathered {
        let id = record.number(slot);
        let mut draft = draft.clone();
        if draft.title.is_empty() {
            draft.title = context.render.evidence_title(&draft.data, &draft.about, None);
        }
        let evidence = Evidence::new(id, draft, &context.redactor, |data| context.render.excerpt(data));
        record.put(evidence.clone());
        entered.push(evidence);
    }
    entered
}

/// Looks at an incident that is in no store, to the findings; `fresh` hears of evidence as it comes.
pub async fn in_memory(
    context: &Context,
    incident: Incident,
    mut fresh: impl FnMut(&Evidence),
) -> (Incident, Investigation) {
    let mut look = Look::new(context, incident, &Investigation::default());
    let mut gathering = look.first_round().await;
    for second in [true, false] {
        while let Some(answers) = gathering.next().await {
            for answer in answers {
                look.take(answer);
            }
            look.keep().iter().for_each(&mut fresh);
        }
        // The alerts alone may be all there is.
        look.keep().iter().for_each(&mut fresh);
        if second {
            gathering = look.second_round();
        }
    }
    let cause = look.analyse((context.clock)());
    let Look { mut incident, subject, record, .. } = look;
    incident.cause = cause;
    incident.correct(&subject);
    (incident, record)
}
