//! Questions over `/api/v1`: put one, see how far its answer is.

use std::time::Duration;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{OpenApi, ToSchema};

use super::Api;
use super::problem::{problem, unavailable};
use crate::domain::event::Event;
use crate::domain::incident::{IncidentId, Origin};
use crate::domain::question::{Asked, MAX_QUESTION_BYTES, Question, QuestionId, QuestionState};
use crate::ports::Filter;
use crate::web::{change_of, rfc3339};

/// Largest body: the question in the worst of JSON's spellings.
const MAX_BODY_BYTES: usize = 8 * MAX_QUESTION_BYTES;
/// Questions of one list.
const MAX_LISTED: usize = 200;
/// Longest wait for a change.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// The header by which a caller makes sure that asking twice asks once.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The routes.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/questions", post(ask).get(list))
        .route("/api/v1/incidents/{id}/questions/{question}", get(one))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}

/// Their description.
#[derive(OpenApi)]
#[openapi(paths(ask, list, one), components(schemas(AskBody, QuestionView)))]
pub(super) struct Description;

/// A question to put.
#[derive(Debug, Deserialize, ToSchema)]
struct AskBody {
    /// Its words.
    text: String,
    /// The incident it is about; without one it gets a thread of its own.
    incident: Option<String>,
    /// Who asks; `api` when not said.
    author: Option<String>,
}

/// A question with how far its answer is.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuestionView {
    id: String,
    /// Whose thread it is in.
    incident: String,
    question: String,
    author: String,
    asked_at: String,
    /// `waiting`, `working`, `answered` or `failed`.
    status: &'static str,
    /// What is being looked at.
    looking: Vec<String>,
    /// Markdown with citations like `[E3]`, as far as it is written.
    answer: String,
    /// Numbers and names that the cited evidence does not hold.
    unverified: Vec<String>,
    /// Why there is no answer.
    reason: Option<String>,
    answered_at: Option<String>,
    model: Option<String>,
    turns: Option<u32>,
}

impl QuestionView {
    fn new(incident: &IncidentId, asked: Asked) -> Self {
        let Asked { question: Question { id, incident: _, text, author, asked_at, asker: _, spot: _ }, state } = asked;
        let mut view = Self {
            id: id.0,
            incident: incident.0.clone(),
            question: text,
            author,
            asked_at: rfc3339(asked_at),
            status: "waiting",
            looking: Vec::new(),
            answer: String::new(),
            unverified: Vec::new(),
            reason: None,
            answered_at: None,
            model: None,
            turns: None,
        };
        match state {
            QuestionState::Waiting => {}
            QuestionState::Working { looking, text } => {
                (view.status, view.looking, view.answer) = ("working", looking, text);
            }
            QuestionState::Answered { at, text, unverified, model, turns } => {
                (view.status, view.answer, view.unverified) = ("answered", text, unverified);
                (view.answered_at, view.model, view.turns) = (Some(rfc3339(at)), Some(model), Some(turns));
            }
            QuestionState::Failed { at, reason } => {
                (view.status, view.answered_at, view.reason) = ("failed", Some(rfc3339(at)), Some(reason));
            }
        }
        view
    }
}

/// Puts a question. It is stored before it is acknowledged.
#[utoipa::path(post, path = "/api/v1/questions", request_body = AskBody,
    responses((status = 202, body = QuestionView), (status = 400), (status = 404), (status = 503)))]
async fn ask(State(api): State<Api>, headers: HeaderMap, body: Result<Json<AskBody>, JsonRejection>) -> Response {
    let Json(AskBody { text, incident, author }) = match body {
        Ok(body) => body,
        Err(rejected) => return problem(rejected.status(), rejected.body_text()),
    };
    let now = (api.clock)();
    let author = author.unwrap_or_else(|| "api".to_owned());
    let given = headers.get(IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok()).map(str::to_owned);
    let nonce = given.unwrap_or_else(|| format!("{}\n{author}\n{text}", now.timestamp_nanos_opt().unwrap_or_default()));
    let incident = incident.map(IncidentId);
    let question = match Question::new(&nonce, incident.clone(), &text, &author, now) {
        Ok(question) => question,
        Err(why) => return problem(StatusCode::BAD_REQUEST, format!("`text`: {why}")),
    };
    if let Some(incident) = &incident {
        match api.store.incident(incident).await {
            Ok(Some(_)) => {}
            Ok(None) => return problem(StatusCode::NOT_FOUND, format!("there is no incident {incident}")),
            Err(error) => return unavailable(&error),
        }
    }
    match api.store.enqueue(&Event::Ask(question.clone()), now).await {
        Ok(_) => {
            let thread = question.thread();
            let view = QuestionView::new(&thread, Asked { question, state: QuestionState::Waiting });
            (StatusCode::ACCEPTED, Json(view)).into_response()
        }
        Err(error) => unavailable(&error),
    }
}

/// Questions that are about no incident, newest first.
#[utoipa::path(get, path = "/api/v1/questions", responses((status = 200)))]
async fn list(State(api): State<Api>) -> Response {
    let filter = Filter { status: None, origin: Origin::Question, limit: MAX_LISTED };
    let threads = match api.store.list(filter).await {
        Ok(threads) => threads,
        Err(error) => return unavailable(&error),
    };
    let threads: Vec<_> = threads
        .into_iter()
        .map(|thread| json!({"incident": thread.id.0, "question": thread.title, "asked_at": rfc3339(thread.opened_at)}))
        .collect();
    Json(json!({ "questions": threads })).into_response()
}

#[derive(Debug, Deserialize)]
struct Wait {
    /// Seconds to wait for an answer that is not there yet.
    #[serde(default)]
    wait: u64,
}

/// How far the answer to a question is; with `wait`, when it is over or the time is.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/questions/{question}",
    params(("id" = String, Path), ("question" = String, Path), ("wait" = Option<u64>, Query, description = "seconds")),
    responses((status = 200, body = QuestionView), (status = 404), (status = 503)))]
async fn one(
    State(api): State<Api>,
    Path((incident, question)): Path<(String, String)>,
    wait: Result<Query<Wait>, QueryRejection>,
) -> Response {
    let Query(Wait { wait }) = match wait {
        Ok(wait) => wait,
        Err(error) => return problem(StatusCode::BAD_REQUEST, error.body_text()),
    };
    let (incident, question) = (IncidentId(incident), QuestionId(question));
    let mut changes = api.store.changes();
    let until = tokio::time::Instant::now() + Duration::from_secs(wait).min(MAX_WAIT);
    loop {
        let record = match api.store.investigation(&incident).await {
            Ok(record) => record.unwrap_or_default(),
            Err(error) => return unavailable(&error),
        };
        let asked = record.asked.into_iter().find(|asked| asked.question.id == question);
        let over = asked.as_ref().is_some_and(|asked| asked.state.is_over());
        if !over && tokio::time::Instant::now() < until {
            // Missed changes are told as an error, and then it is time to look as well.
            let _ = tokio::time::timeout_at(until, change_of(&mut changes, &incident)).await;
            continue;
        }
        return match asked {
            Some(asked) => Json(QuestionView::new(&incident, asked)).into_response(),
            None => problem(StatusCode::NOT_FOUND, "there is no such question; it may not have been read yet"),
        };
    }
}
