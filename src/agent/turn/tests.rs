//! Conversations from the first turn to their end, whatever the model says.

use serde_json::json;

use super::*;
use crate::agent::message::Message;
use crate::agent::tokens::estimate_prompt;
use crate::agent::tools::{Available, specs};
use crate::domain::evidence::{Draft, EvidenceData, EvidenceId, Source};
use crate::domain::redact::Redactor;
use crate::domain::subject::{ObjectRef, SubjectKind};
use crate::domain::window::Window;

fn evidence(id: u16, text: &str) -> Evidence {
    let time = chrono::DateTime::UNIX_EPOCH;
    let draft = Draft {
        source: Source::Logs,
        about: ObjectRef { kind: SubjectKind::Deployment, namespace: Some("shop".into()), name: "web".into() },
        title: "Logs".into(),
        query: "q".into(),
        window: Window::new(time, time),
        data: EvidenceData::Events { events: Vec::new() },
        link: None,
    };
    Evidence::new(EvidenceId(id), draft, &Redactor::new(), |_| text.to_owned())
}

fn brief(task: Task) -> Brief {
    let piece = |name: &str, rank| Piece {
        name: name.into(),
        opening: format!("<evidence id=\"{name}\">\n"),
        text: "limit 48 MiB reached\n".repeat(400),
        closing: "</evidence>\n".into(),
        rank,
        share: 100,
    };
    Brief {
        task,
        script: Script {
            system: "SYSTEM".into(),
            task: "TASK".into(),
            guided: "GUIDED".into(),
            answer: "ANSWER NOW".into(),
            plain: "IN WORDS".into(),
            correct: "NOT FOUND: {}".into(),
            left_out: "NO ROOM FOR {}".into(),
        },
        pieces: vec![piece("E1", 1), piece("E2", 2)],
        evidence: vec![evidence(1, "limit 48 MiB reached"), evidence(2, "rolled out 1.9.0")],
        findings: Vec::new(),
        given: "alert Down on shop/web".into(),
        tools: specs(Available { metrics: true, logs: true, kubernetes: true, notes: false }),
        may_propose: false,
        guided: false,
        plain: false,
        limits: Limits { turns: 4, window: 16_000, answer: 600, hurry: false },
    }
}

fn says(text: impl ToString) -> Input {
    Input::Reply(TurnReply { text: text.to_string(), ..TurnReply::default() })
}

fn calls(names: &[(&str, Value)]) -> Input {
    let calls = names.iter().map(|(name, arguments)| ToolCall {
        id: "same".into(),
        name: (*name).into(),
        arguments: arguments.clone(),
    });
    Input::Reply(TurnReply { calls: calls.collect(), ..TurnReply::default() })
}

fn asked(step: Step) -> TurnRequest {
    match step {
        Step::Ask(request) => request,
        other => panic!("the model should be asked: {other:?}"),
    }
}

fn called(step: Step) -> Vec<ToolCall> {
    match step {
        Step::Call(calls) => calls,
        other => panic!("tools should be called: {other:?}"),
    }
}

fn done(step: Step) -> Outcome {
    match step {
        Step::Done(outcome) => *outcome,
        other => panic!("it should be over: {other:?}"),
    }
}

fn found(id: u16, text: &str) -> Input {
    Input::Tools(vec![ToolAnswer { text: text.into(), evidence: Some(evidence(id, text)) }])
}

#[test]
fn an_incident_is_explained_in_one_turn() {
    let mut conversation = Conversation::new(brief(Task::Explain));
    let request = asked(conversation.next(Input::Start));
    let Expect::Json { name: "report", schema } = &request.expect else { panic!("{:?}", request.expect) };
    assert_eq!(schema["required"][0], "missing");
    let outcome = done(conversation.next(says(json!({
        "missing": [], "established": true,
        "cause": {"text": "The limit of 48 MiB was reached.", "evidence": ["E1"]},
        "confirmed": [{"text": "Release 1.9.0 was rolled out.", "evidence": ["E2"]}],
        "suspected": [], "impact": {"text": "", "evidence": []}, "healthy": [], "next_steps": ["Raise the limit."],
    }))));
    let Outcome::Report(report) = outcome else { panic!("{outcome:?}") };
    assert_eq!(report.cause.unwrap().evidence, [EvidenceId(1)]);
    assert_eq!((report.confirmed.len(), report.impact, conversation.turns()), (1, None, 1));
}

