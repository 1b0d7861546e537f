//! The fake Alertmanager against what the real one (0.25) answered.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use crate::demo::testing::http_client;
use crate::demo::{Timeline, World, start};

#[tokio::test]
async fn silences_as_the_real_one_keeps_them() {
    let running = start(World::empty(), Timeline::at_once()).await.unwrap();
    let base = running.neighbours.alertmanager_url.clone();
    let http = http_client();
    let now = Utc::now();
    let good = json!({
        "matchers": [{"name": "alertname", "value": "PodCrash", "isRegex": false, "isEqual": true},
            {"name": "pod", "value": "p3", "isRegex": false}],
        "startsAt": now.to_rfc3339(), "endsAt": (now + TimeDelta::hours(1)).to_rfc3339(), "createdBy": "bot", "comment": "via chat",
    });
    let changed = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body.to_string()
    };
    for (body, kind, status, answer) in [
        (
            changed("matchers", json!([])),
            "application/json",
            422,
            r#"{"code":612,"message":"matchers in body should have at least 1 items"}"#,
        ),
        (
            changed("endsAt", json!("2020-01-02T00:00:00Z")),
            "application/json",
            400,
            r#""Failed to create silence: start time must be before end time""#,
        ),
        (
            "{".into(),
            "application/json",
            400,
            r#"{"code":400,"message":"parsing silence body from \"\" failed, because unexpected EOF"}"#,
        ),
        (
            "{}".into(),
            "text/plain",
            415,
            r#"{"code":415,"message":"unsupported media type \"text/plain\", only [application/json] are allowed"}"#,
        ),
        (
            changed("id", json!("00000000-0000-0000-0000-000000000000")),
            "application/json",
            404,
            r#""silence not found""#,
        ),
    ] {
        let request = http.post(format!("{base}/api/v2/silences")).header("content-type", kind).body(body);
        let response = request.send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.text().await.unwrap().trim()), (status, answer));
    }
    let made: Value =
        http.post(format!("{base}/api/v2/silences")).json(&good).send().await.unwrap().json().await.unwrap();
    let one = format!("{base}/api/v2/silence/{}", made["silenceID"].as_str().unwrap());
    let get = || async { http.get(&one).send().await.unwrap().json::<Value>().await.unwrap() };
    assert_eq!(get().await["status"]["state"], "active");
    assert_eq!(get().await["matchers"][1], json!({"isEqual": true, "isRegex": false, "name": "pod", "value": "p3"}));
    let unknown = format!("{base}/api/v2/silence/00000000-0000-0000-0000-000000000000");
    let missing = http.get(&unknown).send().await.unwrap();
    assert_eq!((missing.status().as_u16(), missing.text().await.unwrap().as_str()), (404, ""));
    let missing = http.delete(&unknown).send().await.unwrap();
    assert_eq!((missing.status().as_u16(), missing.text().await.unwrap().trim()), (500, "\"silence not found\""));
    assert_eq!(http.delete(&one).send().await.unwrap().status().as_u16(), 200);
    assert_eq!(get().await["status"]["state"], "expired");
    assert_eq!(http.delete(&one).send().await.unwrap().status().as_u16(), 500);
}
