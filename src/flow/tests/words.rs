//! What people say in a thread, where there is no model to answer it.

use super::{Bench, place};
use crate::domain::chat::{MessageId, Spot};
use crate::domain::event::EventId;
use crate::domain::policy::{Principal, PrincipalKind};
use crate::domain::post::PostKind;
use crate::domain::question::Question;
use crate::flow::answer::note;

#[tokio::test]
async fn words_to_each_other_are_kept_and_not_answered() {
    let bench = Bench::new().await;
    let said = |nonce: &str, to_bot: bool| {
        let at = (bench.context.clock)();
        let question = Question::new(nonce, Some(bench.incident.id.clone()), "I roll it back", "ann", at).unwrap();
        let spot = Spot { place: place(), thread: Some(MessageId("root".into())), said: None, to_bot };
        question.asked_in(spot)
    };
    for (event, to_bot, kinds) in [
        (1, false, vec![PostKind::Question]),
        (2, true, vec![PostKind::Question, PostKind::Question, PostKind::Answer]),
    ] {
        note(&bench.context, EventId(event), said(&event.to_string(), to_bot)).await.unwrap();
        let thread = bench.context.store.thread(&bench.incident.id).await.unwrap();
        let of_people = thread.iter().map(|post| post.draft.kind);
        let talk: Vec<PostKind> =
            of_people.filter(|kind| matches!(kind, PostKind::Question | PostKind::Answer)).collect();
        assert_eq!(talk, kinds, "to the bot: {to_bot}");
    }
    let timers = bench.timers().await;
    assert_eq!(timers.iter().filter(|timer| timer.key.starts_with("answer:")).count(), 1);
}

#[tokio::test]
async fn whoever_asks_is_called_by_their_name_and_audited_by_their_id() {
    let bench = Bench::new().await;
    bench.chat.is_named("slack:U0ANN", "Ann");
    let asked = async |event: u64, user: &str, said_name: Option<&str>| {
        let asker = Principal::new(PrincipalKind::Slack, user).unwrap();
        let author = said_name.map_or_else(|| asker.to_string(), str::to_owned);
        let spot = Spot { place: place(), thread: None, said: Some(MessageId("2.0".into())), to_bot: true };
        let question = Question::new(
            &event.to_string(),
            Some(bench.incident.id.clone()),
            "why?",
            &author,
            (bench.context.clock)(),
        )
        .unwrap();
        let question = question.asked_by(asker).asked_in(spot);
        let id = question.id.clone();
        note(&bench.context, EventId(event), question).await.unwrap();
        let key = format!("question:{id}");
        let thread = bench.context.store.thread(&bench.incident.id).await.unwrap();
        thread.iter().find(|post| post.draft.key == key).unwrap().draft.author.clone()
    };
    assert_eq!(asked(1, "U0ANN", None).await, "Ann");
    assert_eq!(asked(2, "U0EVE", None).await, "slack:U0EVE", "where the chat does not say, the id stays");
    assert_eq!(asked(3, "U0ANN", Some("annie")).await, "annie", "what is known is not asked for");
    let audit = bench.context.store.audit(1, 100).await.unwrap();
    let actors: Vec<&str> = audit
        .iter()
        .filter(|entry| entry.draft.action == "question.asked")
        .map(|entry| entry.draft.actor.as_str())
        .collect();
    assert_eq!(actors, ["slack:U0ANN", "slack:U0EVE", "slack:U0ANN"]);
}
