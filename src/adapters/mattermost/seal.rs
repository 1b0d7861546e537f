//! What a button carries: a grant that only this bot can have written.
//!
//! Mattermost signs no callback. It keeps the `context` of a button to itself and sends it back with the click, so what is
//! in there proves that the click came through the server. A grant names incident, post, channel and press, has an end and
//! a random name, and is sealed by an HMAC: any replica can check it, and nobody can change it. The same goes for the
//! `state` of a dialog, with one difference: a person's client sends that back, so it is bound to the person besides.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::kept;
use crate::domain::event::PRESS_REMEMBERED;
use crate::domain::incident::IncidentId;
use crate::domain::message::Confirm;
use crate::ports::{DocumentKind, Store, StoreError};

/// How long a button can be pressed after it was last drawn. Every edit draws it anew; what a press does is decided by
/// policy when it is handled, and proposals end by themselves much sooner. As long is a press remembered, so that it counts
/// once for as long as it counts at all.
pub const BUTTON_LIVES: TimeDelta = PRESS_REMEMBERED;
/// How long a dialog waits for its answer.
pub const DIALOG_LIVES: TimeDelta = TimeDelta::minutes(30);
/// Bytes of the key that is made where none is configured.
const KEY_BYTES: usize = 32;
/// Where that key is kept.
const KEY_DOCUMENT: &str = "mattermost/action-key";
/// Longest sealed grant that is read: presses and the text of a confirmation, in base64.
const MAX_SEALED_BYTES: usize = 256 * 1024;

/// What a control may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its random name: a press of it is the same event, however often it is delivered.
    pub id: String,
    /// Whose thread.
    pub incident: IncidentId,
    /// Which entry of the thread, by its key.
    pub post: String,
    /// In which channel.
    pub channel: String,
    /// The presses, in their written form: one of a button, several of a menu.
    pub presses: Vec<String>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// What is asked before it counts.
    pub confirm: Option<Confirm>,
    /// Of a dialog: who opened it, and beside which message.
    pub opened: Option<Opened>,
}

/// Who opened a dialog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// The person's id.
    pub by: String,
    /// What they are called.
    pub name: String,
    /// The post whose button they pressed.
    pub post_id: String,
}

/// What a form carries while a person fills it in: where it was asked for, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormGrant {
    /// Its random name: what is sent with it is the same event, however often it is sent.
    pub id: String,
    /// In which channel.
    pub channel: String,
    /// The thread that the command was typed in.
    pub thread: Option<String>,
    /// The person's id.
    pub by: String,
    /// What they are called.
    pub name: String,
    /// Until when.
    pub until: DateTime<Utc>,
}

/// What a seal is for: what is sealed for one purpose opens nothing else.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Control,
    Form,
}

/// Why a grant does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotGranted {
    /// It was not written by us, or was changed.
    #[error("it was not sealed by us")]
    Forged,
    /// Its time is over.
    #[error("its time is over")]
    Expired,
}

/// Seals grants and opens them.
#[derive(Clone)]
pub struct Sealer {
    key: Vec<u8>,
}

impl Sealer {
    /// A sealer under a secret that all replicas share.
    pub fn new(secret: &SecretString) -> Self {
        // A key of its own, so that the secret may serve other purposes, too.
        let mut hash = Sha256::new();
        hash.update(b"holmes-bot mattermost grants v1\n");
        hash.update(secret.expose_secret());
        Self { key: hash.finalize().to_vec() }
    }

    /// A grant as a string.
    pub fn seal(&self, grant: &Grant) -> String {
        self.sealed(Purpose::Control, grant)
    }

    /// A form's grant as a string.
    pub fn seal_form(&self, grant: &FormGrant) -> String {
        self.sealed(Purpose::Form, grant)
    }

    /// The grant in a string that [`Sealer::seal`] made.
    ///
    /// # Errors
    /// When it was not, or its time is over.
    pub fn open(&self, sealed: &str, now: DateTime<Utc>) -> Result<Grant, NotGranted> {
        let grant: Grant = self.opened(Purpose::Control, sealed)?;
        if now < grant.until { Ok(grant) } else { Err(NotGranted::Expired) }
    }

    /// The grant in a string that [`Sealer::seal_form`] made.
    ///
    /// # Errors
    /// When it was not, or its time is over.
    pub fn open_form(&self, sealed: &str, now: DateTime<Utc>) -> Result<FormGrant, NotGranted> {
        let grant: FormGrant = self.opened(Purpose::Form, sealed)?;
        if now < grant.until { Ok(grant) } else { Err(NotGranted::Expired) }
    }

    fn sealed(&self, purpose: Purpose, grant: &impl Serialize) -> String {
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(grant).unwrap_or_default());
        let seal = self.mac(purpose, &payload).map(|mac| URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
        format!("{payload}.{}", seal.unwrap_or_default())
    }

