//! Where a failed connection was going to: host and port out of the sentence of whichever library wrote it.

use crate::analysis::text::words::{after, find, leading_number};

/// A host, with the port if the line names one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Name or address, lower case.
    pub host: String,
    /// Port.
    pub port: Option<u16>,
}

/// The first port that Linux gives to whoever opens a connection.
const EPHEMERAL: u16 = 32_768;
/// Words before the place that was called, most telling first. After the last group of a line's own words
/// (`server`, `host`) the place must look like one: have a dot, a dash or a port.
const SURE: &[&str] = &[
    "upstream: \"",
    "upstream=\"",
    "backend: \"",
    "econnrefused ",
    "etimedout ",
    "ehostunreach ",
    "enetunreach ",
    "econnreset ",
    "enotfound ",
    "eai_again ",
    "esservfail ",
    "could not translate host name ",
    "could not resolve host: ",
    "could not resolve host ",
    "couldn't resolve host ",
    "unable to resolve host ",
    "host not found in upstream ",
    "unknownhostexception: ",
    "bad address ",
    "dns resolution failed for ",
    "dial tcp ",
    "dial udp ",
    "read tcp ",
    "write tcp ",
    "connection to server at ",
    "running on host ",
    "mysql server on ",
    "for url (",
    "for url: ",
    "pool(host=",
    "ipv4:",
    "remote host (",
    "подключиться к ",
    "соединения с ",
    "подключения к ",
];
const LIKELY: &[&str] = &[
    "connecting to ",
    "connection to node ",
    "connection to ",
    "connect to ",
    "connected to ",
    "connectexception: ",
    "connection refused (",
    "connection refused: ",
    "connect failed: ",
    "call failed (",
    "address=",
    "address: ",
    "addr=",
    "addr: ",
    "host=",
    "host: ",
    "hostname=",
    "to host ",
    "server ",
    "broker ",
    "upstream ",
    "backend ",
    "endpoint ",
    "for url ",
    "url=",
    "url: ",
];
/// Behind a method a bare word is a path.
const METHODS: &[&str] = &["post ", "get ", "put ", "head "];
/// Before these stands who called or who listens, not who was called; `on` is where a lookup asked.
const NOT_THE_PLACE: &[&str] =
    &["client:", "client=", "listen", "remote_addr", "from ", " on ", "bind", "peer ", "local"];
/// Words that stand where a name could.
const NOT_A_HOST: &[&str] = &[
    "the",
    "a",
    "an",
    "any",
    "all",
    "server",
    "host",
    "hosts",
    "database",
    "db_host",
    "localhost.localdomain",
    "remote",
    "node",
    "to",
    "at",
    "on",
    "for",
    "is",
    "was",
    "failed",
    "refused",
    "error",
    "upstream",
    "tcp",
    "udp",
    "http",
    "https",
    "none",
    "null",
    "undefined",
    "connection",
    "address",
    "addresses",
    "timeout",
    "closed",
    "reset",
    "in",
    "and",
    "or",
    "not",
];

/// The place in `record`.
pub fn place(record: &str) -> Option<Place> {
    let sure = SURE.iter().find_map(|cue| at_cues(record, cue, |_, _| true));
    let looks_like_one = |_: &str, place: &Place| place.port.is_some() || place.host.contains(['.', '-']);
    // A scheme gives a port, too.
    let is_address = |rest: &str, place: &Place| !rest.starts_with('/') && place.port.is_some();
    // As Go says it, `lookup db on 10.96.0.10:53: …` or `lookup db: …`; an account is looked up as well.
    let is_looked_up = |rest: &str, _: &Place| {
        let end = rest.find(|c: char| c.is_whitespace() || c == ':').unwrap_or(rest.len());
        rest[end..].starts_with(':') || rest[end..].starts_with(" on ")
    };
    sure.or_else(|| at_cues(record, "lookup ", is_looked_up))
        .or_else(|| LIKELY.iter().find_map(|cue| at_cues(record, cue, looks_like_one)))
        .or_else(|| METHODS.iter().find_map(|cue| at_cues(record, cue, is_address)))
        .or_else(|| anywhere(record))
}

