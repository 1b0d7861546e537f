//! What usually listens on a port.

/// The usual service behind a port, for people who do not know it by heart.
pub fn service_of_port(port: u16) -> Option<&'static str> {
    Some(match port {
        25 | 465 | 587 => "SMTP",
        53 => "DNS",
        389 | 636 => "LDAP",
        1433 => "SQL Server",
        1521 => "Oracle",
        2049 => "NFS",
        2181 => "ZooKeeper",
        2379 | 2380 => "etcd",
        3306 => "MySQL",
        4222 => "NATS",
        4317 | 4318 => "OpenTelemetry",
        5432 | 6432 => "PostgreSQL",
        5671 | 5672 => "RabbitMQ",
        6379 | 26379 => "Redis",
        6443 => "Kubernetes API",
        6650 => "Pulsar",
        7000..=7001 | 9042 => "Cassandra",
        8086 => "InfluxDB",
        8123 => "ClickHouse",
        8200 => "Vault",
        8428 | 9090 => "Prometheus",
        8500 => "Consul",
        9092..=9094 => "Kafka",
        9200 | 9300 => "Elasticsearch",
        11211 => "memcached",
        26257 => "CockroachDB",
        27017..=27019 => "MongoDB",
        50051 => "gRPC",
        _ => return None,
    })
}
