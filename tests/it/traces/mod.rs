//! Traces and what they name: an investigation is one trace from the webhook to the chat, and a collector that fails costs
//! nothing but spans. The bot runs as its own process: what records spans is one for a process.

mod collector;
mod remedy;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use holmes_bot::adapters::cluster;
use holmes_bot::commands::demo::rules;
use holmes_bot::demo::{self, READER, Timeline, World};
use serde_json::{Value, json};

use crate::chats::out_of_memory;
use crate::fake_model::{FakeModel, Say};
use crate::fake_slack::FakeSlack;
use crate::fakes::Fake;
use crate::process::{Process, body, client, firing, kubeconfig};
use crate::wait::until;
use collector::{Collector, Mood, Span};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// Stands before a neighbour and notes the `traceparent` of each request.
struct Tap {
    fake: Fake,
    heard: Arc<Mutex<Vec<Option<String>>>>,
}

impl Tap {
    async fn before(neighbour: &str) -> Self {
        let heard: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
        let (noted, neighbour, client) = (Arc::clone(&heard), neighbour.to_owned(), client());
        let pass = move |request: Request| {
            let parent = request.headers().get("traceparent").map(|value| value.to_str().unwrap().to_owned());
            noted.lock().unwrap().push(parent);
            let (neighbour, client) = (neighbour.clone(), client.clone());
            async move { forward(&client, &neighbour, request).await }
        };
        Self { fake: Fake::start(Router::new().fallback(pass)).await, heard }
    }

    /// The spans that requests said they belong to, as trace and span.
    fn heard(&self) -> BTreeSet<(String, String)> {
        let heard = self.heard.lock().unwrap();
        let parts = heard.iter().flatten().map(|parent| parent.split('-').map(str::to_owned).collect::<Vec<_>>());
        parts
            .map(|parts| {
                assert_eq!((parts.len(), parts[0].as_str(), parts[3].as_str()), (4, "00", "01"), "{parts:?}");
                (parts[1].clone(), parts[2].clone())
            })
            .collect()
    }
}

async fn forward(client: &reqwest::Client, neighbour: &str, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let to = format!("{neighbour}{}", parts.uri);
    let mut sent = client.request(parts.method, to).body(body);
    for (name, value) in parts.headers.iter().filter(|(name, _)| *name != "host") {
        sent = sent.header(name, value);
    }
    let answer = sent.send().await.unwrap();
    let (status, kind) = (answer.status(), answer.headers().get("content-type").cloned());
    let mut answered = (status, answer.bytes().await.unwrap()).into_response();
    if let Some(kind) = kind {
        answered.headers_mut().insert("content-type", kind);
    }
    answered
}

async fn deliver(bot: &Process, body: &Value, traceparent: Option<&str>) {
    let mut request = client().post(format!("{}/webhook/alertmanager", bot.url)).json(body);
    if let Some(parent) = traceparent {
        request = request.header("traceparent", parent);
    }
    assert_eq!(request.send().await.unwrap().status(), 200);
}

/// Waits until all incidents are investigated and, where a model explains, explained.
async fn settled(bot: &Process, incidents: usize, explained: bool) {
    let list = bot.until("/api/v1/incidents?status=all", |list| {
        let all = list["incidents"].as_array().unwrap();
        all.len() == incidents && all.iter().all(|incident| incident["progress"] == "done")
    });
    for incident in list.await["incidents"].as_array().unwrap() {
        let path = format!("/api/v1/incidents/{}", incident["id"].as_str().unwrap());
        bot.until(&path, |incident| !explained || incident["explanation"]["state"] == "given").await;
    }
}

fn explaining() -> impl FnMut(&Value) -> Say + Send + 'static {
    |_| {
        let claim = |text: &str, evidence: &[&str]| json!({"text": text, "evidence": evidence});
        Say::json(json!({
            "missing": [], "established": true, "cause": claim("It ran out of memory.", &["E1"]), "confirmed": [],
            "suspected": [], "impact": claim("", &[]), "healthy": [], "next_steps": ["Look at the rollout."],
        }))
    }
}

fn of_trace<'a>(spans: &'a [Span], trace: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.trace == trace).collect()
}

fn named<'a>(spans: &[&'a Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).copied().collect()
}

