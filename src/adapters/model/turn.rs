//! One turn from its place in the queue to its answer, with everything that may be tried on the way.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::error::{ModelError, Stage};
use super::memory::SchemaForm;
use super::patience::Patience;
use super::queue::{Full, MAX_WAITING};
use super::reply::{Assembled, Assembly, OnText};
use super::stream::{self, Limits, Read};
use super::window::Learned;
use super::{Model, Priority, refusal, wire};
use crate::agent::message::{Expect, TurnReply, TurnRequest, Usage};
use crate::agent::pace::Took;
use crate::agent::tokens::{estimate_prompt, estimate_tokens};

/// Longest silence in mid-answer. A small model on a busy CPU writes a token in a tenth of a second.
const IDLE: Duration = Duration::from_secs(45);
/// Part of the goal after which an answer must do as far as it is written …
const ENOUGH_AFTER: f64 = 0.8;
/// … once it was written for this part.
const ENOUGH_WRITTEN: f64 = 0.4;
/// An answer with less room than this is not worth asking for.
const MIN_ANSWER_TOKENS: u32 = 64;

impl Model {
    /// One turn. `on_text` gets the visible words as they come, without thinking and without calls written as text; of a
    /// document its raw pieces. The words of the answer are the truth, where they differ: a model whose thinking has no
    /// opening mark is noticed only when its thinking ends.
    ///
    /// Dropping the future leaves the queue, or hangs up.
    pub async fn turn(
        &self,
        request: &TurnRequest,
        priority: Priority,
        deadline: Instant,
        on_text: &mut (dyn FnMut(&str) + Send),
    ) -> Result<TurnReply, ModelError> {
        match self.turn_in_line(request, priority, deadline, on_text).await {
            // As llama-cpp-python does: there is one place from now on, and whoever was given up stands in line again.
            Err(ModelError::GivenUp) => {
                if self.queue.narrow() {
                    tracing::warn!(
                        "the model server does one thing at a time; it is asked one by one (LLM_CONCURRENCY=1)"
                    );
                }
                self.turn_in_line(request, priority, deadline, on_text).await
            }
            other => other,
        }
    }

    async fn turn_in_line(
        &self,
        request: &TurnRequest,
        priority: Priority,
        deadline: Instant,
        on_text: OnText<'_>,
    ) -> Result<TurnReply, ModelError> {
        let place = timeout_at(deadline, self.queue.enter(priority)).await;
        let place = place.map_err(|_| ModelError::TimedOut { stage: Stage::Waiting })?;
        let _place = place.map_err(|Full| ModelError::QueueFull { waiting: MAX_WAITING })?;
        let deadline = deadline.min(Instant::now() + self.settings.turn_timeout);
        self.try_until(request, deadline, on_text).await
    }

    /// Tries, and tries otherwise after a refusal from which something was learned. Each way out of the loop is counted,
    /// so it ends: few retries, four forms of a schema, one shorter answer, one new name.
    async fn try_until(
        &self,
        request: &TurnRequest,
        deadline: Instant,
        on_text: OnText<'_>,
    ) -> Result<TurnReply, ModelError> {
        let mut patience = Patience::default();
        let mut max_tokens = request.max_tokens.max(1);
        let (mut shortened, mut renamed) = (false, false);
        let mut form = self.form(request);
        loop {
            let error = match self.attempt(request, max_tokens, form, deadline, on_text).await {
                Ok(reply) => {
                    self.remember_form(request, form);
                    return Ok(reply);
                }
                Err(error) => error,
            };
            self.learn_from(&error);
            if let Some(wait) = patience.wait(&error, deadline) {
                tokio::time::sleep(wait).await;
                continue;
            }
            match (&error, form.next()) {
                (ModelError::SchemaRefused { .. }, Some(next)) => form = next,
                (ModelError::ContextExceeded { limit: Some(limit), prompt }, _) if !shortened => {
                    let room = limit.saturating_sub(prompt.unwrap_or(limit / 2));
                    if room < MIN_ANSWER_TOKENS || room >= max_tokens {
                        return Err(error);
                    }
                    (max_tokens, shortened) = (room, true);
                }
                // The server came back with another model, and we were to take its first.
                (ModelError::UnknownModel { .. }, _) if !renamed && self.settings.model.is_none() => renamed = true,
                _ => return Err(error),
            }
        }
    }

