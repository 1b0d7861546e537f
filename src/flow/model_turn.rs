//! One turn of the model: timed, counted, a span of its trace, and what came of it in the conversation's own terms.

use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::adapters::model::{Model, ModelError, Priority};
use crate::agent::message::{TurnReply, TurnRequest, Usage};
use crate::agent::turn::{Conversation, Input};
use crate::telemetry::counters::OfTokens;
use crate::telemetry::{Counters, Ended, trace};

/// The turns of one conversation.
pub(super) struct Turns<'a> {
    pub(super) counters: &'a Counters,
    pub(super) model: &'a Model,
    /// The model's name.
    pub(super) name: &'a str,
    pub(super) priority: Priority,
    /// When the conversation is over.
    pub(super) deadline: Instant,
}

impl Turns<'_> {
    /// Asks the model once. What a conversation can answer by asking differently is an input to it; everything else is an
    /// error.
    ///
    /// # Errors
    /// When there is no answer, and asking differently would not help.
    pub(super) async fn ask(
        &self,
        request: &TurnRequest,
        on_text: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Input, ModelError> {
        let span = tracing::info_span!(
            "chat",
            otel.name = format!("chat {}", self.name),
            otel.kind = "client",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = self.name,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            otel.status_code = Empty,
            error.type = Empty,
        );
        let began = Instant::now();
        let asked = self.turn(request, on_text).instrument(span.clone()).await;
        span.in_scope(|| self.counters.model_turn_seconds.observe(began.elapsed()));
        let result = match &asked {
            Ok(Input::Reply(reply)) => {
                self.count(&span, reply.usage.unwrap_or_default());
                "ok"
            }
            // The conversation goes on otherwise: a shorter prompt, tools in another form.
            Ok(_) => "refused",
            Err(ModelError::TimedOut { .. }) => "timeout",
            Err(_) => "error",
        };
        if result != "ok" {
            trace::failed(&span, result);
        }
        let who = match self.priority {
            Priority::Person => "person",
            Priority::Automatic => "automatic",
        };
        self.counters.model_turns.get_or_create(&Ended { of: who.to_owned(), result }).inc();
        asked
    }

    async fn turn(&self, request: &TurnRequest, on_text: &mut (dyn FnMut(&str) + Send)) -> Result<Input, ModelError> {
        match self.model.turn(request, self.priority, self.deadline, on_text).await {
            Ok(reply) => {
                if reply.clumsy {
                    self.model.prefers_guided();
                }
                Ok(Input::Reply(reply))
            }
            Err(ModelError::ContextExceeded { limit, prompt: _ }) => Ok(Input::TooLong { window: limit }),
            Err(ModelError::ToolsRefused { .. }) => {
                self.model.prefers_guided();
                Ok(Input::NoTools)
            }
            // Small models under a grammar can write nothing but blanks: asked for plain words, they say something.
            Err(ModelError::Empty) => Ok(Input::Reply(TurnReply::default())),
            Err(error) => Err(error),
        }
    }

    /// Counts a conversation that is over, whatever came of it.
    pub(super) fn over(&self, conversation: &Conversation) {
        let Usage { prompt, completion } = conversation.usage();
        self.counters.conversation_turns.observe(f64::from(conversation.turns()));
        for (kind, tokens) in [("prompt", prompt), ("completion", completion)] {
            self.counters.conversation_tokens.get_or_create(&OfTokens { kind }).observe(f64::from(tokens));
        }
    }

    fn count(&self, span: &Span, Usage { prompt, completion }: Usage) {
        span.record("gen_ai.usage.input_tokens", prompt);
        span.record("gen_ai.usage.output_tokens", completion);
        self.counters.count_tokens("prompt", prompt);
        self.counters.count_tokens("completion", completion);
    }
}
