//! What Slack delivers, understood: the same payloads come over HTTP and by Socket Mode.
//!
//! Pure. Only what is ours passes: presses of our own blocks, commands, questions by people. What else arrives (other
//! bots, edits, joins, our own words) is [`Inbound::Nothing`] with the reason, and is acknowledged all the same.

mod interaction;
mod plain;
mod said;

use serde::Deserialize;

use crate::adapters::hearing::{Said, Submitted};
use crate::domain::chat::{MessageId, Place, Platform};
use crate::domain::command::Command;
use crate::domain::event::Pressed;
use crate::domain::policy::{Person, Principal, PrincipalKind};

pub use interaction::interaction;
pub use said::event;

/// The callback of "Investigate this message", in the app's manifest and in what comes back.
pub const INVESTIGATE_MESSAGE: &str = "investigate_message";

/// What a delivery is.
#[derive(Debug, Clone, PartialEq)]
pub enum Inbound {
    /// Slack tries the address: this has to be answered.
    Challenge(String),
    /// A person said something to the bot, or in a thread that may be an incident's.
    Said(Said),
    /// A person pressed a control of ours.
    Pressed(Box<Pressed>),
    /// A person typed a command.
    Typed(Commanded),
    /// A person sent a form of ours.
    Submitted(Submitted),
    /// Nothing for us.
    Nothing(&'static str),
}

/// A command with where it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commanded {
    /// What.
    pub command: Command,
    /// Who.
    pub person: Person,
    /// Where.
    pub place: Place,
    /// The thread, where a server has commands in threads. Slack has not.
    pub thread: Option<MessageId>,
    /// Slack's id of this command.
    pub nonce: String,
    /// What a modal can be opened with, once and for three seconds.
    pub trigger: String,
}

/// A slash command, as a form or as a socket's payload.
#[derive(Debug, Deserialize)]
pub struct SlashCommand {
    #[serde(default)]
    text: String,
    user_id: String,
    #[serde(default)]
    user_name: String,
    channel_id: String,
    #[serde(default)]
    thread_ts: Option<String>,
    trigger_id: String,
}

/// A command, understood.
pub fn command(typed: SlashCommand) -> Inbound {
    let SlashCommand { text, user_id, user_name, channel_id, thread_ts, trigger_id } = typed;
    let (Some(person), Some(place)) = (person(&user_id, &user_name), place(&channel_id)) else {
        return Inbound::Nothing("the command has no proper person or channel");
    };
    Inbound::Typed(Commanded {
        command: Command::parse(&plain::plain(&text)),
        person,
        place,
        thread: thread_ts.filter(|thread| !thread.is_empty()).map(MessageId),
        nonce: format!("slack:{trigger_id}"),
        trigger: trigger_id,
    })
}

fn person(id: &str, name: &str) -> Option<Person> {
    Some(Person::new(principal(id)?, if name.is_empty() { id } else { name }))
}

fn principal(id: &str) -> Option<Principal> {
    Principal::new(PrincipalKind::Slack, id).ok()
}

/// The channel as a place; `None` for an id that is none.
pub fn place(channel: &str) -> Option<Place> {
    format!("{}:{channel}", Platform::Slack).parse().ok()
}

#[cfg(test)]
mod tests;
