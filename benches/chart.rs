//! How long a chart takes: a typical one, and the largest one that a query returns.

use std::hint::black_box;

use chrono::{DateTime, TimeDelta};
use criterion::{Criterion, criterion_group, criterion_main};
use holmes_bot::domain::unit::Unit;
use holmes_bot::render::chart::{Chart, ChartWords, LimitLine, Line, Theme, render_png};

fn bench(criterion: &mut Criterion) {
    let from = DateTime::from_timestamp(1_763_900_000, 0).unwrap_or_default();
    let millis = from.timestamp_millis();
    for (name, lines, points) in [("typical", 3, 120), ("large", 8, 10_000)] {
        let series: Vec<Line> = (0..lines)
            .map(|line| Line {
                name: format!("checkout-7d9f8b6c5d-x2x{line}k"),
                points: (0..points)
                    .map(|i| (millis + i * 3_600_000 / points, ((i * 37 + line * 11) % 97) as f64 * 2e6))
                    .collect(),
            })
            .collect();
        let chart = Chart {
            title: "Memory of shop/checkout",
            unit: Unit::Bytes,
            window: (from, from + TimeDelta::hours(1)),
            series: &series,
            limit: Some(LimitLine { label: "limit".to_owned(), value: 256.0 * 1024.0 * 1024.0 }),
            alert_start: Some(from + TimeDelta::minutes(40)),
            resolved: None,
            folded: 4,
            theme: Theme::Light,
            words: ChartWords::default(),
        };
        criterion.bench_function(&format!("chart/{name}"), |bencher| {
            bencher.iter(|| black_box(render_png(black_box(&chart))))
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
