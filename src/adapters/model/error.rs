//! Why a model gave no answer, in one line that a person on call can act on.

use std::time::Duration;

use crate::adapters::http::HttpError;

/// Names shown of a server that has many models.
const MAX_SHOWN_MODELS: usize = 8;

/// Why there is no answer. No line holds a secret: addresses are shown without credentials, servers' words are bounded
/// and redacted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// No connection.
    #[error("no model: {0}")]
    Unreachable(HttpError),
    /// 401 or 403.
    #[error("the model server refused our key (HTTP {code}): check LLM_API_KEY")]
    Unauthorized {
        /// 401 or 403.
        code: u16,
    },
    /// The server has no such model; an empty name means that it has none at all.
    #[error("{}", unknown_model(.name, .available))]
    UnknownModel {
        /// What was asked for.
        name: String,
        /// What the server has, as far as it says.
        available: Vec<String>,
    },
    /// The prompt, or prompt and answer together, do not fit into the model's window.
    #[error("the prompt{} does not fit into the model's window{}", tokens(.prompt), tokens(.limit))]
    ContextExceeded {
        /// The window, in tokens.
        limit: Option<u32>,
        /// The prompt, in tokens.
        prompt: Option<u32>,
    },
    /// The server does not do tool calls for this model; turns with a schema still work.
    #[error("the model server does no tool calls: {said}")]
    ToolsRefused {
        /// Its words.
        said: String,
    },
    /// The server takes neither the schema nor the prompt that spells it out.
    #[error("the model server refused the answer's schema: {said}")]
    SchemaRefused {
        /// Its words.
        said: String,
    },
    /// The server has more to do than it takes, and had it still when we asked again.
    #[error("the model server is overloaded (HTTP {code}){}", when(.retry_after))]
    Overloaded {
        /// 429, 502 or 503.
        code: u16,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// More turns wait here than we keep.
    #[error("{waiting} questions to the model are waiting already")]
    QueueFull {
        /// How many.
        waiting: usize,
    },
    /// The deadline passed.
    #[error("the model did not answer in time: {stage}")]
    TimedOut {
        /// What it passed in.
        stage: Stage,
    },
    /// An answer that is not in the protocol.
    #[error("the model server did not answer as expected: {seen}")]
    Garbage {
        /// What it looked like.
        seen: String,
    },
    /// An answer without words and calls.
    #[error("the model's answer was empty")]
    Empty,
    /// All tokens went into thinking.
    #[error("the model spent its whole answer on thinking: allow it more tokens, or switch its thinking off")]
    OnlyThinking,
    /// An answer that repeats itself or goes on beyond every bound; we hung up.
    #[error("the model's answer had no end: {why}")]
    Endless {
        /// `it repeats itself`.
        why: &'static str,
    },
    /// The server ended an answer that it had not finished, while others of ours were under way.
    #[error("the model server gave an answer up when it was asked something else")]
    GivenUp,
    /// The answer broke off.
    #[error("the model server broke off in the middle of its answer: {why}")]
    BrokeOff {
        /// The cause.
        why: String,
    },
    /// Any other 4xx.
    #[error("the model server refused the request (HTTP {code}): {said}")]
    Refused {
        /// Status code.
        code: u16,
        /// Its words.
        said: String,
    },
    /// A failure inside of the server.
    #[error("the model server failed (HTTP {code}): {said}")]
    Failed {
        /// Status code.
        code: u16,
        /// Its words.
        said: String,
    },
    /// Our own settings.
    #[error("the model server {0}")]
    Setup(HttpError),
}

/// What a turn was doing when its time was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Waiting for other turns of ours.
    Waiting,
    /// Waiting for the server to begin.
    Beginning,
    /// In mid-answer, which went on too long.
    Writing,
    /// In mid-answer, and nothing came for this time.
    Silent(Duration),
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Waiting => f.write_str("other questions were before this one"),
            Self::Beginning => f.write_str("it did not begin"),
            Self::Writing => f.write_str("it was still writing"),
            Self::Silent(time) => write!(f, "it fell silent for {time:?}"),
        }
    }
}

impl ModelError {
    /// Sorts what happened before there was a status.
    pub(super) fn sort(error: HttpError) -> Self {
        match error {
            HttpError::Timeout { .. } => Self::TimedOut { stage: Stage::Beginning },
            HttpError::Unauthorized { code, .. } => Self::Unauthorized { code },
            HttpError::NotJson { seen, .. } => Self::Garbage { seen },
            HttpError::Setup(_) => Self::Setup(error),
            HttpError::Status { code: code @ (429 | 502 | 503), .. } => Self::Overloaded { code, retry_after: None },
            HttpError::Status { code, excerpt, .. } if code >= 500 => Self::Failed { code, said: excerpt },
            HttpError::Status { code, excerpt, .. } => Self::Refused { code, said: excerpt },
            HttpError::TooLarge { .. } => Self::Endless { why: "it is too large" },
            HttpError::Unreachable { .. } | HttpError::Redirected { .. } | HttpError::Broken { .. } => {
                Self::Unreachable(error)
            }
        }
    }

    /// Whether what is known of the server may no longer be true: it may come back as another one.
    pub(super) fn is_reason_to_relearn(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_) | Self::UnknownModel { .. } | Self::BrokeOff { .. } | Self::Unauthorized { .. }
        )
    }
}

fn unknown_model(name: &str, available: &[String]) -> String {
    let shown: Vec<&str> = available.iter().take(MAX_SHOWN_MODELS).map(String::as_str).collect();
    let shown = shown.join(", ");
    match (name.is_empty(), shown.is_empty()) {
        (true, _) => "the model server offers no model: load one, or set LLM_MODEL".into(),
        (false, true) => format!("the model server has no model `{name}`: check LLM_MODEL"),
        (false, false) => format!("the model server has no model `{name}`; set LLM_MODEL to one of: {shown}"),
    }
}

fn tokens(number: &Option<u32>) -> String {
    number.map_or_else(String::new, |number| format!(" ({number} tokens)"))
}

fn when(after: &Option<Duration>) -> String {
    after.map_or_else(String::new, |after| format!(" and wants to be asked again in {} s", after.as_secs()))
}
