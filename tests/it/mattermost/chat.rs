//! What the bot writes, on the fake server and on a real one where there is one.

use std::sync::Arc;

use chrono::Utc;
use holmes_bot::adapters::mattermost::Mattermost;
use holmes_bot::domain::chat::MessageId;
use holmes_bot::domain::evidence::EvidenceId;
use holmes_bot::domain::message::{Message, Picture};
use holmes_bot::domain::policy::{Person, Principal, PrincipalKind};
use holmes_bot::ports::{Chat as _, ChatError, Destination, PictureFile};

use super::bench::{Bench, client, plain, root, to};
use crate::fake_mattermost::FakeMattermost;

/// A picture of one pixel.
const PIXEL: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00,
    0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x00, 0x00, 0x00, 0x90, 0x77, 0x53, 0xde, 0x00, 0x00, 0x00, 0x0c, 0x49,
    0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x90, 0x89, 0xb8, 0x09, 0x00, 0x01, 0xe1, 0x01, 0x4e, 0xab, 0xb0, 0xc1, 0x01,
    0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

/// A server to write to.
struct Server {
    chat: Arc<Mattermost>,
    channel: String,
    /// Makes keys of one run differ from those of another.
    run: String,
    fake: Option<FakeMattermost>,
}

impl Server {
    fn to(&self, thread: Option<&MessageId>, key: &str) -> Destination {
        to(&self.channel, thread, &format!("{key}:{}", self.run))
    }
}

/// The fake, and the real one that the environment names.
async fn servers() -> Vec<Server> {
    let fake = FakeMattermost::start().await;
    let chat = client(&fake.url(), &fake.token("holmes"), "http://127.0.0.1:9");
    let channel = chat.channel_id("ops/alerts").await.unwrap();
    assert_eq!(channel, fake.channel());
    let mut servers = vec![Server { chat, channel, run: "1".into(), fake: Some(fake) }];
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(url) = variable("MATTERMOST_TEST_URL") {
        let token = variable("MATTERMOST_TEST_TOKEN").expect("MATTERMOST_TEST_TOKEN beside MATTERMOST_TEST_URL");
        let channel = variable("MATTERMOST_TEST_CHANNEL").expect("MATTERMOST_TEST_CHANNEL beside MATTERMOST_TEST_URL");
        let chat = client(&url, &token, "http://127.0.0.1:9");
        let channel = chat.channel_id(&channel).await.unwrap();
        let run = Utc::now().timestamp_micros().to_string();
        servers.push(Server { chat, channel, run, fake: None });
    }
    servers
}

#[tokio::test]
async fn a_thread_is_written_edited_and_found() {
    for server in servers().await {
        let chat = &server.chat;
        let top = chat.post(&server.to(None, "root"), &root(), None).await.unwrap();
        let status = chat.post(&server.to(Some(&top.id), "status"), &plain("Looking …"), None).await.unwrap();
        assert!(top.rest.is_empty() && status.rest.is_empty());
        for (key, thread, sent) in [("root", None, &top), ("status", Some(&top.id), &status)] {
            let found = chat.find(&server.to(thread, key)).await.unwrap();
            assert_eq!(found.as_ref(), Some(sent), "{key}");
        }
        assert_eq!(chat.find(&server.to(Some(&top.id), "evidence:E1")).await.unwrap(), None);

        let resolved = Message { controls: Vec::new(), ..plain("✅ **resolved** @all") };
        assert_eq!(chat.edit(&server.to(None, "root"), &top, &resolved).await.unwrap(), top);
        let found = chat.find(&server.to(None, "root")).await.unwrap();
        assert_eq!(found.as_ref(), Some(&top), "an edited post is found, too");
        // The same again is the same post: the answer to the first may have been lost.
        let again = chat.post(&server.to(Some(&top.id), "status"), &plain("Looking …"), None).await.unwrap();
        assert_eq!(again, status);

        if let Some(fake) = &server.fake {
            let posts = fake.posts();
            assert_eq!(posts.len(), 2);
            assert_eq!(posts[0]["message"], "✅ **resolved** @\u{2060}all");
            assert_eq!(posts[0]["props"]["attachments"], serde_json::Value::Null);
            assert_eq!(posts[0]["metadata"]["priority"]["priority"], "urgent");
            assert_eq!(posts[1]["root_id"], top.id.0);
        }
    }
}

