//! What the bot says in Slack.

use std::time::Duration;

use holmes_bot::adapters::slack::{Slack, SlackSettings};
use holmes_bot::domain::chat::MessageId;
use holmes_bot::domain::evidence::EvidenceId;
use holmes_bot::domain::incident::IncidentId;
use holmes_bot::domain::message::{ButtonStyle, Control, Picture, Tone};
use holmes_bot::domain::policy::Person;
use holmes_bot::ports::{Chat, ChatError, Destination, PictureFile, Sent};

use super::{button, message, slack, to};
use crate::fake_slack::{FakeSlack, Fault, INCIDENTS};
use crate::fakes::Fake;

fn long() -> String {
    format!("head\n{}", format!("{}\n", "word ".repeat(199).trim_end()).repeat(40))
}

fn picture() -> (Picture, PictureFile) {
    let shown = Picture { evidence: EvidenceId(1), title: "Memory".into(), alt: "rises to the limit".into() };
    (shown, PictureFile { name: "E1.png".into(), png: vec![0x89, b'P', b'N', b'G', 1, 2, 3] })
}

#[tokio::test]
async fn a_thread_is_told_edited_and_found_again() {
    let fake = FakeSlack::start().await;
    let slack = slack(&fake);
    let mut root = message(Tone::Critical, "**KubePodCrashLooping** on `shop/checkout`\nsince 12:00");
    root.controls.push(button("acknowledge"));
    root.mentions.push("@oncall".into());
    let by_name = Destination { channel: "#incidents".into(), ..to("root", None) };
    let sent = slack.post(&by_name, &root, None).await.unwrap();
    let reply = slack.post(&to("status", Some(&sent.id)), &message(Tone::Plain, "looking"), None).await.unwrap();

    let [first, second] = fake.messages(INCIDENTS).try_into().unwrap();
    assert!(first.texts().starts_with("<!subteam^S0614TZR7> *KubePodCrashLooping* on `shop/checkout`"));
    assert_eq!(first.controls()[0]["value"], "acknowledge");
    assert_eq!(second.thread.as_deref(), Some(sent.id.0.as_str()));

    root.text = "**KubePodCrashLooping** on `shop/checkout`\nresolved after 5 min".into();
    root.controls.clear();
    root.tone = Tone::Good;
    slack.edit(&by_name, &sent, &root).await.unwrap();
    let first = fake.messages(INCIDENTS)[0].clone();
    assert!(first.texts().contains("resolved") && first.controls().is_empty() && first.edits == 1);

    assert_eq!(slack.find(&to("root", None)).await.unwrap(), Some(sent.clone()));
    assert_eq!(slack.find(&to("status", Some(&sent.id))).await.unwrap(), Some(reply));
    assert_eq!(slack.find(&to("report", Some(&sent.id))).await.unwrap(), None);
    slack.busy(INCIDENTS, &sent.id, "looking").await.unwrap();
    assert_eq!(fake.workspace().statuses[0].2, "looking");

    fake.until("root and reply", |workspace| workspace.said().len() == 2).await;
    let (_, said) = fake.calls().into_iter().find(|(method, _)| method == "chat.postMessage").unwrap();
    assert_eq!((&said["unfurl_links"], &said["unfurl_media"]), (&false.into(), &false.into()));

    let page = fake.page(INCIDENTS, &sent.id.0);
    assert!(page.contains("<b>KubePodCrashLooping</b> on <code>shop/checkout</code>") && page.contains("1 replies"));
}

