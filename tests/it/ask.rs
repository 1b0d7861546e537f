//! The model in the thread: it explains incidents, answers questions with tools that only read, and costs nothing but its
//! own words when it fails.

use holmes_bot::demo::World;
use serde_json::{Value, json};

use crate::bot::{Bot, all_done};
use crate::fake_model::{FakeModel, FakeServer, Say};
use crate::process::{client, firing};
use crate::wait::{until, until_is};

fn claim(text: &str, evidence: &[&str]) -> Value {
    json!({"text": text, "evidence": evidence})
}

fn report(cause: Value) -> Value {
    json!({
        "missing": [], "established": true, "cause": cause, "confirmed": [], "suspected": [],
        "impact": claim("", &[]), "healthy": [], "next_steps": ["Look at the rollout."],
    })
}

/// The words of all user messages: the last of them says what is wanted.
pub fn user_text(request: &Value) -> String {
    let messages = request["messages"].as_array().unwrap();
    let users = messages.iter().filter(|message| message["role"] == "user");
    users.filter_map(|message| message["content"].as_str()).collect::<Vec<_>>().join("\n")
}

fn schema(request: &Value) -> &str {
    request["response_format"]["json_schema"]["name"].as_str().unwrap_or("none")
}

impl Bot {
    /// Puts a question and waits for its answer.
    async fn ask(&self, question: &str, incident: Option<&str>) -> Value {
        let body = json!({"text": question, "incident": incident, "author": "ann"});
        let answer = client().post(format!("{}/api/v1/questions", self.url)).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 202);
        let asked: Value = answer.json().await.unwrap();
        let path = format!(
            "{}/api/v1/incidents/{}/questions/{}?wait=30",
            self.url,
            asked["incident"].as_str().unwrap(),
            asked["id"].as_str().unwrap()
        );
        until("an answer", async || {
            let answer = client().get(&path).send().await.unwrap();
            let answer: Value = if answer.status() == 200 { answer.json().await.unwrap() } else { return None };
            (answer["status"] == "answered" || answer["status"] == "failed").then_some(answer)
        })
        .await
    }

    /// The incident about the thing of this name, once the model has spoken or was given up.
    async fn explained(&self, name: &str) -> Value {
        let ended = |incident: &Value| ["given", "missing"].iter().any(|end| incident["explanation"]["state"] == *end);
        until_is("an explanation", async || self.investigated(name).await, ended).await
    }
}

