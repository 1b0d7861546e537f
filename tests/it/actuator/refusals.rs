//! What is refused: missing rights, moved objects, unmet conditions; and in whose name things are done.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::Utc;
use holmes_bot::adapters::actuator::{Actuator, ActuatorConnection, ActuatorError, ActuatorSource, Warning};
use holmes_bot::demo::{Fault, Neighbour, Rule};
use holmes_bot::domain::proposal::Sight;
use serde_json::json;

use super::approval::{Approval, approve, approve_by};
use super::place::{ACTUATOR, Place, granted, places};
use super::{action, applied, preview};

#[tokio::test]
async fn a_missing_right_is_named() {
    let place = Place::fake().await;
    place.workloads().await;
    let node = place.node("n1").await;
    let pod = place.pod_of("web").await;
    for (without, command, told) in [
        (
            "patch deployments",
            "restart deployment/web".to_owned(),
            "the actuator may not patch deployments in namespace NS: add apiGroups [\"apps\"], resources [\"deployments\"], verbs [\"patch\"] to the actuator's ClusterRole",
        ),
        (
            "get cronjobs",
            "suspend cronjob/report".into(),
            "the actuator may not get cronjobs in namespace NS: add apiGroups [\"batch\"], resources [\"cronjobs\"], verbs [\"get\"] to the actuator's ClusterRole",
        ),
        (
            "create pods/eviction",
            format!("drain node/{node}"),
            "the actuator may not create pods/eviction in namespace NS: add apiGroups [\"\"], resources [\"pods/eviction\"], verbs [\"create\"] to the actuator's ClusterRole",
        ),
        (
            "delete pods",
            format!("delete pod/{pod}"),
            "the actuator may not delete pods in namespace NS: add apiGroups [\"\"], resources [\"pods\"], verbs [\"delete\"] to the actuator's ClusterRole",
        ),
    ] {
        let rules =
            granted().into_iter().filter(|rule| format!("{} {}", rule.verbs[0], rule.resource) != without).collect();
        place.running().access.grant(ACTUATOR, rules);
        let refused = place.actuator.preview(&action(&place, &command), Utc::now()).await.unwrap_err();
        assert_eq!(refused.to_string(), told.replace("NS", &place.namespace), "{command} without {without}");
        assert!(!refused.leaves_doubt());
    }
    let lines = place.actuator.check().await;
    let bad: Vec<&str> = lines.iter().filter(|line| !line.ok).map(|line| line.what.as_str()).collect();
    assert_eq!(bad, ["actuator: delete pods"]);
}

#[tokio::test]
async fn it_acts_in_the_name_of_who_approved() {
    let people = BTreeMap::from([("slack:U1".to_owned(), "bob@example.com".to_owned())]);
    let place = Place::fake_for(people).await;
    place.workloads().await;
    let wish = action(&place, "restart deployment/web");
    let shown = preview(&place.actuator, &wish).await;
    let Approval { proposal, approved } = approve(&wish, &shown);
    let told = |result: Result<_, ActuatorError>| result.map(|_| ()).unwrap_err().to_string();
    assert_eq!(
        told(place.actuator.execute(&approved, Utc::now()).await),
        "the actuator may not impersonate users: add apiGroups [\"\"], resources [\"users\"], verbs [\"impersonate\"] to the actuator's ClusterRole"
    );
    let mut rules = granted();
    rules.push(Rule::new(&["impersonate"], "", "users"));
    place.running().access.grant(ACTUATOR, rules);
    assert!(
        told(place.actuator.execute(&approved, Utc::now()).await)
            .starts_with("bob@example.com may not patch deployments in namespace")
    );
    let stranger = approve_by("slack:U2", &wish, &shown).approved;
    assert_eq!(
        told(place.actuator.execute(&stranger, Utc::now()).await),
        "slack:U2 has no Kubernetes user: add them to HOLMES_ACTUATOR_IMPERSONATE, or leave it unset"
    );
    assert_eq!(place.actuator.observe(&proposal).await, Ok(Sight::NotApplied));
    place.running().access.grant("bob@example.com", vec![Rule::new(&["patch"], "apps", "deployments")]);
    place.actuator.execute(&approved, Utc::now()).await.unwrap();
    let calls = place.running().calls.all();
    assert!(calls.iter().any(|call| call.user == "bob@example.com" && call.verb == "patch"));
}

