//! Remembers for a moment that a neighbour is down, so that not every question waits for it, and that it is said once.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a neighbour that did not answer is left alone.
const PAUSE: Duration = Duration::from_secs(20);

/// Whether one neighbour is down.
#[derive(Debug, Default)]
pub struct Outage(Mutex<Option<Since>>);

#[derive(Debug)]
struct Since {
    tried: Instant,
    why: String,
}

impl Outage {
    /// Why it is not to be asked now.
    pub fn lasts(&self) -> Option<String> {
        let since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.as_ref().filter(|since| since.tried.elapsed() < PAUSE).map(|since| since.why.clone())
    }

    /// It did not answer; says whether it did before.
    pub fn begins(&self, why: String) -> bool {
        let new = Since { tried: Instant::now(), why };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(new).is_none()
    }

    /// It answered; says whether it did not before.
    pub fn ends(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_and_end_are_told_once() {
        let outage = Outage::default();
        assert_eq!(outage.lasts(), None);
        assert!(outage.begins("refused".into()) && !outage.begins("late".into()));
        assert_eq!(outage.lasts().as_deref(), Some("late"));
        assert!(outage.ends() && !outage.ends());
        assert_eq!(outage.lasts(), None);
    }
}
