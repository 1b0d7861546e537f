//! The key, as HolmesGPT's clients send it: `X-API-Key`, or a bearer token.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use secrecy::SecretString;

use super::{Shared, errors};
use crate::config::is_secret;
use crate::web::verify;

pub(super) async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    if allows(shared.holmes.token.as_ref(), request.headers()) {
        return next.run(request).await;
    }
    let mut refused = errors::detail(StatusCode::UNAUTHORIZED, "unauthorized");
    refused.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
    refused
}

fn allows(token: Option<&SecretString>, headers: &HeaderMap) -> bool {
    let by_key = |token: &SecretString| {
        headers.get("x-api-key").is_some_and(|given| is_secret(token, given.as_bytes().trim_ascii()))
    };
    token.is_some_and(by_key) || verify::allows(token, headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_in_either_header() {
        let token = SecretString::from("s3cret".to_owned());
        for (name, value, expected) in [
            ("x-api-key", "s3cret", true),
            ("x-api-key", "s3cre", false),
            ("x-api-key", "", false),
            ("authorization", "Bearer s3cret", true),
            ("authorization", "Bearer wrong", false),
            ("api-key", "s3cret", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(allows(Some(&token), &headers), expected, "{name}: {value}");
        }
        assert!(!allows(Some(&token), &HeaderMap::new()));
        assert!(allows(None, &HeaderMap::new()));
    }
}
