//! An investigation: gather in parallel, analyse, report. The thread grows as answers come.

use chrono::{DateTime, TimeDelta, Utc};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::amend::{Besides, amend};
use super::gather::Gathering;
use super::look::{ALERTS, Look, enter};
use super::{AUTHOR, Context, alone, explain, intake, propose, questions, relate};
use crate::domain::evidence::Source;
use crate::domain::finding::{Cause, Finding};
use crate::domain::incident::{Incident, IncidentId, Progress};
use crate::domain::investigation::Investigation;
use crate::domain::post::{PostDraft, PostKind};
use crate::domain::report::Explanation;
use crate::ports::{Lease, StoreError, Timer, Versioned};
use crate::render::sources_of;
use crate::telemetry::{Ended, trace};

/// What a run may take beyond its deadline before another may take it over.
const GRACE: TimeDelta = TimeDelta::seconds(30);
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
    alone(context, &id.0, hold, |lease| async move {
        let Some(Versioned { value: incident, .. }) = context.store.incident(id).await? else { return Ok(()) };
        let span = tracing::info_span!(
            "investigation",
            incident = %id,
            incident.title = incident.title,
            run = Empty,
            cause = Empty,
            otel.status_code = Empty,
            error.type = Empty,
        );
        trace::follow(&span, incident.trace.as_ref());
        let work = async {
            let began = std::time::Instant::now();
            let result = investigate(context, incident, &lease).await;
            context.counters.investigation_seconds.observe(began.elapsed());
            result
        };
        let result = work.instrument(span.clone()).await;
        if result.is_err() {
            trace::failed(&span, "store");
        }
        result
    })
    .await
}

async fn investigate(context: &Context, incident: Incident, lease: &Lease) -> Result<(), StoreError> {
    let before = context.store.investigation(&incident.id).await?.unwrap_or_default();
    let mut run = Run::new(context, incident, before, lease);
    run.begin().await?;
    let first = run.look.first_round().await;
    run.gather(first).await?;
    let second = run.look.second_round();
    run.gather(second).await?;
    run.report().await
}

/// A run: a look that is kept in the store as it goes on.
struct Run<'a> {
    context: &'a Context,
    look: Look<'a>,
    lease: &'a Lease,
    /// What [`Incident::wanted`] was when the run began.
    wanted: u32,
    /// Sources that may still answer.
    waited_for: Vec<Source>,
    /// What the run before found and how it was explained: the same again needs no second explanation.
    before: (Vec<Finding>, Option<Explanation>),
}

