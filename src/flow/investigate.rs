//! An investigation: gather in parallel, analyse, report. The thread grows as answers come.

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use super::amend::{Besides, amend};
use super::gather::{Gathered, Gathering, Task};
use super::plan::{self, Ranges};
use super::{AUTHOR, Context, explain, history, intake, questions, relate};
use crate::analysis;
use crate::domain::evidence::{Draft, Evidence, Source};
use crate::domain::finding::{Cause, Finding};
use crate::domain::incident::{Incident, IncidentId, Progress};
use crate::domain::investigation::{Investigation, RunbookRef, Unavailable};
use crate::domain::post::{PostDraft, PostKind};
use crate::domain::report::Explanation;
use crate::domain::runbook::{Runbook, matching};
use crate::domain::subject::Subject;
use crate::ports::{Lease, StoreError, Timer, Versioned};
use crate::render::sources_of;

/// What a run may take beyond its deadline before another may take it over.
const GRACE: TimeDelta = TimeDelta::seconds(30);
/// Part of the deadline that the first round of questions has; the rest is for what the answers lead to.
const FIRST_ROUND: f64 = 0.6;
/// Runbooks whose queries are asked and that are shown.
const MAX_RUNBOOKS: usize = 3;
/// The runbook for what no other is for.
const GENERAL: &str = "general-workflow";
/// A run that found nothing sure is repeated once the cluster has had time to show more.
const SECOND_LOOK: TimeDelta = TimeDelta::minutes(2);
/// Below this a cause is a guess, and a second look is worth it.
const SURE: f64 = 0.5;
/// Runs that may follow by themselves.
const MAX_SECOND_LOOKS: u32 = 2;

/// Investigates an incident, unless somebody else is at it.
///
/// # Errors
/// When the store does not take the result; the timer stays, and it is investigated again.
pub async fn run(context: &Context, id: &IncidentId) -> Result<(), StoreError> {
    let hold = TimeDelta::from_std(context.deadline).unwrap_or(GRACE) + GRACE;
    let Some(lease) = context.store.lease(&id.0, hold, (context.clock)()).await? else { return Ok(()) };
    let began = std::time::Instant::now();
    let result = investigate(context, id, &lease).await;
    context.counters.investigation_seconds.observe(began.elapsed().as_secs_f64());
    let released = context.store.release(&lease).await;
    result.and(released)
}

async fn investigate(context: &Context, id: &IncidentId, lease: &Lease) -> Result<(), StoreError> {
    let Some(Versioned { value: incident, .. }) = context.store.incident(id).await? else { return Ok(()) };
    let before = context.store.investigation(id).await?.unwrap_or_default();
    let mut run = Run::new(context, incident, before, lease);
    run.begin().await?;
    run.first_round().await?;
    run.second_round().await?;
    run.report().await?;
    relate::tell(context, id).await
}

/// A run with what it knows so far.
struct Run<'a> {
    context: &'a Context,
    incident: Incident,
    subject: Subject,
    ranges: Ranges,
    record: Investigation,
    lease: &'a Lease,
    started: Instant,
    /// What [`Incident::wanted`] was when the run began.
    wanted: u32,
    /// Sources that may still answer.
    waited_for: Vec<Source>,
    /// What was gathered and has no number yet, by slot.
    gathered: Vec<(String, Draft)>,
    /// What the run before found and how it was explained: the same again needs no second explanation.
    before: (Vec<Finding>, Option<Explanation>),
    runbooks: Vec<&'a Runbook>,
}

impl<'a> Run<'a> {
    fn new(context: &'a Context, incident: Incident, before: Investigation, lease: &'a Lease) -> Self {
        let now = (context.clock)();
        let record = Investigation {
            run: before.run + 1,
            started_at: Some(now),
            slots: before.slots.clone(),
            unavailable: questions::not_configured(&context.sources),
            ..Investigation::default()
        };
        Self {
            subject: incident.subject.clone(),
            ranges: Ranges::of(&incident, now),
            wanted: incident.wanted,
            started: Instant::now(),
            waited_for: questions::configured(&context.sources),
            gathered: Vec::new(),
            before: (before.findings, before.explanation),
            runbooks: Vec::new(),
            context,
            incident,
            record,
            lease,
        }
    }

    fn now(&self) -> DateTime<Utc> {
        (self.context.clock)()
    }

