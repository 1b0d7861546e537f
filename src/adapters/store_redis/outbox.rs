//! What chats show, and what they do not show yet.

use anyhow::Context as _;

use super::args::{Answer, Args};
use super::link::Link;
use super::script::Script;
use crate::domain::chat::{MessageId, Place, Platform};
use crate::domain::incident::IncidentId;
use crate::domain::projection::Projection;
use crate::ports::{StoreError, Undelivered, Versioned};

static OUTBOX: Script = Script::new(include_str!("lua/outbox.lua"));
static DELIVERED: Script = Script::new(include_str!("lua/delivered.lua"));
static SAVE_PROJECTION: Script = Script::new(include_str!("lua/save_projection.lua"));

/// The name under which an incident is found by a chat's root; empty while there is none.
pub(super) fn thread_of(platform: Platform, projection: &Projection) -> String {
    let place = Place::Channel(platform, projection.channel.clone());
    projection.root().map(|root| thread_name(&place, root)).unwrap_or_default()
}

fn thread_name(place: &Place, root: &MessageId) -> String {
    format!("{place} {root}")
}

pub(super) async fn read(link: &Link, platform: Platform, most: usize) -> Result<Vec<Undelivered>, StoreError> {
    let args = Args::default().text(platform.as_str()).number(most as u64);
    let mut answer = link.run(&OUTBOX, &args).await?;
    let mut found = Vec::new();
    while !answer.is_over() {
        found.push(Undelivered { incident: IncidentId(answer.text()?), version: answer.number()? });
    }
    Ok(found)
}

pub(super) async fn delivered(link: &Link, platform: Platform, undelivered: &Undelivered) -> Result<(), StoreError> {
    let Undelivered { incident, version } = undelivered;
    let args = Args::default().text(platform.as_str()).text(&incident.0).number(*version);
    link.done(&DELIVERED, args).await
}

pub(super) async fn projection(
    link: &Link,
    platform: Platform,
    id: &IncidentId,
) -> Result<Versioned<Projection>, StoreError> {
    let Some(row) = link.field(&format!("projections:{platform}"), &id.0).await? else {
        return Ok(Versioned { version: 0, value: Projection::default() });
    };
    let mut answer = Answer::of_row(&row);
    Ok(Versioned { version: answer.number()?, value: answer.json()? })
}

pub(super) async fn save_projection(
    link: &Link,
    platform: Platform,
    id: &IncidentId,
    Versioned { version, value }: &Versioned<Projection>,
) -> Result<u64, StoreError> {
    let mut args = Args::default().text(platform.as_str()).text(&id.0).number(*version);
    args.put_json(value)?;
    args.put(thread_of(platform, value));
    let mut answer = link.run(&SAVE_PROJECTION, &args).await?;
    match answer.word() {
        b"ok" => Ok(answer.number()?),
        b"conflict" => Err(StoreError::Conflict(id.clone())),
        _ => Err(answer.unknown()),
    }
}

pub(super) async fn incident_of(
    link: &Link,
    place: &Place,
    root: &MessageId,
) -> Result<Option<IncidentId>, StoreError> {
    let Some(id) = link.field("threads", &thread_name(place, root)).await? else { return Ok(None) };
    Ok(Some(IncidentId(String::from_utf8(id).context("read an incident's name")?)))
}
