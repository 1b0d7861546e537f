//! Takes events from the store and has them handled: one loop for the inbox, one for timers.
//!
//! The inbox is handled in order and in batches, and waits for a neighbour no longer than a turn. Everything slow is a timer:
//! it runs beside others under a lease of its own, and stays stored until it is done.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::execute::Hands;
use super::{AUTHOR, Context, answer, command, decide, handle, intake, press, propose, update};
use crate::domain::audit::AuditDraft;
use crate::domain::event::{Event, EventId};
use crate::domain::incident::IncidentId;
use crate::ports::{Claimed, Lease, StoreError, Timer, Write};

/// Events of one batch.
const BATCH: usize = 64;
/// The lease of whoever handles the inbox.
const INBOX: &str = "inbox";
/// How long that lease and a claimed event are held, and so how long the inbox waits when its replica dies. A batch takes
/// well under a second, and 2 s if the cluster lets every look at an alert's owner time out.
const HOLD: TimeDelta = TimeDelta::seconds(10);
/// How long a turn lasts while there is something to do: well within `HOLD`, a slow batch included.
const TURN: Duration = Duration::from_secs(3);
/// How long a turn lasts without anything to do. A storm is one turn, not one a batch.
const QUIET: Duration = Duration::from_secs(1);
/// How long the loops sleep when there is nothing to do. It bounds the first message of a thread.
const IDLE: Duration = Duration::from_millis(25);
/// Attempts before an event is given up.
const MAX_ATTEMPTS: u32 = 8;
/// Timers looked at in one round.
const TIMERS: usize = 512;
/// Proposals that are made, done and watched, and incidents that are ended, at once; each is a few requests.
const ACTIONS: usize = 32;
/// How long a timer is left alone that ran and is still due: mostly another replica is at its incident. Without this, the
/// timers that others are at would take every free place, again and again, before those that nobody is at.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// Conversations with the model that are under way or wait for it; beyond, they wait here. Each is a few KiB.
const CONVERSATIONS: usize = 64;

/// Handles the inbox until `stop`, when it is this replica's turn.
pub async fn inbox(context: Arc<Context>, stop: CancellationToken) {
    let mut turn = None;
    while !stop.is_cancelled() {
        match round(&context, &mut turn).await {
            Ok(Round::Handled) => {}
            Ok(Round::Quiet) => idle(IDLE, &stop).await,
            Err(error) => {
                // What was claimed is claimed again, by whoever has the next turn.
                tracing::error!("handle the inbox: {error:#}");
                turn = None;
                idle(Duration::from_secs(1), &stop).await;
            }
        }
    }
    if let Some(turn) = turn
        && let Err(error) = context.store.release(&turn.lease).await
    {
        tracing::warn!("hand the inbox over: {error:#}");
    }
}

/// The right to handle the inbox, for a while.
struct Turn {
    lease: Lease,
    since: Instant,
    used: Instant,
}

/// What one round found.
enum Round {
    Handled,
    Quiet,
}

async fn round(context: &Context, turn: &mut Option<Turn>) -> Result<Round, StoreError> {
    let store = &context.store;
    if let Some(over) = turn.take_if(|turn| turn.since.elapsed() > TURN || turn.used.elapsed() > QUIET) {
        store.release(&over.lease).await?;
    }
    if turn.is_none() {
        // Asked many times a second: an empty inbox must cost a look, not a write.
        if store.inbox().await?.waiting == 0 {
            return Ok(Round::Quiet);
        }
        let Some(lease) = store.lease(INBOX, HOLD, (context.clock)()).await? else { return Ok(Round::Quiet) };
        *turn = Some(Turn { lease, since: Instant::now(), used: Instant::now() });
    }
    let Some(turn) = turn else { return Ok(Round::Quiet) };
    let claimed = store.claim(BATCH, HOLD, (context.clock)()).await?;
    if claimed.is_empty() {
        return Ok(Round::Quiet);
    }
    handle_batch(context, claimed, &turn.lease).await?;
    turn.used = Instant::now();
    Ok(Round::Handled)
}

pub(super) async fn idle(time: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = stop.cancelled() => {}
    }
}

