//! Every reader of foreign bytes, on the way that production takes. A target panics where something is not as promised:
//! where the reader panics itself, or where what it gives is larger than what it was given allows.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode, header};
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use holmes_bot::adapters::hearing::Hearing;
use holmes_bot::adapters::http::{ClientSettings, EndpointSettings};
use holmes_bot::adapters::logs::fields::FieldSet;
use holmes_bot::adapters::mattermost::socket::frame::{Frame, Posted};
use holmes_bot::adapters::mattermost::socket::inbound::addressed;
use holmes_bot::adapters::mattermost::trigger::SigningKey;
use holmes_bot::adapters::mattermost::{Mattermost, MattermostSettings, Sealer, text};
use holmes_bot::adapters::metrics::{self, top::Top};
use holmes_bot::adapters::model::{ModelError, reply, stream};
use holmes_bot::adapters::slack::SlackSettings;
use holmes_bot::adapters::slack::inbound::{self, SlashCommand};
use holmes_bot::adapters::slack::mrkdwn;
use holmes_bot::adapters::slack::receive::Receiver;
use holmes_bot::adapters::slack::socket::envelope;
use holmes_bot::adapters::store_embedded::EmbeddedStore;
use holmes_bot::agent::document::GrowingText;
use holmes_bot::agent::message::Expect;
use holmes_bot::agent::repair;
use holmes_bot::agent::tools::{Available, Tool, specs};
use holmes_bot::analysis::log_evidence::{MAX_EXAMPLE_BYTES, MAX_PATTERNS, summarise};
use holmes_bot::analysis::metric_role::Worst;
use holmes_bot::app::hearing;
use holmes_bot::domain::command::Command;
use holmes_bot::domain::event::Event;
use holmes_bot::domain::log_line::{LogBatch, LogLine};
use holmes_bot::domain::notification::Notification;
use holmes_bot::domain::policy::Policy;
use holmes_bot::domain::press::Press;
use holmes_bot::domain::redact::Redactor;
use holmes_bot::domain::runbook::{Origin, source};
use holmes_bot::domain::subject::Subject;
use holmes_bot::domain::window::Window;
use holmes_bot::ports::{Clock, Store as _};
use holmes_bot::render::{Breaks, Language, Renderer, html_of, text_of};
use holmes_bot::telemetry::Counters;
use holmes_bot::web::refusals::Refusals;
use holmes_bot::web::{mattermost as mattermost_web, slack as slack_web};
use secrecy::SecretString;
use tower::ServiceExt as _;

/// What reads bytes of others.
pub type Target = fn(&[u8]);

/// All of them by name; a name is also that of its corpus.
pub const TARGETS: [(&str, Target); 20] = [
    ("notification", notification),
    ("slack_event", slack_event),
    ("slack_interaction", slack_interaction),
    ("slack_command", slack_command),
    ("slack_socket", slack_socket),
    ("mattermost_action", mattermost_action),
    ("mattermost_command", mattermost_command),
    ("mattermost_dialog", mattermost_dialog),
    ("mattermost_socket", mattermost_socket),
    ("signature", signature),
    ("runbook", runbook),
    ("predecessor", predecessor),
    ("policy", policy),
    ("logs", logs),
    ("metrics", metrics),
    ("model", model),
    ("repair", repair),
    ("patterns", patterns),
    ("redact", redact),
    ("markdown", markdown),
];

/// What production bounds an answer of a log server by, at its smallest.
const MAX_LOG_BYTES: usize = 8 << 20;
/// The same of a metrics server.
const MAX_METRICS_BYTES: u64 = 64 << 20;
/// Slack's longest text of a section, in UTF-16 units.
const SLACK_SECTION: usize = 3000;

/// Alertmanager's webhook body. What is taken must survive the inbox.
pub fn notification(data: &[u8]) {
    let Ok(notification) = Notification::parse(data, now()) else { return };
    for alert in &notification.alerts {
        let _ = Subject::of(alert);
    }
    let event = Event::Notification(notification);
    let stored = serde_json::to_vec(&event).expect("an event can be stored");
    assert!(stored.len() <= 8 * data.len() + 4096, "{} bytes became {}", data.len(), stored.len());
    assert_eq!(serde_json::from_slice::<Event>(&stored).expect("a stored event can be read"), event);
}

/// The Events API's body.
pub fn slack_event(data: &[u8]) {
    bounded(&inbound::event(data), data, 8);
}

