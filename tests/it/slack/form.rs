//! The modal for an action that is hard to type.

use holmes_bot::domain::command::Command;
use holmes_bot::domain::event::Event;
use holmes_bot::ports::Store;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

use super::http::{events, serve};
use super::socket::Listening;
use super::store;
use crate::fake_slack::http::{command, command_payload, deliver, form};
use crate::fake_slack::{FakeSlack, Fault, INCIDENTS, View};
use crate::process::client;
use crate::store_contract::opened;

/// An open incident about shop/checkout; its id.
async fn open_incident(store: &Arc<dyn Store>) -> String {
    store.commit(vec![opened("checkout")], &[], chrono::Utc::now()).await.unwrap();
    opened("checkout").incident.value.id.0
}

fn payload(submission: &Value) -> String {
    form(&[("payload", submission.to_string())])
}

/// What the fields of a modal open with.
fn filled(view: &View) -> Vec<String> {
    let inputs = view.view["blocks"].as_array().unwrap().iter().filter(|block| block["type"] == "input");
    let value = |block: &Value| {
        let element = &block["element"];
        element["initial_value"].as_str().or(element["initial_option"]["value"].as_str()).unwrap_or("").to_owned()
    };
    inputs.map(value).collect()
}

#[tokio::test]
async fn a_command_without_its_arguments_opens_a_modal_and_what_is_sent_is_the_command() {
    let (_directory, store) = store();
    let fake = FakeSlack::start().await;
    let (url, _) = serve(&fake, &store).await;
    let client = client();
    let id = open_incident(&store).await;
    let typed = form(&command("U0ANN", INCIDENTS, "do", &fake.trigger("U0ANN")));
    let answer = deliver(&client, &url, "commands", &typed).await;
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, ""), "the modal says it all");
    assert!(events(&store).await.is_empty(), "nothing is meant yet");
    let view = fake.view("U0ANN").unwrap();
    assert_eq!(view.view["title"]["text"], "Propose an action");
    assert_eq!(filled(&view), ["", "", "", ""]);
    // Delivered again, because the answer got lost: it is open already.
    assert_eq!(deliver(&client, &url, "commands", &typed).await.status(), 200);
    assert!(events(&store).await.is_empty());
    assert_eq!(fake.workspace().views.len(), 1);

    // What is wrong is said beside the field, and nothing is lost of the rest.
    for (fields, beside, says) in [
        (vec![("action", "restart"), ("target", "checkout")], "target", "deployment/checkout"),
        (vec![("action", "scale"), ("target", "deployment/checkout")], "arguments", "--replicas"),
        (vec![("action", "restart"), ("target", "pod/x")], "target", "deployment, statefulset"),
        (
            vec![("action", "restart"), ("target", "deployment/x"), ("arguments", "--force yes")],
            "arguments",
            "unknown option",
        ),
    ] {
        let fields: Vec<(&str, &str)> = fields.into_iter().chain([("incident", id.as_str())]).collect();
        let answer = deliver(&client, &url, "interactions", &payload(&view.submission(&fields))).await;
        assert_eq!(answer.status(), 200);
        let errors = view.errors(&answer.json().await.unwrap());
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].0, beside, "{errors:?}");
        assert!(errors[0].1.contains(says), "{errors:?}");
    }
    assert!(events(&store).await.is_empty());

    let right = [
        ("incident", id.as_str()),
        ("action", "scale"),
        ("target", "deployment/checkout"),
        ("arguments", "--replicas 3"),
    ];
    // Twice, as when the first answer got lost.
    for _ in 0..2 {
        let answer = deliver(&client, &url, "interactions", &payload(&view.submission(&right))).await;
        assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, ""), "it closes");
    }
    let events = events(&store).await;
    let [Event::Command(typed)] = events.as_slice() else { panic!("{events:#?}") };
    assert_eq!(typed.command, Command::Do { action: format!("{id} scale deployment/checkout -n shop --replicas 3") });
    assert_eq!(
        (typed.person.id.to_string(), typed.place.to_string()),
        ("slack:U0ANN".into(), format!("slack:{INCIDENTS}"))
    );
    assert_eq!(typed.incident.as_ref().map(|incident| &incident.0), Some(&id));
}

