//! What is said to a model and what it says back, free of any server's wire format.

use serde_json::Value;

/// One entry of a conversation with a model, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Who the model is and how it works; the stable part of every prompt, so it comes first.
    System {
        /// The text.
        text: String,
    },
    /// What is asked, with the evidence.
    User {
        /// The text.
        text: String,
    },
    /// What the model said before.
    Assistant {
        /// Its words, without its thinking.
        text: String,
        /// The tools it called; each is followed by its [`Message::Tool`].
        calls: Vec<ToolCall>,
    },
    /// What a tool answered.
    Tool {
        /// The [`ToolCall::id`] that it answers.
        call: String,
        /// The tool.
        name: String,
        /// The answer, bounded and redacted.
        text: String,
    },
}

/// A tool that the model wants to have called.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// Names the call within its conversation.
    pub id: String,
    /// Which tool; it need not be one that was offered.
    pub name: String,
    /// Its arguments: always an object, not yet checked.
    pub arguments: Value,
}

/// A tool that the model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// Its name.
    pub name: &'static str,
    /// What it is good for, for the model.
    pub description: &'static str,
    /// JSON schema of its arguments.
    pub parameters: Value,
}

/// What form the answer shall have. Tools and a schema are never asked for together: servers then suppress the calls.
#[derive(Debug, Clone, PartialEq)]
pub enum Expect {
    /// Prose.
    Text,
    /// Calls of these tools, or prose.
    Tools(Vec<ToolSpec>),
    /// A JSON document of this schema, enforced by the server where it can.
    Json {
        /// Names the schema, as the protocol wants it.
        name: &'static str,
        /// The schema.
        schema: Value,
    },
}

/// One turn of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnRequest {
    /// The conversation so far; never empty.
    pub messages: Vec<Message>,
    /// The form of the answer.
    pub expect: Expect,
    /// Longest answer, in tokens.
    pub max_tokens: u32,
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TurnReply {
    /// Its words without its thinking; for [`Expect::Json`] the document's text, which need not be whole.
    pub text: String,
    /// The tools it wants called, also those it wrote into its text.
    pub calls: Vec<ToolCall>,
    /// Whether a call stood in the text, or was broken: this model does better with a schema.
    pub clumsy: bool,
    /// Whether the answer ended because [`TurnRequest::max_tokens`] or the window was used up.
    pub cut: bool,
    /// Tokens used, where the server says it.
    pub usage: Option<Usage>,
}

/// Tokens of one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Read.
    pub prompt: u32,
    /// Written.
    pub completion: u32,
}
