//! The started world as a whole: every neighbour answers, faults bite, an empty world has nothing to say.

use std::time::Duration;

use super::*;

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap()
}

async fn get(url: &str) -> (u16, String) {
    let response = client().get(url).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn an_empty_world_has_nothing_to_say() {
    let running = start(World::empty(), Timeline::at_once()).await.unwrap();
    let Neighbours { metrics_url, logs_url, kubernetes_url } = running.neighbours.clone();
    let (status, body) = get(&format!("{metrics_url}/api/v1/query?query=up")).await;
    assert_eq!((status, body.contains("\"result\":[]")), (200, true));
    assert_eq!(get(&format!("{logs_url}/select/logsql/query?query=*")).await, (200, String::new()));
    let (status, body) = get(&format!("{kubernetes_url}/api/v1/pods")).await;
    assert_eq!((status, body.contains("\"items\":[]")), (200, true));
    assert_eq!(running.player().total(), 0);
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
    let broken = client().get(&url).send().await.unwrap();
    assert_eq!(broken.status().as_u16(), 200);
    assert!(broken.text().await.is_err());
    running.faults.set(Neighbour::Metrics, Fault::Hang);
    let hanging = client().get(&url).timeout(Duration::from_millis(200)).send().await;
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
    let hanging = tokio::spawn(client().get(&url).send());
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = std::time::Instant::now();
    running.stop().await;
    assert_eq!(hanging.await.unwrap().unwrap().status().as_u16(), 503);
    assert!(began.elapsed() < STOP_WITHIN);
    assert!(client().get(&url).send().await.is_err());
}
