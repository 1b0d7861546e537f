//! Who may come in: bearer or basic credentials, compared in constant time. Refusals say no more than "no".

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::SecretString;

use crate::config::is_secret;

/// Whether the request carries `token` as a bearer token or as the password of basic authentication.
/// With no token configured everybody may in: the listener is then on loopback, see [`crate::config`].
pub fn allows(token: Option<&SecretString>, headers: &HeaderMap) -> bool {
    let Some(token) = token else { return true };
    let Some(given) = headers.get(header::AUTHORIZATION) else { return false };
    let given = given.as_bytes();
    match given.iter().position(|byte| *byte == b' ') {
        Some(at) if given[..at].eq_ignore_ascii_case(b"bearer") => is_secret(token, given[at + 1..].trim_ascii()),
        Some(at) if given[..at].eq_ignore_ascii_case(b"basic") => {
            basic_password(&given[at + 1..]).is_some_and(|password| is_secret(token, &password))
        }
        _ => false,
    }
}

/// Lets requests pass that carry the token, and answers the others.
pub async fn guard(State(token): State<Option<SecretString>>, request: Request, next: Next) -> Response {
    if allows(token.as_ref(), request.headers()) { next.run(request).await } else { refused() }
}

fn basic_password(encoded: &[u8]) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim_ascii()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    Some(decoded[colon + 1..].to_vec())
}

/// The answer to whom may not.
pub fn refused() -> Response {
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, challenge, "unauthorized\n").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(authorization: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        allows(Some(&SecretString::from("s3cret".to_owned())), &headers)
    }

    #[test]
    fn bearer_and_basic_with_the_right_secret_only() {
        for (authorization, expected) in [
            (Some("Bearer s3cret"), true),
            (Some("bearer s3cret"), true),
            (Some("Basic dm1hbGVydDpzM2NyZXQ="), true), // vmalert:s3cret
            (Some("Basic dm1hbGVydDp3cm9uZw=="), false),
            (Some("Basic ###"), false),
            (Some("Bearer s3cre"), false),
            (Some("Bearer "), false),
            (Some("s3cret"), false),
            (None, false),
        ] {
            assert_eq!(allowed(authorization), expected, "{authorization:?}");
        }
        assert!(allows(None, &HeaderMap::new()));
    }
}
