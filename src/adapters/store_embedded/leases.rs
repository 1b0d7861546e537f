//! Who works on what alone. Kept in memory: only one process can have the file open, so whoever held a lease when it died
//! is gone with it, and taking one costs no `fsync`.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::tables::millis;
use crate::ports::{Lease, StoreError};

/// Leases by name.
#[derive(Default)]
pub(super) struct Leases(Mutex<Held>);

#[derive(Default)]
struct Held {
    last: u64,
    /// Name → (token, held until).
    by_name: HashMap<String, (u64, u64)>,
}

impl Leases {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a lease unless somebody holds it.
    pub fn take(&self, name: &str, hold: TimeDelta, now: DateTime<Utc>) -> Option<Lease> {
        let mut held = self.lock();
        // Those that ended by themselves are of no use to anybody.
        held.by_name.retain(|_, (_, until)| *until > millis(now));
        if held.by_name.contains_key(name) {
            return None;
        }
        held.last += 1;
        let token = held.last;
        held.by_name.insert(name.to_owned(), (token, millis(now + hold)));
        Some(Lease { name: name.to_owned(), token })
    }

    /// Gives a lease back; one that was lost meanwhile is left alone.
    pub fn release(&self, lease: &Lease) {
        let mut held = self.lock();
        if held.by_name.get(&lease.name).is_some_and(|(token, _)| *token == lease.token) {
            held.by_name.remove(&lease.name);
        }
    }

    /// Refuses who does not hold a lease any more.
    pub fn check(&self, lease: &Lease, now: DateTime<Utc>) -> Result<(), StoreError> {
        let held = self.lock().by_name.get(&lease.name).copied();
        if held.is_some_and(|(token, until)| token == lease.token && until > millis(now)) {
            Ok(())
        } else {
            Err(StoreError::LeaseLost(lease.name.clone()))
        }
    }
}
