//! Labels and a model's arguments that would say more in a query or an address than a name.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use holmes_bot::demo::World;
use serde_json::{Value, json};

use crate::bot::{Bot, all_done};
use crate::fake_model::{FakeModel, Say};
use crate::fakes::Fake;
use crate::process::{client, kubeconfig};
use crate::wait::within;

/// Stands in every hostile value; means something only where the value was more than a value.
const INJECTED: &str = "injected";

/// Every question makes a few calls only: some 40 of them are asked.
const ALL_CALLED_WITHIN: Duration = Duration::from_secs(300);

const HOSTILE: [&str; 14] = [
    "x\"} or vector(1) or injected{a=\"y",
    "x'} or injected{a='y",
    "x\") | stats count() injected | filter (\"",
    "x` injected `",
    "x\\",
    "x\\\" or injected or \\\"",
    "x\" # \n or injected",
    ".*|injected",
    "x)|(injected",
    "../../../../api/v1/namespaces/kube-system/secrets/injected",
    "..%2f..%2fsecrets%2finjected",
    "shop/secrets/injected?x=",
    "x?injected=1&watch=1#",
    "x,metadata.name!=injected",
];

/// One neighbour in the place of all: knows nothing, remembers what it was asked.
struct Ear {
    fake: Fake,
    heard: Arc<Mutex<Vec<(Method, Uri, String)>>>,
}

impl Ear {
    async fn open() -> Self {
        let heard: Arc<Mutex<Vec<(Method, Uri, String)>>> = Arc::default();
        let into = Arc::clone(&heard);
        let router = Router::new().fallback(move |method: Method, uri: Uri, body: Bytes| async move {
            let answer = answer(uri.path());
            into.lock().unwrap().push((method, uri, String::from_utf8_lossy(&body).into_owned()));
            answer
        });
        Self { fake: Fake::start(router).await, heard }
    }

    /// What was asked below a path: the rest of the target, and the body.
    fn heard(&self, below: &str) -> Vec<(Method, String, String)> {
        let heard = self.heard.lock().unwrap();
        let rest = |uri: &Uri| uri.to_string().strip_prefix(below).map(str::to_owned);
        heard.iter().filter_map(|(method, uri, body)| Some((method.clone(), rest(uri)?, body.clone()))).collect()
    }
}