fn post<'a>(incident: &'a Value, kind: &str) -> &'a str {
    let thread = incident["thread"].as_array().unwrap();
    thread.iter().find(|post| post["kind"] == kind).and_then(|post| post["text"].as_str()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_incident_is_explained_in_one_turn() {
    let model = FakeModel::answering(|request| {
        assert_eq!(schema(request), "report");
        assert!(user_text(request).contains("<evidence id=\"E1\""));
        Say::json(report(claim("The evidence shows it, and so does redis-master-9.", &["E1"])))
    })
    .await;
    let bot = Bot::in_the_shop(&[("LLM_BASE_URL", model.url().as_str()), ("LLM_EXPLAIN_TURNS", "1")]).await;
    bot.play().await;
    bot.incidents(|incidents| incidents.len() == 7 && all_done(incidents)).await;
    for name in ["checkout", "payments", "catalog", "frontend", "nightly-report", "trainer", "gateway"] {
        let incident = bot.explained(name).await;
        assert_eq!(incident["explanation"]["state"], "given", "{name}: {}", incident["explanation"]);
        assert_eq!(incident["explanation"]["turns"], 1);
        assert_eq!(incident["explanation"]["cause"]["unverified"], json!(["redis-master-9"]), "{name}");
        let text = post(&incident, "report");
        assert!(text.contains("The evidence shows it") && text.contains("⚠️"), "{text}");
        assert!(text.contains("**Likely cause**"), "what the analysers found stays: {text}");
    }
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_with_what_tools_bring() {
    let model = FakeModel::answering(|request| match schema(request) {
        "report" => Say::json(report(claim("See the evidence.", &["E1"]))),
        "answer" => Say::json(json!({"answer": "checkout was killed [E1]. See **its log** and [x](http://evil)."})),
        _ => {
            let asked = user_text(request).contains("Question from ann");
            assert!(asked && request["tools"].as_array().is_some_and(|tools| tools.len() > 10));
            let answered = request["messages"].as_array().unwrap().iter().any(|message| message["role"] == "tool");
            if answered {
                Say::text("READY")
            } else {
                Say::calls([
                    ("query_error_logs", json!({"namespace": "shop"})),
                    ("kubernetes_rollouts", json!({"namespace": "shop", "workload": "checkout"})),
                    ("kubernetes_logs", json!({"namespace": "shop", "pod": "no-such-pod"})),
                    ("kubernetes_get", json!({"kind": "secret", "namespace": "shop"})),
                ])
            }
        }
    })
    .await;
    let bot = Bot::in_the_shop(&[("LLM_BASE_URL", &model.url())]).await;
    bot.play().await;
    bot.incidents(|incidents| incidents.len() == 7 && all_done(incidents)).await;
    let before = bot.explained("checkout").await;
    let id = before["id"].as_str().unwrap();
    let answer = bot.ask("why is checkout down?", Some(id)).await;
    assert_eq!(answer["status"], "answered", "{answer}");
    // Look, look no further, answer; and the address that no evidence holds went back once.
    assert_eq!((&answer["turns"], &answer["author"]), (&json!(4), &json!("ann")));
    assert_eq!(answer["unverified"], json!(["http://evil"]));
    let after = bot.get(&format!("/api/v1/incidents/{id}")).await;
    let count = |incident: &Value| incident["evidence"].as_array().unwrap().len();
    assert_eq!(count(&after), count(&before) + 2, "two calls brought evidence");
    assert_eq!(post(&after, "question"), "why is checkout down?");
    let said = post(&after, "answer");
    assert!(said.contains("**its log**") && said.contains("[E1]"), "{said}");
    assert!(!said.contains("](http://evil)"), "a model's links are no links: {said}");
    // The refusals named what exists.
    let tools: String = model
        .requests()
        .iter()
        .flat_map(|request| request["messages"].as_array().unwrap().clone())
        .filter(|message| message["role"] == "tool")
        .map(|message| message["content"].as_str().unwrap_or_default().to_owned())
        .collect::<Vec<String>>()
        .join("\n");
    assert!(tools.contains("no such pod: no-such-pod; these exist: "), "{tools}");
    assert!(tools.contains("Secrets are never read"), "{tools}");
    // The same thread goes on: what was said before is part of the next prompt.
    bot.ask("and since when?", Some(id)).await;
    assert!(user_text(model.requests().last().unwrap()).contains("ann: why is checkout down?"));
    let page = client().get(format!("{}/incidents/{id}", bot.url)).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("why is checkout down?") && page.contains("href=\"#E1\">E1</a>"));
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_about_no_incident_has_a_thread_of_its_own() {
    let model = FakeModel::answering(|request| match schema(request) {
        "report" => Say::json(report(claim("See the evidence.", &["E1"]))),
        "answer" => Say::json(json!({"answer": "Seven incidents are open."})),
        _ => Say::text("READY"),
    })
    .await;
    let bot = Bot::in_the_shop(&[("LLM_BASE_URL", &model.url())]).await;
    bot.play().await;
    bot.incidents(|incidents| incidents.len() == 7 && all_done(incidents)).await;
    let answer = bot.ask("What is open? password=hunter2secret", None).await;
    assert_eq!(answer["answer"], "Seven incidents are open.");
    let thread = bot.get(&format!("/api/v1/incidents/{}", answer["incident"].as_str().unwrap())).await;
    assert_eq!(post(&thread, "answer"), "Seven incidents are open.");
    assert!(!thread.to_string().contains("hunter2secret"), "what a person types is cleaned, too");
    assert!(model.requests().iter().all(|request| !request.to_string().contains("hunter2secret")));
    let listed = bot.get("/api/v1/questions").await;
    assert_eq!(listed["questions"].as_array().unwrap().len(), 1);
    assert_eq!(bot.get("/api/v1/incidents?status=all").await["incidents"].as_array().unwrap().len(), 7);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tool_calls_is_led_by_a_schema() {
    let server = FakeServer { tools: false, ..FakeServer::default() };
    let model = FakeModel::on_answering(server, |request| match schema(request) {
        "report" => Say::json(report(claim("See the evidence.", &["E1"]))),
        "answer" => Say::json(json!({"answer": "Nothing is wrong there."})),
        "step" if user_text(request).contains("<evidence id=") => Say::json(json!({"tool": "answer", "arguments": {}})),
        "step" => Say::json(json!({"tool": "kubernetes_get", "arguments": {"kind": "pods", "namespace": "shop"}})),
        other => panic!("nobody asks for {other}"),
    })
    .await;
    let bot = Bot::in_the_shop(&[("LLM_BASE_URL", &model.url())]).await;
    let answer = bot.ask("which pods are there in shop?", None).await;
    assert_eq!(answer["answer"], "Nothing is wrong there.");
    let thread = bot.get(&format!("/api/v1/incidents/{}", answer["incident"].as_str().unwrap())).await;
    let evidence = thread["evidence"][0]["excerpt"].as_str().unwrap();
    assert!(evidence.contains("checkout-7464b59bfd-6rjrg ready 0/1"), "{evidence}");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fails_costs_only_its_own_words() {
    let settings = |url: &str| {
        [
            ("LLM_BASE_URL", url.to_owned()),
            ("LLM_TURN_DEADLINE", "1s".to_owned()),
            ("LLM_EXPLAIN_DEADLINE", "2s".to_owned()),
            ("LLM_QUESTION_DEADLINE", "2s".to_owned()),
        ]
    };
    type Trouble = (&'static str, fn() -> Say);
    let troubles: [Trouble; 8] = [
        ("hangs", Say::hang),
        ("answers nothing", Say::empty),
        ("answers a page", Say::garbage),
        ("never ends", || Say::endless("again and again ")),
        ("breaks off", || Say::broken_after("{\"cause\": {\"te")),
        ("fails", || Say::status(500, "CUDA out of memory")),
        ("is not UTF-8", || Say::raw("text/event-stream", [b"data: \xff\xfe\n\n"])),
        ("has a tiny window", || Say::context_exceeded(100, 9000)),
    ];
    for (trouble, say) in troubles {
        let model = FakeModel::answering(move |_| say()).await;
        let settings = settings(&model.url());
        let bot = Bot::start(World::empty(), &settings, false).await;
        assert_eq!(bot.deliver(&firing("Down", "web")).await, 200);
        let incident = bot.explained("web").await;
        assert_eq!(incident["progress"], "done", "{trouble}");
        assert_eq!(incident["explanation"]["state"], "missing", "{trouble}");
        let reason = incident["explanation"]["reason"].as_str().unwrap();
        assert!(!reason.is_empty());
        assert!(
            post(&incident, "report").contains("The model did not answer"),
            "{trouble}: {}",
            post(&incident, "report")
        );
        let answer = bot.ask("why?", incident["id"].as_str()).await;
        assert_eq!(answer["status"], "failed", "{trouble}: {answer}");
        assert!(answer["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{trouble}");
        model.take_violations();
        bot.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_window_still_gives_an_answer() {
    let server = FakeServer { window: 4096, ..FakeServer::default() };
    let model = FakeModel::on_answering(server, |request| match schema(request) {
        "report" => Say::json(report(claim("The limit of 48 MiB was reached.", &["E2"]))),
        "answer" => Say::json(json!({"answer": "The limit was reached [E2]."})),
        _ => Say::calls([("query_logs", json!({"namespace": "shop", "limit": 500}))]),
    })
    .await;
    let bot = Bot::in_the_shop(&[("LLM_BASE_URL", &model.url())]).await;
    bot.play().await;
    bot.incidents(|incidents| incidents.len() == 7 && all_done(incidents)).await;
    let checkout = bot.explained("checkout").await;
    assert_eq!(checkout["explanation"]["state"], "given");
    let answer = bot.ask("why?", checkout["id"].as_str()).await;
    assert_eq!(answer["status"], "answered", "{answer}");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tool_reads_the_recorded_cluster() {
    for (tool, arguments, expected) in [
        ("query_metrics", json!({"query": "sum(kube_pod_container_status_restarts_total{namespace=\"shop\"})"}), "{}"),
        ("query_metrics_range", json!({"query": "container_memory_working_set_bytes{namespace=\"shop\"}"}), "peak"),
        ("query_metrics", json!({"query": "no_such_metric"}), "no series matches"),
        ("query_metrics", json!({"query": "sum("}), "error:"),
        ("query_logs", json!({"namespace": "shop", "pod": "payments"}), "DATABASE_URL"),
        ("query_logs", json!({"namespace": "nowhere"}), "no such namespace: nowhere; these exist: "),
        ("query_error_logs", json!({"namespace": "shop"}), "×"),
        ("search_logs", json!({"text": "connection refused", "namespace": "shop"}), "10.0.0.12:5432"),
        ("list_log_streams", json!({"namespace": "shop"}), "shop/"),
        ("logs_stats", json!({"namespace": "batch"}), "relation \"orders_"),
        ("kubernetes_get", json!({"kind": "pods", "namespace": "ml"}), "trainer-0 ready 0/1"),
        ("kubernetes_get", json!({"kind": "deployment", "name": "checkout", "namespace": "shop"}), "CACHE_WARMUP"),
        (
            "kubernetes_get",
            json!({"kind": "deployment", "name": "chekout", "namespace": "shop"}),
            "these exist: checkout",
        ),
        ("kubernetes_get", json!({"kind": "widget"}), "kind `widget` cannot be read"),
        ("kubernetes_events", json!({"namespace": "ml"}), "FailedScheduling"),
        (
            "kubernetes_logs",
            json!({"namespace": "shop", "pod": "payments-6844b544d-vvmv2", "previous": true}),
            "there is no log: previous terminated container",
        ),
        ("kubernetes_rollouts", json!({"namespace": "shop", "workload": "deployment/checkout"}), "1.9.0"),
        ("search_runbooks", json!({"query": "pod was OOM killed"}), "oom-killed"),
        ("search_incident_history", json!({"query": "checkout"}), "nothing is written"),
        ("search_knowledge", json!({"query": "node not ready"}), "node"),
        ("add_note", json!({"content": "checkout needs 64Mi", "tags": ["checkout"]}), "the note is kept"),
        ("no_such_tool", json!({}), "there is no tool `no_such_tool`"),
    ] {
        let wanted = arguments.clone();
        let model = FakeModel::answering(move |request| {
            let answered = request["messages"].as_array().unwrap().iter().any(|message| message["role"] == "tool");
            match schema(request) {
                "answer" => Say::json(json!({"answer": "Done."})),
                _ if answered => Say::text("READY"),
                _ => Say::calls([(tool, wanted.clone())]),
            }
        })
        .await;
        let bot = Bot::in_the_shop(&[("LLM_BASE_URL", &model.url())]).await;
        let answer = bot.ask("look", None).await;
        assert_eq!(answer["status"], "answered", "{tool}: {answer}");
        let said: Vec<String> = model
            .requests()
            .iter()
            .flat_map(|request| request["messages"].as_array().unwrap().clone())
            .filter(|message| message["role"] == "tool")
            .map(|message| message["content"].as_str().unwrap_or_default().to_owned())
            .collect();
        assert!(said.iter().any(|said| said.contains(expected)), "{tool} {arguments}: {said:?}");
        assert!(!said.iter().any(|said| said.contains("s3cr3t-Pa55")), "{tool}: a secret was shown");
        bot.stop().await;
    }
}
