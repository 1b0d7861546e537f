//! The requests, as HolmesGPT reads them: unknown fields are passed over, missing ones have its defaults.

use serde_json::{Map, Value};

use super::fields::{Fields, Invalid, Nullable};
use crate::domain::question::MAX_QUESTION_BYTES;

/// Longest title, name or id, in bytes.
const MAX_NAME_BYTES: usize = 2_000;
/// Longest description or earlier result, in bytes.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Most messages of a conversation. What we send back is shorter, so only other clients get here.
const MAX_HISTORY: usize = 1_000;
/// Most items of any other list.
const MAX_ITEMS: usize = 200;
/// Most sections of an answer.
const MAX_SECTIONS: usize = 20;
/// Largest schema of an answer, in bytes.
const MAX_SCHEMA_BYTES: usize = 16 * 1024;

/// What all conversations have.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Chat {
    pub ask: String,
    /// As it came; the first one has the role `system`.
    pub history: Vec<Map<String, Value>>,
    pub model: Option<String>,
    pub stream: bool,
    pub additional_system_prompt: Option<String>,
    /// Schema of the answer.
    pub schema: Option<Value>,
    /// Whether there were pictures, which are not looked at.
    pub has_images: bool,
}

/// `POST /api/issue_chat` and `POST /api/workload_health_chat`: a conversation about what was found before.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Followup {
    pub chat: Chat,
    /// What was found.
    pub result: String,
    /// Name and output of each tool that was called for it.
    pub tools: Vec<(String, String)>,
    /// What it is about, where that is said.
    pub resource: Map<String, Value>,
}

/// `POST /api/investigate`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Investigate {
    pub title: String,
    pub description: String,
    pub subject: Map<String, Value>,
    pub context: Map<String, Value>,
    /// Title and what it should hold, in order; empty for the usual ones.
    pub sections: Vec<(String, String)>,
    pub model: Option<String>,
}

/// `POST /api/workload_health_check`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct HealthCheck {
    pub ask: String,
    pub resource: Map<String, Value>,
    pub instructions: Vec<String>,
    pub model: Option<String>,
}

impl Chat {
    /// Reads `POST /api/chat`.
    pub(super) fn read(body: &Value) -> Result<Self, Invalid> {
        begins_with_system(body)?;
        let mut fields = Fields::of(body)?;
        let chat = Self::of(&mut fields);
        fields.done(chat)
    }

    fn of(fields: &mut Fields<'_>) -> Self {
        let history = fields.objects("conversation_history", MAX_HISTORY);
        let model = fields.optional_text("model", MAX_NAME_BYTES, Nullable::Yes);
        let stream = fields.flag("stream", Nullable::No);
        // Nothing here ever waits for an approval: tools only read.
        fields.flag("enable_tool_approval", Nullable::Yes);
        fields.each("tool_decisions", MAX_ITEMS, |decision| {
            decision.text("tool_call_id", MAX_NAME_BYTES);
            decision.required_flag("approved");
        });
        let additional_system_prompt =
            fields.optional_text("additional_system_prompt", MAX_QUESTION_BYTES, Nullable::Yes);
        let ask = fields.text("ask", MAX_QUESTION_BYTES);
        let has_images = !fields.list("images", MAX_ITEMS).is_empty();
        let schema = fields.schema("response_format");
        Self { ask, history, model, stream, additional_system_prompt, schema, has_images }
    }
}

impl Followup {
    /// Reads `POST /api/issue_chat`.
    pub(super) fn issue(body: &Value) -> Result<Self, Invalid> {
        begins_with_system(body)?;
        let mut fields = Fields::of(body)?;
        let chat = Chat::of(&mut fields);
        let found = fields.nested("investigation_result", |found| {
            (found.text("result", MAX_TEXT_BYTES), found.each("tools", MAX_ITEMS, tool))
        });
        fields.text("issue_type", MAX_NAME_BYTES);
        let (result, tools) = found.unwrap_or_default();
        fields.done(Self { chat, result, tools, resource: Map::new() })
    }

