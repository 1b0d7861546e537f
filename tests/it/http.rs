//! What a person reads when a neighbour misbehaves, whatever the neighbour is.

use axum::Router;
use axum::http::{Method, StatusCode, header};
use axum::routing::any;
use holmes_bot::adapters::http::{Endpoint, HttpError, read_bounded};

use crate::fakes::{self, Fake};

async fn asked(url: &str) -> HttpError {
    let endpoint = Endpoint::new(&fakes::settings(url)).unwrap();
    let answer = endpoint.send(endpoint.get("api").query(&[("token", "secret")])).await;
    match answer {
        Ok(response) => read_bounded(response, 1000).await.unwrap_err(),
        Err(error) => error,
    }
}

fn without_port(error: &HttpError, fake: &Fake) -> String {
    error.to_string().replace(&fake.url(), "http://it")
}

#[tokio::test]
async fn every_misbehaviour_has_its_words() {
    let long: &'static str = Box::leak("x".repeat(2000).into_boxed_str());
    for (fake, words) in [
        (fakes::hanging().await, "http://it/api did not answer within 1500 ms"),
        (fakes::unauthorized().await, "refused our credentials (HTTP 401)"),
        (fakes::answering(503, r#"{"status":"error","error":"no storage"}"#).await, "answered HTTP 503: no storage"),
        (fakes::answering(200, long).await, "answered with more than 1 KiB"),
        (fakes::stuck_after("{").await, "broke off in the middle of its answer: the rest did not come in time"),
        (
            fakes::redirecting("https://login.example/?next=secret").await,
            "redirects to https://login.example: is a login or another address in front of it?",
        ),
    ] {
        let text = without_port(&asked(&fake.url()).await, &fake);
        assert!(text.contains(words), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

/// What would turn a POST into a GET is no way to an answer.
#[tokio::test]
async fn a_redirect_is_followed_only_with_method_and_body() {
    for (status, followed) in [(301, false), (302, false), (303, false), (307, true), (308, true)] {
        let to = (StatusCode::from_u16(status).unwrap(), [(header::LOCATION, "/there")]);
        let router = Router::new()
            .route("/there", any(|method: Method, body: String| async move { format!("{method} {body}") }))
            .fallback(move || async move { to });
        let fake = Fake::start(router).await;
        let endpoint = Endpoint::new(&fakes::settings(&fake.url())).unwrap();
        match endpoint.send(endpoint.post("api").body("query=up")).await {
            Ok(response) => assert!(followed && response.text().await.unwrap() == "POST query=up", "{status}"),
            Err(error) => {
                let told = "http://it/api redirects to http://it/there: is a login or another address in front of it?";
                assert!(!followed && without_port(&error, &fake) == told, "{status}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn nobody_there_and_no_such_host() {
    let port = crate::process::free_port();
    let refused = asked(&format!("http://bot:hidden@127.0.0.1:{port}")).await;
    assert!(refused.to_string().ends_with("cannot be reached: connection refused"), "{refused}");
    assert!(!refused.to_string().contains("hidden"));
    let unknown = asked("http://no-such-host.invalid").await;
    assert!(unknown.to_string().ends_with("cannot be reached: no such host"), "{unknown}");
}

#[tokio::test]
async fn https_spoken_to_http() {
    let fake = fakes::answering(200, "hello").await;
    let error = asked(&fake.url().replace("http://", "https://")).await;
    assert!(error.to_string().contains("it does not speak TLS"), "{error}");
}
