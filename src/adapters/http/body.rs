//! Reading what a neighbour answers, without trusting how long it is or what it claims to be.

use std::time::Duration;

use reqwest::Response;
use serde::de::DeserializeOwned;

use super::endpoint::shown;
use super::error::HttpError;
use crate::domain::text;

/// Most of an error's body that is read: enough for its text, too little to hurt.
const MAX_ERROR_BYTES: usize = 16 * 1024;
/// Most of an error's body that is shown.
const MAX_SHOWN_BYTES: usize = 400;
/// An error's body that does not come in this time is left.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// The whole body, or [`HttpError::TooLarge`] beyond `max` bytes (after decompression).
pub async fn read_bounded(mut response: Response, max: usize) -> Result<Vec<u8>, HttpError> {
    let url = shown(response.url());
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() > max => return Err(HttpError::TooLarge { url, limit: max }),
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return Ok(bytes),
            Err(error) => return Err(HttpError::from_body(error, url)),
        }
    }
}

/// The body as JSON.
pub async fn read_json<T: DeserializeOwned>(response: Response, max: usize) -> Result<T, HttpError> {
    let url = shown(response.url());
    let bytes = read_bounded(response, max).await?;
    serde_json::from_slice(&bytes).map_err(|error| HttpError::NotJson { url, seen: seen(&bytes, &error.to_string()) })
}

/// The start of an error's body as one line; empty when it does not come.
pub(super) async fn read_excerpt(response: Response) -> String {
    excerpt(&read_start(response).await)
}

/// The start of an error's body, as much of it as comes in time.
pub async fn read_start(mut response: Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MAX_ERROR_BYTES {
                break;
            }
        }
    };
    // Late is as good as empty: the status is known already.
    let _ = tokio::time::timeout(ERROR_BODY_TIMEOUT, read).await;
    bytes
}

/// Some bytes of an answer as one short line; of an HTML page its title, of a JSON error its text.
pub fn excerpt(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(MAX_ERROR_BYTES)];
    if is_html(bytes) {
        return html(bytes);
    }
    if let Ok(serde_json::Value::Object(object)) = serde_json::from_slice(bytes) {
        let message = ["error", "message", "msg", "detail"].iter().find_map(|name| object.get(*name)?.as_str());
        if let Some(message) = message {
            return text::line(message, MAX_SHOWN_BYTES);
        }
    }
    let text = String::from_utf8_lossy(bytes);
    text::line(without_echo(&text), MAX_SHOWN_BYTES)
}

/// VictoriaMetrics and VictoriaLogs begin some errors with the whole request: `remoteAddr: …; requestURI: …; `. What is
/// wrong comes behind it.
fn without_echo(text: &str) -> &str {
    let Some((_, rest)) = text.split_once("requestURI: ") else { return text };
    if text.starts_with("remoteAddr: ") { rest.split_once("; ").map_or(text, |(_, error)| error) } else { text }
}

/// What a body that is not what it should be looks like.
pub fn seen(bytes: &[u8], error: &str) -> String {
    let trimmed = bytes.trim_ascii();
    if is_html(trimmed) {
        format!("{}: is this the right URL?", html(trimmed))
    } else if trimmed.is_empty() {
        "an empty body".into()
    } else if trimmed.starts_with(b"{") || trimmed.starts_with(b"[") {
        text::line(&format!("its JSON cannot be read: {error}"), MAX_SHOWN_BYTES)
    } else {
        format!("`{}`: is this the right URL?", text::line(&String::from_utf8_lossy(trimmed), 100))
    }
}

/// Whether a body is a page for people.
pub fn is_html(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let start = start[..start.len().min(14)].to_ascii_lowercase();
    start.starts_with(b"<!doctype html") || start.starts_with(b"<html") || start.starts_with(b"<head")
}

fn html(bytes: &[u8]) -> String {
    let page = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_ERROR_BYTES)]);
    let lower = page.to_ascii_lowercase();
    let title = lower.find("<title").and_then(|at| {
        let from = at + lower.get(at..)?.find('>')? + 1;
        let to = from + lower.get(from..)?.find("</title")?;
        page.get(from..to)
    });
    match title.map(|title| text::line(title, 100)).filter(|title| !title.is_empty()) {
        Some(title) => format!("an HTML page \"{title}\""),
        None => "an HTML page".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_in_a_line() {
        for (body, line) in [
            (
                &br#"{"status":"error","errorType":"422","error":"unknown func \"nosuchfunc\""}"#[..],
                "unknown func \"nosuchfunc\"",
            ),
            (b"unsupported path requested: \"/api\"\n\n", "unsupported path requested: \"/api\""),
            (b"<!DOCTYPE html><html><head><TITLE>\n Sign in </TITLE>", "an HTML page \"Sign in\""),
            (b"  <html><body>x", "an HTML page"),
            (b"remoteAddr: \"1.2.3.4:5\"; requestURI: /select?query=a%3Bb; unsupported path", "unsupported path"),
            (b"", ""),
        ] {
            assert_eq!(excerpt(body), line);
        }
    }

    #[test]
    fn what_an_unexpected_answer_looks_like() {
        assert_eq!(seen(b"<html><title>Grafana</title>", "x"), "an HTML page \"Grafana\": is this the right URL?");
        assert_eq!(seen(b" ", "x"), "an empty body");
        assert_eq!(seen(b"OK", "x"), "`OK`: is this the right URL?");
        assert_eq!(seen(b"{\"a\"", "EOF at column 4"), "its JSON cannot be read: EOF at column 4");
    }
}
