//! Logs against a fake that behaves as the recorded servers did, and, where `VICTORIALOGS_URL` is set, against a real one.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use holmes_bot::adapters::http::build_client;
use holmes_bot::adapters::logs::{Filter, LogFields, LogSelector, Logs, LogsError, LogsSettings, Pods};
use holmes_bot::domain::window::Window;
use serde_json::{Value, json};

use crate::fakes;
use crate::fakes_logs::{FakeLogs, Order};
use crate::neighbours::VictoriaMetrics;

fn logs(url: &str) -> Logs {
    Logs::new(LogsSettings { endpoint: fakes::settings(url), ..Default::default() }).unwrap()
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(Utc::now().timestamp(), 0).unwrap()
}

fn row(second: i64, pod: &str, message: &str) -> Value {
    let time = (now() - TimeDelta::seconds(second)).to_rfc3339_opts(SecondsFormat::Nanos, true);
    json!({
        "_time": time, "_msg": message, "kubernetes.pod_namespace": "shop", "kubernetes.pod_name": pod,
        "kubernetes.container_name": "app", "kubernetes.pod_labels.app": "web", "level": "info",
    })
}

fn selector() -> LogSelector {
    LogSelector { namespace: Some("shop".into()), pods: Pods::Matching("web-[a-z0-9]+".into()), ..Default::default() }
}

fn last_hour() -> Window {
    Window::new(now() - TimeDelta::hours(1), now() + TimeDelta::seconds(1))
}

#[tokio::test]
async fn the_newest_lines_in_order_whatever_order_they_come_in() {
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let rows = (0..100).map(|second| row(second, "web-1", &format!("line {second}"))).collect();
        let fake = FakeLogs::start(rows, order).await;
        let batch = logs(&fake.url()).lines(&selector(), last_hour(), 10).await.unwrap();
        let messages: Vec<&str> = batch.lines.iter().map(|line| line.message.as_str()).collect();
        assert_eq!((messages.first(), messages.last(), messages.len()), (Some(&"line 9"), Some(&"line 0"), 10));
        assert!(batch.cut);
        assert_eq!((batch.lines[0].stream.as_str(), batch.lines[0].level.as_deref()), ("web-1/app", Some("info")));
        let all = logs(&fake.url()).lines(&selector(), last_hour(), 1000).await.unwrap();
        assert_eq!((all.lines.len(), all.cut), (100, false));
        assert_eq!(all.query, r#"kubernetes.pod_namespace:="shop" kubernetes.pod_name:~"^(?:web-[a-z0-9]+)$""#);
    }
}

#[tokio::test]
async fn what_came_in_time_is_kept() {
    let fake = fakes::stuck_after(
        "{\"_time\":\"2026-11-22T21:38:33Z\",\"_msg\":\"two\",\"ns\":\"shop\",\"pod\":\"web-1\"}\n\
         {\"_time\":\"2026-11-22T21:38:32Z\",\"_msg\":\"one\",\"ns\":\"shop\",\"pod\":\"web-1\"}\n{\"_time\":\"2026",
    )
    .await;
    let names = |name: &str| name.to_owned();
    let fields =
        LogFields { namespace: names("ns"), pod: names("pod"), container: None, level: None, message: names("_msg") };
    let settings = LogsSettings { endpoint: fakes::settings(&fake.url()), fields: Some(fields), ..Default::default() };
    let logs = Logs::new(settings).unwrap();
    let until = |milliseconds| Some(tokio::time::Instant::now() + std::time::Duration::from_millis(milliseconds));
    let batch = logs.lines_until(&selector(), last_hour(), 10, until(300)).await.unwrap();
    let messages: Vec<&str> = batch.lines.iter().map(|line| line.message.as_str()).collect();
    assert_eq!((messages, batch.cut), (vec!["one", "two"], true));

    let silent = fakes::hanging().await;
    let logs = Logs::new(LogsSettings { endpoint: fakes::settings(&silent.url()), ..Default::default() }).unwrap();
    assert!(logs.lines_until(&selector(), last_hour(), 10, until(0)).await.is_err());
}

