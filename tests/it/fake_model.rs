//! A scripted model behind OpenAI's protocol, as vLLM speaks it. It answers what its script says and refuses what the
//! real servers refuse; whatever breaks the protocol is remembered and fails the test when the fake is dropped.
//!
//! ```ignore
//! let model = FakeModel::start(vec![Say::calls([("get_logs", json!({"pod": "web-0"}))]), Say::text("OOM.")]).await;
//! let model = FakeModel::answering(|request| Say::text(last_user_text(request))).await;
//! let model = FakeModel::on(FakeServer { window: 4096, tools: false, ..Default::default() }, vec![…]).await;
//! model.url(); model.requests(); // the bodies of the turns, parsed
//! ```

use std::collections::{BTreeSet, VecDeque};
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
            schema: SchemaSupport::ResponseFormat,
            key: None,
        }
    }
}

/// How a server enforces a schema.
#[derive(Clone, Copy, PartialEq)]
pub enum SchemaSupport {
    /// Both ways.
    ResponseFormat,
    /// Only by vLLM's own field.
    StructuredOutputs,
    /// Not at all: both are refused.
    None,
}

/// What the model answers in one turn.
#[derive(Clone)]
pub struct Say {
    what: What,
    finish: Option<&'static str>,
    after: Duration,
    streamed: bool,
}

#[derive(Clone)]
enum What {
    Answer {
        thinking: String,
        text: String,
        calls: Vec<(String, String)>,
    },
    Status {
        code: u16,
        retry_after: Option<u64>,
        body: String,
    },
    /// A body as it is, in pieces.
    Raw {
        content_type: &'static str,
        pieces: Vec<Vec<u8>>,
    },
    /// These words, then nothing more, with the connection open.
    Stuck(String),
    /// These words, then the connection breaks.
    Broken(String),
    /// These words again and again.
    Endless(String),
}

