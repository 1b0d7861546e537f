//! The set-up, run twice; and what the check says of a server.

use holmes_bot::adapters::check::CheckLine;
use holmes_bot::adapters::http::{Auth, EndpointSettings};
use holmes_bot::adapters::mattermost::setup::{self, Plan, SetupError};
use secrecy::{ExposeSecret as _, SecretString};

use super::bench::client;
use crate::fake_mattermost::FakeMattermost;
use crate::fakes;

fn plan(server: &FakeMattermost, user: &str, token: Option<SecretString>) -> Plan {
    let auth = Auth::Bearer(server.token(user).into());
    let _ = rustls::crypto::ring::default_provider().install_default();
    Plan {
        endpoint: EndpointSettings { url: server.url(), auth, ..Default::default() },
        username: "holmes".into(),
        display_name: "Holmes".into(),
        channels: vec!["ops/alerts".into()],
        callback_url: "http://127.0.0.1:8080".into(),
        token,
    }
}

fn shown(lines: &[CheckLine], server: &FakeMattermost) -> String {
    fakes::said(lines).replace(&server.channel(), "<channel>").replace(&server.url(), "http://mm")
}

#[tokio::test]
async fn set_up_once_and_again() {
    let server = FakeMattermost::bare().await;
    let done = setup::run(plan(&server, "admin", None)).await.unwrap();
    insta::assert_snapshot!(shown(&done.lines, &server), @r"
    ok administrator: @admin
    ok site URL: http://localhost:8065
    ok callbacks: 127.0.0.1 is among the allowed internal connections
    ok bot: @holmes was made
    ok token: was made
    ok channel: the bot is in ops/alerts (<channel>)
    ok command: /holmes was registered in ops
    ");
    let (token, command) = (done.token.clone().unwrap(), done.command_tokens[0].expose_secret().to_owned());
    let expected = format!("MATTERMOST_TOKEN={}\nMATTERMOST_COMMAND_TOKEN={command}", token.expose_secret());
    assert_eq!(done.environment(), expected);

    let tokens = server.shared.state().tokens.len();
    let again = setup::run(plan(&server, "admin", Some(token.clone()))).await.unwrap();
    assert!(again.token.is_none() && again.command_tokens[0].expose_secret() == command);
    assert_eq!(server.shared.state().tokens.len(), tokens, "no trail of tokens");
    insta::assert_snapshot!(shown(&again.lines, &server), @r"
    ok administrator: @admin
    ok site URL: http://localhost:8065
    ok callbacks: 127.0.0.1 is among the allowed internal connections
    ok bot: @holmes is there
    ok token: MATTERMOST_TOKEN is the bot's
    ok channel: the bot is in ops/alerts (<channel>)
    ok command: /holmes is registered in ops
    ");
    let moved = Plan {
        callback_url: "http://holmes-bot.holmes.svc:8080".into(),
        ..plan(&server, "admin", Some(token.clone()))
    };
    let moved = setup::run(moved).await.unwrap();
    assert_eq!(moved.command_tokens[0].expose_secret(), command, "the token stays");
    assert_eq!(server.shared.state().commands[0]["url"], "http://holmes-bot.holmes.svc:8080/mattermost/command");

    let checked = client(&server.url(), token.expose_secret(), "http://127.0.0.1:8080").check(&["ops/alerts"], 1).await;
    insta::assert_snapshot!(shown(&checked, &server), @r"
    ok mattermost: Mattermost 5.38.0, as @holmes
    ok channel ops/alerts: ~alerts
    ok command /holmes in ops: registered
    ok websocket: opens: replies in threads are heard
    ");
}

#[tokio::test]
async fn what_is_missing_is_named_as_the_console_names_it() {
    let server = FakeMattermost::bare().await;
    {
        let mut state = server.shared.state();
        let service = &mut state.config["ServiceSettings"];
        service["SiteURL"] = "".into();
        service["AllowedUntrustedInternalConnections"] = "".into();
        service["EnableCommands"] = false.into();
        service["PostEditTimeLimit"] = 300.into();
        state.config["FileSettings"]["EnableFileAttachments"] = false.into();
    }
    let done = setup::run(plan(&server, "admin", None)).await.unwrap();
    let missing: Vec<CheckLine> = done.lines.iter().filter(|line| !line.ok).cloned().collect();
    insta::assert_snapshot!(shown(&missing, &server), @r#"
    FAIL site URL: is not set: commands fail without it -> System Console > Environment > Web Server > Site URL
    FAIL commands: custom slash commands are off -> System Console > Integrations > Integration Management > Enable Custom Slash Commands
    FAIL files: are off: charts would be told in words -> System Console > Site Configuration > File Sharing and Downloads > Allow File Sharing
    FAIL edits: are refused 300 s after a post: states, answers and buttons would stay as they were -> no time limit in System Console > User Management > Permissions > Edit Scheme > Manage Posts > Edit Posts (gear)
    FAIL callbacks: 127.0.0.1 is internal: buttons and commands will fail with "address forbidden" -> add 127.0.0.1 to System Console > Environment > Developer > Allow untrusted internal connections to
    "#);
    server.shared.state().commands.clear();
    let bot = server.shared.state().user("holmes");
    server.shared.state().channel_members.retain(|(_, user)| *user != bot);
    let checked =
        client(&server.url(), done.token.unwrap().expose_secret(), "x").check(&["ops/alerts", "ops/x"], 0).await;
    let missing: Vec<CheckLine> = checked.iter().filter(|line| !line.ok).cloned().collect();
    let text = shown(&missing, &server);
    for part in ["channel ops/alerts", "channel ops/x", "site URL", "commands", "files", "edits"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let checked = client(&server.url(), "wrong", "x").check(&["ops/alerts"], 0).await;
    assert_eq!(checked.len(), 1);
    assert!(checked[0].mend.contains("MATTERMOST_TOKEN"), "{checked:?}");
}

#[tokio::test]
async fn only_an_administrator_sets_up_and_people_are_not_made_bots() {
    let server = FakeMattermost::bare().await;
    let error = setup::run(plan(&server, "alice", None)).await.unwrap_err();
    assert!(matches!(error, SetupError::NoAdmin(_)), "{error}");
    let taken = Plan { username: "alice".into(), ..plan(&server, "admin", None) };
    assert!(matches!(setup::run(taken).await.unwrap_err(), SetupError::Taken(_)));
    let nowhere = Plan { channels: vec!["alerts".into()], ..plan(&server, "admin", None) };
    assert!(matches!(setup::run(nowhere).await.unwrap_err(), SetupError::NoChannel(_)));
    let unknown = Plan { channels: vec!["ops/nowhere".into()], ..plan(&server, "admin", None) };
    let error = setup::run(unknown).await.unwrap_err().to_string();
    assert!(error.starts_with("look for the channel ops/nowhere: Mattermost answered HTTP 404"), "{error}");
}
