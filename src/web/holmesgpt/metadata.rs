//! `metadata`: tokens used, the model's bounds, and notes on what was done otherwise than asked.

use serde_json::{Value, json};

use super::desk::ModelFacts;
use crate::agent::message::Usage;
use crate::agent::tokens::estimate_tokens;

/// The metadata of an answer. Tokens by role are estimates; where there is no history they are those of the turns.
pub(super) fn of(usage: Usage, facts: Option<&ModelFacts>, history: &[Value], notes: &[String]) -> Value {
    let count = |role: &str| -> u32 {
        let messages = history.iter().filter(|message| message["role"] == role);
        messages.map(|message| estimate_tokens(&message.to_string())).sum()
    };
    let (system, user, assistant, tools) = (count("system"), count("user"), count("assistant"), count("tool"));
    let (assistant, other) = if history.is_empty() { (usage.completion, usage.prompt) } else { (assistant, 0) };
    let mut metadata = json!({
        "truncations": [],
        "usage": {
            "prompt_tokens": usage.prompt,
            "completion_tokens": usage.completion,
            "total_tokens": usage.prompt.saturating_add(usage.completion),
        },
        "tokens": {
            "total_tokens": system + user + assistant + tools + other,
            "tools_tokens": tools,
            "system_tokens": system,
            "user_tokens": user,
            "tools_to_call_tokens": 0,
            "assistant_tokens": assistant,
            "other_tokens": other,
        },
    });
    if let Some(ModelFacts { name, window, answer }) = facts {
        metadata["max_tokens"] = json!(window);
        metadata["max_output_tokens"] = json!(answer);
        metadata["model"] = json!(name);
    }
    if !notes.is_empty() {
        metadata["notes"] = json!(notes);
    }
    metadata
}

/// Says so when another model was asked for than there is.
pub(super) fn other_model(asked: Option<&str>, facts: Option<&ModelFacts>) -> Option<String> {
    let (asked, facts) = (asked?, facts?);
    (asked != facts.name).then(|| format!("there is one model here, {}: `model` is passed over", facts.name))
}
