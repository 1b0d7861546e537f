//! Incidents, and the ways to find them.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata as _, TableDefinition, WriteTransaction};

use super::tables::{from_json, millis, to_json, version_of};
use crate::domain::correlate::Opened;
use crate::domain::incident::{Incident, IncidentId, IncidentStatus, Origin};
use crate::ports::{Filter, StoreError, Versioned};

/// Incident id → version (8 bytes, little endian) and the incident.
const INCIDENTS: TableDefinition<&str, &[u8]> = TableDefinition::new("incidents");
/// Correlation key → id of the newest incident.
const BY_KEY: TableDefinition<&str, &str> = TableDefinition::new("incidents_by_key");
/// (opened at, id): the order of lists.
const BY_OPENED: TableDefinition<(u64, &str), ()> = TableDefinition::new("incidents_by_opened");
/// Ids of open incidents.
const OPEN: TableDefinition<&str, ()> = TableDefinition::new("incidents_open");
/// Alert fingerprint → correlation key of the newest incident that holds it.
const FINGERPRINTS: TableDefinition<&str, &str> = TableDefinition::new("fingerprints");

pub(super) fn prepare(transaction: &WriteTransaction) -> anyhow::Result<()> {
    transaction.open_table(INCIDENTS)?;
    transaction.open_table(BY_KEY)?;
    transaction.open_table(BY_OPENED)?;
    transaction.open_table(OPEN)?;
    transaction.open_table(FINGERPRINTS)?;
    Ok(())
}

fn incident_from(row: &[u8]) -> anyhow::Result<Versioned<Incident>> {
    let (version, json) = row.split_first_chunk::<8>().context("read an incident's version")?;
    Ok(Versioned { version: u64::from_le_bytes(*version), value: from_json(json)? })
}

fn find(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
    id: &str,
) -> anyhow::Result<Option<Versioned<Incident>>> {
    table.get(id)?.map(|row| incident_from(row.value())).transpose()
}

pub(super) fn one(transaction: &ReadTransaction, id: &IncidentId) -> anyhow::Result<Option<Versioned<Incident>>> {
    find(&transaction.open_table(INCIDENTS)?, &id.0)
}

/// The newest of each key.
pub(super) fn by_key(transaction: &ReadTransaction, keys: &[String]) -> anyhow::Result<Vec<Versioned<Incident>>> {
    let by_key = transaction.open_table(BY_KEY)?;
    let incidents = transaction.open_table(INCIDENTS)?;
    let mut found = Vec::new();
    for key in keys {
        let Some(id) = by_key.get(key.as_str())? else { continue };
        found.extend(find(&incidents, id.value())?);
    }
    Ok(found)
}

pub(super) fn keys_by_fingerprint(
    transaction: &ReadTransaction,
    fingerprints: Vec<String>,
) -> anyhow::Result<Vec<(String, String)>> {
    let table = transaction.open_table(FINGERPRINTS)?;
    let mut found = Vec::new();
    for fingerprint in fingerprints {
        if let Some(key) = table.get(fingerprint.as_str())? {
            let key = key.value().to_owned();
            found.push((fingerprint, key));
        }
    }
    Ok(found)
}

pub(super) fn opened_since(transaction: &ReadTransaction, since: DateTime<Utc>) -> anyhow::Result<Vec<Opened>> {
    let by_opened = transaction.open_table(BY_OPENED)?;
    let incidents = transaction.open_table(INCIDENTS)?;
    let mut opened = Vec::new();
    for row in by_opened.range((millis(since), "")..)? {
        let (key, _) = row?;
        let Some(Versioned { value: incident, .. }) = find(&incidents, key.value().1)? else { continue };
        if incident.origin == Origin::Alerts {
            opened.push(Opened::of(&incident));
        }
    }
    Ok(opened)
}

/// By when they opened, newest first.
pub(super) fn list(transaction: &ReadTransaction, filter: Filter) -> anyhow::Result<Vec<Incident>> {
    let incidents = transaction.open_table(INCIDENTS)?;
    let mut list = Vec::new();
    if filter.status == Some(IncidentStatus::Open) {
        for row in transaction.open_table(OPEN)?.iter()? {
            list.extend(find(&incidents, row?.0.value())?.map(|incident| incident.value));
        }
        list.retain(|incident| incident.origin == filter.origin);
        list.sort_by_key(|incident| Reverse((incident.opened_at, incident.id.clone())));
        list.truncate(filter.limit);
        return Ok(list);
    }
    for row in transaction.open_table(BY_OPENED)?.iter()?.rev() {
        if list.len() >= filter.limit {
            break;
        }
        let (key, _) = row?;
        let Some(Versioned { value: incident, .. }) = find(&incidents, key.value().1)? else { continue };
        if filter.status.is_none_or(|status| status == incident.status) && incident.origin == filter.origin {
            list.push(incident);
        }
    }
    Ok(list)
}

