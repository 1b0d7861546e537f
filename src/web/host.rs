//! Which requests the bot answers where nobody has to show a token.
//!
//! A page of a stranger can have its own name point to 127.0.0.1 and then talk to whatever listens there as if it were
//! its own server (DNS rebinding); what gives it away is the name in the request. And any page may send a form, or a
//! text that is an alert, without reading the answer; what gives it away is what browsers say about where it comes from.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// The name under which people reach the bot, beside loopback's own.
pub type PublicHost = Arc<str>;

/// Lets requests pass that name loopback or the public address, and answers the others with 421; what a page of another
/// origin would change is answered with 403.
pub async fn check(State(public): State<PublicHost>, request: Request, next: Next) -> Response {
    let named = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    // HTTP/2 has the name in the request's target.
    let named = named.or_else(|| request.uri().authority().map(|authority| authority.as_str()));
    if named.is_none_or(|named| is_ours(named, &public)) {
        let changes = !request.method().is_safe();
        if changes && is_foreign(request.headers()) {
            return (StatusCode::FORBIDDEN, "pages of other origins may not do this\n").into_response();
        }
        return next.run(request).await;
    }
    (StatusCode::MISDIRECTED_REQUEST, "this address is not known here: set HOLMES_PUBLIC_URL and HOLMES_API_TOKEN\n")
        .into_response()
}

/// Whether a browser says that a page of another origin sends this. Who is no browser says nothing.
fn is_foreign(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site != "same-origin" && site != "none";
    }
    let (Some(origin), host) = (headers.get(header::ORIGIN), headers.get(header::HOST)) else { return false };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    let host = host.and_then(|host| host.to_str().ok());
    !origin.zip(host).is_some_and(|((_, origin), host)| origin.eq_ignore_ascii_case(host))
}

fn is_ours(named: &str, public: &str) -> bool {
    let Ok(uri) = format!("http://{named}").parse::<Uri>() else { return false };
    let Some(host) = uri.host() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let loopback = host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback());
    loopback || host.eq_ignore_ascii_case(public)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_another_origin_gives_itself_away() {
        for (headers, foreign) in [
            (&[("sec-fetch-site", "cross-site")][..], true),
            (&[("sec-fetch-site", "same-site")], true),
            (&[("sec-fetch-site", "same-origin"), ("origin", "http://h:1"), ("host", "h:1")], false),
            (&[("origin", "http://evil.example"), ("host", "localhost:8080")], true),
            (&[("origin", "null"), ("host", "localhost:8080")], true),
            (&[("origin", "http://localhost:8080"), ("host", "localhost:8080")], false),
            (&[("host", "localhost:8080")], false),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, value.parse().unwrap());
            }
            assert_eq!(is_foreign(&map), foreign, "{headers:?}");
        }
    }

    #[test]
    fn only_loopback_and_the_public_name_are_ours() {
        for (named, ours) in [
            ("127.0.0.1:8080", true),
            ("localhost:8080", true),
            ("LOCALHOST", true),
            ("[::1]:8080", true),
            ("holmes.example.com", true),
            ("evil.example:8080", false),
            ("127.0.0.1.evil.example", false),
            ("10.0.0.1", false),
            ("", false),
        ] {
            assert_eq!(is_ours(named, "holmes.example.com"), ours, "{named}");
        }
    }
}
