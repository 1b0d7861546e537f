//! An embeddings server as vLLM and llama.cpp's server were observed: vectors by what words mean in two languages.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::fakes::Fake;

/// The key that is let in.
pub const KEY: &str = "sk-local";
/// Longest text that is taken, in characters.
const MAX_CHARS: usize = 400;

/// What words mean: each group is one direction.
const MEANINGS: [&[&str]; 8] = [
    &["disk", "диск", "volume", "том", "место", "space"],
    &["memory", "памят", "oom", "heap"],
    &["restart", "перезапус", "crash"],
    &["network", "сеть", "dns", "timeout"],
    &["certificate", "сертификат", "tls"],
    &["image", "образ", "registry", "pull"],
    &["cpu", "процессор", "throttl"],
    &["password", "парол", "secret", "секрет"],
];

/// How a text that is too long is refused.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Vllm,
    Llama,
}

pub struct FakeEmbeddings {
    pub fake: Fake,
    shared: Arc<Shared>,
}

struct Shared {
    kind: Kind,
    model: Mutex<&'static str>,
    texts: Mutex<Vec<String>>,
    down: Mutex<bool>,
}

impl FakeEmbeddings {
    pub async fn start(kind: Kind, model: &'static str) -> Self {
        let shared =
            Arc::new(Shared { kind, model: Mutex::new(model), texts: Mutex::default(), down: Mutex::new(false) });
        let router = Router::new()
            .route("/v1/models", get(models))
            .route("/v1/embeddings", post(embed))
            .with_state(Arc::clone(&shared));
        Self { fake: Fake::start(router).await, shared }
    }

    pub fn url(&self) -> String {
        self.fake.url()
    }

    /// Texts that were embedded since the last call.
    pub fn texts(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.texts.lock().unwrap())
    }

    /// Was started anew with another model.
    pub fn serves(&self, model: &'static str) {
        *self.shared.model.lock().unwrap() = model;
    }

    /// Answers everything with 500 from now on, or no more.
    pub fn set_down(&self, down: bool) {
        *self.shared.down.lock().unwrap() = down;
    }
}

fn refused(shared: &Shared, headers: &HeaderMap) -> Option<Response> {
    if *shared.down.lock().unwrap() {
        return Some((StatusCode::INTERNAL_SERVER_ERROR, "CUDA error").into_response());
    }
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let error = match shared.kind {
        Kind::Vllm => json!({"error": "Unauthorized"}),
        Kind::Llama => json!({"error": {"message": "Invalid API Key", "type": "authentication_error", "code": 401}}),
    };
    (given != Some(&format!("Bearer {KEY}"))).then(|| (StatusCode::UNAUTHORIZED, Json(error)).into_response())
}

async fn models(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if let Some(refused) = refused(&shared, &headers) {
        return refused;
    }
    let entry =
        json!({"id": *shared.model.lock().unwrap(), "object": "model", "created": 1_795_386_743, "owned_by": "vllm"});
    Json(json!({"object": "list", "data": [entry]})).into_response()
}

fn bad(status: StatusCode, kind: &str, param: Value, message: String) -> Response {
    let error = json!({"message": message, "type": kind, "param": param, "code": status.as_u16()});
    (status, Json(json!({"error": error}))).into_response()
}

async fn embed(State(shared): State<Arc<Shared>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if let Some(refused) = refused(&shared, &headers) {
        return refused;
    }
    let model = body["model"].as_str().unwrap_or_default();
    if shared.kind == Kind::Vllm && model != *shared.model.lock().unwrap() {
        let message = format!("The model `{model}` does not exist.");
        return bad(StatusCode::NOT_FOUND, "NotFoundError", Value::Null, message);
    }
    let texts: Vec<String> = match &body["input"] {
        Value::String(text) => vec![text.clone()],
        Value::Array(texts) => texts.iter().map(|text| text.as_str().expect("text").to_owned()).collect(),
        _ => panic!("no input: {body}"),
    };
    if texts.is_empty() {
        return bad(
            StatusCode::BAD_REQUEST,
            "BadRequestError",
            Value::Null,
            "You must pass at least one prompt".into(),
        );
    }
    if let Some(long) = texts.iter().map(|text| text.chars().count()).find(|chars| *chars > MAX_CHARS) {
        return match shared.kind {
            Kind::Vllm => {
                let message = format!(
                    "This model's maximum context length is 256 tokens. However, your prompt contains {long} characters."
                );
                bad(StatusCode::BAD_REQUEST, "BadRequestError", json!("input_text"), message)
            }
            Kind::Llama => {
                let error = json!({"code": 500, "type": "server_error",
                    "message": format!("input ({long} tokens) is too large to process. increase the physical batch size")});
                (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": error}))).into_response()
            }
        };
    }
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| json!({"index": index, "object": "embedding", "embedding": vector(text)}))
        .collect();
    shared.texts.lock().unwrap().extend(texts);
    Json(json!({"id": "embd-1", "object": "list", "created": 1_795_386_743, "model": shared.model, "data": data,
        "usage": {"prompt_tokens": 3, "total_tokens": 3, "completion_tokens": 0, "completion_tokens_details": null, "prompt_tokens_details": null}}))
    .into_response()
}

/// All near each other, as an e5 model has it, and nearer where the meaning is the same.
fn vector(text: &str) -> Vec<f64> {
    let lower = text.to_lowercase();
    let mut vector = vec![3.0];
    vector
        .extend(MEANINGS.iter().map(|words| words.iter().filter(|word| lower.contains(**word)).count().min(1) as f64));
    vector
}
