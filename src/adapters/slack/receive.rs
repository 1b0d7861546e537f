//! From what Slack delivered to the inbox. What is received is durable before it is acknowledged.

use chrono::{DateTime, Utc};

use super::inbound::{Commanded, Inbound, Said, place};
use crate::domain::chat::Spot;
use crate::domain::command::Command;
use crate::domain::event::{Event, Typed};
use crate::domain::incident::IncidentId;
use crate::domain::question::Question;
use crate::ports::{Store, StoreError};

/// What to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// This, as it is: Slack tries the address.
    Challenge(String),
    /// It is in the inbox.
    Enqueued,
    /// A command is in the inbox.
    Command(Command),
    /// It is nothing for us; why.
    Nothing(&'static str),
}

/// Puts it into the inbox.
///
/// # Errors
/// When the store does not take it: then it must not be acknowledged, so that Slack delivers it again.
pub async fn receive(store: &dyn Store, now: DateTime<Utc>, inbound: Inbound) -> Result<Received, StoreError> {
    match inbound {
        Inbound::Challenge(challenge) => Ok(Received::Challenge(challenge)),
        Inbound::Nothing(why) => Ok(Received::Nothing(why)),
        Inbound::Pressed(pressed) => {
            store.enqueue(&Event::Pressed(*pressed), now).await?;
            Ok(Received::Enqueued)
        }
        Inbound::Typed(commanded) => {
            let Commanded { command, person, place, thread, nonce } = commanded;
            let incident = match &thread {
                Some(thread) => store.incident_of(&place, thread).await?,
                None => None,
            };
            let typed = Typed { command: command.clone(), person, place, thread, incident, nonce };
            store.enqueue(&Event::Command(typed), now).await?;
            Ok(Received::Command(command))
        }
        Inbound::Said(said) => {
            let incident = incident_of(store, &said).await?;
            if incident.is_none() && !said.to_bot {
                return Ok(Received::Nothing("words that were not meant for the bot"));
            }
            let Ok(question) = Question::new(&said.nonce, incident, &said.text, &said.author, now) else {
                return Ok(Received::Nothing("no words"));
            };
            let question = match place(&said.channel) {
                Some(place) => {
                    question.asked_in(Spot { place, thread: said.thread, said: said.message, to_bot: said.to_bot })
                }
                None => question,
            };
            store.enqueue(&Event::Ask(question), now).await?;
            Ok(Received::Enqueued)
        }
    }
}

/// The incident in whose thread it was said.
async fn incident_of(store: &dyn Store, said: &Said) -> Result<Option<IncidentId>, StoreError> {
    match (place(&said.channel), &said.thread) {
        (Some(place), Some(thread)) => store.incident_of(&place, thread).await,
        _ => Ok(None),
    }
}
