//! Notifications become incidents, and an incident's first message is written, before anything is investigated.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use futures::StreamExt as _;

use super::{AUTHOR, Context, MAX_CONFLICTS, places};
use crate::domain::audit::AuditDraft;
use crate::domain::correlate::{self, Known, Placed};
use crate::domain::event::{Event, EventId};
use crate::domain::incident::{Changed, Incident, IncidentId, Joined, Progress};
use crate::domain::notification::Notification;
use crate::domain::post::{PostDraft, PostKind};
use crate::domain::trace::TraceParent;
use crate::ports::{Lease, StoreError, Timer, Versioned, Write};
use crate::telemetry::counters::seconds;

/// Notifications that are placed at once: a batch must not wait for a slow cluster as often as it has notifications.
const PLACED_AT_ONCE: usize = 8;
/// How often a batch is tried again when an incident of it was changed meanwhile, before it is divided.
const MAX_CONFLICTS_OF_MANY: usize = 3;

/// Handles a batch of notifications in one write: in a storm, a hundred deliveries cost one.
///
/// Only whoever has the `turn` does so, among all replicas: where an alert belongs is decided by what was opened before,
/// and two who decide at once would open two incidents for one trouble.
///
/// # Errors
/// When the store does not take the result; nothing was written then, and the batch may be handled again.
/// [`StoreError::Conflict`]: others were faster each time, which smaller batches suffer less from.
pub async fn notifications(
    context: &Context,
    batch: Vec<(EventId, Notification)>,
    turn: &Lease,
) -> Result<(), StoreError> {
    let handled: Vec<EventId> = batch.iter().map(|(event, _)| *event).collect();
    let received: Vec<DateTime<Utc>> = batch.iter().map(|(_, notification)| notification.received_at).collect();
    let traces: HashMap<EventId, TraceParent> =
        batch.iter().filter_map(|(event, notification)| Some((*event, notification.trace.clone()?))).collect();
    let placed = futures::stream::iter(batch).map(async |(event, mut notification)| {
        for alert in &mut notification.alerts {
            for text in alert.annotations.values_mut().chain(alert.labels.values_mut()) {
                *text = context.redactor.redact(text).into_owned();
            }
        }
        (event, places::place(context, notification.alerts, notification.received_at).await)
    });
    let deliveries: Vec<(EventId, Vec<Placed>)> = placed.buffered(PLACED_AT_ONCE).collect().await;
    let mut overtaken = None;
    for _ in 0..if handled.len() > 1 { MAX_CONFLICTS_OF_MANY } else { MAX_CONFLICTS } {
        let now = (context.clock)();
        let (mut known, versions) = load(context, &deliveries, now).await?;
        let touched = fold(context, &deliveries, &mut known, now);
        let writes = touched.iter().map(|touched| write(context, touched, &versions, &traces, now));
        let writes = writes.map(|write| Write { lease: Some(turn.clone()), ..write }).collect();
        match context.commit(writes, &handled).await {
            Ok(()) => {
                count(context, &touched, &received);
                return Ok(());
            }
            Err(StoreError::Conflict(by)) => overtaken = Some(by),
            Err(error) => return Err(error),
        }
    }
    overtaken.map_or(Ok(()), |by| Err(StoreError::Conflict(by)))
}

/// An incident after the whole batch.
struct Touched {
    incident: Incident,
    changed: Changed,
    last_event: EventId,
}

/// Reads every incident that the batch may touch.
async fn load(
    context: &Context,
    deliveries: &[(EventId, Vec<Placed>)],
    now: DateTime<Utc>,
) -> Result<(Known, HashMap<IncidentId, u64>), StoreError> {
    let placed = || deliveries.iter().flat_map(|(_, placed)| placed);
    let fingerprints: BTreeSet<String> = placed().map(|placed| placed.alert.fingerprint.clone()).collect();
    let fingerprints: Vec<String> = fingerprints.into_iter().collect();
    let key_of_fingerprint: HashMap<String, String> =
        context.store.keys_by_fingerprint(&fingerprints).await?.into_iter().collect();
    let mut keys: BTreeSet<String> = key_of_fingerprint.values().cloned().collect();
    for placed in placed() {
        keys.insert(placed.key.clone());
        keys.extend(correlate::fold_keys(&placed.subject));
    }
    let keys: Vec<String> = keys.into_iter().collect();
    let incidents = context.store.incidents_by_key(&keys).await?;
    let opened = context.store.opened_since(now - context.rules.storm_window).await?;
    let versions = incidents.iter().map(|incident| (incident.value.id.clone(), incident.version)).collect();
    let by_key = incidents.into_iter().map(|incident| (incident.value.key.clone(), incident.value)).collect();
    Ok((Known { by_key, key_of_fingerprint, opened }, versions))
}

