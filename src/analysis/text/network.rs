//! What a line says about something that could not be reached: how it failed, and where it was.

use super::words::has_any;
use super::{record, words};

pub use host::{Place, place};

mod host;

/// How a connection failed, most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// Its certificate expired, is not trusted or is for another name.
    Certificate,
    /// A login or permission was refused.
    Auth,
    /// It has no room for another connection.
    TooMany,
    /// Nothing listens there.
    Refused,
    /// The name is unknown.
    NoSuchHost,
    /// The name server did not answer as it should.
    Dns,
    /// No way leads there.
    NoRoute,
    /// The handshake failed for another reason.
    Tls,
    /// It hung up.
    Reset,
    /// It did not answer in time.
    Timeout,
    /// The client's own pool of connections is used up.
    PoolExhausted,
    /// A server on the way says that there is nobody behind it.
    Unavailable,
}

impl Failure {
    /// As a fact: the phrase chooses its words by it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Auth => "auth",
            Self::TooMany => "too_many_connections",
            Self::Refused => "refused",
            Self::NoSuchHost => "no_such_host",
            Self::Dns => "dns",
            Self::NoRoute => "no_route",
            Self::Tls => "tls",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::PoolExhausted => "pool_exhausted",
            Self::Unavailable => "unavailable",
        }
    }
}

/// In lower case. The order matters: a pool times out *because* it is used up, a TLS error may end in a reset.
const RULES: &[(Failure, &[&str])] = &[
    (
        Failure::Certificate,
        &[
            "certificate has expired",
            "certificate expired",
            "certificate is not yet valid",
            "expired certificate",
            "cert_has_expired",
            "certificateexpired",
            "certificate signed by unknown authority",
            "unknown ca",
            "self signed certificate",
            "self-signed certificate",
            "unable to verify the first certificate",
            "unable to get local issuer certificate",
            "certificate_verify_failed",
            "certificate verify failed",
            "pkix path",
            "certpathvalidator",
            "bad certificate",
            "unknownissuer",
            "invalid peer certificate",
            "certificate is valid for",
            "cannot validate certificate",
            "certificate is not trusted",
            "err_tls_cert_altname",
            "hostname mismatch",
            "certificate relies on legacy",
            "x509:",
            "remote certificate is invalid",
            "certificate required",
            "certificate unknown",
        ],
    ),
    (
        Failure::Auth,
        &[
            "password authentication failed",
            "access denied for user",
            "authentication failed",
            "auth failed",
            "authentication failure",
            "noauth authentication",
            "wrongpass",
            "invalid username-password",
            "login failed for",
            "no pg_hba.conf entry",
            "sasl authentication",
            "saslauthentication",
            "code = unauthenticated",
            "invalidaccesskeyid",
            "signaturedoesnotmatch",
            "expiredtoken",
            "accessdenied",
            "invalid credentials",
            "bad credentials",
            "incorrect username or password",
            "access_refused",
            "invalid_grant",
            "invalid_client",
            "ora-01017",
            "ora-28000",
            "unauthorizedexception",
            "authenticationexception",
            "not authorized to perform",
            "is forbidden: user",
            "permission denied for ",
            "code = permissiondenied",
            "401 unauthorized",
            "403 forbidden",
            "status code 401",
            "status code 403",
            "security token included in the request is invalid",
            "unable to locate credentials",
            "could not load credentials",
            "nocredentialproviders",
            "invalidclienttokenid",
            "access denied",
            "role \"",
            "err invalid password",
            "topicauthorization",
            "groupauthorization",
            "supplied credentials",
        ],
    ),
    (
        Failure::TooMany,
        &[
            "too many connections",
            "too many clients",
            "remaining connection slots",
            "max number of clients reached",
            "max_user_connections",
            "max_connections",
            "connection limit exceeded",
            "ora-00020",
            "no more connections",
            "max_client_conn",
        ],
    ),
    (
        Failure::PoolExhausted,
        &[
            "connection is not available, request timed out",
            "pool exhausted",
            "connection pool is full",
            "connection pool exhausted",
            "timeout waiting for idle object",
            "timeout waiting for connection from pool",
            "queuepool limit",
            "pool timed out",
            "pooltimedout",
            "no available connections",
            "pool is exhausted",
            "timeout acquiring a connection",
            "cannot get a connection from the pool",
            "exhausted connection pool",
            "unable to check out connection from the pool",
            "could not obtain a database connection within",
        ],
    ),
    (
        Failure::NoSuchHost,
        &[
            "no such host",
            "name or service not known",
            "enotfound",
            "unknownhostexception",
            "could not resolve host",
            "nodename nor servname",
            "host not found",
            "name does not resolve",
            "nxdomain",
            "unknown host",
            "could not translate host name",
            "unresolvedaddress",
            "no address associated with hostname",
            "no such host is known",
            "bad address",
            "getaddrinfo failed",
            "couldn't resolve host",
            "dns resolution failed",
            "unable to resolve host",
            "could not be resolved (3",
        ],
    ),
    (
        Failure::Dns,
        &[
            "servfail",
            "server misbehaving",
            "temporary failure in name resolution",
            "eai_again",
            "try again later: dns",
            "dns: operation timed out",
            "esservfail",
            "could not be resolved",
            "lookup timed out",
            "resolve timed out",
            "no nameservers",
            "dns lookup",
            "dns timeout",
            "dns error",
        ],
    ),
    (
        Failure::Refused,
        &[
            "connection refused",
            "econnrefused",
            "connectionrefused",
            "actively refused",
            "errno 111",
            "error 111",
            "os error 111",
            "(111)",
            "refused to connect",
            "connect error: 111",
            "connection to ",
            "broker may not be available",
        ],
    ),
    (
        Failure::NoRoute,
        &[
            "no route to host",
            "network is unreachable",
            "host is unreachable",
            "ehostunreach",
            "enetunreach",
            "noroutetohost",
            "host unreachable",
            "errno 113",
            "(113)",
        ],
    ),
    (
        Failure::Timeout,
        &[
            "i/o timeout",
            "timed out",
            "deadline exceeded",
            "etimedout",
            "esockettimedout",
            "connect timeout",
            "timeout awaiting",
            "timeoutexception",
            "timeout expired",
            "connection timeout",
            "read timeout",
            "timeouterror",
            "gateway timeout",
            "timeout error",
            "timeout exceeded",
            "timeout while",
            "time-out",
            "timeout of ",
            "command timed out",
            "timeout has occurred",
        ],
    ),
    (
        Failure::Tls,
        &[
            "tls handshake",
            "ssl handshake",
            "sslhandshake",
            "tls: ",
            "handshake failure",
            "wrong version number",
            "ssl_error",
            "ssl error",
            "tlsv1 alert",
            "sslerror",
            "protocol version",
        ],
    ),
    (
        Failure::Reset,
        &[
            "connection reset",
            "econnreset",
            "reset by peer",
            "broken pipe",
            "epipe",
            "socket hang up",
            "server closed the connection",
            "connection closed",
            "closed by the remote",
            "remote end closed",
            "lost connection",
            "server has gone away",
            "unexpected eof",
            "upstream prematurely closed",
            "connection was closed",
            "connection aborted",
            "communications link failure",
            "connection lost",
            "bootstrap broker",
            "disconnected from node",
            "premature close",
            "forcibly closed",
            "terminating connection",
            "connection terminated",
        ],
    ),
    (
        Failure::Unavailable,
        &[
            "no live upstreams",
            "no healthy upstream",
            "status code 502",
            "status code 503",
            "status code 504",
            "502 server error",
            "503 server error",
            "504 server error",
            "responded with 502",
            "responded with 503",
            "returned 502",
            "returned 503",
            "returned 504",
            "database system is starting up",
            "database system is shutting down",
            "in recovery mode",
            "you can't write against a read only replica",
            "read-only transaction",
            "redis is loading",
            "not primary",
            "service unavailable",
            "upstream connect error",
            "statuscode.unavailable",
            "code = unavailable",
            "has no server available",
            "no available server",
            "all backends are down",
            "is down, reason",
            "failed to connect",
            "could not connect",
            "cannot connect",
            "can't connect",
            "unable to connect",
            "connection failed",
            "503 service unavailable",
            "502 bad gateway",
            "connectexception",
            "noservers",
            "serverselection",
            "master_link_status:down",
            "not_leader",
            "leader_not_available",
            "no brokers available",
            "nobrokersavailable",
            "circuitbreaker",
            "circuit breaker",
        ],
    ),
];

