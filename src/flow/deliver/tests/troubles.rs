//! What the chat refuses costs no more than it must, and is told once.

use chrono::TimeDelta;

use super::fake::Fault;
use super::harness::Harness;
use crate::domain::chat::Platform;
use crate::domain::post::PostKind;
use crate::ports::ChatError;

const HOUR: TimeDelta = TimeDelta::hours(1);

#[tokio::test]
async fn a_message_that_is_refused_does_not_block_the_others() {
    let mut harness = Harness::new();
    let incident = harness.incident(1, "shop");
    harness.chat.refuses(|_, message| match message.text.contains("bad") {
        true => Err(ChatError::Refused("invalid_blocks".into())),
        false => Ok(()),
    });
    let posts = [
        ("root", PostKind::Root, "it burns"),
        ("evidence:E1", PostKind::Evidence, "bad"),
        ("report", PostKind::Report, "because"),
    ];
    harness.write(&incident, &posts, None).await;
    harness.work(HOUR).await;
    let texts: Vec<String> = harness.chat.seen().into_iter().map(|seen| seen.message.text).collect();
    assert_eq!(texts, ["it burns", "because"]);
    // Said differently, it is said after all.
    harness.write(&incident, &[("evidence:E1", PostKind::Evidence, "good")], None).await;
    harness.work(HOUR).await;
    assert_eq!(harness.chat.seen()[2].message.text, "good");
}

#[tokio::test]
async fn a_root_that_is_refused_is_said_in_its_words_alone() {
    let mut harness = Harness::new();
    let incident = harness.incident(1, "shop");
    harness.chat.refuses(|_, message| match message.controls.is_empty() {
        true => Ok(()),
        false => Err(ChatError::Refused("invalid_blocks".into())),
    });
    let posts = [("root", PostKind::Root, "it burns"), ("report", PostKind::Report, "because")];
    harness.write(&incident, &posts, None).await;
    harness.work(HOUR).await;
    let texts: Vec<String> = harness.chat.seen().into_iter().map(|seen| seen.message.text).collect();
    assert_eq!(texts, ["it burns", "because"]);

    harness.chat.refuses(|_, _| Err(ChatError::Refused("no_text".into())));
    let other = harness.incident(2, "shop");
    harness.write(&other, &posts, None).await;
    harness.work(HOUR).await;
    let shown = harness.store.projection(Platform::Slack, &other.id).await.unwrap().value;
    assert_eq!((shown.closed.as_deref(), harness.waiting().await), (Some("it was refused: no_text"), 0));
}

#[tokio::test]
async fn a_root_that_was_deleted_ends_the_thread_in_this_chat() {
    let mut harness = Harness::new();
    let incident = harness.incident(1, "shop");
    harness.write(&incident, &[("root", PostKind::Root, "it burns")], None).await;
    harness.work(HOUR).await;
    harness.chat.refuses(|_, _| Err(ChatError::Gone("message_not_found".into())));
    harness.write(&incident, &[("root", PostKind::Root, "more"), ("report", PostKind::Report, "because")], None).await;
    harness.work(HOUR).await;
    let shown = harness.store.projection(Platform::Slack, &incident.id).await.unwrap().value;
    assert!(shown.closed.is_some());
    assert_eq!(harness.waiting().await, 0);
    // Whatever comes later is not for this chat.
    harness.write(&incident, &[("report", PostKind::Report, "no, because")], None).await;
    harness.work(HOUR).await;
    assert_eq!((harness.waiting().await, harness.chat.seen().len()), (0, 1));
}

#[tokio::test]
async fn an_archived_channel_is_told_once_and_holds_up_no_other() {
    let mut harness = Harness::new();
    harness.chat.refuses(|to, _| match to.channel.as_str() {
        "archived" => Err(ChatError::Channel("is_archived".into())),
        _ => Ok(()),
    });
    for n in 0..5 {
        let incident = harness.incident(n, if n % 2 == 0 { "archived" } else { "shop" });
        harness.write(&incident, &[("root", PostKind::Root, "it burns")], None).await;
    }
    harness.work(HOUR).await;
    assert_eq!((harness.chat.seen().len(), harness.waiting().await), (2, 3));
    let tried = harness.chat.times().iter().filter(|(channel, _)| channel == "archived").count();
    assert!((2..=8).contains(&tried), "{tried}");
    let told = [("slack:archived".to_owned(), "the channel takes nothing: is_archived".to_owned())];
    assert_eq!(harness.surface.troubles.all(), told);
    // Once somebody brought it back, nothing is lost.
    harness.chat.takes_everything();
    harness.work(HOUR).await;
    assert_eq!((harness.chat.seen().len(), harness.waiting().await), (5, 0));
    assert_eq!(harness.surface.troubles.all(), []);
}

