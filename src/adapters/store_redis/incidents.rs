//! Incidents, and the ways to find them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::args::{Args, from_json, millis};
use super::ask::PAGE;
use super::link::Link;
use super::script::Script;
use crate::domain::correlate::Opened;
use crate::domain::incident::{Incident, IncidentId, IncidentStatus, Origin};
use crate::ports::{Filter, StoreError, Versioned};

static INCIDENTS: Script = Script::new(include_str!("lua/incidents.lua"));
static INCIDENTS_BY_KEY: Script = Script::new(include_str!("lua/incidents_by_key.lua"));
static KEYS_BY_FINGERPRINT: Script = Script::new(include_str!("lua/keys_by_fingerprint.lua"));
static OPENED_SINCE: Script = Script::new(include_str!("lua/opened_since.lua"));

/// Every origin: each has indexes of its own.
const ORIGINS: [Origin; 2] = [Origin::Alerts, Origin::Question];

pub(super) fn origin_name(origin: Origin) -> &'static str {
    match origin {
        Origin::Alerts => "alerts",
        Origin::Question => "question",
    }
}

/// What a storm counts, beside the incident so that it need not be read whole.
#[derive(Serialize, Deserialize)]
struct OpenedRow {
    at: DateTime<Utc>,
    node: Option<String>,
    namespace: Option<String>,
    #[serde(default)]
    cluster: Option<String>,
    is_fold: bool,
}

/// All that `set_incident` in `lua/incident.lua` takes.
pub(super) fn put(args: &mut Args, incident: &Incident) -> anyhow::Result<()> {
    let Opened { at, node, namespace, cluster, is_fold } = Opened::of(incident);
    let over = incident.status == IncidentStatus::Resolved;
    args.put_json(incident)?;
    args.put(&incident.key);
    args.put(origin_name(incident.origin));
    args.put_number(millis(incident.opened_at));
    args.put_json(&OpenedRow { at, node, namespace, cluster, is_fold })?;
    args.put(if over { "0" } else { "1" });
    match incident.resolved_at.filter(|_| over) {
        Some(at) => args.put_number(millis(at)),
        None => args.put(""),
    }
    let fingerprints: Vec<&String> = incident.fingerprints().collect();
    args.put_count(fingerprints.len());
    for fingerprint in fingerprints {
        args.put(fingerprint);
    }
    Ok(())
}

async fn find(link: &Link, script: &Script, names: &[String]) -> Result<Vec<Versioned<Incident>>, StoreError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut args = Args::default();
    for name in names {
        args.put(name);
    }
    let mut answer = link.run(script, &args).await?;
    let mut found = Vec::new();
    while !answer.is_over() {
        found.push(Versioned { version: answer.number()?, value: answer.json()? });
    }
    Ok(found)
}

pub(super) async fn one(link: &Link, id: &IncidentId) -> Result<Option<Versioned<Incident>>, StoreError> {
    Ok(find(link, &INCIDENTS, std::slice::from_ref(&id.0)).await?.pop())
}

/// The incidents of these ids, by the page.
pub(super) async fn all(link: &Link, ids: &[String]) -> Result<Vec<Versioned<Incident>>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for page in ids.chunks(PAGE) {
        found.extend(find(link, &INCIDENTS, page).await?);
    }
    Ok(found)
}

/// The newest of each key.
pub(super) async fn by_key(link: &Link, keys: &[String]) -> Result<Vec<Versioned<Incident>>, StoreError> {
    find(link, &INCIDENTS_BY_KEY, keys).await
}

pub(super) async fn keys_by_fingerprint(
    link: &Link,
    fingerprints: &[String],
) -> Result<Vec<(String, String)>, StoreError> {
    if fingerprints.is_empty() {
        return Ok(Vec::new());
    }
    let mut args = Args::default();
    for fingerprint in fingerprints {
        args.put(fingerprint);
    }
    let mut answer = link.run(&KEYS_BY_FINGERPRINT, &args).await?;
    let mut found = Vec::new();
    while !answer.is_over() {
        found.push((answer.text()?, answer.text()?));
    }
    Ok(found)
}

pub(super) async fn opened_since(link: &Link, since: DateTime<Utc>) -> Result<Vec<Opened>, StoreError> {
    let index = format!("opened:{}", origin_name(Origin::Alerts));
    let mut answer = link.run(&OPENED_SINCE, &Args::default().text(index).number(millis(since))).await?;
    let mut opened = Vec::new();
    while !answer.is_over() {
        let OpenedRow { at, node, namespace, cluster, is_fold } = from_json(&answer.bytes()?)?;
        opened.push(Opened { at, node, namespace, cluster, is_fold });
    }
    Ok(opened)
}

/// By when they opened, newest first.
pub(super) async fn list(link: &Link, filter: Filter) -> Result<Vec<Incident>, StoreError> {
    let index = match filter.status {
        None => "opened",
        Some(IncidentStatus::Open) => "open",
        Some(IncidentStatus::Resolved) => "over",
    };
    let Some(last) = filter.limit.checked_sub(1) else { return Ok(Vec::new()) };
    let last = i64::try_from(last).unwrap_or(i64::MAX).to_string();
    let index = format!("{index}:{}", origin_name(filter.origin));
    let ids = link.names("ZREVRANGE", &index, &["0", &last]).await?;
    Ok(all(link, &ids).await?.into_iter().map(|incident| incident.value).collect())
}

pub(super) async fn count_open(link: &Link) -> Result<usize, StoreError> {
    let mut count = 0;
    for origin in ORIGINS {
        let index = link.key(&format!("open:{}", origin_name(origin)));
        count += link.query::<usize>(redis::cmd("ZCARD").arg(index)).await?;
    }
    Ok(count)
}
