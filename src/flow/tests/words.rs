//! What people say in a thread, where there is no model to answer it.

use super::{Bench, place};
use crate::domain::chat::{MessageId, Spot};
use crate::domain::event::EventId;
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