/// Tries every place where `cue` stands; `is_one` sees what follows it, and the place read there.
fn at_cues(record: &str, cue: &str, is_one: impl Fn(&str, &Place) -> bool) -> Option<Place> {
    let mut rest = record;
    for _ in 0..8 {
        rest = after(rest, cue)?;
        // `dial tcp: lookup db on 10.0.0.10:53` has its own cue.
        if let Some(place) = parse(rest).filter(|place| is_one(rest, place)) {
            return Some(place);
        }
    }
    None
}

/// The first `host:port` or URL that is not somebody else's.
fn anywhere(record: &str) -> Option<Place> {
    let mut offset = 0;
    record.split([' ', '\t', '\n', '"', '\'', ',', '(', ')', '[', ']', '{', '}', '<', '>', ';', '=']).find_map(|word| {
        let start = offset;
        offset += word.len() + 1;
        let before = record.get(start.saturating_sub(14)..start).unwrap_or_default().to_ascii_lowercase();
        let others = NOT_THE_PLACE.iter().any(|cue| find(&before, cue).is_some());
        let is_place =
            word.contains("://") || word.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        parse(word)
            .filter(|place| is_place && !others && (place.port.is_some() || word.contains("://")) && !is_source(place))
    })
}

/// `main.py:41` and `12:30` look like places.
fn is_source(place: &Place) -> bool {
    let ends = [
        ".py", ".go", ".js", ".ts", ".rs", ".java", ".rb", ".php", ".c", ".cc", ".cpp", ".cs", ".kt", ".scala", ".ex",
        ".conf",
    ];
    ends.iter().any(|end| place.host.ends_with(end)) || place.host.bytes().all(|b| b.is_ascii_digit())
}

/// A place at the start of `text`.
fn parse(text: &str) -> Option<Place> {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || "\"'`(/<\\".contains(c));
    let is_address = text.strip_prefix('[').and_then(|inner| inner.split_once(']')).is_some_and(|(inner, _)| {
        inner.matches(':').count() > 1 && inner.chars().all(|c| c.is_ascii_hexdigit() || ":.%".contains(c))
    });
    let text = if is_address { text } else { text.trim_start_matches('[') };
    // The scheme says the port where none is written.
    let head_end = text.find(|c: char| c.is_whitespace() || "\"'`,;)>\\".contains(c)).unwrap_or(text.len());
    let (scheme, text) = match text[..head_end].find("://") {
        Some(at) => {
            let authority = &text[at + 3..];
            let end = authority.find(['/', ' ', '"', '\'', '?']).unwrap_or(authority.len());
            // Whoever stands before the `@` is not the host.
            let skip = authority[..end].rfind('@').map_or(0, |at| at + 1);
            (Some(&text[..at]), &authority[skip..])
        }
        None => (None, text),
    };
    // `read tcp 10.0.0.1:4242->10.0.0.2:5432`: who was called stands behind the arrow.
    let arrow = text.find("->").filter(|at| !text[..*at].contains(char::is_whitespace)).map_or(0, |at| at + 2);
    let text = &text[arrow..];
    let (host, rest) = match text.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((address, rest)) => (address, rest),
        None => {
            let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c))).unwrap_or(text.len());
            text.split_at(end)
        }
    };
    let host = host.trim_end_matches(['.', '-']).to_ascii_lowercase();
    let port = port(rest).or(match scheme {
        Some("http" | "ws") => Some(80),
        Some("https" | "wss") => Some(443),
        Some("postgres" | "postgresql") => Some(5432),
        Some("mysql") => Some(3306),
        Some("redis" | "rediss") => Some(6379),
        Some("amqp") => Some(5672),
        Some("mongodb") => Some(27017),
        _ => None,
    });
    let is_name = host.starts_with(|c: char| c.is_ascii_alphanumeric()) && host.len() > 1 && host.len() <= 253;
    (is_name && !NOT_A_HOST.contains(&host.as_str()) && (port.is_some() || !host.bytes().all(|b| b.is_ascii_digit())))
        .then_some(Place { host, port })
}

