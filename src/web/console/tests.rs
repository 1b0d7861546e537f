//! Pages as a browser gets them.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use futures::StreamExt;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::*;
use crate::adapters::store_embedded::EmbeddedStore;
use crate::domain::event::Event;
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::investigation::Investigation;
use crate::domain::post::{PostDraft, PostKind};
use crate::domain::runbook::{Origin, source::read};
use crate::ports::{Versioned, Write};
use crate::render::{Language, samples};

struct Browser {
    app: Router,
    store: Arc<EmbeddedStore>,
    shutdown: CancellationToken,
    _directory: tempfile::TempDir,
}

async fn browser_of(known: Option<Write>, language: Language, token: Option<&str>) -> Browser {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStore::open(directory.path()).unwrap());
    store.commit(known.into_iter().collect(), &[], samples::at(48)).await.unwrap();
    let render = Arc::new(Renderer::new(language, Vec::new()).unwrap());
    let clock: Clock = Arc::new(|| samples::at(260));
    let shutdown = CancellationToken::new();
    let prose = "# Look\n\n<script>alert(1)</script> [x](javascript:alert(1)) **bold**";
    let (runbooks, _) = read("oom-killed.md", &format!("# Killed for memory\n\n{prose}"), Origin::Directory);
    let console = Console {
        store: Arc::clone(&store) as Arc<dyn Store>,
        render: Arc::clone(&render),
        clock: Arc::clone(&clock),
        runbooks: Arc::new(Library::of(runbooks).unwrap()),
        can_ask: true,
        shutdown: shutdown.clone(),
    };
    let doors = visitor::Doors { viewer: token.map(SecretString::from), ..visitor::Doors::default() };
    let app = guard(routes(console), doors, render, clock);
    Browser { app, store, shutdown, _directory: directory }
}

fn incident_with(investigation: Investigation, change: impl FnOnce(&mut Incident)) -> Write {
    let mut incident = samples::incident();
    incident.id = IncidentId("i-1".into());
    change(&mut incident);
    let report = PostDraft {
        key: "report".into(),
        kind: PostKind::Report,
        author: "holmes".into(),
        text: "**Likely cause** <b>x</b>\nsecond line [E1]".into(),
        evidence: Vec::new(),
        at: samples::at(48),
    };
    Write {
        investigation: Some(investigation),
        posts: vec![report],
        ..Write::new(Versioned { version: 0, value: incident })
    }
}

async fn full(language: Language) -> Browser {
    let render = Renderer::new(language, Vec::new()).unwrap();
    let known = incident_with(samples::investigation(|data| render.excerpt(data)), |_| {});
    browser_of(Some(known), language, None).await
}

impl Browser {
    /// What waits in the inbox and was not seen before.
    async fn enqueued(&self) -> Vec<Event> {
        let claimed = self.store.claim(10, chrono::TimeDelta::minutes(1), samples::at(260)).await.unwrap();
        claimed.into_iter().map(|claimed| claimed.event).collect()
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.app.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).header(header::ACCEPT, "text/html").body(Body::empty()).unwrap();
        let response = self.send(request).await;
        let status = response.status();
        (status, text(response).await)
    }

    async fn post(&self, path: &str, site: &str, body: &str) -> Response<Body> {
        let request = Request::post(path)
            .header("sec-fetch-site", site)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body.to_owned()))
            .unwrap();
        self.send(request).await
    }
}

async fn text(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 4 << 20).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn the_first_page_of_a_new_installation_says_how_to_connect() {
    let browser = browser_of(None, Language::English, None).await;
    let (status, page) = browser.get("/").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("webhook_configs") && page.contains("holmes-bot demo"), "{page}");
}

