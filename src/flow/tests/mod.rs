//! Use cases on a store without neighbours, with a chat in memory.

mod commands;
mod explanations;
mod presses;
mod relations;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::deliver::ChatUse;
use super::deliver::tests::fake::FakeChat;
use super::{Context, update};
use crate::adapters::store_embedded::EmbeddedStore;
use crate::config::Config;
use crate::domain::chat::{MessageId, Place, Platform};
use crate::domain::incident::Incident;
use crate::domain::policy::Person;
use crate::domain::projection::{Projection, Shown};
use crate::domain::routes::Routes;
use crate::ports::{Clock, Store, Timer, Versioned, Write};
use crate::render::samples;

/// A context with one open incident that Slack shows in `C1` below `root`.
pub struct Bench {
    pub context: Context,
    pub chat: Arc<FakeChat>,
    pub incident: Incident,
    _directory: tempfile::TempDir,
}

impl Bench {
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let variables = BTreeMap::from([
            ("HOLMES_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("HOLMES_DATA_DIR".to_owned(), directory.path().display().to_string()),
        ]);
        let config = Config::from_variables(&variables).unwrap();
        let clock: Clock = Arc::new(|| samples::at(300));
        let store: Arc<dyn Store> = Arc::new(EmbeddedStore::open(directory.path()).unwrap());
        let mut context =
            crate::app::context(&config, Arc::clone(&store), Arc::clone(&clock), Arc::default()).await.unwrap();
        let chat = FakeChat::new(clock);
        context.chats = vec![ChatUse { chat: chat.clone(), routes: Routes::to("#x") }];
        let incident = samples::incident();
        let write = Write::new(Versioned { version: 0, value: incident.clone() });
        store.commit(vec![write], &[], samples::at(300)).await.unwrap();
        let mut shown = Projection { channel: "C1".into(), ..Projection::default() };
        shown.shown.insert("root".into(), Shown::untouched(Some(MessageId("root".into())), samples::at(300)));
        let shown = Versioned { version: 0, value: shown };
        store.save_projection(Platform::Slack, &incident.id, &shown).await.unwrap();
        Self { context, chat, incident, _directory: directory }
    }

    pub async fn now(&self) -> Incident {
        self.context.store.incident(&self.incident.id).await.unwrap().unwrap().value
    }

    pub async fn change(&self, change: impl Fn(&mut Incident)) {
        update(&self.context, &self.incident.id, |mut read| {
            change(&mut read.value);
            Some(Write::new(read))
        })
        .await
        .unwrap();
    }

    pub async fn timers(&self) -> Vec<Timer> {
        self.context.store.due(100, samples::at(9_999)).await.unwrap()
    }

    /// What was told last.
    pub async fn told(&self) -> String {
        self.said().await.pop().map(|(_, _, text)| text).unwrap_or_default()
    }

    /// Everything that was told: to whom, in which thread, what.
    pub async fn said(&self) -> Vec<(String, Option<MessageId>, String)> {
        self.context.telling.close();
        self.context.telling.wait().await;
        self.context.telling.reopen();
        self.chat.told()
    }
}

pub fn person(name: &str) -> Person {
    Person::new(format!("slack:U{name}").parse().unwrap(), name)
}

pub fn place() -> Place {
    Place::Channel(Platform::Slack, "C1".into())
}
