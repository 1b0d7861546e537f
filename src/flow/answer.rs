//! A person's question: noted in its thread at once, answered by the model, with what is known where the model fails.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::Instrument as _;

use super::amend::{Besides, amend};
use super::converse::{self, Held, Live, Shown, Trouble};
use super::tools::{Ledger, Toolbox};
use super::{AUTHOR, Context, ModelUse, alone, clear, until_stopped};
use crate::adapters::model::Priority;
use crate::agent::prompt::{self, Known, MAX_OPEN, Said};
use crate::agent::turn::Outcome;
use crate::domain::audit::AuditDraft;
use crate::domain::chat::Place;
use crate::domain::event::{Event, EventId};
use crate::domain::incident::{Incident, IncidentId, IncidentStatus, Origin};
use crate::domain::investigation::Investigation;
use crate::domain::post::{Post, PostDraft, PostKind};
use crate::domain::question::{Question, QuestionId, QuestionState};
use crate::domain::text;
use crate::ports::{Filter, StoreError, Timer, Versioned, Write};
use crate::render::text_of;

/// What a conversation may take beyond its deadline before another may take it over.
const GRACE: TimeDelta = TimeDelta::seconds(30);
/// How long a chat may take to say what a person is called: the inbox waits for it.
const NAMING: Duration = Duration::from_secs(2);
/// Longest name, in bytes.
const MAX_NAME_BYTES: usize = 120;
/// How often a growing answer is written into the thread.
const EDIT_EVERY: Duration = Duration::from_millis(400);
/// Runbooks that the model reads.
const MAX_RUNBOOKS: usize = 1;

