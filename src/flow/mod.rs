//! The use cases. Whoever wants to know what the program can do reads [`handle`].

mod after;
mod amend;
pub mod answer;
mod circumstances;
mod command;
pub mod consult;
pub mod converse;
mod decide;
pub mod deliver;
pub mod execute;
mod explain;
mod gather;
mod history;
mod intake;
mod investigate;
mod log_lines;
pub mod look;
mod model_turn;
mod places;
mod plan;
mod pod_logs;
mod press;
mod proposals;
mod propose;
mod questions;
mod relate;
mod resolve;
mod silence;
mod tell;
pub mod tools;
mod verify;
pub mod worker;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, Span};

use execute::Hands;

use crate::adapters::cluster::Cluster;
use crate::adapters::knowledge::{Knowledge, Library};
use crate::adapters::logs::Logs;
use crate::adapters::metrics::Metrics;
use crate::adapters::model::{Model, Profile, ToolMode};
use crate::agent::message::ToolSpec;
use crate::agent::prompt::{Means, RunbookText};
use crate::agent::turn::Limits;
use crate::domain::chat::Platform;
use crate::domain::correlate::CorrelationRules;
use crate::domain::event::{Event, EventId};
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::investigation::RunbookRef;
use crate::domain::policy::Policy;
use crate::domain::redact::Redactor;
use crate::domain::subject::Subject;
use crate::ports::{Chat, Clock, Lease, Store, StoreError, Versioned, Write};
use crate::render::Renderer;
use crate::telemetry::troubles::Troubles;
use crate::telemetry::{Counters, trace};
use deliver::ChatUse;

/// Who the bot is in threads and in the audit.
pub const AUTHOR: &str = "holmes";
/// How long a conversation may go on when the process is asked to stop: less than `app` waits for what runs.
const LAST_WORDS: Duration = Duration::from_secs(15);
/// How often a write is tried again when somebody else was faster.
const MAX_CONFLICTS: usize = 8;

/// Everything a use case may need, put together by `app`.
pub struct Context {
    /// State.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Clock,
    /// Words.
    pub render: Arc<Renderer>,
    /// Removes secrets.
    pub redactor: Redactor,
    /// The neighbours that are asked.
    pub sources: Sources,
    /// What is written: searched, and added to when an incident is over.
    pub knowledge: Arc<Knowledge>,
    /// The language model, where there is one.
    pub model: Option<ModelUse>,
    /// Where incidents are shown.
    pub chats: Vec<ChatUse>,
    /// The console's address as people reach it.
    pub public_url: String,
    /// What needs a person now.
    pub troubles: Arc<Troubles>,
    /// Cancelled when the process is asked to stop.
    pub stopping: CancellationToken,
    /// What is being said to people: nobody waits for it but the end.
    pub telling: TaskTracker,
    /// Counters.
    pub counters: Arc<Counters>,
    /// Who may let what happen.
    pub policy: Arc<Policy>,
    /// Whether there are hands to do what is proposed.
    pub can_act: bool,
    /// How alerts fold into incidents.
    pub rules: CorrelationRules,
    /// How long neighbours may take in one investigation.
    pub deadline: Duration,
}

impl Context {
    /// The chats in which incidents are shown.
    fn platforms(&self) -> impl Iterator<Item = Platform> + '_ {
        self.chats.iter().map(|used| used.chat.platform())
    }

    /// One of them.
    fn chat(&self, platform: Platform) -> Option<&Arc<dyn Chat>> {
        self.chats.iter().map(|used| &used.chat).find(|chat| chat.platform() == platform)
    }

    /// Writes incidents, puts them into the outbox of every chat, and marks events as handled.
    async fn commit(&self, mut writes: Vec<Write>, handled: &[EventId]) -> Result<(), StoreError> {
        let chats: Vec<Platform> = self.platforms().collect();
        for write in &mut writes {
            write.chats.clone_from(&chats);
        }
        self.store.commit(writes, handled, (self.clock)()).await
    }
}

/// The language model with the bounds of its use.
pub struct ModelUse {
    /// The model.
    pub client: Model,
    /// Turns of an automatic explanation.
    pub explain_turns: u32,
    /// Turns of an answer to a person.
    pub question_turns: u32,
    /// Longest explanation or answer, in tokens.
    pub answer_tokens: u32,
    /// By when an answer should be there, where the model is slow.
    pub goal: Duration,
    /// How long an explanation may take, its waiting included.
    pub explain_deadline: Duration,
    /// How long an answer may take, its waiting included.
    pub question_deadline: Duration,
}

impl ModelUse {
    /// What the model may do in a conversation of at most `turns`, with these tools.
    fn means(&self, profile: &Profile, turns: u32, tools: Vec<ToolSpec>) -> Means {
        let limits = Limits { turns, window: profile.window, answer: self.answer_tokens, hurry: false };
        Means {
            tools,
            actions: Vec::new(),
            guided: profile.tools == ToolMode::Guided,
            plain: profile.plain,
            limits: profile.pace.fit(limits, self.goal),
        }
    }
}

/// Read-only neighbours; one that is not configured is `None` and simply not asked.
pub struct Sources {
    /// VictoriaMetrics or Prometheus.
    pub metrics: Option<Metrics>,
    /// VictoriaLogs.
    pub logs: Option<Logs>,
    /// The Kubernetes API.
    pub cluster: Option<Cluster>,
    /// What alerts call the cluster that all of them are about; `None`: any alert may be about it.
    pub cluster_name: Option<String>,
    /// Runbooks.
    pub runbooks: Arc<Library>,
}

