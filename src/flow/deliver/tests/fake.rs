//! A chat in memory that is strict about what the bot may do, and fails as it is told.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;

use crate::domain::chat::{MessageId, Platform};
use crate::domain::message::Message;
use crate::domain::policy::{Person, Principal};
use crate::ports::{Chat, ChatError, Clock, Destination, PictureFile, Sent};

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// It does not happen, and nobody is told.
    Lost,
    /// There is no connection, and whoever calls is told so.
    Down,
    /// It happens, and nobody is told.
    Unheard,
    /// The chat asks to wait so many seconds.
    Wait(i64),
    /// The bot dies before it happens.
    DiesBefore,
    /// The bot dies right after it happened.
    DiesAfter,
}

/// A message as people see it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub id: MessageId,
    pub channel: String,
    pub thread: Option<MessageId>,
    pub key: String,
    pub message: Message,
    pub has_picture: bool,
    pub edits: usize,
    pub at: DateTime<Utc>,
}

type Rule = Box<dyn Fn(&Destination, &Message) -> Result<(), ChatError> + Send>;

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    faults: VecDeque<Fault>,
    rule: Option<Rule>,
    last_id: u64,
    times: Vec<(String, DateTime<Utc>)>,
    searches: usize,
    busy: Vec<String>,
    names: HashMap<String, String>,
    told: Vec<(String, Option<MessageId>, String)>,
    groups: Option<Result<Vec<Principal>, ChatError>>,
    complaints: Vec<String>,
}

impl State {
    /// What the bot must never do. A panic in its task would only make it try again.
    fn check(&mut self, is_right: bool, what: &str, key: &str) {
        if !is_right {
            self.complaints.push(format!("{what}: {key}"));
        }
    }
}

/// The chat.
pub struct FakeChat {
    clock: Clock,
    state: Mutex<State>,
    died: Notify,
}

