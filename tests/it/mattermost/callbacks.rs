//! Clicks, dialogs and commands; and those that nobody made.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{TimeDelta, Utc};
use holmes_bot::adapters::mattermost::{Grant, Sealer};
use holmes_bot::domain::chat::{MessageId, Place, Platform};
use holmes_bot::domain::command::Command;
use holmes_bot::domain::event::{Event, Pressed};
use holmes_bot::domain::incident::IncidentId;
use holmes_bot::domain::press::Press;
use holmes_bot::ports::Chat as _;
use serde_json::{Value, json};

use super::bench::{Bench, INCIDENT, SECRET, diff, proposal};

fn pressed(event: Event) -> Pressed {
    match event {
        Event::Pressed(pressed) => pressed,
        other => panic!("not a press: {other:?}"),
    }
}

#[tokio::test]
async fn a_click_is_a_press_and_twice_is_once() {
    let bench = Bench::new().await;
    let top = bench.root().await;
    assert_eq!(bench.server.click("alice", &top.id.0, "Acknowledge").await.text, "Recorded.");
    let press = pressed(bench.event().await);
    assert_eq!((press.press, press.incident), (Press::Acknowledge, IncidentId(INCIDENT.into())));
    assert_eq!(press.person.name, "alice");
    assert_eq!(press.person.id.id(), bench.server.shared.state().user("alice"));
    assert_eq!(press.place, Place::Channel(Platform::Mattermost, bench.server.channel()));
    assert_eq!(press.message, Some(top.id.clone()));

    let again = bench.server.click("alice", &top.id.0, "Acknowledge").await;
    assert_eq!(again.text, "This was recorded already.");
    assert_eq!(bench.events().await, [], "the same control by the same person is the same press");
    bench.server.click("bob", &top.id.0, "Acknowledge").await;
    assert_eq!(pressed(bench.event().await).person.name, "bob");
    assert_eq!((bench.counted("click", "ok"), bench.counted("click", "refused")), (2, 1));

    // What is drawn anew can be pressed anew.
    bench.chat.edit(&bench.to(None, "root"), &top, &super::bench::root()).await.unwrap();
    bench.server.click("alice", &top.id.0, "Acknowledge").await;
    assert_eq!(pressed(bench.event().await).press, Press::Acknowledge);
}

#[tokio::test]
async fn a_menu_gives_what_was_chosen() {
    let bench = Bench::new().await;
    let top = bench.root().await;
    bench.server.choose("alice", &top.id.0, "Silence", Some("8 h")).await;
    assert_eq!(pressed(bench.event().await).press, Press::Silence { minutes: 480 });
}

#[tokio::test]
async fn an_approval_is_confirmed_in_a_dialog() {
    let bench = Bench::new().await;
    let top = bench.root().await;
    let sent = bench.chat.post(&bench.to(Some(&top.id), "proposal:p-3f9a1c07be"), &proposal(), None).await.unwrap();
    bench.know("proposal:p-3f9a1c07be", &sent).await;
    assert_eq!(bench.server.click("alice", &sent.id.0, "Approve").await.text, "");
    assert_eq!(bench.events().await, [], "not before it is confirmed");
    let dialog = bench.server.dialog("alice").unwrap().dialog;
    assert_eq!(dialog["title"], "Restart the deployment c");
    assert_eq!(dialog["submit_label"], "Restart");
    let diff = "```diff\n-restartedAt: none\n+restartedAt: now\n```";
    assert_eq!(dialog["introduction_text"], format!("Restarts all pods of shop/checkout.\n\n{diff}"));

    assert_eq!(bench.server.submit("alice").await, json!({}));
    let press = pressed(bench.event().await);
    assert_eq!(press.press.to_string(), "approve p-3f9a1c07be 0f3c");
    assert_eq!((press.person.name.as_str(), press.message), ("alice", Some(sent.id.clone())));

    // Two dialogs of one button are one approval.
    for _ in 0..2 {
        bench.server.click("alice", &sent.id.0, "Approve").await;
        assert_eq!(bench.server.submit("alice").await, json!({ "error": "This was recorded already." }));
    }
    assert_eq!(bench.events().await, []);
    let refused = bench.refused().await;
    assert!(
        refused[0].starts_with("mattermost dialog: 2 within a minute; the first: it was used before"),
        "{refused:?}"
    );
    assert_eq!(bench.server.click("alice", &sent.id.0, "Reject").await.text, "");
    assert_eq!(bench.events().await, [], "not before it is confirmed");
    assert_eq!(bench.server.dialog("alice").unwrap().dialog["title"], "Turn this down?");
    assert_eq!(bench.server.submit("alice").await, json!({}));
    assert_eq!(pressed(bench.event().await).press.name(), "reject");
}

