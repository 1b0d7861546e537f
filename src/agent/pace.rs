//! How much a model may read and write so that its answer is there in time: a slow one gets less of both.

use std::time::Duration;

use super::turn::Limits;

/// Part of the goal that reading the prompt may take, and writing the answer as much. The rest is for waiting and for
/// what is measured too well.
const SHARE: f64 = 0.4;
/// No answer is planned shorter, in tokens: two sentences with their citations.
const MIN_ANSWER: u32 = 160;
/// No window is planned smaller, in tokens: the fixed texts, the findings and the best evidence.
const MIN_WINDOW: u32 = 2_048;
/// Shorter prompts and answers say little of a model's speed; in tokens.
const MIN_READ: u32 = 150;
const MIN_WRITTEN: u32 = 12;

/// Tokens a second, as far as turns have shown it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pace {
    /// Of the prompt.
    pub reading: Option<f64>,
    /// Of the answer.
    pub writing: Option<f64>,
}

/// What a turn took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Took {
    /// Tokens of the prompt.
    pub read: u32,
    /// From the request to the first piece of the answer.
    pub until_first: Duration,
    /// Tokens of the answer.
    pub written: u32,
    /// From its first piece to its last.
    pub writing: Duration,
}

impl Pace {
    /// Takes in what a turn showed. Servers keep what they have read before and let others go first, so each turn
    /// counts as much as all before it.
    pub fn learn(&mut self, took: Took) {
        let blend = |known: Option<f64>, tokens: u32, time: Duration| {
            let seen = f64::from(tokens) / time.as_secs_f64().max(0.001);
            Some(known.map_or(seen, |known| (known + seen.min(known * 4.0)) / 2.0))
        };
        if took.read >= MIN_READ {
            self.reading = blend(self.reading, took.read, took.until_first);
        }
        if took.written >= MIN_WRITTEN {
            self.writing = blend(self.writing, took.written, took.writing);
        }
    }

    /// The limits within which an answer is there by `goal`, as far as is known: fewer tokens to read and to write, and,
    /// where one full turn takes most of the time, no look-ups and no correction.
    pub fn fit(self, mut limits: Limits, goal: Duration) -> Limits {
        let most = |tokens_a_second: f64| (tokens_a_second * goal.as_secs_f64() * SHARE) as u32;
        if let Some(writing) = self.writing {
            limits.answer = limits.answer.min(most(writing).max(MIN_ANSWER));
        }
        if let Some(reading) = self.reading {
            limits.window = limits.window.min(most(reading).saturating_add(limits.answer).max(MIN_WINDOW));
        }
        let seconds = |tokens: u32, pace: Option<f64>| pace.map_or(0.0, |pace| f64::from(tokens) / pace.max(0.001));
        // The pack rarely fills a large window; an answer rarely uses all of its tokens.
        let turn = seconds(limits.window.min(MIN_WINDOW * 2), self.reading) + seconds(limits.answer, self.writing);
        limits.hurry |= turn > goal.as_secs_f64() * 2.0 * SHARE;
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOAL: Duration = Duration::from_secs(60);
    const LIMITS: Limits = Limits { turns: 3, window: 16_384, answer: 1_000, hurry: false };

    fn took(read: u32, until_first: f64, written: u32, writing: f64) -> Took {
        let [until_first, writing] = [until_first, writing].map(Duration::from_secs_f64);
        Took { read, until_first, written, writing }
    }

    fn fitted(turns: &[Took]) -> Limits {
        let mut pace = Pace::default();
        turns.iter().for_each(|turn| pace.learn(*turn));
        pace.fit(LIMITS, GOAL)
    }

    #[test]
    fn a_slow_model_gets_less() {
        for (name, turns, expected) in [
            ("unknown", vec![], LIMITS),
            ("a card that serves many", vec![took(3_000, 0.6, 500, 10.0)], LIMITS),
            ("a small card", vec![took(3_000, 6.0, 500, 25.0)], Limits { answer: 480, window: 12_480, ..LIMITS }),
            (
                "two cores",
                vec![took(2_000, 20.0, 100, 10.0)],
                Limits { answer: 240, window: 2_640, hurry: true, ..LIMITS },
            ),
            (
                "one busy core",
                vec![took(2_000, 100.0, 60, 60.0)],
                Limits { answer: 160, window: 2_048, hurry: true, ..LIMITS },
            ),
            ("a word says nothing", vec![took(40, 8.0, 3, 9.0)], LIMITS),
        ] {
            assert_eq!(fitted(&turns), expected, "{name}");
        }
    }

    #[test]
    fn one_slow_turn_is_forgotten() {
        let fast = took(3_000, 0.6, 500, 10.0);
        let mut turns = vec![took(3_000, 60.0, 500, 60.0)];
        assert_ne!(fitted(&turns), LIMITS);
        turns.extend([fast; 6]);
        assert_eq!(fitted(&turns), LIMITS);
    }
}
