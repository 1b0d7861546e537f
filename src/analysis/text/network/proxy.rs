//! Access logs of proxies: which of their upstreams failed, and how, by status, flags and the upstream's name.
//!
//! Envoy and Istio say it with response flags, ingress-nginx and Traefik with the upstream beside the status, HAProxy
//! with the state in which the session ended.

use super::{Failure, Place};
use crate::analysis::text::words::{after, leading_number};

/// Envoy's response flags that blame the upstream (`envoyproxy.io`, access log operators).
const FLAGS: [(&str, Failure); 9] = [
    ("UF", Failure::Unavailable),
    ("UH", Failure::Unavailable),
    ("UO", Failure::Unavailable),
    ("URX", Failure::Unavailable),
    ("UC", Failure::Reset),
    ("UPE", Failure::Reset),
    ("UR", Failure::Reset),
    ("UT", Failure::Timeout),
    ("DF", Failure::Dns),
];
/// How an HAProxy session ended: by the server, before or while it answered.
const HAPROXY: [(&str, Failure); 5] = [
    (" SC--", Failure::Refused),
    (" sC--", Failure::Timeout),
    (" SH--", Failure::Reset),
    (" sH--", Failure::Timeout),
    (" <NOSRV>", Failure::Unavailable),
];

/// The upstream that an access log's line blames; `None` if it is none, or the answer was the upstream's own.
pub(super) fn blamed(line: &str) -> Option<(Failure, Option<Place>)> {
    envoy(line).or_else(|| ingress_nginx(line)).or_else(|| json(line)).or_else(|| haproxy(line))
}

/// `"GET / HTTP/1.1" 503 UF …` in Envoy's own format, `"response_flags":"UF"` in JSON.
fn envoy(line: &str) -> Option<(Failure, Option<Place>)> {
    let flags = field(line, "response_flags").or_else(|| {
        let rest = line.split_once("\" ").map(|(_, rest)| rest).filter(|_| line.contains("HTTP/"))?;
        let mut words = rest.split_whitespace();
        let status = words.next()?;
        words.next().filter(|_| status.len() == 3 && status.starts_with('5'))
    })?;
    let failure = flags
        .split(',')
        .find_map(|flag| FLAGS.iter().find(|(known, _)| *known == flag).map(|(_, failure)| *failure))?;
    Some((failure, cluster(line)))
}

/// `outbound|8080|v1|orders.shop.svc.cluster.local`: Istio's name for an upstream.
fn cluster(line: &str) -> Option<Place> {
    if let Some(rest) = after(line, "outbound|") {
        let mut parts = rest.split('|');
        let port = parts.next().and_then(|port| port.parse().ok());
        let host = parts.nth(1)?;
        let end = host.find(|c: char| !(c.is_ascii_alphanumeric() || ".-".contains(c))).unwrap_or(host.len());
        return (end > 0).then(|| Place { host: host[..end].to_ascii_lowercase(), port });
    }
    ["upstream_host", "upstream_cluster", "authority"].iter().find_map(|name| address(field(line, name)?))
}

/// `… 502 150 "-" "agent" 120 0.001 [shop-orders-8080] [] 10.42.2.10:8080 0 0.000 502 id`.
fn ingress_nginx(line: &str) -> Option<(Failure, Option<Place>)> {
    let status = after(line, "HTTP/1.1\" ").or_else(|| after(line, "HTTP/2.0\" "))?;
    let failure = of_status(leading_number(status)?)?;
    let (_, rest) = status.split_once("] [")?;
    let upstream = rest.split_once("] ")?.1.split([' ', ',']).next()?;
    Some((failure, Some(address(upstream)?)))
}

/// Access logs in JSON that name the upstream's address: nginx by configuration, Traefik, Caddy, Kong.
fn json(line: &str) -> Option<(Failure, Option<Place>)> {
    let upstream = ["upstream_addr", "ServiceAddr", "ServiceURL", "upstream_host", "upstream"]
        .iter()
        .find_map(|name| field(line, name))?;
    let status = ["OriginStatus", "DownstreamStatus", "status", "response_code", "status_code"]
        .iter()
        .find_map(|name| field(line, name)?.parse().ok())?;
    Some((of_status(status)?, Some(address(upstream)?)))
}

