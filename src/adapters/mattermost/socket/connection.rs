//! One WebSocket: opened, proven, and read event by event.

use anyhow::{Context as _, bail};
use futures::{SinkExt as _, StreamExt as _};
use secrecy::ExposeSecret as _;
use serde_json::json;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::frame::Frame;
use crate::adapters::http::{Auth, EndpointSettings, open_websocket};

/// Longest event: a post with its attachments, as JSON in JSON.
const MAX_EVENT_BYTES: usize = 8 << 20;

/// An open connection that has proven who we are.
pub(super) struct Connection {
    stream: WebSocketStream<reqwest::Upgraded>,
}

/// What comes.
#[derive(Debug)]
pub(super) enum Heard {
    /// An event or a reply.
    Frame(Frame),
    /// A ping or a pong.
    SignOfLife,
    /// The server ended it.
    End,
}

impl Connection {
    /// Opens a connection and proves who we are.
    pub async fn open(settings: &EndpointSettings) -> anyhow::Result<Self> {
        let Auth::Bearer(token) = &settings.auth else { bail!("there is no token") };
        let url = format!("{}/api/v4/websocket", settings.url.trim_end_matches('/'));
        let stream = open_websocket(&settings.client, &url, MAX_EVENT_BYTES).await?;
        let mut connection = Self { stream };
        let token = token.expose_secret();
        let challenge = json!({ "seq": 1, "action": "authentication_challenge", "data": { "token": token } });
        connection.stream.send(Message::text(challenge.to_string())).await.context("prove who we are")?;
        connection.authenticated().await?;
        Ok(connection)
    }

    /// Waits for the reply to the challenge. A token that is wrong is told by closing, without a word.
    async fn authenticated(&mut self) -> anyhow::Result<()> {
        loop {
            match self.next().await? {
                Heard::Frame(Frame { seq_reply: Some(1), status, .. }) if status.as_deref() == Some("OK") => {
                    return Ok(());
                }
                Heard::Frame(Frame { seq_reply: Some(1), .. }) | Heard::End => {
                    bail!("the server does not take the token: check MATTERMOST_TOKEN")
                }
                // `hello` comes before or after the reply; whatever else happened meanwhile is read afterwards.
                Heard::Frame(_) | Heard::SignOfLife => {}
            }
        }
    }

    /// What comes next.
    pub async fn next(&mut self) -> anyhow::Result<Heard> {
        loop {
            let Some(message) = self.stream.next().await else { return Ok(Heard::End) };
            return Ok(match message.context("read from the WebSocket")? {
                Message::Text(text) => match Frame::read(&text) {
                    Ok(frame) => Heard::Frame(frame),
                    Err(error) => {
                        tracing::debug!("an event of Mattermost cannot be read: {error}");
                        continue;
                    }
                },
                Message::Ping(_) | Message::Pong(_) => Heard::SignOfLife,
                Message::Close(_) => Heard::End,
                Message::Binary(_) | Message::Frame(_) => continue,
            });
        }
    }

    /// Asks for a sign of life.
    pub async fn ping(&mut self) -> anyhow::Result<()> {
        self.stream.send(Message::Ping(bytes::Bytes::new())).await.context("write to the WebSocket")
    }

    /// Says good-bye.
    pub async fn close(mut self) {
        // Whether the server hears it makes no difference.
        let _ = self.stream.close(None).await;
    }
}
