//! What the past says: similar incidents are named when one begins, and one that ends is remembered.

use super::gather::{Gathered, Task};
use super::plan::Ranges;
use super::{AUTHOR, Context};
use crate::domain::cluster::ChangeFact;
use crate::domain::evidence::{Draft, EvidenceData, Source};
use crate::domain::incident::{Incident, IncidentStatus};
use crate::domain::past_incident::{History, PastCause, PastIncident, Said, Signature};
use crate::domain::proposal::State;
use crate::domain::subject::Subject;
use crate::ports::StoreError;
use crate::render::text_of;

/// Whether the same was seen before, and what helped then. Answered from memory; nothing alike is no evidence.
pub fn question<'a>(context: &'a Context, incident: &Incident, subject: &Subject, ranges: &Ranges) -> Task<'a> {
    let about = subject.object();
    let names = incident.alert_names();
    let signature = Signature {
        id: Some(&incident.id),
        cluster: subject.cluster.as_deref(),
        subject: &about,
        alerts: &names,
        cause: incident.cause.as_ref().map(|cause| cause.kind),
    };
    let history = History::of(&context.knowledge.similar(&signature));
    let query = format!("incidents like {} on {subject}", names.join(", "));
    let window = ranges.window;
    Task::new(Source::Knowledge, "similar incidents", async move {
        let draft = |history| Draft {
            source: Source::Knowledge,
            about,
            title: String::new(),
            query,
            window,
            data: EvidenceData::History(Box::new(history)),
            link: None,
        };
        let evidence =
            history.map(|history| Gathered::Evidence { slot: "history".into(), draft: Box::new(draft(history)) });
        evidence.into_iter().collect()
    })
}

/// Remembers an incident that is over: its cause, what changed meanwhile and what people said.
///
/// # Errors
/// When the store does not answer; remembering again changes nothing.
pub async fn remember(context: &Context, incident: &Incident, changes: &[ChangeFact]) -> Result<(), StoreError> {
    let (IncidentStatus::Resolved, Some(resolved_at)) = (incident.status, incident.resolved_at) else { return Ok(()) };
    let done = context.store.proposals(&incident.id).await?;
    let helped = done.iter().filter(|proposal| matches!(proposal.state, State::Verified { .. }));
    let actions = helped.map(|proposal| text_of(&context.render.action(&proposal.action))).collect();
    let clean = |text: &str| context.redactor.redact(text).into_owned();
    let thread = context.store.thread(&incident.id).await?;
    let of_people = thread.iter().filter(|post| post.draft.author != AUTHOR);
    let said =
        of_people.map(|post| Said { author: post.draft.author.clone(), text: clean(&text_of(&post.draft.text)) });
    let past = PastIncident {
        id: incident.id.clone(),
        title: incident.title.clone(),
        cluster: incident.subject.cluster.clone(),
        subject: incident.subject.object(),
        alerts: incident.alert_names().into_iter().map(str::to_owned).collect(),
        cause: incident.cause.as_ref().map(|cause| PastCause {
            kind: cause.kind,
            claim: clean(&text_of(&cause.claim)),
            about: cause.about.clone(),
        }),
        changes: changes.iter().map(|change| ChangeFact { what: clean(&change.what), ..change.clone() }).collect(),
        said: said.collect(),
        actions,
        started_at: incident.started_at,
        resolved_at,
    };
    context.knowledge.remember(past).await
}
