//! The built-in console: the same incidents and threads as in a chat, as pages that a browser needs nothing else for.
//!
//! Pages are complete without JavaScript; a small script swaps in what changed. Nothing is loaded from elsewhere, and
//! the content security policy says so to the browser.

mod approve;
mod assets;
mod charts;
mod live;
mod login;
mod pages;
mod problem;
mod protect;
mod session;
mod view;
pub mod visitor;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::{get, post};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::adapters::knowledge::Library;
use crate::ports::{Clock, Store};
use crate::render::Renderer;

pub use login::guard;

/// What the console needs.
#[derive(Clone)]
pub struct Console {
    /// Where incidents are.
    pub store: Arc<dyn Store>,
    /// Words and pages.
    pub render: Arc<Renderer>,
    /// Says what time it is.
    pub clock: Clock,
    /// The runbooks in force.
    pub runbooks: Arc<Library>,
    /// Whether there is a model that answers questions.
    pub can_ask: bool,
    /// Ends open streams when the program stops.
    pub shutdown: CancellationToken,
}

/// Open pages that are told of changes. Each costs a task and a socket (about 40 KiB); a team has dozens open.
pub const MAX_STREAMS: usize = 256;

/// The console with what its handlers share.
struct Shared {
    console: Console,
    streams: Arc<Semaphore>,
    charts: charts::Charts,
    assets: assets::Assets,
}

/// Pages, pictures, streams and the one form of the console.
pub fn routes(console: Console) -> Router {
    let shared = Arc::new(Shared {
        streams: Arc::new(Semaphore::new(MAX_STREAMS)),
        charts: charts::Charts::new(),
        assets: assets::Assets::of(&console.render),
        console,
    });
    Router::new()
        .route("/", get(pages::index))
        .route("/incidents/{id}", get(pages::incident))
        .route("/ask", post(pages::ask_at_all))
        .route("/incidents/{id}/ask", post(pages::ask_about))
        .route("/incidents/{id}/investigate", post(pages::investigate))
        .route("/incidents/{id}/do", post(approve::propose))
        .route("/incidents/{id}/proposals/{proposal}", get(approve::confirm).post(approve::decide))
        .route("/incidents/{id}/proposals/{proposal}/undo", post(approve::undo))
        .route("/incidents/{id}/runbooks/{runbook}", get(pages::runbook))
        .route("/incidents/{id}/evidence/{evidence}/chart.png", get(charts::chart))
        .route("/incidents/{id}/events", get(live::incident))
        .route("/events", get(live::all))
        .route("/assets/{name}", get(assets::asset))
        .layer(middleware::map_response(protect::headers))
        .with_state(shared)
}
