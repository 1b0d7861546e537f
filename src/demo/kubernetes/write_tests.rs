//! Writes as clients send them, and as the real server (1.34) answered them.

use serde_json::{Value, json};

use crate::demo::testing::http_client;
use crate::demo::{Rule, Running, Timeline, World, start};

const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const JSON: &str = "application/json-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
const CHECKOUT: &str = "/apis/apps/v1/namespaces/shop/deployments/checkout";
const PODS: &str = "/api/v1/namespaces/shop/pods";

struct Api {
    running: Running,
    http: reqwest::Client,
}

impl Api {
    async fn start() -> Self {
        let running = start(World::built_in().unwrap(), Timeline::at_once()).await.unwrap();
        running.access.token("admin", "chatops-bot");
        running.access.grant("chatops-bot", vec![Rule::all()]);
        Self { running, http: http_client() }
    }

    async fn send(&self, method: &str, path: &str, kind: &str, body: impl Into<String>) -> (u16, Value) {
        let url = format!("{}{path}", self.running.neighbours.kubernetes_url);
        let request = self.http.request(method.parse().unwrap(), url).bearer_auth("admin");
        let request = request.header("content-type", kind).header("user-agent", "curl/8").body(body.into());
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn patch(&self, path: &str, kind: &str, body: Value) -> (u16, Value) {
        self.send("PATCH", path, kind, body.to_string()).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send("POST", path, "application/json", body.to_string()).await
    }

    async fn get(&self, path: &str) -> Value {
        self.send("GET", path, "application/json", "").await.1
    }
}

fn told(answer: &(u16, Value)) -> (u16, &str, &str) {
    (answer.0, answer.1["reason"].as_str().unwrap_or_default(), answer.1["message"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn refusals_in_the_servers_words() {
    let api = Api::start().await;
    let conflict = "Operation cannot be fulfilled on deployments.apps \"checkout\": the object has been modified; please apply your changes to the latest version and try again";
    let container = |resources: Value| json!({"spec": {"template": {"spec": {"containers": [{"name": "checkout", "resources": resources}]}}}});
    for (path, kind, body, status, reason, message) in [
        (
            CHECKOUT.to_owned(),
            "application/json",
            json!({}),
            415,
            "UnsupportedMediaType",
            "415: Unsupported Media Type",
        ),
        (
            CHECKOUT.to_owned(),
            MERGE,
            json!({"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 2}}),
            409,
            "Conflict",
            conflict,
        ),
        (
            CHECKOUT.to_owned(),
            MERGE,
            json!({"spec": {"replicas": -1}}),
            422,
            "Invalid",
            "Deployment.apps \"checkout\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            CHECKOUT.to_owned(),
            MERGE,
            json!({"metadata": {"uid": "x"}}),
            422,
            "Invalid",
            "Deployment.apps \"checkout\" is invalid: metadata.uid: Invalid value: \"x\": field is immutable",
        ),
        (
            CHECKOUT.to_owned(),
            STRATEGIC,
            container(json!({"requests": {"memory": "64Mi"}})),
            422,
            "Invalid",
            "Deployment.apps \"checkout\" is invalid: spec.template.spec.containers[0].resources.requests: Invalid value: \"64Mi\": must be less than or equal to memory limit of 48Mi",
        ),
        (
            format!("{CHECKOUT}/scale"),
            MERGE,
            json!({"spec": {"replicas": -2}}),
            422,
            "Invalid",
            "Scale.autoscaling \"checkout\" is invalid: spec.replicas: Invalid value: -2: must be greater than or equal to 0",
        ),
        (
            format!("{CHECKOUT}?dryRun=Some"),
            MERGE,
            json!({}),
            422,
            "Invalid",
            "PatchOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"Some\": supported values: \"All\"",
        ),
        (
            CHECKOUT.to_owned(),
            APPLY,
            json!({"apiVersion": "apps/v1", "kind": "Deployment"}),
            422,
            "Invalid",
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
        ),
        (
            "/apis/apps/v1/namespaces/shop/deployments/nope".to_owned(),
            MERGE,
            json!({}),
            404,
            "NotFound",
            "deployments.apps \"nope\" not found",
        ),
    ] {
        let answer = api.patch(&path, kind, body).await;
        assert_eq!(told(&answer), (status, reason, message), "{path} {kind}");
    }
    let bad = api.patch(CHECKOUT, STRATEGIC, container(json!({"limits": {"memory": "lots"}}))).await;
    assert!(bad.0 == 422 && told(&bad).2.contains("quantities must match the regular expression"), "{bad:?}");
    let (_, _, message) = told(&bad);
    assert!(message.starts_with(" \"\" is invalid: patch: Invalid value"), "{message}");
    let tested = json!([{"op": "test", "path": "/spec/replicas", "value": 7}]);
    assert_eq!(api.patch(CHECKOUT, JSON, tested).await.0, 422);
}

#[tokio::test]
async fn a_dry_run_shows_and_stores_nothing() {
    let api = Api::start().await;
    let before = api.get(CHECKOUT).await;
    let (status, shown) =
        api.patch(&format!("{CHECKOUT}?dryRun=All&fieldManager=me"), MERGE, json!({"spec": {"replicas": 5}})).await;
    assert_eq!((status, &shown["spec"]["replicas"]), (200, &json!(5)));
    assert_eq!(shown["metadata"]["generation"], json!(before["metadata"]["generation"].as_i64().unwrap() + 1));
    assert_eq!(shown["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
    assert_eq!(api.get(CHECKOUT).await, before);
    let pod = api.get(PODS).await["items"][0]["metadata"]["name"].as_str().unwrap().to_owned();
    let (status, _) = api.send("DELETE", &format!("{PODS}/{pod}?dryRun=All"), "application/json", "").await;
    assert_eq!(
        (status, api.get(&format!("{PODS}/{pod}")).await["metadata"]["deletionTimestamp"].clone()),
        (200, Value::Null)
    );
}

#[tokio::test]
async fn a_write_moves_versions_and_owns_its_fields() {
    let api = Api::start().await;
    let before = api.get(CHECKOUT).await;
    let (_, scaled) = api.patch(&format!("{CHECKOUT}/scale"), MERGE, json!({"spec": {"replicas": 3}})).await;
    assert_eq!(
        (&scaled["kind"], &scaled["spec"]["replicas"], &scaled["status"]["replicas"]),
        (&json!("Scale"), &json!(3), &json!(2))
    );
    let (_, after) = api.patch(&format!("{CHECKOUT}?fieldManager=me"), MERGE, json!({"spec": {"paused": true}})).await;
    let number = |object: &Value| object["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap();
    assert!(number(&after) > number(&before));
    let owners: Vec<(&str, &Value)> = after["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["manager"].as_str().unwrap(), &entry["fieldsV1"]))
        .collect();
    assert!(owners.contains(&("curl", &json!({"f:spec": {"f:replicas": {}}}))), "{owners:?}");
    assert!(owners.contains(&("me", &json!({"f:spec": {"f:paused": {}}}))), "{owners:?}");
    let applied = |replicas: u32, force: &str| {
        let body = json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": replicas}});
        let path = format!("{CHECKOUT}?fieldManager=gitops{force}");
        let api = &api;
        async move { api.patch(&path, APPLY, body).await }
    };
    let refused = applied(9, "").await;
    assert_eq!((refused.0, &refused.1["details"]["causes"][0]["field"]), (409, &json!(".spec.replicas")));
    let message = refused.1["message"].as_str().unwrap();
    assert!(
        message.starts_with(
            "Apply failed with 1 conflict: conflict with \"curl\" with subresource \"scale\" using apps/v1 at "
        ),
        "{message}"
    );
    assert_eq!(applied(3, "").await.0, 200, "the same value is no conflict");
    assert_eq!(applied(9, "&force=true").await.1["spec"]["replicas"], 9);
}

#[tokio::test]
async fn evictions_keep_to_the_budget() {
    let api = Api::start().await;
    let pods = api.get(&format!("{PODS}?labelSelector=app.kubernetes.io/name%3Dfrontend")).await;
    let name = pods["items"][0]["metadata"]["name"].as_str().unwrap().to_owned();
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "frontend"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app.kubernetes.io/name": "frontend"}}}});
    let budgets = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets";
    assert_eq!(api.post(budgets, budget.clone()).await.0, 201);
    assert_eq!(api.post(budgets, budget).await.0, 409, "it exists");
    let eviction = |uid: Option<&str>| {
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "shop"},
        "deleteOptions": {"preconditions": {"uid": uid}}})
    };
    let path = format!("{PODS}/{name}/eviction");
    let refused = api.post(&path, eviction(None)).await;
    assert_eq!(
        told(&refused),
        (429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.")
    );
    assert_eq!(
        refused.1["details"]["causes"][0],
        json!({"reason": "DisruptionBudget",
        "message": "The disruption budget frontend needs 1 healthy pods and has 1 currently"})
    );
    assert_eq!(api.post(&path, eviction(Some("other"))).await.0, 409);
    api.send("DELETE", &format!("{budgets}/frontend"), "application/json", "").await;
    assert_eq!(api.post(&format!("{path}?dryRun=All"), eviction(None)).await.0, 201);
    assert!(api.get(&format!("{PODS}/{name}")).await["metadata"]["deletionTimestamp"].is_null());
    assert_eq!(api.post(&path, eviction(None)).await.0, 201);
    assert!(!api.get(&format!("{PODS}/{name}")).await["metadata"]["deletionTimestamp"].is_null());
}

#[tokio::test]
async fn rights_are_those_of_whoever_asks() {
    let api = Api::start().await;
    let running = &api.running;
    running.access.token("alice-token", "alice");
    running.access.grant("alice", vec![Rule::new(&["get"], "apps", "deployments")]);
    running
        .access
        .grant("bob", vec![Rule { namespace: Some("shop".into()), ..Rule::new(&["patch"], "apps", "deployments") }]);
    let url = format!("{}{CHECKOUT}?dryRun=All", running.neighbours.kubernetes_url);
    let ask = |token: &'static str, user: Option<&'static str>| {
        let request = api.http.patch(&url).bearer_auth(token).header("content-type", MERGE).body("{}");
        let request = user.into_iter().fold(request, |request, user| request.header("impersonate-user", user));
        async move {
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            (status, answer.json::<Value>().await.unwrap()["message"].as_str().unwrap_or_default().to_owned())
        }
    };
    let (status, message) = ask("alice-token", None).await;
    assert_eq!(
        (status, message.as_str()),
        (
            403,
            "deployments.apps \"checkout\" is forbidden: User \"alice\" cannot patch resource \"deployments\" in API group \"apps\" in the namespace \"shop\""
        )
    );
    let (status, message) = ask("alice-token", Some("bob")).await;
    assert_eq!(
        (status, message.as_str()),
        (
            403,
            "users \"bob\" is forbidden: User \"alice\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope"
        )
    );
    assert_eq!(ask("admin", Some("bob")).await.0, 200);
    assert_eq!(ask("admin", Some("alice")).await.0, 403);
    running.access.require_tokens();
    assert_eq!(ask("unknown", None).await, (401, "Unauthorized".to_owned()));
    let users: Vec<String> = running.calls.all().into_iter().map(|call| call.user).collect();
    assert_eq!(users, ["alice", "bob", "alice"], "what was asked for in whose name");
}

#[tokio::test]
async fn undoing_the_rollout_cures_the_checkout() {
    let api = Api::start().await;
    let sets =
        api.get("/apis/apps/v1/namespaces/shop/replicasets?labelSelector=app.kubernetes.io/name%3Dcheckout").await;
    let of = |revision: &str| {
        let sets = sets["items"].as_array().unwrap();
        sets.iter()
            .find(|set| set["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == *revision)
            .unwrap()
            .clone()
    };
    let mut template = of("1")["spec"]["template"].clone();
    template["metadata"]["labels"].as_object_mut().unwrap().remove("pod-template-hash");
    template["$patch"] = json!("replace");
    let (status, _) = api.patch(CHECKOUT, STRATEGIC, json!({"spec": {"template": template}})).await;
    assert_eq!(status, 200);
    let rolling = api.get(CHECKOUT).await;
    assert_eq!(rolling["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "3");
    assert_eq!(
        (&rolling["status"]["updatedReplicas"], &rolling["status"]["unavailableReplicas"]),
        (&json!(2), &json!(2))
    );
    api.running.hurry_controllers();
    let done = api.get(CHECKOUT).await;
    assert_eq!((&done["status"]["availableReplicas"], &done["status"]["replicas"]), (&json!(2), &json!(2)));
    let pods = api.get(&format!("{PODS}?labelSelector=app.kubernetes.io/name%3Dcheckout")).await;
    let hashes: Vec<&Value> =
        pods["items"].as_array().unwrap().iter().map(|pod| &pod["metadata"]["labels"]["pod-template-hash"]).collect();
    assert_eq!(hashes, ["7bd579478f", "7bd579478f"]);
    let metrics = |query: &str| {
        let url = format!("{}/api/v1/query", api.running.neighbours.metrics_url);
        let request = api.http.post(url).form(&[("query", query)]);
        async move { request.send().await.unwrap().json::<Value>().await.unwrap()["data"]["result"].clone() }
    };
    assert_eq!(metrics("ALERTS{namespace=\"shop\",container=\"checkout\",alertstate=\"firing\"}").await, json!([]));
    assert_eq!(
        metrics("min(kube_pod_container_status_ready{namespace=\"shop\",container=\"checkout\"})").await[0]["value"][1],
        "1"
    );
}

#[tokio::test]
async fn other_changes_help_or_do_not() {
    for (name, patch, cured) in [
        (
            "checkout",
            json!({"spec": {"template": {"spec": {"containers": [{"name": "checkout", "resources": {"limits": {"memory": "128Mi"}}}]}}}}),
            true,
        ),
        (
            "checkout",
            json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-22T23:00:00Z"}}}}}),
            false,
        ),
        (
            "catalog",
            json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-22T23:00:00Z"}}}}}),
            false,
        ),
        (
            "payments",
            json!({"spec": {"template": {"spec": {"containers": [{"name": "payments", "env": [{"name": "DATABASE_URL", "value": "x"}]}]}}}}),
            true,
        ),
        ("frontend", json!({"spec": {"replicas": 3}}), true),
    ] {
        let api = Api::start().await;
        api.running.hurry_controllers();
        let path = format!("/apis/apps/v1/namespaces/shop/deployments/{name}");
        assert_eq!(api.patch(&path, STRATEGIC, patch.clone()).await.0, 200);
        let after = api.get(&path).await;
        let wanted = after["spec"]["replicas"].as_i64().unwrap();
        let well = after["status"]["availableReplicas"] == wanted && after["status"]["replicas"] == wanted;
        assert_eq!(well, cured, "{name} {patch}: {}", after["status"]);
    }
}

#[tokio::test]
async fn a_job_is_run_again_and_a_watch_sees_it() {
    let api = Api::start().await;
    api.running.hurry_controllers();
    let jobs = "/apis/batch/v1/namespaces/batch/jobs";
    let job = api.get(jobs).await["items"][0].clone();
    let again = |spec: Value| json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"generateName": "again-"}, "spec": spec});
    let kept = api.post(jobs, again(job["spec"].clone())).await;
    assert_eq!(kept.0, 422, "the selector and the labels of another Job: {kept:?}");
    let mut spec = json!({"backoffLimit": 0, "template": job["spec"]["template"]});
    spec["template"]["metadata"]["labels"] = json!({});
    let url = format!(
        "{}{jobs}?watch=1&timeoutSeconds=1&resourceVersion={}",
        api.running.neighbours.kubernetes_url,
        api.get(jobs).await["metadata"]["resourceVersion"].as_str().unwrap()
    );
    let watched = tokio::spawn(api.http.get(url).bearer_auth("admin").send());
    let (status, made) = api.post(jobs, again(spec)).await;
    assert_eq!(status, 201);
    let name = made["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("again-") && name.len() == 11, "{name}");
    let done = api.get(&format!("{jobs}/{name}")).await;
    assert_eq!(done["status"]["succeeded"], 1, "{}", done["status"]);
    let lines = watched.await.unwrap().unwrap().text().await.unwrap();
    assert!(
        lines.lines().next().unwrap().contains("\"type\":\"ADDED\"") && lines.contains("SuccessCriteriaMet"),
        "{lines}"
    );
}
