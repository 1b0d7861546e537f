//! Two chats that a storm is told in: each incident has one thread in each.

use std::collections::BTreeMap;

use holmes_bot::domain::chat::Platform;
use holmes_bot::domain::incident::Incident;
use holmes_bot::ports::Store;
use serde_json::Value;

use crate::fake_mattermost::FakeMattermost;
use crate::fake_slack::{FakeSlack, INCIDENTS};

/// A strict Slack and a strict Mattermost.
pub struct Chats {
    slack: FakeSlack,
    mattermost: FakeMattermost,
}

impl Chats {
    pub async fn begin() -> Self {
        Self { slack: FakeSlack::start().await, mattermost: FakeMattermost::start().await }
    }

    /// What a replica needs to speak in both.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let of_mattermost = self.mattermost.environment();
        // Every replica listens on a port of its own.
        let mattermost = of_mattermost.into_iter().filter(|(name, _)| *name != "HOLMES_LISTEN");
        self.slack.environment().into_iter().chain(mattermost).collect()
    }

    /// How many incidents still have something to be told of, in both chats together.
    pub async fn untold(store: &dyn Store) -> usize {
        let mut untold = 0;
        for platform in [Platform::Slack, Platform::Mattermost] {
            untold += store.outbox(platform, 100).await.unwrap().len();
        }
        untold
    }

    /// That each incident has one root in each chat, and nothing stands there twice; gives the messages of each chat.
    pub fn tell_each_once(&self, incidents: &[Incident]) -> [usize; 2] {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let slack = self.slack.messages(INCIDENTS).into_iter().filter(|message| !message.deleted);
        let slack = slack.map(|message| {
            let payload = &message.metadata["event_payload"];
            (message.thread, text(&payload["key"]), text(&payload["part"]))
        });
        let channel = self.mattermost.channel();
        let posts = self.mattermost.posts().into_iter().filter(|post| post["channel_id"] == channel.as_str());
        let mattermost = posts.map(|post| {
            let root = text(&post["root_id"]);
            let props = &post["props"];
            ((!root.is_empty()).then_some(root), text(&props["holmes_key"]), text(&props["holmes_part"]))
        });
        let chats: [Vec<(Option<String>, String, String)>; 2] = [slack.collect(), mattermost.collect()];
        for (messages, chat) in chats.iter().zip(["Slack", "Mattermost"]) {
            let mut times: BTreeMap<(&str, &str), usize> = BTreeMap::new();
            for (_, key, part) in messages.iter().filter(|(_, key, _)| !key.is_empty()) {
                *times.entry((key, part)).or_default() += 1;
            }
            let twice: Vec<_> = times.iter().filter(|(_, count)| **count > 1).collect();
            assert!(twice.is_empty(), "twice in {chat}: {twice:?}");
            for incident in incidents {
                let root = format!("{}/root", incident.id);
                let roots = messages.iter().filter(|(thread, key, _)| thread.is_none() && *key == root).count();
                assert_eq!(roots, 1, "roots of {} in {chat}", incident.title);
            }
        }
        chats.map(|messages| messages.len())
    }
}
