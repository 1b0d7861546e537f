//! Lines that look like the bot's own, written into its log through what it complains about.

use serde_json::{Value, json};

use crate::process::{Process, client, firing};

/// What the bot logs while strangers talk to it.
async fn logged(format: &str) -> String {
    let data = tempfile::tempdir().unwrap();
    let log = data.path().join("log");
    let environment =
        [("HOLMES_LOG", "debug,hyper=info"), ("HOLMES_LOG_FORMAT", format), ("LLM_BASE_URL", "http://127.0.0.1:9")];
    let mut bot = Process::serve_logging(&data.path().join("data"), &environment, &log).await;
    let url = bot.url.clone();
    let forged = "x\n2026-01-01T00:00:00Z ERROR forged";
    let hostile = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\n{\"level\":\"ERROR\",\"message\":\"forged\"}\u{9b}31m\u{202e}";
    for text in [forged, hostile] {
        let mut alert = firing("Down", "web");
        alert["alerts"][0]["status"] = json!(text);
        let answer = client().post(format!("{url}/webhook")).json(&alert).send().await.unwrap();
        assert_eq!(answer.status(), 400);
        let mut alert = firing(text, "web");
        alert["version"] = json!(text);
        client().post(format!("{url}/webhook")).json(&alert).send().await.unwrap();
        let mut alert = firing(text, text);
        alert["alerts"][0]["labels"]["namespace"] = json!(text);
        client().post(format!("{url}/webhook")).json(&alert).send().await.unwrap();
        let question = json!({"text": text, "author": text, "incident": text});
        client().post(format!("{url}/api/v1/questions")).json(&question).send().await.unwrap();
        client().get(format!("{url}/incidents/%0a%1b[31mERROR%20forged")).send().await.unwrap();
    }
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    bot.kill();
    std::fs::read_to_string(log).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_the_bots_own() {
    let text = logged("text").await;
    assert!(text.contains("refused a notification"), "{text}");
    for line in text.lines() {
        let stamp = line.split_whitespace().next().unwrap_or_default();
        assert!(chrono::DateTime::parse_from_rfc3339(stamp).is_ok(), "not a line of the bot: {line:?}");
        assert!(!line.starts_with("2026-01-01T00:00:00Z"), "{line}");
        assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
    }
    let json = logged("json").await;
    assert!(json.contains("refused a notification"), "{json}");
    for line in json.lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        assert!(event["timestamp"].is_string() && event["message"] != "forged", "{line}");
        assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
    }
}
