//! Records that a store cannot read, because a newer release wrote them or they are damaged: each is left where it is, and
//! told once, for stores are asked many times a second.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Keys that are remembered; beyond it they are told again.
const MOST: usize = 1_000;

/// The timers that were left out.
#[derive(Debug, Default)]
pub(in crate::adapters) struct Unreadable(Mutex<HashSet<String>>);

impl Unreadable {
    /// Leaves a timer out.
    pub fn skip(&self, timer: &str, error: &anyhow::Error) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= MOST {
            told.clear();
        }
        if told.insert(timer.to_owned()) {
            tracing::error!("the timer {timer} is left out: {error:#}");
        }
    }
}
