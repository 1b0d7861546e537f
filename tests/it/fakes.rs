//! Small servers that misbehave in one way each.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use holmes_bot::adapters::check::CheckLine;
use holmes_bot::adapters::http::{ClientSettings, EndpointSettings};
use tokio::task::AbortHandle;

/// A server on a free port; ends when dropped.
pub struct Fake {
    address: std::net::SocketAddr,
    task: AbortHandle,
}

impl Fake {
    pub async fn start(router: Router) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }).abort_handle();
        Self { address, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a check says, a line each: with what is to be done where there is something to do.
pub fn said(lines: &[CheckLine]) -> String {
    let lines = lines.iter().map(|CheckLine { what, ok, detail, mend }| {
        let mend = if mend.is_empty() { String::new() } else { format!(" -> {mend}") };
        format!("{} {what}: {detail}{mend}", if *ok { "ok" } else { "FAIL" })
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Settings with short limits, so that tests of slowness are quick.
pub fn settings(url: &str) -> EndpointSettings {
    let client = ClientSettings {
        connect_timeout: Duration::from_millis(500),
        total_timeout: Some(Duration::from_millis(1500)),
        ..Default::default()
    };
    EndpointSettings { url: url.into(), client, ..Default::default() }
}

/// A login page at every address, as a proxy in front of the real thing shows it.
pub async fn login_page() -> Fake {
    let page = "<!doctype html><html><head><title>Sign in</title></head><body>…</body></html>";
    Fake::start(Router::new().fallback(move || async move { Html(page) })).await
}

/// Refuses everybody.
pub async fn unauthorized() -> Fake {
    Fake::start(Router::new().fallback(|| async { (StatusCode::UNAUTHORIZED, "\n\n") })).await
}

/// Accepts connections and never answers.
pub async fn hanging() -> Fake {
    Fake::start(Router::new().fallback(|| async { std::future::pending::<Html<&str>>().await })).await
}

/// Answers with `start` and then nothing more.
pub async fn stuck_after(start: &'static str) -> Fake {
    Fake::start(Router::new().fallback(move || async move {
        let first = futures::stream::iter([Ok::<_, Infallible>(Bytes::from_static(start.as_bytes()))]);
        let body = futures::StreamExt::chain(first, futures::stream::pending());
        ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(body))
    }))
    .await
}

/// Answers everything with one status and text.
pub async fn answering(status: u16, text: &'static str) -> Fake {
    let status = StatusCode::from_u16(status).unwrap();
    Fake::start(Router::new().fallback(move || async move { (status, text).into_response() })).await
}

/// Redirects to a login elsewhere.
pub async fn redirecting(to: &'static str) -> Fake {
    Fake::start(Router::new().fallback(move || async move { (StatusCode::FOUND, [(header::LOCATION, to)]) })).await
}
