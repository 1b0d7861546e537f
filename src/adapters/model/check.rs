//! What `holmes-bot check` says about the model.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::window::Learned;
use super::{Model, ModelError, Priority};
use crate::adapters::check::CheckLine;
use crate::agent::message::{Expect, Message, ToolSpec, TurnReply, TurnRequest};
use crate::agent::repair;

/// For each of the two turns; a model that is slower than this is of little use in an incident.
const TURN_WITHIN: Duration = Duration::from_secs(60);
/// Below this a prompt holds little more than the findings.
const SMALL_WINDOW: u32 = 8192;

impl Model {
    /// Reaches for the server, its model and window, and tries a tool call and a schema. A server that does not answer
    /// gives one line.
    pub async fn check(&self) -> Vec<CheckLine> {
        let learned = match self.learned().await {
            Ok(learned) => learned,
            Err(error) => return vec![CheckLine::bad("model", error.to_string(), mend(&error))],
        };
        let mut lines = vec![name(&learned), window(&learned)];
        // Each costs the model a few tokens; one after the other, since a small server does one thing at a time.
        lines.push(tools(self.ask(Expect::Tools(vec![probe_tool()])).await));
        lines.push(schema(self.ask(Expect::Json { name: "check", schema: probe_schema() }).await));
        lines
    }

    async fn ask(&self, expect: Expect) -> Result<TurnReply, ModelError> {
        let messages = vec![
            Message::System { text: "You check a monitoring system. Answer as briefly as you can.".into() },
            Message::User { text: "Look up the state of the pod web-0.".into() },
        ];
        let request = TurnRequest { messages, expect, max_tokens: 128 };
        self.turn(&request, Priority::Person, Instant::now() + TURN_WITHIN, &mut |_| {}).await
    }
}

fn probe_tool() -> ToolSpec {
    let parameters = json!({
        "type": "object",
        "properties": {"pod": {"type": "string"}},
        "required": ["pod"],
        "additionalProperties": false,
    });
    ToolSpec { name: "get_pod", description: "State of a pod", parameters }
}

fn probe_schema() -> Value {
    json!({
        "type": "object",
        "properties": {"next": {"type": "string", "enum": ["get_pod", "get_logs"]}},
        "required": ["next"],
        "additionalProperties": false,
    })
}

fn name(learned: &Learned) -> CheckLine {
    let Learned { name, available, server, .. } = learned;
    // llama.cpp serves its one model under any name.
    if learned.listed || available.is_empty() || server == "llamacpp" {
        let by = if server.is_empty() { String::new() } else { format!(", served by {server}") };
        return CheckLine::good("model", format!("{name}{by}"));
    }
    let error = ModelError::UnknownModel { name: name.clone(), available: available.clone() };
    CheckLine::bad("model", error.to_string(), mend(&error))
}

fn window(learned: &Learned) -> CheckLine {
    let (what, window) = ("model window", learned.window);
    if !learned.window_known {
        let detail = format!("the server does not say it; {window} tokens are assumed");
        return CheckLine::bad(what, detail, "set LLM_CONTEXT_TOKENS to what the server was started with");
    }
    if window < SMALL_WINDOW {
        let detail = format!("{window} tokens: the findings fit, and little evidence");
        return CheckLine::good(what, format!("{detail} (vLLM: --max-model-len, llama.cpp: --ctx-size)"));
    }
    CheckLine::good(what, format!("{window} tokens"))
}

/// Without tool calls everything works, by schema; so what is missing is said, but nothing failed.
fn tools(reply: Result<TurnReply, ModelError>) -> CheckLine {
    let what = "model tools";
    match reply {
        Ok(reply) if reply.clumsy => {
            CheckLine::good(what, "the model writes its calls as text; turns with a schema are used where that happens")
        }
        Ok(reply) if reply.calls.is_empty() => CheckLine::good(what, "accepted; the model called none when it could"),
        Ok(_) => CheckLine::good(what, "the model calls tools"),
        Err(ModelError::ToolsRefused { .. }) => CheckLine::good(
            what,
            "not enabled on the server, turns with a schema are used instead (vLLM: --enable-auto-tool-choice \
             --tool-call-parser hermes, or the parser of your model; llama.cpp: --jinja)",
        ),
        Err(error) => CheckLine::bad(what, error.to_string(), mend(&error)),
    }
}

fn schema(reply: Result<TurnReply, ModelError>) -> CheckLine {
    let what = "model schema";
    let reply = match reply {
        Ok(reply) => reply,
        Err(error) => return CheckLine::bad(what, error.to_string(), mend(&error)),
    };
    let next = repair::json(&reply.text).and_then(|document| Some(document["next"].as_str()?.to_owned()));
    if next.is_some_and(|next| ["get_pod", "get_logs"].contains(&next.as_str())) {
        return CheckLine::good(what, "answers follow the schema");
    }
    CheckLine::bad(
        what,
        "the server does not enforce the answer's schema, and the model did not follow it",
        "use a server that does (vLLM, llama.cpp), or a larger model",
    )
}

fn mend(error: &ModelError) -> String {
    match error {
        ModelError::Unreachable(_) => {
            "is LLM_BASE_URL right, does the Service exist, and does a NetworkPolicy let us through?"
        }
        ModelError::Unauthorized { .. } => "set LLM_API_KEY to what the server was started with (vLLM: --api-key)",
        ModelError::UnknownModel { .. } => {
            "set LLM_MODEL to one of the server's names, or leave it empty for its first"
        }
        ModelError::ContextExceeded { .. } => {
            "raise the server's window (vLLM: --max-model-len, llama.cpp: --ctx-size)"
        }
        ModelError::ToolsRefused { .. } => "start vLLM with --enable-auto-tool-choice --tool-call-parser hermes",
        ModelError::Overloaded { .. } | ModelError::QueueFull { .. } | ModelError::TimedOut { .. } => {
            "it takes connections but answers too late: is it loading, or is its GPU busy with others?"
        }
        ModelError::Garbage { .. } => {
            "LLM_BASE_URL must be the API's address inside of the cluster, with or without /v1"
        }
        ModelError::OnlyThinking => "switch the model's thinking off, or use a model without it",
        ModelError::Empty | ModelError::Endless { .. } => "the model cannot do this: try a larger one",
        ModelError::GivenUp => "set LLM_CONCURRENCY=1, and let nobody else use this server",
        ModelError::Setup(_) => "look at LLM_BASE_URL",
        ModelError::SchemaRefused { .. }
        | ModelError::BrokeOff { .. }
        | ModelError::Refused { .. }
        | ModelError::Failed { .. } => "look at the server's log",
    }
    .into()
}
