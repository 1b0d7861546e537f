//! The running bot, for commands that ask it over its API.

use std::time::Duration;

use anyhow::Context as _;

use crate::adapters::http::{Auth, ClientSettings, Endpoint, EndpointSettings};
use crate::config::Config;

/// A sync gives every runbook for the first time: a second each on a slow machine.
const TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// The bot's own address, with the API's token.
///
/// # Errors
/// When the address cannot be used.
pub fn endpoint(config: &Config) -> anyhow::Result<Endpoint> {
    let auth = config.api_token.clone().map_or(Auth::None, Auth::Bearer);
    let client = ClientSettings { total_timeout: Some(TIMEOUT), ..ClientSettings::default() };
    let settings = EndpointSettings { url: config.public_url.clone(), auth, headers: Vec::new(), client };
    Endpoint::new(&settings).context("the bot's address (HOLMES_PUBLIC_URL)")
}
