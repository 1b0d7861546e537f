//! Questions that leave nothing behind: what belongs to them comes with the request, and the answer goes with the response.

use super::answer;
use super::converse::{self, Held, Live, Trouble};
use super::tools::{Ledger, Toolbox};
use super::{Context, ModelUse};
use crate::adapters::model::Priority;
use crate::agent::prompt::{self, Known, Question};
use crate::domain::incident::{Incident, IncidentStatus, Origin};
use crate::domain::investigation::Investigation;
use crate::ports::{Filter, StoreError};

/// Runbooks that the model reads.
const MAX_RUNBOOKS: usize = 2;
/// Open incidents that one in a request is compared with, the newest.
const MAX_COMPARED: usize = 1_000;

/// Answers a person: about what a look found, or about the cluster.
///
/// # Errors
/// When the model or the store fails.
pub async fn chat(
    context: &Context,
    model: &ModelUse,
    about: Option<(&Incident, &Investigation)>,
    question: &Question<'_>,
    live: &Live,
) -> Result<Held, Trouble> {
    let known = about.map(|(_, record)| record.clone()).unwrap_or_default();
    let ledger = Ledger::Memory(Box::new(known));
    answer::hold(context, model, about, question, ledger, None, live).await
}

/// Has the model say what it makes of a look, in the asker's schema. The evidence is there already: the model looks further
/// only where the analysers found no cause.
///
/// # Errors
/// When the model or the store fails.
pub async fn explain(
    context: &Context,
    model: &ModelUse,
    (incident, record): (&Incident, &Investigation),
    question: &Question<'_>,
    live: &Live,
) -> Result<Held, Trouble> {
    let now = (context.clock)();
    let is_explained = incident.cause.is_some();
    let runbooks = context.sources.runbook_texts(&record.runbooks, MAX_RUNBOOKS);
    let known = Known { incident, investigation: record, runbooks: &runbooks };
    let toolbox = Toolbox::new(context, Ledger::Memory(Box::new(record.clone())), question.author, now);
    converse::hold(model, Priority::Automatic, toolbox, live, |profile| {
        let tools = if is_explained { Vec::new() } else { Toolbox::offered(&context.sources, Some(incident), false) };
        let means = model.means(profile, model.explain_turns, tools);
        prompt::question(&context.render, Some(known), &[], question, now, means)
    })
    .await
}

/// The open incident that alerts of this one would join, if there is one: it knows when the trouble began.
///
/// # Errors
/// When the store does not answer.
pub async fn alike(context: &Context, incident: &Incident) -> Result<Option<Incident>, StoreError> {
    let open = context
        .store
        .list(Filter { status: Some(IncidentStatus::Open), origin: Origin::Alerts, limit: MAX_COMPARED })
        .await?;
    Ok(open.into_iter().find(|known| known.key == incident.key))
}
