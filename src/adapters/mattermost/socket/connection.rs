//! One WebSocket: opened over the HTTP client that all else uses, so that proxies, authorities and limits are the same.

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{SinkExt as _, StreamExt as _};
use reqwest::header;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::ExposeSecret as _;
use serde_json::json;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::frame::Frame;
use crate::adapters::http::{Auth, ClientSettings, EndpointSettings, HttpError, build_client};

/// Longest event: a post with its attachments, as JSON in JSON.
const MAX_EVENT_BYTES: usize = 8 << 20;
/// What RFC 6455 adds to the key before it is hashed.
const ACCEPT: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

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
        let client = ClientSettings { total_timeout: None, only_http1: true, ..settings.client.clone() };
        let client = build_client(&client)?;
        let url = format!("{}/api/v4/websocket", settings.url.trim_end_matches('/'));
        let mut random = [0; 16];
        SystemRandom::new().fill(&mut random).map_err(|_| anyhow!("the system has no random numbers"))?;
        let key = STANDARD.encode(random);
        let request = client
            .get(&url)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, &key);
        let response = request.send().await.map_err(reqwest::Error::without_url).context("open the WebSocket")?;
        if response.status().as_u16() != 101 {
            let code = response.status().as_u16();
            return Err(HttpError::Status { url, code, excerpt: "no WebSocket: does a proxy let it through?".into() })?;
        }
        let accepted = response.headers().get(header::SEC_WEBSOCKET_ACCEPT).is_some_and(|given| given == &accept(&key));
        if !accepted {
            bail!("whoever answers does not speak WebSocket");
        }
        let upgraded = response.upgrade().await.map_err(reqwest::Error::without_url).context("open the WebSocket")?;
        let config = WebSocketConfig::default().max_message_size(Some(MAX_EVENT_BYTES));
        let stream = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await;
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

/// What a server that speaks WebSocket answers to a key.
fn accept(key: &str) -> String {
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{ACCEPT}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_a_key_is_that_of_the_rfc() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
