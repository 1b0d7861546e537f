//! From what Slack delivered to the inbox. What is received is durable before it is acknowledged; a command that does not
//! say everything opens a modal instead, while its trigger is good.

use std::sync::Arc;

use serde_json::{Value, json};

use super::SlackSettings;
use super::api::Api;
use super::inbound::{Commanded, Inbound};
use super::modal::{self, Remembered};
use crate::adapters::hearing::{Heard, Hearing};
use crate::adapters::http::HttpError;
use crate::domain::action::form::WrongField;
use crate::domain::chat::Place;
use crate::domain::command::Command;
use crate::domain::event::{Event, Typed};
use crate::ports::StoreError;

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
    /// Where events go, and which forms commands open.
    hearing: Hearing,
    /// What answers a command at once.
    acknowledge: Acknowledge,
    /// Opens forms.
    api: Api,
}

impl Receiver {
    /// Checks the settings; nothing is sent.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn new(settings: &SlackSettings, hearing: Hearing, acknowledge: Acknowledge) -> Result<Self, HttpError> {
        let api = Api::new(&settings.api_url, &settings.bot_token)?;
        Ok(Self { hearing, acknowledge, api })
    }

    /// Puts it into the inbox.
    ///
    /// # Errors
    /// When the store does not take it: then it must not be acknowledged, so that Slack delivers it again.
    pub async fn receive(&self, inbound: Inbound) -> Result<Received, StoreError> {
        match inbound {
            Inbound::Challenge(challenge) => Ok(Received::Challenge(challenge)),
            Inbound::Nothing(why) => Ok(Received::Nothing(why)),
            Inbound::Pressed(pressed) => self.hearing.take(&Event::Pressed(*pressed)).await.map(received),
            Inbound::Typed(commanded) => self.typed(commanded).await,
            Inbound::Submitted(submitted) => Ok(match self.hearing.submitted(submitted).await? {
                Ok(heard) => received(heard),
                Err(wrong) => Received::Wrong(wrong),
            }),
            Inbound::Said(said) => self.hearing.said(said).await.map(received),
        }
    }

    async fn typed(&self, commanded: Commanded) -> Result<Received, StoreError> {
        let Commanded { command, person, place, thread, nonce, trigger } = commanded;
        let typed = Typed { command, person, place, thread, incident: None, nonce };
        let (typed, page) = self.hearing.typed(typed).await?;
        if let Some(page) = page {
            let thread = typed.thread.as_ref().map(|id| id.0.clone());
            let remembered = Remembered { channel: channel_of(&typed.place), thread };
            match modal::open(&self.api, &trigger, &page, &remembered).await {
                Ok(()) => return Ok(Received::Taken),
                // Delivered again: it is open already.
                Err(error) if error.to_string().contains("exchanged") => return Ok(Received::Taken),
                // What is missing is then said in words.
                Err(error) => tracing::warn!("Slack opens no form for a command: {error}"),
            }
        }
        let text = (self.acknowledge)(&typed.command);
        self.hearing.take(&Event::Command(typed)).await?;
        Ok(Received::Command(text))
    }
}

/// Slack delivers again what was not acknowledged in time: what was there before is taken, too.
fn received(heard: Heard) -> Received {
    match heard {
        Heard::Taken | Heard::Known => Received::Taken,
        Heard::Nothing(why) => Received::Nothing(why),
    }
}

fn channel_of(place: &Place) -> String {
    match place {
        Place::Channel(_, channel) => channel.clone(),
        Place::Console | Place::Api => String::new(),
    }
}
