//! The model client against a scripted server: what it says, and what it makes of every misbehaviour.
//!
//! What a real server can be asked is asked of one, too, when `LLM_BASE_URL` is set: see `model_real`.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use holmes_bot::adapters::http::{Auth, ClientSettings, EndpointSettings};
use holmes_bot::adapters::model::{Model, ModelError, ModelSettings, Priority, Stage, ToolMode};
use holmes_bot::agent::message::{Expect, Message, ToolCall, ToolSpec, TurnReply, TurnRequest, Usage};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::fake_model::{FakeModel, FakeServer, Say, SchemaSupport};
use crate::fakes;

pub fn settings(url: &str) -> ModelSettings {
    let client = ClientSettings { total_timeout: Some(Duration::from_secs(3)), ..Default::default() };
    let endpoint = EndpointSettings { url: url.into(), client, ..Default::default() };
    let turn_timeout = Duration::from_secs(20);
    ModelSettings { endpoint, model: None, context_tokens: None, concurrency: 2, turn_timeout, goal: turn_timeout }
}

pub fn model(fake: &FakeModel) -> Model {
    Model::new(settings(&fake.url())).unwrap()
}

pub fn request(expect: Expect) -> TurnRequest {
    let messages = vec![
        Message::System { text: "You explain incidents.".into() },
        Message::User { text: "Why does web-0 restart?".into() },
    ];
    TurnRequest { messages, expect, max_tokens: 256 }
}

pub fn tools() -> Expect {
    let parameters = json!({"type": "object", "properties": {"pod": {"type": "string"}}, "required": ["pod"]});
    Expect::Tools(vec![ToolSpec { name: "get_logs", description: "Read logs of a pod", parameters }])
}

pub fn document() -> Expect {
    let severity = json!({"type": "string", "enum": ["low", "medium", "high"]});
    let properties = json!({"severity": severity, "summary": {"type": "string", "maxLength": 60}});
    let schema = json!({"type": "object", "properties": properties, "required": ["severity", "summary"],
        "additionalProperties": false});
    Expect::Json { name: "report", schema }
}

