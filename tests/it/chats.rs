//! One incident in two chats at once, as the people in them live it: the thread grows, a person who may not is refused,
//! one who may approves, and both chats see what came of it.

use serde_json::{Value, json};

use crate::bot::Bot;
use crate::fake_mattermost::FakeMattermost;
use crate::fake_slack::{FakeSlack, INCIDENTS, http};
use crate::slack;
use crate::wait::{until, until_is};

/// The bot in both chats, with hands, and everything that must live as long as it.
struct Story {
    bot: Bot,
    slack: FakeSlack,
    mattermost: FakeMattermost,
    _files: tempfile::TempDir,
}

impl Story {
    async fn begin() -> Self {
        let (slack, mattermost) = (FakeSlack::start().await, FakeMattermost::start().await);
        let files = tempfile::tempdir().unwrap();
        let alice = mattermost.shared.state().user("alice");
        let policy = format!(
            "rules:\n  - name: on call\n    match: {{}}\n    decision: approve\n    approvers: [slack:U0ANN, mattermost:{alice}]\n    \
             expires: 2h\n    reason: tests\n    examples: {{applies: [cordon node/n1]}}\n"
        );
        let policy_file = files.path().join("policy.yaml");
        std::fs::write(&policy_file, policy).unwrap();
        let policy_file = policy_file.display().to_string();
        let mut settings = mattermost.environment();
        settings.push(("HOLMES_POLICY_FILE", policy_file));
        let bot = slack::bot_in(&slack, &settings).await;
        Self { bot, slack, mattermost, _files: files }
    }

    /// What stands in Slack of an incident's post, when it says this.
    async fn in_slack(
        &self,
        what: &str,
        is: impl Fn(&crate::fake_slack::Message) -> bool,
    ) -> crate::fake_slack::Message {
        let what = format!("{what} in Slack");
        let messages = async || self.slack.messages(INCIDENTS);
        let messages = until_is(&what, messages, |messages| messages.iter().any(&is)).await;
        messages.into_iter().find(|message| is(message)).unwrap()
    }

    async fn in_mattermost(&self, what: &str, is: impl Fn(&str, &Value) -> bool) -> Value {
        let what = format!("{what} in Mattermost");
        let is = |post: &Value| is(&words(post), post);
        let posts = until_is(&what, async || self.mattermost.posts(), |posts| posts.iter().any(is)).await;
        posts.into_iter().find(|post| is(post)).unwrap()
    }

    /// A press in Slack on the control of this action.
    async fn press(&self, user: &str, message: &crate::fake_slack::Message, action: &str) {
        let controls = message.controls();
        let control =
            controls.iter().find(|control| control["action_id"].as_str().is_some_and(|id| id.starts_with(action)));
        let control = control.unwrap_or_else(|| panic!("no {action} among {controls:?}"));
        let press = http::press(user, INCIDENTS, &message.ts, control, None);
        let id = self.slack.sockets().deliver("interactive", &press);
        self.slack.sockets().acknowledgement(&id).await;
    }
}

/// Everything that a post of Mattermost says.
fn words(post: &Value) -> String {
    let attachments = post["props"]["attachments"].as_array().cloned().unwrap_or_default();
    let texts = attachments.iter().filter_map(|attachment| attachment["text"].as_str());
    std::iter::once(post["message"].as_str().unwrap_or_default()).chain(texts).collect::<Vec<_>>().join("\n")
}

fn actions(post: &Value) -> usize {
    let attachments = post["props"]["attachments"].as_array().cloned().unwrap_or_default();
    attachments.iter().filter_map(|attachment| attachment["actions"].as_array()).map(Vec::len).sum()
}

