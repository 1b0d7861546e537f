//! `POST /api/investigate`, its stream, and `workload_health_check`: neighbours are asked first, then the model.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};

use super::desk::{Desk, Happened, Looked, ModelFacts};
use super::errors::Failure;
use super::steps::Steps;
use super::types::{HealthCheck, Investigate};
use super::{Shared, metadata, sections, stream, subject, tool_calls};
use crate::agent::message::Usage;
use crate::agent::prompt::Question;
use crate::domain::finding::Role;
use crate::render::text_of;

/// Who asks.
const AUTHOR: &str = "api";

/// Fields of the last event.
const SHOWN: &[&str] = &["sections", "analysis", "instructions", "metadata"];

#[utoipa::path(post, path = "/api/investigate", request_body = serde_json::Value, responses((status = 200, description = "analysis, sections and tool calls as HolmesGPT gives them"),
    (status = 422, description = "`{\"detail\": […]}`: what is wrong, by field")))]
pub(super) async fn investigate(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (wanted, _permit) = match shared.read(request, Investigate::read).await {
        Ok(read) => read,
        Err(refused) => return refused,
    };
    let done = shared.unless_stopping(wanted.run(&shared.holmes.desk, &Steps::default())).await;
    done.map(Json).into_response()
}

#[utoipa::path(post, path = "/api/stream/investigate", request_body = serde_json::Value, responses((status = 200, description = "the same as events"),
    (status = 422, description = "`{\"detail\": […]}`: what is wrong, by field")))]
pub(super) async fn stream(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (wanted, permit) = match shared.read(request, Investigate::read).await {
        Ok(read) => read,
        Err(refused) => return refused,
    };
    let facts = shared.holmes.desk.facts().await.ok();
    let metadata = move |step: &Happened| match step {
        Happened::Turn(usage) => Some(metadata::of(*usage, facts.as_ref(), &[], &[])),
        _ => None,
    };
    let work = |steps| async move { shared.unless_stopping(wanted.run(&shared.holmes.desk, &steps)).await };
    stream::of(work, metadata, SHOWN, permit)
}

#[utoipa::path(post, path = "/api/workload_health_check", request_body = serde_json::Value, responses((status = 200, description = "whether a workload is healthy"),
    (status = 422, description = "`{\"detail\": […]}`: what is wrong, by field")))]
pub(super) async fn workload_health_check(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (wanted, _permit) = match shared.read(request, HealthCheck::read).await {
        Ok(read) => read,
        Err(refused) => return refused,
    };
    let done = shared.unless_stopping(wanted.run(&shared.holmes.desk, &Steps::default())).await;
    done.map(Json).into_response()
}

impl Investigate {
    async fn run(self, desk: &Desk, steps: &Steps) -> Result<Value, Failure> {
        let Self { title, description, subject, context, sections, model } = self;
        let incident = subject::of_alert(&title, &description, &subject, &context, |text| desk.clean(text), desk.now());
        let looked = desk.look(incident, steps).await?;
        let wanted = if sections.is_empty() { sections::usual(desk.render()) } else { sections };
        let text = sections::question(desk.render(), &desk.clean(&title), &desk.clean(&description), &wanted);
        let question =
            Question { text: &text, author: AUTHOR, said: &[], system: None, schema: Some(sections::schema(&wanted)) };
        let answer = desk.explain(&looked, &question, steps).await;
        let read = answer.and_then(|answer| {
            let filled = sections::of_answer(desk.render(), &answer, &wanted).ok_or_else(unreadable)?;
            Ok((sections::joined(&filled), filled, answer.conversation.usage()))
        });
        let mut notes = Vec::new();
        let (analysis, filled, usage) = read.unwrap_or_else(|failure| {
            notes.push(format!("the model did not answer: {}", failure.detail));
            (desk.report(&looked, &failure), sections::of_findings(&looked, &wanted), Usage::default())
        });
        Ok(body(desk, &looked, steps, &analysis, Some(filled), usage, model, notes).await)
    }
}

impl HealthCheck {
    async fn run(self, desk: &Desk, steps: &Steps) -> Result<Value, Failure> {
        let Self { ask, resource, instructions, model } = self;
        let ask = desk.clean(&ask);
        let incident = subject::of_resource(&ask, &resource, |text| desk.clean(text), desk.now());
        let looked = desk.look(incident, steps).await?;
        let text = instructions.iter().fold(ask, |text, more| format!("{text}\n{}", desk.clean(more)));
        let schema = json!({
            "type": "object",
            "properties": {"workload_healthy": {"type": "boolean"}, "root_cause_summary": {"type": "string"}},
            "required": ["workload_healthy", "root_cause_summary"],
            "additionalProperties": false,
        });
        let question = Question { text: &text, author: AUTHOR, said: &[], system: None, schema: Some(schema) };
        let mut notes = Vec::new();
        let answer = desk.explain(&looked, &question, steps).await;
        let (analysis, usage) = match answer {
            Ok(answer) => (answer.text, answer.conversation.usage()),
            Err(failure) => {
                notes.push(format!("the model did not answer: {}", failure.detail));
                (health(&looked).to_string(), Usage::default())
            }
        };
        let mut body = body(desk, &looked, steps, &analysis, None, usage, model, notes).await;
        let matched = body["instructions"].as_array().cloned().unwrap_or_default();
        body["instructions"] = instructions.into_iter().map(Value::String).chain(matched).collect();
        Ok(body)
    }
}

/// What the analysers say of a workload's health.
fn health(looked: &Looked) -> Value {
    let troubles = looked.record.findings.iter().filter(|finding| finding.role != Role::Contributing);
    let claims: Vec<String> = troubles.map(|finding| text_of(&finding.claim)).collect();
    json!({"workload_healthy": claims.is_empty(), "root_cause_summary": claims.join(" ")})
}

fn unreadable() -> Failure {
    Failure::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "the model's answer could not be read")
}

#[expect(clippy::too_many_arguments, reason = "the parts of one response, put together in one place")]
async fn body(
    desk: &Desk,
    looked: &Looked,
    steps: &Steps,
    analysis: &str,
    sections: Option<Map<String, Value>>,
    usage: Usage,
    model: Option<String>,
    mut notes: Vec<String>,
) -> Value {
    let facts: Option<ModelFacts> = desk.facts().await.ok();
    notes.extend(metadata::other_model(model.as_deref(), facts.as_ref()));
    let steps = steps.all();
    let turns = steps.iter().filter(|step| matches!(step, Happened::Turn(_))).count();
    json!({
        "analysis": analysis,
        "sections": sections,
        "tool_calls": tool_calls::results(&steps),
        "num_llm_calls": turns,
        "instructions": desk.runbooks(&looked.record),
        "metadata": metadata::of(usage, facts.as_ref(), &[], &notes),
    })
}