    /// Says that somebody looks. The timer stays due: should this process die, whoever gets the lease next goes on.
    async fn begin(&mut self) -> Result<(), StoreError> {
        let now = self.now();
        let looking = |incident: &mut Incident| {
            incident.progress = Progress::Looking { since: now };
            incident.investigations += 1;
        };
        self.save(looking, Vec::new(), Vec::new()).await
    }

    /// Owner references first, then everything that the subject's kind and the matching runbooks call for.
    async fn first_round(&mut self) -> Result<(), StoreError> {
        if let Some(cluster) = &self.context.sources.cluster {
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
        self.take(questions::alerts(&self.incident, &self.ranges));
        let mut tasks = questions::first(self.context, &self.subject, &self.ranges, &self.runbooks);
        tasks.push(history::question(self.context, &self.incident, &self.subject, &self.ranges));
        self.gather(tasks, FIRST_ROUND).await
    }

    /// What the first answers lead to: the runbook of the reason that was seen, and what the subject depends on.
    async fn second_round(&mut self) -> Result<(), StoreError> {
        let known = std::mem::take(&mut self.runbooks);
        self.match_runbooks();
        let mut tasks = questions::charts(self.context, &self.subject, &self.ranges, &self.runbooks);
        let asked = questions::charts_of(&self.subject, &known);
        tasks.retain(|(query, _)| !asked.contains(query));
        let mut tasks: Vec<Task<'_>> = tasks.into_iter().map(|(_, task)| task).collect();
        tasks.extend(questions::nodes(self.context, &self.subject, &self.ranges, &self.record.evidence));
        tasks.extend(questions::dependencies(self.context, &self.subject, &self.ranges, &self.record.evidence));
        self.gather(tasks, 1.0).await
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

    async fn gather(&mut self, tasks: Vec<Task<'a>>, part: f64) -> Result<(), StoreError> {
        let until = self.started + self.context.deadline.mul_f64(part);
        let mut gathering = Gathering::start(tasks, until, self.context.deadline.mul_f64(part), &self.context.counters);
        while let Some(answers) = gathering.next().await {
            for answer in answers {
                self.take(answer);
            }
            self.save(|_| (), Vec::new(), Vec::new()).await?;
        }
        Ok(())
    }

    fn take(&mut self, answer: Gathered) {
        match answer {
            Gathered::Evidence { slot, mut draft } => {
                if draft.title.is_empty() {
                    draft.title = self.context.render.evidence_title(&draft.data, &draft.about, None);
                }
                self.gathered.push((slot, *draft));
            }
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

    async fn report(mut self) -> Result<(), StoreError> {
        // What came last must be among the evidence before it is analysed.
        if !self.gathered.is_empty() {
            self.save(|_| (), Vec::new(), Vec::new()).await?;
        }
        let now = self.now();
        let mut findings = analysis::analyse(&self.subject, &self.record.evidence, self.ranges.onset);
        self.context.render.claims(&mut findings);
        let cause = Cause::among(&findings);
        self.record.findings = findings;
        self.record.finished_at = Some(now);
        let explain = self.explanation(now);

        let render = &self.context.render;
        let mut posts = Vec::new();
        let mut shown = self.incident.clone();
        shown.cause.clone_from(&cause);
        posts.push(self.post("report", PostKind::Report, render.report(&shown, &self.record)));
        if let (Some(found), Some(runbook)) = (self.record.runbooks.first(), self.runbooks.first()) {
            posts.push(self.post(
                "runbook",
                PostKind::Runbook,
                render.runbook(&found.title, &found.id, found.score, &runbook.prose),
            ));
        }
        let second_look = self.second_look(cause.as_ref(), now);
        let subject = self.subject.clone();
        let timers: Vec<Timer> = second_look.into_iter().chain(explain).collect();
        self.save(
            move |incident| {
                incident.progress = Progress::Done { at: now };
                incident.cause.clone_from(&cause);
                // What owner references say is truer than what the labels said.
                incident.subject.kind = subject.kind;
                incident.subject.name.clone_from(&subject.name);
                incident.subject.join(&subject);
            },
            timers,
            posts,
        )
        .await?;
        self.context
            .counters
            .investigations
            .get_or_create(&crate::telemetry::Ended { of: "alert".into(), result: "ok" })
            .inc();
        Ok(())
    }

    /// Has the model explain what was found, unless it did so already.
    fn explanation(&mut self, now: DateTime<Utc>) -> Option<Timer> {
        self.context.model.as_ref()?;
        let (found, explanation) = &self.before;
        let same = found.iter().map(|finding| (&finding.claim, finding.role)).eq(self
            .record
            .findings
            .iter()
            .map(|finding| (&finding.claim, finding.role)));
        if let (true, Some(given @ Explanation::Given { .. })) = (same, explanation) {
            self.record.explanation = Some(given.clone());
            return None;
        }
        self.record.explanation = Some(Explanation::Asked { since: now });
        Some(explain::timer(&self.incident.id, self.record.run, 0, now))
    }

    /// When to look again without being asked.
    fn second_look(&self, cause: Option<&Cause>, now: DateTime<Utc>) -> Option<Timer> {
        let sure = cause.is_some_and(|cause| cause.confidence >= SURE);
        // What was late or broken may answer now, and change the picture.
        let incomplete = self.record.unavailable.iter().any(|gap| self.waited_for.contains(&gap.source));
        let over = self.incident.resolved_at.is_some();
        ((!sure || incomplete) && !over && self.record.run <= MAX_SECOND_LOOKS)
            .then(|| intake::investigation_timer(&self.incident.id, now + SECOND_LOOK, None))
    }

    fn post(&self, key: &str, kind: PostKind, text: String) -> PostDraft {
        PostDraft { key: key.into(), kind, author: AUTHOR.into(), text, evidence: Vec::new(), at: self.now() }
    }

    /// Writes what is known so far: the record, posts for fresh evidence, the status and the root.
    async fn save(
        &mut self,
        change: impl Fn(&mut Incident),
        timers: Vec<Timer>,
        posts: Vec<PostDraft>,
    ) -> Result<(), StoreError> {
        let context = self.context;
        let render = &context.render;
        let done = self.record.finished_at.is_some();
        let (mine, gathered, wanted) = (&self.record, &self.gathered, self.wanted);
        let waited_for: &[Source] = if done { &[] } else { &self.waited_for };
        let saved = amend(context, &self.incident.id, Some(self.lease), |incident, record| {
            change(incident);
            let now = (context.clock)();
            let stored = std::mem::replace(record, mine.clone());
            record.adopt(&stored);
            let fresh = enter(context, record, gathered);
            let post = |key: String, kind, text, evidence| PostDraft {
                key,
                kind,
                author: AUTHOR.into(),
                text,
                evidence,
                at: now,
            };
            let status = render.status(incident, &sources_of(record, waited_for));
            let mut all = vec![
                post("root".into(), PostKind::Root, render.root(incident), Vec::new()),
                post("status".into(), PostKind::Status, status, Vec::new()),
            ];
            all.extend(fresh.iter().map(|evidence| {
                let key = format!("evidence:{}", evidence.id);
                post(key, PostKind::Evidence, render.evidence(evidence), vec![evidence.id])
            }));
            all.extend(posts.iter().cloned());
            let mut timers = timers.clone();
            let mut cleared = Vec::new();
            if done {
                let again = intake::investigation_timer(&incident.id, now, None);
                if incident.wanted != wanted {
                    // Somebody wanted it again while it ran: at once, then.
                    incident.progress = Progress::Waiting;
                    timers.retain(|timer| timer.key != again.key);
                    timers.push(again);
                } else if timers.iter().all(|timer| timer.key != again.key) {
                    cleared.push(again.key);
                }
            }
            Some(Besides { posts: all, timers, cleared, ..Besides::default() })
        })
        .await?;
        if let Some((incident, record)) = saved {
            self.incident = incident;
            self.record = record;
            self.gathered.clear();
        }
        Ok(())
    }
}

/// Numbers what was gathered, and gives what is worth a post of its own.
fn enter(context: &Context, record: &mut Investigation, gathered: &[(String, Draft)]) -> Vec<Evidence> {
    let mut fresh = Vec::new();
    for (slot, draft) in gathered {
        let id = record.number(slot);
        let evidence = Evidence::new(id, draft.clone(), &context.redactor, |data| context.render.excerpt(data));
        record.put(evidence.clone());
        // The root already tells the alerts.
        if slot != "alerts" {
            fresh.push(evidence);
        }
    }
    fresh
}