fn answer(path: &str) -> Response {
    let metadata = json!({"resourceVersion": "1"});
    if path.starts_with("/metrics-at/") {
        return Json(json!({"status": "success", "data": {"resultType": "vector", "result": []}})).into_response();
    }
    if !path.starts_with("/cluster/") {
        return "".into_response();
    }
    let last = path.rsplit('/').next().unwrap_or_default();
    let is_list = last.len() > 3 && last.ends_with('s') && last.chars().all(|c| c.is_ascii_lowercase());
    if path.ends_with("/namespaces") {
        let item = json!({"metadata": {"name": "shop"}, "spec": {}, "status": {"phase": "Active"}});
        return Json(json!({"kind": "NamespaceList", "apiVersion": "v1", "metadata": metadata, "items": [item]}))
            .into_response();
    }
    if is_list {
        return Json(json!({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": []})).into_response();
    }
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "NotFound",
        "message": "not found", "code": 404});
    (StatusCode::NOT_FOUND, Json(status)).into_response()
}

fn alert(number: usize, labels: &[(&str, &str)]) -> Value {
    let mut all = json!({"alertname": format!("Broken{number}"), "severity": "critical"});
    for (name, value) in labels {
        all[*name] = json!(value);
    }
    json!({"version": "4", "groupKey": "{}", "status": "firing", "receiver": "holmes", "alerts": [{
        "status": "firing", "labels": all, "annotations": {"summary": labels[0].1}, "startsAt": chrono::Utc::now().to_rfc3339(),
        "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", "fingerprint": format!("f{number}"),
    }]})
}

/// The strings of a query, each with whether it is a regular expression, and what is no string.
fn taken_apart(query: &str) -> (Vec<(String, bool)>, String) {
    let (mut strings, mut outside) = (Vec::new(), String::new());
    let mut rest = query.chars();
    while let Some(c) = rest.next() {
        if !matches!(c, '"' | '\'' | '`') {
            outside.push(c);
            continue;
        }
        let is_regex = outside.trim_end().ends_with('~') || outside.trim_end().ends_with("re(");
        let mut string = String::new();
        loop {
            match rest.next().unwrap_or_else(|| panic!("a string does not end: {query}")) {
                '\\' if c != '`' => match rest.next().unwrap() {
                    'n' => string.push('\n'),
                    'u' => string.push(code_point(&mut rest)),
                    other => string.push(other),
                },
                end if end == c => break,
                letter => string.push(letter),
            }
        }
        outside.push_str("\"\"");
        strings.push((string, is_regex));
    }
    (strings, outside)
}

/// The character of `\u00e9`, once the mark is read.
fn code_point(rest: &mut std::str::Chars<'_>) -> char {
    let digits: String = rest.take(4).collect();
    char::from_u32(u32::from_str_radix(&digits, 16).unwrap()).unwrap()
}

fn assert_query(query: &str) {
    let (strings, outside) = taken_apart(query);
    assert!(!outside.contains(INJECTED), "{query} says more than a name");
    assert!(!outside.contains("vector(1)") && !outside.contains("stats count() injected"), "{query}");
    for (string, is_regex) in strings {
        let matches = is_regex && regex::Regex::new(&format!("^(?:{string})$")).unwrap().is_match(INJECTED);
        assert!(!matches, "{query} matches what was not named");
    }
}

fn parameters(target: &str, body: &str) -> Vec<(String, String)> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    [query, body]
        .iter()
        .flat_map(|text| {
            reqwest::Url::parse(&format!("http://x/?{text}")).unwrap().query_pairs().into_owned().collect::<Vec<_>>()
        })
        .collect()
}

