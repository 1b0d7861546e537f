//! Writes of incidents with all that changes besides, all or nothing.

use chrono::{DateTime, Utc};
use redb::WriteTransaction;

use super::leases::Leases;
use super::{audit, inbox, incidents, outbox, proposals, thread, timers};
use crate::domain::event::EventId;
use crate::ports::{StoreError, Versioned, Write};

pub(super) fn commit(
    transaction: &WriteTransaction,
    leases: &Leases,
    writes: &[Write],
    handled: &[EventId],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    // Everything that can be refused is looked at before anything is written.
    for write in writes {
        incidents::check_version(transaction, &write.incident)?;
        if let Some(lease) = &write.lease {
            leases.check(lease, now)?;
        }
    }
    for write in writes {
        let Versioned { version, value } = &write.incident;
        incidents::write(transaction, &write.incident)?;
        thread::write(transaction, &value.id, &write.posts)?;
        if let Some(investigation) = &write.investigation {
            thread::put_investigation(transaction, &value.id, investigation)?;
        }
        proposals::write(transaction, &write.proposals)?;
        outbox::put(transaction, &write.chats, &value.id, version + 1, Some(now))?;
        timers::clear(transaction, &write.cleared)?;
        timers::set(transaction, &write.timers)?;
        audit::append(transaction, &write.audit)?;
    }
    inbox::remove(transaction, handled)?;
    Ok(())
}
