//! What only a file can do to the bot: be of a newer release, whole or in part.

use chrono::{DateTime, TimeDelta, Utc};
use redb::Database;

use super::EmbeddedStore;
use super::tables::{META, millis, set, to_json};
use super::timers::TIMERS;
use crate::domain::event::Event;
use crate::domain::incident::IncidentId;
use crate::ports::Store;

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

/// Writes into the file what another release would have written.
fn beside(directory: &std::path::Path, write: impl FnOnce(&redb::WriteTransaction)) {
    let database = Database::create(directory.join("holmes.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    write(&transaction);
    transaction.commit().unwrap();
}

#[tokio::test]
async fn a_file_of_a_newer_release_is_not_opened() {
    let directory = tempfile::tempdir().unwrap();
    beside(directory.path(), |transaction| {
        set(&mut transaction.open_table(META).unwrap(), "format", 9).unwrap();
    });
    let error = format!("{:#}", EmbeddedStore::open(directory.path()).err().unwrap());
    assert!(error.ends_with("it was written by a newer release (format 9; this one reads 1)"), "{error}");
}

#[tokio::test]
async fn a_timer_that_cannot_be_read_stops_no_other() {
    let directory = tempfile::tempdir().unwrap();
    beside(directory.path(), |transaction| {
        let mut timers = transaction.open_table(TIMERS).unwrap();
        timers.insert((1, "of-a-newer-release"), br#"{"foretell":{}}"#.as_slice()).unwrap();
        let readable = to_json(&Event::Settle { incident: IncidentId("i-1".into()) }).unwrap();
        timers.insert((millis(now()), "settle:i-1"), readable.as_slice()).unwrap();
    });
    let store = EmbeddedStore::open(directory.path()).unwrap();
    let due = store.due(9, now()).await.unwrap();
    assert_eq!(due.iter().map(|timer| timer.key.as_str()).collect::<Vec<_>>(), ["settle:i-1"]);
}