#[tokio::test]
async fn an_incident_shows_everything_in_both_languages() {
    for (language, words) in [
        (Language::English, ["Likely cause", "very likely", "NEW", "exit code", "Timeline"]),
        (Language::Russian, ["Вероятная причина", "очень вероятно", "НОВОЕ", "код выхода", "Хронология"]),
    ] {
        let browser = full(language).await;
        let (_, index) = browser.get("/").await;
        assert!(index.contains("href=\"/incidents/i-1\""), "{index}");
        let (status, page) = browser.get("/incidents/i-1").await;
        assert_eq!(status, StatusCode::OK, "{page}");
        for word in words {
            assert!(page.contains(word), "{word} is missing in {page}");
        }
        for number in 1..=9 {
            assert!(page.contains(&format!("id=\"E{number}\"")), "E{number}");
        }
        for key in ["page.", "kind.", "source.", "novelty.", "change.", "relation."] {
            let shown = page.find(&format!(">{key}"));
            assert_eq!(shown, None, "a key without words: {key}");
        }
        assert!(!page.contains(" style=") && !page.contains("<script>") && !page.contains("onclick"));
    }
}

#[tokio::test]
async fn what_strangers_wrote_is_only_text() {
    let raw = "<img src=x onerror=alert(1)>\u{202E}\"'><script>alert(1)</script>";
    let render = Renderer::new(Language::English, Vec::new()).unwrap();
    let mut investigation = samples::investigation(|data| render.excerpt(data));
    for evidence in &mut investigation.evidence {
        evidence.title = raw.into();
        evidence.query = raw.into();
        let json = serde_json::to_string(&evidence.data).unwrap();
        let hostile = serde_json::to_string(raw).unwrap();
        for word in ["\"checkout-7464b59bfd-6rjrg\"", "\"KubePodCrashLooping\"", "\"CrashLoopBackOff\"", "\"BackOff\""]
        {
            if let Ok(data) = serde_json::from_str(&json.replace(word, &hostile)) {
                evidence.data = data;
            }
        }
    }
    investigation.unavailable[0].reason = raw.into();
    let hostile = incident_with(investigation, |incident| {
        incident.title = raw.into();
        incident.subject.name = raw.into();
        incident.alerts[0].labels.insert(raw.into(), "x".repeat(64 * 1024));
        incident.alerts[0].annotations.insert("summary".into(), raw.into());
        incident.alerts[0].generator_url = "javascript:alert(1)".into();
        incident.related[0].title = raw.into();
    });
    let browser = browser_of(Some(hostile), Language::English, None).await;
    for path in ["/", "/incidents/i-1", "/incidents/i-1/runbooks/oom-killed"] {
        let (status, page) = browser.get(path).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        for raw in ["<img src=x", "<script>", "=\"javascript:", "\u{202E}"] {
            assert_eq!(page.find(raw).map(|at| &page[at..at + 80]), None, "{path}");
        }
        assert!(page.len() < 400_000);
    }
}

#[tokio::test]
async fn every_answer_tells_the_browser_what_to_refuse() {
    let browser = full(Language::English).await;
    for path in
        ["/", "/incidents/i-1", "/incidents/none", "/assets/console.css", "/incidents/i-1/evidence/E1/chart.png"]
    {
        let response = browser.send(Request::get(path).body(Body::empty()).unwrap()).await;
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'"), "{path}: {policy}");
        assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
    }
}

