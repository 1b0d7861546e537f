//! A person pressed a control in a chat: what it means is done, and they are told.

use super::tell::{CALL, beside};
use super::{AUTHOR, Context, decide, propose, update, worker};
use crate::domain::action::Action;
use crate::domain::audit::AuditDraft;
use crate::domain::chat::Place;
use crate::domain::event::{Decided, EventId, Pressed, Wish};
use crate::domain::incident::{Acknowledged, IncidentId, IncidentStatus};
use crate::domain::policy::Person;
use crate::domain::post::{PostDraft, PostKind};
use crate::domain::press::Press;
use crate::domain::proposal::{Choice, ProposalId};
use crate::ports::{StoreError, Write};
use crate::telemetry::Ended;
use crate::telemetry::counters::seconds;

/// Handles a press.
///
/// # Errors
/// When the store does not take what it does; it is handled again then, and does it once.
pub async fn handle(context: &Context, event: EventId, pressed: Pressed) -> Result<(), StoreError> {
    let of = pressed.press.name().to_owned();
    let said = act(context, event, &pressed).await?;
    context.counters.presses.get_or_create(&Ended { of, result: "ok" }).inc();
    let Some(said) = said else { return Ok(()) };
    let Pressed { incident, message, person, place, .. } = &pressed;
    beside(context, incident, message.as_ref(), person, place, &said).await;
    Ok(())
}

/// Does what it means; gives what the person is told.
async fn act(context: &Context, event: EventId, pressed: &Pressed) -> Result<Option<String>, StoreError> {
    let Pressed { press, incident, person, .. } = pressed;
    let render = &context.render;
    match press {
        Press::Acknowledge => acknowledge(context, event, incident, person).await.map(Some),
        Press::Investigate => {
            if context.store.incident(incident).await?.is_none() {
                return Ok(Some(render.word("said.gone")));
            }
            worker::investigate_later(context, event, incident.clone(), Some(person.id.to_string())).await?;
            Ok(Some(render.word("said.investigating")))
        }
        Press::ShowDiff { proposal } => {
            let found = context.store.proposal(proposal).await?.filter(|found| found.incident == *incident);
            Ok(Some(match found.as_ref().map(|found| found.diff.as_str()) {
                None => render.word("said.no_proposal"),
                Some("") => render.word("said.no_diff"),
                Some(diff) => format!("{}\n{}", render.word("said.diff"), render.fence(diff)),
            }))
        }
        Press::Silence { minutes } => {
            let Some(read) = context.store.incident(incident).await? else {
                return Ok(Some(render.word("said.gone")));
            };
            match propose::silence_of(&read.value, *minutes, &person.name) {
                // Whoever chose how long has said what they want.
                Some(action) => wish(context, event, &wanted(pressed, action, Consent::Given)).await.map(Some),
                None => Ok(Some(render.word("said.no_silence"))),
            }
        }
        Press::Undo { proposal } => match propose::undo_of(context, incident, proposal).await? {
            Some(action) => wish(context, event, &wanted(pressed, action, Consent::Asked)).await.map(Some),
            None => Ok(Some(render.word("said.no_way_back"))),
        },
        Press::Approve { proposal, digest } => {
            decided(context, event, pressed, proposal, digest, Choice::Approve).await
        }
        Press::Reject { proposal, digest } => {
            decided(context, event, pressed, proposal, digest, Choice::Reject { reason: None }).await
        }
    }
}

/// Whether asking for something is also the approval of whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consent {
    /// It is.
    Given,
    /// It is put to people, them among others.
    Asked,
}

fn wanted(pressed: &Pressed, action: Action, consent: Consent) -> Wish {
    let Pressed { incident, person, place, message, nonce, .. } = pressed;
    Wish {
        incident: incident.clone(),
        action,
        approve: consent == Consent::Given,
        person: person.clone(),
        place: place.clone(),
        message: message.clone(),
        nonce: nonce.clone(),
    }
}

async fn acknowledge(
    context: &Context,
    event: EventId,
    id: &IncidentId,
    person: &Person,
) -> Result<String, StoreError> {
    let render = &context.render;
    let mut said = render.word("said.gone");
    let mut took = None;
    update(context, id, |mut read| {
        let now = (context.clock)();
        let incident = &mut read.value;
        let noted = || render.say("said.acknowledged", &[&incident.title]);
        if incident.has_handled(event) {
            said = noted();
            return None;
        }
        if let Some(Acknowledged { by, at }) = &incident.acknowledged {
            said = render.say("said.already_acknowledged", &[by, &at.format("%H:%M UTC").to_string()]);
            return None;
        }
        if incident.status == IncidentStatus::Resolved {
            said = render.word("said.over");
            return None;
        }
        said = noted();
        took = Some(now - incident.opened_at);
        incident.remember(event);
        incident.acknowledged = Some(Acknowledged { by: person.name.clone(), at: now });
        incident.changed_at = now;
        let root = PostDraft {
            key: "root".into(),
            kind: PostKind::Root,
            author: AUTHOR.into(),
            text: render.root(incident),
            evidence: Vec::new(),
            at: now,
        };
        let audit = AuditDraft {
            at: now,
            actor: person.id.to_string(),
            action: "incident.acknowledged".into(),
            incident: Some(incident.id.clone()),
            detail: incident.title.clone(),
        };
        Some(Write { posts: vec![root], audit: vec![audit], ..Write::new(read) })
    })
    .await?;
    if let Some(took) = took {
        context.counters.time_to_acknowledge.observe(seconds(took));
    }
    Ok(said)
}

async fn decided(
    context: &Context,
    event: EventId,
    pressed: &Pressed,
    proposal: &ProposalId,
    digest: &str,
    choice: Choice,
) -> Result<Option<String>, StoreError> {
    let Pressed { incident, person, place, nonce, .. } = pressed;
    let person = match with_groups(context, person, place).await {
        Ok(person) => person,
        Err(said) => return Ok(Some(said)),
    };
    let decided = Decided {
        incident: incident.clone(),
        proposal: proposal.clone(),
        digest: digest.to_owned(),
        choice,
        person,
        place: place.clone(),
        nonce: nonce.clone(),
    };
    decide::decide(context, Some(event), &decided).await
}

/// Notes what a person wants put forward; gives what they are told for now.
pub(super) async fn wish(context: &Context, event: EventId, wish: &Wish) -> Result<String, StoreError> {
    let person = match with_groups(context, &wish.person, &wish.place).await {
        Ok(person) => person,
        Err(said) => return Ok(said),
    };
    propose::note(context, Some(event), Wish { person, ..wish.clone() }).await?;
    Ok(context.render.word("said.wished"))
}

/// The person with the groups that the chat puts them in now. Without them nothing is decided: who may is not known.
async fn with_groups(context: &Context, person: &Person, place: &Place) -> Result<Person, String> {
    let Place::Channel(platform, _) = place else { return Ok(person.clone()) };
    let Some(chat) = context.chat(*platform) else { return Err(context.render.word("said.no_decisions")) };
    let refused = |why: String| {
        tracing::warn!(person = %person.id, "ask {platform} for the groups of {}: {why}", person.id);
        context.render.word("said.no_groups")
    };
    match tokio::time::timeout(CALL, chat.groups(person)).await {
        Ok(Ok(groups)) => Ok(Person { groups, ..person.clone() }),
        Ok(Err(error)) => Err(refused(error.to_string())),
        Err(_) => Err(refused(format!("no answer within {} s", CALL.as_secs()))),
    }
}
