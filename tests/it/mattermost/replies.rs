//! What people write in threads, whatever happens to the connection meanwhile.

use chrono::{TimeDelta, Utc};
use holmes_bot::domain::command::Command;
use holmes_bot::domain::event::Event;
use holmes_bot::domain::incident::IncidentId;
use holmes_bot::domain::question::Question;
use holmes_bot::ports::DocumentKind;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::bench::{Bench, INCIDENT};
use crate::fake_mattermost::FakeMattermost;
use crate::wait::until;

/// Somebody who listens.
struct Listening {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Listening {
    async fn start(bench: &Bench) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(bench.socket().run(stop.clone()));
        connected(bench).await;
        Self { stop, task }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// Waits until the bot's socket is open.
async fn connected(bench: &Bench) {
    listened_to(&bench.server).await;
}

async fn listened_to(server: &FakeMattermost) {
    until("somebody who listens", async || (server.sockets() > 0).then_some(())).await;
}

fn question(event: Event) -> Question {
    match event {
        Event::Ask(question) => question,
        other => panic!("not a question: {other:?}"),
    }
}

#[tokio::test]
async fn a_reply_in_a_thread_is_a_question_and_a_mention_opens_one() {
    let bench = Bench::new().await;
    let top = bench.root().await;
    let listening = Listening::start(&bench).await;
    let channel = bench.server.channel();

    let said = bench.server.say("alice", &channel, &top.id.0, "why does it crash?").await;
    let asked = question(bench.event().await);
    assert_eq!((asked.text.as_str(), asked.author.as_str()), ("why does it crash?", "alice"));
    assert_eq!(asked.incident, Some(IncidentId(INCIDENT.into())));
    let spot = asked.spot.unwrap();
    assert_eq!((spot.thread.unwrap().0, spot.said.unwrap().0), (top.id.0.clone(), said));

    // People talk to each other, in the thread and elsewhere; the bot's own words come back to it.
    bench.server.say("alice", &channel, &top.id.0, "@bob can you look?").await;
    bench.server.say("bob", &channel, "", "lunch?").await;
    let said = bench.server.say("bob", &channel, "", "@holmes, is the cluster well?").await;
    let asked = question(bench.event().await);
    assert_eq!((asked.text.as_str(), asked.incident), ("is the cluster well?", None));
    let spot = asked.spot.unwrap();
    assert_eq!((spot.thread, spot.said.unwrap().0), (None, said));

    bench.server.say("bob", &channel, "", "@holmes help").await;
    let Event::Command(typed) = bench.event().await else { panic!() };
    assert_eq!(typed.command, Command::Help { unknown: None });
    listening.stop().await;
}

#[tokio::test]
async fn what_was_written_while_the_connection_was_down_is_read() {
    let bench = Bench::new().await;
    let top = bench.root().await;
    let listening = Listening::start(&bench).await;
    let channel = bench.server.channel();
    bench.server.say("alice", &channel, &top.id.0, "one?").await;
    assert_eq!(question(bench.event().await).text, "one?");

    bench.server.cut();
    until("the connection to break", async || (bench.server.sockets() == 0).then_some(())).await;
    bench.server.say("alice", &channel, &top.id.0, "two?").await;
    assert_eq!(question(bench.event().await).text, "two?");
    connected(&bench).await;
    bench.server.say("alice", &channel, &top.id.0, "three?").await;
    assert_eq!(question(bench.event().await).text, "three?");
    listening.stop().await;

    // Across a restart, too, and each once.
    bench.server.say("bob", &channel, &top.id.0, "four?").await;
    let listening = Listening::start(&bench).await;
    let asked = question(bench.event().await);
    // Who it is, is asked when the question is handled.
    let bob = asked.asker.map(|asker| asker.to_string()).unwrap();
    assert_eq!((asked.text.as_str(), asked.author), ("four?", bob));
    listening.stop().await;
    assert_eq!(bench.events().await, []);
}

/// How far the bot has read, as it keeps it.
async fn has_read(bench: &Bench, hours_ago: i64) {
    let read = (Utc::now() - TimeDelta::hours(hours_ago)).timestamp_millis().to_string();
    let document = ("mattermost/read".to_owned(), Some(read.into_bytes()));
    bench.store.write_documents(DocumentKind::Own, vec![document]).await.unwrap();
}

/// Posts of alice's below a root, written so many minutes ago while nobody listened.
fn wrote(bench: &Bench, root: &str, posts: &[(&str, i64)]) {
    let mut state = bench.server.shared.state();
    let alice = state.user("alice");
    let template = state.posts.iter().find(|post| post["id"] == root).unwrap().clone();
    for (message, minutes_ago) in posts {
        let (id, at) = (state.id(), (Utc::now() - TimeDelta::minutes(*minutes_ago)).timestamp_millis());
        let mut post = template.clone();
        (post["id"], post["message"], post["user_id"]) = (id.into(), (*message).into(), alice.clone().into());
        (post["root_id"], post["props"]) = (root.into(), serde_json::json!({}));
        (post["create_at"], post["update_at"]) = (at.into(), at.into());
        state.posts.push(post);
        state.channels[0].last_post_at = state.channels[0].last_post_at.max(at);
    }
}

#[tokio::test]
async fn a_day_of_absence_is_caught_up_with_and_no_more() {
    let bench = Bench::new().await;
    let top = bench.root().await;
    has_read(&bench, 40).await;
    wrote(&bench, &top.id.0, &[("the day before?", 30 * 60), ("in the evening?", 20 * 60), ("this morning?", 3 * 60)]);
    let listening = Listening::start(&bench).await;
    let mut asked = Vec::new();
    until("two questions", async || {
        asked.extend(bench.events().await.into_iter().map(|event| question(event).text));
        (asked.len() >= 2).then_some(())
    })
    .await;
    assert_eq!(asked, ["in the evening?", "this morning?"]);
    listening.stop().await;
    // All of it is read now: nothing comes again.
    let listening = Listening::start(&bench).await;
    let channel = bench.server.channel();
    bench.server.say("alice", &channel, &top.id.0, "now?").await;
    assert_eq!(question(bench.event().await).text, "now?");
    listening.stop().await;
}

#[tokio::test]
async fn what_a_busy_channel_has_more_of_than_one_answer_holds_is_read_by_the_page() {
    let bench = Bench::new().await;
    let top = bench.root().await;
    has_read(&bench, 2).await;
    // The server answers with the newest thousand; the question was asked before them.
    wrote(&bench, &top.id.0, &[("why does it crash?", 90)]);
    let chatter: Vec<(&str, i64)> = (0..1_050).map(|_| ("@bob lunch?", 60)).collect();
    wrote(&bench, &top.id.0, &chatter);
    let listening = Listening::start(&bench).await;
    assert_eq!(question(bench.event().await).text, "why does it crash?");
    listening.stop().await;
}

#[tokio::test]
async fn an_event_that_got_lost_is_noticed_by_its_number() {
    let bench = Bench::new().await;
    let top = bench.root().await;
    let listening = Listening::start(&bench).await;
    let channel = bench.server.channel();
    bench.server.say("alice", &channel, &top.id.0, "one?").await;
    assert_eq!(question(bench.event().await).text, "one?");
    // The event of this reply is lost on its way.
    {
        let mut state = bench.server.shared.state();
        let (id, now) = (state.id(), state.now());
        let mut post = state.posts.last().unwrap().clone();
        (post["id"], post["message"]) = (id.into(), "two?".into());
        (post["create_at"], post["update_at"]) = (now.into(), now.into());
        state.posts.push(post);
        state.channels[0].last_post_at = now;
    }
    bench.server.lose_an_event();
    bench.server.say("bob", &channel, "", "something else").await;
    assert_eq!(question(bench.event().await).text, "two?");
    listening.stop().await;
}

#[tokio::test]
async fn a_direct_message_needs_no_name() {
    let bench = Bench::new().await;
    let listening = Listening::start(&bench).await;
    let alice = bench.server.shared.state().user("alice");
    let bot = bench.server.shared.state().user("holmes");
    let url = format!("{}/api/v4/channels/direct", bench.server.url());
    let request = bench.server.shared.client.post(url).bearer_auth(bench.server.token("alice"));
    let direct: serde_json::Value =
        request.json(&serde_json::json!([alice, bot])).send().await.unwrap().json().await.unwrap();
    bench.server.say("alice", direct["id"].as_str().unwrap(), "", "how is the cluster?").await;
    assert_eq!(question(bench.event().await).text, "how is the cluster?");
    listening.stop().await;
}

#[tokio::test]
async fn a_bot_listens_takes_commands_and_stops() {
    let server = FakeMattermost::start().await;
    let bot = server.bot(&[]).await;
    listened_to(&server).await;
    let (status, said) = server.command("alice", &server.channel(), "", "/holmes status").await;
    assert_eq!((status, said.as_str()), (200, "On it."));
    bot.stop().await;
}
