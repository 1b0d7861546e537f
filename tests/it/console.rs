//! The console in a real browser: pages stand on their own, and change by themselves while one looks at them.

use crate::bot::{Bot, all_done};
use crate::neighbours::{Browser, Chromium};
use crate::process::{PLAIN, firing};
use crate::wait::until_is;
use holmes_bot::demo::World;

/// Looks at a page off the async threads.
async fn dom(url: String) -> String {
    tokio::task::spawn_blocking(move || Chromium::new().dump_dom(&url)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_shows_what_is_known_about_an_incident() {
    let bot = Bot::in_the_shop(PLAIN).await;
    bot.play().await;
    bot.incidents(|incidents| incidents.len() == 7 && all_done(incidents)).await;
    let checkout = bot.investigated("checkout").await;
    let page = dom(format!("{}/incidents/{}", bot.url, checkout["id"].as_str().unwrap())).await;
    for part in ["Likely cause", "48 MiB", "cache over soft limit", "CACHE_WARMUP", "chart.png", "OOMKilled"] {
        assert!(page.contains(part), "{part} is not on the page");
    }
    let index = dom(format!("{}/", bot.url)).await;
    assert!(index.contains("shop/checkout") && index.contains("nightly-report"));
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_of_a_thread_can_be_taken() {
    let bot = Bot::in_the_shop(PLAIN).await;
    bot.play().await;
    let checkout = bot.investigated("checkout").await;
    let url = format!("{}/incidents/{}", bot.url, checkout["id"].as_str().unwrap());
    let phone = tokio::task::spawn_blocking(move || Chromium::new().screenshot(&url, 390, 1200)).await.unwrap();
    assert!(phone.starts_with(b"\x89PNG") && phone.len() > 20_000, "{} bytes", phone.len());
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_changes_by_itself() {
    let bot = Bot::start(World::empty(), PLAIN, false).await;
    let browser = Browser::open().await;
    browser.go(&format!("{}/", bot.url)).await;
    assert!(!browser.document().await.contains("Down on ns-web/web"));
    assert_eq!(bot.deliver(&firing("Down", "web")).await, 200);
    until_is("a page that changed", async || browser.document().await, |page| page.contains("Down on ns-web/web"))
        .await;
    browser.close().await;
    bot.stop().await;
}
