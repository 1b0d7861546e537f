//! The WebSocket: challenge, events with their numbers, a close without a word for a wrong token.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{SinkExt as _, StreamExt as _};
use hyper_util::rt::TokioIo;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::api::Server;
use super::{Happened, Shared};

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

pub async fn open(State(shared): Server, mut request: Request) -> Response {
    let header =
        |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    if !header(header::ORIGIN).is_empty() && header(header::ORIGIN) != *shared.url.lock().unwrap() {
        return (StatusCode::FORBIDDEN, "origin").into_response();
    }
    let key = header(header::SEC_WEBSOCKET_KEY);
    if key.is_empty() || header(header::SEC_WEBSOCKET_VERSION) != "13" {
        return (StatusCode::BAD_REQUEST, "not a websocket").into_response();
    }
    let accept = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let accept = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, accept.as_bytes()));
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        serve(shared, socket).await;
    });
    let headers = [
        (header::CONNECTION, "Upgrade".to_owned()),
        (header::UPGRADE, "websocket".to_owned()),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

/// The user whose token the challenge bears, and its number.
async fn challenge(shared: &Shared, socket: &mut Socket) -> Option<(String, Value)> {
    let Some(Ok(Message::Text(text))) = socket.next().await else { return None };
    let asked: Value = serde_json::from_str(&text).ok()?;
    if asked["action"] != "authentication_challenge" {
        return None;
    }
    let user = shared.state().tokens.get(asked["data"]["token"].as_str()?).cloned()?;
    Some((user, asked["seq"].clone()))
}

async fn serve(shared: Arc<Shared>, mut socket: Socket) {
    // A wrong token: closed without a word.
    let Some((user, number)) = challenge(&shared, &mut socket).await else { return };
    let mut events = shared.events.subscribe();
    let mut seq = 0;
    let hello = json!({ "connection_id": "c", "server_version": "5.38.0" });
    let mut send: Vec<Value> = vec![
        event("hello", &hello, "", &mut seq),
        json!({ "status": "OK", "seq_reply": number }),
        event("status_change", &json!({ "status": "online", "user_id": user }), "", &mut seq),
    ];
    loop {
        for value in send.drain(..) {
            if socket.send(Message::text(value.to_string())).await.is_err() {
                return;
            }
        }
        tokio::select! {
            happened = events.recv() => match happened {
                Ok(Happened::Event { name, data, channel }) => {
                    if shared.state().is_in(&channel, &user) {
                        send.push(event(name, &data, &channel, &mut seq));
                    }
                }
                Ok(Happened::Lost) => seq += 1,
                Ok(Happened::Cut) | Err(_) => return,
            },
            heard = socket.next() => match heard {
                Some(Ok(Message::Text(text))) => {
                    let asked: Value = serde_json::from_str(&text).unwrap_or_default();
                    let pong = json!({ "text": "pong", "version": "5.38.0" });
                    send.push(json!({ "status": "OK", "seq_reply": asked["seq"], "data": pong }));
                }
                Some(Ok(Message::Close(_))) | None | Some(Err(_)) => return,
                Some(Ok(_)) => {}
            },
        }
    }
}

fn event(name: &str, data: &Value, channel: &str, seq: &mut i64) -> Value {
    let broadcast = json!({ "omit_users": null, "user_id": "", "channel_id": channel, "team_id": "" });
    let event = json!({ "event": name, "data": data, "broadcast": broadcast, "seq": *seq });
    *seq += 1;
    event
}
