//! The language model: any server that speaks OpenAI's chat completions (vLLM, llama.cpp, LM Studio, Ollama).
//!
//! [`Model::turn`] is one question and one answer, always streamed. Around it: a fair [`queue`] in which people come
//! before automatic turns, the [`window`] that is learned from the server rather than assumed, and a [`memory`] of what
//! this server and model turned out to be unable to do. What is said is built in [`wire`], what comes back is read by
//! [`stream`] into a [`reply`]; nothing outside of this room sees the protocol.

use std::time::Duration;

use tokio::time::Instant;

use super::check::CheckLine;
use super::http::EndpointSettings;
use crate::agent::message::{TurnReply, TurnRequest};

mod error;

pub use error::{ModelError, Stage};

/// What is configured.
#[derive(Debug, Clone)]
pub struct ModelSettings {
    /// Address (with or without `/v1` at its end), key, trust. Its total timeout is for small questions; turns have
    /// [`Self::turn_timeout`].
    pub endpoint: EndpointSettings,
    /// The model's name on the server; `None` takes the server's first.
    pub model: Option<String>,
    /// The window in tokens, for servers that do not say it; where they do, the smaller one counts.
    pub context_tokens: Option<u32>,
    /// How many turns run at once, at least 1.
    pub concurrency: usize,
    /// Longest time of one turn, without its waiting for others.
    pub turn_timeout: Duration,
}

/// Who waits for a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// A person who asked.
    Person,
    /// An investigation that nobody looks at yet.
    Automatic,
}

/// What is known of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its name on the server.
    pub name: String,
    /// Tokens of prompt and answer together.
    pub window: u32,
    /// Whether the server or the operator said so; else it is a cautious guess.
    pub window_known: bool,
    /// How tools are offered to it.
    pub tools: ToolMode,
}

/// How tools are offered to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolMode {
    /// By the protocol's own tool calls.
    Native,
    /// By a schema of what may come next: the server has no tool calls for it, or it does them badly.
    Guided,
}

/// A model on a server.
#[derive(Debug)]
pub struct Model {
    settings: ModelSettings,
}

impl Model {
    /// Checks the settings; nothing is sent.
    pub fn new(settings: ModelSettings) -> Result<Self, ModelError> {
        Ok(Self { settings })
    }

    /// What is known of the model; asks the server when that is not known yet.
    pub async fn profile(&self) -> Result<Profile, ModelError> {
        Err(ModelError::Empty)
    }

    /// How many tokens `text` has: counted by the server where it can, else estimated from above.
    pub async fn count_tokens(&self, text: &str) -> u32 {
        crate::agent::tokens::estimate_tokens(text)
    }

    /// One turn. `on_text` gets the visible words as they come, without thinking and without calls written as text.
    pub async fn turn(
        &self,
        _request: &TurnRequest,
        _priority: Priority,
        _deadline: Instant,
        _on_text: &mut (dyn FnMut(&str) + Send),
    ) -> Result<TurnReply, ModelError> {
        Err(ModelError::Empty)
    }

    /// From now on this model gets [`ToolMode::Guided`].
    pub fn prefers_guided(&self) {}

    /// What `holmes-bot check` says.
    pub async fn check(&self) -> Vec<CheckLine> {
        let _ = &self.settings;
        Vec::new()
    }
}