#[tokio::test]
async fn charts_are_pictures_and_only_series_have_them() {
    let browser = full(Language::English).await;
    let chart = |path| browser.send(Request::get(path).body(Body::empty()).unwrap());
    let light = text(chart("/incidents/i-1/evidence/E1/chart.png").await).await;
    let dark = text(chart("/incidents/i-1/evidence/E1/chart.png?theme=dark").await).await;
    assert!(light.contains("PNG") && dark.contains("PNG") && light != dark);
    for path in [
        "/incidents/i-1/evidence/E2/chart.png",
        "/incidents/i-1/evidence/E99/chart.png",
        "/incidents/i-1/evidence/x/chart.png",
    ] {
        assert_eq!(chart(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn another_look_is_asked_for_by_our_own_page_only() {
    let browser = full(Language::English).await;
    for site in ["cross-site", "same-site", "none"] {
        let response = browser.post("/incidents/i-1/investigate", site, "").await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{site}");
    }
    assert_eq!(browser.enqueued().await, []);
    let response = browser.post("/incidents/i-1/investigate", "same-origin", "").await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let asked = Event::Investigate { incident: IncidentId("i-1".into()), requested_by: Some("console".into()) };
    assert_eq!(browser.enqueued().await, [asked]);
    assert_eq!(browser.post("/incidents/none/investigate", "same-origin", "").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_full_inbox_is_said_and_worth_a_retry() {
    let browser = browser_of(Some(incident_with(Investigation::default(), |_| {})), Language::English, None).await;
    for size in [8 << 20, 1 << 16, 1 << 8, 0] {
        let by = Some("x".repeat(size));
        let event = Event::Investigate { incident: IncidentId("i-1".into()), requested_by: by };
        while browser.store.enqueue(&event, samples::at(260)).await.is_ok() {}
    }
    let response = browser.post("/incidents/i-1/investigate", "same-origin", "").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key(header::RETRY_AFTER));
}

#[tokio::test]
async fn a_stream_tells_of_its_incident_and_ends_with_the_program() {
    let browser = full(Language::English).await;
    let request = Request::get("/incidents/i-1/events").body(Body::empty()).unwrap();
    let mut stream = browser.send(request).await.into_body().into_data_stream();
    for (id, version) in [("i-other", 0), ("i-1", 1)] {
        let value = Incident { id: IncidentId(id.into()), ..samples::incident() };
        let change = Write::new(Versioned { version, value });
        browser.store.commit(vec![change], &[], samples::at(260)).await.unwrap();
    }
    let first = stream.next().await.unwrap().unwrap();
    assert_eq!(first, "event: changed\ndata: i-1\n\n");
    browser.shutdown.cancel();
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn streams_are_bounded() {
    let browser = full(Language::English).await;
    let mut open = Vec::new();
    for _ in 0..MAX_STREAMS {
        let response = browser.send(Request::get("/events").body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK);
        open.push(response);
    }
    let one_more = || browser.send(Request::get("/events").body(Body::empty()).unwrap());
    assert_eq!(one_more().await.status(), StatusCode::SERVICE_UNAVAILABLE);
    open.pop();
    assert_eq!(one_more().await.status(), StatusCode::OK);
}

#[tokio::test]
async fn without_the_token_nothing_is_shown() {
    let browser =
        browser_of(Some(incident_with(Investigation::default(), |_| {})), Language::English, Some("s3cret-token"))
            .await;
    let request = Request::get("/incidents/i-1").header(header::ACCEPT, "text/html").body(Body::empty()).unwrap();
    let response = browser.send(request).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()[header::LOCATION], "/login?next=/incidents/i-1");
    for path in ["/events", "/incidents/i-1/evidence/E1/chart.png"] {
        let response = browser.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let response = browser.post("/incidents/i-1/investigate", "same-origin", "").await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    for (bearer, status) in [("Bearer s3cret-token", StatusCode::OK), ("Bearer wrong", StatusCode::UNAUTHORIZED)] {
        let request = Request::get("/incidents/i-1").header(header::AUTHORIZATION, bearer).body(Body::empty()).unwrap();
        assert_eq!(browser.send(request).await.status(), status, "{bearer}");
    }
}

#[tokio::test]
async fn a_person_logs_in_and_is_taken_where_they_wanted_to_go() {
    let browser =
        browser_of(Some(incident_with(Investigation::default(), |_| {})), Language::English, Some("s3cret-token"))
            .await;
    let refused = browser.post("/login", "same-origin", "token=wrong&next=/").await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(text(refused).await.contains("This is not the token."));
    assert_eq!(browser.post("/login", "cross-site", "token=s3cret-token").await.status(), StatusCode::FORBIDDEN);
    let response = browser.post("/login", "same-origin", "token=s3cret-token&next=/incidents/i-1").await;
    assert_eq!(response.headers()[header::LOCATION], "/incidents/i-1");
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.contains("; HttpOnly; SameSite=Strict; Max-Age=43200"), "{cookie}");
    let session = cookie.split(';').next().unwrap();
    let request = Request::get("/incidents/i-1").header(header::COOKIE, format!("a=b; {session}")).body(Body::empty());
    let response = browser.send(request.unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(text(response).await.contains("Log out"));
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let browser = full(Language::English).await;
    for path in ["/incidents/i-2", "/incidents/i-1/runbooks/none", "/incidents/i-2/events", "/assets/secret"] {
        assert_eq!(browser.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}
