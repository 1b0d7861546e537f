//! The server's answers: JSON lines with every value a string, JSON lists with counts, refusals in plain text.

use std::io::Write;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::demo::http::{Asked, Refusal, reply};
use crate::demo::logsql::Row;

/// The content type of everything that is not JSON.
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// A refusal: 400 and one line of text.
pub(super) fn refuse(text: impl AsRef<str>) -> Refusal {
    Refusal { status: StatusCode::BAD_REQUEST, content_type: TEXT, body: format!("{}\n", text.as_ref()) }
}

/// A JSON answer.
pub(super) fn json(body: String) -> Response {
    with_tenant(reply(StatusCode::OK, "application/json", body))
}

/// `{"values":[{"value":…,"hits":…}]}`
pub(super) fn values(counted: &[(String, usize)]) -> Response {
    let values: Vec<String> =
        counted.iter().map(|(value, hits)| format!("{{\"value\":{},\"hits\":{hits}}}", string(value))).collect();
    json(format!("{{\"values\":[{}]}}", values.join(",")))
}

/// Rows as JSON lines, packed if the client asks for it.
pub(super) fn lines(asked: &Asked, rows: &[Row]) -> Response {
    let body: String = rows.iter().map(line).collect();
    if asked.header_has(header::ACCEPT_ENCODING, "gzip")
        && let Ok(packed) = gzip(body.as_bytes())
    {
        let mut response = reply(StatusCode::OK, "application/stream+json", packed);
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return with_tenant(response);
    }
    with_tenant(reply(StatusCode::OK, "application/stream+json", body))
}

/// One row; what is empty is not written.
fn line(row: &Row) -> String {
    let present = row.iter().filter(|(_, value)| !value.is_empty());
    let members: Vec<String> = present.map(|(name, value)| format!("{}:{}", string(name), string(value))).collect();
    format!("{{{}}}\n", members.join(","))
}

/// A JSON string as the server writes it: `<` is escaped, `>` and `&` are not.
pub(super) fn string(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default().replace('<', "\\u003c")
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn with_tenant(mut response: Response) -> Response {
    let zero = HeaderValue::from_static("0");
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("accountid"), zero.clone());
    headers.insert(HeaderName::from_static("projectid"), zero);
    headers.insert(HeaderName::from_static("vl-request-duration-seconds"), HeaderValue::from_static("0.000"));
    response
}
