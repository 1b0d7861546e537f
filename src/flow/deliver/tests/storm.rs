//! Many incidents at once, at the pace that a chat allows: `STORM_INCIDENTS=1000` makes it a storm.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::fake::Fault;
use super::harness::Harness;
use crate::domain::post::PostKind;

/// Enough to have every kind of fault; a thousand take minutes without optimisation.
const INCIDENTS: usize = 150;
const CHANNELS: usize = 5;

#[tokio::test]
async fn nothing_is_lost_and_nothing_comes_twice() {
    let wanted = std::env::var("STORM_INCIDENTS").ok().and_then(|number| number.parse().ok());
    let incidents: usize = wanted.unwrap_or(INCIDENTS);
    let mut harness = Harness::new();
    let began = harness.now();
    let posts = [
        ("root", PostKind::Root, "it burns"),
        ("evidence:E1", PostKind::Evidence, "memory"),
        ("report", PostKind::Report, "because"),
    ];
    for n in 0..incidents {
        let incident = harness.incident(n, &format!("channel-{}", n % CHANNELS));
        harness.write(&incident, &posts, None).await;
    }
    // Now and then something is lost, unheard, or must wait.
    let faults = (0..3 * incidents).map(|n| match n % 97 {
        13 => Fault::Lost,
        29 => Fault::Unheard,
        53 => Fault::Wait(5),
        71 if n % 388 == 71 => Fault::DiesAfter,
        _ => Fault::None,
    });
    harness.chat.fails(faults);
    harness.work(TimeDelta::hours(3)).await;
    assert_eq!(harness.waiting().await, 0);

    let seen = harness.chat.seen();
    let mut threads: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for seen in &seen {
        let (incident, key) = seen.key.split_once('/').unwrap();
        threads.entry(incident).or_default().push(key);
    }
    assert_eq!(threads.len(), incidents);
    assert!(threads.values().all(|keys| *keys == ["root", "evidence:E1", "report"]));

    // Roots before everything else, but for those that were unsure.
    let delay = |at: DateTime<Utc>| (at - began).num_seconds();
    let roots: Vec<i64> = seen.iter().filter(|seen| seen.key.ends_with("/root")).map(|seen| delay(seen.at)).collect();
    let last = seen.iter().map(|seen| delay(seen.at)).max().unwrap();
    let last_root = roots.iter().copied().max().unwrap();
    let median = {
        let mut roots = roots.clone();
        roots.sort_unstable();
        roots[roots.len() / 2]
    };
    println!(
        "{incidents} incidents in {CHANNELS} channels, {} messages, {} deaths: median root after {median} s, last root \
         after {last_root} s, last message after {last} s",
        seen.len(),
        harness.deaths,
    );
    // Three messages a second for all channels together; deaths cost their lease.
    let deaths = i64::try_from(harness.deaths).unwrap() * 150;
    let all = i64::try_from(incidents).unwrap();
    assert!(last_root <= all / 3 + 200 + deaths && last <= all + 400 + deaths, "{last_root} {last}");

    // No channel is ever written to faster than it allows: a burst of three, and one a second.
    let mut by_channel: BTreeMap<String, Vec<DateTime<Utc>>> = BTreeMap::new();
    for (channel, at) in harness.chat.times() {
        by_channel.entry(channel).or_default().push(at);
    }
    for times in by_channel.values() {
        assert!(times.windows(5).all(|five| five[4] - five[0] >= TimeDelta::seconds(1)), "too fast");
    }
}