/// Every parent is in the same trace, and begins before its children.
fn assert_whole(spans: &[Span], outside: &[&str]) {
    let by_id: BTreeMap<&str, &Span> = spans.iter().map(|span| (span.id.as_str(), span)).collect();
    for span in spans.iter().filter(|span| !span.parent.is_empty() && !outside.contains(&span.parent.as_str())) {
        let parent = by_id.get(span.parent.as_str()).unwrap_or_else(|| panic!("an orphan: {span:?}"));
        assert_eq!(parent.trace, span.trace, "{span:?}");
        assert!(parent.begins <= span.begins, "{} begins before {}", span.name, parent.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_investigation_is_one_trace_from_the_webhook_to_the_chat() {
    let collector = Collector::start(Mood::Takes).await;
    let cluster = demo::start(World::built_in().unwrap(), Timeline::at_once()).await.unwrap();
    cluster.access.grant(READER, rules(&cluster::PERMISSIONS));
    let (model, slack) = (FakeModel::answering(explaining()).await, FakeSlack::start().await);
    let metrics = Tap::before(&cluster.neighbours.metrics_url).await;
    let logs = Tap::before(&cluster.neighbours.logs_url).await;
    let llm = Tap::before(&model.url()).await;
    let (data, log) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
    // Of an API server that asks nobody who they are.
    let kubeconfig = kubeconfig(data.path(), &cluster.neighbours.kubernetes_url, "anybody");
    let mut environment = slack.environment();
    environment.extend([
        ("METRICS_URL", metrics.fake.url()),
        ("LOGS_URL", logs.fake.url()),
        ("LLM_BASE_URL", llm.fake.url()),
        ("LLM_EXPLAIN_TURNS", "1".to_owned()),
        ("KUBECONFIG", kubeconfig),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=bot-of-tests,k8s.cluster.name=tests".to_owned()),
        ("HOLMES_LOG", "info".to_owned()),
        ("HOLMES_LOG_FORMAT", "json".to_owned()),
    ]);
    let mut bot = Process::serve_logging(data.path(), &environment, log.path()).await;
    deliver(&bot, &out_of_memory(), Some(&format!("00-{TRACE}-{CALLER}-01"))).await;
    settled(&bot, 1, true).await;
    // What a chat shows, it shows a moment later; what was never recorded by its caller is not recorded here.
    slack
        .until("the explanation", |slack| slack.messages.iter().any(|one| one.texts().contains("ran out of memory")))
        .await;
    deliver(&bot, &firing("Unrecorded", "elsewhere"), Some(&format!("00-{}-{CALLER}-00", "1".repeat(32)))).await;
    settled(&bot, 2, true).await;
    assert_eq!(bot.terminate(), Some(0));

    let spans = collector.spans();
    assert_eq!(collector.services(), BTreeSet::from(["bot-of-tests".to_owned()]));
    assert_whole(&spans, &[CALLER]);
    let ours = of_trace(&spans, TRACE);
    for name in ["POST /webhook/alertmanager", "investigation", "analyse", "render", "explain", "chat qwen"] {
        assert_eq!(named(&ours, name).len(), 1, "{name}");
    }
    let (webhook, investigation) = (named(&ours, "POST /webhook/alertmanager")[0], named(&ours, "investigation")[0]);
    assert_eq!((webhook.parent.as_str(), &investigation.parent), (CALLER, &webhook.id));
    assert_eq!(investigation.attributes["cause"], "oom_killed", "{investigation:?}");
    let rounds = named(&ours, "gather");
    assert!(rounds.len() == 2 && rounds.iter().all(|round| round.parent == investigation.id), "{rounds:?}");
    for source in ["metrics", "logs", "kubernetes", "changes", "knowledge"] {
        let queries = named(&ours, &format!("query {source}"));
        assert!(!queries.is_empty(), "no query of {source}");
        for query in queries {
            assert!(rounds.iter().any(|round| round.id == query.parent), "{query:?}");
            assert_eq!((query.attributes["result"].as_str(), query.status), ("ok", 0), "{query:?}");
        }
    }
    assert!(investigation.ends >= rounds.iter().map(|round| round.ends).max().unwrap());
    let (explain, turn) = (named(&ours, "explain")[0], named(&ours, "chat qwen")[0]);
    assert_eq!((&explain.parent, &turn.parent), (&investigation.id, &explain.id));
    for tokens in ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"] {
        assert!(turn.attributes[tokens].parse::<u32>().unwrap() > 0, "{turn:?}");
    }
    let messages = named(&ours, "deliver to slack");
    let posts: BTreeSet<&str> = messages.iter().map(|message| message.attributes["post"].as_str()).collect();
    assert!(posts.contains("root") && posts.contains("report") && posts.len() > 3, "{posts:?}");

    // Neighbours are told the span that asks them, and it is among those that were sent.
    let ids: BTreeSet<(String, String)> = spans.iter().map(|span| (span.trace.clone(), span.id.clone())).collect();
    for (which, tap) in [("metrics", &metrics), ("logs", &logs), ("model", &llm)] {
        let heard = tap.heard();
        assert!(heard.iter().any(|(trace, _)| trace == TRACE), "{which} heard of no trace");
        assert!(heard.is_subset(&ids), "{which} heard of what was not sent: {:?}", heard.difference(&ids));
    }
    assert!(of_trace(&spans, &"1".repeat(32)).is_empty(), "its caller does not record it");

    let log = std::fs::read_to_string(log.path()).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = |words: &str| lines.iter().find(|line| line["message"].as_str().unwrap_or_default().contains(words));
    let explained = line("explained incident").unwrap();
    assert_eq!((&explained["trace_id"], &explained["span_id"]), (&json!(TRACE), &json!(explain.id)));
    assert_eq!(explained["level"], "INFO");
    assert!(line("listening on").unwrap().get("trace_id").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_header_each_investigation_is_a_trace_of_its_own() {
    let collector = Collector::start(Mood::Refuses(429)).await;
    let (data, endpoint) = (tempfile::tempdir().unwrap(), format!("{}/v1/traces", collector.url()));
    let mut bot = Process::serve(data.path(), &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &endpoint)]).await;
    deliver(&bot, &body(&[("Down", "web", "firing"), ("Down", "pay", "firing")]), None).await;
    settled(&bot, 2, false).await;
    until("a request", async || (collector.requests() > 0).then_some(())).await;
    // What was refused for a moment comes again.
    collector.becomes(Mood::Takes);
    let investigations = |spans: &[Span]| spans.iter().filter(|span| span.name == "investigation").count();
    collector.until("two investigations", |spans| investigations(spans) == 2).await;
    assert_eq!(bot.terminate(), Some(0));
    let spans = collector.spans();
    assert_whole(&spans, &[]);
    let roots: Vec<&Span> = spans.iter().filter(|span| span.parent.is_empty()).collect();
    assert!(roots.iter().all(|root| root.name == "investigation"), "{roots:?}");
    let traces: BTreeSet<&str> = roots.iter().map(|root| root.trace.as_str()).collect();
    assert_eq!((roots.len(), traces.len()), (2, 2));
    assert_eq!(collector.services(), BTreeSet::from(["holmes-bot".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_costs_nothing() {
    let gone = Fake::start(Router::new()).await;
    let nobody = gone.url();
    drop(gone);
    for mood in [Some(Mood::Refuses(500)), Some(Mood::Refuses(429)), Some(Mood::Hangs), None] {
        let collector = Collector::start(mood.unwrap_or(Mood::Takes)).await;
        let endpoint = mood.map_or_else(|| nobody.clone(), |_| collector.url());
        let (data, log) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
        let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
        let mut bot = Process::serve_logging(data.path(), &environment, log.path()).await;
        let began = Instant::now();
        deliver(&bot, &body(&[("Down", "web", "firing"), ("Down", "pay", "firing")]), None).await;
        settled(&bot, 2, false).await;
        assert!(began.elapsed() < Duration::from_secs(10), "{mood:?}: {:?}", began.elapsed());
        let stopping = Instant::now();
        assert_eq!(bot.terminate(), Some(0), "{mood:?}");
        assert!(stopping.elapsed() < Duration::from_secs(12), "{mood:?}: {:?}", stopping.elapsed());
        let log = std::fs::read_to_string(log.path()).unwrap();
        let told = log.lines().filter(|line| line.contains("send spans to") || line.contains("last spans")).count();
        assert!((1..=2).contains(&told), "{mood:?} is told once:\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_tries_the_collector() {
    for (mood, code, words) in [(Mood::Takes, true, "takes spans"), (Mood::Refuses(401), false, "401")] {
        let collector = Collector::start(mood).await;
        let endpoint = collector.url();
        let checked = tokio::task::spawn_blocking(move || {
            let mut check = std::process::Command::new(env!("CARGO_BIN_EXE_holmes-bot"));
            check.arg("check").env_clear().env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).output().unwrap()
        });
        let output = checked.await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().find(|line| line.starts_with("traces")).unwrap_or_else(|| panic!("{text}"));
        assert!(line.contains(words), "{line}");
        assert_eq!(output.status.success(), code, "{text}");
        assert!(collector.requests() > 0 && collector.spans().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_nothing_is_sent_and_the_log_still_names_the_trace() {
    let cluster = demo::start(World::built_in().unwrap(), Timeline::at_once()).await.unwrap();
    let metrics = Tap::before(&cluster.neighbours.metrics_url).await;
    let (data, log) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
    let metrics_url = metrics.fake.url();
    let environment = [
        ("METRICS_URL", metrics_url.as_str()),
        ("LOGS_URL", "http://127.0.0.1:9"),
        ("HOLMES_LOG", "info"),
        ("HOLMES_LOG_FORMAT", "json"),
    ];
    let mut bot = Process::serve_logging(data.path(), &environment, log.path()).await;
    deliver(&bot, &out_of_memory(), Some(&format!("00-{TRACE}-{CALLER}-01"))).await;
    settled(&bot, 1, false).await;
    assert_eq!(bot.terminate(), Some(0));
    assert!(!metrics.heard.lock().unwrap().is_empty() && metrics.heard().is_empty());
    let log = std::fs::read_to_string(log.path()).unwrap();
    let gap = log.lines().find(|line| line.contains("a source gave nothing")).unwrap_or_else(|| panic!("{log}"));
    let gap: Value = serde_json::from_str(gap).unwrap();
    assert_eq!(gap["trace_id"], TRACE, "{gap}");
}