#[tokio::test]
async fn a_bound_keeps_the_newest_end() {
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let long = "x".repeat(30_000);
        let rows = (0..350).map(|second| row(second, "web-1", &format!("{second} {long}"))).collect();
        let fake = FakeLogs::start(rows, order).await;
        let mut endpoint = fakes::settings(&fake.url());
        endpoint.client.total_timeout = Some(std::time::Duration::from_secs(20));
        let logs = Logs::new(LogsSettings { endpoint, ..Default::default() }).unwrap();
        let batch = logs.lines(&selector(), last_hour(), 1000).await.unwrap();
        assert!(batch.cut && batch.lines.len() < 300, "{}", batch.lines.len());
        assert!(batch.lines.last().unwrap().message.starts_with("0 "), "{order:?}");
    }
}

#[tokio::test]
async fn fields_are_asked_for_once_and_again_only_when_configured_otherwise() {
    let fake = FakeLogs::start(vec![row(1, "web-1", "x")], Order::NewestFirst).await;
    let logs = logs(&fake.url());
    let (selector, window) = (selector(), last_hour());
    let (one, two) = tokio::join!(logs.lines(&selector, window, 5), logs.error_lines(&selector, window, 5));
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(fake.asked("/select/logsql/field_names"), 1);
    let fields =
        LogFields { namespace: "ns".into(), pod: "pod".into(), container: None, level: None, message: "_msg".into() };
    let settings = LogsSettings {
        endpoint: fakes::settings(&fake.url()),
        fields: Some(fields),
        tenant: Some((12, 3)),
        ..Default::default()
    };
    let configured = Logs::new(settings).unwrap();
    let batch = configured.lines(&selector, window, 5).await.unwrap();
    assert!(batch.query.starts_with(r#"ns:="shop" pod:~"#), "{}", batch.query);
    assert_eq!(fake.asked("/select/logsql/field_names"), 1);
    assert_eq!(fake.tenant(), Some(("12".into(), "3".into())));
}

#[tokio::test]
async fn a_server_without_our_fields_or_without_logs_says_so() {
    let foreign = json!({ "_time": now().to_rfc3339(), "_msg": "x", "host": "n1", "app": "web" });
    let fake = FakeLogs::start(vec![foreign], Order::NewestFirst).await;
    let error = logs(&fake.url()).lines(&selector(), last_hour(), 5).await.unwrap_err();
    assert_eq!(error.to_string(), "no log field names the pods; there are: app, host");
    let fake = FakeLogs::start(vec![], Order::NewestFirst).await;
    let error = logs(&fake.url()).lines(&selector(), last_hour(), 5).await.unwrap_err();
    assert_eq!(error, LogsError::NoLogs);
    let lines = logs(&fake.url()).check(now()).await;
    assert_eq!(lines.last().map(|line| (line.ok, line.detail.as_str())), Some((false, "nothing in the last hour")));
}

#[tokio::test]
async fn the_check_and_the_servers_own_words() {
    let fake = FakeLogs::start(vec![row(1, "web-1", "x")], Order::NewestFirst).await;
    let lines = logs(&fake.url()).check(now()).await;
    assert!(lines.iter().all(|line| line.ok), "{lines:?}");
    assert_eq!(lines[0].detail, "VictoriaLogs v1.52.0");
    assert!(lines[2].detail.starts_with("detected: kubernetes.pod_namespace, "), "{lines:?}");
    let mut wrong = selector();
    wrong.filters.push(Filter::LogsQl("a | nonsense(".into()));
    let error = logs(&fake.url()).lines(&wrong, last_hour(), 5).await.unwrap_err();
    assert!(matches!(&error, LogsError::BadQuery(text) if text.starts_with("cannot parse")), "{error}");
}

#[tokio::test]
async fn wrong_addresses_are_explained() {
    for (fake, detail, mend) in [
        (fakes::login_page().await, "an HTML page \"Sign in\": is this the right URL?", "not the page behind a login"),
        (fakes::unauthorized().await, "refused our credentials", "set the user and password"),
        (fakes::hanging().await, "did not answer within", "overloaded"),
        (fakes::answering(404, "404 page not found").await, "is not VictoriaLogs", "VictoriaMetrics"),
    ] {
        let lines = logs(&fake.url()).check(now()).await;
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert!(!line.ok && line.detail.contains(detail) && line.mend.contains(mend), "{line:?}");
    }
    let metrics = VictoriaMetrics::start().await;
    let lines = logs(metrics.url()).check(now()).await;
    assert!(lines[0].detail.contains("is not VictoriaLogs") && lines[0].mend.contains("VictoriaMetrics"), "{lines:?}");
}

#[tokio::test]
async fn a_page_instead_of_rows_is_no_empty_answer() {
    let fields = LogFields {
        namespace: "namespace".into(),
        pod: "pod".into(),
        container: None,
        level: None,
        message: "_msg".into(),
    };
    let fake = fakes::login_page().await;
    let settings = LogsSettings { endpoint: fakes::settings(&fake.url()), fields: Some(fields), ..Default::default() };
    let error = Logs::new(settings).unwrap().lines(&selector(), last_hour(), 5).await.unwrap_err();
    assert!(error.to_string().contains("an HTML page \"Sign in\""), "{error}");
}

/// The same questions to a real server; its logs of this test are told apart by their namespace.
#[tokio::test]
async fn a_real_server_gives_the_same() {
    let Ok(url) = std::env::var("VICTORIALOGS_URL") else {
        eprintln!("VICTORIALOGS_URL is not set: the real VictoriaLogs is left out");
        return;
    };
    let namespace = format!("it-{}-{}", std::process::id(), now().timestamp());
    let mut body = String::new();
    for second in 0..50 {
        let message =
            if second == 7 { "java.lang.NullPointerException: \"x\" is null".into() } else { format!("line {second}") };
        let mut one = row(second, if second % 2 == 0 { "web-a" } else { "web-b.c" }, &message);
        one["kubernetes.pod_namespace"] = namespace.as_str().into();
        one["level"] = if second == 9 { "ERROR".into() } else { "info".into() };
        body += &format!("{one}\n");
        // Another collector on the same server.
        let time = one["_time"].clone();
        body += &format!(
            "{}\n",
            json!({ "_time": time, "_msg": "other", "namespace": namespace, "pod": "web-a", "container": "app" })
        );
    }
    let streams = "kubernetes.pod_namespace,kubernetes.pod_name,namespace,pod";
    let insert = format!("{url}/insert/jsonline?_stream_fields={streams}");
    let client = build_client(&Default::default()).unwrap();
    let request = client.post(insert).header("Content-Type", "application/stream+json").body(body);
    assert!(request.send().await.unwrap().status().is_success());
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;

    let logs = logs(&url);
    let of = |pods, filters| LogSelector { namespace: Some(namespace.clone()), pods, container: None, filters };
    let count = async |selector: LogSelector| logs.lines(&selector, last_hour(), 1000).await.unwrap().lines.len();
    assert_eq!(count(of(Pods::All, vec![])).await, 100);
    assert_eq!(count(of(Pods::Matching("web-a".into()), vec![])).await, 75);
    assert_eq!(count(of(Pods::Matching("web".into()), vec![])).await, 0);
    assert_eq!(count(of(Pods::Named(vec!["web-b.c".into(), "a\"b".into()]), vec![])).await, 25);
    assert_eq!(count(of(Pods::All, vec![Filter::Text("LINE 3".into())])).await, 1);
    assert_eq!(count(of(Pods::All, vec![Filter::Text("\"x\" is".into())])).await, 1);
    assert_eq!(count(of(Pods::All, vec![Filter::Errors])).await, 2);
    let newest = logs.lines(&of(Pods::Matching("web-.*".into()), vec![]), last_hour(), 4).await.unwrap();
    assert!(newest.cut && newest.lines.len() == 4);
    assert!(
        newest
            .lines
            .iter()
            .all(|line| line.message == "other" || ["line 0", "line 1"].contains(&line.message.as_str()))
    );
    let hits = logs.hits(&of(Pods::All, vec![]), last_hour(), TimeDelta::minutes(5)).await.unwrap();
    assert_eq!(hits.iter().map(|(_, count)| count).sum::<u64>(), 100);
    assert!(logs.check(now()).await.iter().all(|line| line.ok));
}
