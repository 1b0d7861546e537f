//! The started world as a whole: every neighbour answers, faults bite, an empty world has nothing to say.

use std::time::Duration;

use serde_json::Value;

use super::testing::{http_client, readable};
use super::*;

async fn get(url: &str) -> (u16, String) {
    let response = http_client().get(url).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn an_empty_world_has_nothing_to_say() {
    let running = readable(World::empty(), Timeline::at_once()).await;
    let Neighbours { metrics_url, logs_url, kubernetes_url, .. } = running.neighbours.clone();
    let (status, body) = get(&format!("{metrics_url}/api/v1/query?query=up")).await;
    assert_eq!((status, body.contains("\"result\":[]")), (200, true));
    assert_eq!(get(&format!("{logs_url}/select/logsql/query?query=*")).await, (200, String::new()));
    let (status, body) = get(&format!("{kubernetes_url}/api/v1/pods")).await;
    assert_eq!((status, body.contains("\"items\":[]")), (200, true));
    assert_eq!(running.player().total(), 0);
    running.stop().await;
}

/// What an investigation of the shop should find is there to be found.
#[tokio::test]
async fn the_shop_tells_its_story() {
    let running = start(World::built_in().unwrap(), Timeline::at_once()).await.unwrap();
    let recorded = chrono::DateTime::parse_from_rfc3339("2026-11-22T22:54:30Z").unwrap();
    let at = (recorded + running.player().clock.shift()).timestamp().to_string();
    let metrics = |query: &'static str| {
        let url = format!("{}/api/v1/query", running.neighbours.metrics_url);
        let request = http_client().post(url).form(&[("query", query), ("time", &at)]);
        async move { request.send().await.unwrap().json::<Value>().await.unwrap()["data"]["result"].clone() }
    };
    let memory = "max(max_over_time(container_memory_working_set_bytes{namespace=\"shop\",container=\"checkout\"}[5m])) \
        / on() max(kube_pod_container_resource_limits{namespace=\"shop\",container=\"checkout\",resource=\"memory\"})";
    let used: f64 = metrics(memory).await[0]["value"][1].as_str().unwrap().parse().unwrap();
    assert!(used > 0.6, "checkout grows towards its limit as far as scrapes see it: {used}");
    let restarts =
        metrics("sum by (container) (increase(kube_pod_container_status_restarts_total{namespace=\"shop\"}[10m])) > 0")
            .await;
    let restarted: Vec<&str> =
        restarts.as_array().unwrap().iter().map(|row| row["metric"]["container"].as_str().unwrap()).collect();
    assert_eq!(restarted, ["checkout", "payments"]);
    let errors = metrics("sum(rate(nginx_ingress_controller_requests{status=~\"5..\"}[1m])) / sum(rate(nginx_ingress_controller_requests[1m]))").await;
    assert!(errors[0]["value"][1].as_str().unwrap().parse::<f64>().unwrap() > 0.5, "{errors}");
    let logs = |query: &'static str| {
        let request = http_client().post(format!("{}/select/logsql/query", running.neighbours.logs_url));
        let request = request.form(&[("query", query), ("limit", "1000")]);
        async move { request.send().await.unwrap().text().await.unwrap() }
    };
    assert!(logs("{kubernetes.pod_namespace=\"shop\"} \"DATABASE_URL\"").await.contains("KeyError"));
    let refused = logs("\"kubernetes.container_name\":=catalog \"connection refused\" | stats count() n").await;
    assert_eq!(refused, "{\"n\":\"208\"}\n");
    running.stop().await;
}

#[tokio::test]
async fn faults_bite_and_heal() {
    let running = start(World::built_in().unwrap(), Timeline::at_once()).await.unwrap();
    let url = format!("{}/api/v1/query?query=kube_pod_info", running.neighbours.metrics_url);
    let whole = get(&url).await;
    assert_eq!(whole.0, 200);
    running.faults.set(Neighbour::Metrics, Fault::Status(503));
    assert_eq!(get(&url).await.0, 503);
    running.faults.set(Neighbour::Metrics, Fault::Html);
    assert!(get(&url).await.1.starts_with("<!DOCTYPE html>"));
    running.faults.set(Neighbour::Metrics, Fault::Truncate);
    let broken = http_client().get(&url).send().await.unwrap();
    assert_eq!(broken.status().as_u16(), 200);
    assert!(broken.text().await.is_err());
    running.faults.set(Neighbour::Metrics, Fault::Hang);
    let hanging = http_client().get(&url).timeout(Duration::from_millis(200)).send().await;
    assert!(hanging.unwrap_err().is_timeout());
    assert_eq!(get(&format!("{}/health", running.neighbours.logs_url)).await.1, "OK", "the others are well");
    running.faults.clear(Neighbour::Metrics);
    assert_eq!(get(&url).await.0, 200);
}

#[tokio::test]
async fn stopping_ends_hanging_requests_and_frees_the_ports() {
    let running = start(World::empty(), Timeline::at_once()).await.unwrap();
    let url = format!("{}/health", running.neighbours.metrics_url);
    running.faults.set(Neighbour::Metrics, Fault::Hang);
    let hanging = tokio::spawn(http_client().get(&url).send());
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = std::time::Instant::now();
    running.stop().await;
    assert_eq!(hanging.await.unwrap().unwrap().status().as_u16(), 503);
    assert!(began.elapsed() < STOP_WITHIN);
    assert!(http_client().get(&url).send().await.is_err());
}