#[test]
fn a_report_may_ask_for_what_is_missing_and_goes_back_once_for_correction() {
    let mut conversation = Conversation::new(brief(Task::Explain));
    conversation.next(Input::Start);
    let wanted = json!({"missing": [{"tool": "query_logs", "arguments": {"namespace": "shop"}}]});
    assert_eq!(called(conversation.next(says(&wanted)))[0].name, "query_logs");
    let request = asked(conversation.next(found(3, "connection refused by 10.0.0.12")));
    let Some(Message::User { text }) = request.messages.last() else { panic!() };
    assert!(text.contains("10.0.0.12") && text.ends_with("ANSWER NOW"), "{text}");
    let cause = |text: &str| json!({"established": true, "cause": {"text": text, "evidence": ["E3"]}});
    let request = asked(conversation.next(says(cause("10.0.0.99 refused."))));
    let Some(Message::User { text }) = request.messages.last() else { panic!() };
    assert_eq!(text, "NOT FOUND: `10.0.0.99`");
    let Outcome::Report(report) = done(conversation.next(says(cause("10.0.0.12 refused.")))) else { panic!() };
    assert_eq!(report.cause.unwrap().unverified, Vec::<String>::new());
    assert_eq!(conversation.turns(), 3);
}

#[test]
fn what_stays_wrong_is_marked() {
    let mut conversation = Conversation::new(brief(Task::Explain));
    conversation.next(Input::Start);
    let wrong = json!({"cause": {"text": "The limit is 64 MiB.", "evidence": ["E1", "E9"]}});
    asked(conversation.next(says(&wrong)));
    let Outcome::Report(report) = done(conversation.next(says(&wrong))) else { panic!() };
    assert_eq!(report.cause.unwrap().unverified, ["E9", "64 MiB"]);
}

#[test]
fn a_cause_that_is_not_established_is_a_suspicion() {
    let mut conversation = Conversation::new(brief(Task::Explain));
    conversation.next(Input::Start);
    let outcome =
        done(conversation.next(says(json!({"established": false, "cause": {"text": "Maybe.", "evidence": []}}))));
    let Outcome::Report(report) = outcome else { panic!() };
    assert_eq!((report.cause, report.suspected.len()), (None, 1));
}

#[test]
fn a_question_looks_then_answers_without_tools() {
    let mut conversation = Conversation::new(brief(Task::Question));
    let request = asked(conversation.next(Input::Start));
    assert!(matches!(&request.expect, Expect::Tools(tools) if !tools.is_empty()));
    let made = called(conversation.next(calls(&[
        ("query_logs", json!({"namespace": "shop"})),
        ("query_logs", json!({"namespace": "shop"})),
        ("kubernetes_get", json!({"kind": "pod"})),
    ])));
    assert_eq!(made.len(), 2, "the same call twice is one");
    assert_ne!(made[0].id, made[1].id);
    let answers = ["no lines", "pod web-0 is ready"];
    let answers = answers.map(|text| ToolAnswer { text: text.into(), evidence: None });
    let request = asked(conversation.next(Input::Tools(answers.into())));
    let tools = request.messages.iter().filter(|message| matches!(message, Message::Tool { .. })).count();
    assert_eq!(tools, 2, "every call has its answer");
    // The same again ends the looking.
    let request = asked(conversation.next(calls(&[("query_logs", json!({"namespace": "shop"}))])));
    assert!(matches!(&request.expect, Expect::Json { name: "answer", .. }));
    let outcome = done(conversation.next(says(json!({"answer": "The limit of 48 MiB was reached [E1]."}))));
    assert_eq!(
        outcome,
        Outcome::Answer { text: "The limit of 48 MiB was reached [E1].".into(), unverified: Vec::new() }
    );
}

