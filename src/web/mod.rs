//! The outside comes in here: verify, parse, enqueue, read. Nothing else is done, which is what makes it quick.

pub mod alertmanager;
pub mod api;
pub mod console;
pub mod health;
pub mod holmesgpt;
pub mod host;
pub mod mattermost;
pub mod refusals;
pub mod serve;
pub mod slack;
pub mod verify;

use tokio::sync::broadcast;

use crate::domain::incident::IncidentId;

/// Waits until an incident changed, or changes were missed.
async fn change_of(changes: &mut broadcast::Receiver<IncidentId>, incident: &IncidentId) {
    while changes.recv().await.is_ok_and(|changed| changed != *incident) {}
}

/// A time as every answer writes it: RFC 3339, UTC.
fn rfc3339(at: chrono::DateTime<chrono::Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}