    /// Reads `POST /api/workload_health_chat`.
    pub(super) fn workload(body: &Value) -> Result<Self, Invalid> {
        begins_with_system(body)?;
        let mut fields = Fields::of(body)?;
        let chat = Chat::of(&mut fields);
        let found = fields.nested("workload_health_result", |found| {
            let analysis = found.optional_text("analysis", MAX_TEXT_BYTES, Nullable::Yes);
            let analysis = analysis.or_else(|| found.optional_text("result", MAX_TEXT_BYTES, Nullable::Yes));
            (analysis.unwrap_or_default(), found.each("tools", MAX_ITEMS, tool))
        });
        let resource = fields.object("resource");
        let (result, tools) = found.unwrap_or_default();
        fields.done(Self { chat, result, tools, resource })
    }
}

fn tool(fields: &mut Fields<'_>) -> (String, String) {
    let name = fields.text("name", MAX_NAME_BYTES);
    fields.text("description", MAX_TEXT_BYTES);
    (name, fields.text("output", usize::MAX))
}

impl Investigate {
    pub(super) fn read(body: &Value) -> Result<Self, Invalid> {
        let mut fields = Fields::of(body)?;
        fields.text("source", MAX_NAME_BYTES);
        let title = fields.text("title", MAX_NAME_BYTES);
        let description = fields.text("description", MAX_TEXT_BYTES);
        let subject = fields.object("subject");
        let context = fields.object("context");
        fields.optional_text("source_instance_id", MAX_NAME_BYTES, Nullable::No);
        // As there, tool calls and their results are told whatever these say.
        fields.flag("include_tool_calls", Nullable::No);
        fields.flag("include_tool_call_results", Nullable::No);
        // Prompts are the installation's own: see the templates.
        fields.optional_text("prompt_template", MAX_TEXT_BYTES, Nullable::No);
        let sections = fields.texts("sections", MAX_SECTIONS, MAX_NAME_BYTES);
        let model = fields.optional_text("model", MAX_NAME_BYTES, Nullable::Yes);
        fields.done(Self { title, description, subject, context, sections, model })
    }
}

impl HealthCheck {
    pub(super) fn read(body: &Value) -> Result<Self, Invalid> {
        let mut fields = Fields::of(body)?;
        let ask = fields.text("ask", MAX_QUESTION_BYTES);
        let resource = fields.object("resource");
        fields.check_number("alert_history_since_hours");
        fields.flag("alert_history", Nullable::No);
        fields.flag("stored_instrucitons", Nullable::No);
        let instructions = fields.text_list("instructions", MAX_ITEMS, MAX_TEXT_BYTES);
        fields.flag("include_tool_calls", Nullable::No);
        fields.flag("include_tool_call_results", Nullable::No);
        fields.optional_text("prompt_template", MAX_TEXT_BYTES, Nullable::No);
        let model = fields.optional_text("model", MAX_NAME_BYTES, Nullable::Yes);
        fields.done(Self { ask, resource, instructions, model })
    }
}

impl Fields<'_> {
    fn required_flag(&mut self, name: &str) {
        if self.is_there(name) {
            self.flag(name, Nullable::No);
        }
    }

    /// The schema in a `response_format`; `None` where prose is wanted.
    fn schema(&mut self, name: &str) -> Option<Value> {
        let format = self.optional_object(name)?;
        match format.get("type").and_then(Value::as_str) {
            Some("json_object") => Some(serde_json::json!({"type": "object"})),
            Some("json_schema") => {
                let schema =
                    format.get("json_schema").and_then(|named| named.get("schema")).filter(|it| it.is_object());
                match schema {
                    Some(schema) if schema.to_string().len() <= MAX_SCHEMA_BYTES => Some(schema.clone()),
                    Some(_) => {
                        let message = format!("Value error, the schema is larger than {MAX_SCHEMA_BYTES} bytes");
                        self.refuse(name, &message);
                        None
                    }
                    None => {
                        self.refuse(name, "Value error, json_schema.schema must be an object");
                        None
                    }
                }
            }
            _ => None,
        }
    }
}

/// The rule that HolmesGPT checks before any field.
fn begins_with_system(body: &Value) -> Result<(), Invalid> {
    let first = body.get("conversation_history").and_then(Value::as_array).and_then(|history| history.first());
    match first {
        Some(first) if first.get("role").and_then(Value::as_str) != Some("system") => {
            Err(Invalid::value(body, "The first item in conversation_history must contain 'role': 'system'"))
        }
        _ => Ok(()),
    }
}