#[test]
fn a_server_without_tools_is_led_by_a_schema() {
    let mut conversation = Conversation::new(brief(Task::Question));
    conversation.next(Input::Start);
    let request = asked(conversation.next(Input::NoTools));
    assert!(matches!(&request.expect, Expect::Json { name: "step", .. }));
    let Message::System { text } = &request.messages[0] else { panic!() };
    assert!(text.contains("GUIDED") && text.contains("query_logs(") && text.contains("pod?"), "{text}");
    let step = json!({"tool": "query_logs", "arguments": {"namespace": "shop"}});
    assert_eq!(called(conversation.next(says(step))).len(), 1);
    let request = asked(conversation.next(found(3, "lines")));
    assert!(request.messages.iter().all(|message| !matches!(message, Message::Tool { .. })));
    let request = asked(conversation.next(says(json!({"tool": "answer", "arguments": {}}))));
    assert!(matches!(&request.expect, Expect::Json { name: "answer", .. }));
}

#[test]
fn a_model_that_makes_nothing_of_a_schema_is_asked_for_words() {
    let mut conversation = Conversation::new(brief(Task::Explain));
    conversation.next(Input::Start);
    let request = asked(conversation.next(says("   ")));
    assert_eq!(request.expect, Expect::Text);
    let Some(Message::User { text }) = request.messages.last() else { panic!() };
    assert!(text.ends_with("IN WORDS"), "{text}");
    let Outcome::Report(report) = done(conversation.next(says("The limit of 48 MiB was reached [E1]."))) else {
        panic!()
    };
    assert_eq!((report.cause, report.suspected[0].evidence.as_slice()), (None, &[EvidenceId(1)][..]));
}

#[test]
fn what_begins_with_a_citation_is_an_answer_and_a_blank_one_is_asked_for_in_words() {
    let mut conversation = Conversation::new(brief(Task::Question));
    conversation.next(Input::Start);
    asked(conversation.next(says("")));
    let request = asked(conversation.next(says(json!({"answer": " "}))));
    assert_eq!(request.expect, Expect::Text);
    let words = "[E1] The limit of 48 MiB was reached.";
    let Outcome::Answer { text, .. } = done(conversation.next(says(words))) else { panic!() };
    assert_eq!(text, words);
}