/// What a button carries, read from where only the server can.
fn carried(bench: &Bench, post: &str) -> String {
    let post = bench.server.post(post);
    post["props"]["attachments"][0]["actions"][0]["integration"]["context"]["grant"].as_str().unwrap().to_owned()
}

fn opened(grant: &str) -> Grant {
    let payload = grant.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

async fn send(bench: &Bench, path: &str, body: &Value) -> (u16, Value) {
    let request = bench.server.shared.client.post(format!("{}{path}", bench.url)).json(body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn forged_altered_and_foreign_clicks_are_refused_and_counted() {
    let bench = Bench::new().await;
    // Without the server's key nothing but the grant speaks, so the grant must be enough.
    bench.server.shared.state().publishes_key = false;
    let top = bench.root().await;
    let grant = carried(&bench, &top.id.0);
    let (payload, seal) = grant.split_once('.').unwrap();
    let alice = bench.server.shared.state().user("alice");
    let channel = bench.server.channel();
    let click = |grant: &str| {
        json!({
            "user_id": alice, "user_name": "alice", "channel_id": channel, "post_id": top.id.0, "trigger_id": "",
            "context": { "grant": grant },
        })
    };
    let sealer = Sealer::new(&SECRET.into());
    let honest = opened(&grant);
    let widened = Grant { presses: vec!["approve p-3f9a1c07be 0f3c".into()], ..honest.clone() };
    let widened = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&widened).unwrap());
    let expired = sealer.seal(&Grant { until: Utc::now() - TimeDelta::seconds(1), ..honest.clone() });
    let foreign = Sealer::new(&"another secret".into()).seal(&honest);
    let with = |name: &str, value: Value| {
        let mut click = click(&grant);
        match name.split_once('/') {
            Some((outer, inner)) => click[outer][inner] = value,
            None => click[name] = value,
        }
        click
    };
    let refused = "This was not accepted. Please use the buttons in the thread or the console.";
    let old = "This button is too old. Please use a newer one in the thread, or the console.";
    let cases = [
        ("no grant", click(""), refused),
        ("a changed grant", click(&format!("{widened}.{seal}")), refused),
        ("no seal", click(payload), refused),
        ("another bot's grant", click(&foreign), refused),
        ("an expired grant", click(&expired), old),
        ("in another channel", with("channel_id", "c2".into()), refused),
        ("on another post", with("post_id", "p2".into()), refused),
        ("an option of a button", with("context/selected_option", "approve p-1f 0f".into()), refused),
        ("nobody", with("user_id", "".into()), refused),
        ("nonsense", json!([1, 2]), refused),
    ];
    let count = cases.len() as u64;
    for (what, body, text) in cases {
        let (status, answer) = send(&bench, "/mattermost/actions", &body).await;
        assert_eq!((status, answer["ephemeral_text"].as_str()), (200, Some(text)), "{what}");
    }
    assert_eq!(bench.events().await, []);
    assert_eq!(bench.counted("click", "refused"), count);
    // The honest one is taken, once for as long as it is good.
    let (_, answer) = send(&bench, "/mattermost/actions", &click(&grant)).await;
    assert_eq!(answer["ephemeral_text"], "Recorded.");
    assert_eq!(bench.events().await.len(), 1);
    let (_, answer) = send(&bench, "/mattermost/actions", &click(&grant)).await;
    assert_eq!(answer["ephemeral_text"], "This was recorded already.");
    assert_eq!(bench.events().await, []);

    // All of it is in the audit: one entry for all of this minute from here, and no grant is repeated.
    let refused = bench.refused().await;
    let begins = format!("mattermost click: {} within a minute; the first: its grant does not count", count + 1);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].starts_with(&begins) && !refused[0].contains(payload), "{refused:?}");
    assert_eq!(bench.refused().await.len(), 1, "and once only");
}

