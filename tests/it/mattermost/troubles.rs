//! What the outbox is told when something goes wrong.

use chrono::TimeDelta;
use holmes_bot::ports::{Chat as _, ChatError, Sent};

use super::bench::{Bench, client, plain};
use crate::fake_mattermost::Fault;

#[tokio::test]
async fn too_fast_is_a_wait_and_nothing_is_sent_meanwhile() {
    let bench = Bench::new().await;
    let top = bench.root().await;
    bench.server.fault(Fault::Limit { path: "/posts", seconds: 7 });
    let at = bench.to(Some(&top.id), "status");
    let error = bench.chat.post(&at, &plain("x"), None).await.unwrap_err();
    assert_eq!(error, ChatError::Wait { after: TimeDelta::seconds(7) });
    let calls = bench.server.shared.state().calls.len();
    let ChatError::Wait { after } = bench.chat.post(&at, &plain("x"), None).await.unwrap_err() else { panic!() };
    assert!(after > TimeDelta::seconds(5) && after <= TimeDelta::seconds(7), "{after}");
    assert_eq!(bench.server.shared.state().calls.len(), calls);
    assert_eq!(bench.server.posts().len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_lost_is_not_known_and_then_found() {
    let bench = Bench::new().await;
    let at = bench.to(None, "root");
    bench.server.fault(Fault::Lose { path: "/posts" });
    let error = bench.chat.post(&at, &plain("x"), None).await.unwrap_err();
    assert!(matches!(error, ChatError::Unknown(_)), "{error:?}");
    let found = bench.chat.find(&at).await.unwrap().unwrap();
    assert_eq!(bench.server.posts().len(), 1);
    assert_eq!(bench.server.posts()[0]["id"], found.id.0);

    bench.server.fault(Fault::Refuse { path: "/posts", status: 500 });
    let at = bench.to(None, "other");
    let error = bench.chat.post(&at, &plain("x"), None).await.unwrap_err();
    assert!(matches!(error, ChatError::Unknown(_)), "{error:?}");
    assert_eq!(bench.chat.find(&at).await.unwrap(), None);
}

#[tokio::test]
async fn half_a_message_is_taken_back_and_written_whole() {
    let bench = Bench::new().await;
    let top = bench.root().await;
    let long = plain(&"a line that is not very long\n".repeat(1_000));
    let at = bench.to(Some(&top.id), "report");
    bench.chat.post(&bench.to(Some(&top.id), "status"), &plain("s"), None).await.unwrap();
    let sent = bench.chat.post(&at, &long, None).await.unwrap();
    assert_eq!(sent.rest.len(), 1);
    let half = sent.rest[0].0.clone();
    // As if the process had died between the two.
    for post in &mut bench.server.shared.state().posts {
        if post["id"] == *half {
            post["delete_at"] = 1.into();
        }
    }
    assert_eq!(bench.chat.find(&at).await.unwrap(), None);
    let whole = bench.chat.post(&at, &long, None).await.unwrap();
    assert_eq!(whole.rest.len(), 1);
    assert_ne!(whole.id, sent.id);
    assert_eq!(bench.chat.find(&at).await.unwrap(), Some(whole));
    assert_eq!(bench.server.posts().len(), 4, "root, status, and the two of the report");
}

#[tokio::test]
async fn what_is_gone_is_told_from_what_is_closed() {
    let bench = Bench::new().await;
    let top = bench.root().await;
    let reply = bench.chat.post(&bench.to(Some(&top.id), "status"), &plain("s"), None).await.unwrap();
    let deleted = |id: &str| {
        let mut state = bench.server.shared.state();
        state.posts.iter_mut().find(|post| post["id"] == id).unwrap()["delete_at"] = 1.into();
    };
    let edit = async |sent: &Sent| bench.chat.edit(&bench.to(Some(&top.id), "status"), sent, &plain("t")).await;
    deleted(&reply.id.0);
    assert!(matches!(edit(&reply).await, Err(ChatError::Gone(_))));
    let never = Sent { id: holmes_bot::domain::chat::MessageId("zzzzzzzzzzzzzzzzzzzzzzzzzz".into()), rest: Vec::new() };
    assert!(matches!(edit(&never).await, Err(ChatError::Gone(_))));
    deleted(&top.id.0);
    let error = bench.chat.post(&bench.to(Some(&top.id), "x"), &plain("x"), None).await.unwrap_err();
    assert!(matches!(error, ChatError::Gone(_)), "{error:?}");

    let other = bench.chat.post(&bench.to(None, "root:2"), &plain("r"), None).await.unwrap();
    bench.server.shared.state().channels[0].delete_at = 1;
    let error = bench.chat.post(&bench.to(None, "root:3"), &plain("x"), None).await.unwrap_err();
    assert!(matches!(error, ChatError::Channel(_)), "{error:?}");
    let edited = async || bench.chat.edit(&bench.to(None, "root:2"), &other, &plain("resolved")).await;
    assert!(matches!(edited().await, Err(ChatError::Channel(_))));
    bench.server.shared.state().channels[0].delete_at = 0;
    edited().await.unwrap();
    assert_eq!(bench.server.post(&other.id.0)["message"], "resolved");
    let bot = bench.server.shared.state().user("holmes");
    bench.server.shared.state().channel_members.retain(|(_, user)| *user != bot);
    let error = bench.chat.edit(&bench.to(None, "root:2"), &other, &plain("x")).await.unwrap_err();
    assert!(matches!(error, ChatError::Channel(_)), "{error:?}");
}

#[tokio::test]
async fn half_a_message_in_an_archived_channel_waits_until_that_is_open_again() {
    let bench = Bench::new().await;
    let top = bench.root().await;
    let at = bench.to(Some(&top.id), "report");
    let long = plain(&"a line that is not very long\n".repeat(1_000));
    let sent = bench.chat.post(&at, &long, None).await.unwrap();
    bench.server.shared.state().posts.retain(|post| post["id"] != *sent.rest[0].0);
    bench.server.shared.state().channels[0].delete_at = 1;
    let error = bench.chat.find(&at).await.unwrap_err();
    assert!(matches!(error, ChatError::Channel(_)), "{error:?}");
    bench.server.shared.state().channels[0].delete_at = 0;
    assert_eq!(bench.chat.find(&at).await.unwrap(), None);
    assert_eq!(bench.server.posts().len(), 1, "the root");
}

/// The thread goes on: the root is there, it only cannot be changed.
#[tokio::test]
async fn what_is_too_old_to_be_edited_is_not_gone() {
    let bench = Bench::new().await;
    let top = bench.root().await;
    bench.server.shared.state().config["ServiceSettings"]["PostEditTimeLimit"] = 300.into();
    let edit = async |text: &str| bench.chat.edit(&bench.to(None, "root"), &top, &plain(text)).await;
    edit("in time").await.unwrap();
    bench.server.shared.state().posts[0]["create_at"] = 1.into();
    let error = edit("too late").await.unwrap_err();
    assert!(matches!(error, ChatError::Refused(_)), "{error:?}");
    assert_eq!(bench.server.post(&top.id.0)["message"], "in time");
    bench.chat.post(&bench.to(Some(&top.id), "status"), &plain("s"), None).await.unwrap();
}

#[tokio::test]
async fn a_revoked_token_and_a_server_that_is_away() {
    let bench = Bench::new().await;
    let at = bench.to(None, "root");
    let stranger = client(&bench.server.url(), "revoked", &bench.url);
    let error = stranger.post(&at, &plain("x"), None).await.unwrap_err();
    assert!(matches!(error, ChatError::Account(_)), "{error:?}");

    let away = client("http://127.0.0.1:1", "t", &bench.url);
    let error = away.post(&at, &plain("x"), None).await.unwrap_err();
    assert!(matches!(error, ChatError::Down(_)), "nothing was sent: {error:?}");
    let page = crate::fakes::login_page().await;
    let error = client(&page.url(), "t", &bench.url).post(&at, &plain("x"), None).await.unwrap_err();
    assert!(matches!(error, ChatError::Unknown(_)), "{error:?}");
}
