//! Watches: nothing ever changes in a snapshot, so after the objects that are there the stream stays silent.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::Response;
use futures::{StreamExt, stream};
use serde_json::json;

use super::Cluster;
use super::list::Selection;
use super::resources::{Resource, Target};
use super::status::Refusal;
use super::store::present;
use crate::demo::http::{Asked, reply};

/// How long a watch stays open when the client does not say; the real server closes it after five to ten minutes.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

/// Sends the existing objects as `ADDED` unless the client knows them, then stays open.
pub(super) fn watch(
    cluster: &Cluster,
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
    let knows = asked.params.get("resourceVersion").is_some_and(|version| version != "0")
        && !asked.params.flag("sendInitialEvents");
    let mut events = String::new();
    if !knows {
        for (_, item) in cluster
            .store
            .visible(resource, target.namespace.as_deref(), &cluster.clock)
            .filter(|(_, item)| selection.matches(item))
        {
            let mut object = present(item, &cluster.clock);
            object["kind"] = json!(resource.kind);
            object["apiVersion"] = json!(resource.api_version());
            events.push_str(&json!({"type": "ADDED", "object": object}).to_string());
            events.push('\n');
        }
    }
    if asked.params.flag("sendInitialEvents") {
        let metadata = json!({"resourceVersion": cluster.store.resource_version(), "annotations": {"k8s.io/initial-events-end": "true"}});
        let bookmark = json!({"type": "BOOKMARK", "object": {"kind": resource.kind, "apiVersion": resource.api_version(), "metadata": metadata}});
        events.push_str(&format!("{bookmark}\n"));
    }
    let first = stream::iter([Ok::<Bytes, std::io::Error>(Bytes::from(events))]);
    let silence = stream::once(async move {
        tokio::time::sleep(timeout).await;
        Ok(Bytes::new())
    });
    Ok(reply(StatusCode::OK, "application/json", Body::from_stream(first.chain(silence))))
}
