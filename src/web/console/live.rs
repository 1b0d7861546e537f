//! Tells open pages that something changed, so that they fetch themselves again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use futures::stream::StreamExt;
use tokio_stream::wrappers::BroadcastStream;

use super::Shared;
use super::problem::Problem;
use crate::domain::incident::IncidentId;

/// Proxies close what is silent for a minute or less.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Changes of one incident.
pub(super) async fn incident(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let id = IncidentId(id);
    shared.console.store.incident(&id).await?.ok_or(Problem::NotFound)?;
    stream(&shared, Some(id))
}

/// Changes of any incident.
pub(super) async fn all(
    State(shared): State<Arc<Shared>>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    stream(&shared, None)
}

fn stream(
    shared: &Shared,
    only: Option<IncidentId>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>, Problem> {
    let permit = Arc::clone(&shared.streams).try_acquire_owned().map_err(|_| Problem::Busy)?;
    let changes = BroadcastStream::new(shared.console.store.changes());
    let events = changes
        .filter_map(move |change| {
            let event = match (change, &only) {
                (Ok(changed), Some(only)) if changed != *only => None,
                (Ok(changed), _) => Some(Event::default().event("changed").data(changed.0)),
                // Some changes were missed: fetching the page again shows them all.
                (Err(_), _) => Some(Event::default().event("changed").data("")),
            };
            futures::future::ready(event.map(Ok))
        })
        .take_until(shared.console.shutdown.clone().cancelled_owned())
        .map(move |event| {
            // Held until the stream is dropped.
            let _held = &permit;
            event
        });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}
