//! How fast a chat may be written to: a bound for each channel, one for the whole platform, and pauses. Pure.
//!
//! Each bound is a leaky bucket kept as one moment, the time at which it would be empty again: a message is let through
//! when that moment is at most the burst away, and moves it on by one interval.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

/// Shortest pause after a trouble with a channel or the account.
const PAUSE: TimeDelta = TimeDelta::seconds(60);
/// Longest pause after a trouble: whoever mends it need not wait longer.
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(15);
/// Unknown outcomes in a row after which the whole platform is taken to be down.
const DOWN: u32 = 3;
/// Shortest pause while the platform seems to be down.
const DOWN_PAUSE: TimeDelta = TimeDelta::seconds(5);
/// Longest pause while the platform seems to be down.
const LONGEST_DOWN_PAUSE: TimeDelta = TimeDelta::seconds(60);
/// Channels remembered; idle ones are forgotten beyond it.
const MAX_LANES: usize = 10_000;

/// How many messages in a time.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Time between two messages in the long run.
    pub every: TimeDelta,
    /// Messages that may go at once after a rest.
    pub burst: i32,
}

/// The bounds of one platform.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// Of each channel.
    pub channel: Rate,
    /// Of all channels together.
    pub platform: Rate,
}

impl Default for Rates {
    /// Slack allows a message a second in a channel, with short bursts; Mattermost ten requests a second in all. A third
    /// of that leaves room for everything else that asks.
    fn default() -> Self {
        Self {
            channel: Rate { every: TimeDelta::seconds(1), burst: 3 },
            platform: Rate { every: TimeDelta::milliseconds(333), burst: 5 },
        }
    }
}

/// One bound, its pauses, and what went wrong in a row.
#[derive(Debug, Clone, Copy, Default)]
struct Lane {
    empty_at: DateTime<Utc>,
    paused_until: DateTime<Utc>,
    strikes: u32,
}

impl Lane {
    fn ready_at(&self, rate: Rate) -> DateTime<Utc> {
        (self.empty_at - rate.every * (rate.burst - 1)).max(self.paused_until)
    }

    fn take(&mut self, rate: Rate, now: DateTime<Utc>) {
        self.empty_at = self.empty_at.max(now) + rate.every;
    }

    fn pause(&mut self, until: DateTime<Utc>) {
        self.paused_until = self.paused_until.max(until);
    }

    fn strike(&mut self, shortest: TimeDelta, longest: TimeDelta, now: DateTime<Utc>) {
        let doubled = shortest * (1 << self.strikes.min(10));
        self.strikes += 1;
        self.pause(now + doubled.min(longest));
    }
}

/// The pace of one platform.
#[derive(Debug)]
pub struct Pace {
    rates: Rates,
    platform: Lane,
    unknown: u32,
    channels: HashMap<String, Lane>,
}

impl Pace {
    /// A pace at which nothing was sent yet.
    pub fn new(rates: Rates) -> Self {
        Self { rates, platform: Lane::default(), unknown: 0, channels: HashMap::new() }
    }

    /// From when on a message may go to a channel.
    pub fn ready_at(&self, channel: &str) -> DateTime<Utc> {
        let lane = self.channels.get(channel).map(|lane| lane.ready_at(self.rates.channel)).unwrap_or_default();
        lane.max(self.platform_ready_at())
    }

    /// From when on a message may go anywhere.
    pub fn platform_ready_at(&self) -> DateTime<Utc> {
        self.platform.ready_at(self.rates.platform)
    }

    /// A message goes.
    pub fn take(&mut self, channel: &str, now: DateTime<Utc>) {
        if self.channels.len() >= MAX_LANES {
            let rate = self.rates.channel;
            self.channels.retain(|_, lane| lane.ready_at(rate) > now || lane.strikes > 0);
        }
        self.platform.take(self.rates.platform, now);
        let rate = self.rates.channel;
        self.lane(channel).take(rate, now);
    }

    /// It arrived.
    pub fn arrived(&mut self, channel: &str) {
        self.unknown = 0;
        self.platform.strikes = 0;
        self.lane(channel).strikes = 0;
    }

