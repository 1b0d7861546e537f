//! What a metric query measures, read from its text: the chart's title may say anything, the metric names do not.

/// What a series is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MetricRole {
    /// Memory in use by containers or processes.
    Memory,
    /// Memory that a node has left or uses.
    NodeMemory,
    /// CPU in use.
    Cpu,
    /// Share of CPU periods held back by the limit.
    Throttling,
    /// Requests answered with an error, as a rate or a share.
    HttpErrors,
    /// Requests of any kind.
    Requests,
    /// How long answers take.
    Latency,
    /// Restarts of containers.
    Restarts,
    /// Kills by the out-of-memory killer.
    OomKills,
    /// Why containers wait or ended (kube-state-metrics).
    ContainerReason,
    /// Space in use on a disk or volume.
    DiskUsed,
    /// Space left on a disk or volume.
    DiskFree,
    /// Inodes, used or left.
    Inodes,
    /// Replicas wanted, ready or available.
    Replicas,
    /// Phase or readiness of pods.
    PodPhase,
    /// Conditions of nodes.
    NodeCondition,
    /// When a certificate ends.
    Certificate,
    /// Connections open or waiting in a pool.
    Connections,
    /// Work waiting in a queue; lag of a consumer.
    Queue,
    /// Bytes over the network.
    Network,
    /// Whether a target answers: `up`, `probe_success`.
    Up,
    /// Anything else.
    Other,
}

/// Which end of a chart is the bad one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worst {
    /// The more, the worse: use, errors, time.
    High,
    /// The less, the worse: what is left, what answers.
    Low,
}

impl Worst {
    /// For the values of `query`.
    pub fn of(query: &str) -> Self {
        let low = match metric_role(query) {
            MetricRole::Certificate | MetricRole::Up => true,
            MetricRole::DiskFree => !is_inverted(query),
            MetricRole::Inodes => counts_free_inodes(query) && !is_inverted(query),
            _ => false,
        };
        if low { Self::Low } else { Self::High }
    }

    /// How bad it got: the bigger, the worse. `None` without points.
    pub fn badness(self, points: &[(i64, f64)]) -> Option<f64> {
        let values = points.iter().map(|point| point.1);
        match self {
            Self::High => values.reduce(f64::max),
            Self::Low => values.reduce(f64::min).map(|lowest| -lowest),
        }
    }
}