pub(super) fn count_open(transaction: &ReadTransaction) -> anyhow::Result<usize> {
    Ok(usize::try_from(transaction.open_table(OPEN)?.len()?)?)
}

/// Whether an incident is stored.
pub(super) fn is_there(transaction: &WriteTransaction, id: &IncidentId) -> anyhow::Result<bool> {
    Ok(transaction.open_table(INCIDENTS)?.get(id.0.as_str())?.is_some())
}

pub(super) fn check_version(transaction: &WriteTransaction, incident: &Versioned<Incident>) -> Result<(), StoreError> {
    let incidents = transaction.open_table(INCIDENTS).context("open incidents")?;
    let stored = incidents.get(incident.value.id.0.as_str()).context("read incident")?;
    let version = stored.map(|row| version_of(row.value())).transpose()?.unwrap_or(0);
    if version == incident.version { Ok(()) } else { Err(StoreError::Conflict(incident.value.id.clone())) }
}

pub(super) fn write(
    transaction: &WriteTransaction,
    Versioned { version, value }: &Versioned<Incident>,
) -> anyhow::Result<()> {
    let id = value.id.0.as_str();
    let mut row = (version + 1).to_le_bytes().to_vec();
    row.extend(to_json(value)?);
    transaction.open_table(INCIDENTS)?.insert(id, row.as_slice())?;
    transaction.open_table(BY_KEY)?.insert(value.key.as_str(), id)?;
    transaction.open_table(BY_OPENED)?.insert((millis(value.opened_at), id), ())?;
    let mut open = transaction.open_table(OPEN)?;
    match value.status {
        IncidentStatus::Open => open.insert(id, ())?,
        IncidentStatus::Resolved => open.remove(id)?,
    };
    let mut fingerprints = transaction.open_table(FINGERPRINTS)?;
    for fingerprint in value.fingerprints() {
        // Rewriting what is already there would copy pages for nothing; an incident of a storm has thousands.
        if fingerprints.get(fingerprint.as_str())?.is_none_or(|key| key.value() != value.key) {
            fingerprints.insert(fingerprint.as_str(), value.key.as_str())?;
        }
    }
    Ok(())
}

pub(super) fn resolved_before(
    transaction: &WriteTransaction,
    before: DateTime<Utc>,
) -> Result<Vec<Incident>, StoreError> {
    let mut old = Vec::new();
    let incidents = transaction.open_table(INCIDENTS).context("open incidents")?;
    for row in incidents.iter().context("read incidents")? {
        let incident = incident_from(row.context("read incidents")?.1.value())?.value;
        let over = incident.status == IncidentStatus::Resolved;
        if over && incident.resolved_at.is_some_and(|at| at < before) {
            old.push(incident);
        }
    }
    Ok(old)
}

/// Removes an incident, its key where no newer one has it, and the fingerprints that are nobody else's.
pub(super) fn remove(transaction: &WriteTransaction, incident: &Incident) -> anyhow::Result<()> {
    let id = incident.id.0.as_str();
    let mut incidents = transaction.open_table(INCIDENTS)?;
    incidents.remove(id)?;
    transaction.open_table(BY_OPENED)?.remove((millis(incident.opened_at), id))?;
    let mut by_key = transaction.open_table(BY_KEY)?;
    let newest = by_key.get(incident.key.as_str())?.map(|row| row.value().to_owned());
    let mut held = BTreeSet::new();
    match newest {
        Some(newest) if newest != id => {
            let newest = find(&incidents, &newest)?;
            held.extend(newest.iter().flat_map(|newest| newest.value.fingerprints().cloned()));
        }
        _ => {
            by_key.remove(incident.key.as_str())?;
        }
    }
    let mut fingerprints = transaction.open_table(FINGERPRINTS)?;
    for fingerprint in incident.fingerprints().filter(|fingerprint| !held.contains(*fingerprint)) {
        // One that moved to another key meanwhile is somebody else's.
        let ours = fingerprints.get(fingerprint.as_str())?.is_some_and(|key| key.value() == incident.key);
        if ours {
            fingerprints.remove(fingerprint.as_str())?;
        }
    }
    Ok(())
}