    async fn attempt(
        &self,
        request: &TurnRequest,
        max_tokens: u32,
        form: SchemaForm,
        deadline: Instant,
        on_text: OnText<'_>,
    ) -> Result<TurnReply, ModelError> {
        let beginning = |_| ModelError::TimedOut { stage: Stage::Beginning };
        let learned = timeout_at(deadline, self.learned()).await.map_err(beginning)??;
        if matches!(request.expect, Expect::Tools(_))
            && let Some(said) = self.state().memory.tools_refused.clone()
        {
            return Err(ModelError::ToolsRefused { said });
        }
        let body = wire::body(request, &learned.name, within_window(max_tokens, &learned), form);
        let sent_at = Instant::now();
        let sent = self.endpoint.exchange(self.endpoint.post_json("v1/chat/completions", &body));
        let response = timeout_at(deadline, sent).await.map_err(beginning)?.map_err(ModelError::sort)?;
        if !response.status().is_success() {
            return Err(named(refusal::read(response, &request.expect).await, &learned));
        }
        let thinks_first = self.state().memory.thinks_first;
        let assembly = Assembly::new(&request.expect, request.messages.len(), thinks_first);
        let limits = Limits {
            deadline,
            idle: IDLE.min(self.settings.turn_timeout / 2),
            enough: sent_at + self.settings.goal.mul_f64(ENOUGH_AFTER),
            written: self.settings.goal.mul_f64(ENOUGH_WRITTEN),
        };
        let is_shared = || self.queue.is_shared();
        let read = stream::read(response, assembly, &request.expect, limits, is_shared, on_text).await;
        self.learn_blanks(request, &read);
        let Read { assembled, first } = read.map_err(|error| silent_overflow(error, request, &learned))?;
        let Assembled { reply, thinks_first } = assembled;
        // A turn is otherwise seen by what became of it; who wonders about a model wants its words.
        tracing::trace!(
            seconds = sent_at.elapsed().as_secs_f64(),
            calls = reply.calls.len(),
            "the model said: {}",
            reply.text
        );
        self.state().memory.pace.learn(took(request, &reply, sent_at, first));
        if thinks_first {
            self.state().memory.thinks_first = true;
        }
        Ok(reply)
    }

    fn learn_blanks(&self, request: &TurnRequest, read: &Result<Read, ModelError>) {
        if matches!(request.expect, Expect::Json { .. }) {
            match read {
                Ok(_) => self.state().memory.document(false),
                Err(ModelError::Empty) => self.state().memory.document(true),
                Err(_) => {}
            }
        }
    }

    fn form(&self, request: &TurnRequest) -> SchemaForm {
        match &request.expect {
            Expect::Json { name, .. } => self.state().memory.schema_form(name),
            Expect::Text | Expect::Tools(_) => SchemaForm::default(),
        }
    }

    fn remember_form(&self, request: &TurnRequest, form: SchemaForm) {
        if let Expect::Json { name, .. } = &request.expect {
            self.state().memory.set_schema_form(name, form);
        }
    }

    fn learn_from(&self, error: &ModelError) {
        let mut state = self.state();
        match error {
            ModelError::ContextExceeded { limit: Some(limit), .. } => {
                if let Some(learned) = &mut state.learned {
                    learned.window = self.settings.context_tokens.map_or(*limit, |configured| configured.min(*limit));
                    learned.window_known = true;
                }
            }
            ModelError::ToolsRefused { said } => state.memory.tools_refused = Some(said.clone()),
            error if error.is_reason_to_relearn() => {
                state.learned = None;
                state.memory.forget_refusals();
            }
            _ => {}
        }
    }
}

/// What a turn took, by the server's count of tokens or by our estimate.
fn took(request: &TurnRequest, reply: &TurnReply, sent: Instant, first: Instant) -> Took {
    let usage = reply
        .usage
        .unwrap_or_else(|| Usage { prompt: estimate_prompt(request), completion: estimate_tokens(&reply.text) });
    Took { read: usage.prompt, until_first: first - sent, written: usage.completion, writing: first.elapsed() }
}

/// Servers refuse to promise more tokens than the window has.
fn within_window(max_tokens: u32, learned: &Learned) -> u32 {
    if learned.window_known { max_tokens.min(learned.window.saturating_sub(1).max(1)) } else { max_tokens }
}

/// An unknown model with the names that the server's list has.
fn named(error: ModelError, learned: &Learned) -> ModelError {
    match error {
        ModelError::UnknownModel { available, .. } => {
            let available = if available.is_empty() { learned.available.clone() } else { available };
            ModelError::UnknownModel { name: learned.name.clone(), available }
        }
        error => error,
    }
}

/// llama-cpp-python finds out that a prompt is too long only when it has begun to stream, and then says nothing.
fn silent_overflow(error: ModelError, request: &TurnRequest, learned: &Learned) -> ModelError {
    let prompt = estimate_prompt(request);
    match error {
        ModelError::Empty if prompt >= learned.window => {
            ModelError::ContextExceeded { limit: learned.window_known.then_some(learned.window), prompt: Some(prompt) }
        }
        error => error,
    }
}
