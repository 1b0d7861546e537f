//! `/api/v1`: incidents, questions, knowledge and the audit as JSON for programs. Fields may be added, never renamed.

mod audit;
mod incidents;
mod knowledge;
mod problem;
mod proposals;
mod questions;
mod view;

use std::sync::Arc;

use axum::routing::get;
use axum::{Json, Router, middleware};
use secrecy::SecretString;
use utoipa::OpenApi;

use super::{holmesgpt, verify};
use crate::adapters::knowledge::Knowledge;
use crate::ports::{Clock, Store};

/// Entries of one answer unless `limit` says otherwise, and at most.
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;

/// What the API needs.
#[derive(Clone)]
pub struct Api {
    /// Where incidents are.
    pub store: Arc<dyn Store>,
    /// All that is written.
    pub knowledge: Arc<Knowledge>,
    /// The time.
    pub clock: Clock,
    /// Bearer token; `None` on loopback.
    pub token: Option<SecretString>,
}

/// The API's routes.
pub fn routes(api: Api) -> Router {
    let guarded = middleware::from_fn_with_state(api.token.clone(), verify::guard);
    Router::new()
        .merge(incidents::routes())
        .merge(questions::routes())
        .merge(knowledge::routes())
        .merge(audit::routes())
        .layer(guarded)
        .route("/api/openapi.json", get(async || Json(description())))
        .with_state(api)
}

/// The description of all routes below `/api`.
fn description() -> utoipa::openapi::OpenApi {
    Description::openapi()
        .merge_from(incidents::Description::openapi())
        .merge_from(audit::Description::openapi())
        .merge_from(knowledge::Description::openapi())
        .merge_from(questions::Description::openapi())
        .merge_from(holmesgpt::Description::openapi())
}

#[derive(OpenApi)]
#[openapi(
    info(title = "holmes-bot", description = "Incidents, their evidence, findings and threads."),
    components(schemas(problem::Problem))
)]
struct Description;
