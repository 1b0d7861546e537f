//! What `lua/commit.lua` and `lua/restore.lua` are told.

use chrono::{DateTime, Utc};

use super::args::{Args, millis, to_json};
use super::link::Link;
use super::outbox::thread_of;
use super::script::Script;
use super::{incidents, proposals, thread};
use crate::domain::audit::AuditEntry;
use crate::domain::event::EventId;
use crate::ports::{IncidentRecord, ShownRecord, StoreError, Timer, Versioned, Write};

pub(super) static COMMIT: Script =
    Script::new(concat!(include_str!("lua/incident.lua"), "\n", include_str!("lua/commit.lua")));
static RESTORE: Script = Script::new(concat!(include_str!("lua/incident.lua"), "\n", include_str!("lua/restore.lua")));

/// All that a commit says; `entries` follow the entry whose hash is `head`.
pub(super) fn arguments(
    writes: &[Write],
    entries: &[AuditEntry],
    head: &str,
    handled: &[EventId],
    now: DateTime<Utc>,
) -> anyhow::Result<Args> {
    let mut args = Args::default().number(millis(now));
    args.put_count(writes.len());
    for Write { incident, lease, .. } in writes {
        args.put(&incident.value.id.0);
        args.put_number(incident.version);
        args.put(lease.as_ref().map_or("", |lease| &lease.name));
        args.put(lease.as_ref().map(|lease| lease.token.to_string()).unwrap_or_default());
    }
    args.put_count(entries.len());
    args.put(head);
    for write in writes {
        put_write(&mut args, write)?;
    }
    for entry in entries {
        args.put_number(entry.seq);
        args.put(&entry.hash);
        args.put_json(entry)?;
    }
    args.put_count(handled.len());
    for event in handled {
        args.put_number(event.0);
    }
    Ok(args)
}

fn put_write(args: &mut Args, write: &Write) -> anyhow::Result<()> {
    let Write { incident, posts, investigation, proposals, timers, cleared, audit: _, chats, lease: _ } = write;
    let Versioned { version: _, value } = incident;
    incidents::put(args, value)?;
    match investigation {
        Some(investigation) => args.put_json(investigation)?,
        None => args.put(""),
    }
    args.put_count(posts.len());
    for draft in posts {
        thread::put(args, draft)?;
    }
    proposals::put(args, proposals)?;
    args.put_count(chats.len());
    for chat in chats {
        args.put(chat.as_str());
    }
    put_timers(args, cleared, timers)
}

fn put_timers(args: &mut Args, cleared: &[String], timers: &[Timer]) -> anyhow::Result<()> {
    args.put_count(cleared.len());
    for key in cleared {
        args.put(key);
    }
    args.put_count(timers.len());
    for Timer { key, due, event } in timers {
        args.put(key);
        args.put_number(millis(*due));
        args.put_json(event)?;
    }
    Ok(())
}

/// Puts an incident back as it was; `false` where it is already.
pub(super) async fn restore_incident(link: &Link, record: &IncidentRecord) -> Result<bool, StoreError> {
    restore(link, restored(record)?).await
}

fn restored(record: &IncidentRecord) -> anyhow::Result<Args> {
    let IncidentRecord { version, incident, investigation, thread, proposals, shown } = record;
    let mut args = Args::default().text("1").text(&incident.id.0).number(*version).number(record.last_event());
    incidents::put(&mut args, incident)?;
    match investigation {
        Some(investigation) => args.put_json(investigation)?,
        None => args.put(""),
    }
    args.put_count(thread.len());
    for post in thread {
        args.put_number(post.seq);
        args.put(&post.draft.key);
        args.put(thread::row(post)?);
    }
    proposals::put(&mut args, proposals)?;
    args.put_count(shown.len());
    for ShownRecord { platform, version, projection } in shown {
        args.put(platform.as_str());
        args.put([format!("{version} ").into_bytes(), to_json(projection)?].concat());
        args.put(thread_of(*platform, projection));
    }
    put_timers(&mut args, &[], &[])?;
    Ok(args)
}

/// Puts a timer back.
pub(super) async fn restore_timer(link: &Link, timer: Timer) -> Result<bool, StoreError> {
    let mut args = Args::default().text("0");
    put_timers(&mut args, &[], &[timer])?;
    restore(link, args).await
}

async fn restore(link: &Link, args: Args) -> Result<bool, StoreError> {
    Ok(link.run(&RESTORE, &args).await?.number::<u64>()? == 1)
}
