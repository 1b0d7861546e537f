//! Presses in a chat.

use super::{Bench, person, place};
use crate::domain::chat::MessageId;
use crate::domain::event::{Event, EventId, Pressed};
use crate::domain::incident::IncidentStatus;
use crate::domain::press::Press;
use crate::domain::proposal::ProposalId;
use crate::flow::press::handle;
use crate::ports::ChatError;

fn pressed(bench: &Bench, who: &str, press: Press, message: &str) -> Pressed {
    Pressed {
        press,
        incident: bench.incident.id.clone(),
        person: person(who),
        place: place(),
        message: Some(MessageId(message.into())),
        nonce: format!("{who}-{message}"),
    }
}

#[tokio::test]
async fn whoever_is_first_takes_care_of_it() {
    let bench = Bench::new().await;
    let press = |who: &str| pressed(&bench, who, Press::Acknowledge, "root");
    // Handled twice after a crash, it happens once.
    handle(&bench.context, EventId(1), press("ann")).await.unwrap();
    handle(&bench.context, EventId(1), press("ann")).await.unwrap();
    assert!(bench.told().await.starts_with("Noted: you take care of **KubePodCrashLooping"), "{}", bench.told().await);
    handle(&bench.context, EventId(2), press("bob")).await.unwrap();
    assert_eq!(bench.told().await, "**ann** took care of it at 22:53 UTC.");
    assert_eq!(bench.now().await.acknowledged.map(|it| it.by).as_deref(), Some("ann"));
    let thread = bench.context.store.thread(&bench.incident.id).await.unwrap();
    assert!(thread[0].draft.text.contains("Acknowledged by ann"), "{}", thread[0].draft.text);
    let audit = bench.context.store.audit(0, 100).await.unwrap();
    let kept: Vec<&str> = audit.iter().map(|entry| entry.draft.action.as_str()).collect();
    assert_eq!(kept, ["incident.acknowledged"]);
    // Beside the root it is said in the channel, beside a reply in the thread.
    assert!(bench.said().await.iter().all(|(_, thread, _)| thread.is_none()));
    handle(&bench.context, EventId(3), pressed(&bench, "bob", Press::Acknowledge, "reply")).await.unwrap();
    assert_eq!(bench.said().await.pop().unwrap().1, Some(MessageId("root".into())));
}

#[tokio::test]
async fn what_is_over_is_not_taken_care_of() {
    let bench = Bench::new().await;
    bench.change(|incident| incident.status = IncidentStatus::Resolved).await;
    handle(&bench.context, EventId(1), pressed(&bench, "ann", Press::Acknowledge, "root")).await.unwrap();
    assert_eq!((bench.told().await.as_str(), bench.now().await.acknowledged), ("It is over already.", None));
}

#[tokio::test]
async fn another_look_is_wanted_once() {
    let bench = Bench::new().await;
    for _ in 0..2 {
        handle(&bench.context, EventId(1), pressed(&bench, "ann", Press::Investigate, "root")).await.unwrap();
    }
    let due: Vec<String> = bench.timers().await.into_iter().map(|timer| timer.key).collect();
    assert_eq!((due, bench.now().await.wanted), (vec![format!("investigate:{}", bench.incident.id)], 1));
}

#[tokio::test]
async fn a_silence_from_the_menu_is_wished_for_with_the_persons_groups() {
    let bench = Bench::new().await;
    let group = "slack-group:S1".parse().unwrap();
    bench.chat.groups_are(Ok(vec![group]));
    handle(&bench.context, EventId(1), pressed(&bench, "ann", Press::Silence { minutes: 120 }, "root")).await.unwrap();
    let Some(Event::Wish(wish)) = bench.timers().await.into_iter().map(|timer| timer.event).next() else {
        panic!("nothing is wished for")
    };
    assert!(wish.approve && wish.action.to_string().contains("--for 2h"), "{}", wish.action);
    assert_eq!(wish.person.groups.len(), 1);
}

#[tokio::test]
async fn nothing_is_decided_while_groups_are_not_known() {
    let bench = Bench::new().await;
    bench.chat.groups_are(Err(ChatError::Unknown("no answer".into())));
    let proposal = || ProposalId("p-0a".into());
    for (event, press) in [
        Press::Silence { minutes: 30 },
        Press::Approve { proposal: proposal(), digest: "0f".into() },
        Press::Reject { proposal: proposal(), digest: "0f".into() },
    ]
    .into_iter()
    .enumerate()
    {
        handle(&bench.context, EventId(event as u64), pressed(&bench, "ann", press, "root")).await.unwrap();
        assert!(bench.told().await.starts_with("Which groups you are in"), "{}", bench.told().await);
    }
    assert!(bench.timers().await.is_empty());
    assert!(bench.context.store.audit(0, 100).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_decision_on_what_is_not_there_is_refused_and_kept() {
    let bench = Bench::new().await;
    let press = Press::Approve { proposal: ProposalId("p-0a".into()), digest: "0f".into() };
    handle(&bench.context, EventId(1), pressed(&bench, "ann", press, "reply")).await.unwrap();
    assert!(!bench.told().await.is_empty());
    let audit = bench.context.store.audit(0, 100).await.unwrap();
    assert_eq!(audit[0].draft.action, "proposal.click_refused");
    for press in [Press::ShowDiff { proposal: ProposalId("p-0a".into()) }] {
        handle(&bench.context, EventId(2), pressed(&bench, "ann", press, "reply")).await.unwrap();
        assert_eq!(bench.told().await, "This proposal is not there any more.");
    }
}