    fn opened<T: DeserializeOwned>(&self, purpose: Purpose, sealed: &str) -> Result<T, NotGranted> {
        if sealed.len() > MAX_SEALED_BYTES {
            return Err(NotGranted::Forged);
        }
        let (payload, seal) = sealed.split_once('.').ok_or(NotGranted::Forged)?;
        let seal = URL_SAFE_NO_PAD.decode(seal).map_err(|_| NotGranted::Forged)?;
        let mac = self.mac(purpose, payload).ok_or(NotGranted::Forged)?;
        // In constant time.
        mac.verify_slice(&seal).map_err(|_| NotGranted::Forged)?;
        let grant = URL_SAFE_NO_PAD.decode(payload).ok().and_then(|json| serde_json::from_slice(&json).ok());
        grant.ok_or(NotGranted::Forged)
    }

    fn mac(&self, purpose: Purpose, payload: &str) -> Option<Hmac<Sha256>> {
        // HMAC takes a key of any length, so this cannot fail.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(match purpose {
            Purpose::Control => b"control\n",
            Purpose::Form => b"form\n",
        });
        mac.update(payload.as_bytes());
        Some(mac)
    }
}

/// The sealer under the configured secret, or under one that is made once and kept in the store, so that every replica and
/// every restart knows the buttons of the others.
///
/// # Errors
/// When the store does not answer.
pub async fn sealer(secret: Option<&SecretString>, store: &dyn Store, now: DateTime<Utc>) -> anyhow::Result<Sealer> {
    if let Some(secret) = secret {
        return Ok(Sealer::new(secret));
    }
    // Whoever does not get the lease waits for whoever has it.
    let mut waited = Duration::ZERO;
    loop {
        if let Some(key) = stored_key(store).await? {
            return Ok(Sealer::new(&key));
        }
        let hold = TimeDelta::seconds(30);
        if let Some(lease) = store.lease(KEY_DOCUMENT, hold, now).await? {
            if stored_key(store).await?.is_none() {
                let key = random_hex(KEY_BYTES)?;
                store.write_documents(DocumentKind::Own, vec![(KEY_DOCUMENT.into(), Some(key.into_bytes()))]).await?;
            }
            store.release(&lease).await?;
        } else {
            const STEP: Duration = Duration::from_millis(100);
            anyhow::ensure!(waited < Duration::from_secs(30), "another replica holds the making of Mattermost's key");
            tokio::time::sleep(STEP).await;
            waited += STEP;
        }
    }
}

async fn stored_key(store: &dyn Store) -> Result<Option<SecretString>, StoreError> {
    Ok(kept::text(store, KEY_DOCUMENT).await?.filter(|key| !key.is_empty()).map(SecretString::from))
}

/// Random bytes as hex; of 16 bytes, nobody makes the same twice.
pub fn random_hex(bytes: usize) -> anyhow::Result<String> {
    let mut random = vec![0; bytes];
    let filled = SystemRandom::new().fill(&mut random);
    filled.map_err(|_| anyhow::anyhow!("the system has no random numbers"))?;
    Ok(crate::domain::incident::hex(&random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_for_a_form_opens_no_button() {
        let sealer = Sealer::new(&"s3cret".into());
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let until = now + TimeDelta::minutes(1);
        let form = FormGrant {
            id: "f1".into(),
            channel: "c1".into(),
            thread: None,
            by: "alice".into(),
            name: "alice".into(),
            until,
        };
        let sealed = sealer.seal_form(&form);
        assert_eq!(sealer.open_form(&sealed, now), Ok(form));
        assert_eq!(sealer.open_form(&sealed, until), Err(NotGranted::Expired));
        assert_eq!(sealer.open(&sealed, now), Err(NotGranted::Forged));
        assert_eq!(sealer.open_form(&sealer.seal(&grant(until)), now), Err(NotGranted::Forged));
    }

    fn grant(until: DateTime<Utc>) -> Grant {
        Grant {
            id: random_hex(16).unwrap(),
            incident: IncidentId("i-1".into()),
            post: "proposal:p-1f".into(),
            channel: "c1".into(),
            presses: vec!["approve p-1f 0f3c".into()],
            until,
            confirm: None,
            opened: None,
        }
    }

    #[test]
    fn only_what_we_sealed_opens_and_only_for_a_while() {
        let sealer = Sealer::new(&"s3cret".into());
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let grant = grant(now + TimeDelta::minutes(1));
        let sealed = sealer.seal(&grant);
        assert_eq!(sealer.open(&sealed, now), Ok(grant.clone()));
        assert_eq!(sealer.open(&sealed, now + TimeDelta::minutes(1)), Err(NotGranted::Expired));
        assert_eq!(Sealer::new(&"other".into()).open(&sealed, now), Err(NotGranted::Forged));

        let (payload, seal) = sealed.split_once('.').unwrap();
        let widened = Grant { presses: vec!["approve p-2f 0f3c".into()], ..grant };
        let widened = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&widened).unwrap());
        for forged in [
            format!("{widened}.{seal}"),
            format!("{payload}."),
            format!("{payload}.{}", &seal[1..]),
            payload.to_owned(),
            String::new(),
            ".".into(),
            "x".repeat(MAX_SEALED_BYTES + 1),
        ] {
            assert_eq!(sealer.open(&forged, now), Err(NotGranted::Forged));
        }
    }
}
