//! Understanding why a server refused: by what it says, since servers agree on little else.

use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;
use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

use super::error::ModelError;
use crate::adapters::http::{excerpt, read_start};
use crate::agent::message::Expect;
use crate::domain::redact::Redactor;
use crate::domain::text;

/// Most of a server's words that are shown: some repeat the request.
const MAX_SAID_BYTES: usize = 300;

/// Reads an answer that is no success.
pub async fn read(response: Response, expect: &Expect) -> ModelError {
    let code = response.status().as_u16();
    let retry_after = retry_after(response.headers());
    sort(code, retry_after, &read_start(response).await, expect)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Names an error by status and body.
pub fn sort(code: u16, retry_after: Option<Duration>, body: &[u8], expect: &Expect) -> ModelError {
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    let words = words(&document).unwrap_or_else(|| excerpt(body));
    let lower = words.to_lowercase();
    let said = shown(&words);
    if let Some(exceeded) = context_exceeded(&document, &words) {
        return exceeded;
    }
    match code {
        401 | 403 => return ModelError::Unauthorized { code },
        429 | 502 | 503 => return ModelError::Overloaded { code, retry_after },
        404 if lower.contains("model") => {
            return ModelError::UnknownModel { name: quoted(&words), available: aliases(&words) };
        }
        404 | 405 => {
            let said = format!("{said}: is LLM_BASE_URL the address of an OpenAI-compatible server?");
            return ModelError::Refused { code, said };
        }
        400 if lower.contains("model") && lower.contains("not found") => {
            return ModelError::UnknownModel { name: quoted(&words), available: Vec::new() };
        }
        _ => {}
    }
    match expect {
        // Also 500: llama.cpp answers it without --jinja, and when the model's call cannot be read.
        Expect::Tools(tools) if !tools.is_empty() && (lower.contains("tool") || lower.contains("failed to parse")) => {
            ModelError::ToolsRefused { said }
        }
        // Any word may mean the schema; the next form will show.
        Expect::Json { .. } if matches!(code, 400 | 422 | 501) || is_about_schemas(&lower) => {
            ModelError::SchemaRefused { said }
        }
        _ if code >= 500 => ModelError::Failed { code, said },
        _ => ModelError::Refused { code, said },
    }
}

/// Names an error that comes inside of a stream.
pub fn sort_in_stream(error: &Value, expect: &Expect) -> ModelError {
    let code = error["code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(500);
    let body = serde_json::json!({"error": error}).to_string();
    sort(code, None, body.as_bytes(), expect)
}

/// What an error's document says: `{"error": …}` with a text or an object, `{"detail": …}`, `{"message": …}`.
fn words(document: &Value) -> Option<String> {
    let inner = [&document["error"], &document["detail"], &document["message"]];
    let inner = inner.into_iter().find(|inner| !inner.is_null())?;
    match inner {
        Value::String(words) => Some(words.clone()),
        Value::Object(_) => inner["message"].as_str().map(str::to_owned).or_else(|| Some(inner.to_string())),
        other => Some(other.to_string()),
    }
}

fn shown(words: &str) -> String {
    text::line(&Redactor::new().redact(words), MAX_SAID_BYTES)
}

fn is_about_schemas(lower: &str) -> bool {
    ["response_format", "schema", "grammar", "structured", "guided", "xgrammar"].iter().any(|word| lower.contains(word))
}

/// What says how large the window is; the number is the first group.
static LIMIT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pattern = r"(?ix)
        (?:maximum \s context \s length (?:\s (?:is|of))?
         | max_model_len \s? =
         | maximum \s model \s length (?:\s of)?
         | available \s context \s size \s \(
         | context \s length \s of (?:\s only)?
         | model's \s context \s length \s \(
         | must \s be \s <=
         | context \s window \s (?:of|is)
        ) \s* `? (\d+)";
    Regex::new(pattern).ok()
});

/// What says how large the prompt is.
static PROMPT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pattern = r"(?ix)
        (?: prompt \s contains \s (?:at \s least \s)? | request \s \( | requested \s tokens \s \( | prompt \s \(length \s | input \s \( ) (\d+)
        | (\d+) \s (?:tokens \s)? (?:in \s (?:the|your) \s (?:messages|prompt) | from \s the \s input | `inputs` \s tokens)";
    Regex::new(pattern).ok()
});

/// Whether the prompt was too long, and what is said about by how much.
fn context_exceeded(document: &Value, words: &str) -> Option<ModelError> {
    let error = &document["error"];
    let number = |name: &str| error[name].as_u64().and_then(|number| u32::try_from(number).ok());
    let kind = [&error["type"], &error["code"], &document["type"], &document["code"]];
    let kind = kind.into_iter().filter_map(Value::as_str).find(|kind| kind.contains("context"));
    let limit = number("n_ctx").or_else(|| captured(&LIMIT, words));
    let prompt = number("n_prompt_tokens").or_else(|| captured(&PROMPT, words));
    let lower = words.to_lowercase();
    let says_so =
        lower.contains("context length") || lower.contains("context size") || lower.contains("context window");
    (kind.is_some() || limit.is_some() || (says_so && lower.contains("exceed")))
        .then_some(ModelError::ContextExceeded { limit, prompt })
}

fn captured(pattern: &LazyLock<Option<Regex>>, words: &str) -> Option<u32> {
    let found = pattern.as_ref()?.captures(words)?;
    found.iter().skip(1).flatten().next()?.as_str().parse().ok()
}

/// The name in quotes in a text.
fn quoted(words: &str) -> String {
    let name = words.split(['`', '\'', '"']).nth(1).unwrap_or_default();
    text::line(name, 100)
}

