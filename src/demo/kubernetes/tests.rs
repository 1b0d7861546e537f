//! The fake API server as kube-rs sees it, and against what the real one (1.34) answered.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Event, Namespace, Node, Pod, ResourceQuota, Secret, Service};
use kube::api::{Api, DeleteParams, ListParams, LogParams, Patch, PatchParams};
use kube::{Client, Config, ResourceExt};

use super::*;
use crate::demo::testing::{http_client, readable};
use crate::demo::{Running, Timeline, World};

async fn cluster() -> (Running, Client) {
    http_client();
    let running = readable(World::built_in().unwrap(), Timeline::at_once()).await;
    let config = Config::new(running.neighbours.kubernetes_url.parse().unwrap());
    let client = Client::try_from(config).unwrap();
    (running, client)
}

fn code<T: std::fmt::Debug>(result: Result<T, kube::Error>) -> (u16, String, String) {
    match result.unwrap_err() {
        kube::Error::Api(status) => (status.code, status.reason.clone(), status.message.clone()),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn kube_lists_by_pages_and_selectors() {
    let (_running, client) = cluster().await;
    assert_eq!(client.apiserver_version().await.unwrap().git_version, "v1.34.9");
    let pods: Api<Pod> = Api::namespaced(client.clone(), "shop");
    let all = pods.list(&ListParams::default()).await.unwrap();
    assert_eq!(all.items.len(), 6);
    let mut paged = Vec::new();
    let mut params = ListParams::default().limit(4);
    loop {
        let page = pods.list(&params).await.unwrap();
        paged.extend(page.items.iter().map(ResourceExt::name_any));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => break,
        }
    }
    assert_eq!(paged, all.items.iter().map(ResourceExt::name_any).collect::<Vec<_>>());
    let count = |params: ListParams| {
        let pods = pods.clone();
        async move { pods.list(&params).await.unwrap().items.len() }
    };
    assert_eq!(count(ListParams::default().labels("app.kubernetes.io/name=checkout")).await, 2);
    assert_eq!(
        count(ListParams::default().labels("app.kubernetes.io/name in (checkout,payments),pod-template-hash")).await,
        4
    );
    assert_eq!(count(ListParams::default().labels("app.kubernetes.io/name notin (checkout)")).await, 4);
    assert_eq!(count(ListParams::default().labels("!pod-template-hash")).await, 0);
    assert_eq!(count(ListParams::default().fields("metadata.name=frontend-768d598687-hstw9")).await, 1);
    assert_eq!(count(ListParams::default().fields("spec.nodeName=localhost,status.phase!=Running")).await, 0);
    // A comma behind a backslash belongs to the value, and begins no condition.
    assert_eq!(count(ListParams::default().fields(r"metadata.name=x\,metadata.name!\=y")).await, 0);
    let services: Api<Service> = Api::all(client.clone());
    let one = services.list(&ListParams::default()).await.unwrap().items.swap_remove(0);
    let address = one.spec.as_ref().unwrap().cluster_ip.clone().unwrap();
    let found = services.list(&ListParams::default().fields(&format!("spec.clusterIP={address}"))).await.unwrap();
    assert_eq!(found.items.iter().map(ResourceExt::name_any).collect::<Vec<_>>(), [one.name_any()]);
    let elsewhere: Api<Pod> = Api::namespaced(client.clone(), "nosuchns");
    assert!(elsewhere.list(&ListParams::default()).await.unwrap().items.is_empty());
    let everywhere: Api<Pod> = Api::all(client.clone());
    assert_eq!(everywhere.list(&ListParams::default()).await.unwrap().items.len(), 10);
    let events: Api<Event> = Api::namespaced(client.clone(), "shop");
    let about = ListParams::default()
        .fields("involvedObject.kind=Pod,involvedObject.name=payments-66d4f874d7-mtms4,type=Warning");
    let found = events.list(&about).await.unwrap().items;
    assert!(!found.is_empty() && found.iter().all(|event| event.type_.as_deref() == Some("Warning")));
    let metadata = everywhere.list_metadata(&ListParams::default().limit(3)).await.unwrap();
    assert_eq!((metadata.items.len(), metadata.metadata.remaining_item_count), (3, Some(7)));
    let nodes: Api<Node> = Api::all(client.clone());
    assert_eq!(nodes.get("localhost").await.unwrap().name_any(), "localhost");
    let namespaces: Api<Namespace> = Api::all(client);
    assert_eq!(namespaces.get("shop").await.unwrap().name_any(), "shop");
}

#[tokio::test]
async fn kube_gets_objects() {
    let (running, client) = cluster().await;
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "shop");
    let checkout = deployments.get("checkout").await.unwrap();
    assert_eq!(checkout.metadata.uid.as_deref().map(str::len), Some(36));
    let (status, reason, message) = code(deployments.get("nope").await);
    assert_eq!((status, reason.as_str(), message.as_str()), (404, "NotFound", "deployments.apps \"nope\" not found"));
    let calls: Vec<String> =
        running.calls.all().iter().map(|call| format!("{} {} {}", call.verb, call.group, call.resource)).collect();
    assert_eq!(calls, ["get apps deployments", "get apps deployments"]);
}

