//! What a server says of its models: their names, and how many tokens fit into one turn.

use std::time::Duration;

use serde_json::Value;

use super::error::ModelError;
use crate::adapters::http::{Endpoint, HttpError, read_json};

/// The window when nobody says what it is: small enough for every model of today.
const CAUTIOUS_WINDOW: u32 = 4096;
/// A list of models is short; gateways have some hundred.
const MAX_LIST_BYTES: usize = 1024 * 1024;
/// For each further place where a window may stand.
const PROBE_WITHIN: Duration = Duration::from_secs(2);

/// What was learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learned {
    /// The model's name.
    pub name: String,
    /// Whether the server's list has it.
    pub listed: bool,
    /// Tokens of prompt and answer together.
    pub window: u32,
    /// Whether somebody said so.
    pub window_known: bool,
    /// All of the server's models.
    pub available: Vec<String>,
    /// Who serves: `vllm`, `llamacpp`; empty when it does not say.
    pub server: String,
}

/// Asks the server. `model` and `context_tokens` are what is configured.
pub async fn learn(
    endpoint: &Endpoint,
    model: Option<&str>,
    context_tokens: Option<u32>,
    within: Duration,
) -> Result<Learned, ModelError> {
    let list = match get(endpoint, "v1/models", within).await {
        Ok(list) => list,
        // Some gateways have no list; with a name one can do without.
        Err(HttpError::Status { code: 404 | 405 | 501, .. }) if model.is_some() => Value::Null,
        Err(error) => return Err(ModelError::sort(error)),
    };
    let entries = list["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    let available: Vec<String> = entries.iter().filter_map(|entry| entry["id"].as_str()).map(str::to_owned).collect();
    let chosen = choose(model, &available);
    let name = chosen.clone().or_else(|| model.map(str::to_owned));
    let name = name.ok_or_else(|| ModelError::UnknownModel { name: String::new(), available: Vec::new() })?;
    let entry = entries.iter().find(|entry| entry["id"] == name.as_str()).unwrap_or(&Value::Null);
    let said = match window_of(entry) {
        Some(window) => Some(window),
        None => probe(endpoint, &name).await,
    };
    let trained = number(&entry["meta"]["n_ctx_train"]);
    let window = match (said, context_tokens) {
        (Some(said), Some(configured)) => said.min(configured),
        (Some(window), None) | (None, Some(window)) => window,
        (None, None) => CAUTIOUS_WINDOW.min(trained.unwrap_or(CAUTIOUS_WINDOW)),
    };
    Ok(Learned {
        listed: chosen.is_some(),
        name,
        window,
        window_known: said.or(context_tokens).is_some(),
        available,
        server: entry["owned_by"].as_str().unwrap_or_default().to_owned(),
    })
}

/// The configured name as the server spells it, or the first model that is made for talking.
fn choose(model: Option<&str>, available: &[String]) -> Option<String> {
    let found = match model {
        // Ollama leaves the tag away when it is `latest`.
        Some(wanted) => available.iter().find(|name| *name == wanted || name.strip_suffix(":latest") == Some(wanted)),
        None => available.iter().find(|name| !is_for_search(name)).or(available.first()),
    };
    found.cloned()
}

fn is_for_search(name: &str) -> bool {
    let name = name.to_lowercase();
    name.contains("embed") || name.contains("rerank")
}

/// The window in an entry of the list: vLLM's, llama.cpp's (of one slot), and what gateways say.
fn window_of(entry: &Value) -> Option<u32> {
    let fields =
        [&entry["max_model_len"], &entry["meta"]["n_ctx"], &entry["loaded_context_length"], &entry["context_length"]];
    fields.into_iter().find_map(number)
}

/// The other places where servers say it: llama.cpp, LM Studio, Ollama.
async fn probe(endpoint: &Endpoint, name: &str) -> Option<u32> {
    let (props, studio, running) = futures::join!(
        get(endpoint, "props", PROBE_WITHIN),
        get(endpoint, "api/v0/models", PROBE_WITHIN),
        get(endpoint, "api/ps", PROBE_WITHIN),
    );
    let entry = |list: &Value, key: &str| {
        let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter().find(|entry| entry[key] == name).cloned().unwrap_or_default()
    };
    let props = props.ok().and_then(|props| number(&props["default_generation_settings"]["n_ctx"]));
    let studio = || number(&entry(&studio.ok()?["data"], "id")["loaded_context_length"]);
    let running = || number(&entry(&running.ok()?["models"], "name")["context_length"]);
    props.or_else(studio).or_else(running)
}

async fn get(endpoint: &Endpoint, path: &str, within: Duration) -> Result<Value, HttpError> {
    let url = || crate::adapters::http::shown(&endpoint.url(path));
    let answer = async { read_json(endpoint.send(endpoint.get(path)).await?, MAX_LIST_BYTES).await };
    tokio::time::timeout(within, answer).await.unwrap_or_else(|_| Err(HttpError::Timeout { url: url(), after: within }))
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_for_talking_is_chosen() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (wanted, available, chosen) in [
            (None, &["nomic-embed-text", "qwen", "x"][..], Some("qwen")),
            (None, &["bge-embed"], Some("bge-embed")),
            (None, &[], None),
            (Some("qwen"), &["x", "qwen:latest"], Some("qwen:latest")),
            (Some("qwen"), &["x"], None),
        ] {
            assert_eq!(choose(wanted, &names(available)).as_deref(), chosen);
        }
    }
}
