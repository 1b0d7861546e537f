//! The one door from this API to the use cases. Other handlers enqueue and read; these answer in the response, so somebody
//! here has to look and ask. Nobody else in `web` knows `flow`.

use std::sync::Arc;

use axum::http::StatusCode;

use super::errors::Failure;
use super::steps::Steps;
use super::tool_calls;
use crate::adapters::model::ModelError;
use crate::agent::prompt::Question;
use crate::agent::turn::{Conversation, Outcome};
use crate::domain::incident::Incident;
use crate::domain::investigation::Investigation;
use crate::domain::report::Explanation;
use crate::domain::text;
use crate::flow::converse::{Held, Live, Trouble};
use crate::flow::{Context, ModelUse, consult, look};
use crate::render::Renderer;

pub(super) use crate::flow::AUTHOR;
pub(super) use crate::flow::converse::Happened;

/// Looks and asks.
pub struct Desk {
    context: Arc<Context>,
}

/// What a look found.
pub(super) struct Looked {
    pub incident: Incident,
    pub record: Investigation,
}

/// What the model said.
pub(super) struct Answer {
    /// Prose, or a document in the asker's schema.
    pub text: String,
    /// Numbers and names in it that are not in the evidence.
    pub unverified: Vec<String>,
    /// The conversation, for its figures and for checking more.
    pub conversation: Conversation,
}

/// What is known of the model before it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ModelFacts {
    pub name: String,
    /// Tokens of prompt and answer together.
    pub window: u32,
    /// Tokens of an answer.
    pub answer: u32,
}

impl Desk {
    /// A desk on these neighbours.
    pub fn new(context: Arc<Context>) -> Self {
        Self { context }
    }

    pub(super) fn render(&self) -> &Renderer {
        &self.context.render
    }

    /// `text` without secrets.
    pub(super) fn clean(&self, text: &str) -> String {
        self.context.redactor.redact(text).into_owned()
    }

    pub(super) fn now(&self) -> chrono::DateTime<chrono::Utc> {
        (self.context.clock)()
    }

    /// The model, or why it cannot be asked.
    pub(super) fn model(&self) -> Result<&ModelUse, Failure> {
        let missing = || Failure::new(StatusCode::INTERNAL_SERVER_ERROR, self.render().word("answer.no_model"));
        self.context.model.as_ref().ok_or_else(missing)
    }

    /// What is known of the model; asks the server when that is not known yet.
    pub(super) async fn facts(&self) -> Result<ModelFacts, Failure> {
        let model = self.model()?;
        let profile = model.client.profile().await.map_err(|error| self.failure(&error))?;
        Ok(ModelFacts { name: profile.name, window: profile.window, answer: model.answer_tokens })
    }

    /// The texts of the runbooks that fit.
    pub(super) fn runbooks(&self, record: &Investigation) -> Vec<String> {
        let library = &self.context.sources.runbooks;
        record.runbooks.iter().filter_map(|found| Some(library.get(&found.id)?.prose.trim().to_owned())).collect()
    }

    /// Gathers and analyses; every piece of evidence is a step.
    pub(super) async fn look(&self, mut incident: Incident, steps: &Steps) -> Result<Looked, Failure> {
        match consult::alike(&self.context, &incident).await {
            Ok(Some(known)) => incident.started_at = incident.started_at.min(known.started_at),
            Ok(None) => {}
            Err(error) => return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())),
        }
        for alert in &mut incident.alerts {
            alert.starts_at = alert.starts_at.min(incident.started_at);
        }
        let fresh = |evidence: &_| {
            if let Some((call, answer)) = tool_calls::of_evidence(evidence) {
                steps.note(Happened::Called(call.clone()));
                steps.note(Happened::Answered(call, Box::new(answer)));
            }
        };
        let (incident, record) = look::in_memory(&self.context, incident, fresh).await;
        Ok(Looked { incident, record })
    }

    /// Answers a person.
    pub(super) async fn chat(
        &self,
        about: Option<&Looked>,
        question: &Question<'_>,
        steps: &Steps,
    ) -> Result<Answer, Failure> {
        let about = about.map(|looked| (&looked.incident, &looked.record));
        let live = live(steps);
        self.answer(consult::chat(&self.context, self.model()?, about, question, &live).await)
    }

    /// Has the model say what it makes of a look.
    pub(super) async fn explain(
        &self,
        looked: &Looked,
        question: &Question<'_>,
        steps: &Steps,
    ) -> Result<Answer, Failure> {
        let about = (&looked.incident, &looked.record);
        let live = live(steps);
        self.answer(consult::explain(&self.context, self.model()?, about, question, &live).await)
    }

    /// What the analysers say of a look, with the reason why the model says nothing.
    pub(super) fn report(&self, looked: &Looked, failure: &Failure) -> String {
        let missing = Explanation::Missing { at: self.now(), reason: failure.detail.clone(), will_retry: false };
        let record = Investigation { explanation: Some(missing), ..looked.record.clone() };
        self.render().report(&looked.incident, &record)
    }

    fn answer(&self, held: Result<Held, Trouble>) -> Result<Answer, Failure> {
        // What the model read was clean; what it makes of it need not be.
        let clean = |said: String| self.clean(&text::plain(&said));
        let Held { conversation, outcome, model: _, ledger: _ } = held.map_err(|trouble| match trouble {
            Trouble::Model(error) => self.failure(&error),
            Trouble::Store(error) => Failure::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
        })?;
        let nothing = |why: String| Err(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, why));
        match outcome {
            Outcome::Answer { text, unverified } => Ok(Answer { text: clean(text), unverified, conversation }),
            Outcome::Shaped(text) => Ok(Answer { text: clean(text), unverified: Vec::new(), conversation }),
            Outcome::Nothing(why) => nothing(why),
            Outcome::Report(_) => nothing("the model answered something else".into()),
        }
    }

    fn failure(&self, error: &ModelError) -> Failure {
        tracing::warn!("the model gave no answer to a HolmesGPT request: {error}");
        let status = match error {
            ModelError::Unauthorized { .. } => StatusCode::UNAUTHORIZED,
            ModelError::Overloaded { .. } | ModelError::QueueFull { .. } => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Failure::new(status, self.clean(&error.to_string()))
    }
}

fn live(steps: &Steps) -> Live {
    let steps = steps.clone();
    Live::told_to(move |happened| steps.note(happened))
}
