//! A Slack that refuses what Slack refuses: its Web API, files, ephemeral messages, rate limits and Socket Mode, strict
//! about every rule that its documentation states. A test can look at a channel as data, or as a page.

mod answers;
pub mod http;
mod methods;
mod page;
pub mod rules;
mod socket;
mod views;
mod workspace;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{any, post};
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

pub use socket::Sockets;
pub use views::View;
pub use workspace::{Message, Workspace};

/// The bot's token.
pub const BOT_TOKEN: &str = "xoxb-test";
/// The app's token, for Socket Mode.
pub const APP_TOKEN: &str = "xapp-test";
/// What deliveries over HTTP are signed with.
pub const SIGNING_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
/// The bot's user.
pub const BOT: &str = "UBOT00001";
/// The channel that everybody is in.
pub const INCIDENTS: &str = "C0INCIDENT";

/// What goes wrong with the next call of a method.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This status, and nothing is done.
    Status(u16),
    /// An error of Slack's.
    Error(&'static str),
    /// Too fast: `Retry-After`.
    Wait(u64),
    /// It is done, and the answer is lost.
    DoneButLost,
    /// It is not done, and nobody answers.
    HangsBefore,
    /// It is done, and nobody answers.
    HangsAfter,
}

/// How long whoever does not answer takes: longer than anybody waits.
const HANGS: Duration = Duration::from_secs(30);

/// The running fake.
pub struct FakeSlack {
    /// `http://127.0.0.1:…/api`
    pub api_url: String,
    shared: Arc<Shared>,
    tasks: Vec<AbortHandle>,
}

struct Shared {
    base: String,
    workspace: Mutex<Workspace>,
    faults: Mutex<Vec<(String, VecDeque<Fault>)>>,
    /// One message a channel in this time, for storms.
    pace: Mutex<Option<Duration>>,
    last: Mutex<Vec<(String, Instant)>>,
    /// When edits were made, of the last of Slack's minutes.
    edits: Mutex<VecDeque<Instant>>,
    /// Messages and edits that came too fast.
    limited: Mutex<usize>,
    /// How many of a hundred calls go wrong, and the state of the dice.
    chaos: Mutex<(u32, u64)>,
    calls: Mutex<Vec<(String, Value)>>,
    sockets: Arc<Sockets>,
}

impl FakeSlack {
    /// Starts with one channel, `#incidents`, that the bot is in.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (sockets, socket_task) = Sockets::start().await;
        let shared = Arc::new(Shared {
            base: base.clone(),
            workspace: Mutex::new(Workspace::new()),
            faults: Mutex::default(),
            pace: Mutex::default(),
            last: Mutex::default(),
            edits: Mutex::default(),
            limited: Mutex::default(),
            chaos: Mutex::default(),
            calls: Mutex::default(),
            sockets,
        });
        let router = Router::new()
            .route("/api/{method}", any(call))
            .route("/upload/{file}", post(upload))
            .with_state(Arc::clone(&shared));
        let served = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { api_url: format!("{base}/api"), shared, tasks: vec![served.abort_handle(), socket_task] }
    }

    /// What it holds, to look at or to change.
    pub fn workspace(&self) -> MutexGuard<'_, Workspace> {
        self.shared.workspace.lock().unwrap()
    }

    /// The sockets.
    pub fn sockets(&self) -> &Sockets {
        &self.shared.sockets
    }

    /// The next calls of a method go wrong.
    pub fn fail(&self, method: &str, faults: impl IntoIterator<Item = Fault>) {
        self.shared.faults.lock().unwrap().push((method.to_owned(), faults.into_iter().collect()));
    }

    /// At most one message a channel in this time, which is Slack's second, and 50 edits in the whole workspace in sixty of
    /// them (Tier 3); more are answered 429 with `Retry-After`.
    pub fn pace(&self, pace: Duration) {
        *self.shared.pace.lock().unwrap() = Some(pace);
    }

    /// From now on so many of a hundred calls go wrong, in some way; the same seed is the same weather.
    pub fn chaos(&self, percent: u32, seed: u64) {
        *self.shared.chaos.lock().unwrap() = (percent, seed | 1);
    }

    /// Every call so far: method and arguments.
    pub fn calls(&self) -> Vec<(String, Value)> {
        self.shared.calls.lock().unwrap().clone()
    }

    /// How many messages and edits came too fast.
    pub fn limited(&self) -> usize {
        *self.shared.limited.lock().unwrap()
    }

    /// How often a method was called.
    pub fn count(&self, method: &str) -> usize {
        self.shared.calls.lock().unwrap().iter().filter(|(called, _)| called == method).count()
    }

    /// A channel's messages in order, replies among them.
    pub fn messages(&self, channel: &str) -> Vec<Message> {
        self.workspace().messages.iter().filter(|message| message.channel == channel).cloned().collect()
    }

    /// A thread as a page that looks like Slack.
    pub fn page(&self, channel: &str, root: &str) -> String {
        page::of(&self.workspace(), channel, root)
    }

    /// Keeps a thread's page in the directory `HOLMES_TEST_PAGES`, where that is set, for people to look at.
    pub fn keep_page(&self, name: &str, channel: &str, root: &str) {
        if let Ok(directory) = std::env::var("HOLMES_TEST_PAGES") {
            let file = std::path::Path::new(&directory).join(format!("{name}.html"));
            std::fs::write(file, self.page(channel, root)).unwrap();
        }
    }

    /// Waits until the messages are as awaited.
    pub async fn until(&self, what: &str, seen: impl Fn(&Workspace) -> bool) {
        let until = Instant::now() + Duration::from_secs(30);
        while !seen(&self.workspace()) {
            assert!(Instant::now() < until, "{what}: {:#?}", self.workspace().messages);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The environment of a bot that speaks to this Slack by Socket Mode.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("SLACK_BOT_TOKEN", BOT_TOKEN.to_owned()),
            ("SLACK_APP_TOKEN", APP_TOKEN.to_owned()),
            ("SLACK_SIGNING_SECRET", SIGNING_SECRET.to_owned()),
            ("SLACK_CHANNEL", "#incidents".to_owned()),
            ("SLACK_API_URL", self.api_url.clone()),
        ]
    }
}

