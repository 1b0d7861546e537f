//! Pictures of evidence, drawn when they are first looked at.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use moka::future::Cache;
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::Shared;
use super::problem::Problem;
use crate::domain::evidence::EvidenceId;
use crate::domain::incident::IncidentId;
use crate::render::Theme;

/// Bytes of pictures kept: some hundred of them, at 30 to 100 KiB each.
const MAX_CACHED_BYTES: u64 = 16 * 1024 * 1024;
/// Pictures drawn at once: each takes a core for some ten milliseconds and 5 MiB for its pixels.
const MAX_DRAWING: usize = 4;

/// Which incident and evidence, of which moment (the same question again brings the same number), and whether on dark
/// ground.
type Key = (IncidentId, EvidenceId, DateTime<Utc>, bool);

/// Drawn pictures, and the right to draw.
pub(super) struct Charts {
    drawn: Cache<Key, Bytes>,
    drawing: Semaphore,
}

impl Charts {
    /// Without any picture.
    pub(super) fn new() -> Self {
        let drawn = Cache::builder()
            .max_capacity(MAX_CACHED_BYTES)
            .weigher(|_, png: &Bytes| u32::try_from(png.len()).unwrap_or(u32::MAX))
            .build();
        Self { drawn, drawing: Semaphore::new(MAX_DRAWING) }
    }
}

/// Which picture of the evidence.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    theme: Theme,
}

/// The chart of one piece of evidence.
pub(super) async fn chart(
    State(shared): State<Arc<Shared>>,
    Path((id, evidence)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let id = IncidentId(id);
    let evidence_id: EvidenceId = evidence.parse().map_err(|_| Problem::NotFound)?;
    let store = &shared.console.store;
    let incident = store.incident(&id).await?.ok_or(Problem::NotFound)?.value;
    let investigation = store.investigation(&id).await?.ok_or(Problem::NotFound)?;
    let evidence =
        investigation.evidence.into_iter().find(|evidence| evidence.id == evidence_id).ok_or(Problem::NotFound)?;
    let key = (id, evidence_id, evidence.window.to, wanted.theme == Theme::Dark);
    if let Some(png) = shared.charts.drawn.get(&key).await {
        return Ok(png_response(png));
    }
    let _permit = shared.charts.drawing.acquire().await.map_err(|_| Problem::Busy)?;
    let render = Arc::clone(&shared.console.render);
    let drawn = tokio::task::spawn_blocking(move || render.chart(&evidence, &incident, wanted.theme)).await;
    let png = Bytes::from(drawn.map_err(|_| Problem::Broken)?.map_err(|_| Problem::NotFound)?);
    shared.charts.drawn.insert(key, png.clone()).await;
    Ok(png_response(png))
}

fn png_response(png: Bytes) -> Response {
    // The page's address of a picture carries the moment, so what it shows does not change.
    let headers = [(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "private, max-age=3600")];
    (headers, png).into_response()
}