/// `Valid aliases: a, b.`
fn aliases(words: &str) -> Vec<String> {
    let Some((_, list)) = words.split_once("Valid aliases: ") else { return Vec::new() };
    list.trim_end_matches('.').split(", ").map(|name| text::line(name, 100)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::agent::message::ToolSpec;

    fn exceeded(limit: impl Into<Option<u32>>, prompt: impl Into<Option<u32>>) -> ModelError {
        ModelError::ContextExceeded { limit: limit.into(), prompt: prompt.into() }
    }

    #[test]
    fn context_errors_of_many_servers() {
        for (body, error) in [
            (
                json!({"error": {"message": "This model's maximum context length is 4096 tokens. However, your prompt contains at least 4097 input tokens, which exceeds this limit", "param": "input_tokens", "code": 400}}),
                exceeded(4096, 4097),
            ),
            (
                json!({"object": "error", "message": "This model's maximum context length is 4096 tokens. However, you requested 4200 tokens (3200 in the messages, 1000 in the completion).", "code": 400}),
                exceeded(4096, 3200),
            ),
            (
                json!({"error": {"message": "max_tokens=8192 cannot be greater than max_model_len=4096. Please request fewer output tokens.", "code": 400}}),
                exceeded(4096, None),
            ),
            (
                json!({"error": {"message": "The decoder prompt (length 5000) is longer than the maximum model length of 4096.", "code": 400}}),
                exceeded(4096, 5000),
            ),
            (
                json!({"error": {"code": 400, "message": "request (2579 tokens) exceeds the available context size (2048 tokens), try increasing it", "type": "exceed_context_size_error", "n_prompt_tokens": 2579, "n_ctx": 2048}}),
                exceeded(2048, 2579),
            ),
            (
                json!({"error": {"message": "This model's maximum context length is 2048 tokens, however you requested 2579 tokens (2479 in your messages; 100 in the completion).", "type": "invalid_request_error", "code": "context_length_exceeded"}}),
                exceeded(2048, 2479),
            ),
            (
                json!({"error": "Trying to keep the first 5000 tokens when context overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough."}),
                exceeded(4096, None),
            ),
            (
                json!({"error": {"message": "The input (5000 tokens) is longer than the model's context length (4096 tokens)."}}),
                exceeded(4096, 5000),
            ),
            (json!({"error": {"message": "the prompt exceeds the context window"}}), exceeded(None, None)),
        ] {
            assert_eq!(sort(400, None, body.to_string().as_bytes(), &Expect::Text), error, "{body}");
        }
    }

    #[test]
    fn other_errors_by_what_was_asked() {
        let tool = ToolSpec { name: "t", description: "", parameters: json!({"type": "object"}) };
        let tools = Expect::Tools(vec![tool]);
        let document = Expect::Json { name: "report", schema: json!({}) };
        for (code, body, expect, line) in [
            (
                401,
                json!({"error": "Unauthorized"}),
                &Expect::Text,
                "the model server refused our key (HTTP 401): check LLM_API_KEY",
            ),
            (
                404,
                json!({"error": {"message": "The model `x` does not exist. Valid aliases: a, b."}}),
                &Expect::Text,
                "the model server has no model `x`; set LLM_MODEL to one of: a, b",
            ),
            (
                404,
                json!({"detail": "Not Found"}),
                &Expect::Text,
                "the model server refused the request (HTTP 404): Not Found: is LLM_BASE_URL the address of an OpenAI-compatible server?",
            ),
            (
                503,
                json!({"error": {"message": "Loading model"}}),
                &Expect::Text,
                "the model server is overloaded (HTTP 503)",
            ),
            (
                400,
                json!({"error": {"message": "\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set"}}),
                &tools,
                "the model server does no tool calls: \"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set",
            ),
            (
                500,
                json!({"error": {"message": "tools param requires --jinja flag"}}),
                &tools,
                "the model server does no tool calls: tools param requires --jinja flag",
            ),
            (
                400,
                json!({"error": {"message": "Grammar error: Invalid type: objekt"}}),
                &document,
                "the model server refused the answer's schema: Grammar error: Invalid type: objekt",
            ),
            (
                500,
                json!({"error": {"message": "EngineCore died"}}),
                &document,
                "the model server failed (HTTP 500): EngineCore died",
            ),
            (
                400,
                json!({"detail": [{"msg": "x"}]}),
                &Expect::Text,
                "the model server refused the request (HTTP 400): [{\"msg\":\"x\"}]",
            ),
        ] {
            assert_eq!(sort(code, None, body.to_string().as_bytes(), expect).to_string(), line);
        }
        let html = sort(500, None, b"<html><title>Oops</title>", &Expect::Text);
        assert_eq!(html.to_string(), "the model server failed (HTTP 500): an HTML page \"Oops\"");
        let secret = sort(
            400,
            None,
            br#"{"error": "bad header: Authorization: Bearer sk-abcdef0123456789abcdef"}"#,
            &Expect::Text,
        );
        assert!(!secret.to_string().contains("abcdef0123456789"), "{secret}");
    }
}
