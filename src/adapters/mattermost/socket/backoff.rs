//! How long to wait before the next try: twice as long each time, and never at the same moment as everybody else.

use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(60);

/// The pauses of one series of failures.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    tries: u32,
}

impl Backoff {
    /// The next pause: between half and the whole of what it is this time.
    pub fn next(&mut self) -> Duration {
        let mut random = [u8::MAX];
        // Without random numbers it is the whole.
        let _ = SystemRandom::new().fill(&mut random);
        let pause = pause(self.tries, random[0]);
        self.tries = self.tries.saturating_add(1);
        pause
    }
}

fn pause(tries: u32, random: u8) -> Duration {
    let whole = FIRST.saturating_mul(1 << tries.min(10)).min(LONGEST);
    whole / 2 + whole / 2 * u32::from(random) / u32::from(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_differ() {
        for (tries, random, millis) in
            [(0, 0, 250), (0, 255, 500), (1, 255, 1_000), (3, 0, 2_000), (30, 255, 60_000), (u32::MAX, 0, 30_000)]
        {
            assert_eq!(pause(tries, random).as_millis(), millis, "{tries}");
        }
    }
}