/// Most telling first: the first rule of which every part occurs wins; `|` separates alternatives.
const RULES: &[(MetricRole, &[&str])] = &[
    (MetricRole::Throttling, &["throttled"]),
    (MetricRole::OomKills, &["oom_events|oom_kill|oomkill"]),
    (MetricRole::ContainerReason, &["waiting_reason|terminated_reason"]),
    (MetricRole::Restarts, &["restarts_total|container_start_time|_restarts"]),
    (MetricRole::Certificate, &["not_after|cert_expir|certificate_expir|ssl_earliest_cert|ssl_expire|cert_not_after"]),
    (MetricRole::Inodes, &["inodes|files_free|filesystem_files"]),
    (
        MetricRole::DiskFree,
        &[
            "filesystem_avail|filesystem_free|volume_stats_available|disk_free|available_bytes",
            "filesystem|volume|disk",
        ],
    ),
    (MetricRole::DiskUsed, &["fs_usage_bytes|volume_stats_used|filesystem_usage|filesystem_size|disk_used|fs_used"]),
    (MetricRole::NodeMemory, &["node_memory|machine_memory"]),
    (
        MetricRole::Memory,
        &[
            "memory_working_set|memory_rss|memory_usage|resident_memory|heap_|memory_used|jvm_memory|memory_bytes|mem_usage",
        ],
    ),
    (MetricRole::NodeCondition, &["kube_node_status_condition|kube_node_spec_taint|kube_node_spec_unschedulable"]),
    (MetricRole::PodPhase, &["pod_status_phase|pod_status_ready|container_status_ready|kube_pod_status"]),
    (MetricRole::Replicas, &["replicas|kube_horizontalpodautoscaler|kube_hpa|number_unavailable|number_ready"]),
    (
        MetricRole::Latency,
        &[
            "duration|latency|response_time|request_time|_seconds_bucket",
            "histogram_quantile|latency|duration|_sum|response_time|request_time|quantile",
        ],
    ),
    // What a pod asks of the scheduler is no traffic.
    (MetricRole::Cpu, &["cpu_usage|cpu_seconds", "container_resource_requests"]),
    (MetricRole::Other, &["container_resource_requests"]),
    (MetricRole::HttpErrors, HTTP_ERRORS),
    (MetricRole::HttpErrors, &["errors_total|error_total|failures_total|error_rate"]),
    (MetricRole::Queue, &["requests_waiting|requests_queued"]),
    (
        MetricRole::Requests,
        &["requests_total|requests|request_count|http_server|grpc_server|_rps|connections_accepted"],
    ),
    (MetricRole::Connections, &["connections|pool|numbackends|max_connections"]),
    // Consumers of a queue, and what came and went, are not what waits in it.
    (MetricRole::Other, &["queue", "queue_consumers|acked|acknowledged|published|delivered|consumed"]),
    (MetricRole::Queue, &["consumer_lag|_lag|queue|backlog|messages_ready"]),
    (MetricRole::Cpu, &["cpu_usage|cpu_seconds|process_cpu|node_cpu|cpu_"]),
    (MetricRole::Network, &["network_receive|network_transmit|network_"]),
    (MetricRole::Up, &["probe_success"]),
];

/// Requests, and those of them that failed: which, mostly a label's value says.
const HTTP_ERRORS: &[&str] = &[
    "requests|http|grpc|responses|request_",
    "5..|5\\d|5xx|\"50|~\"5|4..|code!~|error|fail|status=~\"5|grpc_code!=\"ok",
];

/// What `query` measures.
///
/// Its quoted strings are names that people gave: `queue-worker` is no queue.
pub fn metric_role(query: &str) -> MetricRole {
    let whole = query.to_ascii_lowercase();
    let bare = bare(&whole);
    let told = |text: &str, part: &str| part.split('|').any(|word| text.contains(word));
    let rule = RULES.iter().find(|(_, parts)| match *parts {
        HTTP_ERRORS => told(&bare, HTTP_ERRORS[0]) && told(&whole, HTTP_ERRORS[1]),
        parts => parts.iter().all(|part| told(&bare, part)),
    });
    let mut words = bare.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    match rule {
        Some((role, _)) => *role,
        None if words.any(|word| word == "up") => MetricRole::Up,
        None => MetricRole::Other,
    }
}

/// Whether `query` divides by a limit or a total, so that its values are shares.
pub fn is_share(query: &str) -> bool {
    let compact = compact(query);
    compact.contains(")/") || compact.contains("}/") || compact.contains("]/")
}

/// Whether `query` counts what is used by what is left: `1 - free / size`.
pub fn is_inverted(query: &str) -> bool {
    let compact = compact(query);
    let alone =
        |at: usize| !compact[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':'));
    ["1-", "100-"].iter().any(|whole| compact.match_indices(whole).any(|(at, _)| alone(at)))
}

/// Whether a query of [`MetricRole::Inodes`] counts those that are left.
pub fn counts_free_inodes(query: &str) -> bool {
    let bare = bare(query);
    bare.contains("free") || bare.contains("avail")
}

/// Without quoted strings and without spaces.
fn compact(query: &str) -> String {
    bare(query).chars().filter(|c| !c.is_whitespace()).collect()
}

