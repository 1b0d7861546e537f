//! Reading from the Kubernetes API: what a workload, a node, a Service looks like now, and what changed.
//!
//! Everything here is read-only, and Secrets are not read at all, not even their names by listing: there is no RBAC rule
//! for them ([`PERMISSIONS`] is the whole list). A piece that is refused or missing costs that piece: the answer is a
//! [`Partial`] which says what could not be read.
//!
//! In reading order: `connect` makes the client, `api` is the one place that sends requests, with its bounds;
//! `resolve` and `owners` find what an alert is about; `workload` puts a workload's state together out of
//! `shape`, `pods`, `rollouts` (with `diff`), `services`, `autoscaler`, `claims` and `jobs`;
//! `events`, `changes`, `nodes`, `namespaces` and `logs` answer their own questions; `check` tells an
//! operator which permission is missing.

mod api;
mod autoscaler;
mod browse;
mod by_address;
mod changes;
mod check;
mod claims;
mod conditions;
mod connect;
mod containers;
mod diff;
mod diff_container;
mod error;
mod event_scope;
mod events;
mod harmless;
mod jobs;
mod logs;
mod managed;
mod namespaces;
mod nodes;
mod owners;
mod permissions;
mod pods;
mod resolve;
mod revisions;
mod rollouts;
mod selector;
mod services;
mod shape;
mod time;
mod workload;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::domain::subject::ObjectRef;

pub use crate::adapters::permission::Permission;
pub use browse::{Browsed, KINDS, Kind, kind_named};
pub use connect::{Connection, ConnectionSource};
pub use error::ClusterError;
pub use event_scope::EventScope;
pub use logs::{LogRequest, PodLogLine, PodLogs};
pub(super) use managed::by as managed_by;
pub use permissions::PERMISSIONS;

/// An answer that may lack pieces, and why it lacks them.
#[derive(Debug, Clone, Default)]
pub struct Partial<T> {
    /// What could be read.
    pub value: T,
    /// One entry for each piece that was refused or did not answer; empty when `value` is whole.
    pub missing: Vec<ClusterError>,
}

impl<T> Partial<T> {
    /// Notes why a piece is missing, once: five lists refused for the same reason are one line for a person.
    fn lacks(&mut self, error: ClusterError) {
        if !self.missing.contains(&error) {
            self.missing.push(error);
        }
    }

    /// The piece, or its default with a note why it is missing.
    fn take<P: Default>(&mut self, piece: Result<P, ClusterError>) -> P {
        piece.unwrap_or_else(|error| {
            self.lacks(error);
            P::default()
        })
    }
}

/// The Kubernetes API of one cluster. Cloning is cheap and shares the connection and the cache.
#[derive(Clone)]
pub struct Cluster {
    api: api::Api,
    /// Owners by `namespace/Kind/name`; see [`owners`].
    owners: moka::future::Cache<String, Option<ObjectRef>>,
}

impl Cluster {
    /// Reads through `client`; each request may take `timeout`.
    pub fn new(client: kube::Client, timeout: Duration) -> Self {
        Self { api: api::Api::new(client, timeout), owners: owners::cache() }
    }

    /// The same cluster with no request going on after `until`: what is slow then is a missing piece of its answer.
    pub fn until(&self, until: tokio::time::Instant) -> Self {
        Self { api: self.api.until(until), owners: self.owners.clone() }
    }
}