#[tokio::test]
async fn an_object_that_moved_is_left_alone() {
    for place in places().await {
        place.workloads().await;
        let web = place.deployment("web");
        let wish = action(&place, "scale deployment/web --replicas 5");
        let shown = preview(&place.actuator, &wish).await;
        place.patch(&web, &json!({"spec": {"replicas": 4}})).await;
        let refused = place.actuator.execute(&approve(&wish, &shown).approved, Utc::now()).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!(
                "Deployment {}/web has changed since this was proposed (its definition is another): propose it anew",
                place.namespace
            )
        );
        assert_eq!(place.get(&web).await["spec"]["replicas"], 4);

        let shown = preview(&place.actuator, &wish).await;
        let status = json!({"status": {"observedGeneration": 1, "replicas": 4, "conditions": [
            {"type": "Progressing", "status": "True", "reason": "Somebody", "lastUpdateTime": "2026-11-22T22:00:00Z"}]}});
        place.patch(&format!("{web}/status"), &status).await;
        place.patch(&web, &json!({"metadata": {"annotations": {"note": "x"}}})).await;
        place.actuator.execute(&approve(&wish, &shown).approved, Utc::now()).await.expect("a status may move on");
        assert_eq!(place.get(&web).await["spec"]["replicas"], 5);

        let other = action(&place, "scale deployment/web --replicas 1");
        let shown = preview(&place.actuator, &other).await;
        let mut same = place.get(&web).await;
        place.delete(&web).await;
        same["metadata"] = json!({"name": "web"});
        same["status"] = json!({});
        place.create(web.trim_end_matches("/web"), &same).await;
        let refused = place.actuator.execute(&approve(&other, &shown).approved, Utc::now()).await.unwrap_err();
        assert!(
            matches!(&refused, ActuatorError::Moved { how, .. } if how == "another object has its name now"),
            "{refused}"
        );
        let observed = place.actuator.observe(&approve(&other, &shown).proposal).await.unwrap();
        assert!(matches!(observed, Sight::Unclear { .. }), "{observed:?}");
        place.clear().await;
    }
}

#[tokio::test]
async fn a_permission_ends() {
    let place = Place::fake().await;
    place.workloads().await;
    let wish = action(&place, "scale deployment/web --replicas 3");
    let shown = preview(&place.actuator, &wish).await;
    let Approval { approved, .. } = approve(&wish, &shown);
    let refused = place.actuator.execute(&approved, approved.not_after()).await.unwrap_err();
    assert!(matches!(refused, ActuatorError::TooLate { .. }), "{refused}");
    assert_eq!(place.get(&place.deployment("web")).await["spec"]["replicas"], 2);
}

#[tokio::test]
async fn what_must_hold_is_looked_at_before_anything_is_offered() {
    for place in places().await {
        place.workloads().await;
        place.patch(&place.deployment("auto"), &json!({"spec": {"paused": true}})).await;
        let node = place.node("n1").await;
        for (command, told) in [
            ("restart deployment/nope".to_owned(), "Deployment NS/nope does not exist"),
            ("restart deployment/auto".into(), "Deployment NS/auto: its rollout is paused: resume it first"),
            ("resume deployment/web".into(), "Deployment NS/web: its rollout is not paused"),
            (
                "scale deployment/auto --replicas 9".into(),
                "Deployment NS/auto: HorizontalPodAutoscaler auto would set it back: change its bounds instead",
            ),
            ("scale deployment/web --replicas 2".into(), "Deployment NS/web: nothing would change"),
            (
                "undo deployment/web --to-revision 9".into(),
                "Deployment NS/web: revision 9 is not kept any more; there are [1]",
            ),
            ("undo deployment/web --to-revision 1".into(), "Deployment NS/web: revision 1 is the current one"),
            (
                "set-resources deployment/web -c nope --memory-limit 128Mi".into(),
                "Deployment NS/web: its template has no container nope",
            ),
            (
                "set-resources deployment/web -c app --memory-request 128Mi".into(),
                "Deployment NS/web: a request of 128Mi is more than its limit of 64Mi",
            ),
            ("resume cronjob/report".into(), "CronJob NS/report: it is not suspended"),
            (format!("uncordon node/{node}"), "Node NODE: it is not cordoned"),
            ("silence alertname=X --for 1h --comment x".into(), "no Alertmanager is configured: set ALERTMANAGER_URL"),
        ] {
            if command.starts_with("undo") {
                place.revision(&place.deployment("web"), "deployment", 1).await;
            }
            let refused = place.actuator.preview(&action(&place, &command), Utc::now()).await.unwrap_err();
            let told = told.replace("NS", &place.namespace).replace("NODE", &node);
            assert_eq!(refused.to_string(), told, "{command}");
        }
        place.clear().await;
    }
}