fn haproxy(line: &str) -> Option<(Failure, Option<Place>)> {
    let is_haproxy = line.contains(" {") || line.contains("haproxy");
    let (_, failure) = HAPROXY.iter().find(|(state, _)| is_haproxy && line.contains(state))?;
    Some((*failure, None))
}

/// A proxy's own answer for an upstream that gave none.
fn of_status(status: u64) -> Option<Failure> {
    match status {
        502 | 503 => Some(Failure::Unavailable),
        504 => Some(Failure::Timeout),
        _ => None,
    }
}

/// The value of a field in a line of JSON, in quotes or without.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let start = line.find(&format!("\"{name}\":"))? + name.len() + 3;
    let value = line[start..].trim_start();
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => value.split([',', '}', ' ']).next()?,
    };
    (!value.is_empty() && value != "-" && value != "null").then_some(value)
}

/// `10.42.2.10:8080`, `http://orders:8080/x`.
fn address(text: &str) -> Option<Place> {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest).split(['/', ',', ' ']).next()?;
    let (host, port) = text.rsplit_once(':').map_or((text, None), |(host, port)| (host, port.parse().ok()));
    let host = host.trim_matches(['[', ']']);
    let is_host = host.len() > 1
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:".contains(&b))
        && host.starts_with(|c: char| c.is_ascii_alphanumeric());
    is_host.then(|| Place { host: host.to_ascii_lowercase(), port })
}

#[cfg(test)]
mod tests {
    use super::super::failed_connection;

    #[test]
    fn lines_of_proxies() {
        for (line, expected) in [
            (
                r#"[2026-10-05T03:18:01.101Z] "GET /api/7 HTTP/1.1" 503 UF upstream_reset_before_response_started{connection_failure} - "-" 0 91 12 - "10.1.2.3" "curl/8.5" "a-1" "orders" "-" outbound|8080||orders.shop.svc.cluster.local - 10.96.4.4:8080 10.1.2.3:51012 - default"#,
                "unavailable orders.shop.svc.cluster.local 8080",
            ),
            (
                r#"[2026-10-05T03:18:01.101Z] "GET /api/7 HTTP/2" 504 UT response_timeout - "-" 0 24 15000 - "-" "x" "a" "orders:8080" "10.42.2.3:8080" outbound|8080|v2|orders.shop.svc.cluster.local 10.0.0.1:5 10.0.0.2:8080 - - default"#,
                "timeout orders.shop.svc.cluster.local 8080",
            ),
            (
                r#"{"response_code":503,"response_flags":"UH","upstream_cluster":"outbound|80||cart.shop.svc.cluster.local","upstream_host":"-","path":"/cart"}"#,
                "unavailable cart.shop.svc.cluster.local 80",
            ),
            (
                r#"10.1.2.3 - - [05/Oct/2026:03:18:01 +0000] "GET /x HTTP/1.1" 502 150 "-" "agent" 120 0.001 [shop-orders-8080] [] 10.42.2.10:8080 0 0.000 502 abc"#,
                "unavailable 10.42.2.10 8080",
            ),
            (
                r#"{"ClientHost":"10.1.2.3","DownstreamStatus":502,"OriginStatus":502,"ServiceURL":"http://10.42.0.5:8080","ServiceName":"shop-orders-8080@kubernetes"}"#,
                "unavailable 10.42.0.5 8080",
            ),
            (r#"{"status":"504","upstream_addr":"10.96.3.3:3000","request":"GET /"}"#, "timeout 10.96.3.3 3000"),
            (r#"{"status":200,"upstream_addr":"10.96.3.3:3000"}"#, "-"),
            (r#"[2026-10-05T03:18:01.101Z] "GET /api/7 HTTP/1.1" 200 - via_upstream - "-" 0 91 12 - "-""#, "-"),
            (
                r#"10.1.6.4 - - [05/Oct/2026:03:18:11 +0000] "GET /items HTTP/1.1" 502 157 "-" "Mozilla/5.0" rt=0.005"#,
                "-",
            ),
        ] {
            let found = failed_connection(line).map_or("-".to_owned(), |(failure, place)| {
                let place = place.map(|place| format!(" {} {}", place.host, place.port.unwrap_or(0)));
                format!("{}{}", failure.as_str(), place.unwrap_or_default())
            });
            assert_eq!(found, expected, "{line}");
        }
    }
}
