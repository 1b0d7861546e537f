//! What every client must keep to, whatever the server.

use std::collections::BTreeSet;

use holmes_bot::agent::tokens::estimate_tokens;
use serde_json::Value;

/// The tokens of a request's prompt, counted from above.
pub(super) fn prompt_tokens(body: &Value) -> u32 {
    let mut tokens = body.get("tools").map_or(0, |tools| estimate_tokens(&tools.to_string()));
    for message in body["messages"].as_array().into_iter().flatten() {
        tokens += 6 + estimate_tokens(message["content"].as_str().unwrap_or_default());
        tokens += message.get("tool_calls").map_or(0, |calls| estimate_tokens(&calls.to_string()));
    }
    tokens
}

/// What no client may do.
pub(super) fn violations(body: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    let mut must = |good: bool, what: &str| {
        if !good {
            broken.push(what.to_owned());
        }
    };
    let schema = body.get("response_format").is_some() || body.get("structured_outputs").is_some();
    must(body["stream"] == true, "turns are streamed");
    must(body["stream_options"]["include_usage"] == true, "usage is asked for");
    must(body["max_tokens"].as_u64().is_some_and(|max| max > 0), "max_tokens bounds the answer");
    must(body["temperature"].as_f64().is_some_and(|heat| heat <= 0.2), "the temperature is low");
    must(body.get("guided_json").is_none(), "guided_json is ignored by servers of today");
    if let Some(tools) = body.get("tools") {
        let tools = tools.as_array().map(Vec::as_slice).unwrap_or_default();
        must(!tools.is_empty(), "`tools` must not be an empty array");
        must(!schema, "tools and a schema are not sent together: the calls would be suppressed");
        for tool in tools {
            let function = &tool["function"];
            must(tool["type"] == "function" && function["name"].is_string(), "a tool has a type and a name");
            must(function["parameters"]["type"] == "object", "a tool's parameters are an object");
        }
    } else {
        must(body.get("tool_choice").is_none(), "When using `tool_choice`, `tools` must be set.");
    }
    if let Some(format) = body.get("response_format") {
        let object = format["type"] == "json_object" && format["schema"].is_object();
        must(object || format["json_schema"]["schema"].is_object(), "a response format has a schema");
        must(object || format["json_schema"]["name"].is_string(), "a schema has a name");
    }
    let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    must(!messages.is_empty(), "there is a message");
    must(messages.last().is_some_and(|last| last["role"] != "assistant"), "the last word is not the model's own");
    let mut open = BTreeSet::new();
    for (at, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        must(["system", "user", "assistant", "tool"].contains(&role), "a message has a known role");
        must(role != "system" || at == 0, "the system message comes first");
        if role == "tool" {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            must(open.remove(id), "a tool result answers a call before it");
            must(message["content"].is_string(), "a tool result has a text");
            continue;
        }
        must(open.is_empty(), "every tool call has its result before anything else is said");
        let calls = message["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
        let words = message["content"].as_str().is_some_and(|text| !text.is_empty());
        must(words || (role == "assistant" && !calls.is_empty()), "a message says something");
        for call in calls {
            let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
            let arguments: Result<Value, _> = serde_json::from_str(arguments);
            must(arguments.is_ok_and(|arguments| arguments.is_object()), "a call's arguments are a JSON object");
            must(call["function"]["name"].is_string(), "a call names its tool");
            open.insert(call["id"].as_str().unwrap_or_default().to_owned());
        }
    }
    must(open.is_empty(), "every tool call has its result before anything else is said");
    broken
}
