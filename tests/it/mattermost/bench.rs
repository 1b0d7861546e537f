//! A client of the fake server with a store and the routes that the server calls.

use std::net::SocketAddr;
use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use holmes_bot::adapters::http::{Auth, EndpointSettings};
use holmes_bot::adapters::mattermost::socket::Socket;
use holmes_bot::adapters::mattermost::{Mattermost, MattermostSettings, Sealer};
use holmes_bot::app::hearing;
use holmes_bot::domain::audit::first_broken;
use holmes_bot::domain::chat::{MessageId, Platform};
use holmes_bot::domain::event::Event;
use holmes_bot::domain::incident::IncidentId;
use holmes_bot::domain::message::{ButtonStyle, Confirm, Control, Message, Tone};
use holmes_bot::domain::press::Press;
use holmes_bot::domain::projection::{Projection, Shown};
use holmes_bot::domain::proposal::ProposalId;
use holmes_bot::ports::{Chat as _, Clock, Destination, Sent, Store, Versioned};
use holmes_bot::render::{Language, Renderer};
use holmes_bot::telemetry::Counters;
use holmes_bot::web::mattermost::{self as web, Mattermost as Callbacks};
use holmes_bot::web::refusals::Refusals;
use secrecy::SecretString;
use tokio::task::AbortHandle;

use crate::failing_store::FailingStore;
use crate::fake_mattermost::FakeMattermost;
use crate::wait::until;

/// The secret that buttons are sealed with here.
pub const SECRET: &str = "a secret of the bench";
/// The incident that everything here is about.
pub const INCIDENT: &str = "i-3f9a1c07be";

pub struct Bench {
    pub server: FakeMattermost,
    pub chat: Arc<Mattermost>,
    pub store: Arc<dyn Store>,
    /// The same, to be switched off.
    pub failing: Arc<FailingStore>,
    pub counters: Arc<Counters>,
    pub refusals: Arc<Refusals>,
    /// Where the server calls back.
    pub url: String,
    /// The token of `/holmes`.
    pub command_token: String,
    task: AbortHandle,
}

/// A client with a token.
pub fn client(url: &str, token: &str, callback_url: &str) -> Arc<Mattermost> {
    // Its provider of TLS must be there before a client is made.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock: Clock = Arc::new(Utc::now);
    let endpoint =
        EndpointSettings { url: url.into(), auth: Auth::Bearer(token.to_owned().into()), ..Default::default() };
    let sealer = Sealer::new(&SECRET.into());
    let settings = MattermostSettings { endpoint, callback_url: callback_url.into(), sealer, clock };
    Arc::new(Mattermost::new(settings).unwrap())
}

impl Bench {
    pub async fn new() -> Self {
        Self::with(FakeMattermost::start().await).await
    }

