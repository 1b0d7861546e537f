//! Script in what strangers write, shown to somebody in a real browser.

use holmes_bot::demo::World;
use serde_json::json;

use super::inert::assert_page;
use super::trap::Trap;
use crate::bot::Bot;
use crate::neighbours::Chromium;
use crate::process::{PLAIN, firing};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_and_nothing_is_loaded() {
    let trap = Trap::set().await;
    let bot = Bot::start(World::empty(), PLAIN, false).await;
    let tricks = format!(
        "</title><script>document.title='pwned'</script><svg onload=\"document.title='pwned'\"><img src={0}/i.png \
         onerror=\"document.title='pwned'\"> ![p]({0}/p.png) <iframe src={0}/f></iframe> <link rel=stylesheet href={0}/s.css> \
         <meta http-equiv=refresh content='0;url={0}/m'> [x](javascript:document.title='pwned') <base href={0}/>",
        trap.url()
    );
    let mut alert = firing("Down", "web");
    for (part, name) in
        [("labels", "alertname"), ("labels", "deployment"), ("annotations", "summary"), ("annotations", "description")]
    {
        alert["alerts"][0][part][name] = json!(format!("web {tricks}"));
    }
    assert_eq!(bot.deliver(&alert).await, 200);
    let incidents = bot.incidents(|all| all.len() == 1 && crate::bot::all_done(all)).await;
    let id = incidents[0]["id"].as_str().unwrap().to_owned();
    for path in ["/".to_owned(), format!("/incidents/{id}")] {
        let url = format!("{}{path}", bot.url);
        let page = tokio::task::spawn_blocking(move || Chromium::new().dump_dom(&url)).await.unwrap();
        assert!(page.contains("onerror"), "the page shows the text: {page}");
        assert!(!page.contains("<title>pwned"), "a script ran: {page}");
        for living in ["<svg onload", "<iframe", "href=\"javascript:", "<base", "http-equiv=\"refresh\""] {
            assert!(!page.contains(living), "{path} holds {living}: {page}");
        }
        assert_page(&path, &page);
    }
    trap.assert_untouched();
    bot.stop().await;
}
