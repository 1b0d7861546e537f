//! Events: what controllers, scheduler and kubelets noted, added up so that a crash loop is one line.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use k8s_openapi::api::core::v1::Event;

use super::api::Query;
use super::time::{at, at_micro};
use super::{Cluster, ClusterError, EventScope};
use crate::domain::cluster::EventFact;
use crate::domain::subject::{self, SubjectKind};
use crate::domain::text;
use crate::domain::window::Window;

/// Events read in a namespace: 20 pages of about 1 MB, one in memory at a time. They live for an hour; a namespace with
/// more has a storm, of which the first ten thousand tell enough.
const MAX_READ: usize = 10_000;
/// Lines kept.
const MAX_KEPT: usize = 40;
/// Longest message; the API's own bound is 1 KiB.
const MAX_MESSAGE_BYTES: usize = 1024;
/// Where events about nodes are written.
const NODE_EVENTS: &str = "default";

/// An event with its times sorted out.
#[derive(Debug, Clone)]
pub(super) struct Noted {
    pub kind: String,
    pub reason: String,
    pub object_kind: String,
    pub object: String,
    pub message: String,
    pub count: u32,
    pub first: Option<DateTime<Utc>>,
    pub last: Option<DateTime<Utc>>,
}

impl Cluster {
    /// Events of `scope` that happened in `window`, newest first.
    pub async fn events(
        &self,
        namespace: &str,
        scope: &EventScope,
        window: Window,
    ) -> Result<Vec<EventFact>, ClusterError> {
        let mut query = Query::of(namespace, MAX_READ);
        // One object: the server can find it. More than that is cheaper read once than asked for one by one.
        if let EventScope::Of { names, families } = scope
            && families.is_empty()
            && let (1, Some(name)) = (names.len(), names.first())
        {
            query = query.field("involvedObject.name", name);
        }
        let noted = self.noted(query, |noted| scope.holds(&noted.object_kind, &noted.object) && noted.overlaps(window));
        Ok(added_up(noted.await?))
    }

    /// Events about a node that happened in `window`, newest first.
    pub async fn node_events(&self, node: &str, window: Window) -> Result<Vec<EventFact>, ClusterError> {
        let query =
            Query::of(NODE_EVENTS, MAX_READ).field("involvedObject.kind", "Node").field("involvedObject.name", node);
        Ok(added_up(self.noted(query, |noted| noted.overlaps(window)).await?))
    }

    /// Events about all nodes.
    pub(super) async fn all_node_events(&self, window: Window) -> Result<Vec<Noted>, ClusterError> {
        let query = Query::of(NODE_EVENTS, MAX_READ).fields("involvedObject.kind=Node");
        self.noted(query, |noted| noted.object_kind == "Node" && noted.overlaps(window)).await
    }

    pub(super) async fn noted(&self, query: Query, keep: impl Fn(&Noted) -> bool) -> Result<Vec<Noted>, ClusterError> {
        let listed = self.api.list::<Event, _>(query, |event| Some(noted(event)).filter(&keep));
        Ok(listed.await?.items)
    }
}

impl Noted {
    pub fn overlaps(&self, window: Window) -> bool {
        let begins = self.first.or(self.last).is_some_and(|first| first <= window.to);
        begins && self.last.is_some_and(|last| last >= window.from)
    }
}

fn noted(event: Event) -> Noted {
    let once = at_micro(event.event_time.as_ref()).or_else(|| at(event.metadata.creation_timestamp.as_ref()));
    // A series counts what happened after the first.
    let (series_count, series_last) = match &event.series {
        Some(series) => (series.count, at_micro(series.last_observed_time.as_ref())),
        None => (None, None),
    };
    let first = at(event.first_timestamp.as_ref()).or(once);
    let count = event.count.or(series_count).unwrap_or(1).max(1);
    Noted {
        kind: event.type_.unwrap_or_default(),
        reason: event.reason.unwrap_or_default(),
        object_kind: event.involved_object.kind.unwrap_or_default(),
        object: event.involved_object.name.unwrap_or_default(),
        message: text::line(&event.message.unwrap_or_default(), MAX_MESSAGE_BYTES),
        count: u32::try_from(count).unwrap_or(1),
        first,
        last: series_last.max(at(event.last_timestamp.as_ref())).or(first),
    }
}

