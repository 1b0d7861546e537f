//! How long to wait before the next try: twice as long each time up to a bound, and never at the same moment as everybody
//! else, so that replicas that lost their connections together do not come back together.

use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

/// The first wait, at most.
const FIRST: Duration = Duration::from_millis(500);

/// The waits of one series of failures.
#[derive(Debug)]
pub struct Backoff {
    tries: u32,
    longest: Duration,
}

impl Backoff {
    /// No try yet; no wait will be longer than `longest`.
    pub fn new(longest: Duration) -> Self {
        Self { tries: 0, longest }
    }

    /// The next wait: between half and the whole of what it is this time.
    pub fn next_wait(&mut self) -> Duration {
        let mut random = [u8::MAX];
        // Without random numbers it is the whole.
        let _ = SystemRandom::new().fill(&mut random);
        let pause = pause(self.tries, random[0], self.longest);
        self.tries = self.tries.saturating_add(1);
        pause
    }

    /// All is well again.
    pub fn reset(&mut self) {
        self.tries = 0;
    }
}

fn pause(tries: u32, random: u8, longest: Duration) -> Duration {
    let whole = FIRST.saturating_mul(1 << tries.min(10)).min(longest);
    whole / 2 + whole / 2 * u32::from(random) / u32::from(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_differ() {
        let longest = Duration::from_secs(60);
        for (tries, random, millis) in
            [(0, 0, 250), (0, 255, 500), (1, 255, 1_000), (3, 0, 2_000), (30, 255, 60_000), (u32::MAX, 0, 30_000)]
        {
            assert_eq!(pause(tries, random, longest).as_millis(), millis, "{tries}");
        }
    }

    #[test]
    fn waits_grow_to_a_bound_and_begin_anew() {
        let longest = Duration::from_secs(30);
        let mut backoff = Backoff::new(longest);
        let waits: Vec<Duration> = (0..12).map(|_| backoff.next_wait()).collect();
        for (at, wait) in waits.iter().enumerate() {
            let most = FIRST.saturating_mul(1 << at).min(longest);
            assert!(*wait >= most / 2 && *wait <= most, "{at}: {wait:?}");
        }
        backoff.reset();
        assert!(backoff.next_wait() <= FIRST);
    }
}
