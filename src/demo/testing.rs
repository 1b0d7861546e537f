//! Helpers of the servers' tests: requests without a network, and a clock that stands still.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::Response;
use chrono::{DateTime, Utc};

use super::http::Asked;
use super::kubernetes::{READER, Rule};
use super::time::{Clock, Span, Timeline};
use super::{Running, World, start};

/// A clock that shows `now`, shifts nothing and hides nothing before it.
pub(super) fn clock_at(now: DateTime<Utc>) -> Clock {
    Clock::start(Span { first: now, last: now, newest: now }, Timeline::at_once().frozen_at(now))
}

/// A started world in which the bot's own account may read what the tests read.
pub(super) async fn readable(world: World, timeline: Timeline) -> Running {
    let running = start(world, timeline).await.unwrap();
    let core = ["pods", "pods/log", "events", "nodes", "namespaces", "services"].map(|one| ("", one));
    let read = core.into_iter().chain([("apps", "deployments")]);
    running.access.grant(READER, read.map(|(group, one)| Rule::new(&["get", "list", "watch"], group, one)).collect());
    running
}

/// A client for tests over the network. Its TLS provider is never used, but must be there.
pub(super) fn http_client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(std::time::Duration::from_secs(20)).build().unwrap()
}

/// A POST with form arguments, as curl encodes them.
pub(super) async fn form(path: &str, arguments: &[(&str, &str)]) -> Asked {
    let encode = |text: &str| {
        text.bytes()
            .map(|byte| if byte.is_ascii_alphanumeric() { (byte as char).to_string() } else { format!("%{byte:02X}") })
            .collect::<String>()
    };
    let body: Vec<String> =
        arguments.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    Asked::read(request.body(Body::from(body.join("&"))).unwrap()).await.unwrap_or_else(|_| panic!("unreadable"))
}

/// Status, content type and body of an answer.
pub(super) async fn parts(response: Response) -> (StatusCode, String, String) {
    let (parts, body) = response.into_parts();
    let content_type =
        parts.headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, content_type, String::from_utf8(body.to_vec()).unwrap())
}
