//! From approval to effect: check everything once more, store that it begins, do it, store how it ended. After a crash
//! the object is looked at before anything is repeated.

use chrono::{DateTime, TimeDelta, Utc};
use tracing::Span;
use tracing::field::Empty;

use super::proposals::{Altered, alter, execution, execution_key};
use super::{Context, alone, clear, traced, verify};
use crate::adapters::actuator::{Actuator, ActuatorError, Applied, DrainProgress};
use crate::domain::chat::Platform;
use crate::domain::incident::IncidentId;
use crate::domain::policy::PrincipalKind;
use crate::domain::proposal::{
    Approved, Begun, Done, ExecutionFailed, Groups, Proposal, ProposalId, ProposedBy, Sight, Snapshot, State, Vote,
};
use crate::ports::{Lease, StoreError};

/// What one execution may take before another replica may look after it: requests have a timeout of their own.
const HOLD: TimeDelta = TimeDelta::minutes(2);
/// How long before the lease's end nothing is sent any more: longer than a request takes.
const MARGIN: TimeDelta = TimeDelta::seconds(30);
/// When a neighbour that did not answer is asked again.
const AGAIN: TimeDelta = TimeDelta::seconds(2);
/// When a drain goes on: pods take seconds to leave.
const NEXT_PASS: TimeDelta = TimeDelta::seconds(3);
/// How long the groups of somebody who clicked are believed when their chat cannot be asked again.
const GROUPS_LAST: TimeDelta = TimeDelta::minutes(5);

/// What can change the cluster. It is handed to the use cases that propose, execute and verify, and to nothing else: a
/// conversation with a model has no way to it.
pub struct Hands {
    pub(super) actuator: Actuator,
}

impl Hands {
    /// The hands of a bot with an actuator.
    pub fn new(actuator: Actuator) -> Self {
        Self { actuator }
    }
}

/// Does what was approved, or goes on with what was interrupted. One replica at a time.
///
/// # Errors
/// When the store does not take a step; the timer stays, and the next run looks how far it came.
pub async fn run(context: &Context, hands: &Hands, id: &IncidentId, proposal: &ProposalId) -> Result<(), StoreError> {
    let until = (context.clock)() + HOLD - MARGIN;
    alone(context, &execution_key(proposal), HOLD, |lease| {
        let span = tracing::info_span!(
            "execute",
            incident = %id,
            proposal = %proposal,
            action = Empty,
            otel.status_code = Empty,
            error.type = Empty,
        );
        traced(context, id, span, execute(context, hands, id, proposal, Held { lease, until }))
    })
    .await
}

async fn execute(
    context: &Context,
    hands: &Hands,
    id: &IncidentId,
    proposal: &ProposalId,
    held: Held,
) -> Result<(), StoreError> {
    let Some(found) = context.store.proposal(proposal).await? else {
        return clear(context, id, &execution_key(proposal)).await;
    };
    Span::current().record("action", found.action.name().as_str());
    let look = match look(hands, &found).await {
        Ok(Some(look)) => look,
        Ok(None) => return clear(context, id, &execution_key(proposal)).await,
        Err(error) => return later(context, id, proposal, &error).await,
    };
    let groups = groups(context, &found).await;
    let drains = matches!(look.sight, Some(Sight::Underway { .. }));
    let begun = alter(context, id, Some(&held.lease), |mut seen| {
        let proposal = seen.take(proposal)?;
        let id = proposal.id.clone();
        let Begun { step, approved } =
            seen.read.of_decision(context, seen.incident, &id, |now| match (&proposal.state, &look.sight) {
                (State::Executing { .. }, Some(sight)) => {
                    proposal.clone().resume(sight.clone(), now, &look.seen, &groups)
                }
                _ => proposal.clone().begin(now, &look.seen, &groups),
            });
        let mut altered = Altered::by(step);
        match &approved {
            // Until it is known how it ended, somebody must come back to it.
            Some(_) => altered.timers.extend(altered.proposals.iter().map(|it| execution(it, seen.read.now() + HOLD))),
            None => ended(&mut altered, &mut seen.proposals, seen.read.now()),
        }
        Some((altered, approved))
    })
    .await?;
    // It is stored that it begins, at the version that was read: from here on it may happen.
    let Some(Some(approved)) = begun else { return Ok(()) };
    act(context, hands, id, &approved, drains, &held).await
}

/// The lease on an execution, and until when a request may be sent under it.
struct Held {
    lease: Lease,
    until: DateTime<Utc>,
}

/// What is seen of the target, and of an execution that was interrupted.
struct Look {
    seen: Snapshot,
    sight: Option<Sight>,
}

async fn look(hands: &Hands, proposal: &Proposal) -> Result<Option<Look>, ActuatorError> {
    let sight = match proposal.state {
        State::Approved { .. } => None,
        State::Executing { .. } => Some(hands.actuator.observe(proposal).await?),
        _ => return Ok(None),
    };
    let seen = match hands.actuator.look(&proposal.action).await {
        Ok(seen) => seen,
        // Another object than the one that was shown: the checks say so.
        Err(ActuatorError::NotFound { .. }) => Snapshot::default(),
        Err(error) => return Err(error),
    };
    Ok(Some(Look { seen, sight }))
}