/// The JSON of a press or of a shortcut.
pub fn slack_interaction(data: &[u8]) {
    bounded(&inbound::interaction(data), data, 8);
}

/// The form of a slash command.
pub fn slack_command(data: &[u8]) {
    let form = RUNTIME.block_on(slack_web::form::<SlashCommand>(Bytes::copy_from_slice(data)));
    if let Some(command) = form {
        bounded(&inbound::command(command), data, 8);
    }
}

/// A frame of Socket Mode.
pub fn slack_socket(data: &[u8]) {
    bounded(&envelope::read(&String::from_utf8_lossy(data)), data, 8);
}

/// A click on a button of ours; none that can be made up is granted.
pub fn mattermost_action(data: &[u8]) {
    assert_eq!(post(&MATTERMOST, "/mattermost/actions", &[], data), StatusCode::OK);
    nothing_is_granted();
    let written = String::from_utf8_lossy(data);
    if let Ok(press) = written.parse::<Press>() {
        assert_eq!(press.to_string().parse::<Press>().as_ref(), Ok(&press), "a press is what it is written as");
    }
}

/// A slash command, from whoever does not know the token.
pub fn mattermost_command(data: &[u8]) {
    assert_eq!(post(&MATTERMOST, "/mattermost/command", &[], data), StatusCode::UNAUTHORIZED);
    bounded(&Command::parse(&String::from_utf8_lossy(data)), data, 8);
}

/// An answer to a dialog of ours; none that can be made up is granted.
pub fn mattermost_dialog(data: &[u8]) {
    assert_eq!(post(&MATTERMOST, "/mattermost/dialogs", &[], data), StatusCode::OK);
    nothing_is_granted();
}