async fn handle_batch(context: &Context, claimed: Vec<Claimed>, turn: &Lease) -> Result<(), StoreError> {
    let mut notifications = Vec::new();
    let mut others = Vec::new();
    for claimed in claimed {
        match claimed.event {
            Event::Notification(notification) => notifications.push((claimed.id, claimed.attempt, notification)),
            event => others.push((claimed.id, claimed.attempt, event)),
        }
    }
    let mut parts = vec![notifications];
    while let Some(mut part) = parts.pop() {
        let batch = part.iter().map(|(id, _, notification)| (*id, notification.clone())).collect();
        match caught(intake::notifications(context, batch, turn)).await {
            Ok(()) => {}
            Err(error @ StoreError::LeaseLost(_)) => return Err(error),
            Err(error) if part.len() > 1 => {
                tracing::debug!(events = part.len(), "handle notifications together: {error:#}; dividing them");
                // A store that is down is down for each of them.
                context.store.inbox().await?;
                let rest = part.split_off(part.len() / 2);
                parts.extend([rest, part]);
            }
            Err(error) => {
                for (id, attempt, _) in part {
                    settle(context, id, attempt, &error).await;
                }
            }
        }
    }
    // Who decides is looked up in their chat: one that hangs must not keep alerts waiting for all of a batch.
    let began = Instant::now();
    for (id, attempt, event) in others {
        if began.elapsed() > TURN {
            context.store.retry(id, (context.clock)()).await?;
        } else if let Err(error) = caught(postpone(context, id, event)).await {
            settle(context, id, attempt, &error).await;
        }
    }
    Ok(())
}

/// A fault in the handling of one event is an error of that event: it must not stop what is not its own.
async fn caught(work: impl Future<Output = Result<(), StoreError>>) -> Result<(), StoreError> {
    // Boxed: a use case with everything that it may call is large, and its callers' stacks are not.
    let handled = AssertUnwindSafe(Box::pin(work)).catch_unwind().await;
    handled.unwrap_or_else(|_| Err(StoreError::Unavailable(anyhow!("a fault of our own; the log says where"))))
}

/// Turns a wish into a timer, so that the inbox does not wait for it.
async fn postpone(context: &Context, id: EventId, event: Event) -> Result<(), StoreError> {
    let now = (context.clock)();
    match event {
        Event::Investigate { incident, requested_by } => investigate_later(context, id, incident, requested_by).await?,
        Event::Ask(question) => answer::note(context, id, question).await?,
        // These are timers from the beginning.
        Event::Notification(_)
        | Event::Explain { .. }
        | Event::Answer { .. }
        | Event::Settle { .. }
        | Event::Propose { .. }
        | Event::Execute { .. }
        | Event::Verify { .. }
        | Event::Expire { .. } => {}
        Event::Pressed(pressed) => press::handle(context, id, pressed).await?,
        Event::Command(typed) => command::handle(context, id, typed).await?,
        Event::Decide(decided) => {
            decide::decide(context, Some(id), &decided).await?;
        }
        Event::Wish(wish) => propose::note(context, Some(id), wish).await?,
    }
    context.store.commit(Vec::new(), &[id], now).await
}

pub(super) async fn investigate_later(
    context: &Context,
    id: EventId,
    incident: IncidentId,
    requested_by: Option<String>,
) -> Result<(), StoreError> {
    let now = (context.clock)();
    update(context, &incident, |mut incident| {
        if incident.value.has_handled(id) {
            return None;
        }
        incident.value.remember(id);
        incident.value.wanted += 1;
        let audit = AuditDraft {
            at: now,
            actor: requested_by.clone().unwrap_or_else(|| AUTHOR.into()),
            action: "investigation.requested".into(),
            incident: Some(incident.value.id.clone()),
            detail: incident.value.title.clone(),
        };
        let timer = intake::investigation_timer(&incident.value.id, now, requested_by.clone());
        Some(Write { timers: vec![timer], audit: vec![audit], ..Write::new(incident) })
    })
    .await
}

/// An event that failed is tried again later, and in the end kept aside with the reason.
async fn settle(context: &Context, id: EventId, attempt: u32, error: &StoreError) {
    let now = (context.clock)();
    let kept = if attempt >= MAX_ATTEMPTS {
        tracing::error!(event = %id, attempt, "give event {id} up: {error:#}");
        context.store.bury(id, &format!("{error:#}"), now).await
    } else {
        tracing::warn!(event = %id, attempt, "event {id} will be handled again: {error:#}");
        context.store.retry(id, now + TimeDelta::seconds(1 << attempt.min(6))).await
    };
    if let Err(error) = kept {
        // It stays claimed, and is handled again when the claim ends.
        tracing::error!(event = %id, "give event {id} back: {error:#}");
    }
}

