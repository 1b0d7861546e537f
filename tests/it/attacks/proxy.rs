//! Whoever stands beside or behind the proxy that signs people in, and writes headers as if they were it.

use holmes_bot::demo::World;
use serde_json::Value;

use super::wire::{get, status};
use crate::bot::Bot;
use crate::process::firing;
use crate::wait::until_is;

/// Longest wait for anything.
const TOKEN: &str = "the-api-token-0123456789";

async fn behind(proxies: &str) -> Bot {
    let settings = [("HOLMES_SSO_PROXIES", proxies), ("HOLMES_API_TOKEN", TOKEN)];
    Bot::start(World::empty(), &settings, false).await
}

/// Whom the console takes the sender of these headers for; `None`: it asks them to log in.
async fn taken_for(bot: &Bot, lines: &[&str]) -> Option<String> {
    let answer = get(&bot.url, "/", lines).await;
    match status(&answer) {
        200 => {
            let who = ["ann@corp.example", "eve@corp.example"].into_iter().find(|name| answer.contains(name));
            Some(who.unwrap_or("somebody").to_owned())
        }
        // To the login page, or the head is refused as a whole.
        303 | 400 => None,
        other => panic!("{other}: {answer}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_counts_once_and_from_the_proxy_alone() {
    let bot = behind("127.0.0.1/32").await;
    assert_eq!(taken_for(&bot, &["X-Forwarded-Email: ann@corp.example"]).await.as_deref(), Some("ann@corp.example"));
    assert_eq!(taken_for(&bot, &["x-FORWARDED-email: ANN@corp.example"]).await.as_deref(), Some("somebody"));
    for smuggled in [
        // The client's own header beside the proxy's, in either order and any spelling.
        &["X-Forwarded-Email: ann@corp.example", "X-Forwarded-Email: eve@corp.example"][..],
        &["X-Forwarded-Email: eve@corp.example", "x-forwarded-EMAIL: ann@corp.example"],
        &["X-Forwarded-Email: ann@corp.example", "X-Forwarded-Email: ann@corp.example"],
        // What other servers take for the same name.
        &["X_Forwarded_Email: ann@corp.example"],
        &["X-Forwarded_Email: ann@corp.example"],
        &["X-Forwarded-Email : ann@corp.example"],
        &["X-Forwarded-User: ann@corp.example", "Remote-User: ann@corp.example"],
        // Two in one, a line folded onto the next, nothing.
        &["X-Forwarded-Email: eve@corp.example, ann@corp.example"],
        &["X-Forwarded-Email: eve@corp.example", " ann@corp.example"],
        &["X-Forwarded-Email: "],
    ] {
        assert_eq!(taken_for(&bot, smuggled).await, None, "{smuggled:?}");
    }
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_is_believed_whoever_they_say_sent_them() {
    let bot = behind("10.9.8.7, 192.0.2.0/24").await;
    for lines in [
        &["X-Forwarded-Email: ann@corp.example"][..],
        &["X-Forwarded-Email: ann@corp.example", "X-Forwarded-For: 10.9.8.7"],
        &["X-Forwarded-Email: ann@corp.example", "X-Real-IP: 10.9.8.7", "Forwarded: for=10.9.8.7"],
    ] {
        assert_eq!(taken_for(&bot, lines).await, None, "{lines:?}");
    }
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_not_added_by_a_second_header() {
    let dir = tempfile::tempdir().unwrap();
    let policy = dir.path().join("policy.yaml");
    std::fs::write(
        &policy,
        "rules:\n  - name: on call\n    match: {}\n    decision: approve\n    approvers: [sso-group:oncall]\n    expires: 2h\n    \
         reason: tests\n    examples: {applies: [cordon node/n1]}\n",
    )
    .unwrap();
    let policy = policy.display().to_string();
    let settings = [("HOLMES_SSO_PROXIES", "127.0.0.1"), ("HOLMES_POLICY_FILE", &policy)];
    let bot = Bot::in_the_shop(&settings).await;
    assert_eq!(bot.deliver(&crate::chats::out_of_memory()).await, 200);
    let incident = bot.investigated("checkout").await;
    let path = format!("/api/v1/incidents/{}", incident["id"].as_str().unwrap());
    let detail = async || bot.get(&path).await;
    let proposed = |detail: &Value| detail["proposals"].as_array().is_some_and(|all| !all.is_empty());
    let proposal = until_is("a proposal", detail, proposed).await["proposals"][0].clone();
    let target =
        format!("/incidents/{}/proposals/{}", incident["id"].as_str().unwrap(), proposal["id"].as_str().unwrap());
    let send = async |nonce: u8, lines: &str| {
        let form = format!("choice=approve&digest={}&nonce={nonce}", proposal["digest"].as_str().unwrap());
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nSec-Fetch-Site: same-origin\r\nContent-Type: \
             application/x-www-form-urlencoded\r\nContent-Length: {}\r\nX-Forwarded-Email: eve@corp.example\r\n{lines}\r\n{form}",
            form.len()
        );
        super::wire::exchange(&bot.url, head.as_bytes()).await
    };
    // Eve's own header comes beside the proxy's, which says in which groups she is.
    let answer = send(1, "X-Forwarded-Groups: oncall\r\nX-Forwarded-Groups: staff\r\n").await;
    assert_eq!(status(&answer), 303, "{answer}");
    let audit = async || bot.get("/api/v1/audit?limit=1000").await.to_string();
    until_is("a refusal of the click", audit, |audit| audit.contains("proposal.click_refused")).await;
    assert_eq!(bot.get(&path).await["proposals"][0]["state"], "proposed");
    // Said once it is believed, so the refusal was for the second one.
    send(2, "X-Forwarded-Groups: oncall\r\n").await;
    until_is("the approval of whom it should be", detail, |detail| detail["proposals"][0]["state"] != "proposed").await;
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_is_one_whatever_its_lengths_say() {
    let bot = behind("127.0.0.1/32").await;
    let inner = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Email: ann@corp.example\r\n\r\n";
    for lengths in [
        format!("Content-Length: {}\r\nTransfer-Encoding: chunked", inner.len() + 5),
        format!("Content-Length: 5\r\nContent-Length: {}", inner.len()),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity".to_owned(),
        "Transfer-Encoding: xchunked".to_owned(),
    ] {
        let bytes = format!("POST /webhook HTTP/1.1\r\nHost: localhost\r\n{lengths}\r\n\r\n0\r\n\r\n{inner}");
        let answer = super::wire::exchange(&bot.url, bytes.as_bytes()).await;
        // One answer to the outer request, which has no token or no proper length; none to the inner one.
        assert!([400, 401].contains(&status(&answer)), "{lengths}: {answer}");
        assert!(!answer.contains("not found"), "{lengths}: the inner request was answered: {answer}");
    }
    assert_eq!(bot.deliver(&firing("Down", "web")).await, 200, "and the bot is well");
    bot.stop().await;
}
