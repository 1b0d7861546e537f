//! Channels by the names that people write, and who is in them.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Mattermost;
use super::api::{ApiError, Channel, Member};
use super::error::{Doing, chat_error};
use crate::ports::ChatError;

/// How often a server that does not answer is asked again for its channels.
const LEARN_EVERY: Duration = Duration::from_secs(10);
/// Length of an id.
const ID_CHARS: usize = 26;

/// Whether this is an id rather than a name.
pub(super) fn is_id(written: &str) -> bool {
    written.len() == ID_CHARS && written.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

impl Mattermost {
    /// The id of a channel that is given by its id or as `team/channel`.
    ///
    /// # Errors
    /// When the server does not show it to the bot.
    pub async fn channel_id(&self, written: &str) -> Result<String, ChatError> {
        if is_id(written) {
            return Ok(written.to_owned());
        }
        if let Some(known) = self.known_channel(written) {
            return Ok(known);
        }
        let channel = self.channel(written).await?;
        let mut channels = self.channels.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        channels.insert(written.to_owned(), channel.id.clone());
        Ok(channel.id)
    }

    /// The id of a channel that was asked for before.
    pub fn known_channel(&self, written: &str) -> Option<String> {
        if is_id(written) {
            return Some(written.to_owned());
        }
        self.channels.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(written).cloned()
    }

    /// Learns the ids of channels, so that [`Mattermost::known_channel`] knows them: waits until the server has told the
    /// first one's, however long that takes; of the others it is asked once more after that.
    pub async fn learn_channels(&self, written: &[&str], stop: &CancellationToken) {
        let Some((first, others)) = written.split_first() else { return };
        while let Err(error) = self.channel_id(first).await {
            tracing::error!("Mattermost does not show {first} to the bot, so nothing can be shown there yet: {error}");
            tokio::select! {
                () = tokio::time::sleep(LEARN_EVERY) => {}
                () = stop.cancelled() => return,
            }
        }
        for other in others {
            if let Err(error) = self.channel_id(other).await {
                tracing::error!(
                    "Mattermost does not show {other} to the bot; what belongs there goes to {first}: {error}"
                );
            }
        }
    }

    /// The channel that is given by its id or as `team/channel`.
    pub(super) async fn channel(&self, written: &str) -> Result<Channel, ChatError> {
        let path = if is_id(written) {
            format!("api/v4/channels/{written}")
        } else {
            let named =
                written.split_once('/').map(|(team, channel)| (team.trim(), channel.trim_start_matches(['~', '#'])));
            let proper = |name: &str| {
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
            };
            let (team, channel) = named
                .filter(|(team, channel)| proper(team) && proper(channel))
                .ok_or_else(|| ChatError::Channel(format!("`{written}` is neither an id nor team/channel")))?;
            format!("api/v4/teams/name/{team}/channels/name/{channel}")
        };
        let found = self.api.call(self.api.endpoint.get(&path)).await;
        found.map_err(|error| chat_error(error, Doing::Asking))
    }

    /// Whether somebody is in a channel; `me` is the bot.
    ///
    /// # Errors
    /// When the server does not say.
    pub async fn is_member(&self, channel: &str, user: &str) -> Result<bool, ApiError> {
        let proper = |id: &str| id.bytes().all(|b| b.is_ascii_alphanumeric());
        if !proper(channel) || !proper(user) {
            return Ok(false);
        }
        let request = self.api.endpoint.get(&format!("api/v4/channels/{channel}/members/{user}"));
        match self.api.call_now::<Member>(request).await {
            Ok(_) => Ok(true),
            Err(error) if error.is(403) || error.is(404) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_names() {
        assert!(is_id("k88g41761pr38mtmp6x56c4utr"));
        assert!(!is_id("ops/alerts") && !is_id("K88g41761pr38mtmp6x56c4utr") && !is_id(""));
    }
}
