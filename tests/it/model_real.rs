//! The model client against the model server at `LLM_BASE_URL`, whatever it is; nothing without one. Even a very small
//! model must be understood: what is checked is the protocol, not the wit.
//!
//! `scripts/test-model` starts a small server and runs these; `LLM_MODEL`, `LLM_API_KEY` and `LLM_CONTEXT_TOKENS` are read, too.

use std::time::Duration;

use holmes_bot::adapters::http::Auth;
use holmes_bot::adapters::model::{Model, ModelError, ModelSettings, Priority};
use holmes_bot::agent::message::{Expect, Message, ToolCall, TurnReply, TurnRequest};
use holmes_bot::agent::repair;
use holmes_bot::agent::tokens::{estimate_prompt, estimate_tokens};
use serde_json::json;
use tokio::time::Instant;

use crate::model::{document, request, settings, tools, turn};

/// A small model on a busy CPU reads 50 tokens a second and writes 15.
const SLOW: Duration = Duration::from_secs(300);

/// The real model, or `None` where there is none.
fn real() -> Option<Model> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut settings = ModelSettings { turn_timeout: SLOW, ..settings(&variable("LLM_BASE_URL")?) };
    settings.model = variable("LLM_MODEL");
    settings.context_tokens = variable("LLM_CONTEXT_TOKENS").map(|tokens| tokens.parse().unwrap());
    settings.concurrency = 1;
    settings.endpoint.client.total_timeout = Some(SLOW);
    if let Some(key) = variable("LLM_API_KEY") {
        settings.endpoint.auth = Auth::Bearer(key.into());
    }
    Some(Model::new(settings).unwrap())
}

/// One turn; prints what it was, for `--nocapture`.
async fn ask(model: &Model, request: &TurnRequest) -> (Result<TurnReply, ModelError>, String) {
    let begun = Instant::now();
    let mut shown = String::new();
    let reply = model.turn(request, Priority::Person, begun + SLOW, &mut |words| shown.push_str(words)).await;
    println!("{} ms: {reply:?}", begun.elapsed().as_millis());
    (reply, shown)
}

/// What a model may do in any turn: answer, or fail in one of the ways in which models fail.
fn is_a_models_way(error: &ModelError) -> bool {
    matches!(error, ModelError::Empty | ModelError::Endless { .. } | ModelError::OnlyThinking)
}

#[tokio::test]
async fn says_something_and_streams_it() {
    let Some(model) = real() else { return };
    let (reply, shown) = ask(&model, &TurnRequest { max_tokens: 48, ..request(Expect::Text) }).await;
    match reply {
        Ok(reply) => {
            assert_eq!(shown.trim(), reply.text);
            assert!(reply.usage.is_none_or(|usage| usage.completion <= 48), "{:?}", reply.usage);
        }
        Err(error) => assert!(is_a_models_way(&error), "{error}"),
    }
}

#[tokio::test]
async fn tools_are_called_or_refused_in_a_way_that_is_understood() {
    let Some(model) = real() else { return };
    match ask(&model, &TurnRequest { max_tokens: 96, ..request(tools()) }).await.0 {
        Ok(reply) => assert!(reply.calls.iter().all(|call| call.arguments.is_object())),
        Err(error) => assert!(is_a_models_way(&error) || matches!(error, ModelError::ToolsRefused { .. }), "{error}"),
    }
}

#[tokio::test]
async fn a_conversation_with_calls_is_accepted_without_tools() {
    let Some(model) = real() else { return };
    let mut request = TurnRequest { max_tokens: 32, ..request(Expect::Text) };
    let call = ToolCall { id: "call00200".into(), name: "get_logs".into(), arguments: json!({"pod": "web-0"}) };
    request.messages.push(Message::Assistant { text: String::new(), calls: vec![call] });
    request.messages.push(Message::Tool {
        call: "call00200".into(),
        name: "get_logs".into(),
        text: "java.lang.OutOfMemoryError: Java heap space".into(),
    });
    if let Err(error) = ask(&model, &request).await.0 {
        assert!(is_a_models_way(&error), "{error}");
    }
}

#[tokio::test]
async fn a_document_follows_its_schema() {
    let Some(model) = real() else { return };
    let (reply, shown) = ask(&model, &TurnRequest { max_tokens: 160, ..request(document()) }).await;
    let reply = reply.unwrap();
    assert_eq!(shown, reply.text);
    if !reply.cut {
        let document = repair::json(&reply.text).unwrap();
        assert!(["low", "medium", "high"].contains(&document["severity"].as_str().unwrap_or_default()), "{document}");
        assert!(document["summary"].is_string(), "{document}");
    }
}

#[tokio::test]
async fn a_prompt_beyond_the_window_is_named_or_answered() {
    let Some(model) = real() else { return };
    let window = model.profile().await.unwrap().window;
    if window > 16_384 {
        return; // A prompt of that size costs a small server minutes.
    }
    let mut long = TurnRequest { max_tokens: 8, ..request(Expect::Text) };
    let words = "restarts and again ".repeat(window as usize / 2);
    long.messages.push(Message::User { text: words });
    match ask(&model, &long).await.0 {
        Err(ModelError::ContextExceeded { limit, .. }) => assert!(limit.is_none_or(|limit| limit <= window)),
        // Some servers cut the prompt themselves.
        Ok(_) => {}
        Err(error) => assert!(is_a_models_way(&error), "{error}"),
    }
}

#[tokio::test]
async fn tokens_are_estimated_from_above() {
    let Some(model) = real() else { return };
    model.profile().await.unwrap();
    let text = "2026-11-22T22:17:06Z ERROR checkout-7464b59bfd-6rjrg dial tcp 10.0.0.7:5432: connection refused";
    let (counted, estimated) = (model.count_tokens(text).await, estimate_tokens(text));
    println!("counted {counted}, estimated {estimated}");
    assert!(counted <= estimated);
    let request = TurnRequest { max_tokens: 4, ..request(Expect::Text) };
    if let Some(usage) = turn(&model, &request).await.0.ok().and_then(|reply| reply.usage) {
        println!("prompt {}, estimated {}", usage.prompt, estimate_prompt(&request));
        assert!(usage.prompt <= estimate_prompt(&request));
    }
}

#[tokio::test]
async fn check_has_a_line_for_everything() {
    let Some(model) = real() else { return };
    let lines = model.check().await;
    println!("{lines:#?}");
    assert_eq!(lines.len(), 4);
}