/// Notes a question in its thread, with the timer that has it answered. The same question again changes nothing.
///
/// # Errors
/// When the store does not take it; it is noted again then.
pub async fn note(context: &Context, event: EventId, mut question: Question) -> Result<(), StoreError> {
    // In the audit people stand by the names that nobody else can have. Those have a colon; a name that nobody vouches for
    // has none, whatever its bearer wrote.
    let mut actor = question.asker.as_ref().map_or_else(|| question.author.replace(':', " "), ToString::to_string);
    question.author = name(context, &question).await;
    for written in [&mut question.text, &mut question.author, &mut actor] {
        *written = context.redactor.redact(written).into_owned();
    }
    let id = question.thread();
    // People talk to each other in a thread; without a model nobody wants to be told so after every word.
    let words_only = context.model.is_none() && question.spot.as_ref().is_some_and(|spot| !spot.to_bot);
    if context.store.incident(&id).await?.is_none() {
        if question.incident.is_some() {
            tracing::warn!(incident = %id, "a question about an incident that is not there is dropped");
            return Ok(());
        }
        let opened = Incident::for_question(&question);
        let write = Write::new(Versioned { version: 0, value: opened });
        match context.commit(vec![write], &[]).await {
            Ok(()) | Err(StoreError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
    }
    amend(context, &id, None, |incident, record| {
        if incident.has_handled(event) || record.asked_mut(&question.id).is_some() {
            return None;
        }
        incident.remember(event);
        record.ask(&question);
        let now = (context.clock)();
        let asked = PostDraft {
            key: format!("question:{}", question.id),
            kind: PostKind::Question,
            author: question.author.clone(),
            text: context.render.question(&question.text),
            evidence: Vec::new(),
            at: question.asked_at,
        };
        if words_only {
            if let Some(asked) = record.asked_mut(&question.id) {
                asked.state = QuestionState::Failed { at: now, reason: context.render.word("answer.no_model") };
            }
            return Some(Besides { posts: vec![asked], ..Besides::default() });
        }
        let answer = Event::Answer { incident: id.clone(), question: question.id.clone() };
        Some(Besides {
            posts: vec![asked, post(context, record, &question.id, &QuestionState::Waiting)],
            timers: vec![Timer { key: key(&question.id), due: now, event: answer }],
            audit: vec![AuditDraft {
                at: now,
                actor: actor.clone(),
                action: "question.asked".into(),
                incident: Some(id.clone()),
                detail: text::line(&question.text, 200),
            }],
            ..Besides::default()
        })
    })
    .await
    .map(drop)
}

/// What whoever asks is called. Where only their id is known the chat is asked; it stays where that does not say.
async fn name(context: &Context, question: &Question) -> String {
    let author = || question.author.clone();
    let Some(asker) = question.asker.as_ref().filter(|asker| asker.to_string() == question.author) else {
        return author();
    };
    let Some(Place::Channel(platform, _)) = question.spot.as_ref().map(|spot| &spot.place) else { return author() };
    let Some(chat) = context.chat(*platform) else { return author() };
    let named = tokio::time::timeout(NAMING, chat.name(asker)).await.ok().flatten();
    named.map_or_else(author, |name| text::line(&name, MAX_NAME_BYTES))
}

fn key(question: &QuestionId) -> String {
    format!("answer:{question}")
}

/// Answers a question that its thread holds. Questions of one thread are answered one after the other.
///
/// # Errors
/// When the store does not take the answer; the timer stays, and it is answered again.
pub async fn run(context: &Context, id: &IncidentId, question: &QuestionId) -> Result<(), StoreError> {
    let most = context.model.as_ref().map_or(Duration::ZERO, |model| model.question_deadline);
    let hold = TimeDelta::from_std(most).unwrap_or(GRACE) + GRACE;
    alone(context, &format!("answer:{id}"), hold, |_| until_stopped(context, answer(context, id, question))).await
}

async fn answer(context: &Context, id: &IncidentId, question: &QuestionId) -> Result<(), StoreError> {
    let Some(Versioned { value: incident, .. }) = context.store.incident(id).await? else { return Ok(()) };
    let mut record = context.store.investigation(id).await?.unwrap_or_default();
    let Some(asked) = record.asked_mut(question).map(|asked| asked.clone()) else {
        return clear(context, id, &key(question)).await;
    };
    let failed = |reason: String| QuestionState::Failed { at: (context.clock)(), reason };
    let state = match &context.model {
        None => failed(context.render.word("answer.no_model")),
        // A trace of its own: what was investigated is over, and more than one question may follow it.
        Some(model) => match ask(context, model, &incident, &record, &asked.question)
            .instrument(tracing::info_span!("answer", incident = %id, question = %question))
            .await
        {
            Ok(state) => state,
            Err(Trouble::Store(error)) => return Err(error),
            Err(Trouble::Model(error)) => {
                tracing::warn!(incident = %id, question = %question, "the model did not answer: {error}");
                failed(context.redactor.redact(&error.to_string()).into_owned())
            }
        },
    };
    write(context, id, question, &state).await
}

/// Holds the conversation, and shows in the thread how it goes on.
async fn ask(
    context: &Context,
    model: &ModelUse,
    incident: &Incident,
    record: &Investigation,
    question: &Question,
) -> Result<QuestionState, Trouble> {
    let thread = context.store.thread(&incident.id).await?;
    let before = said(&thread, &question.id);
    let asked =
        prompt::Question { text: &question.text, author: &question.author, said: &before, system: None, schema: None };
    let about = (incident.origin == Origin::Alerts || !record.evidence.is_empty()).then_some((incident, record));
    let live = Live::default();
    let ledger = Ledger::Incident(incident.id.clone());
    let at = incident.resolved_at.filter(|_| incident.origin == Origin::Alerts);
    let mut talking = std::pin::pin!(hold(context, model, about, &asked, ledger, at, &live));
    let mut shown = Shown::default();
    let mut ticks = tokio::time::interval(EDIT_EVERY);
    loop {
        tokio::select! {
            said = &mut talking => return Ok(said?.state(context)),
            _ = ticks.tick() => {
                let now = live.shown();
                if now != shown {
                    shown = now;
                    let state = working(context, &shown);
                    write(context, &incident.id, &question.id, &state).await?;
                }
            }
        }
    }
}

fn working(context: &Context, shown: &Shown) -> QuestionState {
    let line = |(tool, object): &(&'static str, String)| context.render.looking(tool, object);
    QuestionState::Working { looking: shown.looking.iter().map(line).collect(), text: shown.text.clone() }
}

impl Held {
    fn state(self, context: &Context) -> QuestionState {
        let at = (context.clock)();
        // What the model read was clean; what a person typed may not be.
        let clean = |text: String| context.redactor.redact(&text).into_owned();
        match self.outcome {
            Outcome::Answer { text, unverified } => QuestionState::Answered {
                at,
                text: clean(text),
                unverified,
                model: self.model,
                turns: self.conversation.turns(),
            },
            Outcome::Shaped(text) => QuestionState::Answered {
                at,
                text: clean(text),
                unverified: Vec::new(),
                model: self.model,
                turns: self.conversation.turns(),
            },
            Outcome::Nothing(reason) => QuestionState::Failed { at, reason },
            Outcome::Report(_) => QuestionState::Failed { at, reason: "the model answered something else".into() },
        }
    }
}

/// Holds a conversation about a question: about an incident with its record, or about the cluster.
///
/// # Errors
/// When the model or the store fails.
pub async fn hold(
    context: &Context,
    model: &ModelUse,
    about: Option<(&Incident, &Investigation)>,
    question: &prompt::Question<'_>,
    ledger: Ledger,
    at: Option<DateTime<Utc>>,
    live: &Live,
) -> Result<Held, Trouble> {
    let now = (context.clock)();
    let open = match about {
        Some(_) => Vec::new(),
        None => {
            let filter = Filter { status: Some(IncidentStatus::Open), origin: Origin::Alerts, limit: MAX_OPEN };
            context.store.list(filter).await?
        }
    };
    let runbooks = context.sources.runbook_texts(about.map_or(&[][..], |(_, record)| &record.runbooks), MAX_RUNBOOKS);
    let known = about.map(|(incident, investigation)| Known { incident, investigation, runbooks: &runbooks });
    let toolbox = Toolbox::new(context, ledger, question.author, at.unwrap_or(now));
    converse::hold(model, Priority::Person, toolbox, live, |profile| {
        let means = model.means(
            profile,
            model.question_turns,
            Toolbox::offered(&context.sources, about.map(|(incident, _)| incident), true),
        );
        prompt::question(&context.render, known, &open, question, now, means)
    })
    .await
}

/// What people and the bot said in a thread before a question.
fn said(thread: &[Post], question: &QuestionId) -> Vec<Said> {
    let own = [format!("question:{question}"), format!("answer:{question}")];
    thread
        .iter()
        .filter(|post| matches!(post.draft.kind, PostKind::Question | PostKind::Answer))
        .filter(|post| !own.contains(&post.draft.key))
        .map(|post| Said {
            author: post.draft.author.clone(),
            text: text_of(&post.draft.text),
            by_us: post.draft.kind == PostKind::Answer,
        })
        .collect()
}

async fn write(
    context: &Context,
    id: &IncidentId,
    question: &QuestionId,
    state: &QuestionState,
) -> Result<(), StoreError> {
    amend(context, id, None, |_, record| {
        record.asked_mut(question)?.state = state.clone();
        let cleared = if state.is_over() { vec![key(question)] } else { Vec::new() };
        Some(Besides { posts: vec![post(context, record, question, state)], cleared, ..Besides::default() })
    })
    .await
    .map(drop)
}

fn post(context: &Context, record: &Investigation, question: &QuestionId, state: &QuestionState) -> PostDraft {
    PostDraft {
        key: format!("answer:{question}"),
        kind: PostKind::Answer,
        author: AUTHOR.into(),
        text: context.render.answer(state, &record.findings),
        evidence: Vec::new(),
        at: (context.clock)(),
    }
}
