//! A scripted model behind OpenAI's protocol, as vLLM speaks it. It answers what its script says and refuses what the
//! real servers refuse; whatever breaks the protocol is remembered and fails the test when the fake is dropped.
//!
//! ```ignore
//! let model = FakeModel::start(vec![Say::calls([("get_logs", json!({"pod": "web-0"}))]), Say::text("OOM.")]).await;
//! let model = FakeModel::answering(|request| Say::text(last_user_text(request))).await;
//! let model = FakeModel::on(FakeServer { window: 4096, tools: false, ..Default::default() }, vec![…]).await;
//! model.url(); model.requests(); // the bodies of the turns, parsed
//! ```

mod events;
mod protocol;
mod say;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use holmes_bot::agent::tokens::estimate_tokens;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::fakes::Fake;
use events::Events;
use protocol::{prompt_tokens, violations};
pub use say::Say;
use say::What;

/// What kind of server it is.
#[derive(Clone)]
pub struct FakeServer {
    /// Its models; the first one is the default. Others are refused.
    pub models: Vec<String>,
    /// Tokens of prompt and answer together.
    pub window: u32,
    /// Whether `/v1/models` says the window. A prompt beyond an announced window breaks the protocol, beyond a hidden one
    /// it is answered with the context error.
    pub announces_window: bool,
    /// Whether there is `/tokenize`.
    pub tokenizes: bool,
    /// Whether it was started with tool calls.
    pub tools: bool,
    /// How it enforces a schema.
    pub schema: SchemaSupport,
    /// The key it wants.
    pub key: Option<String>,
}

impl Default for FakeServer {
    fn default() -> Self {
        Self {
            models: vec!["qwen".into()],
            window: 16_384,
            announces_window: true,
            tokenizes: true,
            tools: true,
            schema: SchemaSupport::JsonSchema,
            key: None,
        }
    }
}

/// How a server enforces a schema.
#[derive(Clone, Copy, PartialEq)]
pub enum SchemaSupport {
    /// Every way.
    JsonSchema,
    /// By `response_format` of the type `json_object` only, with the schema beside it.
    JsonObject,
    /// Only by vLLM's own field.
    StructuredOutputs,
    /// Not at all: both are refused.
    None,
}

type Handler = Box<dyn FnMut(&Value) -> Say + Send>;

enum Script {
    Steps(VecDeque<Say>),
    Handler(Handler),
}

struct Shared {
    server: FakeServer,
    script: Mutex<Script>,
    requests: Mutex<Vec<Value>>,
    violations: Mutex<Vec<String>>,
    open: watch::Sender<usize>,
    tokenized: watch::Sender<usize>,
}

/// The server; ends when dropped, and panics then if the protocol was broken or the script was not used up.
pub struct FakeModel {
    fake: Fake,
    shared: Arc<Shared>,
}

impl FakeModel {
    /// Answers these in order.
    pub async fn start(script: Vec<Say>) -> Self {
        Self::on(FakeServer::default(), script).await
    }

    /// Answers what the function says.
    pub async fn answering(handler: impl FnMut(&Value) -> Say + Send + 'static) -> Self {
        Self::on_answering(FakeServer::default(), handler).await
    }

    /// A special server that answers these in order.
    pub async fn on(server: FakeServer, script: Vec<Say>) -> Self {
        Self::serve(server, Script::Steps(script.into())).await
    }

    /// A special server that answers what the function says.
    pub async fn on_answering(server: FakeServer, handler: impl FnMut(&Value) -> Say + Send + 'static) -> Self {
        Self::serve(server, Script::Handler(Box::new(handler))).await
    }

    async fn serve(server: FakeServer, script: Script) -> Self {
        let shared = Arc::new(Shared {
            server,
            script: Mutex::new(script),
            requests: Mutex::default(),
            violations: Mutex::default(),
            open: watch::Sender::new(0),
            tokenized: watch::Sender::new(0),
        });
        let router = Router::new()
            .route("/v1/models", get(models))
            .route("/v1/chat/completions", post(completions))
            .route("/tokenize", post(tokenize))
            .route("/version", get(|| async { Json(json!({"version": "0.32.0"})) }))
            .fallback(|| async { (StatusCode::NOT_FOUND, Json(json!({"detail": "Not Found"}))) })
            .with_state(Arc::clone(&shared));
        Self { fake: Fake::start(router).await, shared }
    }

