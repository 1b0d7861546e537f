//! Paths that climb out of where they belong.

use super::wire::{get, status};
use crate::bot::Bot;
use crate::process::PLAIN;

#[tokio::test(flavor = "multi_thread")]
async fn no_address_of_the_bot_is_a_file() {
    let bot = Bot::in_the_shop(PLAIN).await;
    assert_eq!(bot.deliver(&crate::chats::out_of_memory()).await, 200);
    let incident = bot.investigated("checkout").await;
    let id = incident["id"].as_str().unwrap();
    let runbook = incident["runbooks"][0]["id"].as_str().unwrap();
    assert_eq!(status(&get(&bot.url, &format!("/incidents/{id}/runbooks/{runbook}"), &[]).await), 200);
    assert_eq!(status(&get(&bot.url, "/assets/console.css", &[]).await), 200);
    for target in [
        "/assets/../../Cargo.toml".to_owned(),
        "/assets/..%2f..%2fCargo.toml".to_owned(),
        "/assets/%2e%2e/%2e%2e/Cargo.toml".to_owned(),
        "/assets/..%5c..%5cCargo.toml".to_owned(),
        "/assets/%2fetc%2fpasswd".to_owned(),
        "/assets/console.css%00".to_owned(),
        "/assets/index.html".to_owned(),
        "//etc/passwd".to_owned(),
        "/../../etc/passwd".to_owned(),
        format!("/incidents/{id}/runbooks/..%2f..%2fCargo.toml"),
        format!("/incidents/{id}/runbooks/..%2fCargo.toml"),
        format!("/incidents/{id}/runbooks/..%2f{runbook}"),
        format!("/incidents/{id}/runbooks/%2fetc%2fpasswd"),
        format!("/incidents/{id}/runbooks/{runbook}.md"),
        format!("/incidents/..%2f{id}"),
        format!("/incidents/{id}%2f..%2f{id}"),
        format!("/incidents/{id}/evidence/..%2fE1/chart.png"),
        "/api/v1/incidents/..%2f..%2f".to_owned(),
        "/api/v1/incidents/%2e%2e".to_owned(),
    ] {
        let answer = get(&bot.url, &target, &[]).await;
        assert_eq!(status(&answer), 404, "{target}: {answer}");
        assert!(
            !answer.contains("[package]") && !answer.contains("root:") && !answer.contains("{%"),
            "{target}: {answer}"
        );
    }
    bot.stop().await;
}
