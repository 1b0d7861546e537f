//! Socket Mode.

use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use holmes_bot::adapters::slack::socket::{SocketMode, SocketSettings};
use holmes_bot::domain::event::Event;
use holmes_bot::ports::Store;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{receiver, store};
use crate::fake_slack::http::{command_payload, message, press};
use crate::fake_slack::{APP_TOKEN, FakeSlack, Fault, INCIDENTS};

pub(super) struct Listening {
    pub fake: FakeSlack,
    store: Arc<dyn Store>,
    stop: CancellationToken,
    running: JoinHandle<()>,
    _directory: tempfile::TempDir,
}

impl Listening {
    async fn start(fake: FakeSlack, silence: Duration) -> Self {
        let (directory, store) = store();
        Self::with(fake, silence, directory, store).await
    }

    pub async fn with(fake: FakeSlack, silence: Duration, directory: tempfile::TempDir, store: Arc<dyn Store>) -> Self {
        let settings = SocketSettings {
            api_url: fake.api_url.clone(),
            app_token: APP_TOKEN.to_owned().into(),
            receiver: receiver(&fake, &store),
            silence,
        };
        let stop = CancellationToken::new();
        let running = tokio::spawn(SocketMode::new(settings).unwrap().run(stop.clone()));
        let listening = Self { fake, store, stop, running, _directory: directory };
        listening.open(2).await;
        listening
    }

    async fn open(&self, count: usize) -> Vec<usize> {
        let sockets = self.fake.sockets();
        sockets.until("connections", || Some(sockets.open()).filter(|open| open.len() == count)).await
    }

    async fn events(&self) -> Vec<Event> {
        let claimed = self.store.claim(1000, TimeDelta::seconds(60), Utc::now()).await.unwrap();
        claimed.into_iter().map(|claimed| claimed.event).collect()
    }

    pub async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.running).await.unwrap();
        self.open(0).await;
    }

    /// The same over whichever connection: what was acknowledged is in the inbox.
    async fn takes(&self, ts: &str) {
        let id = self.fake.sockets().deliver("events_api", &ask(ts));
        self.fake.sockets().acknowledgement(&id).await;
        assert_eq!(self.events().await.len(), 1, "{ts}");
    }
}

fn ask(ts: &str) -> Value {
    message("app_mention", "U0ANN", INCIDENTS, None, ts, "<@UBOT00001> why?")
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_is_acknowledged_is_in_the_inbox_and_what_comes_again_is_the_same() {
    let listening = Listening::start(FakeSlack::start().await, LONG).await;
    let sockets = listening.fake.sockets();
    let asked = sockets.deliver("events_api", &ask("1.0"));
    assert_eq!(sockets.acknowledgement(&asked).await, json!({"envelope_id": asked}));
    assert!(matches!(listening.events().await.as_slice(), [Event::Ask(_)]));

    let typed = sockets.deliver("slash_commands", &command_payload("U0ANN", INCIDENTS, "incidents", "1.2.3"));
    let answered = sockets.acknowledgement(&typed).await;
    assert_eq!(answered["payload"], json!({"response_type": "ephemeral", "text": "on it"}));
    let control = json!({"type": "button", "action_id": "investigate", "block_id": "holmes:i-3f9a1c07be", "value": "investigate"});
    let pressed = sockets.deliver("interactive", &press("U0ANN", INCIDENTS, "1.0", &control, None));
    assert_eq!(sockets.acknowledgement(&pressed).await, json!({"envelope_id": pressed}));
    // What cannot be read would come for ever if it were not acknowledged.
    let broken = sockets.deliver("interactive", &json!({"type": "block_actions"}));
    sockets.acknowledgement(&broken).await;
    let foreign = sockets.deliver("new_kind", &json!({}));
    sockets.acknowledgement(&foreign).await;
    assert!(matches!(listening.events().await.as_slice(), [Event::Command(_), Event::Pressed(_)]));

    for id in [&asked, &typed, &pressed] {
        sockets.again(id);
        sockets.until("a second acknowledgement", || (sockets.acknowledgements(id) == 2).then_some(())).await;
    }
    assert!(listening.events().await.is_empty());
    listening.stop().await;
}

#[tokio::test]
async fn a_connection_is_replaced_before_it_ends_and_listened_to_until_then() {
    let listening = Listening::start(FakeSlack::start().await, LONG).await;
    let sockets = listening.fake.sockets();
    let old = sockets.open();
    sockets.announce(old[0], "warning");
    let open = listening.open(3).await;
    assert!(open.contains(&old[0]), "the old one is still there");
    // Whichever of the three gets it.
    for ts in ["1.0", "2.0", "3.0", "4.0", "5.0", "6.0"] {
        listening.takes(ts).await;
    }
    sockets.end(old[0]);
    listening.open(2).await;
    listening.takes("7.0").await;
    listening.stop().await;
}

#[tokio::test]
async fn lost_and_silent_connections_are_made_anew() {
    let fake = FakeSlack::start().await;
    // Opening fails at first, as when Slack has a bad minute.
    fake.fail("apps.connections.open", [Fault::Status(503), Fault::Wait(1), Fault::Error("internal_error")]);
    let listening = Listening::start(fake, Duration::from_millis(300)).await;
    let sockets = listening.fake.sockets();
    let first = sockets.open();
    sockets.end(first[0]);
    let replaced = |gone: usize| move |open: &Vec<usize>| open.len() >= 2 && !open.contains(&gone);
    sockets.until("a new connection", || Some(sockets.open()).filter(replaced(first[0]))).await;
    listening.takes("1.0").await;

    // One that says nothing more, and answers no ping, is given up: its number stays open only on the other side.
    sockets.silence(first[1]);
    let others = || sockets.open().into_iter().filter(|number| *number != first[1]).count();
    sockets.until("a connection instead of the silent one", || (others() >= 2).then_some(())).await;
    listening.stop.cancel();
    listening.running.await.unwrap();
}

#[tokio::test]
async fn every_envelope_of_a_crowd_arrives_while_connections_come_and_go() {
    let listening = Listening::start(FakeSlack::start().await, LONG).await;
    let sockets = listening.fake.sockets();
    let mut ids = Vec::new();
    for number in 0..60 {
        ids.push(sockets.deliver("events_api", &ask(&format!("{number}.0"))));
        if number % 20 == 10 {
            let oldest = sockets.open()[0];
            sockets.announce(oldest, "refresh_requested");
            listening.open(3).await;
            sockets.end(oldest);
            listening.open(2).await;
        }
    }
    for id in &ids {
        // Slack sends again what was not acknowledged when its connection ended.
        if sockets.acknowledgements(id) == 0 {
            sockets.again(id);
        }
        sockets.acknowledgement(id).await;
    }
    assert_eq!(listening.events().await.len(), 60);
    listening.stop().await;
}
