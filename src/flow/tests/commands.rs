//! Commands in a chat.

use super::{Bench, person, place};
use crate::domain::chat::MessageId;
use crate::domain::command::Command;
use crate::domain::event::{Event, EventId, Typed};
use crate::domain::incident::{IncidentId, Origin, Progress};
use crate::domain::subject::SubjectKind;
use crate::flow::command::handle;
use crate::ports::Filter;

fn typed(words: &str, incident: Option<IncidentId>) -> Typed {
    Typed {
        command: Command::parse(words),
        person: person("ann"),
        place: place(),
        thread: incident.as_ref().map(|_| MessageId("root".into())),
        incident,
        nonce: words.to_owned(),
    }
}

async fn say(bench: &Bench, words: &str, in_thread: bool) -> String {
    let incident = in_thread.then(|| bench.incident.id.clone());
    handle(&bench.context, EventId(7), typed(words, incident)).await.unwrap();
    bench.told().await
}

#[tokio::test]
async fn unknown_words_get_help() {
    let bench = Bench::new().await;
    insta::assert_snapshot!(say(&bench, "drop tables", false).await, @r"
    I do not know `drop`.
    **What can be said**
    - `ask <question>`: an answer with evidence, in a thread
    - `investigate <namespace>/<workload>`, `node/<name>`: a look without an alert
    - `incidents`: what is open
    - `status`: how the bot and its sources are
    - `silence [<incident> | <matchers>] <duration>`: propose a silence
    - `runbook <words>`: find a runbook
    - `do [<incident>] restart deployment/<name> -n <namespace>` and the like: propose an action; `do` alone opens a form
    ");
}

#[tokio::test]
async fn a_question_opens_a_thread_where_it_was_typed() {
    let bench = Bench::new().await;
    // Handled twice after a crash, it is asked once.
    for _ in 0..2 {
        assert_eq!(
            say(&bench, "ask why is it slow?", false).await,
            "The question is noted; the answer comes in its thread."
        );
    }
    let filter = Filter { status: None, origin: Origin::Question, limit: 9 };
    let opened = bench.context.store.list(filter).await.unwrap();
    let spot = opened[0].spot.clone().unwrap();
    assert_eq!((opened.len(), spot.place, spot.thread, spot.said), (1, place(), None, None));
    assert!(matches!(bench.timers().await[..], [ref timer] if matches!(timer.event, Event::Answer { .. })));

    say(&bench, "ask and now?", true).await;
    let record = bench.context.store.investigation(&bench.incident.id).await.unwrap().unwrap();
    assert_eq!(record.asked[0].question.text, "and now?");
}

#[tokio::test]
async fn a_look_without_an_alert_has_a_thread_of_its_own() {
    let bench = Bench::new().await;
    for _ in 0..2 {
        let said = say(&bench, "investigate deployment/web -n edge", true).await;
        assert_eq!(said, "Looking at `edge/web`; what is found comes in its thread.");
    }
    let filter = Filter { status: None, origin: Origin::Question, limit: 9 };
    let opened = bench.context.store.list(filter).await.unwrap();
    assert_eq!(
        (opened.len(), opened[0].subject.kind, &opened[0].progress),
        (1, SubjectKind::Deployment, &Progress::Waiting)
    );
    assert_eq!(opened[0].spot.as_ref().unwrap().thread, None, "not in the other incident's thread");
    let thread = bench.context.store.thread(&opened[0].id).await.unwrap();
    insta::assert_snapshot!(thread[0].draft.text, @r"
    🔎 **edge/web**
    Deployment `edge/web` · Nothing fires: somebody asked for a look.

    Looking for the cause …
    ");
    assert!(say(&bench, "investigate checkout", false).await.starts_with("`checkout` names nothing to look at."));
}

#[tokio::test]
async fn what_is_wanted_is_noted_for_the_incident_that_is_meant() {
    let bench = Bench::new().await;
    let id = bench.incident.id.0.clone();
    let noted = "Being looked at; the proposal appears in the incident's thread in a moment.";
    for (words, in_thread, expected) in [
        (
            "silence 2h".to_owned(),
            false,
            "Say which incident: use it in an incident's thread, or name it: `i-3f9a1c07be`.",
        ),
        ("silence 2h".to_owned(), true, noted),
        (format!("silence {id} 90m"), false, noted),
        ("silence alertname=KubePodCrashLooping 1h".to_owned(), false, noted),
        ("silence i-00 1h".to_owned(), false, "There is no incident `i-00`."),
        ("do restart deployment/checkout".to_owned(), true, noted),
        (format!("do {id} scale deployment/checkout --replicas 3"), false, noted),
    ] {
        let before = bench.timers().await.len();
        bench.change(|incident| incident.handled.clear()).await;
        assert_eq!(say(&bench, &words, in_thread).await, expected, "{words}");
        assert_eq!(bench.timers().await.len() - before, usize::from(expected == noted), "{words}");
    }
    assert!(say(&bench, "silence forever", true).await.starts_with("Write it like `silence 2h`"));
    assert!(say(&bench, "do explode", true).await.starts_with("This is no action: action: "), "{}", bench.told().await);
}

#[tokio::test]
async fn how_things_stand_is_told() {
    let bench = Bench::new().await;
    let open = say(&bench, "incidents", false).await;
    assert!(open.starts_with("**Open incidents**\n- 🔴 **KubePodCrashLooping on shop/checkout**"), "{open}");
    bench.context.troubles.begins("slack:C9", "the channel takes nothing: is_archived");
    insta::assert_snapshot!(say(&bench, "status", false).await, @r"
    **holmes-bot**
    - open incidents: 1
    - events waiting: 0, given up: 0
    - sources: none is configured
    - model: none is configured
    - ⚠️ slack:C9: the channel takes nothing: is_archived
    ");
    let found = say(&bench, "runbook out of memory", false).await;
    assert!(found.starts_with("**Runbooks that fit**\n- **") && found.contains("(`oom-killed`)"), "{found}");
}
