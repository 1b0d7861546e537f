//! Drains: what is shown, what a disruption budget holds back, and how a drain goes on.

use chrono::Utc;
use holmes_bot::adapters::actuator::Warning;
use holmes_bot::domain::proposal::Sight;
use serde_json::json;

use super::approval::{Approval, approve};
use super::place::Place;
use super::{action, applied, preview};

#[tokio::test]
async fn a_drain_waits_for_the_budget_and_goes_on() {
    let place = Place::fake().await;
    let (first, second) = (place.node("n1").await, place.node("n2").await);
    place.workloads().await;
    let budgets = place.path("policy/v1", "poddisruptionbudgets", "web");
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}});
    place.create(budgets.trim_end_matches("/web"), &budget).await;
    let wish = action(&place, &format!("drain node/{first}"));
    let shown = preview(&place.actuator, &wish).await;
    let diff = shown.diff.as_str();
    assert!(diff.contains("+  unschedulable: true"), "{diff}");
    let pods = diff.lines().filter(|line| line.starts_with("-Pod ")).count();
    // Two of web, two of auto, one of db, and the ended one of the Job; the DaemonSet's stays.
    assert_eq!(pods, 6, "{diff}");
    let blocked = shown.warnings.iter().filter(|warning| matches!(warning, Warning::Blocked { .. })).count();
    assert_eq!(blocked, 2, "{:?}", shown.warnings);

    let Approval { proposal, approved } = approve(&wish, &shown);
    let done = place.actuator.execute(&approved, Utc::now()).await.unwrap();
    let progress = done.drain.unwrap();
    assert_eq!((progress.evicted, progress.blocked.len(), progress.is_done()), (4, 2, false));
    assert!(
        progress.blocked[0].ends_with("The disruption budget web needs 2 healthy pods and has 2 currently"),
        "{progress:?}"
    );
    assert_eq!(place.get(&format!("/api/v1/nodes/{first}")).await["spec"]["unschedulable"], true);
    let sight = place.actuator.observe(&proposal).await;
    assert!(matches!(sight, Ok(Sight::Underway { .. })), "not to its end: {sight:?}");
    let seen = place.actuator.look(&wish).await.unwrap();
    assert!(
        seen.is_same(&proposal.target),
        "a cordoned node is still the one that was shown: the drain may be resumed"
    );
    let again = place.actuator.drain(&approved, Utc::now()).await.unwrap();
    assert_eq!((again.evicted, again.blocked.len()), (0, 2), "the rest moved, these wait");

    place.delete(&budgets).await;
    let on = place.actuator.execute(&approved, Utc::now()).await.unwrap();
    assert!(on.already, "after a crash the drain goes on where it was");
    assert_eq!(on.drain.unwrap().evicted, 2);
    assert!(place.actuator.drain(&approved, Utc::now()).await.unwrap().is_done());
    assert_eq!(place.actuator.observe(&proposal).await, applied());
    let web =
        place.get(&format!("{}?labelSelector=app%3Dweb", place.path("v1", "pods", "").trim_end_matches('/'))).await;
    let nodes: Vec<&str> =
        web["items"].as_array().unwrap().iter().map(|pod| pod["spec"]["nodeName"].as_str().unwrap()).collect();
    assert_eq!(nodes, [second.as_str(), second.as_str()]);

    let back = wish.inverse(&done.before, None);
    let holmes_bot::domain::action::Inverse::By(back) = back else { panic!("{back:?}") };
    assert_eq!(back.to_string(), format!("uncordon node/{first}"));
    let shown = preview(&place.actuator, &back).await;
    place.actuator.execute(&approve(&back, &shown).approved, Utc::now()).await.unwrap();
    assert!(place.actuator.drain(&approved, Utc::now()).await.is_err(), "a drain that was taken back does not go on");
}

#[tokio::test]
async fn pods_that_would_be_lost_stop_it_before_it_begins() {
    let place = Place::fake().await;
    let node = place.node("n1").await;
    let pod = |name: &str, volumes: serde_json::Value| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"nodeName": node, "volumes": volumes, "containers": [{"name": "app", "image": "registry.example/app:1"}]}})
    };
    let pods = place.path("v1", "pods", "");
    place.create(pods.trim_end_matches('/'), &pod("lone", json!([]))).await;
    let refused = place.actuator.preview(&action(&place, &format!("drain node/{node}")), Utc::now()).await.unwrap_err();
    let told = format!("Node {node}: Pod {}/lone has no controller and would be lost", place.namespace);
    assert_eq!(refused.to_string(), told);
    assert!(place.get(&format!("/api/v1/nodes/{node}")).await["spec"]["unschedulable"].is_null());
}

#[tokio::test]
async fn a_drain_that_could_not_end_does_not_begin() {
    let place = Place::fake().await;
    let node = place.node("n1").await;
    place.workloads().await;
    let wish = action(&place, &format!("drain node/{node}"));
    let Approval { approved, .. } = approve(&wish, &preview(&place.actuator, &wish).await);
    let lone = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "lone"},
        "spec": {"nodeName": node, "containers": [{"name": "app", "image": "registry.example/app:1"}]}});
    place.create(place.path("v1", "pods", "").trim_end_matches('/'), &lone).await;
    let refused = place.actuator.execute(&approved, Utc::now()).await.unwrap_err();
    let told = format!("Node {node}: Pod {}/lone has no controller and would be lost", place.namespace);
    assert_eq!(refused.to_string(), told);
    assert!(place.get(&format!("/api/v1/nodes/{node}")).await["spec"]["unschedulable"].is_null());
}
