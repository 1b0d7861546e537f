//! Socket Mode: what people do comes in by websockets that the bot opens, so nothing has to reach it from outside.
//!
//! Two connections are kept, so that one can be renewed while the other listens; Slack gives each envelope to any one of
//! all connections of all replicas. An envelope is acknowledged when it is in the inbox, and not before: what was not
//! acknowledged comes again, by whichever connection, and is the same event by its key.

mod connection;
pub mod envelope;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::connection::{Connection, Ended};
use super::api::Api;
use super::receive::Receiver;
use crate::adapters::backoff::Backoff;
use crate::adapters::http::HttpError;
use crate::ports::ChatError;

/// Connections of one process. Slack allows ten of one app: five replicas.
pub const CONNECTIONS: usize = 2;
/// How long to wait when Slack says that Socket Mode is off, or that the token is not good: a person has to act.
const REFUSED: Duration = Duration::from_secs(60);
/// A connection that lived so long was good: the next failure begins with a short wait again.
const PROVEN: Duration = Duration::from_secs(60);
/// A connection whose end is announced sooner is no good either.
const QUICK: Duration = Duration::from_secs(5);
/// Longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How long connections may take to end when the bot stops.
const DRAIN: Duration = Duration::from_secs(5);

/// What Socket Mode needs.
pub struct SocketSettings {
    /// `https://slack.com/api`.
    pub api_url: String,
    /// `xapp-…`.
    pub app_token: SecretString,
    /// Takes what comes.
    pub receiver: Arc<Receiver>,
    /// How long a connection may be silent before it is tried, and again before it is given up.
    pub silence: Duration,
}

/// The listener.
pub struct SocketMode {
    api: Api,
    inner: Arc<Inner>,
}

struct Inner {
    receiver: Arc<Receiver>,
    silence: Duration,
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Deserialize)]
struct Opened {
    url: String,
}

/// An address to connect to, good for one connection within 30 s.
///
/// # Errors
/// When Slack gives none.
pub async fn address(api: &Api) -> Result<String, ChatError> {
    let Opened { url } = api.post("apps.connections.open", &Nothing {}).await?;
    Ok(url)
}

impl SocketMode {
    /// Checks the settings; nothing is sent.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn new(settings: SocketSettings) -> Result<Self, HttpError> {
        let SocketSettings { api_url, app_token, receiver, silence } = settings;
        let api = Api::new(&api_url, &app_token)?;
        Ok(Self { api, inner: Arc::new(Inner { receiver, silence }) })
    }

    /// Listens until `stop`, then finishes what was begun.
    pub async fn run(self, stop: CancellationToken) {
        let listener = Arc::new(self);
        let mut connections = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (listener, stop) = (Arc::clone(&listener), stop.clone());
            connections.spawn(async move { listener.keep_one(stop).await });
        }
        while connections.join_next().await.is_some() {}
    }

    /// Keeps one connection: opens the next when this one is about to end, or has ended.
    async fn keep_one(&self, stop: CancellationToken) {
        let mut backoff = Backoff::new(LONGEST_WAIT);
        // Connections that Slack is about to end, still listened to.
        let mut ending: JoinSet<()> = JoinSet::new();
        while !stop.is_cancelled() {
            let began = tokio::time::Instant::now();
            let opened = tokio::select! {
                opened = self.open() => opened,
                () = stop.cancelled() => break,
            };
            let ended = match opened {
                Ok(connection) => connection.listen(&self.inner, &stop, &mut ending).await,
                Err(ended) => ended,
            };
            if began.elapsed() > PROVEN {
                backoff.reset();
            }
            let pause = match &ended {
                Ended::Stopped => break,
                // There was an announcement: the next connection begins at once, unless that is all that Slack says.
                Ended::Announced if began.elapsed() > QUICK => {
                    backoff.reset();
                    Duration::ZERO
                }
                Ended::Announced => backoff.next_wait(),
                Ended::Refused(error) => {
                    tracing::error!("Socket Mode is refused; trying again in {} s: {error}", REFUSED.as_secs());
                    REFUSED
                }
                Ended::Broken(error) => {
                    let pause = backoff.next_wait();
                    tracing::warn!("a Socket Mode connection ended; the next in {} ms: {error}", pause.as_millis());
                    pause
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => break,
            }
            while ending.try_join_next().is_some() {}
        }
        let _ = tokio::time::timeout(DRAIN, async { while ending.join_next().await.is_some() {} }).await;
    }

    async fn open(&self) -> Result<Connection, Ended> {
        let url = address(&self.api).await.map_err(|error| match error {
            ChatError::Account(error) | ChatError::Refused(error) => Ended::Refused(error),
            other => Ended::Broken(other.to_string()),
        })?;
        Connection::open(&url).await
    }
}
