//! One websocket: read, enqueue, acknowledge; notice when it is silent, and leave in good order.

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use reqwest::Upgraded;
use serde_json::json;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use tokio_util::sync::CancellationToken;

use super::Inner;
use super::envelope::{Envelope, Frame, read};
use crate::adapters::http::{ClientSettings, open_websocket};
use crate::adapters::slack::receive::Received;

/// How long a connection may take to open and to say hello.
const OPENING: Duration = Duration::from_secs(15);
/// Largest frame: an interaction repeats the message that it was pressed on.
const MAX_FRAME_BYTES: usize = 4 * 1024 * 1024;

/// Why a connection is no more.
#[derive(Debug)]
pub enum Ended {
    /// The bot stops.
    Stopped,
    /// Slack said that it will end it; it is listened to until then.
    Announced,
    /// Slack does not want us: a person has to act.
    Refused(String),
    /// Anything else.
    Broken(String),
}

/// An open connection that said hello.
pub struct Connection {
    socket: WebSocketStream<Upgraded>,
}

impl Connection {
    /// Connects and waits for the hello.
    pub async fn open(url: &str) -> Result<Self, Ended> {
        let connecting = async {
            let socket = open_websocket(&ClientSettings::default(), url, MAX_FRAME_BYTES)
                .await
                .map_err(|error| Ended::Broken(format!("cannot connect: {error:#}")))?;
            let mut connection = Self { socket };
            connection.hello().await?;
            Ok(connection)
        };
        tokio::time::timeout(OPENING, connecting)
            .await
            .unwrap_or_else(|_| Err(Ended::Broken("no hello in time".into())))
    }

    async fn hello(&mut self) -> Result<(), Ended> {
        while let Some(message) = self.socket.next().await {
            match message.map_err(|error| Ended::Broken(cause(&error)))? {
                Message::Text(text) => match read(&text) {
                    Frame::Hello => return Ok(()),
                    Frame::Disconnect(reason) if reason == "link_disabled" => return Err(Ended::Refused(reason)),
                    Frame::Disconnect(reason) => return Err(Ended::Broken(reason)),
                    // Not acknowledged: it will come again.
                    Frame::Envelope(_) | Frame::Other => {}
                },
                Message::Close(_) => break,
                _ => {}
            }
        }
        Err(Ended::Broken("closed before the hello".into()))
    }

    /// Listens until it ends. When Slack announces the end, the connection moves to `ending` and goes on there until it is
    /// closed, so that the next can be opened meanwhile.
    pub async fn listen(mut self, inner: &Arc<Inner>, stop: &CancellationToken, ending: &mut JoinSet<()>) -> Ended {
        let ended = self.serve(inner, stop).await;
        if matches!(ended, Ended::Announced) {
            let (inner, stop) = (Arc::clone(inner), stop.clone());
            ending.spawn(async move { while matches!(self.serve(&inner, &stop).await, Ended::Announced) {} });
        }
        ended
    }

    async fn serve(&mut self, inner: &Inner, stop: &CancellationToken) -> Ended {
        let mut asked = false;
        loop {
            let next = tokio::select! {
                biased;
                () = stop.cancelled() => {
                    // What arrives from now on is not acknowledged, and goes to another replica or comes again.
                    let _ = self.socket.close(None).await;
                    return Ended::Stopped;
                }
                next = tokio::time::timeout(inner.silence, self.socket.next()) => next,
            };
            let message = match next {
                // Slack pings every few seconds. Silence is a connection that died without a word, unless it answers.
                Err(_) if asked => return Ended::Broken("it is silent".into()),
                Err(_) => {
                    asked = true;
                    if let Err(error) = self.socket.send(Message::Ping(Bytes::new())).await {
                        return Ended::Broken(cause(&error));
                    }
                    continue;
                }
                Ok(None) => return Ended::Broken("it was closed".into()),
                Ok(Some(Err(error))) => return Ended::Broken(cause(&error)),
                Ok(Some(Ok(message))) => message,
            };
            asked = false;
            let Message::Text(text) = message else { continue };
            match read(&text) {
                Frame::Hello | Frame::Other => {}
                Frame::Disconnect(reason) if reason == "link_disabled" => {
                    return Ended::Refused("Socket Mode was switched off for the app".into());
                }
                Frame::Disconnect(reason) => {
                    tracing::debug!("Slack will end a Socket Mode connection: {reason}");
                    return Ended::Announced;
                }
                Frame::Envelope(envelope) => {
                    if let Some(answer) = accept(inner, *envelope).await
                        && let Err(error) = self.socket.send(Message::text(answer)).await
                    {
                        return Ended::Broken(cause(&error));
                    }
                }
            }
        }
    }
}

/// Puts an envelope into the inbox; what to answer, if it may be acknowledged.
async fn accept(inner: &Inner, envelope: Envelope) -> Option<String> {
    let Envelope { id, takes_answer, inbound } = envelope;
    let received = match inbound {
        Ok(inbound) => inner.receiver.receive(inbound).await,
        Err(error) => {
            tracing::warn!("an envelope of Slack's cannot be read: {error}");
            Ok(Received::Nothing("unreadable"))
        }
    };
    match received {
        Ok(received) => {
            if let Received::Nothing(why) = &received {
                tracing::trace!("nothing for us from Slack: {why}");
            }
            let mut acknowledged = json!({"envelope_id": id});
            if let Some(answer) = received.answer().filter(|_| takes_answer) {
                acknowledged["payload"] = answer;
            }
            Some(acknowledged.to_string())
        }
        Err(error) => {
            tracing::warn!("an envelope of Slack's is not stored, so not acknowledged: {error:#}");
            None
        }
    }
}

/// A websocket's error in a line.
fn cause(error: &Error) -> String {
    crate::domain::text::line(&error.to_string(), 200)
}