/// How the line says a connection failed; `None` if it speaks of something else.
pub fn failure(text: &str) -> Option<Failure> {
    let lower = text.to_ascii_lowercase();
    RULES.iter().find(|(failure, needles)| has_any(&lower, needles) && holds(*failure, &lower)).map(|rule| rule.0)
}

/// What a rule's words leave open.
fn holds(failure: Failure, lower: &str) -> bool {
    match failure {
        // `Connection to db:5432 refused` has a name in the middle.
        Failure::Refused => {
            has_any(lower, &["refused", "111", "broker may not be available"])
                // A payment that was declined or a policy that refuses is an answer.
                && !lower.contains("refused: ")
                || lower.contains("connection refused")
        }
        Failure::Auth => {
            !lower.contains("role \"") || lower.contains("does not exist") || words::has_word(lower, "permission")
        }
        // `timeout of 30s configured` and the like are settings, not failures.
        Failure::Timeout => !has_any(lower, &["timeout of 0", "set timeout", "configured timeout"]),
        _ => true,
    }
}

/// A failure and where it happened, from one whole log record.
pub fn failed_connection(record: &str) -> Option<(Failure, Option<Place>)> {
    let failure = failure(record)?;
    let found = place(record).or_else(|| place(&record::plain_record(record)));
    Some((failure, found))
}

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
