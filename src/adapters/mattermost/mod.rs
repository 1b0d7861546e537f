//! Mattermost: incidents as threads, with buttons, menus, dialogs and pictures, over its REST API and its WebSocket.
//!
//! [`Mattermost`] is the client and says what [`Chat`] asks of it; [`socket`] hears what people write; [`seal`] makes the
//! buttons' callbacks provable, which the server does not sign; [`setup`] is what an administrator does once. Written for
//! servers from 5.38 on (recorded there) up to 11; what newer ones offer is asked for, never assumed.

mod api;
mod chat;
mod check;
pub mod dialog;
mod draft;
mod error;
mod kept;
mod people;
mod places;
pub mod seal;
pub mod setup;
pub mod socket;
pub mod text;
pub mod trigger;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moka::future::Cache;
use serde::Deserialize;
use tokio::sync::OnceCell;

pub use self::api::ApiError;
use self::api::{Api, User};
pub use self::seal::{FormGrant, Grant, NotGranted, Sealer, sealer};
use self::trigger::SigningKey;
use crate::adapters::http::{Endpoint, EndpointSettings, HttpError};
use crate::domain::policy::Principal;
use crate::ports::Clock;

/// How long what the server says of itself is believed.
const FACTS_FRESH: Duration = Duration::from_secs(600);
/// How long a person's groups are believed: as long as it may take until a removed approver is none any more.
const GROUPS_FRESH: Duration = Duration::from_secs(60);
/// People whose names or groups are remembered.
const MAX_PEOPLE: u64 = 10_000;
/// How far the server's clock may be from ours, and how long a click may be on its way.
const TRIGGER_LIVES: TimeDelta = TimeDelta::minutes(10);
/// What is configured.
#[derive(Clone)]
pub struct MattermostSettings {
    /// Base address and the bot's token.
    pub endpoint: EndpointSettings,
    /// Where Mattermost reaches us, without a trailing slash.
    pub callback_url: String,
    /// What buttons are sealed with.
    pub sealer: Sealer,
    /// The time.
    pub clock: Clock,
}

/// The client.
pub struct Mattermost {
    api: Api,
    settings: EndpointSettings,
    callback_url: String,
    sealer: Sealer,
    clock: Clock,
    me: OnceCell<User>,
    facts: Cache<(), Arc<Facts>>,
    /// Ids by the names that people write; no more than are configured.
    channels: RwLock<HashMap<String, String>>,
    groups: Cache<String, Vec<Principal>>,
    names: Cache<String, String>,
    /// The server does not let plain bots show something to one person in a channel.
    must_tell_directly: AtomicBool,
    /// How often a post was taken back.
    taken_back: AtomicU64,
}

/// What the server publishes of its configuration.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Facts {
    #[serde(default, rename = "AsymmetricSigningPublicKey")]
    pub signing_key: String,
    #[serde(default, rename = "SiteURL")]
    pub site_url: String,
    #[serde(default, rename = "PostPriority")]
    pub post_priority: String,
    #[serde(default, rename = "EnableCommands")]
    pub enable_commands: String,
    #[serde(default, rename = "EnableFileAttachments")]
    pub enable_files: String,
    /// Seconds after which no post can be edited; -1: there is no such limit.
    #[serde(default, rename = "PostEditTimeLimit")]
    pub edit_time_limit: String,
    #[serde(default, rename = "Version")]
    pub version: String,
    #[serde(default, rename = "BuildNumber")]
    pub build: String,
}

/// What the server's signature on a click proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// This person did it, a moment ago.
    Proven,
    /// The server publishes no key, or could not be asked for it.
    NoKey,
    /// It is not what the server signed.
    Forged,
}

impl Mattermost {
    /// Checks the settings; nothing is sent.
    ///
    /// # Errors
    /// When the address or the CA file cannot be used.
    pub fn new(settings: MattermostSettings) -> Result<Self, HttpError> {
        let MattermostSettings { mut endpoint, callback_url, sealer, clock } = settings;
        // People copy the address with the path of its API.
        let url = endpoint.url.trim().trim_end_matches('/');
        endpoint.url = url.strip_suffix("/api/v4").unwrap_or(url).to_owned();
        Ok(Self {
            api: Api::new(Endpoint::new(&endpoint)?),
            settings: endpoint,
            callback_url: callback_url.trim_end_matches('/').to_owned(),
            sealer,
            clock,
            me: OnceCell::new(),
            facts: Cache::builder().time_to_live(FACTS_FRESH).build(),
            channels: RwLock::default(),
            groups: Cache::builder().max_capacity(MAX_PEOPLE).time_to_live(GROUPS_FRESH).build(),
            names: Cache::builder().max_capacity(MAX_PEOPLE).time_to_live(FACTS_FRESH).build(),
            must_tell_directly: AtomicBool::new(false),
            taken_back: AtomicU64::new(0),
        })
    }

    /// What a sealed grant permits.
    ///
    /// # Errors
    /// When we did not seal it, or its time is over.
    pub fn open(&self, sealed: &str) -> Result<Grant, NotGranted> {
        self.sealer.open(sealed, (self.clock)())
    }

    /// Checks the server's signature on a click or a command.
    pub async fn proof(&self, trigger: &str, user: &str) -> Proof {
        let key = match self.facts().await {
            Ok(facts) => SigningKey::read(&facts.signing_key),
            Err(error) => {
                tracing::warn!(
                    "Mattermost's signing key is not known, so a click is believed by its grant alone: {error}"
                );
                None
            }
        };
        let Some(key) = key else { return Proof::NoKey };
        match key.open(trigger) {
            Some(signed) if signed.user == user && (signed.at - (self.clock)()).abs() <= TRIGGER_LIVES => Proof::Proven,
            _ => Proof::Forged,
        }
    }

    /// What a form's state says of where it was asked for, and by whom.
    ///
    /// # Errors
    /// When we did not seal it, or its time is over.
    pub fn open_form(&self, sealed: &str) -> Result<FormGrant, NotGranted> {
        self.sealer.open_form(sealed, (self.clock)())
    }

    /// The bot's own account.
    async fn me(&self) -> Result<&User, ApiError> {
        self.me.get_or_try_init(|| self.api.call(self.api.endpoint.get("api/v4/users/me"))).await
    }

    async fn facts(&self) -> Result<Arc<Facts>, ApiError> {
        if let Some(facts) = self.facts.get(&()).await {
            return Ok(facts);
        }
        let request = self.api.endpoint.get("api/v4/config/client").query(&[("format", "old")]);
        let facts = Arc::new(self.api.call_now::<Facts>(request).await?);
        self.facts.insert((), Arc::clone(&facts)).await;
        Ok(facts)
    }

    fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }
}