/// Uses the permission, and stores what came of it.
async fn act(
    context: &Context,
    hands: &Hands,
    id: &IncidentId,
    approved: &Approved,
    drains: bool,
    held: &Held,
) -> Result<(), StoreError> {
    let now = (context.clock)();
    if now >= held.until {
        // This process stood still. Somebody else may have looked, seen nothing, and ended it.
        tracing::warn!(incident = %id, "{approved} is not sent: the lease is over");
        return Ok(());
    }
    tracing::info!(incident = %id, approvers = approved.approvers().join(", "), "execute {approved}");
    let result = match drains {
        true => hands.actuator.drain(approved, now).await.map(After::Pass),
        false => hands.actuator.execute(approved, now).await.map(After::Applied),
    };
    let proposal = ProposalId(approved.key().to_owned());
    if let Err(error) = &result
        && error.leaves_doubt()
    {
        return later(context, id, &proposal, error).await;
    }
    let result = result.map_err(|error| match error {
        ActuatorError::Moved { .. } => ExecutionFailed::Moved,
        error => ExecutionFailed::Refused { why: context.redactor.redact(&error.to_string()).into_owned() },
    });
    alter(context, id, Some(&held.lease), |mut seen| {
        let mut proposal = seen.take(&proposal)?;
        let now = seen.read.now();
        let left = match &result {
            Ok(After::Pass(pass)) => Some(pass),
            Ok(After::Applied(applied)) => applied.drain.as_ref(),
            Err(_) => None,
        };
        if let Some(pass) = left.filter(|pass| !pass.is_done()) {
            proposal.watch.waiting_for = match pass.blocked.first() {
                Some(blocked) => format!("{} pod(s) left; {blocked}", pass.left),
                None => format!("{} pod(s) left", pass.left),
            };
            let timer = execution(&proposal, now + NEXT_PASS);
            return Some((Altered { proposals: vec![proposal], timers: vec![timer], ..Altered::default() }, ()));
        }
        let done = match &result {
            Ok(After::Applied(applied)) => {
                proposal.before = applied.before.clone();
                Ok(Done { created: applied.created.clone() })
            }
            Ok(After::Pass(_)) => Ok(Done::default()),
            Err(failed) => Err(failed.clone()),
        };
        proposal.watch.waiting_for.clear();
        let mut altered = Altered::by(proposal.finish(done, now));
        ended(&mut altered, &mut seen.proposals, now);
        Some((altered, ()))
    })
    .await
    .map(drop)
}

/// How an attempt went.
enum After {
    Applied(Applied),
    /// One more pass of a drain.
    Pass(DrainProgress),
}

/// What follows from an execution's end: it is watched, its timers are cleared, and what it took back is undone.
fn ended(altered: &mut Altered, others: &mut Vec<Proposal>, now: DateTime<Utc>) {
    let Some(proposal) = altered.proposals.first().cloned() else { return };
    altered.cleared.push(execution_key(&proposal.id));
    if !matches!(proposal.state, State::Applied { .. }) {
        return;
    }
    altered.timers.push(verify::timer(&proposal, now));
    if let ProposedBy::Undo { of } = &proposal.proposed_by
        && let Some(at) = others.iter().position(|other| other.id == *of)
    {
        let step = others.swap_remove(at).undone(proposal.id.clone(), now);
        altered.and(step);
    }
}

/// Comes back to it: whoever did not answer may answer then. The proposal's end bounds how often; one that may have happened
/// by then, and of which nobody can tell, has failed.
async fn later(
    context: &Context,
    id: &IncidentId,
    proposal: &ProposalId,
    error: &ActuatorError,
) -> Result<(), StoreError> {
    tracing::warn!(incident = %id, %proposal, "execute {proposal}: {error}; looking again");
    let why = context.redactor.redact(&error.to_string()).into_owned();
    alter(context, id, None, |mut seen| {
        let mut proposal = seen.take(proposal)?;
        let now = seen.read.now();
        if matches!(proposal.state, State::Executing { .. }) && now >= proposal.expires_at {
            let unclear = ExecutionFailed::Refused { why: format!("it cannot be told whether it happened: {why}") };
            let mut altered = Altered::by(proposal.finish(Err(unclear), now));
            ended(&mut altered, &mut seen.proposals, now);
            return Some((altered, ()));
        }
        proposal.watch.waiting_for = crate::domain::text::line(&why, 200);
        let timer = execution(&proposal, now + AGAIN);
        Some((Altered { proposals: vec![proposal], timers: vec![timer], ..Altered::default() }, ()))
    })
    .await
    .map(drop)
}

/// The groups that each approver is in now, asked from where they clicked.
async fn groups(context: &Context, proposal: &Proposal) -> Groups {
    let now = (context.clock)();
    let mut groups = Groups::new();
    for Vote { person, at, .. } in &proposal.votes {
        let platform = match person.id.kind() {
            PrincipalKind::Slack => Some(Platform::Slack),
            PrincipalKind::Mattermost => Some(Platform::Mattermost),
            _ => None,
        };
        let asked = match platform.and_then(|platform| context.chat(platform)) {
            Some(chat) => chat.groups(person).await,
            // What a proxy said when they clicked cannot be asked again.
            None => Ok(person.groups.clone()),
        };
        let now_in = asked.unwrap_or_else(|error| {
            tracing::warn!(person = %person.id, "ask for the groups of {}: {error}", person.id);
            if now - *at < GROUPS_LAST { person.groups.clone() } else { Vec::new() }
        });
        groups.insert(person.id.clone(), now_in);
    }
    groups
}
