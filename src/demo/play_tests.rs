//! Playing: order, times, retries.

use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::post;

use super::*;
use crate::demo::testing::http_client;
use crate::demo::{Timeline, World, start};

type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// A receiver that fails the first requests with these codes and keeps what it accepts.
async fn receiver(codes: Vec<u16>) -> (Receiver, Seen) {
    let seen = Seen::default();
    let codes = Arc::new(Mutex::new(codes.into_iter()));
    let handler = |State((seen, codes)): State<(Seen, Arc<Mutex<std::vec::IntoIter<u16>>>)>, request: Request| async move {
        let code = codes.lock().unwrap().next().unwrap_or(200);
        let auth =
            request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
        seen.lock().unwrap().push((auth, String::from_utf8(body.to_vec()).unwrap()));
        StatusCode::from_u16(code).unwrap()
    };
    let router = axum::Router::new().route("/webhook", post(handler)).with_state((seen.clone(), codes));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (Receiver { url, bearer_token: Some("secret".to_owned()) }, seen)
}

#[tokio::test]
async fn at_once_everything_is_delivered_in_order() {
    let running = start(World::built_in().unwrap(), Timeline::at_once()).await.unwrap();
    let (receiver, seen) = receiver(Vec::new()).await;
    let mut reports = Vec::new();
    running.player().play(&http_client(), &receiver, |progress| reports.push(progress)).await;
    let seen = seen.lock().unwrap().clone();
    assert_eq!((seen.len(), reports.len()), (40, 40));
    assert!(seen.iter().all(|(auth, body)| auth == "Bearer secret" && body.ends_with('\n') && !body.contains('&')));
    assert_eq!((reports[39].index, reports[39].total, reports[39].delivery.clone()), (40, 40, Delivery::Accepted));
    assert_eq!(reports[0].summary, "firing KubePodNotScheduled in shop: 6 firing, 0 resolved");
    let bodies: Vec<&String> = seen.iter().map(|(_, body)| body).collect();
    let sent: Vec<String> = running.player().notifications.iter().map(|one| body(&one.body)).collect();
    assert_eq!(bodies, sent.iter().collect::<Vec<_>>());
    assert!(bodies[0].contains("\"endsAt\":\"0001-01-01T00:00:00Z\""));
    running.stop().await;
}

#[tokio::test]
async fn a_failing_receiver_is_tried_again_and_a_refusing_one_is_not() {
    let mut world = World::built_in().unwrap();
    world.notifications.truncate(2);
    let running = start(world, Timeline::at_once()).await.unwrap();
    let (receiver, seen) = receiver(vec![503, 500, 200, 400]).await;
    let mut reports = Vec::new();
    running.player().play(&http_client(), &receiver, |progress| reports.push(progress)).await;
    assert_eq!(
        reports.iter().map(|report| (report.delivery.clone(), report.attempts)).collect::<Vec<_>>(),
        [(Delivery::Accepted, 3), (Delivery::Refused(400), 1)]
    );
    assert_eq!(seen.lock().unwrap().len(), 4);
    assert_eq!(running.player().known().len(), 1, "only what was accepted was delivered");
}

#[tokio::test]
async fn played_fast_the_offsets_shrink() {
    let mut world = World::built_in().unwrap();
    world.notifications.truncate(3);
    let recorded = world.notifications[2].received_at - world.notifications[0].received_at;
    let speed = recorded.num_milliseconds() as f64 / 300.0;
    let began = std::time::Instant::now();
    let running = start(world, Timeline::at_speed(speed).unwrap()).await.unwrap();
    let (receiver, seen) = receiver(Vec::new()).await;
    running.player().play(&http_client(), &receiver, |_| {}).await;
    assert!(began.elapsed() >= Duration::from_millis(280), "{:?}", began.elapsed());
    assert_eq!(seen.lock().unwrap().len(), 3);
    assert!(running.player().clock.visible_until() <= Utc::now());
}

#[tokio::test]
async fn what_is_cured_is_told_as_resolved_once() {
    let running = start(World::built_in().unwrap(), Timeline::at_once()).await.unwrap();
    running.hurry_controllers();
    let (receiver, seen) = receiver(Vec::new()).await;
    let mut player = running.player();
    // Until shortly after the alerts of the checkout were sent for the first time.
    player.notifications.truncate(13);
    player.play(&http_client(), &receiver, |_| {}).await;
    seen.lock().unwrap().clear();
    player.resolve_cured(&http_client(), &receiver, |_| {}).await;
    assert!(seen.lock().unwrap().is_empty(), "nothing was cured yet");
    running.access.token("admin", "admin");
    running.access.grant("admin", vec![crate::demo::Rule::all()]);
    let url = format!("{}/apis/apps/v1/namespaces/shop/deployments/checkout", running.neighbours.kubernetes_url);
    let limit = r#"{"spec":{"template":{"spec":{"containers":[{"name":"checkout","resources":{"limits":{"memory":"256Mi"}}}]}}}}"#;
    let patch =
        http_client().patch(url).bearer_auth("admin").header("content-type", "application/strategic-merge-patch+json");
    assert!(patch.body(limit).send().await.unwrap().status().is_success());
    player.resolve_cured(&http_client(), &receiver, |_| {}).await;
    player.resolve_cured(&http_client(), &receiver, |_| {}).await;
    let bodies: Vec<Value> = seen.lock().unwrap().iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect();
    let told: Vec<(&str, &str, usize)> = bodies
        .iter()
        .map(|body| {
            let alerts = body["alerts"].as_array().unwrap();
            let ended = alerts.iter().filter(|alert| alert["status"] == "resolved").count();
            (body["groupLabels"]["alertname"].as_str().unwrap(), body["status"].as_str().unwrap(), ended)
        })
        .collect();
    assert_eq!(told, [("KubeContainerOOMKilled", "resolved", 2), ("KubePodCrashLooping", "firing", 2),]);
}
