//! The language model: any server that speaks OpenAI's chat completions (vLLM, llama.cpp, LM Studio, Ollama).
//!
//! [`Model::turn`] is one question and one answer, always streamed. Around it: a fair [`queue`] in which people come
//! before automatic turns, the [`window`] that is learned from the server rather than assumed, and a [`memory`] of what
//! this server and model turned out to be unable to do. What is said is built in [`wire`], what comes back is read by
//! [`stream`] into a [`reply`]; nothing outside of this room sees the protocol.

mod check;
mod error;
mod gate;
mod memory;
mod patience;
mod queue;
mod refusal;
mod repetition;
pub mod reply;
mod sse;
pub mod stream;
mod think;
mod tokenizer;
mod turn;
mod window;
mod wire;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::http::{Endpoint, EndpointSettings};
use crate::agent::pace::Pace;
use crate::agent::tokens::estimate_tokens;
use memory::Memory;
use tokenizer::Tokenizer;
use window::Learned;

pub use error::{ModelError, Stage};

/// For a question that is no turn, when the settings say nothing.
const QUICK: Duration = Duration::from_secs(10);

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
    /// By when an answer should be there. What is written of it then will do, see [`stream`].
    pub goal: Duration,
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
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Its name on the server.
    pub name: String,
    /// Tokens of prompt and answer together.
    pub window: u32,
    /// Whether the server or the operator said so; else it is a cautious guess.
    pub window_known: bool,
    /// How tools are offered to it.
    pub tools: ToolMode,
    /// How fast it turned out to be.
    pub pace: Pace,
    /// Whether it makes nothing of a schema and is better asked for plain words.
    pub plain: bool,
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
    /// At the server's root, without `/v1`.
    endpoint: Endpoint,
    /// For questions other than turns.
    quick: Duration,
    queue: queue::Queue,
    /// Lets one at a time ask what the server is.
    learning: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    learned: Option<Learned>,
    memory: Memory,
    tokenizer: Tokenizer,
}

impl Model {
    /// Checks the settings; nothing is sent.
    pub fn new(settings: ModelSettings) -> Result<Self, ModelError> {
        let mut endpoint = settings.endpoint.clone();
        endpoint.url = root(&endpoint.url).to_owned();
        // Turns stream for as long as they take, under limits of their own.
        let quick = endpoint.client.total_timeout.take().unwrap_or(QUICK);
        Ok(Self {
            endpoint: Endpoint::new(&endpoint).map_err(ModelError::Setup)?,
            quick,
            queue: queue::Queue::new(settings.concurrency),
            learning: tokio::sync::Mutex::default(),
            state: Mutex::default(),
            settings,
        })
    }

    /// What is known of the model; asks the server when that is not known yet, or no longer since it failed.
    pub async fn profile(&self) -> Result<Profile, ModelError> {
        let Learned { name, window, window_known, .. } = self.learned().await?;
        let memory = &self.state().memory;
        let guided = memory.prefers_guided || memory.tools_refused.is_some();
        let tools = if guided { ToolMode::Guided } else { ToolMode::Native };
        Ok(Profile { name, window, window_known, tools, pace: memory.pace, plain: memory.prefers_plain() })
    }

    /// How many tokens `text` has: counted by the server where it can, else estimated from above.
    pub async fn count_tokens(&self, text: &str) -> u32 {
        let (tokenizer, learned) = {
            let state = self.state();
            (state.tokenizer, state.learned.as_ref().map(|learned| learned.name.clone()))
        };
        if tokenizer.is_worth_asking() {
            let model = learned.as_deref().or(self.settings.model.as_deref());
            match tokenizer::count(&self.endpoint, model, text).await {
                Ok(count) => return count,
                Err(tokenizer) => self.state().tokenizer = tokenizer,
            }
        }
        estimate_tokens(text)
    }

    /// From now on this model gets [`ToolMode::Guided`].
    pub fn prefers_guided(&self) {
        self.state().memory.prefers_guided = true;
    }

    async fn learned(&self) -> Result<Learned, ModelError> {
        if let Some(learned) = self.state().learned.clone() {
            return Ok(learned);
        }
        let _one = self.learning.lock().await;
        if let Some(learned) = self.state().learned.clone() {
            return Ok(learned);
        }
        let ModelSettings { model, context_tokens, .. } = &self.settings;
        let learned = window::learn(&self.endpoint, model.as_deref(), *context_tokens, self.quick).await?;
        let mut state = self.state();
        if state.memory.model != learned.name {
            state.memory = Memory::of(&learned.name);
        }
        state.learned = Some(learned.clone());
        Ok(learned)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server's root of an address that people copy with `/v1` or with all of the path.
fn root(url: &str) -> &str {
    let url = url.trim().trim_end_matches('/');
    let url = url.strip_suffix("/chat/completions").unwrap_or(url);
    url.strip_suffix("/v1").unwrap_or(url).trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_and_without_the_version() {
        for (url, base) in [
            ("http://vllm:8000", "http://vllm:8000"),
            ("http://vllm:8000/", "http://vllm:8000"),
            ("http://vllm:8000/v1", "http://vllm:8000"),
            ("http://vllm:8000/v1/", "http://vllm:8000"),
            ("http://vllm:8000/v1/chat/completions", "http://vllm:8000"),
            (" https://gw/llm/v1", "https://gw/llm"),
        ] {
            assert_eq!(root(url), base);
        }
    }
}