#[tokio::test]
async fn who_would_set_it_back_is_said() {
    for place in places().await {
        place.workloads().await;
        let web = place.deployment("web");
        place.patch(&web, &json!({"metadata": {"labels": {"argocd.argoproj.io/instance": "shop"}}})).await;
        let shown =
            preview(&place.actuator, &action(&place, "set-resources deployment/web -c app --memory-limit 128Mi")).await;
        assert_eq!(
            shown.target.managed.map(|managed| (managed.by, managed.patch == shown.patch)),
            Some(("Argo CD application shop".to_owned(), true))
        );
        let manager = "Argo CD application shop".to_owned();
        assert!(shown.warnings.contains(&Warning::ManagedBy { manager }), "{:?}", shown.warnings);
        insta::allow_duplicates! {
            insta::assert_snapshot!(shown.patch, @r"
            spec:
              template:
                spec:
                  containers:
                  - name: app
                    resources:
                      limits:
                        memory: 128Mi
            ");
        }
        place.patch(&web, &json!({"spec": {"replicas": 3}})).await;
        let shown = preview(&place.actuator, &action(&place, "scale deployment/web --replicas 4")).await;
        let owned = Warning::FieldOwned { manager: "somebody-else".into(), field: "spec.replicas".into() };
        assert!(shown.warnings.contains(&owned), "{:?}", shown.warnings);
        place.clear().await;
    }
}

/// The process that sent the write is gone, or the answer never came: another one looks.
#[tokio::test]
async fn after_a_crash_the_object_tells() {
    let place = Place::fake().await;
    place.workloads().await;
    let wish = action(&place, "restart deployment/web");
    let shown = preview(&place.actuator, &wish).await;
    let Approval { proposal, approved } = approve(&wish, &shown);
    let source = ActuatorSource::Url {
        url: place.running().neighbours.kubernetes_url.clone(),
        token: "actuator".to_owned().into(),
    };
    let connection = ActuatorConnection { source, people: BTreeMap::new(), timeout: Duration::from_millis(300) };
    let other = Actuator::connect(&connection, None).await.unwrap();
    for fault in [Fault::Hang, Fault::Truncate, Fault::Status(503)] {
        place.running().faults.set(Neighbour::Kubernetes, fault.clone());
        let failed = other.execute(&approved, Utc::now()).await.unwrap_err();
        assert!(failed.leaves_doubt(), "{fault:?}: {failed}");
        assert!(other.observe(&proposal).await.is_err(), "{fault:?}");
        place.running().faults.clear(Neighbour::Kubernetes);
        assert_eq!(other.observe(&proposal).await, Ok(Sight::NotApplied), "{fault:?}");
    }
    place.actuator.execute(&approved, Utc::now()).await.unwrap();
    assert_eq!(other.observe(&proposal).await, applied());
    let before = place.get(&place.deployment("web")).await["metadata"]["generation"].clone();
    assert!(other.execute(&approved, Utc::now()).await.unwrap().already);
    assert_eq!(place.get(&place.deployment("web")).await["metadata"]["generation"], before);
}
