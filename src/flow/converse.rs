//! Holds a conversation with the model: asks it, runs its tools, until there is an outcome.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::ModelUse;
use super::model_turn::Turns;
use super::tools::{Ledger, Toolbox};
use crate::adapters::model::{ModelError, Priority, Profile};
use crate::agent::document::GrowingText;
use crate::agent::message::{ToolCall, Usage};
use crate::agent::tools::Tool;
use crate::agent::turn::{Brief, Conversation, Input, Outcome, Step, ToolAnswer};
use crate::ports::StoreError;

/// Part of the time after which a conversation stops looking and answers.
const HURRY_AFTER: f64 = 0.6;
/// Things being looked at that are told; the newest.
const MAX_LOOKING: usize = 6;

/// Why a conversation came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The store, in which evidence is kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Something that happened in a conversation.
#[derive(Debug, Clone)]
pub enum Happened {
    /// The model took a turn; tokens of all turns so far.
    Turn(Usage),
    /// It said something beside its calls.
    Said(String),
    /// A tool is called.
    Called(ToolCall),
    /// A tool answered.
    Answered(ToolCall, Box<ToolAnswer>),
}

/// What can be told of a conversation while it goes on.
#[derive(Default)]
pub struct Live {
    shown: Mutex<Shown>,
    /// Hears of every step.
    listener: Option<Box<dyn Fn(Happened) + Send + Sync>>,
}

/// A moment of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// What is being looked at: tool and object.
    pub looking: Vec<(&'static str, String)>,
    /// The answer as far as it is written.
    pub text: String,
}

impl Live {
    /// Tells every step to `listener`.
    pub fn told_to(listener: impl Fn(Happened) + Send + Sync + 'static) -> Self {
        Self { listener: Some(Box::new(listener)), ..Self::default() }
    }

    fn tell(&self, happened: impl FnOnce() -> Happened) {
        if let Some(listener) = &self.listener {
            listener(happened());
        }
    }

    /// How it stands now.
    pub fn shown(&self) -> Shown {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Shown)) {
        change(&mut self.shown.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn looks_at(&self, calls: &[ToolCall]) {
        let lines = calls.iter().filter_map(|call| Tool::parse(&call.name, &call.arguments).ok());
        let lines: Vec<(&'static str, String)> = lines.map(|tool| (tool.name(), tool.object())).collect();
        self.change(|shown| {
            shown.looking.extend(lines);
            let old = shown.looking.len().saturating_sub(MAX_LOOKING);
            shown.looking.drain(..old);
        });
    }
}

/// A conversation that was held.
pub struct Held {
    /// The conversation, with its evidence and its figures.
    pub conversation: Conversation,
    /// What the model said.
    pub outcome: Outcome,
    /// The model's name.
    pub model: String,
    /// What tools brought, where nobody else keeps it.
    pub ledger: Ledger,
}

/// Holds a conversation that begins with a brief for the model that is there. How long it may take follows from who waits.
///
/// # Errors
/// When nothing came of it because the model or the store failed.
pub async fn hold(
    model: &ModelUse,
    priority: Priority,
    mut toolbox: Toolbox<'_>,
    live: &Live,
    brief: impl FnOnce(&Profile) -> Brief,
) -> Result<Held, Trouble> {
    let profile = model.client.profile().await?;
    let began = Instant::now();
    // A person's question may need many looks; an explanation begins with the evidence, and is only corrected later.
    let (deadline, pressed) = match priority {
        Priority::Person => (model.question_deadline, model.goal),
        Priority::Automatic => (model.explain_deadline, model.goal.mul_f64(HURRY_AFTER)),
    };
    let pressed = pressed.min(deadline.mul_f64(HURRY_AFTER));
    let mut conversation = Conversation::new(brief(&profile));
    let counters = &toolbox.context().counters;
    let turns = Turns { counters, model: &model.client, name: &profile.name, priority, deadline: began + deadline };
    let outcome = converse(&turns, began + pressed, &mut conversation, &mut toolbox, live).await;
    turns.over(&conversation);
    let outcome = outcome?;
    Ok(Held { conversation, outcome, model: profile.name, ledger: toolbox.into_ledger() })
}

/// Holds the conversation to its end; from `pressed` on what is known must do. When the model fails after it said something usable, that counts.
///
/// # Errors
/// When nothing came of it because the model or the store failed.
async fn converse(
    turns: &Turns<'_>,
    pressed: Instant,
    conversation: &mut Conversation,
    toolbox: &mut Toolbox<'_>,
    live: &Live,
) -> Result<Outcome, Trouble> {
    let mut step = conversation.next(Input::Start);
    loop {
        let input = match step {
            Step::Done(outcome) => return Ok(*outcome),
            Step::Call(calls) => {
                live.looks_at(&calls);
                calls.iter().for_each(|call| live.tell(|| Happened::Called(call.clone())));
                let answers = toolbox.call(&calls).await?;
                for (call, answer) in calls.iter().zip(&answers) {
                    live.tell(|| Happened::Answered(call.clone(), Box::new(answer.clone())));
                }
                Input::Tools(answers)
            }
            Step::Ask(request) => {
                let answering = conversation.is_answering();
                let mut growing = GrowingText::default();
                let mut on_text = |piece: &str| {
                    if answering && let Some(text) = growing.push(piece, "answer") {
                        live.change(|shown| shown.text = text);
                    }
                };
                match turns.ask(&request, &mut on_text).await {
                    Ok(input) => input,
                    Err(error) => return conversation.best().ok_or(Trouble::Model(error)),
                }
            }
        };
        if Instant::now() > pressed {
            conversation.hurry();
        }
        let words = match &input {
            Input::Reply(reply) => Some(reply.text.clone()),
            _ => None,
        };
        step = conversation.next(input);
        if let Some(words) = words {
            live.tell(|| Happened::Turn(conversation.usage()));
            let is_prose = !words.trim().is_empty() && !words.trim_start().starts_with(['{', '<']);
            if is_prose && matches!(step, Step::Call(_)) {
                live.tell(|| Happened::Said(words));
            }
        }
    }
}
