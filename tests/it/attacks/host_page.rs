//! A page of another site in the browser of somebody who is logged in, or who runs the bot on their own machine.

use holmes_bot::demo::World;
use reqwest::header::HeaderMap;
use serde_json::json;

use crate::bot::Bot;
use crate::process::{PLAIN, client, firing};

const TOKEN: &str = "the-api-token-0123456789";

#[tokio::test(flavor = "multi_thread")]
async fn no_form_of_another_site_is_taken() {
    let bot = Bot::start(
        World::empty(),
        &[("HOLMES_API_TOKEN", TOKEN), ("HOLMES_CONSOLE_TOKEN", "ann=anns-token-0123456789")],
        false,
    )
    .await;
    let login = client().post(format!("{}/login", bot.url)).form(&[("token", "anns-token-0123456789")]);
    let login = login.header("sec-fetch-site", "same-origin");
    let answer = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let answer = answer.execute(login.build().unwrap()).await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let session = cookie.split(';').next().unwrap();
    for path in [
        "/ask",
        "/incidents/i-1/ask",
        "/incidents/i-1/investigate",
        "/incidents/i-1/do",
        "/incidents/i-1/proposals/p-1",
        "/incidents/i-1/proposals/p-1/undo",
        "/login",
        "/logout",
    ] {
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "http://evil.example"),
            ("origin", "null"),
        ] {
            let fields = [
                ("question", "?"),
                ("action", "restart deployment/web"),
                ("choice", "approve"),
                ("digest", "x"),
                ("nonce", "1"),
                ("token", "x"),
            ];
            let request = client().post(format!("{}{path}", bot.url)).form(&fields).header("cookie", session);
            let status = request.header(name, value).send().await.unwrap().status();
            assert_eq!(status, 403, "{path} {name}: {value}");
        }
    }
    // A cookie opens pages, and no API: what may be sent from anywhere is worth nothing there.
    for path in ["/api/v1/incidents", "/api/v1/audit", "/api/v1/knowledge/notes"] {
        let status =
            client().get(format!("{}{path}", bot.url)).header("cookie", session).send().await.unwrap().status();
        assert_eq!(status, 401, "{path}");
    }
    bot.stop().await;
}

/// On one's own machine the bot asks nobody for a token, and any page may send it a text.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_cannot_talk_to_a_bot_without_tokens() {
    let bot = Bot::start(World::empty(), PLAIN, false).await;
    let alert = firing("Forged", "web").to_string();
    let bodies = [
        ("/webhook", alert.clone()),
        ("/webhook/alertmanager", alert),
        ("/api/v1/questions", json!({"text": "?"}).to_string()),
        ("/api/chat", json!({"ask": "?"}).to_string()),
        ("/api/v1/knowledge/notes", json!({"content": "forged"}).to_string()),
    ];
    for (path, body) in &bodies {
        for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "http://evil.example"), ("origin", "null")] {
            for kind in ["text/plain", "application/json"] {
                let request = client().post(format!("{}{path}", bot.url)).header("content-type", kind);
                let status = request.header(name, value).body(body.clone()).send().await.unwrap().status();
                assert_eq!(status, 403, "{path} {kind} {name}: {value}");
            }
        }
        // The page's own name leads to loopback.
        let rebound = client().post(format!("{}{path}", bot.url)).header("host", "evil.example").body(body.clone());
        assert_eq!(rebound.send().await.unwrap().status(), 421, "{path}");
    }
    let list = bot.get("/api/v1/incidents?status=all").await;
    assert_eq!(list["incidents"], json!([]));
    // Programs do not say that they come from a page.
    assert_eq!(bot.deliver(&firing("Down", "web")).await, 200);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_told_to_run_frame_and_guess_nothing() {
    let bot = Bot::in_the_shop(PLAIN).await;
    assert_eq!(bot.deliver(&crate::chats::out_of_memory()).await, 200);
    let incident = bot.investigated("checkout").await;
    let id = incident["id"].as_str().unwrap();
    let mut charts = Vec::new();
    for evidence in incident["evidence"].as_array().unwrap() {
        let chart = format!("/incidents/{id}/evidence/{}/chart.png", evidence["id"].as_str().unwrap());
        if client().get(format!("{}{chart}", bot.url)).send().await.unwrap().status() == 200 {
            charts.push(chart);
        }
    }
    let chart = charts.first().unwrap();
    let head = async |path: &str| -> (u16, HeaderMap) {
        let answer = client().get(format!("{}{path}", bot.url)).send().await.unwrap();
        (answer.status().as_u16(), answer.headers().clone())
    };
    let of = |headers: &HeaderMap, name: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    for (path, status, kind, is_page) in [
        ("/", 200, "text/html; charset=utf-8", true),
        (&format!("/incidents/{id}"), 200, "text/html; charset=utf-8", true),
        ("/incidents/i-nobody", 404, "text/html; charset=utf-8", true),
        // A picture that is opened by itself is a document, too.
        (chart.as_str(), 200, "image/png", true),
        ("/assets/icon.svg", 200, "image/svg+xml", true),
        ("/assets/console.js", 200, "text/javascript; charset=utf-8", true),
        ("/api/v1/incidents", 200, "application/json", false),
        ("/api/openapi.json", 200, "application/json", false),
        ("/metrics", 200, "application/openmetrics-text; version=1.0.0; charset=utf-8", false),
        ("/nowhere", 404, "text/plain; charset=utf-8", false),
    ] {
        let (answered, headers) = head(path).await;
        assert_eq!((answered, of(&headers, "content-type").as_str()), (status, kind), "{path}");
        assert_eq!(of(&headers, "x-content-type-options"), "nosniff", "{path}");
        let referrer = if is_page { "same-origin" } else { "no-referrer" };
        assert_eq!(of(&headers, "referrer-policy"), referrer, "{path}");
        if is_page {
            let csp = of(&headers, "content-security-policy");
            for rule in [
                "default-src 'none'",
                "script-src 'self'",
                "img-src 'self'",
                "frame-ancestors 'none'",
                "base-uri 'none'",
                "form-action 'self'",
            ] {
                assert!(csp.contains(rule), "{path} lacks {rule}: {csp}");
            }
            assert!(!csp.contains("unsafe") && !csp.contains("data:") && !csp.contains('*'), "{csp}");
            assert_eq!(of(&headers, "cross-origin-resource-policy"), "same-origin", "{path}");
        }
    }
    let page = client().get(format!("{}/incidents/{id}", bot.url)).send().await.unwrap().text().await.unwrap();
    for inline in ["<script>", "style=\"", " onclick=", "javascript:"] {
        assert!(!page.contains(inline), "the page needs {inline}, which its policy forbids");
    }
    bot.stop().await;
}
