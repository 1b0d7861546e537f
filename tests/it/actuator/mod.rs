//! The actuator against the simulated API server, and against a real one when `KUBECONFIG` names it: every action of the
//! catalogue is shown, done, looked for and taken back.
//!
//! A real cluster needs no kubelet for this; what only a kubelet brings about is tested on the simulated one.

mod approval;
mod drains;
pub mod place;
mod refusals;
mod silences;

use chrono::Utc;
use holmes_bot::adapters::actuator::{ANNOTATION, Actuator, PERMISSIONS, Preview};
use holmes_bot::domain::action::{Action, Inverse, NoInverse};
use holmes_bot::domain::proposal::{Done, Sight};
use serde_json::{Value, json};

use approval::{Approval, approve};
use place::{Place, places};

/// A workload of each kind that rolls out: kind, resource, name.
const WORKLOADS: [(&str, &str, &str); 3] =
    [("deployment", "deployments", "web"), ("statefulset", "statefulsets", "db"), ("daemonset", "daemonsets", "agent")];

/// Reads a command about the place's namespace.
fn action(place: &Place, command: &str) -> Action {
    let namespace = place.namespace.parse().unwrap();
    Action::parse(command, Some(&namespace)).unwrap_or_else(|error| panic!("{command}: {error}"))
}

async fn preview(actuator: &Actuator, action: &Action) -> Preview {
    actuator.preview(action, Utc::now()).await.unwrap_or_else(|error| panic!("{action}: {error}"))
}

/// What is seen of an action that was done.
fn applied() -> Result<Sight, holmes_bot::adapters::actuator::ActuatorError> {
    Ok(Sight::Applied(Done::default()))
}

/// One action through its life; what it did is recognised and not repeated. Gives back the way back.
async fn carried_out(place: &Place, action: &Action, object: &str) -> Inverse {
    let actuator = &place.actuator;
    let shown = preview(actuator, action).await;
    assert!(!shown.diff.as_str().is_empty(), "{action}");
    assert_eq!(actuator.look(action).await.unwrap().resource_version, shown.target.resource_version);
    let Approval { proposal, approved } = approve(action, &shown);
    assert_eq!(actuator.observe(&proposal).await, Ok(Sight::NotApplied), "{action}");
    let done = actuator.execute(&approved, Utc::now()).await.unwrap_or_else(|error| panic!("{action}: {error}"));
    assert!(!done.already, "{action}");
    assert_eq!(actuator.observe(&proposal).await, applied(), "{action}");
    let after = place.get(object).await;
    assert_eq!(after["metadata"]["annotations"][ANNOTATION], proposal.id.0, "{action}");
    let managers = after["metadata"]["managedFields"].as_array().unwrap();
    assert!(managers.iter().any(|entry| entry["manager"] == "holmes-bot"), "{action}: {managers:?}");
    let again = actuator.execute(&approved, Utc::now()).await.unwrap_or_else(|error| panic!("{action}: {error}"));
    assert!(again.already, "{action}");
    assert_eq!(place.get(object).await["spec"], after["spec"], "{action} is not done twice");
    action.inverse(&done.before, done.created.as_deref())
}

