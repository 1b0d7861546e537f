//! Whatever fails, and whenever the bot dies: each message once, in order, with the right words in the end.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::fake::Fault;
use super::harness::Harness;
use crate::domain::post::PostKind;

/// What happens to one of three incidents between two rounds of work.
#[derive(Debug, Clone)]
struct Happens {
    incident: usize,
    /// Which posts are written; the same number again edits.
    posts: Vec<usize>,
    /// How long the bot works before the next.
    work: i64,
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => Just(Fault::None),
        1 => Just(Fault::Lost),
        1 => Just(Fault::Unheard),
        1 => (1..40i64).prop_map(Fault::Wait),
        1 => Just(Fault::DiesBefore),
        1 => Just(Fault::DiesAfter),
    ]
}

fn happens() -> impl Strategy<Value = Happens> {
    (0..3usize, proptest::collection::vec(0..6usize, 1..4), 0..6i64).prop_map(|(incident, posts, work)| Happens {
        incident,
        posts,
        work,
    })
}

fn key_of(n: usize) -> (&'static str, PostKind) {
    [
        ("root", PostKind::Root),
        ("status", PostKind::Status),
        ("evidence:E1", PostKind::Evidence),
        ("report", PostKind::Report),
        ("answer:q", PostKind::Answer),
        ("resolved:0", PostKind::Resolved),
    ][n]
}

async fn holds(story: Vec<Happens>, faults: Vec<Fault>) {
    let mut harness = Harness::new();
    harness.chat.fails(faults);
    for (turn, Happens { incident, posts, work }) in story.into_iter().enumerate() {
        let incident = harness.incident(incident, ["a", "a", "b"][incident]);
        let text = format!("as of {turn}");
        // Nothing is said of an incident before its root.
        let is_new = harness.store.incident(&incident.id).await.unwrap().is_none();
        let first = is_new.then_some(("root", PostKind::Root, text.as_str()));
        let posts: Vec<_> =
            first.into_iter().chain(posts.into_iter().map(|n| (key_of(n).0, key_of(n).1, text.as_str()))).collect();
        harness.write(&incident, &posts, None).await;
        harness.work(TimeDelta::seconds(work)).await;
    }
    harness.work(TimeDelta::hours(3)).await;
    assert_eq!(harness.waiting().await, 0);
    let seen = harness.chat.seen();
    for n in 0..3 {
        let id = harness.incident(n, "a").id;
        let thread = harness.store.thread(&id).await.unwrap();
        let truth: Vec<(String, String)> =
            thread.iter().map(|post| (format!("{id}/{}", post.draft.key), post.draft.text.clone())).collect();
        let shown: Vec<(String, String)> = seen
            .iter()
            .filter(|seen| seen.key.starts_with(&id.0))
            .map(|seen| (seen.key.clone(), seen.message.text.clone()))
            .collect();
        assert_eq!(shown, truth, "after {} deaths", harness.deaths);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn each_message_once_in_order_with_the_right_words(
        story in proptest::collection::vec(happens(), 1..8),
        faults in proptest::collection::vec(fault(), 0..24),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(holds(story, faults));
    }
}
