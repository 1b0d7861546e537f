//! Slack's signature: `v0=` and the HMAC-SHA256 of `v0:`, the time, `:` and the body as it came.
//!
//! The right one is never said, logged or compared in a time that depends on it. A delivery may come twice within the
//! five minutes that a signature is good for: events have keys, so that is no harm.

use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// How old a delivery may be, or how far ahead Slack's clock, in seconds.
const MAX_AGE_SECONDS: u64 = 300;
/// Length of the code.
const MAC_BYTES: usize = 32;

/// Whether Slack signed this lately.
pub fn is_good(secret: &SecretString, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(at), Some(given)) = (text("x-slack-request-timestamp"), text("x-slack-signature")) else { return false };
    let Ok(seconds) = at.parse::<i64>() else { return false };
    if now.timestamp().abs_diff(seconds) > MAX_AGE_SECONDS {
        return false;
    }
    let Some(given) = given.strip_prefix("v0=").and_then(decoded) else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else { return false };
    for part in [b"v0:", at.as_bytes(), b":", body] {
        mac.update(part);
    }
    // Compares in constant time.
    mac.verify_slice(&given).is_ok()
}

fn decoded(hex: &str) -> Option<[u8; MAC_BYTES]> {
    let hex = hex.as_bytes();
    if hex.len() != 2 * MAC_BYTES {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut out = [0; MAC_BYTES];
    for (byte, pair) in out.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    /// The example of Slack's documentation.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const AT: i64 = 1_531_420_618;
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V\
        &channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=\
        https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=\
        398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn checked(at: Option<&str>, signature: Option<&str>, body: &str, after: TimeDelta) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in [("X-Slack-Request-Timestamp", at), ("X-Slack-Signature", signature)] {
            if let Some(value) = value {
                headers.insert(axum::http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
            }
        }
        let now = DateTime::from_timestamp(AT, 0).unwrap() + after;
        is_good(&SECRET.to_owned().into(), &headers, body.as_bytes(), now)
    }

    #[test]
    fn the_documented_example_passes_and_nothing_else() {
        let at = AT.to_string();
        let (at, none) = (at.as_str(), TimeDelta::zero());
        assert!(checked(Some(at), Some(SIGNATURE), BODY, none));
        // Again: that is for the inbox to notice.
        assert!(checked(Some(at), Some(SIGNATURE), BODY, TimeDelta::seconds(300)));
        assert!(checked(Some(at), Some(SIGNATURE), BODY, TimeDelta::seconds(-300)));
        for (at, signature, body, after) in [
            (Some(at), Some(SIGNATURE), BODY, TimeDelta::seconds(301)),
            (Some(at), Some(SIGNATURE), BODY, TimeDelta::seconds(-301)),
            (Some("1531420619"), Some(SIGNATURE), BODY, none),
            (Some("9223372036854775807"), Some(SIGNATURE), BODY, none),
            (Some("-9223372036854775808"), Some(SIGNATURE), BODY, none),
            (Some("soon"), Some(SIGNATURE), BODY, none),
            (None, Some(SIGNATURE), BODY, none),
            (Some(at), None, BODY, none),
            (Some(at), Some(SIGNATURE), "token=other", none),
            (Some(at), Some(&SIGNATURE[3..]), BODY, none),
            (Some(at), Some(&SIGNATURE[..65]), BODY, none),
            (Some(at), Some("v0="), BODY, none),
            (Some(at), Some("v0=zz114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"), BODY, none),
            (Some(at), Some("v1=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"), BODY, none),
        ] {
            assert!(!checked(at, signature, body, after), "{at:?} {signature:?} {after}");
        }
    }
}