/// Whether a connection between two addresses was opened from over there: `write tcp 10.42.1.5:8080->10.42.2.9:51334`.
/// Whoever calls does it from a port that the system gave out, and hangs up when it has waited long enough.
pub(super) fn is_of_caller(record: &str) -> bool {
    record.match_indices("->").any(|(at, _)| {
        let near = record[..at].rsplit(char::is_whitespace).next().and_then(last_port);
        let far = record[at + 2..].split(char::is_whitespace).next();
        let far = far.and_then(|far| last_port(far.trim_end_matches([':', ',', '"', '\'', ')', '.'])));
        near.zip(far).is_some_and(|(near, far)| near < EPHEMERAL && far >= EPHEMERAL)
    })
}

fn last_port(address: &str) -> Option<u16> {
    address.rsplit_once(':')?.1.parse().ok()
}

/// The port behind a host: `:80`, `/10.0.0.5:80`, `" (10.0.0.5), port 80`, `', port=80`, ` port 80`.
fn port(rest: &str) -> Option<u16> {
    let number = |text: &str| leading_number(text).and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
    if let Some(direct) = rest.strip_prefix(':') {
        return number(direct);
    }
    if let Some((_, port)) = rest.strip_prefix('/').and_then(|address| address.split_once(':')) {
        return number(port);
    }
    let near_end = rest.char_indices().nth(64).map_or(rest.len(), |(at, _)| at);
    let near = &rest[..near_end];
    ["port=", "port: ", "port ", "', ", "\", "].iter().find_map(|cue| after(near, cue).and_then(number))
}

#[cfg(test)]
mod tests {
    use super::super::{Failure, failed_connection};
    use proptest::prelude::*;

    /// `failure host:port` or `-`.
    fn read(record: &str) -> String {
        match failed_connection(record) {
            None => "-".into(),
            Some((failure, None)) => failure.as_str().into(),
            Some((failure, Some(place))) => {
                let port = place.port.map_or(String::new(), |port| format!(":{port}"));
                format!("{} {}{port}", failure.as_str(), place.host)
            }
        }
    }