/// A turn of a person with ten seconds' time, and the words that were shown.
pub async fn turn(model: &Model, request: &TurnRequest) -> (Result<TurnReply, ModelError>, String) {
    let shown = Arc::new(Mutex::new(String::new()));
    let mut show = {
        let shown = Arc::clone(&shown);
        move |words: &str| shown.lock().unwrap().push_str(words)
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    let reply = model.turn(request, Priority::Person, deadline, &mut show).await;
    let shown = shown.lock().unwrap().clone();
    (reply, shown)
}

async fn error(model: &Model, expect: Expect) -> ModelError {
    turn(model, &request(expect)).await.0.unwrap_err()
}

fn call(id: &str, name: &str, arguments: Value) -> ToolCall {
    ToolCall { id: id.into(), name: name.into(), arguments }
}

#[tokio::test]
async fn a_turn_is_streamed_and_says_what_it_cost() {
    let fake = FakeModel::start(vec![Say::text("It was killed for its memory [E1].").thinking("Hm, 137.")]).await;
    let (reply, shown) = turn(&model(&fake), &request(Expect::Text)).await;
    let reply = reply.unwrap();
    assert_eq!(reply.text, "It was killed for its memory [E1].");
    assert_eq!(shown, reply.text);
    assert!(reply.usage.is_some_and(|Usage { prompt, completion }| prompt > 10 && completion > 5));
    insta::assert_json_snapshot!(fake.requests()[0], @r#"
    {
      "model": "qwen",
      "messages": [
        {
          "role": "system",
          "content": "You explain incidents."
        },
        {
          "role": "user",
          "content": "Why does web-0 restart?"
        }
      ],
      "max_tokens": 256,
      "temperature": 0.2,
      "stream": true,
      "stream_options": {
        "include_usage": true
      }
    }
    "#);
}

#[tokio::test]
async fn calls_and_their_results_go_back_and_forth() {
    let two = [("get_logs", json!({"pod": "web-0"})), ("get_logs", json!({"pod": "web-1"}))];
    let fake = FakeModel::start(vec![Say::calls(two).with_text("I will look."), Say::text("Memory.")]).await;
    let model = model(&fake);
    let mut request = request(tools());
    let (reply, shown) = turn(&model, &request).await;
    let TurnReply { text, calls, clumsy, cut, .. } = reply.unwrap();
    assert_eq!((text.as_str(), shown.as_str(), clumsy, cut), ("I will look.", "I will look.", false, false));
    assert_eq!(calls.iter().map(|call| &call.arguments["pod"]).collect::<Vec<_>>(), ["web-0", "web-1"]);
    request.messages.push(Message::Assistant { text, calls: calls.clone() });
    for ToolCall { id, name, .. } in calls {
        request.messages.push(Message::Tool { call: id, name, text: "OOMKilled".into() });
    }
    // The last turn has no tools, although the conversation had.
    request.expect = Expect::Tools(Vec::new());
    assert_eq!(turn(&model, &request).await.0.unwrap().text, "Memory.");
    assert!(fake.requests()[1].get("tools").is_none());
}

#[tokio::test]
async fn calls_in_the_text_are_found_and_not_shown() {
    let logs = json!({"pod": "web-0"});
    for (say, shown, clumsy) in [
        (Say::call_as_text("get_logs", logs.clone()), "", true),
        (
            Say::text(
                "Let me look.\n<tool_call>{\"name\": \"get_logs\", \"arguments\": {\"pod\": \"web-0\"}}</tool_call>",
            ),
            "Let me look.\n",
            true,
        ),
        (Say::text("```json\n{\"name\": \"get_logs\", \"arguments\": {\"pod\": \"web-0\"}}\n```"), "", true),
        (Say::text("get_logs(pod=\"web-0\")"), "", true),
        (Say::text("[TOOL_CALLS][{\"name\": \"get_logs\", \"arguments\": {\"pod\": \"web-0\"}}]"), "", true),
        (
            Say::text(
                "<tool_call>\n<function=get_logs>\n<parameter=pod>\nweb-0\n</parameter>\n</function>\n</tool_call>",
            ),
            "",
            true,
        ),
        (Say::calls([("get_logs", logs.clone())]).finishing("stop"), "", false),
        (Say::calls([("get_logs", logs.clone())]).unstreamed(), "", false),
        (Say::call_as_text("get_logs", logs.clone()).unstreamed(), "", true),
    ] {
        let fake = FakeModel::start(vec![say]).await;
        let (reply, words) = turn(&model(&fake), &request(tools())).await;
        let reply = reply.unwrap();
        let expected = if clumsy {
            call("call00200", "get_logs", logs.clone())
        } else {
            call("chatcmpl-tool-0000000000000000", "get_logs", logs.clone())
        };
        assert_eq!((reply.calls, reply.clumsy), (vec![expected], clumsy));
        assert_eq!((words.as_str(), reply.text.as_str()), (shown, shown.trim()));
    }
}

#[tokio::test]
async fn broken_calls_are_no_calls() {
    for (say, cut) in [
        (Say::broken_call("get_logs", "{\"pod\": web"), false),
        (Say::broken_call("get_logs", "[1]"), false),
        (Say::broken_call("get_logs", "").cut(), true),
        (Say::text("<tool_call>\n{\"name\": \"get_logs\", \"").cut(), true),
    ] {
        let fake = FakeModel::start(vec![say]).await;
        let (reply, shown) = turn(&model(&fake), &request(tools())).await;
        let reply = reply.unwrap();
        let expected = TurnReply { clumsy: true, cut, usage: reply.usage, ..TurnReply::default() };
        assert_eq!((reply, shown.as_str()), (expected, ""));
    }
}

#[tokio::test]
async fn a_server_without_tool_calls_is_asked_once() {
    let server = FakeServer { tools: false, ..Default::default() };
    let fake = FakeModel::on(server, vec![]).await;
    let model = model(&fake);
    assert_eq!(model.profile().await.unwrap().tools, ToolMode::Native);
    for _ in 0..2 {
        let refused = error(&model, tools()).await;
        assert!(
            matches!(&refused, ModelError::ToolsRefused { said } if said.contains("--enable-auto-tool-choice")),
            "{refused}"
        );
    }
    assert_eq!(fake.requests().len(), 1);
    assert_eq!(model.profile().await.unwrap().tools, ToolMode::Guided);
}

#[tokio::test]
async fn a_model_that_does_better_with_a_schema_is_remembered() {
    let fake = FakeModel::start(vec![]).await;
    let model = model(&fake);
    model.profile().await.unwrap();
    model.prefers_guided();
    assert_eq!(model.profile().await.unwrap().tools, ToolMode::Guided);
}

#[tokio::test]
async fn a_schema_is_sent_as_the_server_wants_it() {
    for (schema, tries, field) in [
        (SchemaSupport::JsonSchema, 1, "response_format"),
        (SchemaSupport::JsonObject, 2, "response_format"),
        (SchemaSupport::StructuredOutputs, 3, "structured_outputs"),
        (SchemaSupport::None, 4, "messages"),
    ] {
        let answer = json!({"severity": "high", "summary": "OOM"});
        let server = FakeServer { schema, ..Default::default() };
        let fake = FakeModel::on(server, vec![Say::json(answer.clone()), Say::json(answer.clone())]).await;
        let model = model(&fake);
        for asked in [tries, tries + 1] {
            let (reply, shown) = turn(&model, &request(document())).await;
            let reply = reply.unwrap();
            assert_eq!(serde_json::from_str::<Value>(&reply.text).unwrap(), answer);
            assert_eq!(shown, reply.text);
            assert_eq!(fake.requests().len(), asked);
        }
        let last = fake.requests().pop().unwrap();
        let spelled_out = last["messages"][1]["content"].as_str().unwrap().contains("additionalProperties");
        assert_eq!(spelled_out, schema != SchemaSupport::JsonSchema);
        assert!(last.get(field).is_some());
    }
}

#[tokio::test]
async fn the_window_is_learned() {
    for (announces_window, configured, window, window_known) in [
        (true, None, 8000, true),
        (true, Some(6000), 6000, true),
        (true, Some(60_000), 8000, true),
        (false, Some(6000), 6000, true),
        (false, None, 4096, false),
    ] {
        let server = FakeServer { window: 8000, announces_window, ..Default::default() };
        let fake = FakeModel::on(server, vec![]).await;
        let settings = ModelSettings { context_tokens: configured, ..settings(&format!("{}/v1", fake.url())) };
        let profile = Model::new(settings).unwrap().profile().await.unwrap();
        assert_eq!((profile.window, profile.window_known), (window, window_known));
        assert_eq!(profile.name, "qwen");
    }
}

#[tokio::test]
async fn the_window_of_other_servers() {
    let list = |entry: Value| json!({"object": "list", "data": [entry]});
    let plain = || list(json!({"id": "m", "object": "model"}));
    let studio = json!({"data": [{"id": "m", "loaded_context_length": 5000, "max_context_length": 32_768}]});
    let llama: Value =
        serde_json::from_str(crate::model_captures::capture("llama-server/01-models").body.as_str()).unwrap();
    for (path, list, other, window) in [
        ("/none", llama, json!({}), (2048, true)),
        ("/none", list(json!({"id": "m", "meta": {"n_ctx_train": 2048}})), json!({}), (2048, false)),
        ("/props", plain(), json!({"default_generation_settings": {"n_ctx": 3000}}), (3000, true)),
        ("/api/v0/models", plain(), studio, (5000, true)),
        ("/api/ps", plain(), json!({"models": [{"name": "m", "context_length": 7000}]}), (7000, true)),
        ("/none", plain(), json!({}), (4096, false)),
    ] {
        let router = axum::Router::new()
            .route("/v1/models", axum::routing::get(move || async move { axum::Json(list) }))
            .route(path, axum::routing::get(move || async move { axum::Json(other) }));
        let fake = fakes::Fake::start(router).await;
        let profile = Model::new(settings(&fake.url())).unwrap().profile().await.unwrap();
        assert_eq!((profile.window, profile.window_known), window, "{path}");
    }
}

#[tokio::test]
async fn a_prompt_beyond_the_window_corrects_it() {
    let server = FakeServer { window: 2000, announces_window: false, ..Default::default() };
    let fake = FakeModel::on(server, vec![]).await;
    let model = model(&fake);
    assert_eq!(model.profile().await.unwrap().window, 4096);
    let mut long = request(Expect::Text);
    long.messages.push(Message::User { text: "restarts and again ".repeat(700) });
    let refused = turn(&model, &long).await.0.unwrap_err();
    assert!(matches!(refused, ModelError::ContextExceeded { limit: Some(2000), prompt: Some(2001..) }), "{refused}");
    let profile = model.profile().await.unwrap();
    assert_eq!((profile.window, profile.window_known), (2000, true));
}

#[tokio::test]
async fn silence_after_a_prompt_beyond_the_window_is_understood() {
    let server = FakeServer { announces_window: false, ..Default::default() };
    let fake = FakeModel::on(server, vec![Say::raw("text/event-stream", [b": ping\n\n".as_slice()])]).await;
    let mut long = request(Expect::Text);
    long.messages.push(Message::User { text: "restarts and again ".repeat(1000) });
    let refused = turn(&model(&fake), &long).await.0.unwrap_err();
    assert!(matches!(refused, ModelError::ContextExceeded { limit: None, prompt: Some(4097..) }), "{refused}");
}

#[tokio::test]
async fn an_answer_that_does_not_fit_behind_the_prompt_is_asked_for_shorter() {
    let older = "This model's maximum context length is 1000 tokens. However, you requested 1050 tokens (800 in the messages, \
                 250 in the completion).";
    let server = FakeServer { announces_window: false, ..Default::default() };
    let fake = FakeModel::on(server, vec![Say::status(400, older), Say::text("Memory.")]).await;
    assert_eq!(turn(&model(&fake), &request(Expect::Text)).await.0.unwrap().text, "Memory.");
    assert_eq!(fake.requests()[1]["max_tokens"], 200);
}

#[tokio::test]
async fn tokens_are_counted_by_the_server_where_it_can() {
    let fake = FakeModel::start(vec![]).await;
    let counting = model(&fake);
    assert!(counting.count_tokens("a pod").await >= 2);
    assert_eq!(fake.tokenized(), 1);
    let server = FakeServer { tokenizes: false, ..Default::default() };
    let fake = FakeModel::on(server, vec![]).await;
    let estimating = model(&fake);
    assert!(estimating.count_tokens("a pod").await >= 2);
    assert_eq!(fake.tokenized(), 0);
}

#[tokio::test]
async fn misbehaviours_have_names() {
    let again = "la femme au roi, ";
    for (say, line) in [
        (Say::status(500, "EngineCore died"), "the model server failed (HTTP 500): EngineCore died"),
        (Say::refusal(418, "{\"error\": \"no\"}"), "the model server refused the request (HTTP 418): no"),
        (Say::refusal(400, "{\"detail\": \"Bad\"}"), "the model server refused the request (HTTP 400): Bad"),
        (
            Say::garbage(),
            "the model server did not answer as expected: an HTML page \"Sign in\": is this the right URL?",
        ),
        (
            Say::raw("text/event-stream", [b"data: {\"choi\n\n".as_slice()]),
            "the model server did not answer as expected: its JSON cannot be read: EOF while parsing a string at line 1 column 6",
        ),
        (Say::raw("text/event-stream", [b"".as_slice()]), "the model's answer was empty"),
        (Say::raw("application/json", [b"{}".as_slice()]), "the model server did not answer as expected: `{}`"),
        (
            Say::context_exceeded(4096, 9000),
            "the prompt (9000 tokens) does not fit into the model's window (4096 tokens)",
        ),
        (Say::empty(), "the model's answer was empty"),
        (
            Say::empty().thinking("Hm."),
            "the model spent its whole answer on thinking: allow it more tokens, or switch its thinking off",
        ),
        (
            Say::text("<think>I wonder").cut(),
            "the model spent its whole answer on thinking: allow it more tokens, or switch its thinking off",
        ),
        (Say::endless(again), "the model's answer had no end: it repeats itself"),
        (Say::broken_after("It was"), "the model server broke off in the middle of its answer: "),
        (
            Say::raw("text/event-stream", [b"data: {\"choices\":[{\"delta\":{\"content\":\"It\"}}]}\n\n".as_slice()]),
            "the model server broke off in the middle of its answer: it ended without an end",
        ),
        (
            Say::raw("text/event-stream", [b"data: {\"error\":{\"message\":\"CUDA\",\"code\":500}}\n\n".as_slice()]),
            "the model server failed (HTTP 500): CUDA",
        ),
    ] {
        let fake = FakeModel::start(vec![say]).await;
        let error = error(&model(&fake), Expect::Text).await.to_string();
        assert!(error.starts_with(line), "{error}");
        fake.wait_for_open(0).await;
    }
}

#[tokio::test]
async fn odd_streams_are_understood() {
    let whole = "It was killed.";
    let done = b"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    for (say, text) in [
        (Say::text(whole).unstreamed(), whole),
        (Say::text(format!("<think>a</think>\n\n{whole}")), whole),
        (Say::text(format!("I wonder.\n</think>\n\n{whole}")), whole),
        (Say::raw("text/event-stream", [b"data: {\"choices\":[{\"delta\":{\"content\":\"It\"}}]}\r\n\r\n".as_slice(), done]), "It"),
        (Say::raw("text/plain", [b": ping\n\ndata:{\"choices\":[{\"delta\":{\"content\":\"It\"},\"finish_reason\":\"stop\"}]}".as_slice()]), "It"),
        (Say::raw("text/event-stream", [b"data: {\"choices\":[{\"delta\":{\"content\":\"It \xd0".as_slice(), b"\xbf \xff\"}}]}\n\n", done]), "It п \u{fffd}"),
        (Say::raw("text/event-stream", [b"data: {\"choices\":null}\n\ndata: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"It\"}]}}]}\ndata: [DONE]\n\n".as_slice()]), "It"),
    ] {
        let fake = FakeModel::start(vec![say]).await;
        assert_eq!(turn(&model(&fake), &request(Expect::Text)).await.0.unwrap().text, text);
    }
}

#[tokio::test]
async fn thinking_without_its_opening_mark_is_shown_once_only() {
    let say = || Say::text("I wonder.\n</think>\n\nMemory.");
    let fake = FakeModel::start(vec![say(), say()]).await;
    let model = model(&fake);
    let (first, shown) = turn(&model, &request(Expect::Text)).await;
    assert_eq!(first.unwrap().text, "Memory.");
    assert!(shown.starts_with("I wonder."), "{shown}");
    let (_, shown) = turn(&model, &request(Expect::Text)).await;
    assert_eq!(shown.trim(), "Memory.");
}

#[tokio::test]
async fn who_is_busy_is_asked_again_and_who_failed_is_not() {
    let fake = FakeModel::start(vec![Say::busy(0), Say::busy(0), Say::text("Memory.")]).await;
    assert_eq!(turn(&model(&fake), &request(Expect::Text)).await.0.unwrap().text, "Memory.");
    let fake = FakeModel::start(vec![Say::busy(0), Say::busy(3600)]).await;
    let busy = error(&model(&fake), Expect::Text).await;
    assert_eq!(busy.to_string(), "the model server is overloaded (HTTP 429) and wants to be asked again in 3600 s");
    let fake = FakeModel::start(vec![Say::broken_after("It"), Say::text("never")]).await;
    assert!(matches!(error(&model(&fake), Expect::Text).await, ModelError::BrokeOff { .. }));
    fake.forget_rest();
}

#[tokio::test]
async fn addresses_where_no_model_is() {
    let closed = format!("http://bot:secret@127.0.0.1:{}", crate::process::free_port());
    let unreachable = error(&Model::new(settings(&closed)).unwrap(), Expect::Text).await.to_string();
    assert!(unreachable.ends_with("connection refused") && !unreachable.contains("secret"), "{unreachable}");
    let login = fakes::login_page().await;
    let garbage = error(&Model::new(settings(&login.url())).unwrap(), Expect::Text).await.to_string();
    assert_eq!(
        garbage,
        "the model server did not answer as expected: an HTML page \"Sign in\": is this the right URL?"
    );
    assert!(matches!(Model::new(settings("vllm:8000")), Err(ModelError::Setup(_))));
}

#[tokio::test]
async fn keys_and_names_are_checked() {
    let server = || FakeServer { key: Some("sk-right".into()), ..Default::default() };
    let fake = FakeModel::on(server(), vec![Say::text("Memory.")]).await;
    let refused = error(&model(&fake), Expect::Text).await;
    assert_eq!(refused, ModelError::Unauthorized { code: 401 });
    let mut with_key = settings(&fake.url());
    with_key.endpoint.auth = Auth::Bearer("sk-right".to_owned().into());
    let with_key = |model: Option<&str>| ModelSettings { model: model.map(str::to_owned), ..with_key.clone() };
    assert!(turn(&Model::new(with_key(Some("qwen"))).unwrap(), &request(Expect::Text)).await.0.is_ok());
    let unknown = error(&Model::new(with_key(Some("llama"))).unwrap(), Expect::Text).await;
    assert_eq!(unknown.to_string(), "the model server has no model `llama`; set LLM_MODEL to one of: qwen");
}

#[tokio::test]
async fn silence_ends_with_its_time() {
    for (say, stage, shown) in [
        (Say::hang(), Stage::Beginning, ""),
        (Say::stuck_after("It was "), Stage::Silent(Duration::from_millis(400)), "It was "),
    ] {
        let fake = FakeModel::start(vec![say]).await;
        let settings = ModelSettings { turn_timeout: Duration::from_millis(800), ..settings(&fake.url()) };
        let (reply, words) = turn(&Model::new(settings).unwrap(), &request(Expect::Text)).await;
        assert_eq!((reply, words.as_str()), (Err(ModelError::TimedOut { stage }), shown));
        fake.wait_for_open(0).await;
    }
}

#[tokio::test]
async fn who_stops_listening_hangs_up() {
    let fake = FakeModel::start(vec![Say::stuck_after("It was ")]).await;
    let model = Arc::new(model(&fake));
    let task = tokio::spawn({
        let model = Arc::clone(&model);
        async move { turn(&model, &request(Expect::Text)).await.0 }
    });
    fake.wait_for_open(1).await;
    task.abort();
    fake.wait_for_open(0).await;
}

#[tokio::test]
async fn people_pass_a_storm_and_waiting_has_an_end() {
    let fake = FakeModel::start(vec![Say::stuck_after("a"), Say::text("Person."), Say::text("Automatic.")]).await;
    let model = Arc::new(Model::new(ModelSettings { concurrency: 1, ..settings(&fake.url()) }).unwrap());
    let running = tokio::spawn({
        let model = Arc::clone(&model);
        async move { turn(&model, &request(Expect::Text)).await.0 }
    });
    fake.wait_for_open(1).await;
    // The only place is taken.
    let request = request(Expect::Text);
    let (mut nothing, mut nothing_too) = (|_: &str| {}, |_: &str| {});
    let soon = Instant::now() + Duration::from_millis(50);
    let late = model.turn(&request, Priority::Automatic, soon, &mut nothing).await;
    assert_eq!(late, Err(ModelError::TimedOut { stage: Stage::Waiting }));
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut automatic = pin!(model.turn(&request, Priority::Automatic, deadline, &mut nothing));
    let mut person = pin!(model.turn(&request, Priority::Person, deadline, &mut nothing_too));
    assert!(futures::poll!(&mut automatic).is_pending() && futures::poll!(&mut person).is_pending());
    running.abort();
    let (automatic, person) = futures::join!(automatic, person);
    assert_eq!((person.unwrap().text.as_str(), automatic.unwrap().text.as_str()), ("Person.", "Automatic."));
}

#[tokio::test]
async fn a_server_that_does_one_thing_at_a_time_is_asked_one_by_one() {
    let begins = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n";
    let given_up = Say::raw("text/event-stream", [begins, b"data: [DONE]\n\n"]).after(Duration::from_millis(200));
    let half_a_second = Duration::from_millis(500);
    let fake = FakeModel::start(vec![
        given_up,
        Say::text("Second.").after(half_a_second),
        Say::text("First."),
        Say::text("Third.").after(half_a_second),
        Say::text("Fourth.").after(half_a_second),
    ])
    .await;
    let model = Arc::new(model(&fake));
    let ask = || {
        let model = Arc::clone(&model);
        tokio::spawn(async move { turn(&model, &request(Expect::Text)).await.0.unwrap().text })
    };
    let first = ask();
    fake.wait_for_open(1).await;
    let second = ask();
    assert_eq!((first.await.unwrap().as_str(), second.await.unwrap().as_str()), ("First.", "Second."));
    let begun = Instant::now();
    let (third, fourth) = (ask(), ask());
    let mut texts = [third.await.unwrap(), fourth.await.unwrap()];
    texts.sort_unstable();
    assert_eq!(texts, ["Fourth.", "Third."]);
    assert!(begun.elapsed() >= 2 * half_a_second, "one after the other");
}

#[tokio::test]
async fn check_says_what_is_there_and_what_to_do() {
    let good = vec![Say::calls([("get_pod", json!({"pod": "web-0"}))]), Say::json(json!({"next": "get_pod"}))];
    let fake = FakeModel::start(good).await;
    insta::assert_snapshot!(fakes::said(&model(&fake).check().await), @"
    ok model: qwen, served by vllm
    ok model window: 16384 tokens
    ok model tools: the model calls tools
    ok model schema: answers follow the schema
    ");
    let poor = FakeServer { tools: false, schema: SchemaSupport::None, announces_window: false, ..Default::default() };
    let fake = FakeModel::on(poor, vec![Say::text("I would look at the pod.")]).await;
    insta::assert_snapshot!(fakes::said(&model(&fake).check().await), @"
    ok model: qwen, served by vllm
    FAIL model window: the server does not say it; 4096 tokens are assumed -> set LLM_CONTEXT_TOKENS to what the server was started with
    ok model tools: not enabled on the server, turns with a schema are used instead (vLLM: --enable-auto-tool-choice --tool-call-parser hermes, or the parser of your model; llama.cpp: --jinja)
    FAIL model schema: the server does not enforce the answer's schema, and the model did not follow it -> use a server that does (vLLM, llama.cpp), or a larger model
    ");
    let gone = Model::new(settings("http://127.0.0.1:1/v1")).unwrap();
    insta::assert_snapshot!(fakes::said(&gone.check().await), @"FAIL model: no model: http://127.0.0.1:1/v1/models cannot be reached: connection refused -> is LLM_BASE_URL right, does the Service exist, and does a NetworkPolicy let us through?");
}
