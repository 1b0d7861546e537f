//! Has the model explain what an investigation found. The thread is whole without it; this adds to the report.

use chrono::{DateTime, TimeDelta, Utc};
use tracing::Instrument as _;
use tracing::field::Empty;

use super::amend::{Besides, amend};
use super::converse::{self, Held, Live, Trouble};
use super::tools::{Ledger, Toolbox};
use super::{AUTHOR, Context, ModelUse, alone, propose, until_stopped};
use crate::adapters::model::{ModelError, Priority};
use crate::agent::prompt::{self, Known};
use crate::agent::turn::Outcome;
use crate::domain::event::Event;
use crate::domain::finding::Finding;
use crate::domain::incident::{Incident, IncidentId, IncidentStatus};
use crate::domain::investigation::Investigation;
use crate::domain::post::{PostDraft, PostKind};
use crate::domain::report::Explanation;
use crate::ports::{StoreError, Timer, Versioned};
use crate::telemetry::trace;

/// What a conversation may take beyond its deadline before another may take it over.
const GRACE: TimeDelta = TimeDelta::seconds(30);
/// Runbooks that the model reads.
const MAX_RUNBOOKS: usize = 2;
/// When a model that was busy or away is asked again, by attempt.
const AGAIN: [TimeDelta; 3] = [TimeDelta::minutes(1), TimeDelta::minutes(5), TimeDelta::minutes(15)];

/// The timer that has an incident explained.
pub(super) fn timer(incident: &IncidentId, attempt: u32, due: DateTime<Utc>) -> Timer {
    Timer { key: key(incident), due, event: Event::Explain { incident: incident.clone(), attempt } }
}

fn key(incident: &IncidentId) -> String {
    format!("explain:{incident}")
}

/// Explains what was found about an incident, if an explanation is waited for.
///
/// # Errors
/// When the store does not take the result; the timer stays, and it is tried again.
pub async fn run(context: &Context, id: &IncidentId, attempt: u32) -> Result<(), StoreError> {
    let Some(model) = &context.model else { return give_up(context, id).await };
    let hold = TimeDelta::from_std(model.explain_deadline).unwrap_or(GRACE) + GRACE;
    alone(context, &key(id), hold, |_| until_stopped(context, explain(context, model, id, attempt))).await
}

async fn explain(context: &Context, model: &ModelUse, id: &IncidentId, attempt: u32) -> Result<(), StoreError> {
    let Some(Versioned { value: incident, .. }) = context.store.incident(id).await? else { return Ok(()) };
    let record = context.store.investigation(id).await?.unwrap_or_default();
    if !waits(&record) {
        return give_up(context, id).await;
    }
    let began = std::time::Instant::now();
    let span = tracing::info_span!(
        "explain",
        incident = %id,
        run = record.run,
        attempt,
        otel.status_code = Empty,
        error.type = Empty,
    );
    trace::follow(&span, record.trace.as_ref());
    let said = match ask(context, model, &incident, &record).instrument(span.clone()).await {
        Ok(said) => Ok(said),
        Err(Trouble::Store(error)) => return Err(error),
        Err(Trouble::Model(error)) => Err(error),
    };
    let seconds = began.elapsed().as_secs_f64();
    span.in_scope(|| match &said {
        Ok(Held { model, conversation, .. }) => {
            let (turns, tokens) = (conversation.turns(), conversation.usage());
            tracing::info!(
                incident = %id, model, turns, prompt_tokens = tokens.prompt, completion_tokens = tokens.completion,
                seconds, "explained incident {id}"
            );
        }
        Err(error) => {
            trace::failed(&span, "model");
            tracing::warn!(incident = %id, attempt, "the model explained nothing: {error}");
        }
    });
    drop(span);
    let now = (context.clock)();
    let explanation = match said {
        Ok(Held { model, conversation, outcome: Outcome::Report(report), .. }) => {
            Explanation::Given { at: now, model, report, turns: conversation.turns() }
        }
        Ok(Held { outcome, .. }) => {
            let reason = match outcome {
                Outcome::Nothing(why) => why,
                _ => "the model's answer could not be read".to_owned(),
            };
            Explanation::Missing { at: now, reason, will_retry: false }
        }
        Err(error) => {
            let again = may_help_later(&error) && (attempt as usize) < AGAIN.len();
            let reason = context.redactor.redact(&error.to_string()).into_owned();
            Explanation::Missing { at: now, reason, will_retry: again }
        }
    };
    settle(context, id, &record.findings, explanation, attempt).await
}