impl<'a> Run<'a> {
    fn new(context: &'a Context, incident: Incident, before: Investigation, lease: &'a Lease) -> Self {
        let wanted = incident.wanted;
        let waited_for = match context.sources.elsewhere(&incident.subject) {
            Some(_) => Vec::new(),
            None => questions::configured(&context.sources),
        };
        let mut look = Look::new(context, incident, &before);
        // What follows, the model's explanation and the messages in chats, belongs to the same trace.
        look.record.trace = trace::current();
        Span::current().record("run", look.record.run);
        Self { wanted, waited_for, look, before: (before.findings, before.explanation), context, lease }
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

    /// Takes in the answers of one round, and shows them as they come.
    async fn gather(&mut self, mut round: Gathering<'a>) -> Result<(), StoreError> {
        while let Some(answers) = round.next().await {
            for answer in answers {
                self.look.take(answer);
            }
            self.save(|_| (), Vec::new(), Vec::new()).await?;
        }
        Ok(())
    }

    async fn report(mut self) -> Result<(), StoreError> {
        // What came last must be among the evidence before it is analysed.
        if !self.look.gathered.is_empty() {
            self.save(|_| (), Vec::new(), Vec::new()).await?;
        }
        let now = self.now();
        let cause = self.look.analyse(now);
        if let Some(cause) = &cause {
            Span::current().record("cause", cause.kind.as_str());
        }
        let explain = self.explanation(now);
        let posts = tracing::info_span!("render").in_scope(|| self.rendered(cause.as_ref()));
        let second_look = self.second_look(cause.as_ref(), now);
        let subject = self.look.subject.clone();
        let mut mine = self.look.incident.clone();
        mine.cause.clone_from(&cause);
        mine.correct(&subject);
        // Before the timer is cleared: what is lost by a crash is done again.
        relate::tell(self.context, &mine).await?;
        let remedies =
            self.context.can_act.then(|| propose::timer(&self.look.incident.id, self.look.record.run, false, now));
        let timers: Vec<Timer> = second_look.into_iter().chain(explain).chain(remedies).collect();
        self.save(
            move |incident| {
                incident.progress = Progress::Done { at: now };
                incident.cause.clone_from(&cause);
                incident.correct(&subject);
            },
            timers,
            posts,
        )
        .await?;
        self.context.counters.investigations.get_or_create(&Ended { of: "alert".into(), result: "ok" }).inc();
        Ok(())
    }

    /// The report, and the runbook that fits best.
    fn rendered(&self, cause: Option<&Cause>) -> Vec<PostDraft> {
        let render = &self.context.render;
        let mut shown = self.look.incident.clone();
        shown.cause = cause.cloned();
        let mut posts = vec![self.post("report", PostKind::Report, render.report(&shown, &self.look.record))];
        if let (Some(found), Some(runbook)) = (self.look.record.runbooks.first(), self.look.runbooks.first()) {
            posts.push(self.post(
                "runbook",
                PostKind::Runbook,
                render.runbook(&found.title, &found.id, found.score, &runbook.prose),
            ));
        }
        posts
    }

    /// Has the model explain what was found, unless it did so already.
    fn explanation(&mut self, now: DateTime<Utc>) -> Option<Timer> {
        self.context.model.as_ref()?;
        let (found, explanation) = &self.before;
        let explanation = explanation.clone().filter(|_| explain::is_same(found, &self.look.record.findings));
        let explained = matches!(explanation, Some(Explanation::Given { .. }));
        let since = match &explanation {
            // A conversation about the same may be under way.
            Some(Explanation::Asked { since }) => *since,
            _ => now,
        };
        self.look.record.explanation = if explained { explanation } else { Some(Explanation::Asked { since }) };
        (!explained).then(|| explain::timer(&self.look.incident.id, 0, now))
    }

    /// When to look again without being asked.
    fn second_look(&self, cause: Option<&Cause>, now: DateTime<Utc>) -> Option<Timer> {
        let sure = cause.is_some_and(|cause| cause.confidence >= SURE);
        // What was late or broken may answer now, and change the picture.
        let incomplete = self.look.record.unavailable.iter().any(|gap| self.waited_for.contains(&gap.source));
        let over = self.look.incident.resolved_at.is_some();
        ((!sure || incomplete) && !over && self.look.record.run <= MAX_SECOND_LOOKS)
            .then(|| intake::investigation_timer(&self.look.incident.id, now + SECOND_LOOK, None))
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
        let done = self.look.record.finished_at.is_some();
        let (mine, gathered, wanted) = (&self.look.record, &self.look.gathered, self.wanted);
        let waited_for: &[Source] = if done { &[] } else { &self.waited_for };
        let saved = amend(context, &self.look.incident.id, Some(self.lease), |incident, record| {
            change(incident);
            let now = (context.clock)();
            let stored = std::mem::replace(record, mine.clone());
            record.adopt(&stored);
            // The root already tells the alerts.
            let mut fresh = enter(context, record, gathered);
            fresh.retain(|evidence| record.slots.get(ALERTS) != Some(&evidence.id));
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
                    // Somebody wanted it again while it ran: at once, then. What this run found is explained and remedied
                    // with what that one finds.
                    incident.progress = Progress::Waiting;
                    timers = vec![again];
                } else if timers.iter().all(|timer| timer.key != again.key) {
                    cleared.push(again.key);
                }
            }
            Some(Besides { posts: all, timers, cleared, ..Besides::default() })
        })
        .await?;
        if let Some((incident, record)) = saved {
            self.look.incident = incident;
            self.look.record = record;
            self.look.gathered.clear();
        }
        Ok(())
    }
}
