//! One turn of the model: timed, counted, and a span of its trace.

use std::time::Instant;

use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::Context;
use crate::adapters::model::{ModelError, Priority};
use crate::agent::driver::Talk;
use crate::agent::message::{TurnRequest, Usage};
use crate::agent::turn::{Conversation, Input};
use crate::telemetry::counters::OfTokens;
use crate::telemetry::{Counters, Ended, trace};

/// Whose turns these are.
pub(super) struct Turns<'a> {
    counters: &'a Counters,
    model: &'a str,
    who: &'static str,
}

impl<'a> Turns<'a> {
    pub(super) fn new(context: &'a Context, model: &'a str, priority: Priority) -> Self {
        let who = match priority {
            Priority::Person => "person",
            Priority::Automatic => "automatic",
        };
        Self { counters: &context.counters, model, who }
    }

    /// Asks the model once.
    ///
    /// # Errors
    /// Those of [`Talk::ask`].
    pub(super) async fn ask(
        &self,
        talk: &Talk<'_>,
        request: &TurnRequest,
        on_text: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Input, ModelError> {
        let span = tracing::info_span!(
            "chat",
            otel.name = format!("chat {}", self.model),
            otel.kind = "client",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = self.model,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            otel.status_code = Empty,
            error.type = Empty,
        );
        let began = Instant::now();
        let asked = talk.ask(request, on_text).instrument(span.clone()).await;
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
        self.counters.model_turns.get_or_create(&Ended { of: self.who.to_owned(), result }).inc();
        asked
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
