//! What an operator sees: the recorded shop from alert to report, and what is left when neighbours fail.

use std::time::Duration;

use holmes_bot::demo::{Fault, Neighbour, World};
use serde_json::{Value, json};

use crate::bot::{Bot, all_done};
use crate::neighbours::Alertmanager;
use crate::process::{PLAIN, body, client, firing};

fn kind_of_cause(incident: &Value) -> &str {
    incident["cause"]["kind"].as_str().unwrap_or("none")
}

fn claim(incident: &Value) -> &str {
    incident["cause"]["claim"].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shop_is_explained() {
    let bot = Bot::in_the_shop(PLAIN).await;
    bot.play().await;
    let incidents = bot.incidents(|incidents| incidents.len() == 7 && all_done(incidents)).await;
    for (name, kind, words) in [
        ("checkout", "oom_killed", "48 MiB"),
        ("payments", "config_error", "DATABASE_URL"),
        ("catalog", "dependency_unreachable", "10.0.0.12:5432"),
        ("frontend", "dependency_unreachable", "shop/catalog"),
        ("nightly-report", "job_failed", "orders_2026"),
        ("trainer", "unschedulable", "nvidia.com/gpu"),
        ("gateway", "image_pull", "127.0.0.1:5999"),
    ] {
        let incident = incidents.iter().find(|incident| incident["subject"]["name"] == name).unwrap();
        assert_eq!(kind_of_cause(incident), kind, "{name}");
        assert!(claim(incident).contains(words), "{name}: {}", claim(incident));
    }

    let frontend = bot.investigated("frontend").await;
    assert_eq!(frontend["cause"]["about"]["name"], "catalog");
    let related: Vec<&str> =
        frontend["related"].as_array().unwrap().iter().filter_map(|other| other["relation"].as_str()).collect();
    assert_eq!(related, ["caused_by"]);
    // Every citation leads to evidence.
    let ids: Vec<&Value> = frontend["evidence"].as_array().unwrap().iter().map(|evidence| &evidence["id"]).collect();
    for finding in frontend["findings"].as_array().unwrap() {
        let cited = finding["evidence"].as_array().unwrap();
        assert!(!cited.is_empty() && cited.iter().all(|id| ids.contains(&id)), "{finding}");
    }
    assert_eq!(frontend["unavailable"], json!([]));
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_a_log_is_nowhere() {
    let bot = Bot::in_the_shop(PLAIN).await;
    bot.play().await;
    bot.incidents(|incidents| incidents.len() == 7 && all_done(incidents)).await;
    let payments = bot.investigated("payments").await;
    let text = payments.to_string();
    assert!(text.contains("settled batch"), "the line itself is shown");
    assert!(!text.contains("s3cr3t-Pa55"));
    let page =
        client().get(format!("{}/incidents/{}", bot.url, payments["id"].as_str().unwrap())).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains("DATABASE_URL") && !page.contains("s3cr3t-Pa55"));
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbours_that_fail_cost_their_own_evidence() {
    let bot = Bot::in_the_shop(&[("HOLMES_INVESTIGATION_DEADLINE", "2s")]).await;
    bot.cluster.faults.set(Neighbour::Metrics, Fault::Html);
    bot.cluster.faults.set(Neighbour::Logs, Fault::Hang);
    bot.play().await;
    bot.incidents(|incidents| incidents.len() == 7 && all_done(incidents)).await;
    let checkout = bot.investigated("checkout").await;
    assert_eq!(kind_of_cause(&checkout), "oom_killed");
    let unavailable: Vec<&str> = checkout["unavailable"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(unavailable.contains(&"metrics") && unavailable.contains(&"logs"), "{unavailable:?}");
    assert!(checkout["unavailable_reasons"]["metrics"].as_str().unwrap().contains("HTML"));
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_of_another_cluster_is_told_and_nothing_here_is_looked_at() {
    for (cluster, looked_at) in [("eu", false), ("us", true)] {
        let bot = Bot::in_the_shop(&[("HOLMES_CLUSTER", "us")]).await;
        let mut alert = firing("KubePodCrashLooping", "checkout");
        alert["alerts"][0]["labels"]["namespace"] = json!("shop");
        alert["alerts"][0]["labels"]["cluster"] = json!(cluster);
        assert_eq!(bot.deliver(&alert).await, 200);
        let incident = bot.investigated("checkout").await;
        let brought = incident["evidence"].as_array().unwrap().iter();
        let sources: Vec<&str> = brought.filter_map(|evidence| evidence["source"].as_str()).collect();
        assert_eq!(sources.contains(&"kubernetes"), looked_at, "{cluster}: {sources:?}");
        let told = "this is about cluster eu, and cluster us is looked at";
        let reasons = &incident["unavailable_reasons"];
        assert_eq!(reasons["kubernetes"] == told && reasons["metrics"] == told, !looked_at, "{cluster}: {reasons}");
        bot.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_neighbour_the_labels_still_say_something() {
    let bot = Bot::start(World::built_in().unwrap(), PLAIN, false).await;
    bot.play().await;
    bot.incidents(|incidents| incidents.len() == 7 && all_done(incidents)).await;
    let checkout = bot.investigated("checkout").await;
    assert_eq!(kind_of_cause(&checkout), "oom_killed");
    assert!(checkout["cause"]["confidence"].as_f64().unwrap() <= 0.5);
    assert_eq!(checkout["unavailable"], json!(["metrics", "logs", "kubernetes"]));
    assert!(checkout["unavailable_reasons"]["logs"].as_str().unwrap().contains("LOGS_URL"));
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_add_nothing_and_a_new_firing_reopens() {
    let bot = Bot::start(World::empty(), PLAIN, false).await;
    for _ in 0..3 {
        assert_eq!(bot.deliver(&firing("Down", "web")).await, 200);
    }
    let incidents = bot
        .incidents(|incidents| incidents.len() == 1 && incidents[0]["notifications"] == 3 && all_done(incidents))
        .await;
    assert_eq!(incidents[0]["status"], "open");
    let thread = |incident: Value| incident["thread"].as_array().unwrap().len();
    let posts = thread(bot.investigated("web").await);
    assert_eq!(bot.deliver(&firing("Down", "web")).await, 200);
    bot.incidents(|incidents| incidents[0]["notifications"] == 4).await;
    assert_eq!(thread(bot.investigated("web").await), posts, "a repeat says nothing");

    bot.deliver(&body(&[("Down", "web", "resolved")])).await;
    let incidents = bot.incidents(|incidents| incidents[0]["status"] == "resolved").await;
    assert_eq!(incidents[0]["resolved_at"], "2026-11-22T22:10:00Z");
    let mut again = firing("Down", "web");
    again["alerts"][0]["startsAt"] = json!("2026-11-22T22:20:00Z");
    bot.deliver(&again).await;
    let incidents = bot.incidents(|incidents| incidents[0]["status"] == "open").await;
    assert_eq!((incidents.len(), &incidents[0]["reopened"]), (1, &json!(1)));
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_with_a_reason_and_harms_nothing() {
    let bot = Bot::start(World::empty(), &[("HOLMES_WEBHOOK_MAX_BYTES", "131072")], false).await;
    let post = |bytes: Vec<u8>| {
        let request = client().post(format!("{}/webhook/alertmanager", bot.url)).body(bytes);
        async move {
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        }
    };
    for (bytes, status, reason) in [
        (b"{".to_vec(), 400, "not JSON"),
        (br#"{"text":"a custom payload"}"#.to_vec(), 400, "`version` is missing"),
        (vec![b' '; 131_073], 413, "HOLMES_WEBHOOK_MAX_BYTES"),
    ] {
        let (answered, text) = post(bytes).await;
        assert_eq!(answered, status, "{text}");
        assert!(text.contains(reason), "{text}");
    }
    let mut hostile = firing("\u{202E}<script>alert(1)</script> @all [x](javascript:y)", "web");
    hostile["alerts"][0]["labels"]["big"] = json!("x".repeat(64 * 1024));
    hostile["alerts"][0]["annotations"]["summary"] = json!("\u{7}<!channel> **bold**\u{0}");
    hostile["alerts"][0]["startsAt"] = json!("2031-01-01T00:00:00Z");
    assert_eq!(bot.deliver(&hostile).await, 200);
    let incident = bot.investigated("web").await;
    let page =
        client().get(format!("{}/incidents/{}", bot.url, incident["id"].as_str().unwrap())).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(!page.contains("<script>alert"), "markup of strangers is text");
    assert!(!page.contains("href=\"javascript:"));
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_is_few_incidents_and_no_alert_is_lost() {
    let bot = Bot::start(World::empty(), PLAIN, false).await;
    let names: Vec<String> = (0..10_000).map(|n| format!("app{n}")).collect();
    let alerts: Vec<(&str, &str, &str)> = names.iter().map(|name| ("Down", name.as_str(), "firing")).collect();
    assert_eq!(bot.deliver(&body(&alerts)).await, 200);
    let counted = |incidents: &[Value]| -> usize {
        let of = |incident: &Value| {
            incident["alerts"].as_array().unwrap().len() + incident["alerts_folded"].as_u64().unwrap() as usize
        };
        incidents.iter().map(of).sum()
    };
    let incidents = bot.incidents(|incidents| counted(incidents) == 10_000).await;
    assert!(incidents.len() <= 40, "{} incidents", incidents.len());
    let resolved: Vec<(&str, &str, &str)> = names.iter().map(|name| ("Down", name.as_str(), "resolved")).collect();
    bot.deliver(&body(&resolved)).await;
    bot.incidents(|incidents| incidents.iter().all(|incident| incident["status"] == "resolved")).await;
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_alertmanager_delivers_firing_repeated_and_resolved() {
    let bot = Bot::start(World::empty(), &[("HOLMES_WEBHOOK_TOKEN", "s3cret")], false).await;
    let config = format!(
        "route: {{ receiver: holmes, group_by: [alertname], group_wait: 100ms, group_interval: 1s, repeat_interval: 2s }}\n\
         receivers:\n  - name: holmes\n    webhook_configs:\n      - url: {}/webhook/alertmanager\n        send_resolved: true\n        \
         http_config: {{ authorization: {{ credentials: s3cret }} }}\n",
        bot.url
    );
    let alertmanager = Alertmanager::start(&config).await;
    let alerts = |ends: Option<&str>| {
        let alert = |pod: &str| {
            let mut alert = json!({
                "labels": {"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": pod, "severity": "critical"},
                "annotations": {"summary": "Pod is crash looping"},
            });
            if let Some(ends) = ends {
                alert["endsAt"] = json!(ends);
            }
            alert
        };
        json!([alert("web-7464b59bfd-6rjrg"), alert("web-7464b59bfd-892tq")])
    };
    let post = |alerts: Value| {
        let request = client().post(format!("{}/api/v2/alerts", alertmanager.url())).json(&alerts);
        async move { assert!(request.send().await.unwrap().status().is_success()) }
    };
    post(alerts(None)).await;
    let incidents =
        bot.incidents(|incidents| incidents.iter().any(|incident| incident["notifications"].as_u64() >= Some(2))).await;
    assert_eq!(incidents.len(), 1, "two pods of one Deployment are one incident");
    assert_eq!(incidents[0]["title"], "KubePodCrashLooping on shop/web");
    assert_eq!((&incidents[0]["firing"], &incidents[0]["severity"]), (&json!(2), &json!("critical")));

    let now = chrono::Utc::now().to_rfc3339();
    post(alerts(Some(&now))).await;
    bot.incidents(|incidents| incidents[0]["status"] == "resolved").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let thread = bot.investigated("web").await["thread"].clone();
    let count = |kind: &str| thread.as_array().unwrap().iter().filter(|post| post["kind"] == kind).count();
    assert_eq!((count("root"), count("report"), count("resolved")), (1, 1, 1));
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_has_the_token_comes_in() {
    let settings = [("HOLMES_WEBHOOK_TOKEN", "hook"), ("HOLMES_API_TOKEN", "api")];
    let bot = Bot::start(World::empty(), &settings, false).await;
    let status = |path: &'static str, token: Option<&'static str>| {
        let mut request = client().get(format!("{}{path}", bot.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        async move { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(bot.deliver(&firing("Down", "web")).await, 401);
    for path in ["/api/v1/incidents", "/"] {
        assert_eq!(status(path, None).await, 401, "{path}");
        assert_eq!(status(path, Some("hook")).await, 401, "{path}");
        assert_eq!(status(path, Some("api")).await, 200, "{path}");
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(status(path, None).await, 200, "{path}");
    }
    // The one sign of a wrong token that an operator has.
    let metrics = client().get(format!("{}/metrics", bot.url)).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains(r#"holmes_notifications_total{of="alertmanager",result="refused"} 1"#), "{metrics}");
    bot.stop().await;
}
