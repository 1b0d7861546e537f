//! The next thing to send of one incident, by the difference between what its thread says and what a chat shows. Pure:
//! whoever asks again after a crash gets the same answer.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::message::Message;
use crate::domain::projection::{Projection, Shown, UNTOUCHED};

/// The key under which a chat shows the root.
pub const ROOT: &str = "root";
/// How long after a send without an answer its message is looked for: until then it may still arrive.
const ARRIVES: TimeDelta = TimeDelta::seconds(5);
/// Longest pause between two attempts at one message.
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(5);

/// What a message is, as far as its order matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// How things stand: the root, a proposal, that all is over.
    State,
    /// What a person asked, and the answer that grows.
    Talk,
    /// What was found.
    Entry,
    /// What the bot is doing.
    Status,
}

impl Class {
    /// Shortest time between two edits: what comes faster is folded into the last.
    fn pause(self) -> TimeDelta {
        match self {
            Self::State | Self::Entry => TimeDelta::seconds(2),
            Self::Talk => TimeDelta::milliseconds(1_500),
            Self::Status => TimeDelta::seconds(3),
        }
    }
}

/// A message as the chat shall show it.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The key of its post; [`ROOT`] for the first.
    pub key: String,
    /// What it is.
    pub class: Class,
    /// What it says.
    pub message: Message,
    /// Tells it from what was sent before.
    pub digest: String,
}

/// What comes first when several incidents want to be heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// Nobody has heard of the incident yet.
    Root,
    /// How things stand has changed.
    State,
    /// A person waits for an answer.
    Talk,
    /// Something was found.
    Entry,
    /// Something that was said is said better.
    Edit,
    /// What the bot is doing.
    Status,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// See whether it arrived, and send it if it did not.
    Find,
    /// Send it.
    Post,
    /// Send nothing but its words: the chat refused the rest.
    PostBare,
    /// Make what is there say it.
    Edit,
}

/// One message to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What to do.
    pub act: Act,
    /// With which of the wanted.
    pub index: usize,
    /// How urgent the incident is.
    pub urgency: Urgency,
    /// Not earlier.
    pub not_before: DateTime<Utc>,
}

/// How one message stands.
enum Standing {
    /// It was not sent.
    Absent,
    /// It was refused, and nothing of it is there.
    Refused,
    /// It was sent, and nobody knows whether it arrived.
    Unsure(DateTime<Utc>),
    /// It says something else.
    Differs(DateTime<Utc>),
    /// It is as it shall be.
    Done,
}

fn standing(shown: Option<&Shown>, wanted: &Wanted) -> Standing {
    let Some(shown) = shown else { return Standing::Absent };
    if shown.digest == UNTOUCHED {
        return Standing::Done;
    }
    match (&shown.id, &shown.refused, shown.digest == wanted.digest) {
        (Some(_), _, true) => Standing::Done,
        (Some(_), _, false) => Standing::Differs(shown.at + wanted.class.pause()),
        (None, Some(_), true) => Standing::Refused,
        (None, Some(_), false) => Standing::Absent,
        (None, None, _) => {
            let pause = ARRIVES * (1 << shown.attempts.min(10));
            Standing::Unsure(shown.at + pause.min(LONGEST_PAUSE))
        }
    }
}

/// The next step, `None` when the chat shows everything. The first of `wanted` is the root; the rest stand in the order of
/// the thread.
pub fn next(projection: &Projection, wanted: &[Wanted], now: DateTime<Utc>) -> Option<Step> {
    let stands = |wanted: &Wanted| standing(projection.shown.get(&wanted.key), wanted);
    let first = wanted.first()?;
    if projection.root().is_none() {
        let step = |act, not_before| Some(Step { act, index: 0, urgency: Urgency::Root, not_before });
        return match stands(first) {
            Standing::Absent => step(Act::Post, DateTime::UNIX_EPOCH),
            Standing::Refused => step(Act::PostBare, DateTime::UNIX_EPOCH),
            Standing::Unsure(not_before) => step(Act::Find, not_before),
            // A root that is there is known.
            Standing::Differs(_) | Standing::Done => None,
        };
    }
    let mut steps: Vec<(u8, Step)> = Vec::new();
    // A message that is not known to be there holds up those after it, so that a thread keeps its order.
    let mut held_up = false;
    let mut waiting = Urgency::Status;
    for (index, wanted) in wanted.iter().enumerate() {
        match stands(wanted) {
            Standing::Done | Standing::Refused => {}
            Standing::Differs(not_before) => {
                let (rank, urgency) = match wanted.class {
                    Class::State => (0, Urgency::State),
                    Class::Talk => (2, Urgency::Talk),
                    Class::Entry => (3, Urgency::Edit),
                    Class::Status => (4, Urgency::Status),
                };
                steps.push((rank, Step { act: Act::Edit, index, urgency, not_before }));
            }
            standing @ (Standing::Absent | Standing::Unsure(_)) => {
                waiting = waiting.min(match wanted.class {
                    Class::State => Urgency::State,
                    Class::Talk => Urgency::Talk,
                    Class::Entry | Class::Status => Urgency::Entry,
                });
                if !held_up {
                    held_up = true;
                    let (act, not_before) = match standing {
                        Standing::Unsure(not_before) => (Act::Find, not_before),
                        _ => (Act::Post, DateTime::UNIX_EPOCH),
                    };
                    steps.push((1, Step { act, index, urgency: Urgency::Entry, not_before }));
                }
            }
        }
    }
    for (_, step) in steps.iter_mut().filter(|(rank, _)| *rank == 1) {
        step.urgency = waiting;
    }
    let urgency = steps.iter().filter(|(_, step)| step.not_before <= now).map(|(_, step)| step.urgency).min();
    let due = steps.iter().filter(|(_, step)| step.not_before <= now).min_by_key(|(rank, _)| *rank);
    match (due, urgency) {
        (Some((_, step)), Some(urgency)) => Some(Step { urgency, ..*step }),
        _ => steps.iter().map(|(_, step)| *step).min_by_key(|step| step.not_before),
    }
}