#[tokio::test]
async fn what_is_longer_than_a_post_goes_on() {
    let line = "a finding with its evidence [E1] and a chart beside it\n";
    let long = |lines: usize| plain(&format!("**Report**\n{}", line.repeat(lines)));
    for server in servers().await {
        let chat = &server.chat;
        let top = chat.post(&server.to(None, "root"), &plain("root"), None).await.unwrap();
        let at = server.to(Some(&top.id), "report");
        let sent = chat.post(&at, &long(700), None).await.unwrap();
        assert_eq!(sent.rest.len(), 2);
        assert_eq!(chat.find(&at).await.unwrap(), Some(sent.clone()));
        let shorter = chat.edit(&at, &sent, &long(400)).await.unwrap();
        assert_eq!((&shorter.id, shorter.rest.as_slice()), (&sent.id, &sent.rest[..1]));
        let longer = chat.edit(&at, &shorter, &long(900)).await.unwrap();
        assert_eq!(longer.rest.len(), 3);
        assert_eq!(longer.rest[0], sent.rest[0]);
        if let Some(fake) = &server.fake {
            let posts = fake.posts();
            let text = |post: &serde_json::Value| post["message"].as_str().unwrap().to_owned();
            let together: String = posts[1..].iter().map(text).collect();
            assert_eq!(together.matches("[E1]").count(), 900, "nothing is cut off");
        }
    }
}

#[tokio::test]
async fn a_chart_is_a_file_in_full_size() {
    for server in servers().await {
        let chat = &server.chat;
        let top = chat.post(&server.to(None, "root"), &plain("root"), None).await.unwrap();
        let picture = Picture { evidence: EvidenceId(1), title: "memory".into(), alt: "rises to its limit".into() };
        let message = Message { picture: Some(picture), ..plain("**E1** memory of checkout") };
        let file = PictureFile { name: "E1.png".into(), png: PIXEL.to_vec() };
        let at = server.to(Some(&top.id), "evidence:E1");
        let sent = chat.post(&at, &message, Some(&file)).await.unwrap();
        chat.edit(&at, &sent, &message).await.unwrap();
        let Some(fake) = &server.fake else { continue };
        let post = fake.post(&sent.id.0);
        let id = post["file_ids"][0].as_str().unwrap().to_owned();
        assert_eq!(fake.shared.state().files[&id].bytes, PIXEL);

        // Without files the words stay.
        fake.shared.state().config["FileSettings"]["EnableFileAttachments"] = false.into();
        let sent = chat.post(&server.to(Some(&top.id), "evidence:E2"), &message, Some(&file)).await.unwrap();
        let said = fake.post(&sent.id.0)["message"].as_str().unwrap().to_owned();
        assert_eq!(said, "**E1** memory of checkout\n\n_memory: rises to its limit_");
    }
}

#[tokio::test]
async fn a_channel_that_is_not_ours_is_told_apart() {
    for server in servers().await {
        let unknown = to("zzzzzzzzzzzzzzzzzzzzzzzzzz", None, "root");
        let error = server.chat.post(&unknown, &plain("x"), None).await.unwrap_err();
        assert!(matches!(error, ChatError::Channel(_)), "{error:?}");
        let gone = server.to(Some(&MessageId("zzzzzzzzzzzzzzzzzzzzzzzzzz".into())), "x");
        let error = server.chat.post(&gone, &plain("x"), None).await.unwrap_err();
        assert!(matches!(error, ChatError::Gone(_)), "{error:?}");
    }
}

fn person(bench: &Bench, name: &str) -> Person {
    let id = bench.server.shared.state().user(name);
    Person::new(Principal::new(PrincipalKind::Mattermost, &id).unwrap(), name)
}

