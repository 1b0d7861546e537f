//! Knowledge as programs and investigations see it: the API of a running bot, and the thread of an incident.

use serde_json::{Value, json};

use crate::bot::Bot;
use crate::fake_openwebui::{FakeOpenWebui, KEY};
use crate::process::client;
use crate::wait::until_is;
use holmes_bot::demo::World;

async fn send(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

#[tokio::test]
async fn notes_are_taken_found_and_deleted_over_the_api() {
    let fake = FakeOpenWebui::start(&["runbooks", "incidents", "notes"]).await;
    let settings =
        [("OPENWEBUI_URL", fake.url()), ("OPENWEBUI_TOKEN", KEY.to_owned()), ("HOLMES_API_TOKEN", "secret".into())];
    let bot = Bot::start(World::built_in().unwrap(), &settings, false).await;
    let url = |path: &str| format!("{}/api/v1/knowledge/{path}", bot.url);
    let get = |path: &str| client().get(url(path)).bearer_auth("secret");
    let post = |path: &str| client().post(url(path)).bearer_auth("secret");

    for open in [client().get(url("notes")), client().get(url("search?q=x")), client().post(url("sync"))] {
        assert_eq!(open.send().await.unwrap().status(), 401);
    }
    let (status, noted) = send(post("notes").json(&json!({"content": "Vacuum frees dead rows", "tags": ["pg"]}))).await;
    assert_eq!((status, &noted["missing"]), (201, &json!([])), "{noted}");
    let id = noted["id"].as_str().unwrap();
    let (_, found) = send(get("search?q=dead+rows&collection=notes&k=1")).await;
    assert_eq!(found["passages"][0]["source"], format!("note {id}"), "{found}");
    let (_, list) = send(get("notes")).await;
    assert_eq!(
        (&list["notes"][0]["title"], &list["notes"][0]["author"]),
        (&json!("Vacuum frees dead rows"), &json!("api"))
    );
    assert_eq!(send(client().delete(url(&format!("notes/{id}"))).bearer_auth("secret")).await.0, 200);
    assert_eq!(send(client().delete(url(&format!("notes/{id}"))).bearer_auth("secret")).await.0, 404);
    assert!(fake.inside().notes.is_empty());

    for (request, status) in [
        (get("search"), 400),
        (get("search?q=x&collection=nope"), 400),
        (post("notes").json(&json!({"content": " "})), 400),
        (post("notes").json(&json!({"title": "no content"})), 422),
        (post("notes").json(&json!({"content": "x".repeat(70_000)})), 413),
    ] {
        assert_eq!(send(request).await.0, status);
    }
    let (status, synced) = send(post("sync")).await;
    assert_eq!(status, 200);
    assert!(synced["collections"][0]["added"].as_u64().unwrap() > 9, "{synced}");
    let description: Value =
        client().get(format!("{}/api/openapi.json", bot.url)).send().await.unwrap().json().await.unwrap();
    assert!(description["paths"]["/api/v1/knowledge/notes"]["post"].is_object());
    assert!(description["paths"]["/api/v1/incidents"]["get"].is_object());
    bot.stop().await;
}

fn body(starts: &str, ends: Option<&str>) -> Value {
    let status = if ends.is_some() { "resolved" } else { "firing" };
    let labels =
        json!({"alertname": "KubePodCrashLooping", "namespace": "far", "deployment": "web", "severity": "critical"});
    json!({"version": "4", "groupKey": "g", "status": status, "alerts": [{
        "status": status, "labels": labels, "annotations": {"summary": "web crashes"},
        "startsAt": starts, "endsAt": ends.unwrap_or("0001-01-01T00:00:00Z"),
        "generatorURL": "", "fingerprint": "f1"}]})
}

#[tokio::test]
async fn an_incident_that_was_seen_before_says_so() {
    let bot = Bot::start(World::built_in().unwrap(), &[("HOLMES_REOPEN_WITHIN", "1s")], false).await;
    let resolved = |times: usize| {
        move |incidents: &[Value]| incidents.iter().filter(|incident| incident["status"] == "resolved").count() == times
    };
    for (number, hour) in [(1, "08"), (2, "09")] {
        let starts = format!("2026-11-22T{hour}:00:00Z");
        bot.deliver(&body(&starts, None)).await;
        bot.incidents(|incidents| incidents.len() == number && crate::bot::all_done(incidents)).await;
        bot.deliver(&body(&starts, Some(&format!("2026-11-22T{hour}:20:00Z")))).await;
        bot.incidents(resolved(number)).await;
        // It is remembered once the incident settles.
        let remembered = async || bot.get("/api/v1/knowledge/incidents").await["incidents"].clone();
        until_is("what is remembered", remembered, |list| list.as_array().unwrap().len() >= number).await;
    }
    bot.deliver(&body("2026-11-22T10:00:00Z", None)).await;
    bot.incidents(|incidents| incidents.len() == 3 && crate::bot::all_done(incidents)).await;
    let open = bot.get("/api/v1/incidents?status=open").await;
    let incident = bot.get(&format!("/api/v1/incidents/{}", open["incidents"][0]["id"].as_str().unwrap())).await;
    let history =
        incident["evidence"].as_array().unwrap().iter().find(|evidence| evidence["source"] == "knowledge").unwrap();
    assert_eq!(history["data"]["times"], 2, "{history}");
    assert!(history["excerpt"].as_str().unwrap().starts_with("seen 2 times before, last on 2026-11-22"), "{history}");
    let post = incident["thread"]
        .as_array()
        .unwrap()
        .iter()
        .find(|post| post["text"].as_str().unwrap().contains("Seen 2 times before"));
    assert!(post.is_some(), "{:#}", incident["thread"]);
    bot.stop().await;
}
