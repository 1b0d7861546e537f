//! Who is logged in: a cookie that only a holder of the API token can have been given.
//!
//! Its value is when it ends and an HMAC of that under the token. Nothing is stored, any replica can check it, the
//! token cannot be read from it, and a new token ends all sessions.

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Name of the cookie.
pub(super) const COOKIE: &str = "holmes_session";
/// How long a login lasts: a shift.
pub(super) const LASTS: TimeDelta = TimeDelta::hours(12);

/// A new session's value.
pub(super) fn value(token: &SecretString, now: DateTime<Utc>) -> String {
    let ends = (now + LASTS).timestamp();
    format!("{ends}.{}", seal(token, ends))
}

/// Whether a session's value was made by [`value`] and has not ended.
pub(super) fn is_valid(token: &SecretString, value: &str, now: DateTime<Utc>) -> bool {
    let Some((ends, given)) = value.split_once('.') else { return false };
    let Ok(ends) = ends.parse::<i64>() else { return false };
    let genuine: bool = seal(token, ends).as_bytes().ct_eq(given.as_bytes()).into();
    genuine && now.timestamp() < ends
}

fn seal(token: &SecretString, ends: i64) -> String {
    // HMAC takes a key of any length, so this cannot fail; a key of nothing would be no secret, and is refused at start.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(token.expose_secret().as_bytes()) else { return String::new() };
    mac.update(b"holmes-bot console session until ");
    mac.update(ends.to_string().as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_and_cannot_be_made_up() {
        let token = SecretString::from("t0ken");
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let session = value(&token, now);
        assert!(is_valid(&token, &session, now));
        assert!(!is_valid(&token, &session, now + LASTS));
        assert!(!is_valid(&SecretString::from("other"), &session, now));
        let later = session.replacen(|c: char| c.is_ascii_digit(), "9", 1);
        assert!(!is_valid(&token, &later, now));
        for made_up in ["", ".", "99999999999.", "x.y"] {
            assert!(!is_valid(&token, made_up, now), "{made_up}");
        }
        assert!(!session.contains("t0ken"));
    }
}
