//! A Mattermost that refuses what the real one refuses: API v4 as the bot uses it, WebSocket, commands, buttons, dialogs,
//! files, limits. Its answers have the shape of those recorded from Team Edition 5.38 (`tests/captures/mattermost`).
//!
//! What people do there is done by methods: [`FakeMattermost::say`], [`FakeMattermost::click`],
//! [`FakeMattermost::submit`], [`FakeMattermost::command`].

mod api;
mod html;
mod people;
mod person;
mod posts;
mod socket;
mod state;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use serde_json::Value;
use tokio::sync::broadcast;
use tokio::task::AbortHandle;

pub use self::state::{Fault, State};
use crate::bot::Bot;
use crate::process;

/// Events that a slow socket may be behind.
const MAX_BEHIND: usize = 256;

/// Something that sockets hear.
#[derive(Debug, Clone)]
pub enum Happened {
    /// An event for those who are in a channel.
    Event { name: &'static str, data: Value, channel: String },
    /// An event that gets lost on its way: its number is missing.
    Lost,
    /// Every connection breaks.
    Cut,
}

/// What all handlers share.
pub struct Shared {
    pub state: Mutex<State>,
    pub events: broadcast::Sender<Happened>,
    pub key: EcdsaKeyPair,
    pub random: SystemRandom,
    pub client: reqwest::Client,
    pub url: Mutex<String>,
}

impl Shared {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn tell(&self, name: &'static str, data: Value, channel: &str) {
        let _ = self.events.send(Happened::Event { name, data, channel: channel.to_owned() });
    }
}

/// A running server.
pub struct FakeMattermost {
    pub shared: Arc<Shared>,
    address: SocketAddr,
    task: AbortHandle,
}

impl FakeMattermost {
    /// A server with the team `ops`, its channel `alerts` with `alice` and `bob` in it, an administrator, and the bot
    /// `holmes`, which is in the channel.
    pub async fn start() -> Self {
        let server = Self::bare().await;
        let mut state = server.shared.state();
        let bot = state.add_user("holmes", true);
        let (team, channel) = (state.team("ops"), state.channel("alerts"));
        state.join(&team, &channel, &bot);
        drop(state);
        server
    }

    /// The same before the bot was set up.
    pub async fn bare() -> Self {
        let client = process::client();
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new()),
            events: broadcast::Sender::new(MAX_BEHIND),
            key,
            random,
            client,
            url: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        *shared.url.lock().unwrap() = format!("http://{address}");
        let task = Self::serve(listener, &shared);
        Self { shared, address, task }
    }

    fn serve(listener: tokio::net::TcpListener, shared: &Arc<Shared>) -> AbortHandle {
        let router = api::router(Arc::clone(shared));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }).abort_handle()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The token of a user or a bot.
    pub fn token(&self, user: &str) -> String {
        let state = self.shared.state();
        let id = state.user(user);
        state.tokens.iter().find(|(_, owner)| **owner == id).map(|(token, _)| token.clone()).unwrap()
    }

    pub fn channel(&self) -> String {
        self.shared.state().channel("alerts")
    }

    /// Posts that are there, oldest first, as the server keeps them.
    pub fn posts(&self) -> Vec<Value> {
        self.shared.state().posts.iter().filter(|post| post["delete_at"] == 0).cloned().collect()
    }

    /// The post of this id.
    pub fn post(&self, id: &str) -> Value {
        self.shared.state().posts.iter().find(|post| post["id"] == id).cloned().unwrap()
    }

    /// What goes wrong next.
    pub fn fault(&self, fault: Fault) {
        self.shared.state().faults.push_back(fault);
    }

    /// Breaks every connection, as a restart does.
    pub fn cut(&self) {
        let _ = self.shared.events.send(Happened::Cut);
    }

    /// Loses one event on its way.
    pub fn lose_an_event(&self) {
        let _ = self.shared.events.send(Happened::Lost);
    }

    /// How many sockets are open.
    pub fn sockets(&self) -> usize {
        self.shared.events.receiver_count()
    }

    /// What the bot needs in its environment, with a port for it to listen on; registers `/holmes` with that.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let port = process::free_port();
        let bot = format!("http://127.0.0.1:{port}");
        let command_token = self.shared.state().add_command("holmes", &format!("{bot}/mattermost/command"));
        vec![
            ("HOLMES_LISTEN", format!("127.0.0.1:{port}")),
            ("HOLMES_PUBLIC_URL", bot),
            ("MATTERMOST_URL", self.url()),
            ("MATTERMOST_TOKEN", self.token("holmes")),
            ("MATTERMOST_CHANNEL", "ops/alerts".to_owned()),
            ("MATTERMOST_COMMAND_TOKEN", command_token),
        ]
    }

    /// A bot on the recorded shop that shows its incidents here; `settings` are added to its environment.
    pub async fn bot(&self, settings: &[(&'static str, &str)]) -> Bot {
        let mut all = self.environment();
        all.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Bot::in_the_shop(&all).await
    }
}

impl Drop for FakeMattermost {
    fn drop(&mut self) {
        self.task.abort();
    }
}