#[tokio::test]
async fn a_thread_can_be_looked_at() {
    let fake = FakeSlack::start().await;
    let slack = slack(&fake);
    let mut root = message(
        Tone::Critical,
        "🔴 **KubePodCrashLooping** on `shop/checkout`\nfiring since 12:00 · 3 alerts\n\n**Likely cause:** out of memory [E1]",
    );
    root.controls.push(button("acknowledge"));
    let hours = |hours: u32| (format!("{hours} h"), format!("silence {}", hours * 60));
    root.controls.push(Control::Menu { label: "Silence for …".into(), options: vec![hours(1), hours(4)] });
    root.controls.push(Control::Link { label: "Open incident".into(), url: "https://holmes.example.com/".into() });
    root.mentions.push("@oncall".into());
    let sent = slack.post(&to("root", None), &root, None).await.unwrap();
    let report = "## Report\n**Out of memory**: `checkout` was killed 4 times [E1], its limit is 256 MiB.\n\n\
        1. memory rises to the limit within minutes\n2. the change of 11:52 halved it\n   - 512 MiB → 256 MiB\n\n\
        > OOMKilled, exit code 137\n\n```\njava.lang.OutOfMemoryError: <heap> & more\n```\n\n\
        | pod | restarts |\n|---|---|\n| checkout-7464b59bfd-892tq | 4 |\n\n[Open metrics](https://vm.example.com/?a=1&b=2)";
    slack.post(&to("report", Some(&sent.id)), &message(Tone::Plain, report), None).await.unwrap();
    let mut proposal = message(
        Tone::Warning,
        "**Proposal**: set the memory limit of `deployment/checkout` to 512 MiB\nrisk: low · until 12:30",
    );
    proposal.controls.push(Control::Button {
        label: "Approve".into(),
        press: "approve p-3f9a1c07be 0f3c".into(),
        style: ButtonStyle::Primary,
        confirm: None,
    });
    proposal.controls.push(Control::Button {
        label: "Reject".into(),
        press: "reject p-3f9a1c07be 0f3c".into(),
        style: ButtonStyle::Danger,
        confirm: None,
    });
    slack.post(&to("proposal:p-3f9a1c07be", Some(&sent.id)), &proposal, None).await.unwrap();
    fake.workspace().says("U0ANN", INCIDENTS, Some(&sent.id.0), "looks right to me");
    fake.keep_page("slack-thread", INCIDENTS, &sent.id.0);
    let page = fake.page(INCIDENTS, &sent.id.0);
    for seen in [
        "border-color:#e01e5a",
        "@S0614TZR7</span> 🔴 <b>KubePodCrashLooping</b>",
        "Silence for … ⌄",
        "<b>Report</b>",
        "<blockquote>OOMKilled, exit code 137</blockquote>",
        "<pre>java.lang.OutOfMemoryError: &lt;heap&gt; &amp; more</pre>",
        "<a href=\"https://vm.example.com/?a=1&amp;b=2\">Open metrics</a>",
        "<span class=\"button primary\">Approve</span>",
        "3 replies",
        "looks right to me",
    ] {
        assert!(page.contains(seen), "{seen}: {page}");
    }
}

#[tokio::test]
async fn a_post_whose_outcome_is_unknown_is_found() {
    let fake = FakeSlack::start().await;
    let slack = slack(&fake);
    fake.fail("chat.postMessage", [Fault::DoneButLost, Fault::Status(503)]);
    let root = message(Tone::Plain, "root");
    for (arrived, key) in [(true, "root"), (false, "other")] {
        let error = slack.post(&to(key, None), &root, None).await.unwrap_err();
        assert!(matches!(error, ChatError::Unknown(_)), "{error}");
        assert_eq!(slack.find(&to(key, None)).await.unwrap().is_some(), arrived, "{key}");
    }
}

