//! A person decides on a proposal. Whatever comes of it is kept, audited, and told to them.

use chrono::{DateTime, TimeDelta, Utc};

use super::proposals::{Altered, alter, execution, places};
use super::{Context, update};
use crate::domain::audit::AuditDraft;
use crate::domain::event::{Decided, EventId};
use crate::domain::proposal::{Click, Outcome, State, Step, Told};
use crate::ports::{StoreError, Write};
use crate::telemetry::counters::{OfDecision, seconds};

/// Takes in a decision, once; gives the sentence that the person is told, and `None` when they were told already.
/// `event` is the inbox's, where the decision came from there.
///
/// # Errors
/// When the store does not take it; it is decided again then.
pub async fn decide(
    context: &Context,
    event: Option<EventId>,
    decided: &Decided,
) -> Result<Option<String>, StoreError> {
    let here = places(context, &decided.incident).await?;
    let mut known = false;
    let mut decided_after = None;
    let said = alter(context, &decided.incident, None, |mut seen| {
        known = seen.proposals.iter().any(|proposal| proposal.id == decided.proposal);
        if event.is_some_and(|event| seen.incident.has_handled(event)) {
            known = true;
            return None;
        }
        let mut proposal = seen.take(&decided.proposal)?;
        if let Some(event) = event {
            seen.incident.remember(event);
        }
        proposal.places.clone_from(&here);
        let click = Click {
            proposal: decided.proposal.clone(),
            digest: decided.digest.clone(),
            person: decided.person.clone(),
            place: decided.place.to_string(),
            choice: decided.choice.clone(),
        };
        let id = proposal.id.clone();
        let mut step = seen.read.of_decision(context, seen.incident, &id, |now| proposal.decide(&click, now));
        let said = context.render.outcome(&step.outcome);
        let at = seen.read.now();
        decided_after = waited(&step, at);
        step.proposal.tell(Told { to: decided.person.id.clone(), at, said: said.clone() });
        let mut altered = Altered::by(step);
        let approved = altered.proposals.iter().filter(|proposal| matches!(proposal.state, State::Approved { .. }));
        altered.timers = approved.map(|proposal| execution(proposal, at)).collect();
        Some((altered, said))
    })
    .await?;
    if let Some((decision, took)) = decided_after.filter(|_| said.is_some()) {
        context.counters.approval_seconds.get_or_create(&OfDecision { decision }).observe(seconds(took));
    }
    if said.is_none() && !known {
        refuse_unknown(context, event, decided).await?;
        return Ok(Some(context.render.outcome(&Outcome::Stale)));
    }
    Ok(said)
}

/// How people decided by a click, and how long that took them; nothing where more of them are needed, or nothing changed.
fn waited(step: &Step, now: DateTime<Utc>) -> Option<(&'static str, TimeDelta)> {
    let decision = match step.outcome {
        Outcome::Approved { .. } => "approved",
        Outcome::Rejected => "rejected",
        _ => return None,
    };
    Some((decision, now - step.proposal.created_at))
}

/// Remembers that somebody decided on what is not there: forged, or of an incident that was forgotten.
async fn refuse_unknown(context: &Context, event: Option<EventId>, decided: &Decided) -> Result<(), StoreError> {
    tracing::warn!(
        incident = %decided.incident, proposal = %decided.proposal, person = %decided.person.id,
        "a decision on a proposal that is not there is refused"
    );
    update(context, &decided.incident, |mut incident| {
        if let Some(event) = event {
            incident.value.remember(event);
        }
        let audit = AuditDraft {
            at: (context.clock)(),
            actor: decided.person.id.to_string(),
            action: "proposal.click_refused".into(),
            incident: Some(decided.incident.clone()),
            detail: format!("{} is not there; clicked in {}", decided.proposal, decided.place),
        };
        Some(Write { audit: vec![audit], ..Write::new(incident) })
    })
    .await
}
