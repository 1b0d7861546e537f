//! When a turn is tried again: only while nothing was generated, and only while there is time.

use std::time::Duration;

use tokio::time::Instant;

use super::error::ModelError;
use crate::adapters::http::HttpError;

/// A server that restarts takes minutes; this only bridges a moment in which nobody listens.
const MAX_CONNECTS: u32 = 2;
/// A server that is busy says when to come back; one that does not is asked after 1, 2 and 4 seconds.
const MAX_ASKS: u32 = 3;

/// Counts what was tried.
#[derive(Debug, Default)]
pub struct Patience {
    connects: u32,
    asks: u32,
}

impl Patience {
    /// How long to wait before the turn is tried again; `None` when it is not.
    pub fn wait(&mut self, error: &ModelError, deadline: Instant) -> Option<Duration> {
        let wait = match error {
            ModelError::Unreachable(HttpError::Redirected { .. }) => return None,
            ModelError::Unreachable(_) if self.connects < MAX_CONNECTS => {
                self.connects += 1;
                Duration::from_millis(250) * 2u32.pow(self.connects)
            }
            ModelError::Overloaded { retry_after, .. } if self.asks < MAX_ASKS => {
                self.asks += 1;
                retry_after.unwrap_or(Duration::from_secs(1) * 2u32.pow(self.asks - 1))
            }
            _ => return None,
        };
        (wait < deadline.saturating_duration_since(Instant::now())).then_some(wait)
    }
}