    pub async fn with(server: FakeMattermost) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let chat = client(&server.url(), &server.token("holmes"), &url);
        let store = FailingStore::new();
        let failing = Arc::clone(&store);
        let store: Arc<dyn Store> = store;
        let counters = Arc::new(Counters::default());
        let command_token = server.shared.state().add_command("holmes", &format!("{url}/mattermost/command"));
        let render = Arc::new(Renderer::new(Language::English, Vec::new()).unwrap());
        let refusals = Arc::new(Refusals::new(Arc::clone(&store), Arc::new(Utc::now)));
        let routes = web::routes(Callbacks {
            hearing: hearing(Arc::clone(&store), Arc::new(Utc::now), Arc::clone(&render)),
            counters: Arc::clone(&counters),
            render,
            client: Arc::clone(&chat),
            refusals: Arc::clone(&refusals),
            command_tokens: vec![SecretString::from("another team's"), command_token.clone().into()],
        });
        let routes = routes.into_make_service_with_connect_info::<SocketAddr>();
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() }).abort_handle();
        Self { server, chat, store, failing, counters, refusals, url, command_token, task }
    }

    /// What hears in this chat.
    pub fn socket(&self) -> Socket {
        let render = Arc::new(Renderer::new(Language::English, Vec::new()).unwrap());
        let hearing = hearing(Arc::clone(&self.store), Arc::new(Utc::now), render);
        Socket { chat: Arc::clone(&self.chat), hearing }
    }

    pub fn to(&self, thread: Option<&MessageId>, key: &str) -> Destination {
        to(&self.server.channel(), thread, key)
    }

    /// The root of the incident's thread, known to the store.
    pub async fn root(&self) -> Sent {
        let sent = self.chat.post(&self.to(None, "root"), &root(), None).await.unwrap();
        self.know("root", &sent).await;
        sent
    }

    /// Says to the store that a post is shown.
    pub async fn know(&self, key: &str, sent: &Sent) {
        let incident = IncidentId(INCIDENT.into());
        let known = self.store.projection(Platform::Mattermost, &incident).await.unwrap();
        let mut value = Projection { channel: self.server.channel(), ..known.value };
        value.shown.insert(key.to_owned(), Shown::untouched(Some(sent.id.clone()), Utc::now()));
        let known = Versioned { version: known.version, value };
        self.store.save_projection(Platform::Mattermost, &incident, &known).await.unwrap();
    }

    /// What is in the inbox, each event once.
    pub async fn events(&self) -> Vec<Event> {
        let claimed = self.store.claim(100, TimeDelta::hours(1), Utc::now()).await.unwrap();
        claimed.into_iter().map(|claimed| claimed.event).collect()
    }

    /// The next event, which must come.
    pub async fn event(&self) -> Event {
        until("an event", async || {
            let mut events = self.events().await;
            assert!(events.len() <= 1, "more than was awaited: {events:#?}");
            events.pop()
        })
        .await
    }

    /// What the audit says of refusals, oldest first.
    pub async fn refused(&self) -> Vec<String> {
        self.refusals.write_down().await.unwrap();
        let audit = self.store.audit(1, 1000).await.unwrap();
        assert_eq!(first_broken(&audit), None);
        audit
            .into_iter()
            .map(|entry| entry.draft)
            .filter(|draft| draft.action == "callback.refused")
            .map(|draft| draft.detail)
            .collect()
    }

    /// How often this kind of callback ended like this.
    pub fn counted(&self, of: &str, result: &str) -> u64 {
        let line = format!("holmes_callbacks_total{{of=\"mattermost {of}\",result=\"{result}\"}} ");
        let text = self.counters.text();
        text.lines().find_map(|known| known.strip_prefix(&line)?.parse().ok()).unwrap_or(0)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub fn to(channel: &str, thread: Option<&MessageId>, post: &str) -> Destination {
    let incident = IncidentId(INCIDENT.to_owned());
    Destination { channel: channel.to_owned(), thread: thread.cloned(), incident, post: post.to_owned() }
}

pub fn plain(text: &str) -> Message {
    Message { tone: Tone::Plain, text: text.into(), picture: None, controls: Vec::new(), mentions: Vec::new() }
}

/// A root as the renderer makes it.
pub fn root() -> Message {
    let text = "🔴 **KubePodCrashLooping** on shop/checkout\ncritical · Deployment `shop/checkout` · since 10:00 · 2 of 2 \
                alerts firing\n\nLooking for the cause …";
    let hours = |hours: u32| (format!("{hours} h"), Press::Silence { minutes: hours * 60 }.to_string());
    let controls = vec![
        Control::button("Acknowledge".into(), &Press::Acknowledge, ButtonStyle::Primary),
        Control::Menu { label: "Silence".into(), options: vec![hours(1), hours(8)] },
        Control::button("Investigate again".into(), &Press::Investigate, ButtonStyle::Default),
        Control::Link { label: "Console".into(), url: "http://holmes.example/incidents/i-3f9a1c07be".into() },
    ];
    Message { tone: Tone::Critical, controls, mentions: vec!["@alice".into()], ..plain(text) }
}

/// A proposal with its two buttons, which both ask again as the renderer's do; the first in words that are too long.
pub fn proposal() -> Message {
    let approve = Control::Button {
        label: "Approve".into(),
        press: "approve p-3f9a1c07be 0f3c".into(),
        style: ButtonStyle::Primary,
        confirm: Some(Confirm {
            title: "Restart the deployment checkout?".into(),
            text: "Restarts all pods of shop/checkout.\n\n-restartedAt: none\n+restartedAt: now".into(),
            yes: "Restart".into(),
            no: "Cancel".into(),
        }),
    };
    let reject = Control::Button {
        label: "Reject".into(),
        press: "reject p-3f9a1c07be 0f3c".into(),
        style: ButtonStyle::Danger,
        confirm: Some(Confirm {
            title: "Turn this down?".into(),
            text: "restart deployment/checkout -n shop".into(),
            yes: "Reject".into(),
            no: "Cancel".into(),
        }),
    };
    let text = "🔧 **Proposal**: restart `shop/checkout`\nRisk: low";
    Message { tone: Tone::Warning, controls: vec![approve, reject], ..plain(text) }
}

/// A proposal whose diff can be looked at.
pub fn diff() -> Message {
    let press = Press::ShowDiff { proposal: ProposalId("p-3f9a1c07be".into()) };
    let controls = vec![Control::button("Show diff".into(), &press, ButtonStyle::Default)];
    Message { controls, ..plain("a proposal") }
}
