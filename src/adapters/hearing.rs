//! What people say to the bot in a chat, on its way into the inbox. A chat reads what it was sent and opens forms in its own
//! way; what is a question, a command or a call for help is the same in all of them.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::action_form::ActionForms;
use crate::domain::action::form::{ActionForm, WrongField};
use crate::domain::chat::{MessageId, Place, Spot};
use crate::domain::command::Command;
use crate::domain::event::{Event, Typed};
use crate::domain::form::FormPage;
use crate::domain::incident::IncidentId;
use crate::domain::policy::{Person, Principal};
use crate::domain::question::Question;
use crate::ports::{Clock, Store, StoreError};

/// Takes what people say.
#[derive(Clone)]
pub struct Hearing {
    /// Where it goes.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Clock,
    /// The forms that commands open.
    pub forms: ActionForms,
}

/// Words of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Where.
    pub place: Place,
    /// The root of the thread, if it was said in one.
    pub thread: Option<MessageId>,
    /// The message that says it.
    pub message: Option<MessageId>,
    /// What, as plain text, without the bot's name.
    pub text: String,
    /// Who.
    pub asker: Principal,
    /// What they are called, where the chat says it with their words; else it is asked for when the question is handled.
    pub name: Option<String>,
    /// Whether it is meant for the bot wherever it was said: a mention, a direct message, the shortcut.
    pub to_bot: bool,
    /// When, where the chat says it.
    pub at: Option<DateTime<Utc>>,
    /// Names the message, so that every delivery of it is one question.
    pub nonce: String,
}

/// A form with who sent it, and where it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// What was filled in.
    pub form: ActionForm,
    /// Who.
    pub person: Person,
    /// Where.
    pub place: Place,
    /// The thread that the command was typed in.
    pub thread: Option<MessageId>,
    /// Names the form: it counts once.
    pub nonce: String,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It is in the inbox.
    Taken,
    /// It was there before.
    Known,
    /// It is nothing for the bot; why.
    Nothing(&'static str),
}

impl Hearing {
    /// Puts words into the inbox: a question, or a call for help. In an incident's thread whatever is said to nobody else is
    /// said to the bot.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn said(&self, said: Said) -> Result<Heard, StoreError> {
        let Said { place, thread, message, text, asker, name, to_bot, at, nonce } = said;
        let incident = self.incident_of(&place, thread.as_ref()).await?;
        if incident.is_none() && !to_bot {
            return Ok(Heard::Nothing("words that were not meant for the bot"));
        }
        let name = name.unwrap_or_else(|| asker.to_string());
        if Command::is_call_for_help(&text) {
            let (command, person) = (Command::Help { unknown: None }, Person::new(asker, &name));
            return self.take(&Event::Command(Typed { command, person, place, thread, incident, nonce })).await;
        }
        let at = at.unwrap_or_else(|| (self.clock)());
        let Ok(question) = Question::new(&nonce, incident, &text, &name, at) else {
            return Ok(Heard::Nothing("no words"));
        };
        // What they wrote is in the thread already, and a thread about it hangs on it.
        let spot = Spot { place, thread, said: message, to_bot };
        self.take(&Event::Ask(question.asked_by(asker).asked_in(spot))).await
    }

    /// A command with the incident in whose thread it was typed, and the form that it needs before it can be taken.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn typed(&self, typed: Typed) -> Result<(Typed, Option<FormPage>), StoreError> {
        let incident = self.incident_of(&typed.place, typed.thread.as_ref()).await?;
        let page = self.forms.for_command(&*self.store, &typed.command, incident.as_ref()).await?;
        Ok((Typed { incident, ..typed }, page))
    }

    /// Puts a form into the inbox, as the command that it says; or what is wrong with it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn submitted(&self, submitted: Submitted) -> Result<Result<Heard, WrongField>, StoreError> {
        let Submitted { form, person, place, thread, nonce } = submitted;
        match self.forms.read(&*self.store, &form).await? {
            Ok((command, incident)) => {
                let typed = Typed { command, person, place, thread, incident: Some(incident), nonce };
                self.take(&Event::Command(typed)).await.map(Ok)
            }
            Err(wrong) => Ok(Err(wrong)),
        }
    }

    /// The incident in whose thread something was said.
    async fn incident_of(&self, place: &Place, thread: Option<&MessageId>) -> Result<Option<IncidentId>, StoreError> {
        match thread {
            Some(root) => self.store.incident_of(place, root).await,
            None => Ok(None),
        }
    }

    /// Puts an event into the inbox, once.
    ///
    /// # Errors
    /// When the store does not take it: then it must not be acknowledged.
    pub async fn take(&self, event: &Event) -> Result<Heard, StoreError> {
        let now = (self.clock)();
        if self.store.is_known(event, now).await? {
            return Ok(Heard::Known);
        }
        // Two at the same moment are one event by its key.
        self.store.enqueue(event, now).await?;
        Ok(Heard::Taken)
    }
}