    /// The platform asks to wait in a channel. Whoever was too fast has no burst left: with one, every other message after
    /// the pause would be too fast again.
    pub fn wait(&mut self, channel: &str, until: DateTime<Utc>) {
        let rate = self.rates.channel;
        let lane = self.lane(channel);
        lane.pause(until);
        lane.empty_at = lane.empty_at.max(until + rate.every * (rate.burst - 1));
    }

    /// A channel takes nothing: it is asked again after a while, ever more seldom.
    pub fn channel_fails(&mut self, channel: &str, now: DateTime<Utc>) {
        self.lane(channel).strike(PAUSE, LONGEST_PAUSE, now);
    }

    /// The account is refused.
    pub fn account_fails(&mut self, now: DateTime<Utc>) {
        self.platform.strike(PAUSE, LONGEST_PAUSE, now);
    }

    /// Nobody knows whether a message arrived. Several in a row mean that the platform is down; says whether they do.
    pub fn unknown(&mut self, now: DateTime<Utc>) -> bool {
        self.unknown += 1;
        if self.unknown < DOWN {
            return false;
        }
        self.platform.strike(DOWN_PAUSE, LONGEST_DOWN_PAUSE, now);
        true
    }

    fn lane(&mut self, channel: &str) -> &mut Lane {
        self.channels.entry(channel.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(1) + TimeDelta::milliseconds(millis)
    }

    /// Sends as fast as it may until `end`; when each message went.
    fn sent(pace: &mut Pace, channels: &[&str], end: i64) -> Vec<i64> {
        let mut times = Vec::new();
        for now in 0..end {
            for channel in channels {
                while pace.ready_at(channel) <= at(now) {
                    pace.take(channel, at(now));
                    times.push(now);
                }
            }
        }
        times
    }

    #[test]
    fn a_channel_takes_a_burst_and_then_one_a_second() {
        let times = sent(&mut Pace::new(Rates::default()), &["a"], 4_500);
        assert_eq!(times, [0, 0, 0, 1_000, 2_000, 3_000, 4_000]);
    }

    #[test]
    fn after_a_wait_there_is_no_burst_until_the_channel_rested() {
        let mut pace = Pace::new(Rates::default());
        pace.wait("a", at(2_000));
        assert_eq!(sent(&mut pace, &["a"], 5_500), [2_000, 3_000, 4_000, 5_000]);
        for _ in 0..3 {
            assert!(pace.ready_at("a") <= at(60_000));
            pace.take("a", at(60_000));
        }
        assert_eq!(pace.ready_at("a"), at(61_000));
    }

    #[test]
    fn all_channels_together_keep_the_platforms_bound() {
        let channels: Vec<String> = (0..50).map(|n| n.to_string()).collect();
        let channels: Vec<&str> = channels.iter().map(String::as_str).collect();
        let times = sent(&mut Pace::new(Rates::default()), &channels, 10_000);
        assert_eq!(times.len(), 5 + 30);
    }

    #[test]
    fn a_pause_is_one_channels_own() {
        let mut pace = Pace::new(Rates::default());
        pace.wait("a", at(7_000));
        assert_eq!((pace.ready_at("a"), pace.ready_at("b") <= at(0)), (at(7_000), true));
        pace.channel_fails("b", at(0));
        pace.channel_fails("b", at(60_000));
        assert_eq!(pace.ready_at("b"), at(180_000));
        pace.arrived("b");
        pace.channel_fails("b", at(200_000));
        assert_eq!(pace.ready_at("b"), at(260_000));
    }

    #[test]
    fn a_platform_that_is_down_is_asked_ever_more_seldom() {
        let mut pace = Pace::new(Rates::default());
        assert!(!pace.unknown(at(0)) && !pace.unknown(at(0)));
        assert!(pace.unknown(at(0)));
        assert_eq!(pace.ready_at("any"), at(5_000));
        assert!(pace.unknown(at(5_000)));
        assert_eq!(pace.ready_at("any"), at(15_000));
        pace.arrived("any");
        assert!(!pace.unknown(at(15_000)));
    }
}
