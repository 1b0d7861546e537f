//! The whole bot with Slack.

use super::bot_in;
use crate::fake_slack::http::{command, command_payload, deliver, form};
use crate::fake_slack::{FakeSlack, INCIDENTS};
use crate::process::client;

#[tokio::test]
async fn a_bot_listens_on_both_ways_speaks_its_language_and_leaves_in_good_order() {
    let fake = FakeSlack::start().await;
    let bot = bot_in(&fake, &[("HOLMES_LANGUAGE", "ru")]).await;
    let typed = command_payload("U0ANN", INCIDENTS, "status", "1.2.3");
    let id = fake.sockets().deliver("slash_commands", &typed);
    let answered = fake.sockets().acknowledgement(&id).await;
    assert_eq!(answered["payload"]["text"], "Принято; ответ придёт сюда или в ветку.");

    let client = client();
    let body = form(&command("U0ANN", INCIDENTS, "status", "1.2.4"));
    assert_eq!(deliver(&client, &bot.url, "commands", &body).await.status(), 200);
    let unsigned = client.post(format!("{}/slack/commands", bot.url)).body(body).send().await.unwrap();
    assert_eq!(unsigned.status(), 401);

    bot.stop().await;
    let sockets = fake.sockets();
    sockets.until("no connection", || sockets.open().is_empty().then_some(())).await;
}
