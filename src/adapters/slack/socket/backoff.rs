//! How long to wait before the next try: longer each time, and never in step with others.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// The first wait, at most.
const FIRST: Duration = Duration::from_millis(500);
/// The longest.
const LONGEST: Duration = Duration::from_secs(30);

/// Waits of one connection.
pub struct Backoff {
    tries: u32,
    // Seeded from the system: replicas that lost their connections together shall not come back together.
    random: RandomState,
    salt: u64,
}

impl Backoff {
    /// No try yet.
    pub fn new(salt: u64) -> Self {
        Self { tries: 0, random: RandomState::new(), salt }
    }

    /// The next wait: between half and the whole of a time that doubles.
    pub fn next(&mut self) -> Duration {
        let most = FIRST.saturating_mul(1 << self.tries.min(10)).min(LONGEST);
        self.tries = self.tries.saturating_add(1);
        let mut hasher = self.random.build_hasher();
        hasher.write_u64(self.salt);
        hasher.write_u32(self.tries);
        let part = hasher.finish() % 1000;
        most / 2 + (most / 2) * u32::try_from(part).unwrap_or(0) / 1000
    }

    /// All is well again.
    pub fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_begin_anew() {
        let mut backoff = Backoff::new(0);
        let waits: Vec<Duration> = (0..12).map(|_| backoff.next()).collect();
        for (at, wait) in waits.iter().enumerate() {
            let most = FIRST.saturating_mul(1 << at).min(LONGEST);
            assert!(*wait >= most / 2 && *wait <= most, "{at}: {wait:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