impl Drop for FakeSlack {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

async fn call(
    State(shared): State<Arc<Shared>>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let arguments = arguments(query.as_deref().unwrap_or_default(), &headers, &body);
    shared.calls.lock().unwrap().push((method.clone(), arguments.clone().map_or(Value::Null, Value::Object)));
    let Some(arguments) = arguments else { return answers::error("invalid_json") };
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let expected = if method == "apps.connections.open" { APP_TOKEN } else { BOT_TOKEN };
    if let Some(error) = shared.workspace.lock().unwrap().token_error {
        return answers::error(error);
    }
    match token {
        None => return answers::error("not_authed"),
        Some(token) if token != expected => return answers::error("invalid_auth"),
        Some(_) => {}
    }
    let fault = {
        let mut faults = shared.faults.lock().unwrap();
        faults.iter_mut().find(|(of, left)| *of == method && !left.is_empty()).and_then(|(_, left)| left.pop_front())
    };
    let fault = fault.or_else(|| shared.weather());
    match fault {
        Some(Fault::Status(status)) => return answers::status(status),
        Some(Fault::Error(error)) => return answers::error(error),
        Some(Fault::Wait(seconds)) => return answers::wait(seconds),
        Some(Fault::HangsBefore) => tokio::time::sleep(HANGS).await,
        Some(Fault::DoneButLost | Fault::HangsAfter) | None => {}
    }
    if matches!(fault, Some(Fault::HangsBefore)) {
        return answers::status(504);
    }
    let too_fast = match method.as_str() {
        "chat.postMessage" => shared.too_fast(arguments.get("channel").and_then(Value::as_str).unwrap_or_default()),
        "chat.update" => shared.too_many_edits(),
        _ => None,
    };
    if let Some(wait) = too_fast {
        *shared.limited.lock().unwrap() += 1;
        return answers::wait(wait);
    }
    let answer = methods::answer(&shared, &method, &arguments);
    if matches!(fault, Some(Fault::HangsAfter)) {
        tokio::time::sleep(HANGS).await;
    }
    match fault {
        Some(_) => answers::status(500),
        None => answer,
    }
}

async fn upload(State(shared): State<Arc<Shared>>, Path(file): Path<String>, body: Bytes) -> Response {
    match shared.workspace.lock().unwrap().put(&file, body.to_vec()) {
        Ok(()) => answers::text(200, "OK"),
        Err(error) => answers::text(400, error),
    }
}

impl Shared {
    fn weather(&self) -> Option<Fault> {
        let mut chaos = self.chaos.lock().unwrap();
        let (percent, dice) = &mut *chaos;
        if *percent == 0 {
            return None;
        }
        *dice ^= *dice << 13;
        *dice ^= *dice >> 7;
        *dice ^= *dice << 17;
        let bad = [Fault::Status(500), Fault::DoneButLost, Fault::Wait(1), Fault::Error("internal_error")];
        (*dice % 100 < u64::from(*percent)).then(|| bad[usize::try_from(*dice / 100 % 4).unwrap()].clone())
    }

    fn too_many_edits(&self) -> Option<u64> {
        let minute = (*self.pace.lock().unwrap())? * 60;
        let mut edits = self.edits.lock().unwrap();
        let now = Instant::now();
        while edits.front().is_some_and(|at| now.duration_since(*at) >= minute) {
            edits.pop_front();
        }
        if edits.len() < EDITS {
            edits.push_back(now);
            return None;
        }
        let left = minute.saturating_sub(now.duration_since(edits[0]));
        Some(left.as_secs_f64().ceil() as u64)
    }

    fn too_fast(&self, channel: &str) -> Option<u64> {
        let pace = (*self.pace.lock().unwrap())?;
        let mut last = self.last.lock().unwrap();
        let now = Instant::now();
        if let Some((_, at)) = last.iter_mut().find(|(known, _)| known == channel) {
            if now.duration_since(*at) < pace {
                return Some(pace.as_secs().max(1));
            }
            *at = now;
        } else {
            last.push((channel.to_owned(), now));
        }
        None
    }
}

/// Edits a minute of a workspace that Slack promises to take.
const EDITS: usize = 50;

/// Arguments of a call: of the query, of a form or of JSON. `None`: not readable.
fn arguments(query: &str, headers: &HeaderMap, body: &[u8]) -> Option<Map<String, Value>> {
    let pairs = |text: &str| -> Map<String, Value> {
        let url = reqwest::Url::parse(&format!("http://x/?{text}")).unwrap();
        url.query_pairs().map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect()
    };
    let kind = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut arguments = pairs(query);
    if kind.starts_with("application/json") {
        arguments.extend(serde_json::from_slice::<Map<String, Value>>(body).ok()?);
    } else if !body.is_empty() {
        arguments.extend(pairs(std::str::from_utf8(body).ok()?));
    }
    Some(arguments)
}
