//! From what Slack delivered to the inbox. What is received is durable before it is acknowledged; a command that does not
//! say everything opens a modal instead, while its trigger is good.

use std::sync::Arc;

use serde_json::{Value, json};

use super::SlackSettings;
use super::api::Api;
use super::inbound::{Commanded, Inbound, Said, Submitted, place};
use super::modal::{self, Remembered};
use crate::adapters::action_form::ActionForms;
use crate::adapters::http::HttpError;
use crate::domain::action::form::WrongField;
use crate::domain::chat::{Place, Spot};
use crate::domain::command::Command;
use crate::domain::event::{Event, Typed};
use crate::domain::incident::IncidentId;
use crate::domain::policy::{Principal, PrincipalKind};
use crate::domain::question::Question;
use crate::ports::{Clock, Store, StoreError};

/// What answers a command at once, to the person alone.
pub type Acknowledge = Arc<dyn Fn(&Command) -> String + Send + Sync>;

/// What came of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// Slack tries the address and wants to read this, as it is.
    Challenge(String),
    /// It is in the inbox, or a modal asks for the rest of it.
    Taken,
    /// A command is in the inbox; what the person reads meanwhile.
    Command(String),
    /// A form is not taken, because of this.
    Wrong(WrongField),
    /// It is nothing for us; why.
    Nothing(&'static str),
}

impl Received {
    /// What the acknowledgement carries, over HTTP and by Socket Mode alike.
    pub fn answer(&self) -> Option<Value> {
        match self {
            Self::Command(text) => Some(json!({"response_type": "ephemeral", "text": text})),
            Self::Wrong(WrongField { field, problem }) => Some(modal::errors(field.as_str(), problem)),
            Self::Challenge(_) | Self::Taken | Self::Nothing(_) => None,
        }
    }
}

/// Takes what Slack delivers, over HTTP and by Socket Mode alike.
pub struct Receiver {
    /// Where events go.
    store: Arc<dyn Store>,
    /// The time.
    clock: Clock,
    /// What answers a command at once.
    acknowledge: Acknowledge,
    /// The forms that commands open.
    forms: ActionForms,
    /// Opens them.
    api: Api,
}

impl Receiver {
    /// Checks the settings; nothing is sent.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn new(
        settings: &SlackSettings,
        forms: ActionForms,
        clock: Clock,
        acknowledge: Acknowledge,
    ) -> Result<Self, HttpError> {
        let api = Api::new(&settings.api_url, &settings.bot_token)?;
        Ok(Self { store: Arc::clone(&forms.store), clock, acknowledge, forms, api })
    }

    /// Puts it into the inbox.
    ///
    /// # Errors
    /// When the store does not take it: then it must not be acknowledged, so that Slack delivers it again.
    pub async fn receive(&self, inbound: Inbound) -> Result<Received, StoreError> {
        match inbound {
            Inbound::Challenge(challenge) => Ok(Received::Challenge(challenge)),
            Inbound::Nothing(why) => Ok(Received::Nothing(why)),
            Inbound::Pressed(pressed) => {
                self.store.enqueue(&Event::Pressed(*pressed), (self.clock)()).await?;
                Ok(Received::Taken)
            }
            Inbound::Typed(commanded) => self.typed(commanded).await,
            Inbound::Submitted(submitted) => self.submitted(submitted).await,
            Inbound::Said(said) => self.said(said).await,
        }
    }

    async fn typed(&self, commanded: Commanded) -> Result<Received, StoreError> {
        let Commanded { command, person, place, thread, nonce, trigger } = commanded;
        let incident = match &thread {
            Some(thread) => self.store.incident_of(&place, thread).await?,
            None => None,
        };
        if let Some(page) = self.forms.for_command(&command, incident.as_ref()).await? {
            let remembered = Remembered { channel: channel_of(&place), thread: thread.as_ref().map(|id| id.0.clone()) };
            match modal::open(&self.api, &trigger, &page, &remembered).await {
                Ok(()) => return Ok(Received::Taken),
                // Delivered again: it is open already.
                Err(error) if error.to_string().contains("exchanged") => return Ok(Received::Taken),
                // What is missing is then said in words.
                Err(error) => tracing::warn!("Slack opens no form for a command: {error}"),
            }
        }
        let text = (self.acknowledge)(&command);
        let typed = Typed { command, person, place, thread, incident, nonce };
        self.store.enqueue(&Event::Command(typed), (self.clock)()).await?;
        Ok(Received::Command(text))
    }

    async fn submitted(&self, submitted: Submitted) -> Result<Received, StoreError> {
        let Submitted { form, person, place, thread, nonce } = submitted;
        match self.forms.read(&form).await? {
            Ok((command, incident)) => {
                let typed = Typed { command, person, place, thread, incident: Some(incident), nonce };
                self.store.enqueue(&Event::Command(typed), (self.clock)()).await?;
                Ok(Received::Taken)
            }
            Err(wrong) => Ok(Received::Wrong(wrong)),
        }
    }

    async fn said(&self, said: Said) -> Result<Received, StoreError> {
        let incident = self.incident_of(&said).await?;
        if incident.is_none() && !said.to_bot {
            return Ok(Received::Nothing("words that were not meant for the bot"));
        }
        let Said { channel, thread, message, text, user, to_bot, nonce } = said;
        let Ok(asker) = Principal::new(PrincipalKind::Slack, &user) else {
            return Ok(Received::Nothing("words of nobody"));
        };
        // What they are called is asked for when the question is handled: Slack waits for this answer.
        let Ok(question) = Question::new(&nonce, incident, &text, &asker.to_string(), (self.clock)()) else {
            return Ok(Received::Nothing("no words"));
        };
        let question = question.asked_by(asker);
        let question = match place(&channel) {
            Some(place) => question.asked_in(Spot { place, thread, said: message, to_bot }),
            None => question,
        };
        self.store.enqueue(&Event::Ask(question), (self.clock)()).await?;
        Ok(Received::Taken)
    }

    /// The incident in whose thread it was said.
    async fn incident_of(&self, said: &Said) -> Result<Option<IncidentId>, StoreError> {
        match (place(&said.channel), &said.thread) {
            (Some(place), Some(thread)) => self.store.incident_of(&place, thread).await,
            _ => Ok(None),
        }
    }
}

fn channel_of(place: &Place) -> String {
    match place {
        Place::Channel(_, channel) => channel.clone(),
        Place::Console | Place::Api => String::new(),
    }
}
