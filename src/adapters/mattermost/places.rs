//! Channels by the names that people write, and who is in them.

use super::Mattermost;
use super::api::{ApiError, Channel, Member};
use super::error::{Doing, chat_error};
use crate::ports::ChatError;

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
        let channel = self.find_channel(written).await?;
        let mut channels = self.channels.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        channels.insert(written.to_owned(), channel.id.clone());
        Ok(channel.id)
    }

    /// The id of a channel that was asked for before.
    fn known_channel(&self, written: &str) -> Option<String> {
        if is_id(written) {
            return Some(written.to_owned());
        }
        self.channels.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(written).cloned()
    }

    /// The channel that is given by its id or as `team/channel`.
    pub(super) async fn find_channel(&self, written: &str) -> Result<Channel, ChatError> {
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
