//! The protocol's words: what a turn looks like on the wire, and the chunks that come back.

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::memory::SchemaForm;
use crate::agent::message::{Expect, Message, TurnRequest};

/// Low, because facts are explained, not invented; above 0, because small models then repeat themselves less.
const TEMPERATURE: f64 = 0.2;

/// The body of a turn.
pub fn body(request: &TurnRequest, model: &str, max_tokens: u32, form: SchemaForm) -> Value {
    let mut body = json!({
        "model": model,
        "messages": messages(&request.messages),
        "max_tokens": max_tokens,
        "temperature": TEMPERATURE,
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    match &request.expect {
        Expect::Text => {}
        // An empty list is refused.
        Expect::Tools(tools) if tools.is_empty() => {}
        Expect::Tools(tools) => {
            let tools = tools.iter().map(|tool| {
                let function =
                    json!({"name": tool.name, "description": tool.description, "parameters": tool.parameters});
                json!({"type": "function", "function": function})
            });
            body["tools"] = tools.collect();
            body["tool_choice"] = "auto".into();
        }
        Expect::Json { name, schema } => match form {
            SchemaForm::ResponseFormat => {
                let schema = json!({"name": name, "schema": schema, "strict": true});
                body["response_format"] = json!({"type": "json_schema", "json_schema": schema});
            }
            SchemaForm::StructuredOutputs => body["structured_outputs"] = json!({"json": schema}),
            SchemaForm::Prompt => spell_out(&mut body["messages"], schema),
        },
    }
    body
}

/// Asks for a document in words, at the end, so that what stands before it stays in the server's prefix cache.
fn spell_out(messages: &mut Value, schema: &Value) {
    let words = format!("Answer with one JSON document and nothing else. It must follow this JSON schema:\n{schema}");
    let Some(messages) = messages.as_array_mut() else { return };
    match messages.last_mut().filter(|last| last["role"] == "user") {
        Some(last) => last["content"] = format!("{}\n\n{words}", last["content"].as_str().unwrap_or_default()).into(),
        None => messages.push(json!({"role": "user", "content": words})),
    }
}

fn messages(messages: &[Message]) -> Vec<Value> {
    messages.iter().map(message).collect()
}

fn message(message: &Message) -> Value {
    match message {
        Message::System { text } => json!({"role": "system", "content": text}),
        Message::User { text } => json!({"role": "user", "content": text}),
        Message::Assistant { text, calls } if calls.is_empty() => json!({"role": "assistant", "content": text}),
        Message::Assistant { text, calls } => {
            let content = if text.is_empty() { Value::Null } else { text.as_str().into() };
            let calls = calls.iter().map(|call| {
                // Templates of some servers read the arguments: anything but an object would be an error 500.
                let arguments = if call.arguments.is_object() { call.arguments.to_string() } else { "{}".into() };
                let function = json!({"name": call.name, "arguments": arguments});
                json!({"id": call.id, "type": "function", "function": function})
            });
            json!({"role": "assistant", "content": content, "tool_calls": calls.collect::<Vec<_>>()})
        }
        Message::Tool { call, name, text } => {
            json!({"role": "tool", "tool_call_id": call, "name": name, "content": text})
        }
    }
}

/// One piece of an answer, or the whole of one that is not streamed.
#[derive(Debug, Default, Deserialize)]
pub struct Chunk {
    /// Empty in the chunk that brings the usage.
    #[serde(default, deserialize_with = "or_default")]
    pub choices: Vec<Choice>,
    /// Tokens used.
    #[serde(default)]
    pub usage: Option<WireUsage>,
    /// What went wrong in the middle, as an object or a text.
    #[serde(default)]
    pub error: Option<Value>,
}

/// One answer of several; only the first is asked for.
#[derive(Debug, Default, Deserialize)]
pub struct Choice {
    /// Of a stream: what is new.
    #[serde(default)]
    pub delta: Option<Delta>,
    /// Of a document: all of it.
    #[serde(default)]
    pub message: Option<Delta>,
    /// Why it ended, in the last piece.
    #[serde(default)]
    pub finish_reason: Option<String>,
}

/// Words, thoughts and calls.
#[derive(Debug, Default, Deserialize)]
pub struct Delta {
    /// A text, or a list of parts with texts.
    #[serde(default)]
    pub content: Value,
    /// Thoughts (vLLM of today).
    #[serde(default)]
    pub reasoning: Value,
    /// Thoughts (llama.cpp, older vLLM).
    #[serde(default)]
    pub reasoning_content: Value,
    /// Calls, in pieces.
    #[serde(default, deserialize_with = "or_default")]
    pub tool_calls: Vec<CallDelta>,
}

/// A piece of a call.
#[derive(Debug, Default, Deserialize)]
pub struct CallDelta {
    /// Which call of the answer.
    #[serde(default)]
    pub index: Option<usize>,
    /// Its name in the conversation; in the first piece only.
    #[serde(default)]
    pub id: Option<String>,
    /// The rest.
    #[serde(default, deserialize_with = "or_default")]
    pub function: FunctionDelta,
}

/// The function of a call.
#[derive(Debug, Default, Deserialize)]
pub struct FunctionDelta {
    /// The tool; in the first piece only.
    #[serde(default)]
    pub name: Option<String>,
    /// A piece of the arguments' text; whole as an object from some servers; absent in vLLM's first piece.
    #[serde(default)]
    pub arguments: Value,
}

/// Tokens used.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct WireUsage {
    /// Read.
    #[serde(default)]
    pub prompt_tokens: u32,
    /// Written.
    #[serde(default)]
    pub completion_tokens: u32,
}

impl Delta {
    /// The words.
    pub fn words(&self) -> String {
        text_of(&self.content)
    }

    /// The thoughts.
    pub fn thoughts(&self) -> &str {
        self.reasoning.as_str().or(self.reasoning_content.as_str()).unwrap_or_default()
    }
}

/// The text of a content; of a list the parts that are text, which leaves out parts of thinking.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

/// `null` as what is absent.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
