//! Searches over many passages: `cargo bench --bench retrieval`. Prints the 99th percentile and the memory, too.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use holmes_bot::adapters::knowledge::passages::{Document, Passages, Wanted};
use holmes_bot::domain::passage::Collection;

/// Words of which passages are made; what is searched for is made of the same.
const WORDS: [&str; 24] = [
    "checkout",
    "memory",
    "limit",
    "connection",
    "refused",
    "postgres",
    "replica",
    "lag",
    "disk",
    "pressure",
    "rollout",
    "image",
    "probe",
    "timeout",
    "certificate",
    "expired",
    "throttled",
    "queue",
    "consumer",
    "kafka",
    "ingress",
    "node",
    "evicted",
    "quota",
];

fn text(seed: usize, words: usize) -> String {
    let mut state = seed as u64 * 2_654_435_761 + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    // Every passage has names of its own, as incidents have.
    (0..words)
        .map(
            |at| {
                if at % 9 == 8 {
                    format!("app-{} ", next() % 5_000)
                } else {
                    format!("{} ", WORDS[next() % WORDS.len()])
                }
            },
        )
        .collect()
}

fn resident_mib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok()).unwrap_or(0) / 1024
}

fn bench(criterion: &mut Criterion) {
    // `cargo test` runs it, too, to see that it works.
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let sizes: &[usize] = if is_measured { &[1_000, 10_000, 100_000] } else { &[100] };
    for &documents in sizes {
        let before = resident_mib();
        let Ok(passages) = Passages::new() else { return };
        let all = (0..documents).map(|number| Document {
            collection: Collection::Incidents,
            source: format!("incidents/{number}"),
            title: format!("Incident {number}"),
            text: text(number, 80),
            link: None,
            at: None,
        });
        let began = Instant::now();
        if passages.update(all.collect(), &[]).is_err() {
            return;
        }
        let indexed = began.elapsed();
        let query = |seed: usize| text(seed + 1_000_000, 12);
        let search = |text: &str| {
            let wanted = Wanted { collections: &Collection::ALL, text, vector: None, proposed: &[], limit: 5 };
            passages.search(&wanted)
        };
        let mut took: Vec<Duration> = (0..500)
            .map(|seed| {
                let text = query(seed);
                let began = Instant::now();
                let _ = black_box(search(&text));
                began.elapsed()
            })
            .collect();
        took.sort_unstable();
        println!(
            "passages/{documents}: indexed in {indexed:.1?}, search p50 {:.2?}, p99 {:.2?}, {} MiB",
            took[took.len() / 2],
            took[took.len() * 99 / 100],
            resident_mib().saturating_sub(before),
        );
        let text = query(7);
        criterion.bench_function(&format!("passages/{documents}"), |bencher| bencher.iter(|| black_box(search(&text))));
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
