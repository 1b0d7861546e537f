//! `trigger_id`: the one thing in a callback that the server signs.
//!
//! It is `base64(id:user:milliseconds:base64(signature))`, the signature being ECDSA on P-256 with SHA-256 over what stands
//! before it. The key is published as `AsymmetricSigningPublicKey` in the configuration that clients read. It proves who
//! pressed and when, whatever the way by which the callback came; it does not cover what was pressed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

/// What stands before the point in the DER form of every P-256 public key.
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Longest trigger that is read.
const MAX_TRIGGER_BYTES: usize = 1024;

/// The server's public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    point: Vec<u8>,
}

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// The person's id.
    pub user: String,
    /// When, by the server's clock.
    pub at: DateTime<Utc>,
}

impl SigningKey {
    /// Reads the key as the server publishes it; `None` for another kind of key.
    pub fn read(published: &str) -> Option<Self> {
        let der = STANDARD.decode(published.trim()).ok()?;
        let point = der.strip_prefix(&P256_PREFIX)?;
        // Uncompressed: 0x04 and two coordinates.
        (point.len() == 65 && point[0] == 4).then(|| Self { point: point.to_vec() })
    }

    /// What a trigger says, if this server signed it.
    pub fn open(&self, trigger: &str) -> Option<Trigger> {
        if trigger.len() > MAX_TRIGGER_BYTES {
            return None;
        }
        let text = String::from_utf8(STANDARD.decode(trigger.trim()).ok()?).ok()?;
        let (signed, signature) = text.rsplit_once(':')?;
        let signature = STANDARD.decode(signature).ok()?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point);
        key.verify(format!("{signed}:").as_bytes(), &signature).ok()?;
        let mut parts = signed.split(':');
        let (_, user, millis) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Trigger { user: user.to_owned(), at: DateTime::from_timestamp_millis(millis.parse().ok()?)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Both of one server, recorded.
    const KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZeK5AyIbTGzOpJ2U72OJ2gQAU7NB9HEBaPG0TI04GhbP8SNau4X5hKBX7OWy8BW4o9gPbG/20FKtLW4f2UD8kg==";
    const CLICK: &str = "cjNoNXg1dG96NzhiZjh5M2diM2R1Z2p4aWE6NWZrN2hweXJtYm5xMzhtb2oxbWtqemJnY3c6MTc5NTM4NjAwMzI2MjpNRVFDSUdCWHhland0MFFRTDhmU1Q4RElMUlBkaWhoc1dmTkNyeWxJNlVBMjJDc3FBaUJocWFlZEg2bWRmNE5GY1IrZURVTXl4dnBPKy91SUpOTHJJNG5MalVOREdnPT0=";

    #[test]
    fn a_recorded_click_is_proven() {
        let key = SigningKey::read(KEY).unwrap();
        let trigger = key.open(CLICK).unwrap();
        assert_eq!(trigger.user, "5fk7hpyrmbnq38moj1mkjzbgcw");
        assert_eq!(trigger.at.to_rfc3339(), "2026-11-22T22:20:03.262+00:00");
    }

    #[test]
    fn another_user_is_not() {
        let key = SigningKey::read(KEY).unwrap();
        let text = String::from_utf8(STANDARD.decode(CLICK).unwrap()).unwrap();
        let forged = STANDARD.encode(text.replace("5fk7hpyrmbnq38moj1mkjzbgcw", "um5whaiemt8mpbqmcw4pcs5k5a"));
        assert_eq!(key.open(&forged), None);
        for broken in ["", "x", "YTpiOmM=", &CLICK[..40]] {
            assert_eq!(key.open(broken), None);
        }
        for key in ["", "AAAA", &KEY[4..]] {
            assert_eq!(SigningKey::read(key), None);
        }
    }
}
