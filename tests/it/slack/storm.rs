//! A storm of incidents, over HTTP into a Slack that limits, fails, loses answers and hangs: nothing is lost, nothing comes
//! twice, each thread keeps its order, and no channel waits for another.
//!
//! `STORM_INCIDENTS=1000` makes it the storm of a bad night. It runs at ten times the pace that Slack allows;
//! `STORM_SPEED=1` takes as long as the night would.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use holmes_bot::domain::chat::Platform;
use holmes_bot::domain::post::{PostDraft, PostKind};
use holmes_bot::domain::routes::Routes;
use holmes_bot::flow::deliver::pace::{Rate, Rates};
use holmes_bot::flow::deliver::{Courier, Surface};
use holmes_bot::ports::Write;
use holmes_bot::render::{Language, Renderer};
use tokio_util::sync::CancellationToken;

use super::{slack, store};
use crate::fake_slack::{FakeSlack, Fault};
use crate::store_contract::opened;

/// Enough for every kind of fault; a thousand take minutes.
const INCIDENTS: usize = 40;
const CHANNELS: usize = 5;
/// Calls of a hundred that go wrong.
const WEATHER_PERCENT: u32 = 6;
/// The messages of an incident, in order.
const POSTS: [(&str, PostKind); 3] =
    [("root", PostKind::Root), ("evidence:E1", PostKind::Evidence), ("report", PostKind::Report)];

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |number| number.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_and_nothing_comes_twice() {
    let (incidents, speed) = (number("STORM_INCIDENTS", INCIDENTS), number("STORM_SPEED", 10));
    let faster = i32::try_from(speed).unwrap();
    let rates = Rates::default();
    let channel = Rate { every: rates.channel.every / faster, ..rates.channel };
    let platform = Rate { every: rates.platform.every / faster, ..rates.platform };
    let rates = Rates { channel, platform };

    let fake = FakeSlack::start().await;
    let mut rules = Vec::new();
    for number in 0..CHANNELS {
        fake.workspace().add_channel(&format!("C0STORM{number}"), &format!("storm-{number}"));
        rules.push(format!("deployment=c{number}-*:#storm-{number}"));
    }
    // Slack allows bursts that its documentation does not promise: here none is allowed.
    fake.pace(channel.every.to_std().unwrap());
    fake.chaos(WEATHER_PERCENT, 20_261_129);
    // Two answers never come: once it had happened, once it had not.
    fake.fail("chat.postMessage", [Fault::HangsAfter, Fault::HangsBefore]);

    let (_directory, store) = store();
    for n in 0..incidents {
        let now = Utc::now();
        let post = |(key, kind): (&str, PostKind)| PostDraft {
            key: key.into(),
            kind,
            author: "holmes".into(),
            text: format!("{key} of {n}"),
            evidence: Vec::new(),
            at: now,
        };
        let write = Write {
            posts: POSTS.map(post).to_vec(),
            chats: vec![Platform::Slack],
            ..opened(&format!("c{}-app{n}", n % CHANNELS))
        };
        store.commit(vec![write], &[], now).await.unwrap();
    }
    let surface = Surface {
        store: Arc::clone(&store),
        clock: Arc::new(Utc::now),
        render: Arc::new(Renderer::new(Language::English, Vec::new()).unwrap()),
        chat: Arc::new(slack(&fake)),
        routes: Routes::parse("#incidents", &rules.join(";")).unwrap(),
        channels: Arc::default(),
        public_url: "https://holmes.example.com".into(),
        troubles: Arc::default(),
        counters: Arc::default(),
    };
    let began = Instant::now();
    let stop = CancellationToken::new();
    let running = tokio::spawn(Courier::new(surface, rates).run(stop.clone()));
    // Twice the time that the pace alone takes, and what the faults cost: a call that hangs 15 s, and 5 s until it is looked
    // for; Slack asks to wait for whole seconds, however fast the test is; and an unoptimised bot shares its processor.
    let paced = platform.every.to_std().unwrap() * u32::try_from(POSTS.len() * incidents).unwrap();
    let bound = paced * 2 + Duration::from_secs(90) + Duration::from_millis(500) * u32::try_from(incidents).unwrap();
    while !store.outbox(Platform::Slack, 1).await.unwrap().is_empty() {
        assert!(began.elapsed() < bound, "{} messages after {bound:?}", fake.workspace().said().len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop.cancel();
    running.await.unwrap();

    let mut threads: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut delays: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
    let workspace = fake.workspace();
    for message in workspace.said() {
        let key = message.metadata["event_payload"]["key"].as_str().unwrap();
        let (incident, key) = key.split_once('/').unwrap();
        let root = message.thread.clone().unwrap_or_else(|| message.ts.clone());
        threads.entry(format!("{incident} {} {root}", message.channel)).or_default().push(key.to_owned());
        delays.entry(key.to_owned()).or_default().push(message.at.duration_since(began));
    }
    let calls = fake.calls().len();
    let limited = fake.limited();
    let mut figures = Vec::new();
    for (key, delays) in &mut delays {
        delays.sort_unstable();
        let (median, last) = (delays[delays.len() / 2], delays[delays.len() - 1]);
        figures.push(format!("{key}: median {:.1} s, last {:.1} s", median.as_secs_f64(), last.as_secs_f64()));
    }
    println!(
        "{incidents} incidents in {CHANNELS} channels at {speed} times Slack's pace, {calls} calls, {limited} of them \
         limited (429): {}; the bound was {:.0} s",
        figures.join("; "),
        bound.as_secs_f64(),
    );
    assert_eq!(threads.len(), incidents, "one thread an incident");
    let whole = POSTS.map(|(key, _)| key);
    for (thread, keys) in &threads {
        assert_eq!(*keys, whole, "{thread}");
    }
    assert!(limited > 0, "nothing was limited: the storm was none");
}
