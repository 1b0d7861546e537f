//! What the four fake servers share: reading a request the way Go's form parsing does, and times as people write them.

use axum::Form;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Query, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};

/// A query is text that a person or a model wrote: no honest one is larger.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// A request that was read completely.
pub(super) struct Asked {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub params: Params,
    pub body: Bytes,
}

impl Asked {
    /// Reads the body; form fields come before those of the query string, as in Go. Another content type is no form.
    pub async fn read(request: Request) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let too_large = |_| Refusal {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            content_type: "text/plain; charset=utf-8",
            body: "request body is too large\n".to_owned(),
        };
        let body = axum::body::to_bytes(body, MAX_BODY_BYTES).await.map_err(too_large)?;
        let mut pairs = Vec::new();
        if parts.method != Method::GET && parts.method != Method::HEAD {
            let again = Request::from_parts(parts.clone(), Body::from(body.clone()));
            if let Ok(Form(form)) = Form::<Vec<(String, String)>>::from_request(again, &()).await {
                pairs.extend(form);
            }
        }
        if let Ok(Query(query)) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri) {
            pairs.extend(query);
        }
        let path = parts.uri.path().to_owned();
        Ok(Self { method: parts.method, path, headers: parts.headers, params: Params(pairs), body })
    }

    /// Whether a request header contains this text.
    pub fn header_has(&self, name: header::HeaderName, text: &str) -> bool {
        self.headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains(text))
    }
}

/// The arguments of a request.
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// The first value of an argument; an empty one counts as missing.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Every value of an argument that may be repeated.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let name = name.to_owned();
        self.0.iter().filter(move |(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Whether a boolean argument is set.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some("1" | "true"))
    }
}

/// An answer that refuses; built into a response only at the end, because responses are large to carry around.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: StatusCode,
    pub content_type: &'static str,
    pub body: String,
}

impl Refusal {
    /// The answer.
    pub fn response(self) -> Response {
        reply(self.status, self.content_type, self.body)
    }
}

/// Builds a response.
pub(super) fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
    (status, [(header::CONTENT_TYPE, content_type)], body.into()).into_response()
}

/// A duration like `5m`, `1h30m` or `1.5d` in nanoseconds; a bare number is seconds.
pub(super) fn parse_duration(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return seconds.is_finite().then_some((seconds * 1e9) as i64);
    }
    let (sign, mut rest) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        const UNITS: [(&str, f64); 10] = [
            ("ms", 1e6),
            ("µs", 1e3),
            ("us", 1e3),
            ("ns", 1.0),
            ("s", 1e9),
            ("m", 60e9),
            ("h", 3600e9),
            ("d", 86_400e9),
            ("w", 7.0 * 86_400e9),
            ("y", 365.0 * 86_400e9),
        ];
        let (unit, nanos) = UNITS.into_iter().find(|(unit, _)| rest.starts_with(unit))?;
        total += number * nanos;
        rest = &rest[unit.len()..];
    }
    (!text.is_empty() && text != "-").then_some((sign * total) as i64)
}

/// A moment in nanoseconds: RFC 3339 (also shortened), unix s/ms/µs/ns by magnitude, `now`, or a duration before now.
pub(super) fn parse_time(text: &str, now: DateTime<Utc>) -> Result<i64, String> {
    let now = now.timestamp_nanos_opt().unwrap_or_default();
    if text == "now" {
        return Ok(now);
    }
    if let Ok(number) = text.parse::<f64>() {
        return Ok(unix_nanos(text, number));
    }
    if let Some(nanos) = parse_date(text) {
        return Ok(nanos);
    }
    let relative = text.strip_prefix("now").unwrap_or(text);
    let ago = parse_duration(relative).ok_or_else(|| format!("cannot parse duration {relative:?}"))?;
    Ok(now - ago.abs())
}

fn unix_nanos(text: &str, number: f64) -> i64 {
    // The larger the number, the finer its unit: 1e11 seconds would be the year 5138.
    let scale = [(1e11, 1e9), (1e14, 1e6), (1e17, 1e3)]
        .into_iter()
        .find(|(limit, _)| number.abs() < *limit)
        .map_or(1.0, |(_, scale)| scale);
    match text.parse::<i64>() {
        Ok(whole) => whole.saturating_mul(scale as i64),
        Err(_) => (number * 1e6).round() as i64 * (scale as i64 / 1_000_000).max(1),
    }
}

/// RFC 3339, of which the time or parts of it may be left out.
fn parse_date(text: &str) -> Option<i64> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return time.timestamp_nanos_opt();
    }
    const FILL: &str = "0000-01-01T00:00:00Z";
    let short = text.strip_suffix('Z').unwrap_or(text);
    let complete = format!("{short}{}", FILL.get(short.len()..)?);
    let plausible = short.len() >= 4 && short.starts_with(|c: char| c.is_ascii_digit());
    DateTime::parse_from_rfc3339(&complete).ok().filter(|_| plausible)?.timestamp_nanos_opt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases =
            [("5m", Some(300)), ("1h30m", Some(5400)), ("1.5d", Some(129_600)), ("-2m", Some(-120)), ("15", Some(15))];
        for (text, seconds) in cases {
            assert_eq!(parse_duration(text), seconds.map(|s: i64| s * 1_000_000_000), "{text}");
        }
        for text in ["abc", "", "-", "5x", "m", "5m3"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn times() {
        let now = DateTime::from_timestamp(1_795_386_700, 0).unwrap();
        let cases = [
            ("now", 1_795_386_700_000_000_000),
            ("1795386573", 1_795_386_573_000_000_000),
            ("1795386573.5", 1_795_386_573_500_000_000),
            ("1795386573000", 1_795_386_573_000_000_000),
            ("2026-11-22T22:29:33.123456789Z", 1_795_386_573_123_456_789),
            ("2026-11-22T22:29Z", 1_795_386_540_000_000_000),
            ("2026-11-22", 1_795_305_600_000_000_000),
            ("5m", 1_795_386_400_000_000_000),
            ("-5m", 1_795_386_400_000_000_000),
            ("now-5m", 1_795_386_400_000_000_000),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_time(text, now), Ok(expected), "{text}");
        }
        assert_eq!(parse_time("yesterdayish", now), Err("cannot parse duration \"yesterdayish\"".to_owned()));
    }
}