#[tokio::test]
async fn a_used_grant_stays_used_for_as_long_as_it_is_good() {
    let bench = Bench::new().await;
    let top = bench.root().await;
    bench.server.click("alice", &top.id.0, "Acknowledge").await;
    let event = bench.event().await;
    let until = opened(&carried(&bench, &top.id.0)).until;
    for (at, known) in [(until - TimeDelta::minutes(1), true), (until + TimeDelta::days(1), false)] {
        assert_eq!(bench.store.is_known(&event, at).await.unwrap(), known, "{at}");
    }
    // To look at a diff changes nothing: it may be looked at again.
    let sent = bench.chat.post(&bench.to(Some(&top.id), "proposal:p-3f9a1c07be"), &diff(), None).await.unwrap();
    bench.know("proposal:p-3f9a1c07be", &sent).await;
    for _ in 0..2 {
        assert_eq!(bench.server.click("alice", &sent.id.0, "Show diff").await.text, "Recorded.");
        assert_eq!(pressed(bench.event().await).press.name(), "diff");
    }
}

#[tokio::test]
async fn what_the_store_does_not_take_is_told_and_can_be_done_again() {
    let bench = Bench::new().await;
    let top = bench.root().await;
    let sent = bench.chat.post(&bench.to(Some(&top.id), "proposal:p-3f9a1c07be"), &proposal(), None).await.unwrap();
    bench.know("proposal:p-3f9a1c07be", &sent).await;
    bench.server.click("alice", &sent.id.0, "Approve").await;
    let dialog = bench.server.dialog("alice").unwrap();
    let state = dialog.dialog["state"].as_str().unwrap();
    let channel = bench.server.channel();
    let not_now = "This could not be recorded just now. Please try again.";

    bench.failing.be_down(true);
    assert_eq!(bench.server.click("alice", &top.id.0, "Acknowledge").await.text, not_now);
    assert_eq!(bench.server.command("alice", &channel, "", "/holmes incidents").await, (200, not_now.into()));
    assert_eq!(bench.server.command("alice", &channel, "", "/holmes do").await, (200, not_now.into()));
    let answer = bench.server.submit_as("alice", &channel, &dialog.url, state).await;
    assert_eq!(answer, json!({ "error": not_now }), "and the dialog stays");
    bench.failing.be_down(false);
    assert_eq!(bench.events().await, []);

    assert_eq!(bench.server.click("alice", &top.id.0, "Acknowledge").await.text, "Recorded.");
    assert_eq!(bench.server.command("alice", &channel, "", "/holmes incidents").await, (200, "On it.".into()));
    assert_eq!(bench.server.submit_as("alice", &channel, &dialog.url, state).await, json!({}));
    assert_eq!(bench.events().await.len(), 3);
    assert_eq!(bench.refused().await, [""; 0], "that the store was away is nobody's forgery");
}

