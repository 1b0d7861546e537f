//! How long it takes to schedule an outbox: incidents with three messages each, told one after the other in fifty channels at
//! the pace of a chat, on a clock that jumps to whatever is due next. The growth tells what a storm costs.

use std::hint::black_box;

use chrono::{DateTime, Utc};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use holmes_bot::domain::incident::IncidentId;
use holmes_bot::flow::deliver::board::{Board, Plan};
use holmes_bot::flow::deliver::next::Urgency;
use holmes_bot::flow::deliver::pace::{Pace, Rates};
use holmes_bot::ports::Undelivered;

/// Messages of one incident, most urgent first.
const MESSAGES: [Urgency; 3] = [Urgency::Root, Urgency::Entry, Urgency::Status];
const CHANNELS: usize = 50;

fn plan(urgency: Urgency, channel: String, now: DateTime<Utc>) -> Plan {
    Plan { urgency, channel, not_before: now }
}

/// Tells all of it; gives the messages sent.
fn tell(incidents: usize) -> usize {
    let mut now = DateTime::UNIX_EPOCH + chrono::TimeDelta::days(1);
    let outbox: Vec<Undelivered> = (0..incidents)
        .map(|number| Undelivered { incident: IncidentId(format!("i-{number:010x}")), version: 1 })
        .collect();
    let (mut board, mut pace) = (Board::default(), Pace::new(Rates::default()));
    board.note(&outbox);
    for (number, seen) in outbox.iter().enumerate() {
        board.plan(seen, Some(plan(MESSAGES[0], format!("C{}", number % CHANNELS), now)));
    }
    let mut told = std::collections::HashMap::new();
    let mut sent = 0;
    while let Some(due) = board.due(&pace) {
        now = now.max(due);
        let Some((seen, channel)) = board.pick(&pace, now) else { continue };
        pace.take(&channel, now);
        pace.arrived(&channel);
        board.landed(&seen.incident, &channel);
        sent += 1;
        let told = told.entry(seen.incident.clone()).or_insert(0);
        *told += 1;
        board.plan(&seen, MESSAGES.get(*told).map(|urgency| plan(*urgency, channel, now)));
    }
    sent
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("outbox");
    group.sample_size(10);
    for messages in [100, 1_000, 10_000] {
        let incidents = messages / MESSAGES.len();
        group.throughput(Throughput::Elements((incidents * MESSAGES.len()) as u64));
        group.bench_function(BenchmarkId::from_parameter(messages), |bencher| {
            bencher.iter(|| {
                assert_eq!(tell(black_box(incidents)), incidents * MESSAGES.len());
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
