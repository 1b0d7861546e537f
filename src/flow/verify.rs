//! Whether it helped: the success condition is watched on a timer, one look at a time, until it is seen or overdue.

use chrono::{DateTime, TimeDelta, Utc};
use tracing::Span;
use tracing::field::Empty;

use super::execute::Hands;
use super::proposals::{Altered, alter};
use super::{Context, after, alone, clear, propose, traced};
use crate::domain::event::Event;
use crate::domain::incident::IncidentId;
use crate::domain::proposal::{Proposal, ProposalId, Seen, State};
use crate::ports::{StoreError, Timer};

/// How often it is looked at.
const EVERY: TimeDelta = TimeDelta::seconds(5);
/// What one look may take before another replica may look.
const HOLD: TimeDelta = TimeDelta::minutes(1);

/// The timer of the next look.
pub(super) fn timer(proposal: &Proposal, now: DateTime<Utc>) -> Timer {
    let event = Event::Verify { incident: proposal.incident.clone(), proposal: proposal.id.clone() };
    Timer { key: key(&proposal.id), due: now + EVERY, event }
}

/// Its key.
pub(super) fn key(proposal: &ProposalId) -> String {
    format!("verify:{proposal}")
}

/// Takes one look.
///
/// # Errors
/// When the store does not take it; the timer stays.
pub async fn run(context: &Context, hands: &Hands, id: &IncidentId, proposal: &ProposalId) -> Result<(), StoreError> {
    alone(context, &key(proposal), HOLD, |_| {
        let span = tracing::info_span!(
            "verify",
            incident = %id,
            proposal = %proposal,
            state = Empty,
            otel.status_code = Empty,
            error.type = Empty,
        );
        traced(context, id, span, look(context, hands, id, proposal))
    })
    .await
}

async fn look(context: &Context, hands: &Hands, id: &IncidentId, proposal: &ProposalId) -> Result<(), StoreError> {
    let Some(found) = context.store.proposal(proposal).await? else { return clear(context, id, &key(proposal)).await };
    let watched = match found.state {
        State::Applied { .. } => watch(context, hands, found).await?,
        _ => Some(found),
    };
    let Some(watched) = watched else { return Ok(()) };
    Span::current().record("state", watched.state.as_str());
    // The timer stays until what follows from the verdict is done, so that a crash in between costs none of it.
    match watched.state {
        State::Applied { .. } => return Ok(()),
        State::Verified { .. } => after::show(context, &watched).await?,
        State::NotVerified { .. } => {
            after::show(context, &watched).await?;
            propose::way_back(context, hands, &watched).await?;
        }
        _ => {}
    }
    clear(context, id, &key(proposal)).await
}

/// Sees how it is, and stores what that means; gives the proposal as it is then, if it is still there.
async fn watch(context: &Context, hands: &Hands, found: Proposal) -> Result<Option<Proposal>, StoreError> {
    let seen = match hands.actuator.success(&found).await {
        Ok(seen) => seen,
        // A neighbour that does not answer proves nothing; the deadline of the watching bounds how long.
        Err(error) => Seen::NotYet { what: context.redactor.redact(&error.to_string()).into_owned() },
    };
    alter(context, &found.incident, None, |mut all| {
        let firing = all.incident.firing();
        let step = all.take(&found.id)?.watched(seen.clone(), firing, all.read.now());
        let watched = step.proposal.clone();
        let mut altered = Altered::by(step);
        if matches!(watched.state, State::Applied { .. }) {
            altered.timers.push(timer(&watched, all.read.now()));
        }
        Some((altered, watched))
    })
    .await
}
