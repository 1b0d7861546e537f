//! How fast text goes through redaction: clean logs, logs full of near misses, and logs with secrets.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use holmes_bot::domain::redact::Redactor;

const SIZE: usize = 1 << 20;

fn lines(templates: &[&str]) -> String {
    let mut text = String::new();
    let mut number = 0;
    while text.len() < SIZE {
        for template in templates {
            number += 1;
            let _ = writeln!(text, "2026-11-23T11:47:{:02}.{number:06}Z {template} id={number}", number % 60);
        }
    }
    text
}

fn bench(criterion: &mut Criterion) {
    let redactor = Redactor::new();
    let clean = [
        r#"level=info msg="reconciled" namespace=shop name=checkout-7d9f8b6c5d-x2x7k duration=12.3ms"#,
        r#"{"level":"warn","caller":"http/server.go:312","msg":"slow request","path":"/api/v1/orders","status":200,"ms":812}"#,
        "ERROR com.acme.OrderService - java.sql.SQLTimeoutException: could not obtain connection from pool after 30000 ms",
        "10.1.2.3 - - \"GET /healthz HTTP/1.1\" 200 2 \"-\" \"kube-probe/1.33\"",
    ];
    let near = [
        "token bucket exhausted for https://api.example.com/v1/orders key=orders",
        "secret \"db-creds\" not found, retrying authentication with max_tokens=300",
    ];
    let dirty = ["dialing postgres://app:hunter2@db/x with password=hunter2 and Authorization: Bearer abc123def456"];
    let mut group = criterion.benchmark_group("redact");
    for (name, text) in [("clean", lines(&clean)), ("near", lines(&near)), ("dirty", lines(&dirty))] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| black_box(redactor.redact(black_box(&text)))));
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