fn assert_cluster(method: &Method, target: &str) {
    let path = target.split('?').next().unwrap();
    let name = |part: &str| {
        !part.is_empty() && part != ".." && part.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:".contains(c))
    };
    // Percent signs, too, are no part of a name: the API server decodes them first.
    assert!(path.split('/').skip(1).all(name), "{method} {target}");
    assert!(!path.contains("secrets"), "{method} {target}");
    for (key, value) in parameters(target, "") {
        assert!(!key.contains(INJECTED) && key != "watch", "{method} {target}");
        if key == "fieldSelector" {
            let terms = value.replace("\\,", "").replace("\\=", "");
            assert!(terms.split(',').all(|term| !term.starts_with("metadata.name!")), "{method} {target}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_stays_a_value() {
    let ear = Ear::open().await;
    let url = ear.fake.url();
    let calls = Mutex::new(HOSTILE.iter().flat_map(|hostile| calls(hostile)).collect::<Vec<_>>());
    let model = FakeModel::answering(move |request| match request["response_format"]["json_schema"]["name"].as_str() {
        Some("report") => Say::json(
            json!({"missing": [], "established": false, "cause": {"text": "", "evidence": []}, "confirmed": [],
            "suspected": [], "impact": {"text": "", "evidence": []}, "healthy": [], "next_steps": [], "actions": []}),
        ),
        Some(_) => Say::json(json!({"answer": "Done."})),
        None => {
            let mut calls = calls.lock().unwrap();
            if calls.len() < 4 {
                Say::text("READY")
            } else {
                let [a, b, c, d] = [0; 4].map(|_| calls.pop().unwrap());
                Say::calls([(a.0, a.1), (b.0, b.1), (c.0, c.1), (d.0, d.1)])
            }
        }
    })
    .await;
    let files = tempfile::tempdir().unwrap();
    let settings = [
        ("METRICS_URL", format!("{url}/metrics-at")),
        ("LOGS_URL", format!("{url}/logs-at")),
        ("KUBECONFIG", kubeconfig(files.path(), &format!("{url}/cluster"), "x")),
        ("LLM_BASE_URL", model.url()),
        ("LLM_EXPLAIN_TURNS", "1".to_owned()),
    ];
    let bot = Bot::start(World::empty(), &settings, false).await;
    let mut number = 0;
    for hostile in HOSTILE {
        for labels in [
            &[("deployment", hostile), ("namespace", "shop")][..],
            &[("pod", hostile), ("namespace", hostile), ("container", hostile)],
            &[("statefulset", hostile), ("namespace", hostile)],
            &[("node", hostile)],
            &[("service", hostile), ("namespace", "shop")],
            &[("persistentvolumeclaim", hostile), ("namespace", "shop")],
            &[("job_name", hostile), ("namespace", "shop"), ("instance", hostile)],
        ] {
            number += 1;
            assert_eq!(bot.deliver(&alert(number, labels)).await, 200, "{labels:?}");
        }
    }
    let alerts = |all: &[Value]| -> usize { all.iter().map(|one| one["alerts"].as_array().unwrap().len()).sum() };
    let incidents = bot.incidents(|all| alerts(all) == number && all_done(all)).await;
    let called = async || !bot.get("/api/v1/knowledge/notes").await["notes"].as_array().unwrap().is_empty();
    within(ALL_CALLED_WITHIN, "the last of all calls", async || {
        if !called().await {
            let body = json!({"text": "look", "author": "ann", "incident": incidents[0]["id"]});
            client().post(format!("{}/api/v1/questions", bot.url)).json(&body).send().await.unwrap();
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        called().await.then_some(())
    })
    .await;

    let (metrics, logs, cluster) = (ear.heard("/metrics-at"), ear.heard("/logs-at"), ear.heard("/cluster"));
    assert!(
        metrics.len() > 50 && logs.len() > 50 && cluster.len() > 50,
        "{} {} {}",
        metrics.len(),
        logs.len(),
        cluster.len()
    );
    for (_, target, body) in &metrics {
        for (name, query) in parameters(target, body) {
            if name == "query" || name == "match[]" {
                assert_query(&query);
                promql_parser::parser::parse(&query).unwrap_or_else(|error| panic!("{query}: {error}"));
            }
        }
    }
    for (_, target, body) in &logs {
        for (name, query) in parameters(target, body) {
            if name == "query" {
                assert_query(&query);
            }
        }
    }
    for (method, target, _) in &cluster {
        assert_cluster(method, target);
    }
    // Nothing was asked of anybody else.
    let ours = ["/metrics-at", "/logs-at", "/cluster", "/metrics"];
    let other: Vec<String> = ear.heard("").into_iter().map(|(_, target, _)| target).collect();
    assert!(other.iter().all(|target| ours.iter().any(|known| target.starts_with(known))), "{other:?}");
    bot.stop().await;
}

/// What a model that was talked into it would call; the last ones are called first.
fn calls(hostile: &'static str) -> Vec<(&'static str, Value)> {
    let note = |number: u32| ("add_note", json!({"content": format!("all was called {number}")}));
    let all = vec![
        ("query_logs", json!({"namespace": hostile, "pod": hostile, "filter": hostile})),
        ("query_error_logs", json!({"namespace": hostile, "pod": hostile})),
        ("search_logs", json!({"text": hostile, "namespace": "shop"})),
        ("list_log_streams", json!({"namespace": hostile})),
        ("logs_stats", json!({"namespace": hostile})),
        ("kubernetes_get", json!({"kind": "pods", "name": hostile, "namespace": "shop"})),
        ("kubernetes_get", json!({"kind": "deployments", "namespace": hostile})),
        ("kubernetes_get", json!({"kind": hostile})),
        ("kubernetes_events", json!({"namespace": hostile, "name": hostile})),
        ("kubernetes_logs", json!({"namespace": "shop", "pod": hostile, "container": hostile})),
        ("kubernetes_rollouts", json!({"namespace": "shop", "workload": hostile})),
    ];
    if hostile == HOSTILE[0] { (0..5).map(note).chain(all).collect() } else { all }
}