#[tokio::test]
async fn a_revoked_token_stops_everything_until_it_is_mended() {
    let mut harness = Harness::new();
    harness.chat.refuses(|_, _| Err(ChatError::Account("token_revoked".into())));
    for n in 0..20 {
        let incident = harness.incident(n, "shop");
        harness.write(&incident, &[("root", PostKind::Root, "it burns")], None).await;
    }
    harness.work(HOUR).await;
    assert!(harness.chat.times().len() <= 20, "{}", harness.chat.times().len());
    assert_eq!(harness.surface.troubles.all().len(), 1);
    harness.chat.takes_everything();
    harness.work(HOUR).await;
    assert_eq!((harness.chat.seen().len(), harness.waiting().await), (20, 0));
}

#[tokio::test]
async fn a_platform_that_is_down_for_an_hour_loses_nothing() {
    let mut harness = Harness::new();
    let incident = harness.incident(1, "shop");
    let posts = [("root", PostKind::Root, "it burns"), ("report", PostKind::Report, "because")];
    harness.write(&incident, &posts, None).await;
    harness.chat.fails([Fault::None]);
    harness.chat.fails([Fault::Lost; 40]);
    harness.work(HOUR * 3).await;
    let texts: Vec<String> = harness.chat.seen().into_iter().map(|seen| seen.message.text).collect();
    assert_eq!(texts, ["it burns", "because"]);
}

#[tokio::test]
async fn a_platform_that_takes_no_connection_is_told_and_asked_nothing_else() {
    let mut harness = Harness::new();
    let incident = harness.incident(1, "shop");
    harness.write(&incident, &[("root", PostKind::Root, "it burns")], None).await;
    harness.chat.fails([Fault::Down; 5]);
    let told = [("slack".to_owned(), "it cannot be reached: connection refused".to_owned())];
    harness.work(TimeDelta::seconds(20)).await;
    assert_eq!(harness.surface.troubles.all(), told);
    harness.work(HOUR).await;
    assert_eq!((harness.chat.seen().len(), harness.chat.searches()), (1, 0), "what did not happen is not looked for");
    assert_eq!(harness.surface.troubles.all(), []);
}

#[tokio::test]
async fn wait_stops_one_channel() {
    let mut harness = Harness::new();
    let (slow, fast) = (harness.incident(1, "slow"), harness.incident(2, "fast"));
    harness.chat.fails([Fault::Wait(30)]);
    harness.write(&slow, &[("root", PostKind::Root, "slow")], None).await;
    harness.work(TimeDelta::seconds(1)).await;
    harness.write(&fast, &[("root", PostKind::Root, "fast")], None).await;
    let began = harness.now();
    harness.work(HOUR).await;
    let seen = harness.chat.seen();
    assert_eq!((seen[0].message.text.as_str(), seen[1].message.text.as_str()), ("fast", "slow"));
    assert!(seen[0].at - began < TimeDelta::seconds(2) && seen[1].at - began > TimeDelta::seconds(25));
}

#[tokio::test]
async fn a_channel_that_nobody_finds_is_told_and_waits() {
    let mut harness = Harness::new();
    let (lost, found) = (harness.incident(1, "nowhere"), harness.incident(2, "shop"));
    for incident in [&lost, &found] {
        harness.write(incident, &[("root", PostKind::Root, "it burns")], None).await;
    }
    harness.work(HOUR).await;
    let channels: Vec<String> = harness.chat.seen().into_iter().map(|seen| seen.channel).collect();
    assert_eq!((channels, harness.waiting().await), (vec!["shop".to_owned()], 1));
    let told = [("slack:#elsewhere".to_owned(), "the channel takes nothing: there is no #elsewhere".to_owned())];
    assert_eq!(harness.surface.troubles.all(), told);
}