    #[test]
    fn sentences_of_many_libraries() {
        let table = [
            ("write tcp 10.42.1.5:8080->10.42.2.9:51334: write: broken pipe", "-"),
            ("read tcp 10.42.1.5:8080->10.42.2.9:51334: i/o timeout", "-"),
            ("read tcp [fd00::5]:8080->[fd00::9]:51334: read: connection reset by peer", "-"),
            ("write tcp 10.42.1.5:51334->10.42.2.9:8080: write: broken pipe", "reset 10.42.2.9:8080"),
            // Paths and words are no places.
            ("ERROR GET /user-profile/42 failed: context deadline exceeded", "timeout"),
            ("ERROR GET /index.html: connection refused", "refused"),
            ("ERROR account lookup timed out", "dns"),
            ("Post \"http://billing:8080/v1\": context deadline exceeded", "timeout billing:8080"),
            ("GET user-profile:8080/42: connection refused", "refused user-profile:8080"),
            ("lookup catalog: i/o timeout", "timeout catalog"),
            (
                r#"2026/11/22 22:53:19 [error] 31#31: *3126 connect() failed (111: Connection refused) while connecting to upstream, client: 10.1.6.42, server: shop.example, request: "GET /products?page=2 HTTP/1.1", upstream: "http://10.0.0.57:80/products""#,
                "refused 10.0.0.57:80",
            ),
            (
                r#"level=error msg="query failed" err="dial tcp 10.0.0.12:5432: connect: connection refused" attempt=1"#,
                "refused 10.0.0.12:5432",
            ),
            ("dial tcp: lookup redis.shop.svc on 10.96.0.10:53: no such host", "no_such_host redis.shop.svc"),
            ("dial tcp: lookup db on 10.96.0.10:53: server misbehaving", "dns db"),
            ("read tcp 10.0.0.1:4242->10.0.0.2:5432: read: connection reset by peer", "reset 10.0.0.2:5432"),
            ("Get \"http://catalog.shop.svc:8080/x\": context deadline exceeded", "timeout catalog.shop.svc:8080"),
            ("Error: connect ECONNREFUSED 10.0.0.9:6379\n    at TCPConnectWrap.afterConnect", "refused 10.0.0.9:6379"),
            ("Error: getaddrinfo ENOTFOUND redis-master", "no_such_host redis-master"),
            ("Error: getaddrinfo EAI_AGAIN postgres", "dns postgres"),
            (
                "psycopg2.OperationalError: connection to server at \"db\" (10.0.0.5), port 5432 failed: Connection refused",
                "refused db:5432",
            ),
            (
                "could not connect to server: Connection refused\n\tIs the server running on host \"db\" (10.0.0.5) and accepting\n\tTCP/IP connections on port 5432?",
                "refused db:5432",
            ),
            ("could not translate host name \"pg\" to address: Name or service not known", "no_such_host pg"),
            (
                "redis.exceptions.ConnectionError: Error 111 connecting to redis:6379. Connection refused.",
                "refused redis:6379",
            ),
            (
                "HTTPConnectionPool(host='catalog', port=80): Max retries exceeded with url: / (Caused by NewConnectionError('[Errno 111] Connection refused'))",
                "refused catalog:80",
            ),
            (
                "pymysql.err.OperationalError: (2003, \"Can't connect to MySQL server on 'db' ([Errno 111] Connection refused)\")",
                "refused db",
            ),
            ("ERROR 2003 (HY000): Can't connect to MySQL server on 'mysql:3306' (111)", "refused mysql:3306"),
            (
                "org.postgresql.util.PSQLException: Connection to db:5432 refused. Check that the hostname and port are correct",
                "refused db:5432",
            ),
            ("java.net.UnknownHostException: redis.cache", "no_such_host redis.cache"),
            (
                "Connect to catalog:8080 [catalog/10.0.0.58] failed: Connection refused (Connection refused)",
                "refused catalog:8080",
            ),
            (
                "[Producer clientId=x] Connection to node -1 (kafka/10.0.0.7:9092) could not be established. Broker may not be available.",
                "refused kafka:9092",
            ),
            ("HikariPool-1 - Connection is not available, request timed out after 30000ms", "pool_exhausted"),
            (
                "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial tcp 10.0.0.12:50051: connect: connection refused\"",
                "refused 10.0.0.12:50051",
            ),
            (
                "StatusCode.UNAVAILABLE details = failed to connect to all addresses; last error: UNKNOWN: ipv4:10.0.0.1:50051: Failed to connect to remote host: Connection refused",
                "refused 10.0.0.1:50051",
            ),
            (
                "error sending request for url (http://catalog/items): tcp connect error: Connection refused (os error 111)",
                "refused catalog:80",
            ),
            ("curl: (7) Failed to connect to catalog port 80 after 2 ms: Connection refused", "refused catalog:80"),
            ("curl: (6) Could not resolve host: catalog", "no_such_host catalog"),
            ("upstream connect error or disconnect/reset before headers. reset reason: connection timeout", "timeout"),
            ("FATAL:  password authentication failed for user \"app\"", "auth"),
            ("FATAL: sorry, too many clients already", "too_many_connections"),
            ("x509: certificate has expired or is not yet valid: current time 2026", "certificate"),
            ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "certificate"),
            (
                "Failed to open TCP connection to catalog:80 (Connection refused - connect(2) for \"catalog\" port 80)",
                "refused catalog:80",
            ),
            ("dial tcp [fd00::12]:5432: connect: no route to host", "no_route fd00::12:5432"),
            ("postgres://app:secret@db.shop.svc:5432/app: connection refused", "refused db.shop.svc:5432"),
            ("System.Net.Http.HttpRequestException: Connection refused (catalog:80)", "refused catalog:80"),
            ("MongoServerSelectionError: connect ECONNREFUSED 10.0.0.3:27017", "refused 10.0.0.3:27017"),
            ("order served in 3 ms", "-"),
            ("GET /healthz 200", "-"),
            ("ERROR payment declined by bank", "-"),
            ("", "-"),
        ];
        let wrong: Vec<_> = table.iter().filter(|(record, expected)| read(record) != *expected).collect();
        let read: Vec<_> = wrong.iter().map(|(record, _)| read(record)).collect();
        assert!(wrong.is_empty(), "{wrong:#?} read as {read:#?}");
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*", cue in 0usize..8) {
            let cues = ["connection refused ", "dial tcp [", "upstream: \"http://", "timed out -> ", "lookup ", "[", "é->", "://@"];
            let _ = failed_connection(&format!("{}{text}", cues[cue]));
            let _ = failed_connection(&format!("Connection refused {text}{}", cues[cue]));
            prop_assert!(Failure::Refused.as_str() == "refused");
        }
    }
}
