//! Asks the model what a conversation wants to know, and says what came of it in the conversation's own terms.

use tokio::time::Instant;

use super::message::{TurnReply, TurnRequest};
use super::turn::Input;
use crate::adapters::model::{Model, ModelError, Priority};

/// A model, for one conversation.
#[derive(Debug, Clone, Copy)]
pub struct Talk<'a> {
    model: &'a Model,
    priority: Priority,
    pressed: Instant,
    deadline: Instant,
}

impl<'a> Talk<'a> {
    /// A conversation that looks things up until `pressed`, and is over at `deadline`.
    pub fn new(model: &'a Model, priority: Priority, pressed: Instant, deadline: Instant) -> Self {
        Self { model, priority, pressed, deadline }
    }

    /// When it is over.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether so much time is gone that what is known must do.
    pub fn is_pressed(&self, now: Instant) -> bool {
        now > self.pressed
    }

    /// One turn. What a conversation can answer by asking differently is an input to it; everything else is an error.
    ///
    /// # Errors
    /// When there is no answer, and asking differently would not help.
    pub async fn ask(
        &self,
        request: &TurnRequest,
        on_text: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Input, ModelError> {
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
}
