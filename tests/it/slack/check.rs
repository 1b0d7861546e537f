//! What `holmes-bot check` says about Slack.

use holmes_bot::domain::routes::Routes;

use super::slack;
use crate::fake_slack::{APP_TOKEN, FakeSlack};
use crate::fakes;

async fn said(fake: &FakeSlack, app_token: &str) -> String {
    let routes = Routes::parse("#incidents", "severity=critical:#general; team=x:#nowhere").unwrap();
    let app_token = app_token.to_owned().into();
    let lines = slack(fake).check(&routes, Some((&fake.api_url, &app_token))).await;
    fakes::said(&lines)
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let fake = FakeSlack::start().await;
    insta::assert_snapshot!(said(&fake, APP_TOKEN).await, @r"
    ok account: holmes in Ops
    ok scopes: all that are needed
    ok channel #incidents: #incidents is C0INCIDENT
    FAIL channel #general: the bot is in no such channel -> create it if need be, and /invite the bot there
    FAIL channel #nowhere: the bot is in no such channel -> create it if need be, and /invite the bot there
    ok socket mode: a connection can be opened
    ");
    fake.workspace().scopes = "chat:write,channels:read,groups:read".into();
    let said_now = said(&fake, "xapp-other").await;
    let line = |name: &str| said_now.lines().find(|line| line.contains(name)).unwrap().to_owned();
    assert!(
        line(" scopes:")
            .starts_with("FAIL scopes: missing: app_mentions:read (questions by mention), channels:history")
    );
    assert!(line("socket mode").contains("invalid_auth"));
    fake.workspace().token_error = Some("account_inactive");
    assert!(said(&fake, APP_TOKEN).await.starts_with("FAIL account: the account is refused: account_inactive"));
}
