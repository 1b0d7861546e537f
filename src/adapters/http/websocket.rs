//! Opening a WebSocket over the HTTP client that all else uses, so that TLS, authorities and limits are the same.

use anyhow::{Context as _, anyhow, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Upgraded, Url, header};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use ring::rand::{SecureRandom, SystemRandom};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::client::{ClientSettings, build_client};
use super::endpoint::shown;
use super::error::HttpError;

/// What RFC 6455 adds to the key before it is hashed.
const ACCEPT: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Opens a WebSocket at an `http`, `https`, `ws` or `wss` address, whose messages are at most `max` bytes long. Errors do not
/// repeat what stands behind `?`: it may be a ticket.
///
/// # Errors
/// When nobody answers, or not in the language of WebSockets.
pub async fn open_websocket(
    settings: &ClientSettings,
    address: &str,
    max: usize,
) -> anyhow::Result<WebSocketStream<Upgraded>> {
    let settings = ClientSettings { total_timeout: None, only_http1: true, ..settings.clone() };
    // `ws` is `http` until the connection is upgraded.
    let address = match address.strip_prefix("ws") {
        Some(rest) => format!("http{rest}"),
        None => address.to_owned(),
    };
    let url: Url = address.parse().map_err(|_| anyhow!("the address cannot be used"))?;
    let named = shown(&url);
    let mut random = [0; 16];
    SystemRandom::new().fill(&mut random).map_err(|_| anyhow!("the system has no random numbers"))?;
    let key = STANDARD.encode(random);
    let request = build_client(&settings)?
        .get(url)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, &key);
    let response = request.send().await.map_err(reqwest::Error::without_url).context("open the WebSocket")?;
    let code = response.status().as_u16();
    if code != 101 {
        let excerpt = "no WebSocket: does a proxy let it through?".into();
        return Err(HttpError::Status { url: named, code, excerpt })?;
    }
    let accepted = response.headers().get(header::SEC_WEBSOCKET_ACCEPT).is_some_and(|given| given == &accept(&key));
    ensure!(accepted, "whoever answers does not speak WebSocket");
    let upgraded = response.upgrade().await.map_err(reqwest::Error::without_url).context("open the WebSocket")?;
    let config = WebSocketConfig::default().max_frame_size(Some(max)).max_message_size(Some(max));
    Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await)
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
