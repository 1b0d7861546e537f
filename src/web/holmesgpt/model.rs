//! `GET /api/model`: the models there are, one here.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::Shared;

/// The names are a list inside of a string, as HolmesGPT writes them. None while the model server is away.
#[utoipa::path(get, path = "/api/model", responses((status = 200, description = "`model_name`: a list inside of a string")))]
pub(super) async fn model(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let names: Vec<String> = shared.holmes.desk.facts().await.map(|facts| facts.name).into_iter().collect();
    Json(json!({"model_name": json!(names).to_string()}))
}