impl FakeChat {
    pub fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self { clock, state: Mutex::default(), died: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// What will go wrong, call by call.
    pub fn fails(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.extend(faults);
    }

    /// What the chat thinks of a message before it takes it.
    pub fn refuses(&self, rule: impl Fn(&Destination, &Message) -> Result<(), ChatError> + Send + 'static) {
        self.state().rule = Some(Box::new(rule));
    }

    pub fn takes_everything(&self) {
        self.state().rule = None;
    }

    /// Resolves when the bot shall be dead.
    pub async fn died(&self) {
        self.died.notified().await;
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    /// When each message was sent or edited, with its channel.
    pub fn times(&self) -> Vec<(String, DateTime<Utc>)> {
        self.state().times.clone()
    }

    /// How often a message was looked for.
    pub fn searches(&self) -> usize {
        self.state().searches
    }

    pub fn busy(&self) -> Vec<String> {
        self.state().busy.clone()
    }

    /// What people were told: who, in which thread, what.
    pub fn told(&self) -> Vec<(String, Option<MessageId>, String)> {
        self.state().told.clone()
    }

    /// What somebody is called.
    pub fn is_named(&self, person: &str, name: &str) {
        self.state().names.insert(person.to_owned(), name.to_owned());
    }

    /// Which groups everybody is in, or why that is not known.
    pub fn groups_are(&self, groups: Result<Vec<Principal>, ChatError>) {
        self.state().groups = Some(groups);
    }

    /// What the bot did and must not do.
    pub fn complaints(&self) -> Vec<String> {
        self.state().complaints.clone()
    }

    async fn fault(&self) -> Fault {
        let fault = self.state().faults.pop_front().unwrap_or(Fault::None);
        if fault == Fault::DiesBefore {
            self.die().await;
        }
        fault
    }

    async fn die(&self) {
        self.died.notify_one();
        std::future::pending::<()>().await;
    }

    async fn after(&self, fault: Fault) -> Result<(), ChatError> {
        match fault {
            Fault::Unheard => Err(ChatError::Unknown("no answer".into())),
            Fault::DiesAfter => {
                self.die().await;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn before(fault: Fault) -> Result<(), ChatError> {
        match fault {
            Fault::Lost => Err(ChatError::Unknown("no answer".into())),
            Fault::Down => Err(ChatError::Down("connection refused".into())),
            Fault::Wait(seconds) => Err(ChatError::Wait { after: TimeDelta::seconds(seconds) }),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Chat for FakeChat {
    fn platform(&self) -> Platform {
        Platform::Slack
    }

    async fn channel(&self, written: &str) -> Result<String, ChatError> {
        let name = written.strip_prefix('#').filter(|name| *name != "elsewhere");
        name.map(str::to_owned).ok_or_else(|| ChatError::Channel(format!("there is no {written}")))
    }

    async fn post(
        &self,
        to: &Destination,
        message: &Message,
        picture: Option<&PictureFile>,
    ) -> Result<Sent, ChatError> {
        let fault = self.fault().await;
        Self::before(fault)?;
        let sent = {
            let at = (self.clock)();
            let mut state = self.state();
            state.times.push((to.channel.clone(), at));
            if let Some(rule) = &state.rule {
                rule(to, message)?;
            }
            if let Some(thread) = &to.thread {
                let root = state.seen.iter().find(|seen| seen.id == *thread && seen.channel == to.channel);
                let is_root = root.is_none_or(|root| root.thread.is_none());
                state.check(is_root, "a thread hangs on a root", &to.key());
                state.check(message.mentions.is_empty(), "only a root calls anybody", &to.key());
            }
            state.last_id += 1;
            let id = MessageId(format!("m{}", state.last_id));
            state.seen.push(Seen {
                id: id.clone(),
                channel: to.channel.clone(),
                thread: to.thread.clone(),
                key: to.key(),
                message: message.clone(),
                has_picture: picture.is_some(),
                edits: 0,
                at,
            });
            Sent { id, rest: Vec::new() }
        };
        self.after(fault).await?;
        Ok(sent)
    }

    async fn edit(&self, to: &Destination, sent: &Sent, message: &Message) -> Result<Sent, ChatError> {
        let fault = self.fault().await;
        Self::before(fault)?;
        {
            let at = (self.clock)();
            let mut state = self.state();
            state.times.push((to.channel.clone(), at));
            if let Some(rule) = &state.rule {
                rule(to, message)?;
            }
            state.check(message.mentions.is_empty(), "an edit calls nobody", &to.key());
            let is_it = state.seen.iter().any(|seen| seen.id == sent.id && seen.key == to.key());
            state.check(is_it, "an edit is of the message that it says", &to.key());
            let seen = state.seen.iter_mut().find(|seen| seen.id == sent.id);
            let seen = seen.ok_or_else(|| ChatError::Gone("message_not_found".into()))?;
            seen.message = message.clone();
            seen.edits += 1;
        }
        self.after(fault).await?;
        Ok(sent.clone())
    }

    async fn find(&self, to: &Destination) -> Result<Option<Sent>, ChatError> {
        self.state().searches += 1;
        let fault = self.fault().await;
        Self::before(fault)?;
        let found = {
            let state = self.state();
            let seen = state.seen.iter().find(|seen| seen.key == to.key() && seen.channel == to.channel);
            seen.map(|seen| Sent { id: seen.id.clone(), rest: Vec::new() })
        };
        self.after(fault).await?;
        Ok(found)
    }

    async fn tell(&self, person: &Principal, _: &str, thread: Option<&MessageId>, text: &str) -> Result<(), ChatError> {
        self.state().told.push((person.to_string(), thread.cloned(), text.to_owned()));
        Ok(())
    }

    async fn name(&self, person: &Principal) -> Option<String> {
        self.state().names.get(&person.to_string()).cloned()
    }

    async fn groups(&self, _: &Person) -> Result<Vec<Principal>, ChatError> {
        self.state().groups.clone().unwrap_or(Ok(Vec::new()))
    }

    async fn busy(&self, _: &str, _: &MessageId, doing: &str) -> Result<(), ChatError> {
        self.state().busy.push(doing.to_owned());
        Ok(())
    }
}