#[tokio::test]
async fn a_command_without_its_arguments_opens_a_form() {
    let bench = Bench::new().await;
    let top = bench.root().await;
    let channel = bench.server.channel();
    assert_eq!(bench.server.command("alice", &channel, "", "/holmes do").await.1, "On it.", "nothing is open");
    assert!(matches!(bench.event().await, Event::Command(_)));
    bench.store.commit(vec![crate::store_contract::opened("checkout")], &[], Utc::now()).await.unwrap();
    let id = crate::store_contract::opened("checkout").incident.value.id.0;

    let said = bench.server.command("alice", &channel, &top.id.0, &format!("/holmes do {id} scale")).await;
    assert_eq!(said, (200, "What is missing is asked for in a form.".into()));
    let dialog = bench.server.dialog("alice").unwrap().dialog;
    assert_eq!((&dialog["title"], &dialog["submit_label"]), (&json!("Propose an action"), &json!("Propose")));
    for (fields, beside) in [
        (vec![("target", "checkout")], "target"),
        (vec![("target", "deployment/checkout")], "arguments"),
        (vec![("target", "deployment/checkout"), ("arguments", "--replicas 9999")], "arguments"),
    ] {
        let answer = bench.server.fill_in("alice", &fields).await;
        assert!(answer["errors"][beside].is_string(), "{fields:?}: {answer}");
    }
    assert_eq!(bench.events().await, []);
    let right = [("target", "deployment/checkout"), ("arguments", "--replicas 3")];
    assert_eq!(bench.server.fill_in("alice", &right).await, json!({}));
    let Event::Command(typed) = bench.event().await else { panic!() };
    assert_eq!(typed.command, Command::Do { action: format!("{id} scale deployment/checkout -n shop --replicas 3") });
    assert_eq!((typed.thread, typed.person.name.as_str()), (Some(MessageId(top.id.0.clone())), "alice"));
    // Once; and what it carries is good for nobody else, and for nothing else.
    assert_eq!(bench.server.fill_in("alice", &right).await, json!({ "error": "This was recorded already." }));
    let dialog = bench.server.dialog("alice").unwrap();
    let submission = json!({ "incident": id, "action": "restart", "target": "deployment/checkout" });
    for (user, callback, state) in [
        ("bob", "holmes_form", dialog.dialog["state"].as_str().unwrap()),
        ("alice", "holmes", dialog.dialog["state"].as_str().unwrap()),
        ("alice", "holmes_form", carried(&bench, &top.id.0).as_str()),
        ("alice", "holmes_form", ""),
    ] {
        let user = bench.server.shared.state().user(user);
        let body = json!({
            "user_id": user, "channel_id": channel, "callback_id": callback, "state": state, "submission": submission,
        });
        let (_, answer) = send(&bench, "/mattermost/dialogs", &body).await;
        assert!(answer["error"].as_str().unwrap().starts_with("This was not accepted"), "{callback}: {answer}");
    }
    assert_eq!(bench.events().await, []);
}

#[tokio::test]
async fn a_menu_takes_only_its_own_choices() {
    let bench = Bench::new().await;
    bench.server.shared.state().publishes_key = false;
    let top = bench.root().await;
    let post = bench.server.post(&top.id.0);
    let menu = &post["props"]["attachments"][0]["actions"][1];
    let mut context = menu["integration"]["context"].clone();
    for (option, taken) in [(Some("silence 60"), true), (Some("silence 10000"), false), (None, false)] {
        context["selected_option"] = json!(option);
        let alice = bench.server.shared.state().user("alice");
        let body = json!({
            "user_id": alice, "user_name": "alice", "channel_id": bench.server.channel(), "post_id": top.id.0,
            "context": context,
        });
        send(&bench, "/mattermost/actions", &body).await;
        assert_eq!(!bench.events().await.is_empty(), taken, "{option:?}");
    }
}

#[tokio::test]
async fn the_servers_signature_tells_who_clicked() {
    let bench = Bench::new().await;
    let top = bench.root().await;
    let grant = carried(&bench, &top.id.0);
    let bob = bench.server.shared.state().user("bob");
    let body = json!({
        "user_id": bob, "user_name": "bob", "channel_id": bench.server.channel(), "post_id": top.id.0,
        "trigger_id": "bm90IHNpZ25lZA==", "context": { "grant": grant },
    });
    let (_, answer) = send(&bench, "/mattermost/actions", &body).await;
    assert_ne!(answer["ephemeral_text"], "Recorded.");
    assert_eq!(bench.events().await, []);
    assert_eq!(bench.counted("click", "refused"), 1);
}