#[tokio::test]
async fn what_a_patch_does_is_shown_done_and_taken_back() {
    const MEMORY: &str = "/spec/template/spec/containers/0/resources/limits/memory";
    const CPU: &str = "/spec/template/spec/containers/0/resources/limits/cpu";
    for place in places().await {
        place.workloads().await;
        let node = place.node("n1").await;
        let (web, auto) = (place.deployment("web"), place.deployment("auto"));
        let hpa = place.path("autoscaling/v2", "horizontalpodautoscalers", "auto");
        let (cron, db) = (place.path("batch/v1", "cronjobs", "report"), place.path("apps/v1", "statefulsets", "db"));
        let node_path = format!("/api/v1/nodes/{node}");
        let cases: [(String, &str, &str, Value, Value); 9] = [
            ("pause deployment/web".into(), &web, "/spec/paused", json!(true), json!(null)),
            ("scale deployment/web --replicas 3".into(), &web, "/spec/replicas", json!(3), json!(2)),
            ("scale statefulset/db --replicas 2".into(), &db, "/spec/replicas", json!(2), json!(1)),
            (
                "set-resources deployment/web -c app --memory-limit 128Mi".into(),
                &web,
                MEMORY,
                json!("128Mi"),
                json!("64Mi"),
            ),
            ("set-resources deployment/web -c app --cpu-limit 500m".into(), &web, CPU, json!("500m"), json!(null)),
            (
                "set-resources deployment/auto -c app --memory-request 16Mi".into(),
                &auto,
                "/spec/template/spec/containers/0/resources/requests/memory",
                json!("16Mi"),
                json!("8Mi"),
            ),
            ("set-hpa hpa/auto --min 2 --max 5".into(), &hpa, "/spec/maxReplicas", json!(5), json!(3)),
            ("suspend cronjob/report".into(), &cron, "/spec/suspend", json!(true), json!(false)),
            (format!("cordon node/{node}"), &node_path, "/spec/unschedulable", json!(true), json!(null)),
        ];
        for (command, object, pointer, done, before) in cases {
            let wish = action(&place, &command);
            let Inverse::By(back) = carried_out(&place, &wish, object).await else {
                panic!("{command} has no way back")
            };
            let value = |object: &Value| object.pointer(pointer).cloned().unwrap_or(Value::Null);
            assert_eq!(value(&place.get(object).await), done, "{command}");
            carried_out(&place, &back, object).await;
            let restored = value(&place.get(object).await);
            // A field that was not set and one that is set to its default are the same to Kubernetes.
            let default = restored == json!(false) && before.is_null();
            assert!(restored == before || default, "{command} is taken back by {back}: {restored}");
        }
        place.clear().await;
    }
}

#[tokio::test]
async fn a_restart_is_kubectls() {
    for place in places().await {
        place.workloads().await;
        for (kind, plural, name) in WORKLOADS {
            let wish = action(&place, &format!("restart {kind}/{name}"));
            let object = place.path("apps/v1", plural, name);
            let back = carried_out(&place, &wish, &object).await;
            assert_eq!(back, Inverse::None(NoInverse::Irreversible));
            let annotations = &place.get(&object).await["spec"]["template"]["metadata"]["annotations"];
            assert!(annotations["kubectl.kubernetes.io/restartedAt"].is_string(), "{annotations}");
            assert!(annotations[ANNOTATION].is_null(), "a pod's template is not marked: that alone would restart it");
        }
        place.clear().await;
    }
}

#[tokio::test]
async fn a_rollout_is_undone_to_a_revision_and_back() {
    for place in places().await {
        place.workloads().await;
        for (kind, plural, name) in WORKLOADS {
            let object = place.path("apps/v1", plural, name);
            place.revision(&object, kind, 1).await;
            let changed = json!({"spec": {"template": {"spec": {"containers": [
                {"name": "app", "env": [{"name": "TOKEN", "value": "hunter2-hunter2"}], "image": "registry.example/app:2"}]}}}});
            place.patch(&object, &changed).await;
            place.revision(&object, kind, 2).await;
            let wish = action(&place, &format!("undo {kind}/{name} --to-revision 1"));
            let shown = preview(&place.actuator, &wish).await;
            let diff = shown.diff.as_str();
            let image = "-        image: registry.example/app:2\n+        image: registry.example/app:1\n";
            assert!(diff.contains(image), "{diff}");
            assert!(!diff.contains("hunter2") && !shown.patch.contains("hunter2"), "{diff}");
            let Inverse::By(back) = carried_out(&place, &wish, &object).await else { panic!("{wish}") };
            let container = |object: &Value| object["spec"]["template"]["spec"]["containers"][0].clone();
            let undone = container(&place.get(&object).await);
            assert_eq!((&undone["image"], &undone["env"]), (&json!("registry.example/app:1"), &json!(null)), "{wish}");
            assert_eq!(back.to_string(), format!("undo {kind}/{name} -n {} --to-revision 2", place.namespace));
            place.revision(&object, kind, 3).await;
            carried_out(&place, &back, &object).await;
            assert_eq!(container(&place.get(&object).await)["image"], "registry.example/app:2", "{back}");
        }
        place.clear().await;
    }
}