    /// Its address, without `/v1`.
    pub fn url(&self) -> String {
        self.fake.url()
    }

    /// The bodies of all turns so far, refused ones included.
    pub fn requests(&self) -> Vec<Value> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// How often a text was sent to be counted.
    pub fn tokenized(&self) -> usize {
        *self.shared.tokenized.borrow()
    }

    /// Waits until this many answers are being written.
    pub async fn wait_for_open(&self, count: usize) {
        self.shared.open.subscribe().wait_for(|open| *open == count).await.unwrap();
    }

    /// What broke the protocol so far; the caller has seen it, so it fails nothing any more.
    pub fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.violations.lock().unwrap())
    }

    /// The rest of the script need not be used.
    pub fn forget_rest(&self) {
        if let Script::Steps(steps) = &mut *self.shared.script.lock().unwrap() {
            steps.clear();
        }
    }
}

impl Drop for FakeModel {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let violations = self.take_violations();
        assert!(violations.is_empty(), "the model's protocol was broken:\n{}", violations.join("\n"));
        if let Script::Steps(steps) = &*self.shared.script.lock().unwrap() {
            assert!(steps.is_empty(), "{} answers of the model were not asked for", steps.len());
        }
    }
}

async fn models(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if let Some(refusal) = unauthorized(&shared, &headers) {
        return refusal;
    }
    let window = shared.server.announces_window.then_some(shared.server.window);
    let models = shared.server.models.iter();
    let data: Vec<Value> =
        models.map(|id| json!({"id": id, "object": "model", "owned_by": "vllm", "max_model_len": window})).collect();
    Json(json!({"object": "list", "data": data})).into_response()
}

async fn tokenize(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> Response {
    if !shared.server.tokenizes {
        return (StatusCode::NOT_FOUND, Json(json!({"detail": "Not Found"}))).into_response();
    }
    shared.tokenized.send_modify(|count| *count += 1);
    let count = estimate_tokens(body["prompt"].as_str().unwrap_or_default());
    Json(json!({"count": count, "max_model_len": shared.server.window, "tokens": [], "token_strs": null}))
        .into_response()
}

async fn completions(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(refusal) = unauthorized(&shared, &headers) {
        return refusal;
    }
    let body: Value = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => {
            shared.violations.lock().unwrap().push(format!("the body is no JSON: {error}"));
            return refused(400, &error.to_string());
        }
    };
    shared.requests.lock().unwrap().push(body.clone());
    if let Some(refusal) = shared.refusal(&body) {
        return refusal;
    }
    let say = match &mut *shared.script.lock().unwrap() {
        Script::Steps(steps) => steps.pop_front(),
        Script::Handler(handler) => Some(handler(&body)),
    };
    let Some(say) = say else {
        shared.violations.lock().unwrap().push("the script is over, but another turn was asked for".into());
        return refused(500, "the script is over");
    };
    if let What::Answer { calls, .. } = &say.what
        && !calls.is_empty()
        && body.get("tools").is_none()
    {
        shared.violations.lock().unwrap().push("the script calls tools, but none are offered".into());
    }
    answer(&shared, &say, &body).await
}

fn unauthorized(shared: &Shared, headers: &HeaderMap) -> Option<Response> {
    let key = shared.server.key.as_ref()?;
    let given = headers.get(header::AUTHORIZATION).and_then(|given| given.to_str().ok());
    let right = given == Some(&format!("Bearer {key}"));
    (!right).then(|| (StatusCode::UNAUTHORIZED, Json(json!({"error": "Unauthorized"}))).into_response())
}

fn refused(code: u16, message: &str) -> Response {
    let body = json!({"error": {"message": message, "type": "BadRequestError", "param": null, "code": code}});
    (StatusCode::from_u16(code).unwrap(), Json(body)).into_response()
}

fn context_error(limit: u32, prompt: u32) -> String {
    format!(
        "This model's maximum context length is {limit} tokens. However, your prompt contains at least {prompt} input \
         tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input prompt. \
         (parameter=input_tokens, value={prompt})"
    )
}