/// Whether an explanation is waited for.
fn waits(record: &Investigation) -> bool {
    matches!(record.explanation, Some(Explanation::Asked { .. } | Explanation::Missing { will_retry: true, .. }))
}

/// Clears the timer where no explanation is waited for, or nobody is there to give one.
async fn give_up(context: &Context, id: &IncidentId) -> Result<(), StoreError> {
    let cleared = amend(context, id, None, |_, record| {
        if waits(record) {
            if context.model.is_some() {
                // A newer run waits for it under the same key.
                return None;
            }
            record.explanation = None;
        }
        Some(Besides { cleared: vec![key(id)], ..Besides::default() })
    });
    cleared.await.map(drop)
}

/// Whether the same question may be answered in a minute.
fn may_help_later(error: &ModelError) -> bool {
    matches!(
        error,
        ModelError::Unreachable(_)
            | ModelError::Overloaded { .. }
            | ModelError::QueueFull { .. }
            | ModelError::TimedOut { .. }
            | ModelError::BrokeOff { .. }
            | ModelError::GivenUp
            | ModelError::Failed { .. }
    )
}

async fn ask(
    context: &Context,
    model: &ModelUse,
    incident: &Incident,
    record: &Investigation,
) -> Result<Held, Trouble> {
    let now = (context.clock)();
    let runbooks = context.sources.runbook_texts(&record.runbooks, MAX_RUNBOOKS);
    let known = Known { incident, investigation: record, runbooks: &runbooks };
    let until = incident.resolved_at.unwrap_or(now);
    let toolbox = Toolbox::new(context, Ledger::Incident(incident.id.clone()), AUTHOR, until);
    converse::hold(model, Priority::Automatic, toolbox, &Live::default(), |profile| {
        let tools = Toolbox::offered(&context.sources, Some(incident), false);
        let mut means = model.means(profile, model.explain_turns, tools);
        if context.can_act && incident.status == IncidentStatus::Open {
            means.actions = propose::allowed(context, record);
        }
        prompt::explain(&context.render, known, now, means)
    })
    .await
}

/// Writes what the model said into the report, and clears the timer or sets it anew. Where a newer run found something else
/// than what was explained, nothing: its own timer stands under the same key, and is due.
pub(super) async fn settle(
    context: &Context,
    id: &IncidentId,
    explained: &[Finding],
    explanation: Explanation,
    attempt: u32,
) -> Result<(), StoreError> {
    amend(context, id, None, |incident, record| {
        if !waits(record) || !is_same(explained, &record.findings) {
            return None;
        }
        let mut besides = Besides::default();
        match &explanation {
            Explanation::Missing { at, will_retry: true, .. } => {
                let pause = AGAIN.get(attempt as usize).copied().unwrap_or(GRACE);
                besides.timers.push(timer(id, attempt + 1, *at + pause));
            }
            Explanation::Given { at, report, .. } if !report.actions.is_empty() => {
                besides.cleared.push(key(id));
                besides.timers.push(propose::timer(id, record.run, true, *at));
            }
            _ => besides.cleared.push(key(id)),
        }
        record.explanation = Some(explanation.clone());
        besides.posts.push(PostDraft {
            key: "report".into(),
            kind: PostKind::Report,
            author: AUTHOR.into(),
            text: context.render.report(incident, record),
            evidence: Vec::new(),
            at: (context.clock)(),
        });
        Some(besides)
    })
    .await
    .map(drop)
}

/// Whether two runs found the same, so that what explains one explains the other.
pub(super) fn is_same(found: &[Finding], again: &[Finding]) -> bool {
    let told = |finding: &Finding| (finding.claim.clone(), finding.role);
    found.iter().map(told).eq(again.iter().map(told))
}
