//! Counting tokens with the server's own tokenizer, where it has one to ask.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::adapters::http::{Endpoint, HttpError, read_json};

/// Counting must not cost more than it saves.
const WITHIN: Duration = Duration::from_secs(2);
/// A server that did not count in time is not asked again for this long.
const REST: Duration = Duration::from_secs(60);
/// A count comes with the tokens themselves, about 7 bytes each: 500,000 tokens.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// What is known of a server's tokenizer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tokenizer {
    /// It may have one.
    #[default]
    Maybe,
    /// It has none.
    Absent,
    /// It failed, and is left alone until then.
    Resting(Instant),
}

impl Tokenizer {
    /// Whether to ask it.
    pub fn is_worth_asking(self) -> bool {
        match self {
            Self::Maybe => true,
            Self::Absent => false,
            Self::Resting(until) => Instant::now() >= until,
        }
    }
}

#[derive(Deserialize)]
struct Counted {
    /// vLLM.
    count: Option<u32>,
    /// llama.cpp says the tokens only.
    tokens: Option<Vec<Value>>,
}

/// How many tokens `text` has, or what is known now of a tokenizer that did not say. It stands at the server's root, also
/// where the API is below `/v1`; vLLM reads `prompt`, llama.cpp `content`.
pub async fn count(endpoint: &Endpoint, model: Option<&str>, text: &str) -> Result<u32, Tokenizer> {
    let mut body = json!({"prompt": text, "content": text});
    if let Some(model) = model {
        body["model"] = model.into();
    }
    let asked = async {
        let response = endpoint.send(endpoint.post_json("tokenize", &body)).await?;
        read_json::<Counted>(response, MAX_BYTES).await
    };
    let resting = Tokenizer::Resting(Instant::now() + REST);
    match tokio::time::timeout(WITHIN, asked).await {
        Ok(Ok(Counted { count: Some(count), .. })) => Ok(count),
        Ok(Ok(Counted { tokens: Some(tokens), .. })) => Ok(u32::try_from(tokens.len()).unwrap_or(u32::MAX)),
        Ok(Ok(_) | Err(HttpError::NotJson { .. } | HttpError::Unauthorized { .. } | HttpError::Redirected { .. })) => {
            Err(Tokenizer::Absent)
        }
        Ok(Err(HttpError::Status { code, .. })) if code < 500 || code == 501 => Err(Tokenizer::Absent),
        Ok(Err(_)) | Err(_) => Err(resting),
    }
}