impl Shared {
    /// What the real server would refuse; remembers what a client must never do.
    fn refusal(&self, body: &Value) -> Option<Response> {
        let broken = violations(body);
        if !broken.is_empty() {
            let text = broken.join("; ");
            self.violations.lock().unwrap().extend(broken);
            return Some(refused(400, &text));
        }
        let model = body["model"].as_str().unwrap_or_default();
        if !self.server.models.iter().any(|known| known == model) {
            let known = self.server.models.join(", ");
            return Some(refused(404, &format!("The model `{model}` does not exist. Valid aliases: {known}.")));
        }
        if body.get("tools").is_some() && !self.server.tools {
            let message = "\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set";
            return Some(refused(400, message));
        }
        let format = body["response_format"]["type"].as_str();
        let understood = match self.server.schema {
            SchemaSupport::JsonSchema => true,
            SchemaSupport::JsonObject => format != Some("json_schema"),
            SchemaSupport::StructuredOutputs => format.is_none(),
            SchemaSupport::None => format.is_none() && body.get("structured_outputs").is_none(),
        };
        if !understood {
            return Some(refused(400, "response_format is not supported (parameter=response_format)"));
        }
        let (window, prompt) = (self.server.window, prompt_tokens(body));
        if u64::from(window) < body["max_tokens"].as_u64().unwrap_or_default() {
            let message = format!("max_tokens={} cannot be greater than max_model_len={window}.", body["max_tokens"]);
            return Some(refused(400, &message));
        }
        if prompt >= window {
            if self.server.announces_window {
                let violation = format!("a prompt of {prompt} tokens was sent into a window of {window}");
                self.violations.lock().unwrap().push(violation);
            }
            return Some(refused(400, &context_error(window, prompt)));
        }
        None
    }
}

/// Counts an answer as open until its stream is dropped, by whichever side.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.open.send_modify(|open| *open += 1);
        Self(Arc::clone(shared))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.send_modify(|open| *open -= 1);
    }
}

async fn answer(shared: &Arc<Shared>, say: &Say, body: &Value) -> Response {
    let open = Open::new(shared);
    tokio::time::sleep(say.after).await;
    let events = Events { model: body["model"].clone(), prompt: prompt_tokens(body) };
    let (content_type, pieces): (&str, BoxStream<'static, Result<Vec<u8>, std::io::Error>>) = match &say.what {
        What::Status { code, retry_after, body } => {
            let status = StatusCode::from_u16(*code).unwrap();
            let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body.clone()).into_response();
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, seconds.to_string().parse().unwrap());
            }
            return response;
        }
        What::Raw { content_type, pieces } => (content_type, pieces_of(pieces.clone())),
        What::Answer { thinking, text, calls } if !say.streamed => {
            let document = events.document(thinking, text, calls, say.finish);
            ("application/json", pieces_of(vec![document.to_string().into_bytes()]))
        }
        What::Answer { thinking, text, calls } => {
            (EVENT_STREAM, pieces_of(events.stream(thinking, text, calls, say.finish)))
        }
        What::Stuck(text) => (EVENT_STREAM, pieces_of(events.words("content", text)).chain(stream::pending()).boxed()),
        What::Broken(text) => {
            let error = stream::once(async {
                // Lets the words out first.
                tokio::time::sleep(Duration::from_millis(20)).await;
                Err(std::io::Error::other("scripted"))
            });
            (EVENT_STREAM, pieces_of(events.words("content", text)).chain(error).boxed())
        }
        What::Endless(text) => {
            let again = events.words("content", text).into_iter().cycle();
            // Gives the client a chance to hang up.
            let again = stream::iter(again).then(|piece| async {
                tokio::task::yield_now().await;
                Ok(piece)
            });
            (EVENT_STREAM, again.boxed())
        }
    };
    let pieces = pieces.map(move |piece| {
        let _ = &open;
        piece
    });
    ([(header::CONTENT_TYPE, content_type)], Body::from_stream(pieces)).into_response()
}

const EVENT_STREAM: &str = "text/event-stream; charset=utf-8";

fn pieces_of(pieces: Vec<Vec<u8>>) -> BoxStream<'static, Result<Vec<u8>, std::io::Error>> {
    stream::iter(pieces.into_iter().map(Ok::<_, Infallible>)).map(|piece| Ok(piece.unwrap_or_default())).boxed()
}