/// A frame of Mattermost's WebSocket, up to whom a post speaks to.
pub fn mattermost_socket(data: &[u8]) {
    let Ok(frame) = Frame::read(&String::from_utf8_lossy(data)) else { return };
    let me = serde_json::from_str(r#"{"id": "bot", "username": "holmes"}"#).expect("a user");
    if let Some(Posted { post, channel_type, .. }) = frame.posted() {
        bounded(&addressed(&post, &channel_type, &me), data, 8);
    }
}

/// Slack's signature and its time, Mattermost's grant and trigger, in three lines: none that can be made up is good.
pub fn signature(data: &[u8]) {
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    let [first, second, body] = [0; 3].map(|_| lines.next().unwrap_or_default());
    let headers = [("x-slack-signature", first), ("x-slack-request-timestamp", second)];
    let status = post(&SLACK, "/slack/events", &headers, body);
    assert!([StatusCode::UNAUTHORIZED, StatusCode::IM_A_TEAPOT].contains(&status), "taken with {status}");
    let (first, second) = (String::from_utf8_lossy(first), String::from_utf8_lossy(second));
    assert!(Sealer::new(&"secret".into()).open(&first, now()).is_err(), "a grant was forged");
    if let Some(key) = SigningKey::read(&second) {
        let _ = key.open(&first);
    }
}

/// A runbook in Markdown with its front matter.
pub fn runbook(data: &[u8]) {
    bounded(&source::read("runbook.md", &String::from_utf8_lossy(data), Origin::Directory), data, 64);
}

/// The predecessor's runbooks, in YAML.
pub fn predecessor(data: &[u8]) {
    bounded(&source::read("runbooks.yaml", &String::from_utf8_lossy(data), Origin::Directory), data, 64);
}

/// A policy.
pub fn policy(data: &[u8]) {
    bounded(&Policy::read("policy.yaml", &String::from_utf8_lossy(data)), data, 64);
}

/// VictoriaLogs' answer, in pieces whose size is the first byte.
pub fn logs(data: &[u8]) {
    static FIELDS: LazyLock<FieldSet> = LazyLock::new(|| {
        let names = ["kubernetes.pod_namespace", "kubernetes.pod_name", "kubernetes.container_name", "level"];
        FieldSet::detect(names.into_iter()).expect("known fields")
    });
    let read = holmes_bot::adapters::logs::read::read(answer(data), &FIELDS, MAX_LOG_BYTES, None);
    if let Ok(read) = RUNTIME.block_on(read) {
        assert!(read.lines.len() <= read.rows && read.rows <= data.len());
        let bytes: usize = read.lines.iter().map(|line| line.message.len() + line.stream.len()).sum();
        assert!(bytes <= 2 * data.len(), "{} bytes became {bytes}", data.len());
    }
}

/// Prometheus' answer, in pieces whose size is the first byte.
pub fn metrics(data: &[u8]) {
    let read = metrics::stream::read(answer(data), Top::new(8, Vec::new(), Worst::High), MAX_METRICS_BYTES);
    if let Ok(read) = RUNTIME.block_on(read) {
        assert!(read.series.len() <= 8 && read.total <= data.len());
        assert!(read.series.iter().flat_map(|series| &series.points).all(|(_, value)| value.is_finite()));
    }
}

/// A model's answer, in pieces whose size is the first byte: prose, a document or calls by the second.
pub fn model(data: &[u8]) {
    let expect = match data.get(1).map_or(0, |byte| byte % 3) {
        0 => Expect::Text,
        1 => Expect::Json { name: "answer", schema: serde_json::json!({"type": "object"}) },
        _ => Expect::Tools(specs(Available { metrics: true, logs: true, kubernetes: true, notes: true })),
    };
    let assembly = reply::Assembly::new(&expect, 3, data.first().is_some_and(|byte| byte % 2 == 0));
    let later = tokio::time::Instant::now() + std::time::Duration::from_secs(600);
    let long = std::time::Duration::from_secs(600);
    let limits = stream::Limits { deadline: later, idle: long, enough: later, written: long };
    let mut shown = 0;
    let mut on_text = |text: &str| shown += text.len();
    let read = RUNTIME.block_on(stream::read(answer(data), assembly, &expect, limits, || false, &mut on_text));
    match read {
        Ok(read) => bounded(&read.assembled, data, 64),
        Err(ModelError::Garbage { seen }) => assert!(seen.len() <= 600, "{} bytes to say it", seen.len()),
        Err(error) => bounded(&error, data, 64),
    }
    assert!(shown <= 3 * data.len(), "{} bytes showed {shown}", data.len());
}

/// Calls and documents in a model's text, whole and as it grows.
pub fn repair(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let reading = repair::calls(&text);
    assert!(reading.text.len() <= text.len());
    for call in &reading.calls {
        let _ = Tool::parse(&call.name, &serde_json::Value::Object(call.arguments.clone()));
    }
    bounded(&reading, data, 64);
    bounded(&repair::json(&text), data, 64);
    let mut growing = GrowingText::default();
    let mut shown = None;
    let mut rest = &*text;
    while let Some(next) = rest.chars().next() {
        let (piece, behind) = rest.split_at(next.len_utf8());
        shown = growing.push(piece, "answer").or(shown);
        rest = behind;
    }
    assert!(shown.is_none_or(|shown: String| shown.len() <= 3 * text.len()));
}

/// Log lines of a Window and, behind an empty line, of its Baseline.
pub fn patterns(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (window, baseline) = text.split_once("\n\n").unwrap_or((&text, ""));
    let range = |hours| Window::new(now() - TimeDelta::hours(hours), now() - TimeDelta::hours(hours - 1));
    let batch = |text: &str, range: Window| {
        let line = |(at, line): (usize, &str)| LogLine {
            time: range.from + TimeDelta::milliseconds(i64::try_from(at).unwrap_or(0) % 3_600_000),
            stream: format!("pod-{}/app", at % 3),
            message: line.to_owned(),
            level: None,
        };
        LogBatch { lines: text.lines().enumerate().map(line).collect(), cut: false, query: String::new() }
    };
    let (now, before) = (range(1), range(25));
    let (window, baseline) = (batch(window, now), batch(baseline, before));
    let found = summarise((&window, now), Some((&baseline, before)));
    assert!(found.patterns.len() <= MAX_PATTERNS);
    assert!(found.patterns.iter().all(|pattern| pattern.example.len() <= MAX_EXAMPLE_BYTES + 3));
}

/// Text that may hold secrets, as text and as JSON. What is clean stays so.
pub fn redact(data: &[u8]) {
    static REDACTOR: LazyLock<Redactor> = LazyLock::new(Redactor::new);
    let text = String::from_utf8_lossy(data);
    let clean = REDACTOR.redact(&text);
    assert!(clean.len() <= 16 * text.len() + 64, "{} bytes became {}", text.len(), clean.len());
    if let Ok(mut value) = serde_json::from_str::<serde_json::Value>(&text) {
        REDACTOR.redact_json(&mut value);
        bounded(&value, data, 64);
    }
}

/// Markdown of a model or a runbook, as Slack, Mattermost, the console and a plain text show it.
pub fn markdown(data: &[u8]) {
    let markdown = String::from_utf8_lossy(data);
    for section in mrkdwn::sections(&mrkdwn::lines(&markdown)) {
        assert!(section.encode_utf16().count() <= SLACK_SECTION, "a section is too long");
        assert!(!section.contains("<!") && !section.contains("<@"), "somebody is called: {section}");
    }
    for piece in text::pieces(&text::inert(&markdown)) {
        assert!(piece.chars().count() <= text::MAX_POST_CHARS, "a post is too long");
    }
    for breaks in [Breaks::Soft, Breaks::Hard] {
        let html = html_of(&markdown, breaks);
        assert!(!html.contains("<script"), "a script came through: {html}");
        assert!(html.len() <= 64 * markdown.len() + 1024, "{} bytes became {}", markdown.len(), html.len());
    }
    assert!(text_of(&markdown).len() <= 4 * markdown.len() + 64);
}

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime")
});