/// Runs timers until `stop`: at most `concurrent` investigations at once, each alone on its incident.
pub async fn timers(context: Arc<Context>, hands: Option<Arc<Hands>>, concurrent: usize, stop: CancellationToken) {
    let investigations = Arc::new(Semaphore::new(concurrent));
    // Waiting for a slow model must not keep others from being investigated.
    let conversations = Arc::new(Semaphore::new(CONVERSATIONS));
    // What people decided waits for nothing but itself.
    let actions = Arc::new(Semaphore::new(ACTIONS));
    let running: Arc<Mutex<Running>> = Arc::default();
    let mut tasks = JoinSet::new();
    while !stop.is_cancelled() {
        while tasks.try_join_next().is_some() {}
        let due = match context.store.due(TIMERS, (context.clock)()).await {
            Ok(due) => due,
            Err(error) => {
                tracing::error!("read the timers: {error:#}");
                idle(Duration::from_secs(1), &stop).await;
                continue;
            }
        };
        lock(&running).forget();
        for timer in due {
            if lock(&running).is_left_alone(&timer) {
                continue;
            }
            let Some(incident) = timer.event.incident().cloned() else { continue };
            let permits = match timer.event {
                Event::Explain { .. } | Event::Answer { .. } => &conversations,
                Event::Wish(_)
                | Event::Propose { .. }
                | Event::Execute { .. }
                | Event::Verify { .. }
                | Event::Expire { .. }
                | Event::Settle { .. } => &actions,
                Event::Investigate { .. } => &investigations,
                Event::Notification(_) | Event::Ask(_) | Event::Pressed(_) | Event::Command(_) | Event::Decide(_) => {
                    continue;
                }
            };
            let Ok(permit) = Arc::clone(permits).try_acquire_owned() else { continue };
            lock(&running).now.insert(timer.key.clone());
            let (context, hands, running) = (Arc::clone(&context), hands.clone(), Arc::clone(&running));
            tasks.spawn(async move {
                let (key, due) = (timer.key.clone(), timer.due);
                run_timer(&context, hands.as_deref(), &incident, timer).await;
                lock(&running).ended(key, due);
                drop(permit);
            });
        }
        idle(IDLE, &stop).await;
    }
    // What runs has its own deadline; `app` bounds the wait.
    while tasks.join_next().await.is_some() {}
}

/// The timers that run in this process, and those that ran a moment ago.
#[derive(Default)]
struct Running {
    now: HashSet<String>,
    ended: HashMap<String, (DateTime<Utc>, Instant)>,
}

impl Running {
    fn is_left_alone(&self, timer: &Timer) -> bool {
        // One that was set anew is due at another time.
        self.now.contains(&timer.key) || self.ended.get(&timer.key).is_some_and(|(due, _)| *due == timer.due)
    }

    fn ended(&mut self, key: String, due: DateTime<Utc>) {
        self.now.remove(&key);
        self.ended.insert(key, (due, Instant::now()));
    }

    fn forget(&mut self) {
        self.ended.retain(|_, (_, at)| at.elapsed() < AGAIN_AFTER);
    }
}

fn lock(running: &Mutex<Running>) -> std::sync::MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

async fn run_timer(context: &Context, hands: Option<&Hands>, incident: &IncidentId, timer: Timer) {
    let key = timer.key;
    if let Err(error) = caught(handle(context, hands, timer.event)).await {
        tracing::warn!(incident = %incident, "run {key}: {error:#}; it will run again");
        // The timer is still stored; without a pause a broken store would be asked in a tight loop.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fault_of_our_own_is_an_error_of_the_event() {
        let error = caught(async { panic!("no such thing") }).await.unwrap_err();
        assert!(error.to_string().contains("a fault of our own"), "{error}");
        caught(async { Ok(()) }).await.unwrap();
    }

    #[test]
    fn a_timer_that_others_are_at_makes_room_for_the_next() {
        let due = |second| DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
        let timer = |due| Timer {
            key: "investigate:i-1".into(),
            due,
            event: Event::Settle { incident: IncidentId("i-1".into()) },
        };
        let mut running = Running::default();
        assert!(!running.is_left_alone(&timer(due(1))));
        running.now.insert("investigate:i-1".into());
        assert!(running.is_left_alone(&timer(due(2))), "one run at a time, whenever it is due");
        running.ended("investigate:i-1".into(), due(1));
        assert!(running.is_left_alone(&timer(due(1))), "it ran and is still due");
        assert!(!running.is_left_alone(&timer(due(2))), "it was set anew");
        running.ended.values_mut().for_each(|(_, at)| *at = at.checked_sub(AGAIN_AFTER).unwrap());
        running.forget();
        assert!(!running.is_left_alone(&timer(due(1))), "after a while it is tried again");
    }
}
