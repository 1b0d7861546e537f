//! Metrics against a real VictoriaMetrics, and against servers that are not what they should be.

use chrono::{DateTime, TimeDelta, Utc};
use holmes_bot::adapters::http::{Auth, HttpError};
use holmes_bot::adapters::metrics::{LimitSpec, Metrics, MetricsError, MetricsSettings, Product, QuerySpec};
use holmes_bot::domain::query_template::{Language, fill};
use holmes_bot::domain::query_variables::Variables;
use holmes_bot::domain::subject::{Subject, SubjectKind};
use holmes_bot::domain::unit::Unit;
use holmes_bot::domain::window::Window;

use crate::fakes;
use crate::neighbours::VictoriaMetrics;

const MIB: f64 = 1024.0 * 1024.0;

fn metrics(url: &str) -> Metrics {
    let mut settings = fakes::settings(url);
    settings.client.total_timeout = Some(std::time::Duration::from_secs(20));
    Metrics::new(MetricsSettings { endpoint: settings, ..Default::default() }).unwrap()
}

fn quick(url: &str) -> Metrics {
    Metrics::new(MetricsSettings { endpoint: fakes::settings(url), ..Default::default() }).unwrap()
}

/// A full minute a little ago, so that points fall where tests expect them.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(Utc::now().timestamp() / 600 * 600, 0).unwrap()
}

fn spec(query: String) -> QuerySpec {
    QuerySpec { title: "memory".into(), query, unit: Unit::Bytes, limit: None, threshold: None }
}

#[tokio::test]
async fn a_chart_says_what_was_written() {
    let server = VictoriaMetrics::start().await;
    let end = now();
    let mut lines = String::new();
    // Four hours of 100 MiB; in the last 20 minutes the first pod grows by 10 MiB a minute.
    for minute in 0..=240 {
        let at = (end - TimeDelta::minutes(240 - minute)).timestamp_millis();
        let grown = (minute - 220).max(0) as f64 * 10.0;
        for (pod, value) in [("web-7464b59bfd-6rjrg", 100.0 + grown), ("web-7464b59bfd-fn5lc", 100.0), ("db-0", 900.0)]
        {
            let labels = format!("namespace=\"shop\",pod=\"{pod}\",container=\"app\"");
            lines += &format!("container_memory_working_set_bytes{{{labels}}} {} {at}\n", value * MIB);
            lines +=
                &format!("kube_pod_container_resource_limits{{{labels},resource=\"memory\"}} {} {at}\n", 512.0 * MIB);
        }
    }
    server.import(lines).await;

    let subject = Subject::new(SubjectKind::Deployment, Some("shop".into()), "web".into());
    let filled = |template| fill(template, &Variables::of(&subject), Language::PromQl).unwrap();
    let spec = QuerySpec {
        limit: Some(LimitSpec::Query(filled(
            r#"kube_pod_container_resource_limits{namespace="{{ namespace }}",pod=~"{{ pods }}",resource="memory"}"#,
        ))),
        ..spec(filled(
            r#"sum by (pod) (container_memory_working_set_bytes{namespace="{{ namespace }}",pod=~"{{ pods }}"})"#,
        ))
    };
    let window = Window::new(end - TimeDelta::minutes(30), end);
    let baseline = Window::new(end - TimeDelta::minutes(60), end - TimeDelta::minutes(30));
    let metrics = metrics(server.url());
    let chart = metrics.chart_data(&spec, window, baseline, TimeDelta::minutes(1)).await.unwrap();

    let names: Vec<&str> = chart.lines.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["web-7464b59bfd-6rjrg", "web-7464b59bfd-fn5lc"]);
    assert_eq!((chart.folded, chart.partial), (0, false));
    assert_eq!(chart.lines[0].points.len(), 31);
    assert_eq!(chart.lines[0].points.last(), Some(&(end.timestamp_millis(), 300.0 * MIB)));
    let limit = chart.limit.unwrap();
    assert_eq!((limit.label.as_str(), limit.value), ("limit", 512.0 * MIB));
    let summary = chart.summary.unwrap();
    assert_eq!((summary.now, summary.peak, summary.peak_at), (300.0 * MIB, 300.0 * MIB, end));
    assert_eq!(summary.baseline, Some(100.0 * MIB));
    assert!((summary.ratio_to_limit.unwrap() - 300.0 / 512.0).abs() < 1e-9);
    assert!(summary.trend_per_second.unwrap() > 0.0);
}