fn fold(
    context: &Context,
    deliveries: &[(EventId, Vec<Placed>)],
    known: &mut Known,
    now: DateTime<Utc>,
) -> Vec<Touched> {
    let mut touched: Vec<Touched> = Vec::new();
    for (event, placed) in deliveries {
        for outcome in correlate::fold(*event, placed.clone(), known, &context.rules, now) {
            match touched.iter_mut().find(|touched| touched.incident.id == outcome.incident.id) {
                Some(before) => {
                    before.incident = outcome.incident;
                    before.changed.and_then(outcome.changed);
                    before.last_event = *event;
                }
                None => {
                    touched.push(Touched { incident: outcome.incident, changed: outcome.changed, last_event: *event })
                }
            }
        }
    }
    touched
}

fn write(
    context: &Context,
    touched: &Touched,
    versions: &HashMap<IncidentId, u64>,
    traces: &HashMap<EventId, TraceParent>,
    now: DateTime<Utc>,
) -> Write {
    let Touched { incident, changed, last_event } = touched;
    let mut incident = incident.clone();
    let mut timers = Vec::new();
    if changed.wants_investigation() {
        incident.wanted += 1;
        incident.trace = traces.get(last_event).cloned();
        // What was found so far is about the time before; a run under way says so itself.
        if matches!(incident.progress, Progress::Done { .. }) {
            incident.progress = Progress::Waiting;
        }
        timers.push(investigation_timer(&incident.id, now, None));
    }
    if changed.resolved {
        let event = Event::Settle { incident: incident.id.clone() };
        timers.push(Timer { key: format!("settle:{}", incident.id), due: now, event });
    }
    let joined = incident.tell_joined(changed, *last_event, now).cloned();
    let version = versions.get(&incident.id).copied().unwrap_or(0);
    Write {
        posts: posts(context, &incident, changed, joined.as_ref(), now),
        timers,
        audit: audit(&incident, changed, now),
        ..Write::new(Versioned { version, value: incident })
    }
}

/// The timer that has an incident investigated.
pub(super) fn investigation_timer(incident: &IncidentId, due: DateTime<Utc>, requested_by: Option<String>) -> Timer {
    let event = Event::Investigate { incident: incident.clone(), requested_by };
    Timer { key: format!("investigate:{incident}"), due, event }
}

/// What the thread says. Repeats say nothing; counts are told by editing the root, and what joins within a while by editing
/// one message.
fn posts(
    context: &Context,
    incident: &Incident,
    changed: &Changed,
    joined: Option<&Joined>,
    now: DateTime<Utc>,
) -> Vec<PostDraft> {
    let render = &context.render;
    let post =
        |key: String, kind, text| PostDraft { key, kind, author: AUTHOR.into(), text, evidence: Vec::new(), at: now };
    let mut posts = Vec::new();
    if changed.is_material() {
        posts.push(post("root".into(), PostKind::Root, render.root(incident)));
    }
    if changed.reopened {
        posts.push(post(format!("reopened:{}", incident.reopened), PostKind::Update, render.reopened(incident)));
    }
    if let Some(Joined { event, changed, .. }) = joined {
        posts.push(post(format!("update:{event}"), PostKind::Update, render.update(incident, changed)));
    }
    if changed.resolved {
        posts.push(post(format!("resolved:{}", incident.reopened), PostKind::Resolved, render.resolved(incident, &[])));
    }
    posts
}

fn audit(incident: &Incident, changed: &Changed, now: DateTime<Utc>) -> Vec<AuditDraft> {
    let entry = |action: &str| AuditDraft {
        at: now,
        actor: AUTHOR.into(),
        action: action.into(),
        incident: Some(incident.id.clone()),
        detail: incident.title.clone(),
    };
    let Changed { opened, reopened, resolved, .. } = changed;
    [(*opened, "incident.opened"), (*reopened, "incident.reopened"), (*resolved, "incident.resolved")]
        .into_iter()
        .filter(|(happened, _)| *happened)
        .map(|(_, action)| entry(action))
        .collect()
}

fn count(context: &Context, touched: &[Touched], received: &[DateTime<Utc>]) {
    let now = (context.clock)();
    for touched in touched {
        context.counters.incidents_opened.inc_by(u64::from(touched.changed.opened));
        context.counters.incidents_resolved.inc_by(u64::from(touched.changed.resolved));
        if touched.changed.opened {
            tracing::info!(incident = %touched.incident.id, "opened incident {}: {}", touched.incident.id, touched.incident.title);
            if let Some(since) = received.iter().min() {
                context.counters.first_message_seconds.observe_between(now - *since);
            }
        }
        let incident = &touched.incident;
        if let Some(over) = incident.resolved_at.filter(|_| touched.changed.resolved) {
            context.counters.time_to_resolve.observe(seconds(over - incident.started_at));
        }
    }
}