impl Sources {
    /// The cluster that a subject is in, where nothing here knows of it.
    fn elsewhere<'a>(&self, subject: &'a Subject) -> Option<&'a str> {
        subject.elsewhere(self.cluster_name.as_deref())
    }

    /// The texts of runbooks that fit, best first, for the model.
    fn runbook_texts(&self, found: &[RunbookRef], most: usize) -> Vec<RunbookText<'_>> {
        let known = found.iter().filter_map(|found| self.runbooks.get(&found.id)).take(most);
        known.map(|runbook| RunbookText { title: &runbook.title, prose: &runbook.prose }).collect()
    }
}

/// Handles one event. Notifications are handled by the batch, see [`intake::notifications`]; what people ask is noted when
/// it comes, see [`answer::note`].
///
/// # Errors
/// When the store does not take the result; the event will be handled again.
pub async fn handle(context: &Context, hands: Option<&Hands>, event: Event) -> Result<(), StoreError> {
    match event {
        Event::Notification(_) => Ok(()),
        Event::Investigate { incident, requested_by: _ } => investigate::run(context, &incident).await,
        Event::Explain { incident, attempt } => explain::run(context, &incident, attempt).await,
        Event::Ask(_) => Ok(()),
        Event::Answer { incident, question } => answer::run(context, &incident, &question).await,
        Event::Pressed(_) | Event::Command(_) | Event::Decide(_) => Ok(()),
        Event::Wish(wish) => propose::fulfil(context, hands, wish).await,
        Event::Propose { incident, run, explained } => match hands {
            Some(hands) => propose::run(context, hands, &incident, run, explained).await,
            None => forget(context, &incident, &propose::timer_key(&incident, run, explained)).await,
        },
        Event::Execute { incident, proposal } => match hands {
            Some(hands) => execute::run(context, hands, &incident, &proposal).await,
            None => forget(context, &incident, &proposals::execution_key(&proposal)).await,
        },
        Event::Verify { incident, proposal } => match hands {
            Some(hands) => verify::run(context, hands, &incident, &proposal).await,
            None => forget(context, &incident, &verify::key(&proposal)).await,
        },
        Event::Expire { incident, proposal } => proposals::expire(context, &incident, &proposal).await,
        Event::Settle { incident } => resolve::tell_what_changed(context, &incident).await,
    }
}

/// Does `work` under the lease on `name`, and gives the lease back; where somebody else holds it, nothing.
async fn alone<F>(
    context: &Context,
    name: &str,
    hold: TimeDelta,
    work: impl FnOnce(Lease) -> F,
) -> Result<(), StoreError>
where
    F: Future<Output = Result<(), StoreError>>,
{
    let Some(lease) = context.store.lease(name, hold, (context.clock)()).await? else { return Ok(()) };
    let result = Box::pin(work(lease.clone())).await;
    let released = context.store.release(&lease).await;
    result.and(released)
}

/// Does `work`, a conversation that may take minutes, until the process is asked to stop and a little longer. What is not
/// done then is done anew by whoever goes on: it must not find the lease held.
async fn until_stopped(
    context: &Context,
    work: impl Future<Output = Result<(), StoreError>>,
) -> Result<(), StoreError> {
    let stopped = async {
        context.stopping.cancelled().await;
        tokio::time::sleep(LAST_WORDS).await;
    };
    tokio::select! {
        result = Box::pin(work) => result,
        () = stopped => Ok(()),
    }
}

/// Does `work` for an incident in a span that belongs to the trace of its investigation.
async fn traced(
    context: &Context,
    id: &IncidentId,
    span: Span,
    work: impl Future<Output = Result<(), StoreError>>,
) -> Result<(), StoreError> {
    let record = context.store.investigation(id).await?;
    trace::follow(&span, record.and_then(|record| record.trace).as_ref());
    let result = Box::pin(work).instrument(span.clone()).await;
    if result.is_err() {
        trace::failed(&span, "store");
    }
    result
}

/// Clears a timer of an incident: what it was for is done.
async fn clear(context: &Context, id: &IncidentId, key: &str) -> Result<(), StoreError> {
    update(context, id, |incident| Some(Write { cleared: vec![key.to_owned()], ..Write::new(incident) })).await
}

/// Clears a timer that nothing can be done about: the actuator that it needs was taken out of the configuration.
async fn forget(context: &Context, id: &IncidentId, key: &str) -> Result<(), StoreError> {
    tracing::warn!(incident = %id, "{key} is dropped: no actuator is configured (HOLMES_ACTUATOR_KUBECONFIG)");
    clear(context, id, key).await
}

/// Reads an incident, lets `change` make a write of it, and commits; again if somebody else was faster.
/// `change` answers `None` to leave it as it is.
async fn update(
    context: &Context,
    id: &IncidentId,
    mut change: impl FnMut(Versioned<Incident>) -> Option<Write>,
) -> Result<(), StoreError> {
    for _ in 0..MAX_CONFLICTS {
        let Some(incident) = context.store.incident(id).await? else { return Ok(()) };
        let Some(write) = change(incident) else { return Ok(()) };
        match context.commit(vec![write], &[]).await {
            Err(StoreError::Conflict(_)) => {}
            other => return other,
        }
    }
    Err(StoreError::Conflict(id.clone()))
}

#[cfg(test)]
mod tests;
