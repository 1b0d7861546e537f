//! Everything that can happen to the bot, as one closed type.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::action::Action;
use super::chat::{MessageId, Place};
use super::command::Command;
use super::incident::IncidentId;
use super::notification::Notification;
use super::policy::Person;
use super::press::Press;
use super::proposal::{Choice, ProposalId};
use super::question::{Question, QuestionId};

/// One thing that happened. Stored before it is acknowledged, handled at least once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// Alertmanager delivered a group of alerts.
    Notification(Notification),
    /// It is time to investigate: alerts arrived, or a person asked.
    Investigate {
        /// Which incident.
        incident: IncidentId,
        /// Who wants it.
        requested_by: Option<String>,
    },
    /// It is time to have the model explain what an investigation found.
    Explain {
        /// Which incident.
        incident: IncidentId,
        /// How often the model was asked before, in vain.
        attempt: u32,
    },
    /// A person asked something.
    Ask(Question),
    /// It is time to answer a question that its thread already holds.
    Answer {
        /// Whose thread.
        incident: IncidentId,
        /// Which question.
        question: QuestionId,
    },
    /// An incident is over: it is time to tell what changed, and to remember it.
    Settle {
        /// Which incident.
        incident: IncidentId,
    },
    /// A person pressed a control.
    Pressed(Pressed),
    /// A person typed a command.
    Command(Typed),
    /// A person decided on a proposal.
    Decide(Decided),
    /// A person wants an action put forward.
    Wish(Wish),
    /// It is time to put forward what could mend an incident.
    Propose {
        /// Which incident.
        incident: IncidentId,
        /// After which of its investigations.
        run: u32,
        /// Whether the model has explained it since, and may have suggested something.
        #[serde(default)]
        explained: bool,
    },
    /// It is time to do what was approved, or to go on with what was interrupted.
    Execute {
        /// Whose.
        incident: IncidentId,
        /// Which.
        proposal: ProposalId,
    },
    /// It is time to see whether it helped.
    Verify {
        /// Whose.
        incident: IncidentId,
        /// Which.
        proposal: ProposalId,
    },
    /// A proposal's time is over.
    Expire {
        /// Whose.
        incident: IncidentId,
        /// Which.
        proposal: ProposalId,
    },
}

impl Event {
    /// The incident that it goes on with; `None` for what only finds or makes one.
    pub fn incident(&self) -> Option<&IncidentId> {
        match self {
            Self::Investigate { incident, .. }
            | Self::Explain { incident, .. }
            | Self::Answer { incident, .. }
            | Self::Settle { incident }
            | Self::Propose { incident, .. }
            | Self::Execute { incident, .. }
            | Self::Verify { incident, .. }
            | Self::Expire { incident, .. }
            | Self::Wish(Wish { incident, .. }) => Some(incident),
            Self::Notification(_) | Self::Ask(_) | Self::Pressed(_) | Self::Command(_) | Self::Decide(_) => None,
        }
    }

    /// What makes it the same event when it is delivered again by whoever repeats what was not acknowledged in time.
    /// Notifications and timers have none: they change nothing when they are handled twice.
    pub fn key(&self) -> Option<String> {
        match self {
            Self::Ask(question) => Some(format!("ask:{}", question.id)),
            Self::Pressed(pressed) => Some(format!("press:{}", pressed.nonce)),
            Self::Command(typed) => Some(format!("command:{}", typed.nonce)),
            Self::Decide(decided) => Some(format!("decide:{}", decided.nonce)),
            Self::Wish(wish) => Some(format!("wish:{}", wish.nonce)),
            Self::Notification(_)
            | Self::Investigate { .. }
            | Self::Explain { .. }
            | Self::Answer { .. }
            | Self::Settle { .. }
            | Self::Propose { .. }
            | Self::Execute { .. }
            | Self::Verify { .. }
            | Self::Expire { .. } => None,
        }
    }

    /// How long its key is remembered.
    pub fn remembered(&self) -> TimeDelta {
        match self {
            Self::Pressed(_) => PRESS_REMEMBERED,
            _ => REMEMBERED,
        }
    }
}

/// How long a press is the same press, however often it is delivered: longer than any control's own time.
pub const PRESS_REMEMBERED: TimeDelta = TimeDelta::days(14);
/// How long any other event is. Slack repeats for five minutes, a person presses twice within seconds.
pub const REMEMBERED: TimeDelta = TimeDelta::hours(1);

/// A press with who, where, and on what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pressed {
    /// What it means.
    pub press: Press,
    /// In which incident's thread.
    pub incident: IncidentId,
    /// Who, as the platform vouches for them.
    pub person: Person,
    /// Where.
    pub place: Place,
    /// The message that bears the control, so that an answer can be shown beside it.
    pub message: Option<MessageId>,
    /// Unique to this press: the platform's id of the delivery, or of the click.
    pub nonce: String,
}

/// A command with who and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    /// What.
    pub command: Command,
    /// Who.
    pub person: Person,
    /// Where.
    pub place: Place,
    /// The thread it was typed in, where the platform has that: its root message.
    pub thread: Option<MessageId>,
    /// The incident whose thread that is.
    pub incident: Option<IncidentId>,
    /// Unique to this command.
    pub nonce: String,
}

/// An action that a person wants put forward.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// For which incident.
    pub incident: IncidentId,
    /// What.
    pub action: Action,
    /// Whether asking for it is also their approval, as far as theirs counts: a silence from a menu.
    pub approve: bool,
    /// Who.
    pub person: Person,
    /// Where.
    pub place: Place,
    /// The message beside which they are answered.
    pub message: Option<MessageId>,
    /// Unique to this wish.
    pub nonce: String,
}

/// A decision with who and where, from a form that knows what the person wants: console and API. Buttons of chats come as
/// [`Pressed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Whose proposal.
    pub incident: IncidentId,
    /// Which.
    pub proposal: ProposalId,
    /// What was shown.
    pub digest: String,
    /// What they want.
    pub choice: Choice,
    /// Who.
    pub person: Person,
    /// Where.
    pub place: Place,
    /// Unique to this decision.
    pub nonce: String,
}

/// An event of the inbox by its number, in order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId(pub u64);

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
