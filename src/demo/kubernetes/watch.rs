//! Watches: first what is there, unless the client knows it, then every change until the time is over.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::Response;
use futures::{StreamExt, stream};
use serde_json::json;
use tokio::time::Instant;

use super::list::Selection;
use super::resources::{Resource, Target};
use super::status::Refusal;
use super::store::Store;
use super::{Server, named};
use crate::demo::http::{Asked, reply};

/// How long a watch stays open when the client does not say; the real server closes it after five to ten minutes.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

/// How soon a watch shows what the controllers did.
const TICK: Duration = Duration::from_millis(100);

/// What an open watch looks for, and how far it has come.
struct Open {
    server: Arc<Server>,
    resource: Resource,
    namespace: Option<String>,
    selection: Selection,
    revision: u64,
    until: Instant,
}

/// Opens one.
pub(super) fn watch(
    server: &Arc<Server>,
    store: &Store,
    asked: &Asked,
    target: &Target,
    resource: &Resource,
) -> Result<Response, Refusal> {
    let selection = Selection::read(asked, resource)?;
    let timeout = asked
        .params
        .get("timeoutSeconds")
        .and_then(|text| text.parse().ok())
        .map_or(DEFAULT_TIMEOUT, Duration::from_secs);
    let known = asked.params.get("resourceVersion").filter(|version| *version != "0");
    let knows = known.is_some() && !asked.params.flag("sendInitialEvents");
    let mut events = String::new();
    if !knows {
        for (_, item) in store
            .visible(resource, target.namespace.as_deref(), &server.clock)
            .filter(|(_, item)| selection.matches(item))
        {
            let object = named(resource, store.present(item, server.clock.visible_until(), server.clock.end()));
            events.push_str(&format!("{}\n", json!({"type": "ADDED", "object": object})));
        }
    }
    if asked.params.flag("sendInitialEvents") {
        let metadata =
            json!({"resourceVersion": store.resource_version(), "annotations": {"k8s.io/initial-events-end": "true"}});
        let bookmark = json!({"type": "BOOKMARK", "object": {"kind": resource.kind, "apiVersion": resource.api_version(), "metadata": metadata}});
        events.push_str(&format!("{bookmark}\n"));
    }
    let revision = known.filter(|_| knows).and_then(|version| version.parse().ok()).unwrap_or(store.revision());
    let open = Open {
        server: server.clone(),
        resource: resource.clone(),
        namespace: target.namespace.clone(),
        selection,
        revision,
        until: Instant::now() + timeout,
    };
    let first = stream::iter([Bytes::from(events)]);
    let rest = stream::unfold(Some(open), next);
    let lines = first.chain(rest).map(Ok::<Bytes, std::io::Error>);
    Ok(reply(StatusCode::OK, "application/json", Body::from_stream(lines)))
}

/// Waits for the next changes; `None` when the time is over.
async fn next(open: Option<Open>) -> Option<(Bytes, Option<Open>)> {
    let mut open = open?;
    while Instant::now() < open.until {
        open.server.advance();
        match open.changes() {
            Some(lines) if lines.is_empty() => {}
            Some(lines) => return Some((Bytes::from(lines), Some(open))),
            None => {
                let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                    "message": format!("too old resource version: {}", open.revision), "reason": "Expired", "code": 410});
                return Some((Bytes::from(format!("{}\n", json!({"type": "ERROR", "object": status}))), None));
            }
        }
        tokio::time::sleep_until(open.until.min(Instant::now() + TICK)).await;
    }
    None
}

impl Open {
    fn changes(&mut self) -> Option<String> {
        let store = self.server.locked();
        let changes = store.changes_after(self.revision, &self.resource)?;
        let mut lines = String::new();
        for change in changes {
            self.revision = change.revision;
            let inside = self.namespace.as_deref().is_none_or(|only| change.object["metadata"]["namespace"] == *only);
            if inside && self.selection.matches(&change.object) {
                let object = named(&self.resource, change.object);
                lines.push_str(&format!("{}\n", json!({"type": change.kind.as_str(), "object": object})));
            }
        }
        Some(lines)
    }
}