#[test]
fn a_document_that_came_blank_is_asked_for_once_more() {
    let mut conversation = Conversation::new(brief(Task::Shaped { schema: json!({"type": "object"}) }));
    conversation.next(Input::Start);
    asked(conversation.next(says("")));
    let request = asked(conversation.next(says("   ")));
    assert!(matches!(request.expect, Expect::Json { .. }), "{:?}", request.expect);
    assert_eq!(done(conversation.next(says(json!({"a": 1})))), Outcome::Shaped(r#"{"a":1}"#.into()));
}

#[test]
fn an_answer_that_was_cut_off_says_so_and_proposes_nothing() {
    let cut = |text: Value| Input::Reply(TurnReply { text: text.to_string(), cut: true, ..TurnReply::default() });
    let mut conversation = Conversation::new(brief(Task::Explain));
    conversation.next(Input::Start);
    let report = json!({
        "established": true, "cause": {"text": "The limit was reached.", "evidence": ["E1"]},
        "next_steps": ["Raise the"], "actions": ["scale deployment/web -n shop --replicas 1"],
    });
    let Outcome::Report(report) = done(conversation.next(cut(report))) else { panic!() };
    assert_eq!((report.next_steps, report.actions.len()), (vec!["Raise the …".to_owned()], 0));
    assert_eq!(report.cause.unwrap().text, "The limit was reached.");
    let mut conversation = Conversation::new(brief(Task::Question));
    conversation.next(Input::Start);
    asked(conversation.next(says("")));
    let Outcome::Answer { text, .. } = done(conversation.next(cut(json!({"answer": "The limit"})))) else { panic!() };
    assert_eq!(text, "The limit …");
}

#[test]
fn a_tools_answer_keeps_its_frame_and_takes_the_place_of_what_had_its_number() {
    let mut brief = brief(Task::Explain);
    brief.limits.window = 2_048;
    let mut conversation = Conversation::new(brief);
    conversation.next(Input::Start);
    called(conversation.next(says(json!({"missing": [{"tool": "query_logs", "arguments": {"namespace": "shop"}}]}))));
    let request = asked(conversation.next(found(2, &"rolled out 2.0.0 later on\n".repeat(400))));
    let Some(Message::User { text }) = request.messages.last() else { panic!() };
    let (frame, ours) = text.rsplit_once("</evidence>\n").unwrap();
    assert!(frame.contains("id=\"E2\"") && frame.contains('…') && ours.trim() == "ANSWER NOW", "{text}");
    let Message::User { text: pack } = &request.messages[1] else { panic!() };
    assert!(pack.contains("\"E1\"") && !pack.contains("\"E2\""), "{pack}");
    let old = json!({"cause": {"text": "Release 1.9.0 was rolled out.", "evidence": ["E2"]}});
    let request = asked(conversation.next(says(&old)));
    let Some(Message::User { text }) = request.messages.last() else { panic!() };
    assert_eq!(text, "NOT FOUND: `1.9.0`");
}

#[test]
fn every_conversation_ends() {
    for nonsense in ["", "{", "I cannot help.", "{\"x\":1}", "{\"answer\":\"\"}", "<tool_call>"] {
        for task in [Task::Explain, Task::Question, Task::Shaped { schema: json!({}) }] {
            let mut conversation = Conversation::new(brief(task));
            let mut step = conversation.next(Input::Start);
            for _ in 0..10 {
                step = match step {
                    Step::Ask(_) => conversation.next(says(nonsense)),
                    Step::Call(calls) => {
                        let answer = ToolAnswer { text: "nothing".into(), evidence: None };
                        conversation.next(Input::Tools(vec![answer; calls.len()]))
                    }
                    Step::Done(_) => break,
                };
            }
            assert!(matches!(step, Step::Done(_)), "{nonsense}");
            assert!(conversation.turns() <= 4);
        }
    }
}

#[test]
fn prompts_keep_within_the_window() {
    // All tools together have some 1,700 tokens: a smaller window holds few of them, or none.
    for (window, tools) in [(1_500, 3), (2_048, 6), (3_000, usize::MAX), (4_096, usize::MAX), (16_000, usize::MAX)] {
        let mut brief = brief(Task::Question);
        brief.limits.window = window;
        let logs = brief.tools.iter().position(|tool| tool.name == "query_logs").unwrap();
        brief.tools.swap(0, logs);
        brief.tools.truncate(tools);
        let mut conversation = Conversation::new(brief);
        let mut step = conversation.next(Input::Start);
        for round in 0..3 {
            let request = asked(step);
            let prompt = estimate_prompt(&request);
            assert!(prompt + request.max_tokens <= window, "{prompt} + {} > {window}", request.max_tokens);
            let made = called(conversation.next(calls(&[("query_logs", json!({"namespace": format!("n{round}")}))])));
            assert_eq!(made.len(), 1);
            step = conversation.next(found(10 + round, &"a long line of a log\n".repeat(400)));
            if matches!(&step, Step::Ask(request) if matches!(request.expect, Expect::Json { .. })) {
                break;
            }
        }
    }
}

#[test]
fn a_prompt_that_is_too_long_shrinks_and_then_is_given_up() {
    let mut conversation = Conversation::new(brief(Task::Explain));
    let size = |request: &TurnRequest| match &request.messages[1] {
        Message::User { text } => text.len(),
        _ => 0,
    };
    let first = size(&asked(conversation.next(Input::Start)));
    let second = size(&asked(conversation.next(Input::TooLong { window: Some(2_000) })));
    assert!(second < first, "{second} < {first}");
    for _ in 0..4 {
        asked(conversation.next(Input::TooLong { window: None }));
    }
    assert!(matches!(done(conversation.next(Input::TooLong { window: None })), Outcome::Nothing(_)));
}
