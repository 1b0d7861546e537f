//! `/api/v1/knowledge`: what is written, searched and added to.

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::Api;
use super::problem::{problem, unavailable};
use crate::adapters::knowledge::{Found, MAX_FOUND, NamedNote, Noted, ShareError};
use crate::adapters::openwebui::sync::{Missing, Synced};
use crate::domain::note::Note;
use crate::domain::passage::Search;

/// Passages of an answer unless `k` says otherwise.
const DEFAULT_FOUND: usize = 5;
/// Largest body: a note, with what JSON adds.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// Who writes a note that names nobody.
const AUTHOR: &str = "api";

/// The routes.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/knowledge/search", get(search))
        .route("/api/v1/knowledge/notes", get(notes).post(add_note))
        .route("/api/v1/knowledge/notes/{id}", delete(delete_note))
        .route("/api/v1/knowledge/incidents", get(incidents))
        .route("/api/v1/knowledge/sync", post(sync))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}

/// Their description.
#[derive(OpenApi)]
#[openapi(
    paths(search, notes, add_note, delete_note, incidents, sync),
    components(schemas(Found, NamedNote, Noted, NewNote, Synced))
)]
pub(super) struct Description;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SearchQuery {
    /// What to look for, in words.
    q: String,
    /// `runbooks`, `incidents`, `notes` or `all` (default).
    collection: Option<String>,
    /// At most so many: 5 unless given, 20 at most.
    k: Option<usize>,
}

/// A note to take.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct NewNote {
    /// One line; without it the first line of the content.
    #[serde(default)]
    pub title: String,
    /// Markdown.
    pub content: String,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Who writes it.
    #[serde(default)]
    pub author: Option<String>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SyncQuery {
    /// Whether collections that are missing in Open WebUI are made.
    #[serde(default)]
    create: bool,
}

#[utoipa::path(get, path = "/api/v1/knowledge/search", params(SearchQuery),
    responses((status = 200, description = "best first; `missing` names sources that did not answer", body = Found),
              (status = 400, description = "a parameter is wrong")))]
async fn search(State(api): State<Api>, query: Result<Query<SearchQuery>, QueryRejection>) -> Response {
    let Query(SearchQuery { q, collection, k }) = match query {
        Ok(query) => query,
        Err(error) => return problem(StatusCode::BAD_REQUEST, error.body_text()),
    };
    let what: Search = match collection.as_deref().unwrap_or("all").parse() {
        Ok(what) => what,
        Err(error) => return problem(StatusCode::BAD_REQUEST, format!("collection: {error}")),
    };
    Json(api.knowledge.search(what, &q, k.unwrap_or(DEFAULT_FOUND).min(MAX_FOUND)).await).into_response()
}

#[utoipa::path(get, path = "/api/v1/knowledge/notes",
    responses((status = 200, description = "`{\"notes\": […]}`, newest first", body = Vec<NamedNote>)))]
async fn notes(State(api): State<Api>) -> Response {
    Json(json!({"notes": api.knowledge.notes()})).into_response()
}

#[utoipa::path(post, path = "/api/v1/knowledge/notes", request_body = NewNote,
    responses((status = 201, description = "it is kept; `missing` names places that did not take it", body = Noted),
              (status = 400, description = "there is nothing in it, or too much")))]
async fn add_note(State(api): State<Api>, body: Result<Json<NewNote>, JsonRejection>) -> Response {
    let Json(NewNote { title, content, tags, author }) = match body {
        Ok(body) => body,
        Err(error) => return problem(error.status(), error.body_text()),
    };
    let author = author.filter(|author| !author.trim().is_empty());
    let note = match Note::new(&title, &content, tags, author.as_deref().unwrap_or(AUTHOR), (api.clock)()) {
        Ok(note) => note,
        Err(error) => return problem(StatusCode::BAD_REQUEST, error),
    };
    match api.knowledge.add_note(note).await {
        Ok(noted) => (StatusCode::CREATED, Json(noted)).into_response(),
        Err(error) => unavailable(&error),
    }
}

#[utoipa::path(delete, path = "/api/v1/knowledge/notes/{id}", params(("id" = String, Path, description = "as in the list")),
    responses((status = 200, description = "it is gone; `missing` names places that still have it", body = Noted),
              (status = 404, description = "there is no such note")))]
async fn delete_note(State(api): State<Api>, Path(id): Path<String>) -> Response {
    match api.knowledge.delete_note(&id).await {
        Ok(Some(noted)) => Json(noted).into_response(),
        Ok(None) => problem(StatusCode::NOT_FOUND, "there is no such note"),
        Err(error) => unavailable(&error),
    }
}

#[utoipa::path(get, path = "/api/v1/knowledge/incidents",
    responses((status = 200, description = "`{\"incidents\": […]}`: what is remembered, newest first")))]
async fn incidents(State(api): State<Api>) -> Response {
    Json(json!({"incidents": api.knowledge.past_incidents()})).into_response()
}

#[utoipa::path(post, path = "/api/v1/knowledge/sync", params(SyncQuery),
    responses((status = 200, description = "what was done in Open WebUI, by collection", body = Vec<Synced>),
              (status = 409, description = "a sync is running"), (status = 412, description = "Open WebUI is not configured")))]
async fn sync(State(api): State<Api>, query: Result<Query<SyncQuery>, QueryRejection>) -> Response {
    let Query(SyncQuery { create }) = match query {
        Ok(query) => query,
        Err(error) => return problem(StatusCode::BAD_REQUEST, error.body_text()),
    };
    let missing = if create { Missing::Create } else { Missing::Fail };
    match api.knowledge.sync(missing).await {
        Ok(synced) => Json(json!({"collections": synced})).into_response(),
        Err(error @ ShareError::Busy) => problem(StatusCode::CONFLICT, error.to_string()),
        Err(error @ ShareError::NotConfigured) => problem(StatusCode::PRECONDITION_FAILED, error.to_string()),
        Err(ShareError::Store(error)) => unavailable(&error),
    }
}
