//! A little that becomes much: bodies that unpack to hundreds of times their size, from whoever sends and from every
//! neighbour that answers.

use std::io::Write as _;
use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::fakes::Fake;
use crate::process::{PLAIN, Process, client, firing, kubeconfig};

/// What a bomb unpacks to.
const UNPACKED: usize = 1 << 30;
/// Most memory that the bot may ever need, with what a build for tests needs besides: one answer of Kubernetes may have
/// 32 MiB, and an investigation asks it a dozen questions at once.
const MOST: u64 = 640 << 20;

/// Spaces, as a gzip of a megabyte, behind a beginning as it should be: an event of a model, or JSON.
fn bomb(is_event: bool) -> Bytes {
    static BOMBS: [OnceLock<Bytes>; 2] = [OnceLock::new(), OnceLock::new()];
    let packed = || {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        let beginning = if is_event { "data: {\"x\": \"" } else { "{\"_msg\": \"" };
        packer.write_all(beginning.as_bytes()).unwrap();
        let piece = vec![b' '; 1 << 20];
        (0..UNPACKED >> 20).for_each(|_| packer.write_all(&piece).unwrap());
        Bytes::from(packer.finish().unwrap())
    };
    BOMBS[usize::from(is_event)].get_or_init(packed).clone()
}

/// Answers everything with the bomb.
async fn bomber() -> Fake {
    bomb(true);
    bomb(false);
    let answer = |request: Request| async move {
        let is_event = request.uri().path().contains("chat/completions");
        let kind = if is_event { "text/event-stream" } else { "application/json" };
        ([(header::CONTENT_TYPE, kind), (header::CONTENT_ENCODING, "gzip")], Body::from(bomb(is_event))).into_response()
    };
    Fake::start(Router::new().fallback(move |request: Request| -> futures::future::BoxFuture<'static, Response> {
        Box::pin(answer(request))
    }))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_packed_is_not_unpacked() {
    let data = tempfile::tempdir().unwrap();
    let bot = Process::serve(data.path(), PLAIN).await;
    let alert = firing("Down", "web").to_string();
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(alert.as_bytes()).unwrap();
    for (body, status) in [(Bytes::from(alert), 200), (Bytes::from(packer.finish().unwrap()), 400), (bomb(false), 400)]
    {
        for path in ["/webhook", "/api/v1/questions", "/api/v1/knowledge/notes", "/api/chat"] {
            let request = client().post(format!("{}{path}", bot.url)).header("content-type", "application/json");
            let request = if status == 200 { request } else { request.header("content-encoding", "gzip") };
            let answer = request.body(body.clone()).send().await;
            // Whoever sends more than is read may find the connection closed.
            if let (Ok(answer), "/webhook") = (answer, path) {
                assert!([status, 413].contains(&answer.status().as_u16()), "{path}: {}", answer.status());
            }
        }
    }
    bot.until("/api/v1/incidents", |list| list["incidents"].as_array().is_some_and(|all| all.len() == 1)).await;
    assert!(bot.peak_bytes() < MOST, "{} MiB", bot.peak_bytes() >> 20);
}

/// What a bot with this neighbour needed at most, having asked it what it asks.
async fn peak_with(name: &str, environment: &[(&str, &str)]) -> u64 {
    let data = tempfile::tempdir().unwrap();
    let all: Vec<(&str, &str)> =
        [("HOLMES_INVESTIGATION_DEADLINE", "20s")].into_iter().chain(environment.iter().copied()).collect();
    let bot = Process::serve(data.path(), &all).await;
    let answer = client().post(format!("{}/webhook", bot.url)).json(&firing("Down", "web")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let list = bot
        .until("/api/v1/incidents", |list| {
            list["incidents"].as_array().is_some_and(|all| all.iter().any(|incident| incident["progress"] == "done"))
        })
        .await;
    let incident = list["incidents"][0]["id"].clone();
    let question = json!({"text": "why is web down?", "incident": incident, "author": "ann"});
    client().post(format!("{}/api/v1/questions", bot.url)).json(&question).send().await.unwrap();
    client().get(format!("{}/api/v1/knowledge/search?q=web", bot.url)).send().await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    // A model is listened to for as long as it speaks.
    let path = format!("/api/v1/incidents/{}", incident.as_str().unwrap());
    bot.until(&path, |detail| detail["explanation"]["state"] != "asked").await;
    let detail = bot.get(&path).await;
    assert_eq!(detail["progress"], "done", "{name}");
    bot.peak_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_neighbours_answer_fills_the_memory() {
    let fake = bomber().await;
    let url = fake.url();
    let files = tempfile::tempdir().unwrap();
    let kubeconfig = kubeconfig(files.path(), &url, "x");
    let slack = format!("{url}/api");
    let mattermost =
        [("MATTERMOST_URL", url.as_str()), ("MATTERMOST_TOKEN", "x"), ("MATTERMOST_CHANNEL", "ops/alerts")];
    for (name, environment) in [
        ("metrics", &[("METRICS_URL", url.as_str())][..]),
        ("logs", &[("LOGS_URL", &url)]),
        ("the model", &[("LLM_BASE_URL", &url), ("LLM_MODEL", "qwen")]),
        ("the model's list", &[("LLM_BASE_URL", &url)]),
        ("Open WebUI", &[("OPENWEBUI_URL", &url), ("OPENWEBUI_TOKEN", "x")]),
        ("embeddings", &[("EMBEDDINGS_BASE_URL", &url), ("EMBEDDINGS_MODEL", "x")]),
        (
            "Slack",
            &[
                ("SLACK_BOT_TOKEN", "xoxb-x"),
                ("SLACK_APP_TOKEN", "xapp-x"),
                ("SLACK_CHANNEL", "#incidents"),
                ("SLACK_API_URL", &slack),
            ],
        ),
        ("Mattermost", &mattermost),
        ("Kubernetes", &[("KUBECONFIG", &kubeconfig)]),
    ] {
        let peak = peak_with(name, environment).await;
        assert!(peak < MOST, "{name} made the bot need {} MiB", peak >> 20);
    }
}
