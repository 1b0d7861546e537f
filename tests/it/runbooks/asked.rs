//! What a runbook says to read is read: its `logs` queries arrive at VictoriaLogs, and come back as evidence of its title.

use holmes_bot::demo::World;
use serde_json::json;

use crate::bot::Bot;
use crate::fakes_logs::{FakeLogs, Order};
use crate::process::firing;

const RUNBOOK: &str = r#"---
title: The shop is slow
match:
  alerts: [ShopIsSlow]
logs:
  - title: Slow payments
    query: '~"(?i)payment.*(slow|timed out)"'
  - title: The same again
    query: '~"(?i)payment.*(slow|timed out)"'
  - title: What names the workload
    query: '"{{ workload }}"'
  - title: What names a volume
    query: '"{{ pvc }}"'
  - title: Third
    query: '"third"'
  - title: Beyond the bound
    query: '"beyond"'
---

# The shop is slow

Look at the payments.
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_investigation_reads_the_lines_that_the_runbook_asks_for() {
    let row = |second: u32| {
        json!({"_time": format!("2026-11-22T22:00:{second:02}Z"), "_msg": "payment timed out", "kubernetes.pod_namespace": "ns-web",
            "kubernetes.pod_name": "web-7464b59bfd-6rjrg", "kubernetes.container_name": "app"})
    };
    let logs = FakeLogs::start((1..30).map(row).collect(), Order::NewestFirst).await;
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("shop.md"), RUNBOOK).unwrap();
    let runbooks = directory.path().display().to_string();
    let bot = Bot::start(World::empty(), &[("LOGS_URL", &logs.url()), ("HOLMES_RUNBOOKS_DIR", &runbooks)], false).await;
    bot.deliver(&firing("ShopIsSlow", "web")).await;
    let incident = bot.investigated("web").await;

    let asked = logs.queries();
    let times = |filter: &str| asked.iter().filter(|query| query.contains(filter)).count();
    let pods = r#"kubernetes.pod_namespace:="ns-web" kubernetes.pod_name:~"^(?:web-"#;
    assert!(asked.iter().all(|query| query.starts_with(pods)), "{asked:#?}");
    // Each for the Window and for the Baseline, and once where two say the same.
    assert_eq!(times(r#"(~"(?i)payment.*(slow|timed out)")"#), 2, "{asked:#?}");
    assert_eq!((times(r#"("web")"#), times(r#"("third")"#)), (2, 2), "{asked:#?}");
    assert_eq!((times("pvc"), times("beyond")), (0, 0), "{asked:#?}");

    let evidence = incident["evidence"].as_array().unwrap();
    let told = evidence.iter().find(|evidence| evidence["title"] == "Slow payments").expect("its title");
    assert_eq!(told["source"], "logs");
    let query = told["query"].as_str().unwrap();
    assert!(query.starts_with(pods) && query.ends_with(r#"(~"(?i)payment.*(slow|timed out)")"#), "{query}");
    bot.stop().await;
}