#[tokio::test]
async fn gaps_stay_gaps_and_what_is_no_number_is_no_point() {
    let server = VictoriaMetrics::start().await;
    let end = now();
    let at = |minute: i64| (end - TimeDelta::minutes(minute)).timestamp_millis();
    server.import(format!("m 1 {}\nm 1 {}\nm 2 {}\n", at(60), at(59), at(10))).await;
    let window = Window::new(end - TimeDelta::minutes(60), end);
    let answer =
        metrics(server.url()).query_range("last_over_time(m[1m])", window, TimeDelta::minutes(1)).await.unwrap();
    let points = &answer.series[0].points;
    assert!(points.len() < 10, "{points:?}");
    assert!(points.windows(2).any(|pair| pair[1].0 - pair[0].0 >= 40 * 60_000), "{points:?}");
    let answer = metrics(server.url()).query("vector(1) / 0", None).await.unwrap();
    assert_eq!((answer.series.len(), answer.total), (0, 0));
}

#[tokio::test]
async fn ten_thousand_series_leave_a_charts_worth() {
    let server = VictoriaMetrics::start().await;
    let end = now();
    let mut lines = String::new();
    for pod in 0..10_000 {
        // What is highest now was lowest before.
        for (minute, value) in [(45, pod), (5, 10_000 - pod)] {
            for second in [0, 30] {
                let at = (end - TimeDelta::minutes(minute) + TimeDelta::seconds(second)).timestamp_millis();
                lines += &format!("many{{pod=\"p{pod:04}\",namespace=\"shop\"}} {value} {at}\n");
            }
        }
    }
    server.import(lines).await;
    let window = Window::new(end - TimeDelta::minutes(10), end);
    let baseline = Window::new(end - TimeDelta::minutes(50), end - TimeDelta::minutes(40));
    let metrics = metrics(server.url());
    let answer = metrics.query_range("many", window, TimeDelta::seconds(30)).await.unwrap();
    assert_eq!((answer.total, answer.series.len(), answer.cut), (10_000, 64, false));
    let chart = metrics.chart_data(&spec("many".into()), window, baseline, TimeDelta::seconds(30)).await.unwrap();
    assert_eq!((chart.lines.len(), chart.folded, chart.lines[0].name.as_str()), (8, 9_992, "p0000"));
    let summary = chart.summary.unwrap();
    assert_eq!((summary.peak, summary.baseline), (10_000.0, Some(0.0)));
}