impl Say {
    fn new(what: What) -> Self {
        Self { what, finish: None, after: Duration::ZERO, streamed: true }
    }

    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(What::Answer { thinking: String::new(), text: text.into(), calls: Vec::new() })
    }

    /// A JSON document.
    pub fn json(value: Value) -> Self {
        Self::text(serde_json::to_string_pretty(&value).unwrap())
    }

    /// Tool calls by the protocol.
    pub fn calls<const N: usize>(calls: [(&str, Value); N]) -> Self {
        let calls = calls.map(|(name, arguments)| (name.to_owned(), arguments.to_string()));
        Self::new(What::Answer { thinking: String::new(), text: String::new(), calls: calls.into() })
    }

    /// A tool call whose arguments are no JSON, as vLLM streams it when the model writes it so.
    pub fn broken_call(name: &str, arguments: &str) -> Self {
        let calls = vec![(name.to_owned(), arguments.to_owned())];
        Self::new(What::Answer { thinking: String::new(), text: String::new(), calls })
    }

    /// A tool call in the text, as servers leave it there that do not know the model's template.
    pub fn call_as_text(name: &str, arguments: Value) -> Self {
        Self::text(format!("<tool_call>\n{}\n</tool_call>", json!({"name": name, "arguments": arguments})))
    }

    /// Nothing at all.
    pub fn empty() -> Self {
        Self::text("")
    }

    /// Says nothing and keeps the connection.
    pub fn hang() -> Self {
        Self::text("").after(Duration::from_secs(3600))
    }

    /// Begins, then says nothing more and keeps the connection.
    pub fn stuck_after(text: &str) -> Self {
        Self::new(What::Stuck(text.into()))
    }

    /// Begins, then the connection breaks.
    pub fn broken_after(text: &str) -> Self {
        Self::new(What::Broken(text.into()))
    }

    /// Never ends.
    pub fn endless(text: &str) -> Self {
        Self::new(What::Endless(text.into()))
    }

    /// An error of the server.
    pub fn status(code: u16, message: &str) -> Self {
        let body = json!({"error": {"message": message, "type": "Error", "param": null, "code": code}});
        Self::new(What::Status { code, retry_after: None, body: body.to_string() })
    }

    /// 429 with `Retry-After`.
    pub fn busy(retry_after_seconds: u64) -> Self {
        let body = json!({"error": "Too many requests"}).to_string();
        Self::new(What::Status { code: 429, retry_after: Some(retry_after_seconds), body })
    }

    /// An error with this body as it is.
    pub fn refusal(code: u16, body: &str) -> Self {
        Self::new(What::Status { code, retry_after: None, body: body.into() })
    }

    /// The context error of vLLM.
    pub fn context_exceeded(limit: u32, prompt: u32) -> Self {
        Self::status(400, &context_error(limit, prompt))
    }

    /// 200 with something else than the protocol.
    pub fn garbage() -> Self {
        Self::raw("text/html", [b"<html><head><title>Sign in</title></head>".as_slice()])
    }

    /// A body as it is, in pieces.
    pub fn raw<const N: usize>(content_type: &'static str, pieces: [&[u8]; N]) -> Self {
        Self::raw_pieces(content_type, pieces.map(<[u8]>::to_vec).into())
    }

    /// A body as it is, in any number of pieces.
    pub fn raw_pieces(content_type: &'static str, pieces: Vec<Vec<u8>>) -> Self {
        Self::new(What::Raw { content_type, pieces })
    }

    /// Thinks aloud first, in the field that servers have for it.
    pub fn thinking(mut self, thought: &str) -> Self {
        let What::Answer { thinking, .. } = &mut self.what else { panic!("only answers think") };
        *thinking = thought.into();
        self
    }

    /// With words before the calls.
    pub fn with_text(mut self, words: &str) -> Self {
        let What::Answer { text, .. } = &mut self.what else { panic!("only answers have words") };
        *text = words.into();
        self
    }

    /// Ends because its tokens are used up.
    pub fn cut(mut self) -> Self {
        self.finish = Some("length");
        self
    }

    /// Ends with this reason.
    pub fn finishing(mut self, reason: &'static str) -> Self {
        self.finish = Some(reason);
        self
    }

    /// After some time.
    pub fn after(mut self, time: Duration) -> Self {
        self.after = time;
        self
    }

    /// As one document, although a stream was asked for.
    pub fn unstreamed(mut self) -> Self {
        self.streamed = false;
        self
    }
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
        Self::serve(FakeServer::default(), Script::Handler(Box::new(handler))).await
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
        let support = self.server.schema;
        if body.get("response_format").is_some() && support != SchemaSupport::ResponseFormat {
            return Some(refused(400, "response_format is not supported (parameter=response_format)"));
        }
        if body.get("structured_outputs").is_some() && support == SchemaSupport::None {
            return Some(refused(400, "structured_outputs is not supported"));
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

/// The tokens of a request's prompt, counted from above.
pub fn prompt_tokens(body: &Value) -> u32 {
    let mut tokens = body.get("tools").map_or(0, |tools| estimate_tokens(&tools.to_string()));
    for message in body["messages"].as_array().into_iter().flatten() {
        tokens += 6 + estimate_tokens(message["content"].as_str().unwrap_or_default());
        tokens += message.get("tool_calls").map_or(0, |calls| estimate_tokens(&calls.to_string()));
    }
    tokens
}

/// What no client may do.
fn violations(body: &Value) -> Vec<String> {
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
        must(format["json_schema"]["schema"].is_object(), "a response format has a schema");
        must(format["json_schema"]["name"].is_string(), "a schema has a name");
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
            let error = stream::once(async { Err(std::io::Error::other("scripted")) });
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

/// Writes an answer as vLLM does.
struct Events {
    model: Value,
    prompt: u32,
}

impl Events {
    fn event(&self, delta: Value, finish: Option<&str>) -> Vec<u8> {
        let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish, "token_ids": null});
        self.chunk(json!([choice]), None)
    }

    fn chunk(&self, choices: Value, usage: Option<Value>) -> Vec<u8> {
        let mut chunk = json!({
            "id": "chatcmpl-b89c34722ed430be", "object": "chat.completion.chunk", "created": 1_795_385_828,
            "model": self.model, "choices": choices,
        });
        if let Some(usage) = usage {
            chunk["usage"] = usage;
        }
        format!("data: {chunk}\n\n").into_bytes()
    }

    /// One event for about every token.
    fn words(&self, field: &str, text: &str) -> Vec<Vec<u8>> {
        tokens(text).map(|token| self.event(json!({field: token}), None)).collect()
    }

    fn usage(&self, texts: &[&str]) -> Value {
        let completion: u32 = texts.iter().map(|text| estimate_tokens(text)).sum();
        let total = self.prompt + completion;
        json!({"prompt_tokens": self.prompt, "completion_tokens": completion, "total_tokens": total})
    }

    fn stream(
        &self,
        thinking: &str,
        text: &str,
        calls: &[(String, String)],
        finish: Option<&'static str>,
    ) -> Vec<Vec<u8>> {
        let mut pieces = vec![self.event(json!({"role": "assistant", "content": ""}), None)];
        pieces.extend(self.words("reasoning", thinking));
        pieces.extend(self.words("content", text));
        for (index, (name, arguments)) in calls.iter().enumerate() {
            let id = format!("chatcmpl-tool-{index:016x}");
            let head = json!({"id": id, "type": "function", "index": index, "function": {"name": name}});
            pieces.push(self.event(json!({"content": null, "tool_calls": [head]}), None));
            for token in tokens(arguments) {
                let part = json!({"index": index, "function": {"arguments": token}});
                pieces.push(self.event(json!({"content": null, "tool_calls": [part]}), None));
            }
        }
        let finish = finish.unwrap_or(if calls.is_empty() { "stop" } else { "tool_calls" });
        pieces.push(self.event(json!({}), Some(finish)));
        pieces.push(self.chunk(json!([]), Some(self.usage(&[thinking, text]))));
        pieces.push(b"data: [DONE]\n\n".to_vec());
        pieces
    }

    fn document(&self, thinking: &str, text: &str, calls: &[(String, String)], finish: Option<&'static str>) -> Value {
        let some = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
        let mut message = json!({"role": "assistant", "content": some(text), "reasoning": some(thinking)});
        if !calls.is_empty() {
            let calls = calls.iter().enumerate().map(|(index, (name, arguments))| {
                let id = format!("chatcmpl-tool-{index:016x}");
                json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
            });
            message["tool_calls"] = calls.collect();
        }
        let finish = finish.unwrap_or(if calls.is_empty() { "stop" } else { "tool_calls" });
        json!({
            "id": "chatcmpl-887dc9ca3dfb0e3f", "object": "chat.completion", "created": 1_795_385_846,
            "model": self.model, "usage": self.usage(&[thinking, text]),
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish}],
        })
    }
}

/// Pieces of about a token: up to six characters, a space begins a new one.
fn tokens(text: &str) -> impl Iterator<Item = String> {
    let mut pieces: Vec<String> = Vec::new();
    for c in text.chars() {
        match pieces.last_mut() {
            Some(last) if c != ' ' && last.chars().count() < 6 => last.push(c),
            _ => pieces.push(c.into()),
        }
    }
    pieces.into_iter()
}