#[tokio::test]
async fn a_dialog_belongs_to_whoever_opened_it() {
    let bench = Bench::new().await;
    let top = bench.root().await;
    let sent = bench.chat.post(&bench.to(Some(&top.id), "proposal:p-3f9a1c07be"), &proposal(), None).await.unwrap();
    bench.server.click("alice", &sent.id.0, "Approve").await;
    let dialog = bench.server.dialog("alice").unwrap();
    let state = dialog.dialog["state"].as_str().unwrap().to_owned();
    let channel = bench.server.channel();
    // Whoever is in the channel can send any state to any address: that is how clients answer dialogs.
    let button = carried(&bench, &sent.id.0);
    for (what, user, state) in [
        ("somebody else's", "bob", state.as_str()),
        ("a button's own grant", "alice", button.as_str()),
        ("made up", "alice", "eyJ9.AAAA"),
        ("none", "alice", ""),
    ] {
        let answer = bench.server.submit_as(user, &channel, &dialog.url, state).await;
        assert!(answer["error"].as_str().unwrap().starts_with("This was not accepted"), "{what}: {answer}");
    }
    // And a dialog's state is no button.
    let alice = bench.server.shared.state().user("alice");
    let body = json!({ "user_id": alice, "channel_id": channel, "post_id": sent.id.0, "context": { "grant": state } });
    send(&bench, "/mattermost/actions", &body).await;
    let cancelled = json!({ "user_id": alice, "channel_id": channel, "state": state, "cancelled": true });
    assert_eq!(send(&bench, "/mattermost/dialogs", &cancelled).await.1, json!({}));
    assert_eq!(bench.events().await, []);
    assert_eq!(bench.counted("dialog", "refused"), 4);
    bench.server.submit("alice").await;
    assert_eq!(bench.events().await.len(), 1);
}

#[tokio::test]
async fn who_left_the_channel_cannot_approve() {
    let bench = Bench::new().await;
    bench.server.shared.state().publishes_key = false;
    let top = bench.root().await;
    let sent = bench.chat.post(&bench.to(Some(&top.id), "proposal:p-3f9a1c07be"), &proposal(), None).await.unwrap();
    let body = json!({
        "user_id": "somebody", "user_name": "x", "channel_id": bench.server.channel(), "post_id": sent.id.0,
        "context": { "grant": carried(&bench, &sent.id.0) },
    });
    let (_, answer) = send(&bench, "/mattermost/actions", &body).await;
    assert!(answer["ephemeral_text"].as_str().unwrap().starts_with("This was not accepted"), "{answer}");
    assert!(bench.server.dialog("alice").is_none() && bench.events().await.is_empty());
}

#[tokio::test]
async fn commands_are_taken_also_inside_threads() {
    let bench = Bench::new().await;
    let top = bench.root().await;
    let channel = bench.server.channel();
    let (status, said) = bench.server.command("alice", &channel, &top.id.0, "/holmes ask why is it slow?").await;
    assert_eq!((status, said.as_str()), (200, "On it."));
    let Event::Command(typed) = bench.event().await else { panic!() };
    assert_eq!(typed.command, Command::Ask { question: "why is it slow?".into() });
    assert_eq!(typed.thread, Some(MessageId(top.id.0.clone())));
    assert_eq!(typed.incident, Some(IncidentId(INCIDENT.into())));
    assert_eq!(typed.person.name, "alice");

    bench.server.command("bob", &channel, "", "/holmes incidents").await;
    let Event::Command(typed) = bench.event().await else { panic!() };
    assert_eq!((typed.command, typed.thread, typed.incident), (Command::Incidents, None, None));
}

#[tokio::test]
async fn a_command_without_its_token_is_nobodys() {
    let bench = Bench::new().await;
    let form = |token: &str| {
        [("token", token), ("user_id", "u1"), ("user_name", "x"), ("channel_id", "c1"), ("text", "status")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    for (token, header, status) in [
        ("", None, 401),
        ("wrong", None, 401),
        ("wrong", Some("Token wrong"), 401),
        ("", Some("Bearer x"), 401),
        // Ours, but the server did not sign who typed it.
        (bench.command_token.as_str(), None, 200),
    ] {
        let mut request =
            bench.server.shared.client.post(format!("{}/mattermost/command", bench.url)).form(&form(token));
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{token} {header:?}");
    }
    assert_eq!(bench.events().await, []);
    assert_eq!(bench.counted("command", "refused"), 5);

    // A bot that has asked once believes the key that it got; this one finds none.
    let bench = Bench::new().await;
    bench.server.shared.state().publishes_key = false;
    let request = bench.server.shared.client.post(format!("{}/mattermost/command", bench.url)).form(&form(""));
    let header = format!("Token {}", bench.command_token);
    let answer: Value = request.header("authorization", header).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["text"], "On it.", "the token may stand in the header alone");
}