static DATA: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a directory"));

static STORE: LazyLock<Arc<EmbeddedStore>> =
    LazyLock::new(|| Arc::new(EmbeddedStore::open(DATA.path()).expect("a store")));

static MATTERMOST: LazyLock<Router> = LazyLock::new(|| {
    let client = ClientSettings::default();
    // Nobody listens there.
    let endpoint = EndpointSettings { url: "http://127.0.0.1:9".into(), client, ..EndpointSettings::default() };
    let settings = MattermostSettings {
        endpoint,
        callback_url: "http://127.0.0.1:9".into(),
        sealer: Sealer::new(&"secret".into()),
        clock: clock(),
    };
    mattermost_web::routes(mattermost_web::Mattermost {
        hearing: hears(),
        counters: Arc::new(Counters::default()),
        render: renderer(),
        client: Arc::new(Mattermost::new(settings).expect("a client")),
        refusals: refusals(),
        command_tokens: vec![SecretString::from("a token that nobody guesses")],
    })
});

static SLACK: LazyLock<Router> = LazyLock::new(|| {
    // Nobody listens there, either.
    let settings = SlackSettings { api_url: "http://127.0.0.1:9".into(), bot_token: "xoxb-nobody".to_owned().into() };
    let receiver = Receiver::new(&settings, hears(), Arc::new(|_| String::new())).expect("a client");
    slack_web::routes(slack_web::SlackWeb {
        receiver: Arc::new(receiver),
        clock: clock(),
        signing_secret: SecretString::from("a secret that nobody guesses"),
        refusals: refusals(),
    })
});

fn hears() -> Hearing {
    hearing(STORE.clone(), clock(), renderer())
}

fn renderer() -> Arc<Renderer> {
    Arc::new(Renderer::new(Language::English, Vec::new()).expect("the texts that are built in"))
}

fn refusals() -> Arc<Refusals> {
    Arc::new(Refusals::new(STORE.clone(), clock()))
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
}

fn clock() -> Clock {
    Arc::new(now)
}

/// The status with which `routes` answer; a teapot's where HTTP itself refuses the headers.
fn post(routes: &Router, path: &str, headers: &[(&'static str, &[u8])], body: &[u8]) -> StatusCode {
    let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let Ok(request) = request.body(Body::from(body.to_vec())) else { return StatusCode::IM_A_TEAPOT };
    RUNTIME.block_on(routes.clone().oneshot(request)).expect("routes do not fail").status()
}

/// Mattermost is told 200 whether it is granted or not; what is granted is in the inbox.
fn nothing_is_granted() {
    let inbox = RUNTIME.block_on(STORE.inbox()).expect("the inbox");
    assert_eq!(inbox.waiting, 0, "something that was made up was granted");
}

/// An answer of a neighbour that comes in pieces.
fn answer(data: &[u8]) -> reqwest::Response {
    let (size, body) = data.split_first().map_or((1, data), |(size, body)| (1 + usize::from(*size), body));
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> = body.chunks(size).map(|piece| Ok(piece.to_vec())).collect();
    let body = reqwest::Body::wrap_stream(futures::stream::iter(pieces).boxed());
    Response::new(body).into()
}

/// What was understood takes no more than `times` the bytes of which it was made, and a little.
fn bounded(understood: &impl std::fmt::Debug, data: &[u8], times: usize) {
    let size = format!("{understood:?}").len();
    assert!(size <= times * data.len() + 8192, "{} bytes became {size}", data.len());
}
