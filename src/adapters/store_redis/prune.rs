//! Forgetting incidents that are over, with all that belongs to them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::args::{Args, millis};
use super::ask::PAGE;
use super::incidents::{self, origin_name};
use super::link::Link;
use super::script::Script;
use super::timers;
use crate::domain::chat::Platform;
use crate::domain::incident::Incident;
use crate::ports::{StoreError, Versioned};

static REMOVE: Script = Script::new(include_str!("lua/remove.lua"));

/// Removes incidents that resolved before `before`; how many.
pub(super) async fn prune(link: &Link, before: DateTime<Utc>) -> Result<usize, StoreError> {
    let (before, page) = (format!("({}", millis(before)), PAGE.to_string());
    let mut removed = 0;
    loop {
        let ids = link.names("ZRANGEBYSCORE", "resolved", &["-inf", &before, "LIMIT", "0", &page]).await?;
        if ids.is_empty() {
            return Ok(removed);
        }
        let timers = timers::of_incidents(link).await?;
        let mut gone = 0;
        for incident in incidents::all(link, &ids).await? {
            let of_it = timers.iter().filter(|(_, id)| *id == incident.value.id).map(|(key, _)| key).collect();
            gone += usize::from(remove(link, &incident, of_it).await?);
        }
        removed += gone;
        // Those that are left changed meanwhile.
        if gone == 0 {
            return Ok(removed);
        }
    }
}

/// Removes an incident with its timers, which nothing could clear any more, unless it changed since it was read.
async fn remove(link: &Link, incident: &Versioned<Incident>, timers: Vec<&String>) -> Result<bool, StoreError> {
    let Versioned { version, value } = incident;
    let newest = incidents::by_key(link, std::slice::from_ref(&value.key)).await?.pop();
    let held: BTreeSet<&String> = match &newest {
        Some(newest) if newest.value.id != value.id => newest.value.fingerprints().collect(),
        _ => BTreeSet::new(),
    };
    let mut args = Args::default().text(&value.id.0).number(*version).text(&value.key).text(origin_name(value.origin));
    args.put(newest.as_ref().map_or("", |newest| newest.value.id.0.as_str()));
    args.put(newest.as_ref().map(|newest| newest.version.to_string()).unwrap_or_default());
    args.put_count(Platform::ALL.len());
    for chat in Platform::ALL {
        args.put(chat.as_str());
    }
    let fingerprints: Vec<&String> = value.fingerprints().filter(|one| !held.contains(one)).collect();
    for names in [fingerprints, timers] {
        args.put_count(names.len());
        for name in names {
            args.put(name);
        }
    }
    Ok(link.run(&REMOVE, &args).await?.number::<u64>()? == 1)
}
