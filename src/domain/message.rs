//! A message for any chat: what it says and what can be pressed, without a platform's looks.

use serde::{Deserialize, Serialize};

use super::evidence::EvidenceId;
use super::press::Press;

/// A message. Adapters turn it into blocks or attachments, keep the platform's limits, and lose nothing: what does not
/// fit goes on in further messages or a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message {
    /// The accent beside it.
    pub tone: Tone,
    /// Markdown in the subset of [`super::post::PostDraft::text`]: strangers' text already escaped.
    pub text: String,
    /// A picture below the text.
    pub picture: Option<Picture>,
    /// What can be pressed, in order of importance.
    pub controls: Vec<Control>,
    /// Whom to call, as the routes say: `<!subteam^S0614TZR7>`'s id, `@oncall`. Only a new root message calls anybody.
    pub mentions: Vec<String>,
}

/// How serious a message looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// No accent.
    Plain,
    /// All is well: resolved, verified.
    Good,
    /// Somebody should look: a warning, a proposal.
    Warning,
    /// It burns.
    Critical,
}

/// A picture, drawn when it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Picture {
    /// Whose chart.
    pub evidence: EvidenceId,
    /// One line.
    pub title: String,
    /// What it shows, for those who do not see it.
    pub alt: String,
}

/// Something that can be pressed or followed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "control", rename_all = "snake_case")]
pub enum Control {
    /// A button.
    Button {
        /// What it says.
        label: String,
        /// The press it means, in its written form.
        press: String,
        /// How it looks.
        style: ButtonStyle,
        /// What is asked before it counts.
        confirm: Option<Confirm>,
    },
    /// A choice of several presses.
    Menu {
        /// What it says before a choice.
        label: String,
        /// What can be chosen: label and written press.
        options: Vec<(String, String)>,
    },
    /// A link.
    Link {
        /// What it says.
        label: String,
        /// Where it leads.
        url: String,
    },
}

impl Control {
    /// A button without a question.
    pub fn button(label: String, press: &Press, style: ButtonStyle) -> Self {
        Self::Button { label, press: press.to_string(), style, confirm: None }
    }
}

/// How a button looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ButtonStyle {
    /// Like any other.
    Default,
    /// The one to press.
    Primary,
    /// The one to think about.
    Danger,
}

/// What is asked before a press counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Confirm {
    /// One line.
    pub title: String,
    /// What will happen: plain text, with the diff.
    pub text: String,
    /// The button that goes on.
    pub yes: String,
    /// The button that does not.
    pub no: String,
}
