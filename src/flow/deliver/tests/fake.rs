//! A chat in memory that is strict about what the bot may do, and fails as it is told.

use std::collections::VecDeque;
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
    busy: Vec<String>,
    told: Vec<String>,
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

    pub fn busy(&self) -> Vec<String> {
        self.state().busy.clone()
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
                assert!(root.is_none_or(|root| root.thread.is_none()), "a thread hangs on a root: {}", to.key);
                assert!(message.mentions.is_empty(), "only a root calls anybody: {}", to.key);
            }
            state.last_id += 1;
            let id = MessageId(format!("m{}", state.last_id));
            state.seen.push(Seen {
                id: id.clone(),
                channel: to.channel.clone(),
                thread: to.thread.clone(),
                key: to.key.clone(),
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
            assert!(message.mentions.is_empty(), "an edit calls nobody: {}", to.key);
            let seen = state.seen.iter_mut().find(|seen| seen.id == sent.id);
            let seen = seen.ok_or_else(|| ChatError::Gone("message_not_found".into()))?;
            assert_eq!(seen.key, to.key);
            assert!(seen.message != *message || !seen.message.mentions.is_empty(), "an edit changes something: {}", to.key);
            seen.message = message.clone();
            seen.edits += 1;
        }
        self.after(fault).await?;
        Ok(sent.clone())
    }

    async fn find(&self, to: &Destination) -> Result<Option<Sent>, ChatError> {
        let fault = self.fault().await;
        Self::before(fault)?;
        let found = {
            let state = self.state();
            let seen = state.seen.iter().find(|seen| seen.key == to.key && seen.channel == to.channel);
            seen.map(|seen| Sent { id: seen.id.clone(), rest: Vec::new() })
        };
        self.after(fault).await?;
        Ok(found)
    }

    async fn tell(&self, _: &Principal, _: &str, _: Option<&MessageId>, text: &str) -> Result<(), ChatError> {
        self.state().told.push(text.to_owned());
        Ok(())
    }

    async fn groups(&self, _: &Person) -> Result<Vec<Principal>, ChatError> {
        Ok(Vec::new())
    }

    async fn busy(&self, _: &str, _: &MessageId, doing: &str) -> Result<(), ChatError> {
        self.state().busy.push(doing.to_owned());
        Ok(())
    }
}