#[tokio::test]
async fn in_bad_weather_nothing_is_lost_and_nothing_is_said_twice() {
    let fake = FakeSlack::start().await;
    let slack = slack(&fake);
    fake.chaos(30, 7);
    for number in 0..60 {
        let at = to(&format!("root:{number}"), None);
        // As whoever delivers does it: what is not known is looked for before it is said again.
        let mut unknown = false;
        loop {
            if unknown {
                match slack.find(&at).await {
                    Ok(Some(_)) => break,
                    Ok(None) => unknown = false,
                    Err(_) => continue,
                }
            }
            match slack.post(&at, &message(Tone::Plain, &format!("incident {number}")), None).await {
                Ok(_) => break,
                Err(ChatError::Unknown(_)) => unknown = true,
                Err(ChatError::Wait { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
    let mut said: Vec<String> = fake.workspace().said().iter().map(|message| message.texts()).collect();
    assert_eq!(said.len(), 60);
    said.sort();
    said.dedup();
    assert_eq!(said.len(), 60);
}

#[tokio::test]
async fn a_root_is_found_behind_many_others() {
    let fake = FakeSlack::start().await;
    let slack = slack(&fake);
    let sent = slack.post(&to("root", None), &message(Tone::Plain, "root"), None).await.unwrap();
    for number in 0..450 {
        fake.workspace().says("U0ANN", INCIDENTS, None, &format!("{number}"));
    }
    assert_eq!(slack.find(&to("root", None)).await.unwrap(), Some(sent));
    assert_eq!(fake.count("conversations.history"), 3);
}

#[tokio::test]
async fn long_text_goes_on_in_the_thread_and_breaking_off_repeats_nothing() {
    let fake = FakeSlack::start().await;
    let slack = slack(&fake);
    let root = slack.post(&to("root", None), &message(Tone::Plain, "root"), None).await.unwrap();
    let report = to("report", Some(&root.id));
    // The second of its messages has to wait.
    let mut text = message(Tone::Plain, &long());
    text.controls.push(button("investigate"));
    fake.workspace().says("U0ANN", INCIDENTS, Some(&root.id.0), "meanwhile");
    fake.pace(Duration::from_millis(300));
    let error = slack.post(&report, &text, None).await.unwrap_err();
    assert!(matches!(error, ChatError::Wait { .. }), "{error}");
    assert_eq!(slack.find(&report).await.unwrap(), None, "half of it is not it");
    let sent = loop {
        tokio::time::sleep(Duration::from_millis(310)).await;
        match slack.post(&report, &text, None).await {
            Ok(sent) => break sent,
            Err(ChatError::Wait { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    };
    assert!(!sent.rest.is_empty());
    assert_eq!(slack.find(&report).await.unwrap(), Some(sent.clone()));
    let words = |fake: &FakeSlack| -> usize {
        let said = fake.workspace();
        said.said().iter().map(|message| message.texts().matches("word").count()).sum()
    };
    assert_eq!(words(&fake), 40 * 199, "nothing is cut off, nothing is said twice");

    // Shorter again: what it went on in vanishes; longer: it goes on anew.
    let short = slack.edit(&report, &sent, &message(Tone::Plain, "word")).await.unwrap();
    assert_eq!((short.rest.len(), words(&fake)), (0, 1));
    tokio::time::sleep(Duration::from_millis(310)).await;
    let mut again = slack.edit(&report, &short, &text).await;
    while let Err(ChatError::Wait { .. }) = again {
        tokio::time::sleep(Duration::from_millis(310)).await;
        again = slack.edit(&report, &short, &text).await;
    }
    assert_eq!(again.unwrap().rest.len(), sent.rest.len());
    assert_eq!(words(&fake), 40 * 199);
}

#[tokio::test]
async fn a_picture_is_shown_kept_by_edits_and_waits_for_its_processing() {
    let fake = FakeSlack::start().await;
    fake.workspace().processing = 1;
    let (shown, file) = picture();
    let mut evidence = message(Tone::Plain, "Memory");
    evidence.picture = Some(shown);
    let first = slack(&fake);
    let root = first.post(&to("root", None), &message(Tone::Plain, "root"), None).await.unwrap();
    let at = to("evidence:E1", Some(&root.id));
    let sent = first.post(&at, &evidence, Some(&file)).await.unwrap();
    let message_now = |fake: &FakeSlack| fake.messages(INCIDENTS).last().unwrap().clone();
    let id = message_now(&fake).picture().unwrap();
    assert_eq!(fake.workspace().files[&id].bytes.as_deref(), Some(file.png.as_slice()));

    // By another replica, which never saw the file.
    evidence.text = "Memory, again".into();
    slack(&fake).edit(&at, &sent, &evidence).await.unwrap();
    assert_eq!(message_now(&fake).picture(), Some(id));
    assert_eq!(message_now(&fake).texts(), "Memory, again");
}

#[tokio::test]
async fn a_picture_that_is_never_ready_follows_in_the_thread() {
    let fake = FakeSlack::start().await;
    fake.workspace().processing = 100;
    let (shown, file) = picture();
    let mut evidence = message(Tone::Plain, "Memory");
    evidence.picture = Some(shown);
    let slack = slack(&fake);
    let sent = slack.post(&to("root", None), &evidence, Some(&file)).await.unwrap();
    let messages = fake.messages(INCIDENTS);
    assert_eq!(messages.len(), 2);
    assert!(messages[0].picture().is_none() && messages[0].texts() == "Memory");
    assert_eq!((messages[1].thread.as_deref(), messages[1].file.is_some()), (Some(sent.id.0.as_str()), true));
    // What it does not show its edits do not add.
    evidence.text = "Memory, again".into();
    slack.edit(&to("root", None), &sent, &evidence).await.unwrap();
    let first = fake.messages(INCIDENTS)[0].clone();
    assert!(first.picture().is_none() && first.texts() == "Memory, again");
}

#[tokio::test]
async fn whoever_shall_be_called_is_waited_for() {
    let fake = FakeSlack::start().await;
    let slack = slack(&fake);
    let mut root = message(Tone::Critical, "it burns");
    root.mentions.push("@oncall".into());
    fake.fail("usergroups.list", [Fault::Wait(7), Fault::Error("missing_scope")]);
    let error = slack.post(&to("root", None), &root, None).await.unwrap_err();
    assert!(matches!(error, ChatError::Wait { after } if after.num_seconds() == 7), "{error}");
    assert!(fake.messages(INCIDENTS).is_empty());
    // Nobody will be called by waiting for a scope.
    slack.post(&to("root", None), &root, None).await.unwrap();
    assert!(fake.messages(INCIDENTS)[0].texts().starts_with("@\u{2060}oncall"));
}

#[tokio::test]
async fn a_page_in_front_of_slack_says_nothing_of_what_was_asked() {
    let page = axum::response::Html("<!DOCTYPE html><title>Sign in</title>");
    let proxy = Fake::start(axum::Router::new().fallback(async move || page)).await;
    let settings = SlackSettings { api_url: proxy.url(), bot_token: "xoxb-1".to_owned().into() };
    let slack = Slack::new(&settings).unwrap();
    let sent = Sent { id: MessageId("1.1".into()), rest: Vec::new() };
    let edited = slack.edit(&to("root", None), &sent, &message(Tone::Plain, "x")).await;
    let found = slack.find(&to("root", None)).await;
    for error in [edited.unwrap_err(), found.unwrap_err()] {
        assert!(matches!(&error, ChatError::Unknown(why) if why.contains("\"Sign in\"")), "{error}");
    }
}

#[tokio::test]
async fn a_channel_that_the_bot_was_just_invited_to_is_known() {
    let fake = FakeSlack::start().await;
    let slack = slack(&fake);
    assert!(matches!(slack.channel("#general").await, Err(ChatError::Channel(_))));
    fake.workspace().channels.iter_mut().for_each(|channel| channel.member = true);
    assert_eq!(slack.channel("#general").await, Ok("C0GENERAL".to_owned()));
    assert_eq!(slack.channel("#incidents").await, Ok(INCIDENTS.to_owned()));
    assert_eq!(fake.count("users.conversations"), 2, "what is known is not asked for again");
}

#[tokio::test]
async fn an_app_without_the_files_scope_still_says_it() {
    let fake = FakeSlack::start().await;
    fake.fail("files.getUploadURLExternal", [Fault::Error("missing_scope"), Fault::Wait(7)]);
    let (shown, file) = picture();
    let mut evidence = message(Tone::Plain, "Memory");
    evidence.picture = Some(shown);
    slack(&fake).post(&to("root", None), &evidence, Some(&file)).await.unwrap();
    let error = slack(&fake).post(&to("next", None), &evidence, Some(&file)).await.unwrap_err();
    assert!(matches!(error, ChatError::Wait { after } if after.num_seconds() == 7), "{error}");
    assert_eq!(fake.messages(INCIDENTS).len(), 1, "what has to wait says nothing yet");
}

#[tokio::test]
async fn refusals_are_what_they_are() {
    let fake = FakeSlack::start().await;
    let slack = slack(&fake);
    let text = message(Tone::Plain, "x");
    let in_channel = |channel: &str| Destination { channel: channel.into(), ..to("root", None) };
    for channel in ["#nowhere", "C0NOWHERE", "#general"] {
        let error = slack.post(&in_channel(channel), &text, None).await.unwrap_err();
        assert!(matches!(error, ChatError::Channel(_)), "{channel}: {error}");
    }
    let gone = MessageId("1.000001".into());
    let error = slack.post(&to("status", Some(&gone)), &text, None).await.unwrap_err();
    assert!(matches!(error, ChatError::Gone(_)), "{error}");
    let sent = slack.post(&to("root", None), &text, None).await.unwrap();
    fake.workspace().messages[0].deleted = true;
    let error = slack.edit(&to("root", None), &sent, &text).await.unwrap_err();
    assert!(matches!(error, ChatError::Gone(_)), "{error}");
    fake.workspace().channels[0].archived = true;
    let error = slack.post(&to("root", None), &text, None).await.unwrap_err();
    assert!(matches!(error, ChatError::Channel(_)), "{error}");
    fake.workspace().token_error = Some("token_revoked");
    let error = slack.post(&to("root", None), &text, None).await.unwrap_err();
    assert!(matches!(error, ChatError::Account(_)) && !error.to_string().contains("xoxb"), "{error}");
}

#[tokio::test]
async fn one_person_is_told_and_groups_are_asked_once_a_minute() {
    let fake = FakeSlack::start().await;
    let slack = slack(&fake);
    let root = slack.post(&to("root", None), &message(Tone::Plain, "root"), None).await.unwrap();
    let ann = Person::new("slack:U0ANN".parse().unwrap(), "ann");
    slack.tell(&ann.id, INCIDENTS, Some(&root.id), "Only **oncall** may approve <!channel>.").await.unwrap();
    let told = fake.messages(INCIDENTS).last().unwrap().clone();
    assert_eq!((told.only_to.as_deref(), told.thread.as_deref()), (Some("U0ANN"), Some(root.id.0.as_str())));
    assert_eq!(told.texts(), "Only *oncall* may approve &lt;!channel&gt;.");
    // `/holmes` can be typed where the bot is not.
    slack.tell(&ann.id, "C0GENERAL", None, "Nothing is open.").await.unwrap();
    assert_eq!(fake.messages("U0ANN")[0].texts(), "Nothing is open.");
    for _ in 0..3 {
        let groups = slack.groups(&ann).await.unwrap();
        assert_eq!(groups.iter().map(ToString::to_string).collect::<Vec<_>>(), ["slack-group:S0614TZR7"]);
    }
    assert_eq!(fake.count("usergroups.list"), 1);
    let stranger = Person::new("slack:U0EVE".parse().unwrap(), "eve");
    assert!(slack.groups(&stranger).await.unwrap().is_empty());
    assert!(slack.groups(&Person::new("sso:ann@example.com".parse().unwrap(), "ann")).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_server_without_statuses_is_asked_once() {
    let fake = FakeSlack::start().await;
    let slack = slack(&fake);
    fake.fail("assistant.threads.setStatus", [Fault::Error("unknown_method")]);
    for _ in 0..3 {
        slack.busy(INCIDENTS, &MessageId("1.1".into()), "looking").await.unwrap();
    }
    assert_eq!(fake.count("assistant.threads.setStatus"), 1);
}

#[tokio::test]
async fn everything_at_once_keeps_every_rule() {
    let fake = FakeSlack::start().await;
    let slack = slack(&fake);
    let mut all =
        message(Tone::Warning, &format!("# T\n{}\n\n```\n{}\n```", "a & <b> ".repeat(2000), "<!here>\n".repeat(900)));
    all.mentions = vec!["@nobody".into(), "@here".into(), "@U0ANN000".into()];
    for number in 0..60 {
        all.controls.push(button(&format!("silence {}", number + 1)));
    }
    let options = (0..120).map(|number| ("x".repeat(number + 1), format!("silence {}", number + 1))).collect();
    all.controls.push(Control::Menu { label: "y".repeat(200), options });
    all.controls.push(Control::Link { label: "z".repeat(100), url: "https://g.example/".into() });
    let sent = slack.post(&to("root", None), &all, None).await.unwrap();
    assert!(!sent.rest.is_empty());
    slack.edit(&to("root", None), &sent, &all).await.unwrap();
    let texts: String = fake.messages(INCIDENTS).iter().map(|message| message.texts()).collect();
    assert_eq!(texts.matches("&lt;!here&gt;").count(), 900);
    assert_eq!(texts.matches("<!here>").count(), 1, "only whom the route calls");
}

/// A real workspace, or any server that speaks the API: `SLACK_TEST_URL`, `SLACK_TEST_TOKEN`, `SLACK_TEST_CHANNEL`.
#[tokio::test]
async fn a_real_server_takes_the_same() {
    let variable = |name: &str| std::env::var(name).ok();
    let (Some(api_url), Some(token), Some(channel)) =
        (variable("SLACK_TEST_URL"), variable("SLACK_TEST_TOKEN"), variable("SLACK_TEST_CHANNEL"))
    else {
        return;
    };
    let slack = Slack::new(&SlackSettings { api_url, bot_token: token.into() }).unwrap();
    let incident = IncidentId(format!("i-{:010x}", std::process::id()));
    let root_at = Destination { channel, thread: None, incident, post: "root".into() };
    let mut root = message(Tone::Critical, "**Test** of `holmes-bot`\na & b <c>");
    root.controls.push(button("acknowledge"));
    let sent = slack.post(&root_at, &root, None).await.unwrap();
    let reply_at = Destination { thread: Some(sent.id.clone()), post: "status".into(), ..root_at.clone() };
    slack.post(&reply_at, &message(Tone::Plain, "reply"), None).await.unwrap();
    root.tone = Tone::Good;
    slack.edit(&root_at, &sent, &root).await.unwrap();
}