#[tokio::test]
async fn only_what_is_granted_can_be_read() {
    let (_running, client) = cluster().await;
    let quotas: Api<ResourceQuota> = Api::namespaced(client, "shop");
    let (status, _, message) = code(quotas.list(&ListParams::default()).await);
    let told = "cannot list resource \"resourcequotas\" in API group \"\" in the namespace \"shop\"";
    assert!(status == 403 && message.ends_with(told), "{status} {message}");
}

#[tokio::test]
async fn nothing_can_be_changed_and_secrets_stay_secret() {
    let (_running, client) = cluster().await;
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "shop");
    let patch = Patch::Merge(json!({"spec": {"replicas": 0}}));
    let (status, reason, message) = code(deployments.patch("checkout", &PatchParams::default(), &patch).await);
    assert_eq!((status, reason.as_str()), (403, "Forbidden"));
    assert_eq!(
        message,
        "deployments.apps \"checkout\" is forbidden: User \"system:serviceaccount:holmes:holmes-bot\" cannot patch resource \"deployments\" in API group \"apps\" in the namespace \"shop\""
    );
    assert_eq!(code(deployments.delete("checkout", &DeleteParams::default()).await).0, 403);
    let secrets: Api<Secret> = Api::namespaced(client, "shop");
    let (status, _, message) = code(secrets.list(&ListParams::default()).await);
    assert_eq!(status, 403);
    assert!(
        message.ends_with("cannot list resource \"secrets\" in API group \"\" in the namespace \"shop\""),
        "{message}"
    );
}

#[tokio::test]
async fn bad_requests_are_refused_in_the_servers_words() {
    let (running, client) = cluster().await;
    let pods: Api<Pod> = Api::namespaced(client.clone(), "shop");
    let list = |params: ListParams| {
        let pods = pods.clone();
        async move { code(pods.list(&params).await) }
    };
    assert_eq!(
        list(ListParams::default().fields("spec.foo=x")).await,
        (400, "BadRequest".into(), "field label not supported: spec.foo".into())
    );
    assert_eq!(
        list(ListParams::default().fields(r"metadata.name=x\y")).await,
        (400, "BadRequest".into(), r"invalid field selector: invalid escape sequence: \y".into())
    );
    let bad_label = "found '==', expected: !, identifier, or 'end of string'";
    assert_eq!(list(ListParams::default().labels("===")).await, (400, "BadRequest".into(), bad_label.into()));
    assert_eq!(list(ListParams::default().limit(1).continue_token("abc")).await.0, 400);
    let page = pods.list(&ListParams::default().limit(2)).await.unwrap();
    running.expire_continue_tokens();
    let (status, reason, _) =
        list(ListParams::default().limit(2).continue_token(&page.metadata.continue_.unwrap())).await;
    assert_eq!((status, reason.as_str()), (410, "Expired"));
    let http = http_client();
    for (path, expected) in [
        // Rights are looked at first.
        ("/api/v1/namespaces/shop/frobs", 403),
        ("/apis/metrics.k8s.io/v1beta1/pods", 403),
        ("/api/v1/pods?watch=1", 400),
        ("/readyz", 200),
    ] {
        let response = http.get(format!("{}{path}", running.neighbours.kubernetes_url)).send().await.unwrap();
        assert_eq!(response.status().as_u16(), expected, "{path}");
    }
}

#[tokio::test]
async fn reviews_tell_what_is_granted() {
    let (_running, client) = cluster().await;
    let ask = |verb: &str, resource: &str| {
        let body = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {"verb": verb, "resource": resource, "namespace": "shop"}}});
        let request = axum::http::Request::post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
            .header("content-type", "application/json");
        let request = request.body(body.to_string().into_bytes()).unwrap();
        let client = client.clone();
        async move { client.request::<Value>(request).await.unwrap()["status"]["allowed"].as_bool().unwrap() }
    };
    assert!(ask("list", "pods").await);
    assert!(!ask("list", "secrets").await);
    assert!(!ask("delete", "pods").await);
}