#[tokio::test]
async fn something_for_one_person_reaches_that_person() {
    let bench = Bench::new().await;
    let (alice, channel) = (person(&bench, "alice"), bench.server.channel());
    let top = bench.root().await;
    // A plain bot may not show something to one person in a channel, so it writes to them.
    bench.chat.tell(&alice.id, &channel, Some(&top.id), "Only ops may approve this.").await.unwrap();
    let posts = bench.server.posts();
    let said = posts.last().unwrap();
    assert_ne!(said["channel_id"], *channel);
    let link = format!("Only ops may approve this.\n\n{}/_redirect/pl/{}", bench.server.url(), top.id);
    assert_eq!(said["message"], link);

    let bench = Bench::new().await;
    bench.server.shared.state().may_tell = true;
    let (alice, channel) = (person(&bench, "alice"), bench.server.channel());
    bench.chat.tell(&alice.id, &channel, None, "Only **ops**.").await.unwrap();
    assert_eq!(bench.server.shared.state().told, [(alice.id.id().to_owned(), "Only **ops**.".to_owned())]);
    assert!(bench.server.posts().is_empty());
}

#[tokio::test]
async fn groups_are_teams_and_where_there_is_a_licence_groups() {
    let bench = Bench::new().await;
    let alice = person(&bench, "alice");
    let group = |id: &str| Principal::new(PrincipalKind::MattermostGroup, id).unwrap();
    let team = bench.server.shared.state().team("ops");
    assert_eq!(bench.chat.groups(&alice).await.unwrap(), [group(&team)]);
    let calls = bench.server.shared.state().calls.len();
    bench.chat.groups(&alice).await.unwrap();
    assert_eq!(bench.server.shared.state().calls.len(), calls, "asked once a minute");

    let bob = person(&bench, "bob");
    bench.server.shared.state().groups = Some([("g1".to_owned(), vec![bob.id.id().to_owned()])].into());
    assert_eq!(bench.chat.groups(&bob).await.unwrap(), [group(&team), group("g1")]);
    let stranger = Person::new(Principal::new(PrincipalKind::Mattermost, "nobody").unwrap(), "nobody");
    assert_eq!(bench.chat.groups(&stranger).await.unwrap(), []);
    bench.server.fault(crate::fake_mattermost::Fault::Refuse { path: "/groups", status: 500 });
    bench.chat.groups(&person(&bench, "admin")).await.unwrap_err();
}

#[tokio::test]
async fn being_at_work_shows_as_typing() {
    let bench = Bench::new().await;
    let top = bench.root().await;
    let channel = bench.server.channel();
    bench.chat.busy(&channel, &top.id, "reading logs").await.unwrap();
    bench.chat.busy(&channel, &top.id, "").await.unwrap();
    assert_eq!(bench.server.shared.state().typing, [(channel, top.id.0)]);
}

#[tokio::test]
async fn a_thread_looks_like_one() {
    let bench = Bench::new().await;
    let top = bench.root().await;
    let at = bench.to(Some(&top.id), "evidence:E1");
    let file = PictureFile { name: "E1.png".into(), png: PIXEL.to_vec() };
    bench.chat.post(&at, &plain("**E1** memory of `checkout`"), Some(&file)).await.unwrap();
    bench.chat.post(&bench.to(Some(&top.id), "proposal:p-1"), &super::bench::proposal(), None).await.unwrap();
    let page = bench.server.html(&top.id.0);
    for part in [
        "<span class=\"urgent\">URGENT</span>",
        "<strong>KubePodCrashLooping</strong>",
        "style=\"--c:#D24B4E\"",
        "<span class=\"button primary\">Acknowledge</span>",
        "<select><option>Silence</option></select>",
        "<span class=\"button danger\">Reject</span>",
        "<img alt=\"E1.png\" src=\"data:image/png;base64,",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    if let Ok(file) = std::env::var("MATTERMOST_TEST_PAGE") {
        std::fs::write(file, page).unwrap();
    }
}