#[tokio::test]
async fn what_was_typed_is_filled_in_and_what_says_everything_needs_no_modal() {
    let (_directory, store) = store();
    let fake = FakeSlack::start().await;
    let (url, _) = serve(&fake, &store).await;
    let client = client();
    let say = async |words: &str| {
        let typed = form(&command("U0ANN", INCIDENTS, words, &fake.trigger("U0ANN")));
        deliver(&client, &url, "commands", &typed).await.text().await.unwrap()
    };
    // Nothing is open: there is nothing to choose from, and words say so.
    assert!(say("do").await.contains("on it"));
    assert_eq!(events(&store).await.len(), 1);
    let id = open_incident(&store).await;
    assert_eq!(say(&format!("do {id} scale deployment/checkout")).await, "");
    let view = fake.view("U0ANN").unwrap();
    assert_eq!(filled(&view), [id.as_str(), "scale", "deployment/checkout", ""]);
    let note = &view.view["blocks"][0];
    assert!(note["text"]["text"].as_str().unwrap().contains("replicas"), "{note}");
    assert_eq!(say("do drop tables").await, "");
    assert_eq!(filled(&fake.view("U0ANN").unwrap()), ["", "", "", "drop tables"]);
    assert!(events(&store).await.is_empty());

    assert!(say(&format!("do {id} restart deployment/checkout")).await.contains("on it"));
    assert_eq!(events(&store).await.len(), 1, "as it was typed");
}

#[tokio::test]
async fn without_a_modal_it_is_said_in_words() {
    let (_directory, store) = store();
    let fake = FakeSlack::start().await;
    let (url, _) = serve(&fake, &store).await;
    open_incident(&store).await;
    let client = client();
    for (fault, trigger) in [
        (Some(Fault::Status(500)), fake.trigger("U0ANN")),
        (Some(Fault::Error("expired_trigger_id")), fake.trigger("U0ANN")),
        (Some(Fault::Wait(30)), fake.trigger("U0ANN")),
        (None, "nobody's trigger".into()),
    ] {
        fake.fail("views.open", fault);
        let typed = form(&command("U0ANN", INCIDENTS, "do", &trigger));
        let answer = deliver(&client, &url, "commands", &typed).await;
        assert_eq!(answer.json::<Value>().await.unwrap()["text"], "on it");
        let events = events(&store).await;
        assert!(matches!(events.as_slice(), [Event::Command(_)]), "{events:#?}");
    }
    // Somebody else's modal, and one without a channel, are none of ours.
    for view in [
        json!({"id": "V1", "callback_id": "other", "state": {"values": {}}}),
        json!({"id": "V1", "callback_id": "holmes_action", "state": {"values": {}}}),
        json!({"id": "", "callback_id": "holmes_action", "private_metadata": "{\"channel\":\"C0INCIDENT\"}"}),
    ] {
        let submission = json!({"type": "view_submission", "user": {"id": "U0ANN"}, "view": view});
        assert_eq!(deliver(&client, &url, "interactions", &payload(&submission)).await.status(), 200);
    }
    assert!(events(&store).await.is_empty());
}

#[tokio::test]
async fn socket_mode_opens_and_answers_the_same() {
    let (directory, store) = store();
    let id = open_incident(&store).await;
    let listening =
        Listening::with(FakeSlack::start().await, Duration::from_secs(60), directory, Arc::clone(&store)).await;
    let (fake, sockets) = (&listening.fake, listening.fake.sockets());
    let typed = command_payload("U0ANN", INCIDENTS, "do restart", &fake.trigger("U0ANN"));
    let typed = sockets.deliver("slash_commands", &typed);
    assert_eq!(sockets.acknowledgement(&typed).await, json!({"envelope_id": typed}));
    let view = fake.view("U0ANN").unwrap();
    let wrong = sockets.deliver("interactive", &view.submission(&[("incident", &id), ("target", "checkout")]));
    let answer = sockets.acknowledgement(&wrong).await;
    assert_eq!(view.errors(&answer["payload"])[0].0, "target");
    let right = view.submission(&[("incident", &id), ("target", "deployment/checkout")]);
    let right = sockets.deliver("interactive", &right);
    assert_eq!(sockets.acknowledgement(&right).await, json!({"envelope_id": right}));
    assert!(matches!(events(&store).await.as_slice(), [Event::Command(_)]));
    listening.stop().await;
}
