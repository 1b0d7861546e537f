//! What a thread looks like in a chat.

use chrono::TimeDelta;

use super::harness::Harness;
use crate::domain::chat::{MessageId, Place, Platform, Spot};
use crate::domain::incident::{Acknowledged, Incident, IncidentStatus};
use crate::domain::investigation::Investigation;
use crate::domain::message::Control;
use crate::domain::post::{PostDraft, PostKind};
use crate::domain::projection::Projection;
use crate::domain::question::{Asked, Question, QuestionState};
use crate::render::samples;

const HOUR: TimeDelta = TimeDelta::hours(1);

fn labels(controls: &[Control]) -> Vec<&str> {
    let label = |control| match control {
        &Control::Button { ref label, .. } | &Control::Menu { ref label, .. } | &Control::Link { ref label, .. } => {
            label.as_str()
        }
    };
    controls.iter().map(label).collect()
}

#[tokio::test]
async fn a_thread_grows_in_order_and_its_root_says_how_things_stand() {
    let mut harness = Harness::new();
    let mut incident = harness.incident(1, "shop");
    harness.write(&incident, &[("root", PostKind::Root, "it burns")], None).await;
    harness.work(HOUR).await;
    let seen = harness.chat.seen();
    assert_eq!((seen.len(), seen[0].message.mentions.as_slice()), (1, &["@oncall".to_owned()][..]));
    assert_eq!(
        labels(&seen[0].message.controls),
        ["Acknowledge", "Silence for …", "Investigate again", "Open incident"]
    );

    let record = samples::investigation(|data| harness.surface.render.excerpt(data));
    let chart = record.evidence.iter().find(|evidence| evidence.data.kind() == "series").unwrap();
    let mut posts = vec![
        ("status", PostKind::Status, "looking"),
        ("evidence:E1", PostKind::Evidence, "memory"),
        ("report", PostKind::Report, "it was memory"),
    ]
    .into_iter()
    .map(|(key, kind, text)| PostDraft {
        key: key.into(),
        kind,
        author: "holmes".into(),
        text: text.into(),
        evidence: Vec::new(),
        at: harness.now(),
    })
    .collect::<Vec<_>>();
    posts[1].evidence = vec![chart.id];
    harness.put(&incident, posts, Some(record)).await;
    harness.work(HOUR).await;

    incident.status = IncidentStatus::Resolved;
    incident.acknowledged = Some(Acknowledged { by: "ann".into(), at: harness.now() });
    let end = [("root", PostKind::Root, "it is over"), ("resolved:0", PostKind::Resolved, "over")];
    harness.write(&incident, &end, None).await;
    harness.work(HOUR).await;

    let seen = harness.chat.seen();
    let keys: Vec<&str> = seen.iter().filter_map(|seen| seen.key.split_once('/')).map(|(_, key)| key).collect();
    assert_eq!(keys, ["root", "status", "evidence:E1", "report", "resolved:0"]);
    assert!(seen[1..].iter().all(|reply| reply.thread == Some(seen[0].id.clone())));
    let pictures: Vec<bool> = seen.iter().map(|seen| seen.has_picture).collect();
    assert_eq!(pictures, [false, false, true, false, false]);
    assert_eq!((seen[0].message.text.as_str(), seen[0].edits >= 1), ("it is over", true));
    assert!(!labels(&seen[0].message.controls).contains(&"Acknowledge"), "{:?}", seen[0].message.controls);
    let found = harness.store.incident_of(&Place::Channel(Platform::Slack, "shop".into()), &seen[0].id).await.unwrap();
    assert_eq!(found, Some(incident.id));
}

#[tokio::test]
async fn an_answer_that_grows_is_edited_now_and_then_and_ends_right() {
    let mut harness = Harness::new();
    let incident = harness.incident(1, "shop");
    let question = Question::new("n", Some(incident.id.clone()), "why?", "ann", harness.now()).unwrap();
    let record =
        |state| Investigation { asked: vec![Asked { question: question.clone(), state }], ..Investigation::default() };
    harness.write(&incident, &[("root", PostKind::Root, "it burns")], None).await;
    harness.work(HOUR).await;
    let mut text = String::new();
    for n in 0..50 {
        text.push_str(&format!("word{n} "));
        let working = QuestionState::Working { looking: vec!["reading logs".into()], text: text.clone() };
        harness.write(&incident, &[("answer:q", PostKind::Answer, &text)], Some(record(working))).await;
        harness.work(TimeDelta::milliseconds(200)).await;
        harness.pass(TimeDelta::milliseconds(200));
    }
    let over = QuestionState::Failed { at: harness.now(), reason: "x".into() };
    harness.write(&incident, &[("answer:q", PostKind::Answer, &text)], Some(record(over))).await;
    harness.work(HOUR).await;
    let seen = harness.chat.seen();
    let answer = seen.iter().find(|seen| seen.key.ends_with("answer:q")).unwrap();
    assert_eq!(answer.message.text, text);
    // Ten seconds and more of writing, an edit every second and a half.
    assert!((3..=14).contains(&answer.edits), "{}", answer.edits);
    let busy = harness.chat.busy();
    assert_eq!((busy.first().map(String::as_str), busy.last().map(String::as_str)), (Some("reading logs"), Some("")));
}

