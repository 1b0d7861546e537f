//! A store, a clock that is set, a fake chat, and couriers that may die.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};

use super::super::pace::Rates;
use super::super::{Courier, Surface};
use super::fake::FakeChat;
use crate::adapters::store_embedded::EmbeddedStore;
use crate::domain::chat::Platform;
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::investigation::Investigation;
use crate::domain::post::{PostDraft, PostKind};
use crate::domain::routes::Routes;
use crate::ports::{Clock, Store, Versioned, Write};
use crate::render::{Language, Renderer, samples};

/// Rounds after which a test is taken to go in circles.
const MAX_ROUNDS: usize = 200_000;

/// Namespaces that incidents are in.
const NAMESPACES: [&str; 11] =
    ["a", "b", "shop", "archived", "slow", "fast", "channel-0", "channel-1", "channel-2", "channel-3", "channel-4"];

pub struct Harness {
    pub store: Arc<dyn Store>,
    pub chat: Arc<FakeChat>,
    pub surface: Surface,
    pub deaths: usize,
    now: Arc<Mutex<DateTime<Utc>>>,
    courier: Courier,
    _directory: tempfile::TempDir,
}

impl Harness {
    pub fn new() -> Self {
        // In memory where there is such a place: what is tested is no disk.
        let memory = std::path::Path::new("/dev/shm");
        let directory = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let store: Arc<dyn Store> = Arc::new(EmbeddedStore::open(directory.path()).unwrap());
        let now = Arc::new(Mutex::new(samples::at(100)));
        let clock: Clock = {
            let now = Arc::clone(&now);
            Arc::new(move || *now.lock().unwrap())
        };
        let chat = FakeChat::new(Arc::clone(&clock));
        // Each namespace has its channel.
        let rules: Vec<String> = NAMESPACES.iter().map(|name| format!("namespace={name}:#{name} @oncall")).collect();
        let rules = rules.join(";");
        let surface = Surface {
            store: Arc::clone(&store),
            clock,
            render: Arc::new(Renderer::new(Language::English, Vec::new()).unwrap()),
            chat: chat.clone(),
            routes: Routes::parse("#elsewhere", &rules).unwrap(),
            channels: Arc::default(),
            public_url: "https://holmes.example.com".into(),
            troubles: Arc::default(),
            counters: Arc::default(),
        };
        let courier = Courier::new(surface.clone(), Rates::default());
        Self { store, chat, surface, deaths: 0, now, courier, _directory: directory }
    }

    pub fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap()
    }

    pub fn pass(&self, time: TimeDelta) {
        *self.now.lock().unwrap() += time;
    }

    /// A new incident in a namespace, without posts.
    pub fn incident(&self, n: usize, namespace: &str) -> Incident {
        let mut incident = samples::incident();
        incident.id = IncidentId(format!("i-{n:010x}"));
        incident.key = format!("key-{n}");
        incident.subject.namespace = Some(namespace.to_owned());
        for alert in &mut incident.alerts {
            alert.labels.insert("namespace".to_owned(), namespace.to_owned());
        }
        incident
    }

    /// Writes posts (and more) into a thread.
    pub async fn write(&self, incident: &Incident, posts: &[(&str, PostKind, &str)], record: Option<Investigation>) {
        let now = self.now();
        let post = |(key, kind, text): &(&str, PostKind, &str)| PostDraft {
            key: (*key).to_owned(),
            kind: *kind,
            author: "holmes".into(),
            text: (*text).to_owned(),
            evidence: Vec::new(),
            at: now,
        };
        self.put(incident, posts.iter().map(post).collect(), record).await;
    }

    pub async fn put(&self, incident: &Incident, posts: Vec<PostDraft>, record: Option<Investigation>) {
        let version = self.store.incident(&incident.id).await.unwrap().map_or(0, |read| read.version);
        let write = Write {
            posts,
            investigation: record,
            chats: vec![Platform::Slack],
            ..Write::new(Versioned { version, value: incident.clone() })
        };
        self.store.commit(vec![write], &[], self.now()).await.unwrap();
    }

    pub async fn waiting(&self) -> usize {
        self.store.outbox(Platform::Slack, 10_000).await.unwrap().len()
    }

    /// Works until everything is shown, or for so long; time passes as the pace wants it. Whoever dies is replaced.
    pub async fn work(&mut self, at_most: TimeDelta) {
        let until = self.now() + at_most;
        let mut rounds = 0;
        let mut is_idle = true;
        loop {
            // Now and then as in earnest: the outbox of a storm is long.
            if is_idle || rounds % 16 == 0 {
                self.courier.refresh().await.unwrap();
            }
            rounds += 1;
            assert!(rounds < MAX_ROUNDS, "it goes in circles");
            self.courier.start();
            let chat = Arc::clone(&self.chat);
            let was_flying = tokio::select! {
                () = chat.died() => None,
                landed = self.courier.landed() => Some(landed),
            };
            is_idle = was_flying != Some(true);
            match was_flying {
                None => self.die(),
                Some(true) => {}
                Some(false) if self.waiting().await == 0 => break,
                Some(false) => {
                    let soon = self.now() + TimeDelta::seconds(1);
                    let due = self.courier.due().unwrap_or(soon).max(self.now() + TimeDelta::milliseconds(1));
                    if due > until {
                        *self.now.lock().unwrap() = until;
                        break;
                    }
                    *self.now.lock().unwrap() = due;
                }
            }
        }
        assert_eq!(self.chat.complaints(), Vec::<String>::new());
    }

    /// The process dies; another comes once what it held has ended.
    pub fn die(&mut self) {
        self.deaths += 1;
        self.courier = Courier::new(self.surface.clone(), Rates::default());
        self.pass(TimeDelta::seconds(150));
    }
}
