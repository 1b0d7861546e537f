//! Everything that can happen to the bot, as one closed type.

use serde::{Deserialize, Serialize};

use super::incident::IncidentId;
use super::notification::Notification;
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
        /// Which of its investigations; a newer one has its own.
        run: u32,
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
    /// An incident that was quiet long enough resolves for good.
    Settle {
        /// Which incident.
        incident: IncidentId,
    },
}

/// An event of the inbox by its number, in order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId(pub u64);

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