fn spot(thread: Option<&str>, said: Option<&str>) -> Spot {
    let id = |id: Option<&str>| id.map(|id| MessageId(id.into()));
    Spot { place: Place::Channel(Platform::Slack, "asked".into()), thread: id(thread), said: id(said), to_bot: true }
}

/// A message: its channel, its thread, and the kind of its post.
type Shown<'a> = (&'a str, Option<&'a str>, &'a str);

#[tokio::test]
async fn questions_stay_where_they_were_asked() {
    // (asked where, what is shown: channel, thread, key)
    let cases: [(Option<Spot>, &[Shown<'_>]); 5] = [
        // A command: the question is the root, the answer hangs on it.
        (Some(spot(None, None)), &[("asked", None, "root"), ("asked", Some("m1"), "answer")]),
        // A mention: the person's own message is the root.
        (Some(spot(None, Some("theirs"))), &[("asked", Some("theirs"), "answer")]),
        // A mention below somebody's message.
        (Some(spot(Some("theirs"), Some("below"))), &[("asked", Some("theirs"), "answer")]),
        // A command in a thread: others did not see it, so it is said.
        (
            Some(spot(Some("theirs"), None)),
            &[("asked", Some("theirs"), "question"), ("asked", Some("theirs"), "answer")],
        ),
        // Asked in the console: no chat is bothered.
        (None, &[]),
    ];
    for (asked_in, expected) in cases {
        let mut harness = Harness::new();
        let mut question = Question::new("n", None, "why?", "ann", harness.now()).unwrap();
        question.spot = asked_in.clone();
        let incident = Incident::for_question(&question);
        let asked = Asked { question: question.clone(), state: QuestionState::Waiting };
        let record = Investigation { asked: vec![asked], ..Investigation::default() };
        let (asks, answers) = (format!("question:{}", question.id), format!("answer:{}", question.id));
        let posts = [(asks.as_str(), PostKind::Question, "why?"), (answers.as_str(), PostKind::Answer, "because")];
        harness.write(&incident, &posts, Some(record)).await;
        harness.work(HOUR).await;
        let seen = harness.chat.seen();
        let shown: Vec<(&str, Option<&str>, &str)> = seen
            .iter()
            .map(|seen| {
                let key = seen.key.split_once('/').unwrap().1.split(':').next().unwrap();
                (seen.channel.as_str(), seen.thread.as_ref().map(|id| id.0.as_str()), key)
            })
            .collect();
        assert_eq!(shown, expected, "{asked_in:?}");
        assert!(seen.iter().all(|seen| seen.message.mentions.is_empty()));
        if let Some(root) = asked_in.as_ref().and_then(Spot::root) {
            let place = Place::Channel(Platform::Slack, "asked".into());
            assert_eq!(harness.store.incident_of(&place, root).await.unwrap(), Some(incident.id));
        }
    }
}

#[tokio::test]
async fn a_reply_in_an_incidents_thread_is_not_said_again() {
    let mut harness = Harness::new();
    let incident = harness.incident(1, "shop");
    harness.write(&incident, &[("root", PostKind::Root, "it burns")], None).await;
    harness.work(HOUR).await;
    let mut question = Question::new("n", Some(incident.id.clone()), "why?", "ann", harness.now()).unwrap();
    let place = Place::Channel(Platform::Slack, "shop".into());
    question.spot =
        Some(Spot { place, thread: Some(MessageId("m1".into())), said: Some(MessageId("reply".into())), to_bot: true });
    let asks = format!("question:{}", question.id);
    let record =
        Investigation { asked: vec![Asked { question, state: QuestionState::Waiting }], ..Investigation::default() };
    harness.write(&incident, &[(asks.as_str(), PostKind::Question, "why?")], Some(record)).await;
    harness.work(HOUR).await;
    assert_eq!(harness.chat.seen().len(), 1);
    let shown: Projection = harness.store.projection(Platform::Slack, &incident.id).await.unwrap().value;
    assert_eq!(shown.shown[&asks].id, Some(MessageId("reply".into())));
}
