//! What charts and logs alone tell.

use super::fixtures::*;
use crate::domain::evidence::{LogPattern, Novelty};
use crate::domain::subject::SubjectKind;
use crate::domain::unit::Unit;

fn steps(before: f64, after: f64) -> Vec<f64> {
    [vec![before; 20], vec![after; 20]].concat()
}

#[test]
fn charts_of_many_kinds() {
    let growing: Vec<f64> = (0..30).map(|i| 20.0 + f64::from(i)).collect();
    for (query, unit, limit, values, expected) in [
        (
            "rate(container_cpu_cfs_throttled_periods_total[5m]) / rate(container_cpu_cfs_periods_total[5m])",
            Unit::Ratio,
            None,
            steps(0.02, 0.8),
            "cpu_throttled",
        ),
        (
            "rate(container_cpu_cfs_throttled_periods_total[5m]) / rate(container_cpu_cfs_periods_total[5m])",
            Unit::Ratio,
            None,
            steps(0.02, 0.05),
            "",
        ),
        ("container_memory_working_set_bytes", Unit::Bytes, Some(100.0), steps(50.0, 95.0), "memory_high"),
        ("container_memory_working_set_bytes", Unit::Bytes, Some(100.0), growing.clone(), "memory_high"),
        ("container_memory_working_set_bytes", Unit::Bytes, Some(100.0), steps(50.0, 50.0), ""),
        ("sum(rate(http_requests_total{code=~\"5..\"}[2m]))", Unit::PerSecond, None, steps(0.1, 9.0), "http_errors-"),
        ("sum(rate(http_requests_total[2m]))", Unit::PerSecond, None, steps(10.0, 90.0), "traffic_surge~"),
        (
            "histogram_quantile(0.99, rate(http_request_duration_seconds_bucket[2m]))",
            Unit::Seconds,
            None,
            steps(0.1, 2.0),
            "slow_responses-",
        ),
        ("increase(container_oom_events_total[5m])", Unit::Count, None, steps(0.0, 2.0), "oom_killed"),
        (
            "kube_pod_container_status_last_terminated_reason{reason=\"OOMKilled\"}",
            Unit::Count,
            None,
            steps(0.0, 1.0),
            "oom_killed",
        ),
        ("increase(kube_pod_container_status_restarts_total[10m])", Unit::Count, None, steps(0.0, 4.0), "crash_loop"),
        (
            "kube_pod_container_status_waiting_reason{reason=\"CrashLoopBackOff\"}",
            Unit::Count,
            None,
            steps(0.0, 1.0),
            "crash_loop",
        ),
        (
            "kubelet_volume_stats_used_bytes / kubelet_volume_stats_capacity_bytes",
            Unit::Ratio,
            None,
            steps(0.7, 0.985),
            "disk_full",
        ),
        (
            "kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes",
            Unit::Ratio,
            None,
            steps(0.3, 0.01),
            "disk_full",
        ),
        (
            "1 - node_filesystem_avail_bytes / node_filesystem_size_bytes",
            Unit::Ratio,
            None,
            steps(0.3, 0.99),
            "disk_full",
        ),
        (
            "kubelet_volume_stats_inodes_free / kubelet_volume_stats_inodes",
            Unit::Ratio,
            None,
            steps(0.5, 0.0),
            "disk_full",
        ),
        ("kubelet_volume_stats_available_bytes", Unit::Bytes, Some(100.0), steps(60.0, 60.0), ""),
        ("probe_ssl_earliest_cert_expiry - time()", Unit::Seconds, None, steps(-60.0, -300.0), "certificate_invalid"),
        ("up{job=\"web\"}", Unit::Count, None, steps(1.0, 0.0), "replicas_missing-"),
        ("some_gauge", Unit::Count, None, steps(1.0, 9.0), ""),
    ] {
        assert_eq!(World::new().series(query, unit, limit, &values).read(), expected, "{query}");
    }
}

#[test]
fn a_volume_that_fills_says_when() {
    let filling: Vec<f64> = (0..40).map(|i| 50.0 + f64::from(i) * 0.5).collect();
    let best = World::of(SubjectKind::PersistentVolumeClaim, "db/data-pg-0")
        .series("kubelet_volume_stats_used_bytes", Unit::Bytes, Some(100.0), &filling)
        .best();
    assert_eq!(best.phrase, "disk_filling");
    assert!(best.facts.contains_key("left"), "{best:?}");
}

#[test]
fn throttling_explains_slow_answers() {
    let world = World::new()
        .series("rate(container_cpu_cfs_throttled_periods_total[5m])", Unit::Percent, None, &steps(2.0, 90.0))
        .series(
            "histogram_quantile(0.99, rate(http_request_duration_seconds_bucket[2m]))",
            Unit::Seconds,
            None,
            &steps(0.1, 2.0),
        );
    assert_eq!(world.read(), "cpu_throttled slow_responses-");
}

#[test]
fn logs_alone() {
    for (line, expected) in [
        (
            "connect() failed (111: Connection refused) while connecting to upstream, client: 10.1.6.42, server: shop.example, upstream: \"http://10.0.0.57:80/products\"",
            "dependency_unreachable",
        ),
        ("FATAL: sorry, too many clients already", "dependency_unreachable"),
        ("HikariPool-1 - Connection is not available, request timed out after 30000ms", "dependency_unreachable"),
        ("dial tcp: lookup db on 10.96.0.10:53: server misbehaving", "dependency_unreachable"),
        ("tls: failed to verify certificate: x509: certificate has expired", "certificate_invalid"),
        ("ERROR: password authentication failed for user \"app\"", "auth_failed"),
        ("could not extend file: No space left on device", "disk_full"),
        ("java.lang.OutOfMemoryError: Java heap space\n\tat a.b.C.d(C.java:1)", "oom_killed"),
        ("ERROR: column \"vat\" does not exist", "new_errors"),
        ("accept: too many open files", "new_errors"),
        ("something unexpected happened", "new_errors-"),
    ] {
        assert_eq!(World::new().log(line).read(), expected, "{line}");
    }
}

#[test]
fn what_was_always_there_is_no_cause() {
    let noise =
        LogPattern { level: Some("error".into()), ..usual("dial tcp 10.0.0.12:5432: connect: connection refused") };
    assert!(World::new().logs(vec![noise]).findings().iter().all(|finding| finding.confidence < 0.5));
    assert_eq!(World::new().logs(vec![usual("order served in 3 ms")]).read(), "");
    let rarer = LogPattern { novelty: Novelty::LessFrequent, ..pattern("boom failed") };
    assert_eq!(World::new().logs(vec![rarer]).read(), "");
}