#[tokio::test]
async fn a_pod_is_deleted_once() {
    for place in places().await {
        place.workloads().await;
        let pod = place.pod_of("web").await;
        let path = place.path("v1", "pods", &pod);
        let uid = place.get(&path).await["metadata"]["uid"].clone();
        let wish = action(&place, &format!("delete pod/{pod}"));
        let shown = preview(&place.actuator, &wish).await;
        assert_eq!(shown.diff.as_str(), format!("-Pod {}/{pod}\n", place.namespace));
        let Approval { proposal, approved } = approve(&wish, &shown);
        assert_eq!(place.actuator.observe(&proposal).await, Ok(Sight::NotApplied));
        place.actuator.execute(&approved, Utc::now()).await.unwrap();
        assert_eq!(place.actuator.observe(&proposal).await, applied());
        let left = place.find(&path).await.filter(|pod| pod["metadata"]["uid"] == uid);
        assert!(left.is_none_or(|pod| !pod["metadata"]["deletionTimestamp"].is_null()));
        place.clear().await;
    }
}

#[tokio::test]
async fn a_job_is_run_again_once() {
    for place in places().await {
        place.workloads().await;
        let object = place.path("batch/v1", "jobs", "once");
        if !place.job_ends(&object).await {
            // Without a kubelet no Job ends.
            place.clear().await;
            continue;
        }
        let wish = action(&place, "rerun job/once");
        let shown = preview(&place.actuator, &wish).await;
        let Approval { proposal, approved } = approve(&wish, &shown);
        assert_eq!(place.actuator.observe(&proposal).await, Ok(Sight::NotApplied));
        let done = place.actuator.execute(&approved, Utc::now()).await.unwrap();
        let copy = done.created.clone().unwrap();
        assert!(copy.starts_with("once-again-"), "{copy}");
        let made = Done { created: Some(copy.clone()) };
        assert_eq!(place.actuator.observe(&proposal).await, Ok(Sight::Applied(made)));
        let again = place.actuator.execute(&approved, Utc::now()).await.unwrap();
        assert_eq!((again.already, again.created), (true, Some(copy.clone())), "the same copy, not another");
        let made = place.get(&place.path("batch/v1", "jobs", &copy)).await;
        assert_eq!(made["metadata"]["annotations"][ANNOTATION], proposal.id.0);
        assert_ne!(made["spec"]["selector"], place.get(&object).await["spec"]["selector"]);
        place.clear().await;
    }
}

/// The table and the code cannot drift apart: all the rest of these tests run with exactly these rights.
#[tokio::test]
async fn every_right_in_the_table_is_used() {
    let place = Place::fake().await;
    place.workloads().await;
    let node = place.node("n1").await;
    place.revision(&place.deployment("web"), "deployment", 1).await;
    place.patch(&place.deployment("web"), &json!({"spec": {"template": {"metadata": {"labels": {"x": "y"}}}}})).await;
    let pod = place.pod_of("web").await;
    for command in [
        "undo deployment/web --to-revision 1".to_owned(),
        "scale deployment/web --replicas 3".into(),
        "restart statefulset/db".into(),
        "restart daemonset/agent".into(),
        "set-hpa hpa/auto --min 2 --max 5".into(),
        "suspend cronjob/report".into(),
        "rerun job/once".into(),
        format!("drain node/{node}"),
    ] {
        let wish = action(&place, &command);
        preview(&place.actuator, &wish).await;
    }
    let wish = action(&place, &format!("delete pod/{pod}"));
    assert!(place.actuator.preview(&wish, Utc::now()).await.is_ok());
    let _ = place.actuator.preview(&action(&place, "undo statefulset/db --to-revision 9"), Utc::now()).await;
    let calls = place.running().calls.all();
    let ours: Vec<_> = calls.iter().filter(|call| call.user == place::ACTUATOR).collect();
    for permission in PERMISSIONS {
        let used = ours.iter().any(|call| {
            (call.verb.as_str(), call.group.as_str(), call.resource.as_str())
                == (permission.verb, permission.group, permission.resource)
        });
        assert!(used, "{permission:?} is not needed");
    }
}
