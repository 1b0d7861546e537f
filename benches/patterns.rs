//! Lines a second from text to slot, on one core: `cargo bench --bench patterns`.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use holmes_bot::analysis::patterns::{Miner, Side, read_line};

const LINES: u32 = 10_000;

fn plain(n: u32) -> String {
    match n % 4 {
        0 => format!(
            "2026-01-02T03:04:05.{:03}Z INFO [http-{}] c.e.Api: GET /orders/{n} took {} ms",
            n % 1000,
            n % 8,
            n % 97
        ),
        1 => format!(
            "2026-01-02T03:04:05.{:03}Z ERROR [db-{}] c.e.Pool: connection to 10.0.{}.{}:5432 refused",
            n % 1000,
            n % 4,
            n % 9,
            n % 250
        ),
        2 => format!("2026-01-02T03:04:05.{:03}Z INFO [main] c.e.Cache: evicted {n} entries in {}s", n % 1000, n % 7),
        _ => format!(
            "2026-01-02T03:04:05.{:03}Z WARN [main] c.e.Queue: consumer lag is {n} on partition {}",
            n % 1000,
            n % 12
        ),
    }
}

fn json(n: u32) -> String {
    format!(
        r#"{{"ts":"2026-01-02T03:04:05Z","level":"info","logger":"api","msg":"served order {n}","took_ms":{},"user":{{"id":{n}}}}}"#,
        n % 97
    )
}

fn logfmt(n: u32) -> String {
    format!(
        r#"ts=2026-01-02T03:04:05Z level=error component=db msg="query failed" attempt={} err="dial tcp 10.0.0.{}:5432: refused""#,
        n % 5,
        n % 250
    )
}

/// A line of words that no other line has: the dump of a fuzzer, encoded data, an attack.
fn strange(n: u64) -> String {
    let word = |at: u64| {
        let mut bits = (n * 16 + at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        std::iter::repeat_with(move || {
            let letter = char::from(b'a' + (bits % 26) as u8);
            bits /= 26;
            letter
        })
        .take(8)
        .chain([' '])
        .collect::<String>()
    };
    (0..10).map(word).collect()
}

fn mine(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("patterns");
    group.throughput(Throughput::Elements(u64::from(LINES)));
    let lines = |make: fn(u32) -> String| (0..LINES).map(make).collect::<Vec<String>>();
    for (name, lines) in [("plain", lines(plain)), ("json", lines(json)), ("logfmt", lines(logfmt))] {
        let mut miner = Miner::default();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for line in &lines {
                    black_box(miner.add(&read_line(line), None, Side::Window));
                }
            });
        });
    }
    let (mut miner, mut next) = (Miner::default(), 0);
    group.bench_function("strange", |bencher| {
        bencher.iter_batched(
            || {
                next += u64::from(LINES);
                (next..next + u64::from(LINES)).map(strange).collect::<Vec<String>>()
            },
            |lines| {
                for line in &lines {
                    black_box(miner.add(&read_line(line), None, Side::Window));
                }
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, mine);
criterion_main!(benches);