/// One line for each type, reason, kind of message and family of objects.
fn added_up(all: Vec<Noted>) -> Vec<EventFact> {
    let mut groups: BTreeMap<[String; 5], (EventFact, BTreeSet<String>)> = BTreeMap::new();
    for noted in all {
        let family = family(&noted.object_kind, &noted.object);
        let key = [
            noted.kind.clone(),
            noted.reason.clone(),
            noted.object_kind.clone(),
            family.clone(),
            shape(&noted.message),
        ];
        let (fact, objects) = groups.entry(key).or_insert_with(|| {
            let fact = EventFact {
                kind: noted.kind.clone(),
                reason: noted.reason.clone(),
                object: String::new(),
                message: String::new(),
                count: 0,
                first: noted.first,
                last: None,
            };
            (fact, BTreeSet::new())
        });
        fact.count = fact.count.saturating_add(noted.count);
        fact.first = fact.first.into_iter().chain(noted.first).min();
        if noted.last >= fact.last {
            fact.last = noted.last;
            fact.message = noted.message;
        }
        objects.insert(noted.object.clone());
        fact.object = match objects.len() {
            1 => format!("{} {}", noted.object_kind, noted.object),
            many => format!("{} {family}-* ({many})", noted.object_kind),
        };
    }
    let mut facts: Vec<EventFact> = groups.into_values().map(|(fact, _)| fact).collect();
    // Warnings stay where there is no room for all; within the bound, time alone decides.
    facts.sort_by_key(|fact| (fact.kind != "Warning", std::cmp::Reverse(fact.last)));
    facts.truncate(MAX_KEPT);
    facts.sort_by_key(|fact| std::cmp::Reverse(fact.last));
    facts
}

/// What pods of one owner share: `web` for `web-7464b59bfd-6rjrg`.
fn family(kind: &str, name: &str) -> String {
    match kind {
        "Pod" => match subject::owner_of_pod(name) {
            (SubjectKind::Pod, name) | (_, name) => name,
        },
        "ReplicaSet" => subject::owner_of_pod(&format!("{name}-xxxxx")).1,
        "Job" => subject::owner_of_job(name).1,
        _ => name.to_owned(),
    }
}

/// The first words of a message without what varies: `Failed to pull` and `Error: ErrImagePull` are two stories under
/// one reason, as are failing readiness and liveness probes.
fn shape(message: &str) -> String {
    let fixed = |word: &str| !word.contains(|c: char| c.is_ascii_digit() || matches!(c, '"' | '/' | '-' | '.'));
    let words = message.split_whitespace().take(3).map(|word| if fixed(word) { word } else { "*" });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn event(value: Value) -> Noted {
        let mut event = json!({"metadata": {}, "involvedObject": {"kind": "Pod", "name": "web-7464b59bfd-6rjrg"}});
        event.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        noted(serde_json::from_value(event).unwrap())
    }

    #[test]
    fn the_same_trouble_of_many_pods_is_one_line() {
        let facts = added_up(vec![
            event(json!({
                "type": "Warning", "reason": "BackOff", "message": "Back-off restarting failed container",
                "count": 24, "firstTimestamp": "2026-11-22T22:48:40Z", "lastTimestamp": "2026-11-22T22:54:54Z",
            })),
            event(json!({
                "type": "Warning", "reason": "BackOff", "message": "Back-off restarting failed container",
                "involvedObject": {"kind": "Pod", "name": "web-7464b59bfd-892tq"},
                "count": 20, "firstTimestamp": "2026-11-22T22:48:42Z", "lastTimestamp": "2026-11-22T22:54:50Z",
            })),
            event(json!({
                "type": "Warning", "reason": "Failed", "message": "Failed to pull image \"web:9\": not found",
                "count": 1, "lastTimestamp": "2026-11-22T22:51:00Z",
            })),
            event(json!({
                "type": "Warning", "reason": "Failed", "message": "Error: ErrImagePull",
                "count": 1, "lastTimestamp": "2026-11-22T22:51:01Z",
            })),
            // From events.k8s.io, where a series holds the count.
            event(json!({
                "type": "Warning", "reason": "FailedScheduling", "message": "0/3 nodes are available",
                "eventTime": "2026-11-22T22:40:00.000000Z",
                "series": {"count": 7, "lastObservedTime": "2026-11-22T22:50:00.000000Z"},
            })),
        ]);
        let lines: Vec<_> = facts
            .iter()
            .map(|f| {
                format!("{} {} ×{} {}: {}", f.last.unwrap().format("%H:%M:%S"), f.reason, f.count, f.object, f.message)
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        22:54:54 BackOff ×44 Pod web-* (2): Back-off restarting failed container
        22:51:01 Failed ×1 Pod web-7464b59bfd-6rjrg: Error: ErrImagePull
        22:51:00 Failed ×1 Pod web-7464b59bfd-6rjrg: Failed to pull image "web:9": not found
        22:50:00 FailedScheduling ×7 Pod web-7464b59bfd-6rjrg: 0/3 nodes are available
        "#);
    }
}
