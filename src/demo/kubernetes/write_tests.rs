//! Writes as clients send them, and as the real server (1.34) answered them.

use serde_json::{Value, json};

use crate::demo::testing::http_client;
use crate::demo::world::ObjectList;
use crate::demo::{Rule, Running, Timeline, World, start};

const STRATEGIC: &str = "application/strategic-merge-patch+json";
const CHECKOUT: &str = "/apis/apps/v1/namespaces/shop/deployments/checkout";
const PODS: &str = "/api/v1/namespaces/shop/pods";

struct Api {
    running: Running,
    http: reqwest::Client,
}

impl Api {
    async fn start() -> Self {
        Self::playing(Timeline::at_once()).await
    }

    async fn playing(timeline: Timeline) -> Self {
        Self::serving(start(World::built_in().unwrap(), timeline).await.unwrap())
    }

    fn serving(running: Running) -> Self {
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
            STRATEGIC,
            json!({"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 2}}),
            409,
            "Conflict",
            conflict,
        ),
        (
            CHECKOUT.to_owned(),
            STRATEGIC,
            json!({"spec": {"replicas": -1}}),
            422,
            "Invalid",
            "Deployment.apps \"checkout\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            CHECKOUT.to_owned(),
            STRATEGIC,
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
            format!("{CHECKOUT}?dryRun=Some"),
            STRATEGIC,
            json!({}),
            422,
            "Invalid",
            "PatchOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"Some\": supported values: \"All\"",
        ),
        (
            CHECKOUT.to_owned(),
            "application/merge-patch+json",
            json!({"spec": {"replicas": 2}}),
            415,
            "UnsupportedMediaType",
            "415: Unsupported Media Type",
        ),
        (
            "/apis/apps/v1/namespaces/shop/deployments/nope".to_owned(),
            STRATEGIC,
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
}

#[tokio::test]
async fn a_dry_run_shows_and_stores_nothing() {
    let api = Api::start().await;
    let before = api.get(CHECKOUT).await;
    let (status, shown) =
        api.patch(&format!("{CHECKOUT}?dryRun=All&fieldManager=me"), STRATEGIC, json!({"spec": {"replicas": 5}})).await;
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
    assert_eq!(api.patch(CHECKOUT, STRATEGIC, json!({"spec": {"replicas": 3}})).await.0, 200);
    let (_, after) =
        api.patch(&format!("{CHECKOUT}?fieldManager=me"), STRATEGIC, json!({"spec": {"paused": true}})).await;
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
        let request = api.http.patch(&url).bearer_auth(token).header("content-type", STRATEGIC).body("{}");
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
async fn a_job_is_run_again() {
    let api = Api::start().await;
    api.running.hurry_controllers();
    let jobs = "/apis/batch/v1/namespaces/batch/jobs";
    let job = api.get(jobs).await["items"][0].clone();
    let again = |spec: Value| json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"generateName": "again-"}, "spec": spec});
    let kept = api.post(jobs, again(job["spec"].clone())).await;
    assert_eq!(kept.0, 422, "the selector and the labels of another Job: {kept:?}");
    let mut spec = json!({"backoffLimit": 0, "template": job["spec"]["template"]});
    spec["template"]["metadata"]["labels"] = json!({});
    let (status, made) = api.post(jobs, again(spec)).await;
    assert_eq!(status, 201);
    let name = made["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("again-") && name.len() == 11, "{name}");
    let done = api.get(&format!("{jobs}/{name}")).await;
    assert_eq!(done["status"]["succeeded"], 1, "{}", done["status"]);
}

#[tokio::test]
async fn a_field_that_the_kind_does_not_have_is_refused_where_that_is_asked_for() {
    let api = Api::start().await;
    let misspelt = json!({"spec": {"template": {"spec": {"container": []}}}});
    let answer = api.patch(&format!("{CHECKOUT}?fieldValidation=Strict"), STRATEGIC, misspelt).await;
    let (status, reason, message) = told(&answer);
    assert_eq!((status, reason), (422, "Invalid"));
    assert!(message.ends_with("strict decoding error: unknown field \"spec.template.spec.container\""), "{message}");
    let text = api.patch(CHECKOUT, STRATEGIC, json!({"spec": {"replicas": "two"}})).await;
    assert_eq!((text.0, text.1["details"]["causes"][0]["field"].as_str()), (422, Some("patch")), "{text:?}");
    let maps = "/api/v1/namespaces/shop/configmaps?fieldValidation=Strict";
    let map = |more: Value| {
        let mut map = json!({"metadata": {"name": "made"}, "data": {"a": "b"}});
        more.as_object().unwrap().iter().for_each(|(name, value)| map[name.as_str()] = value.clone());
        map
    };
    for (more, message) in [
        (
            json!({"dat": {}}),
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"dat\"",
        ),
        (
            json!({"kind": "Pod"}),
            "Pod in version \"v1\" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): unknown conversion",
        ),
        (
            json!({"apiVersion": "apps/v1"}),
            "the API version in the data (apps/v1) does not match the expected API version (v1)",
        ),
        (
            json!({"metadata": {"name": "made", "namespace": "ml"}}),
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
    ] {
        let answer = api.post(maps, map(more)).await;
        assert_eq!(told(&answer), (400, "BadRequest", message));
    }
    assert_eq!(api.post(maps, map(json!({}))).await.0, 201);
}

#[tokio::test]
async fn a_time_that_was_written_is_shown_as_it_was_written() {
    for speed in [0.5, 10.0] {
        let api = Api::playing(Timeline::at_speed(speed).unwrap()).await;
        // The world clock of both plays is behind this moment for a while.
        let now = crate::demo::kubernetes::written(chrono::Utc::now() + chrono::TimeDelta::seconds(5));
        let annotation = json!({"kubectl.kubernetes.io/restartedAt": now});
        let patch = json!({"spec": {"template": {"metadata": {"annotations": annotation}}}});
        let (status, answered) = api.patch(CHECKOUT, STRATEGIC, patch).await;
        assert_eq!(status, 200);
        let read = api.get(CHECKOUT).await;
        assert_eq!(read["spec"], answered["spec"], "at {speed}");
        assert_eq!(read["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"], now);
    }
}

#[tokio::test]
async fn a_budget_selects_by_its_expressions_and_by_nothing_nothing() {
    let api = Api::start().await;
    let pods = api.get(&format!("{PODS}?labelSelector=app.kubernetes.io/name%3Dfrontend")).await;
    let name = pods["items"][0]["metadata"]["name"].as_str().unwrap().to_owned();
    let path = format!("{PODS}/{name}/eviction?dryRun=All");
    let eviction = json!({"metadata": {"name": name, "namespace": "shop"}});
    let budgets = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets";
    let expression = |operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": "app.kubernetes.io/name", "operator": operator, "values": values}]});
    for (selector, status) in [
        (Value::Null, 201),
        (json!({}), 429),
        (expression("In", &["frontend", "checkout"]), 429),
        (expression("In", &["checkout"]), 201),
        (expression("NotIn", &["checkout"]), 429),
        (expression("NotIn", &["frontend"]), 201),
        (expression("Exists", &[]), 429),
        (expression("DoesNotExist", &[]), 201),
    ] {
        let spec = json!({"minAvailable": "100%", "selector": selector});
        assert_eq!(api.post(budgets, json!({"metadata": {"name": "one"}, "spec": spec})).await.0, 201);
        assert_eq!(api.post(&path, eviction.clone()).await.0, status, "{selector}");
        api.send("DELETE", &format!("{budgets}/one"), "application/json", "").await;
    }
}

#[tokio::test]
async fn a_sick_workload_does_not_make_its_namesake_sick() {
    let workload = |name: &str, ready: &str| {
        let template =
            json!({"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}});
        let owned = |kind: &str, owner: &str| json!([{"kind": kind, "name": owner, "uid": owner}]);
        let set = format!("{name}-7464b59bfd");
        let deployment = json!({"metadata": {"name": name, "namespace": "shop", "uid": name},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template}});
        let replicas = json!({"metadata": {"name": set, "namespace": "shop", "uid": set, "ownerReferences": owned("Deployment", name)},
            "spec": {"template": template}});
        let pod = json!({"metadata": {"name": format!("{set}-6rjrg"), "namespace": "shop", "ownerReferences": owned("ReplicaSet", &set)},
            "spec": template["spec"], "status": {"conditions": [{"type": "Ready", "status": ready}]}});
        [("Deployment", "apps/v1", deployment), ("ReplicaSet", "apps/v1", replicas), ("Pod", "v1", pod)]
    };
    let mut world = World::empty();
    let node = ("Node", "v1", json!({"metadata": {"name": "work"}}));
    for (kind, version, item) in
        workload("web", "True").into_iter().chain(workload("web-worker", "False")).chain([node])
    {
        let (api_version, kind) = (version.to_owned(), kind.to_owned());
        world.objects.push(ObjectList {
            api_version,
            kind,
            resource: String::new(),
            resource_version: None,
            items: vec![item],
        });
    }
    let api = Api::serving(start(world, Timeline::at_once()).await.unwrap());
    api.running.hurry_controllers();
    let web = "/apis/apps/v1/namespaces/shop/deployments/web";
    assert_eq!(api.patch(web, STRATEGIC, json!({"spec": {"replicas": 3}})).await.0, 200);
    assert_eq!(api.get(web).await["status"]["availableReplicas"], 3);
}