#[tokio::test]
async fn links_lead_to_the_page_that_the_server_has() {
    let window = Window::new(now() - TimeDelta::hours(1), now());
    let page = |path: &'static str, build: &'static str| {
        axum::Router::new()
            .route("/x/api/v1/status/buildinfo", axum::routing::get(move || async move { build }))
            .route(path, axum::routing::get(|| async { "<!doctype html><title>ui</title>" }))
    };
    let prometheus = r#"{"status":"success","data":{"version":"3.5.0","revision":"x","goVersion":"go1.24"}}"#;
    for (router, version, link) in [
        (page("/x/vmui/", r#"{"status":"success","data":{"version":"2.24.0"}}"#), None, Some("/x/vmui/#/?g0.expr=up&")),
        (page("/x/none/", r#"{"status":"success","data":{}}"#), None, None),
        (page("/x/none/", prometheus), Some("v3.5.0"), Some("/x/graph?g0.expr=up&")),
    ] {
        let fake = fakes::Fake::start(router).await;
        let metrics = quick(&format!("{}/x/", fake.url()));
        assert_eq!(metrics.server().await.unwrap().version.as_deref(), version);
        let found = metrics.link("up", &window).await.map(|found| found.replace(&fake.url(), ""));
        match link {
            Some(start) => assert!(found.as_deref().is_some_and(|found| found.starts_with(start)), "{found:?}"),
            None => assert_eq!(found, None),
        }
    }
}

#[tokio::test]
async fn a_refused_query_keeps_the_servers_words() {
    let server = VictoriaMetrics::start().await;
    for query in ["nosuchfunc(up)", "sum(up"] {
        let error = metrics(server.url()).query(query, None).await.unwrap_err();
        assert!(
            matches!(&error, MetricsError::BadQuery(text) if text.contains(query.trim_end_matches(')'))),
            "{error}"
        );
    }
    let far = Window::new(now() - TimeDelta::days(30), now());
    let error = metrics(server.url()).query_range("vector(1)", far, TimeDelta::seconds(1)).await.unwrap_err();
    assert!(matches!(error, MetricsError::BadQuery(_)), "{error}");
}

#[tokio::test]
async fn the_check_of_a_good_server_and_of_an_empty_one() {
    let empty = VictoriaMetrics::start().await;
    let lines = metrics(empty.url()).check().await;
    assert!(lines[0].ok && lines[0].detail.starts_with("VictoriaMetrics"), "{lines:?}");
    assert!(!lines[1].ok && lines[1].detail.starts_with("no `up`"), "{lines:?}");
    let good = VictoriaMetrics::start().await;
    good.import(format!("up{{job=\"x\"}} 1 {}\n", Utc::now().timestamp_millis())).await;
    let metrics = metrics(good.url());
    let lines = metrics.check().await;
    assert!(lines.iter().all(|line| line.ok), "{lines:?}");
    assert_eq!(lines[1].detail, "1 scrape targets report");
    assert_eq!(metrics.server().await.unwrap().product, Product::VictoriaMetrics);
}

#[tokio::test]
async fn credentials_are_asked_for_and_used() {
    let server = VictoriaMetrics::start_with(&["-httpAuth.username=bot", "-httpAuth.password=p@ss"]).await;
    let lines = quick(server.url()).check().await;
    assert_eq!((lines.len(), lines[0].mend.as_str()), (1, "set the user and password, or the token"));
    let mut settings = MetricsSettings { endpoint: fakes::settings(server.url()), ..Default::default() };
    settings.endpoint.auth = Auth::Basic { user: "bot".into(), password: "p@ss".into() };
    assert!(Metrics::new(settings).unwrap().query("vector(1)", None).await.is_ok());
}

#[tokio::test]
async fn wrong_addresses_are_explained() {
    let vmselect = "unsupported URL format for path \"/api/v1/query\". Make sure you're using cluster\n";
    for (fake, detail, mend) in [
        (fakes::login_page().await, "an HTML page \"Sign in\": is this the right URL?", "not the page behind a login"),
        (fakes::unauthorized().await, "refused our credentials", "set the user and password"),
        (fakes::hanging().await, "did not answer within", "overloaded"),
        (fakes::answering(400, vmselect).await, "has no Prometheus API", "/select/0/prometheus"),
        (fakes::answering(404, "404 page not found\n").await, "has no Prometheus API", "up to before /api/v1"),
        (fakes::answering(200, "OK").await, "`OK`: is this the right URL?", "not the page behind a login"),
        (fakes::answering(503, r#"{"status":"error","error":"no vmstorage"}"#).await, "no vmstorage", "server's log"),
        (fakes::redirecting("https://login.example/").await, "redirects to https://login.example", "behind a login"),
    ] {
        let lines = quick(&fake.url()).check().await;
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert!(!line.ok && line.detail.contains(detail) && line.mend.contains(mend), "{line:?}");
    }
}

#[tokio::test]
async fn an_answer_that_stops_in_the_middle_is_an_error_and_partial_ones_say_so() {
    let start = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"]]},"#;
    let fake = fakes::stuck_after(start).await;
    let window = Window::new(now() - TimeDelta::minutes(5), now());
    let error = quick(&fake.url()).query_range("m", window, TimeDelta::seconds(15)).await.unwrap_err();
    assert!(matches!(error, MetricsError::Http(HttpError::Broken { .. })), "{error}");
    let partial = r#"{"status":"success","isPartial":true,"data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"8"]]}]}}"#;
    let fake = fakes::answering(200, partial).await;
    let chart = quick(&fake.url()).chart_data(&spec("m".into()), window, window, TimeDelta::seconds(15)).await.unwrap();
    assert!(chart.partial);
    assert_eq!(chart.lines[0].name, "memory");
}