#[tokio::test]
async fn logs_are_those_of_the_pod() {
    let (_running, client) = cluster().await;
    let pods: Api<Pod> = Api::namespaced(client.clone(), "shop");
    let crashed = "payments-66d4f874d7-mtms4";
    let text = pods.logs(crashed, &LogParams::default()).await.unwrap();
    assert!(text.starts_with("2026-11-22 INFO  payments.boot") && text.contains("KeyError: 'DATABASE_URL'"), "{text}");
    let last =
        pods.logs(crashed, &LogParams { tail_lines: Some(1), timestamps: true, ..LogParams::default() }).await.unwrap();
    assert_eq!(last.lines().count(), 1);
    assert!(crate::demo::shift::parse(last.split(' ').next().unwrap()).is_some(), "{last}");
    let cut = pods.logs(crashed, &LogParams { limit_bytes: Some(10), ..LogParams::default() }).await.unwrap();
    assert_eq!(cut, "2026-11-22");
    assert!(
        pods.logs(crashed, &LogParams { previous: true, ..LogParams::default() }).await.unwrap().contains("Traceback")
    );
    assert_eq!(pods.logs(crashed, &LogParams { since_seconds: Some(1), ..LogParams::default() }).await.unwrap(), "");
    let bad = |name: &'static str, params: LogParams| {
        let pods = pods.clone();
        async move { code(pods.logs(name, &params).await) }
    };
    let frontend = "frontend-768d598687-hstw9";
    let (status, _, message) = bad(frontend, LogParams { previous: true, ..LogParams::default() }).await;
    assert_eq!(
        (status, message.as_str()),
        (400, "previous terminated container \"nginx\" in pod \"frontend-768d598687-hstw9\" not found")
    );
    let (status, _, message) =
        bad(frontend, LogParams { container: Some("nope".into()), ..LogParams::default() }).await;
    assert_eq!((status, message.as_str()), (400, "container nope is not valid for pod frontend-768d598687-hstw9"));
    let (status, _, message) = bad(frontend, LogParams { tail_lines: Some(-1), ..LogParams::default() }).await;
    assert_eq!(
        (status, message.as_str()),
        (
            422,
            "PodLogOptions \"frontend-768d598687-hstw9\" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0"
        )
    );
    assert_eq!(bad("nope", LogParams::default()).await.0, 404);
    let edge: Api<Pod> = Api::namespaced(client.clone(), "edge");
    let (status, _, message) = code(edge.logs("gateway-fn5lc", &LogParams::default()).await);
    assert_eq!(
        (status, message.as_str()),
        (400, "container \"gateway\" in pod \"gateway-fn5lc\" is waiting to start: trying and failing to pull image")
    );
    let ml: Api<Pod> = Api::namespaced(client, "ml");
    assert_eq!(ml.logs("trainer-0", &LogParams::default()).await.unwrap(), "");
}

#[tokio::test]
async fn a_pod_without_a_recorded_log_shows_what_the_log_store_has() {
    let mut world = World::built_in().unwrap();
    world.pod_logs.clear();
    let running = readable(world, Timeline::at_once()).await;
    let get = |path: &str| {
        http_client().get(format!("{}/api/v1/namespaces/shop/pods/{path}", running.neighbours.kubernetes_url))
    };
    let text = get("payments-66d4f874d7-mtms4/log").send().await.unwrap().text().await.unwrap();
    assert!(text.contains("KeyError: 'DATABASE_URL'"), "{text}");
    let previous = get("payments-66d4f874d7-mtms4/log?previous=true").send().await.unwrap().text().await.unwrap();
    assert!(previous.contains("Traceback") && previous != text);
    assert_eq!(get("frontend-768d598687-hstw9/log?previous=true").send().await.unwrap().status().as_u16(), 400);
}

#[tokio::test]
async fn what_has_not_happened_is_hidden_or_set_back() {
    let running = readable(World::built_in().unwrap(), Timeline::at_speed(1.0).unwrap()).await;
    let list = |resource: &str| http_client().get(format!("{}/api/v1/{resource}", running.neighbours.kubernetes_url));
    // The first notification came minutes before the rollouts and the jobs.
    let pods: Value = list("pods").send().await.unwrap().json().await.unwrap();
    let names: Vec<&str> =
        pods["items"].as_array().unwrap().iter().map(|pod| pod["metadata"]["name"].as_str().unwrap()).collect();
    assert!(
        names.contains(&"payments-6844b544d-vvmv2") && !names.iter().any(|name| name.starts_with("nightly-report")),
        "{names:?}"
    );
    let events: Value = list("events").send().await.unwrap().json().await.unwrap();
    let text = events.to_string();
    let now = chrono::Utc::now();
    for word in text.split('"') {
        assert!(crate::demo::shift::parse(word).is_none_or(|at| at <= now), "{word}");
    }
}
