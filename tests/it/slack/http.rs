//! What people do in Slack, delivered over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use holmes_bot::domain::audit::first_broken;
use holmes_bot::domain::command::Command;
use holmes_bot::domain::event::Event;
use holmes_bot::domain::press::Press;
use holmes_bot::ports::Store;
use holmes_bot::web::refusals::Refusals;
use holmes_bot::web::slack::{SlackWeb, routes};
use serde_json::json;
use tokio::net::TcpListener;

use super::{receiver, store};
use crate::fake_slack::http::{command, deliver, form, message, press, signature};
use crate::fake_slack::{FakeSlack, INCIDENTS, SIGNING_SECRET};
use crate::process::client;

/// The routes as they are served, and where refusals are noted.
pub(super) async fn serve(fake: &FakeSlack, store: &Arc<dyn Store>) -> (String, Arc<Refusals>) {
    let refusals = Arc::new(Refusals::new(Arc::clone(store), Arc::new(Utc::now)));
    let slack = SlackWeb {
        receiver: receiver(fake, store),
        clock: Arc::new(Utc::now),
        signing_secret: SIGNING_SECRET.to_owned().into(),
        refusals: Arc::clone(&refusals),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = routes(slack).into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, refusals)
}

pub(super) async fn events(store: &Arc<dyn Store>) -> Vec<Event> {
    let claimed = store.claim(100, TimeDelta::seconds(60), Utc::now()).await.unwrap();
    claimed.into_iter().map(|claimed| claimed.event).collect()
}

#[tokio::test]
async fn deliveries_become_events_once_and_quickly() {
    let (_directory, store) = store();
    let fake = FakeSlack::start().await;
    let (url, _) = serve(&fake, &store).await;
    let client = client();
    let challenge = json!({"token": "x", "challenge": "3eZbrw1aB", "type": "url_verification"}).to_string();
    let answer = deliver(&client, &url, "events", &challenge).await;
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, "3eZbrw1aB"));

    let began = Instant::now();
    let typed = form(&command("U0ANN", INCIDENTS, "investigate shop/checkout", "1.2.3"));
    let answer = deliver(&client, &url, "commands", &typed).await;
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    assert_eq!(
        answer.json::<serde_json::Value>().await.unwrap(),
        json!({"response_type": "ephemeral", "text": "on it"})
    );

    let control = json!({"type": "button", "action_id": "acknowledge", "block_id": "holmes:i-3f9a1c07be:0a1b", "value": "acknowledge"});
    let pressed = press("U0ANN", INCIDENTS, "1.5", &control, None).to_string();
    let pressed = form(&[("payload", pressed)]);
    let asked = message("app_mention", "U0ANN", INCIDENTS, None, "2.0", "<@UBOT00001> why?").to_string();
    // Each comes again, as after a lost answer, and a mention is a message, too.
    for _ in 0..2 {
        assert_eq!(deliver(&client, &url, "interactions", &pressed).await.status(), 200);
        assert_eq!(deliver(&client, &url, "events", &asked).await.status(), 200);
        assert_eq!(deliver(&client, &url, "commands", &typed).await.status(), 200);
    }
    let as_message = message("message", "U0ANN", INCIDENTS, None, "2.0", "<@UBOT00001> why?").to_string();
    assert_eq!(deliver(&client, &url, "events", &as_message).await.status(), 200);
    let small_talk = message("message", "U0ANN", INCIDENTS, Some("1.0"), "3.0", "lunch?").to_string();
    assert_eq!(deliver(&client, &url, "events", &small_talk).await.status(), 200);

    let events = events(&store).await;
    let [Event::Command(typed), Event::Pressed(pressed), Event::Ask(asked)] = events.as_slice() else {
        panic!("{events:#?}")
    };
    assert_eq!(typed.command, Command::Investigate { target: "shop/checkout".into() });
    assert_eq!(typed.person.id.to_string(), "slack:U0ANN");
    assert_eq!((&pressed.press, pressed.incident.0.as_str()), (&Press::Acknowledge, "i-3f9a1c07be"));
    assert_eq!((asked.text.as_str(), &asked.incident), ("why?", &None));
    assert_eq!(asked.spot.as_ref().unwrap().place.to_string(), format!("slack:{INCIDENTS}"));
}

#[tokio::test]
async fn nothing_unsigned_gets_in() {
    let (_directory, store) = store();
    let fake = FakeSlack::start().await;
    let (url, refusals) = serve(&fake, &store).await;
    let client = client();
    let body = form(&command("U0ANN", INCIDENTS, "status", "1.2.3"));
    let now = Utc::now().timestamp();
    for (at, signed) in [
        (Some(now), None),
        (None, Some(signature(SIGNING_SECRET, now, &body))),
        (Some(now), Some(signature("another secret", now, &body))),
        (Some(now), Some(signature("", now, &body))),
        (Some(now), Some(signature(SIGNING_SECRET, now, "text=other"))),
        (Some(now - 301), Some(signature(SIGNING_SECRET, now - 301, &body))),
        (Some(now), Some(signature(SIGNING_SECRET, now - 10, &body))),
    ] {
        for path in ["events", "commands", "interactions"] {
            let mut request = client.post(format!("{url}/slack/{path}")).body(body.clone());
            if let Some(at) = at {
                request = request.header("x-slack-request-timestamp", at.to_string());
            }
            if let Some(signed) = &signed {
                request = request.header("x-slack-signature", signed);
            }
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 401, "{path} {at:?}");
            assert_eq!(answer.text().await.unwrap(), "unauthorized\n", "and nothing is explained");
        }
    }
    // What is signed and still none of ours is refused for good, or taken and left.
    assert_eq!(deliver(&client, &url, "events", "no JSON").await.status(), 400);
    assert_eq!(deliver(&client, &url, "interactions", "payload=no").await.status(), 400);
    let foreign = json!({"type": "view_closed", "user": {"id": "U0ANN"}}).to_string();
    assert_eq!(deliver(&client, &url, "interactions", &form(&[("payload", foreign)])).await.status(), 200);
    assert!(events(&store).await.is_empty());

    // Each kind is in the audit once for all of its seven, and says nothing of what was sent.
    refusals.write_down().await.unwrap();
    let audit = store.audit(1, 100).await.unwrap();
    let details: Vec<&str> = audit.iter().map(|entry| entry.draft.detail.as_str()).collect();
    let why = "7 within a minute; the first: it is not signed by Slack, or not lately";
    assert_eq!(details, ["commands", "events", "interactions"].map(|path| format!("slack {path}: {why}")));
    assert!(audit.iter().all(|entry| entry.draft.actor == "peer:127.0.0.1"), "{audit:?}");
    assert_eq!(first_broken(&audit), None);
    refusals.write_down().await.unwrap();
    assert_eq!(store.audit(1, 100).await.unwrap().len(), 3, "and once only");
}