/// `query` with nothing between its quotes.
fn bare(query: &str) -> String {
    let mut bare = String::with_capacity(query.len());
    let mut quote = None;
    let mut escaped = false;
    for c in query.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some('"' | '\'') if c == '\\' => escaped = true,
            Some(open) if c == open => {
                quote = None;
                bare.push(c);
            }
            Some(_) => {}
            None => {
                quote = Some(c).filter(|c| matches!(c, '"' | '\'' | '`'));
                bare.push(c);
            }
        }
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_in_the_wild() {
        for (query, role) in [
            ("max by (pod) (container_memory_working_set_bytes{namespace=\"shop\"})", MetricRole::Memory),
            ("sum(rate(container_cpu_usage_seconds_total{pod=~\"web-.*\"}[2m])) by (pod)", MetricRole::Cpu),
            (
                "rate(container_cpu_cfs_throttled_periods_total[5m]) / rate(container_cpu_cfs_periods_total[5m])",
                MetricRole::Throttling,
            ),
            ("sum(rate(nginx_ingress_controller_requests{status=~\"5..\"}[2m]))", MetricRole::HttpErrors),
            ("sum(rate(http_requests_total{code!~\"2..\"}[2m]))", MetricRole::HttpErrors),
            ("sum(rate(nginx_ingress_controller_requests[2m]))", MetricRole::Requests),
            (
                "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))",
                MetricRole::Latency,
            ),
            ("increase(kube_pod_container_status_restarts_total[10m])", MetricRole::Restarts),
            ("increase(container_oom_events_total[10m])", MetricRole::OomKills),
            ("kube_pod_container_status_waiting_reason{reason=\"CrashLoopBackOff\"}", MetricRole::ContainerReason),
            ("kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes", MetricRole::DiskFree),
            ("kubelet_volume_stats_used_bytes", MetricRole::DiskUsed),
            ("node_filesystem_files_free", MetricRole::Inodes),
            ("kube_deployment_status_replicas_available", MetricRole::Replicas),
            ("node_memory_MemAvailable_bytes", MetricRole::NodeMemory),
            ("probe_ssl_earliest_cert_expiry - time()", MetricRole::Certificate),
            ("kafka_consumergroup_lag", MetricRole::Queue),
            ("up{job=\"web\"}", MetricRole::Up),
            ("my_metric", MetricRole::Other),
            // What people call their things.
            ("rate(container_cpu_usage_seconds_total{pod=~\"queue-worker-.*\"}[2m])", MetricRole::Cpu),
            ("rate(container_cpu_usage_seconds_total{pod=~'pgpool-.*'}[2m])", MetricRole::Cpu),
            // Queries of the bundled runbooks.
            (
                "sum by (node) (kube_pod_container_resource_requests{resource=\"cpu\"}) / sum by (node) (kube_node_status_allocatable{resource=\"cpu\"})",
                MetricRole::Other,
            ),
            ("min by (host) (nginx_ingress_controller_ssl_expire_time_seconds) - time()", MetricRole::Certificate),
            ("sum by (queue) (rabbitmq_queue_messages_ready)", MetricRole::Queue),
            ("sum by (queue) (rabbitmq_queue_consumers)", MetricRole::Other),
            ("sum by (queue) (rate(rabbitmq_queue_messages_acked_total[5m]))", MetricRole::Other),
            ("sum(vllm:num_requests_waiting)", MetricRole::Queue),
            ("max(up{job=\"web\"})", MetricRole::Up),
            ("sum by (job) (up)", MetricRole::Up),
            ("uptime_seconds", MetricRole::Other),
            ("upstream_things", MetricRole::Other),
            ("", MetricRole::Other),
        ] {
            assert_eq!(metric_role(query), role, "{query}");
        }
        assert!(is_share("rate(a[5m]) / rate(b[5m])"));
        assert!(!is_share("sum(rate(a{path=\"/x\"}[5m]))"));
        assert!(is_inverted("1 - a / b") && is_inverted("100 - (a)"));
        assert!(!is_inverted("a{persistentvolumeclaim=\"pg-1-wal\"}") && !is_inverted("a{b='say \\'1-2\\''}"));
    }
}
