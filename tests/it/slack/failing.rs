//! What the store does not take is not acknowledged, so that Slack delivers it again.

use std::sync::Arc;
use std::time::Duration;

use holmes_bot::ports::Store;
use serde_json::{Value, json};

use super::http::serve;
use super::socket::Listening;
use crate::failing_store::FailingStore;
use crate::fake_slack::http::{command, command_payload, deliver, form, message, press};
use crate::fake_slack::{FakeSlack, INCIDENTS};
use crate::process::client;
use crate::store_contract::opened;

fn pressed() -> Value {
    let control = json!({"type": "button", "action_id": "acknowledge", "block_id": "holmes:i-3f9a1c07be", "value": "acknowledge"});
    press("U0ANN", INCIDENTS, "1.5", &control, None)
}

fn asked() -> Value {
    message("app_mention", "U0ANN", INCIDENTS, None, "2.0", "<@UBOT00001> why?")
}

/// A form that was opened before the store went away.
async fn opened_form(fake: &FakeSlack, store: &Arc<FailingStore>, url: &str) -> Value {
    store.commit(vec![opened("checkout")], &[], chrono::Utc::now()).await.unwrap();
    let trigger = fake.trigger("U0ANN");
    let typed = form(&command("U0ANN", INCIDENTS, "do", &trigger));
    assert_eq!(deliver(&client(), url, "commands", &typed).await.status(), 200);
    let id = opened("checkout").incident.value.id.0;
    fake.view("U0ANN").unwrap().submission(&[
        ("incident", &id),
        ("action", "restart"),
        ("target", "deployment/checkout"),
    ])
}

#[tokio::test]
async fn over_http_it_is_503_and_taken_when_it_comes_again() {
    let (fake, store) = (FakeSlack::start().await, FailingStore::new());
    let shared: Arc<dyn Store> = store.clone();
    let (url, _) = serve(&fake, &shared).await;
    let client = client();
    let submission = opened_form(&fake, &store, &url).await;
    let typed = form(&command("U0ANN", INCIDENTS, "incidents", "1.2.3"));
    let deliveries = [
        ("events", asked().to_string()),
        ("commands", typed),
        ("interactions", form(&[("payload", pressed().to_string())])),
        ("interactions", form(&[("payload", submission.to_string())])),
    ];
    store.be_down(true);
    for (path, body) in &deliveries {
        let answer = deliver(&client, &url, path, body).await;
        assert_eq!(answer.status(), 503, "{path}");
        assert!(answer.headers().get("x-slack-no-retry").is_none(), "Slack may try again");
    }
    // Not even a form opens: it could not be read when it comes back.
    let trigger = fake.trigger("U0ANN");
    let typed = form(&command("U0ANN", INCIDENTS, "do", &trigger));
    assert_eq!(deliver(&client, &url, "commands", &typed).await.status(), 503);
    assert_eq!(fake.workspace().views.len(), 1);

    store.be_down(false);
    assert!(store.events().await.is_empty());
    for (path, body) in &deliveries {
        assert_eq!(deliver(&client, &url, path, body).await.status(), 200, "{path}");
    }
    assert_eq!(store.events().await.len(), 4);
}

#[tokio::test]
async fn by_socket_mode_there_is_no_acknowledgement_and_then_there_is() {
    let (fake, store) = (FakeSlack::start().await, FailingStore::new());
    let shared: Arc<dyn Store> = store.clone();
    let (url, _) = serve(&fake, &shared).await;
    let submission = opened_form(&fake, &store, &url).await;
    let listening = Listening::with(fake, Duration::from_secs(60), tempfile::tempdir().unwrap(), shared).await;
    let sockets = listening.fake.sockets();
    let envelopes = [
        ("events_api", asked()),
        ("slash_commands", command_payload("U0ANN", INCIDENTS, "incidents", "1.2.3")),
        ("interactive", pressed()),
        ("interactive", submission),
    ];
    store.be_down(true);
    let ids: Vec<String> = envelopes.iter().map(|(kind, payload)| sockets.deliver(kind, payload)).collect();
    // What is read after them on the same connections: they had their turn.
    tokio::time::sleep(Duration::from_millis(300)).await;
    for id in &ids {
        assert_eq!(sockets.acknowledgements(id), 0);
    }
    store.be_down(false);
    assert!(store.events().await.is_empty());
    for id in &ids {
        sockets.again(id);
        sockets.acknowledgement(id).await;
    }
    assert_eq!(store.events().await.len(), 4);
    listening.stop().await;
}