pub fn out_of_memory() -> Value {
    json!({
        "version": "4", "groupKey": "{}", "truncatedAlerts": 0, "status": "firing", "receiver": "holmes", "groupLabels": {},
        "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://am.example", "alerts": [{
            "status": "firing", "annotations": {"summary": "checkout is killed for memory <!channel> @all"},
            "labels": {"alertname": "KubeContainerOOMKilled", "namespace": "shop", "deployment": "checkout",
                "container": "checkout", "severity": "critical"},
            "startsAt": chrono::Utc::now().to_rfc3339(), "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://vmalert.example/x", "fingerprint": "f1",
        }],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn one_incident_in_two_chats_from_the_alert_to_the_fix() {
    let story = Story::begin().await;
    assert_eq!(story.bot.deliver(&out_of_memory()).await, 200);

    // The thread, in both chats: a root that is edited, evidence with pictures, the report.
    let root = story.in_slack("the root with its cause", |message| {
        message.thread.is_none() && message.texts().contains("Likely cause")
    });
    let root = root.await;
    let names: Vec<String> =
        root.controls().iter().filter_map(|control| control["action_id"].as_str().map(str::to_owned)).collect();
    assert!(names.iter().any(|name| name.starts_with("acknowledge")), "{names:?}");
    story
        .in_slack("a chart", |message| message.thread.as_deref() == Some(&root.ts) && message.picture().is_some())
        .await;
    let proposal = story
        .in_slack("a proposal with buttons", |message| {
            message.texts().contains("to revision 1")
                && message
                    .controls()
                    .iter()
                    .any(|one| one["action_id"].as_str().is_some_and(|id| id.starts_with("approve")))
        })
        .await;
    assert_eq!(proposal.thread.as_deref(), Some(root.ts.as_str()));
    let twin =
        story.in_mattermost("the proposal", |text, post| text.contains("to revision 1") && actions(post) >= 2).await;
    story.in_mattermost("a chart", |_, post| post["file_ids"].as_array().is_some_and(|files| !files.is_empty())).await;

    // Somebody takes care of it: both roots say so.
    story.press("U0ANN", &root, "acknowledge").await;
    story
        .in_slack("who takes care", |message| message.ts == root.ts && message.texts().contains("Acknowledged by"))
        .await;
    story.in_mattermost("who takes care", |text, post| post["root_id"] == "" && text.contains("Acknowledged by")).await;

    // One who may not is told so, alone.
    story.press("U0EVE", &proposal, "approve").await;
    story
        .in_slack("the refusal", |message| {
            message.only_to.as_deref() == Some("U0EVE") && message.text.contains("may not approve")
        })
        .await;

    // One who may: it is done, the buttons are gone in both chats, and both say who approved.
    story.press("U0ANN", &proposal, "approve").await;
    story
        .in_slack("the decision", |message| {
            message.ts == proposal.ts
                && message.texts().contains("Done")
                && !message
                    .controls()
                    .iter()
                    .any(|one| one["action_id"].as_str().is_some_and(|id| id.starts_with("approve")))
        })
        .await;
    let decided =
        story.in_mattermost("the decision", |text, post| post["id"] == twin["id"] && text.contains("Done")).await;
    assert!(words(&decided).contains("approved by"), "{decided}");

    // The other proposal is rejected in Mattermost, by way of its dialog, and Slack sees it.
    let other = story
        .in_mattermost("the other proposal", |text, post| text.contains("memory limit") && actions(post) >= 2)
        .await;
    let clicked = story.mattermost.click("alice", other["id"].as_str().unwrap(), "Reject").await;
    assert_eq!(clicked.text, "");
    // The bot opens the dialog after it has answered the click.
    until("a dialog", async || story.mattermost.dialog("alice")).await;
    assert_eq!(story.mattermost.submit("alice").await, json!({}));
    story
        .in_slack("the rejection", |message| {
            message.texts().contains("memory limit") && message.texts().contains("Rejected")
        })
        .await;

    // Nothing came twice, and nobody was called by what an alert says.
    let shown = story.slack.messages(INCIDENTS);
    let mut keys: Vec<&str> =
        shown.iter().filter_map(|message| message.metadata["event_payload"]["key"].as_str()).collect();
    let all = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), all, "{keys:?}");
    assert!(all > 6, "{keys:?}");
    let everything: String =
        shown.iter().map(|message| format!("{}{}{}", message.text, message.blocks, message.attachments)).collect();
    assert!(!everything.contains("<!channel>"), "{everything}");
    let roots = story
        .mattermost
        .posts()
        .into_iter()
        .filter(|post| post["root_id"] == "" && post["channel_id"] == story.mattermost.channel())
        .count();
    assert_eq!(roots, 1);
    story.slack.keep_page("incident", INCIDENTS, &root.ts);
    if let Ok(directory) = std::env::var("HOLMES_TEST_PAGES") {
        let root = story.mattermost.posts().into_iter().find(|post| post["root_id"] == "").unwrap();
        let page = story.mattermost.html(root["id"].as_str().unwrap());
        std::fs::write(std::path::Path::new(&directory).join("mattermost.html"), page).unwrap();
    }
    story.bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_chat_is_asked_for_in_a_form_or_in_words_both_show() {
    let story = Story::begin().await;
    assert_eq!(story.bot.deliver(&out_of_memory()).await, 200);
    let root = story.in_slack("the root", |message| message.thread.is_none() && !message.controls().is_empty()).await;

    // In Slack a modal asks for what was not typed.
    let typed = http::command_payload("U0ANN", INCIDENTS, "do", &story.slack.trigger("U0ANN"));
    let sockets = story.slack.sockets();
    let id = sockets.deliver("slash_commands", &typed);
    sockets.acknowledgement(&id).await;
    let view = story.slack.view("U0ANN").unwrap();
    let incident = view.view["blocks"][0]["element"]["options"][0]["value"].as_str().unwrap();
    let fields = [("incident", incident), ("action", "restart"), ("target", "deployment/checkout")];
    let id = sockets.deliver("interactive", &view.submission(&fields));
    assert!(sockets.acknowledgement(&id).await["payload"].is_null());
    let is_restart = |text: &str| text.contains("estart") && text.contains("checkout");
    story.in_slack("the restart", |one| is_restart(&one.texts()) && one.controls().len() >= 2).await;
    story.in_mattermost("the restart", |text, post| is_restart(text) && actions(post) >= 2).await;

    // In Mattermost a dialog does.
    let channel = story.mattermost.channel();
    assert_eq!(story.mattermost.command("alice", &channel, "", "/holmes do scale").await.0, 200);
    let fields = [("incident", incident), ("target", "deployment/checkout"), ("arguments", "--replicas 4")];
    assert_eq!(story.mattermost.fill_in("alice", &fields).await, json!({}));
    let is_scale = |text: &str| text.contains("checkout") && text.contains('4') && text.contains("cale");
    story.in_slack("the scaling", |one| is_scale(&one.texts()) && one.controls().len() >= 2).await;
    story.in_mattermost("the scaling", |text, post| is_scale(text) && actions(post) >= 2).await;

    // Whoever asks stands in the other chat by their name, not by their id.
    let thread = story.slack.workspace().says("U0ANN", INCIDENTS, Some(&root.ts), "<@UBOT00001> why now?");
    let asked = http::message("app_mention", "U0ANN", INCIDENTS, Some(&root.ts), &thread, "<@UBOT00001> why now?");
    let id = sockets.deliver("events_api", &asked);
    sockets.acknowledgement(&id).await;
    let shown = story.in_mattermost("the question", |text, _| text.contains("why now?")).await;
    assert!(words(&shown).contains("**Ann** asks"), "{shown}");
    story.bot.stop().await;
}
