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

/// Where the server shows a channel that is given by its id or as `team/channel`; `None` for what is neither.
pub(super) fn channel_path(written: &str) -> Option<String> {
    if is_id(written) {
        return Some(format!("api/v4/channels/{written}"));
    }
    let (team, channel) = written.split_once('/')?;
    let (team, channel) = (team.trim(), channel.trim().trim_start_matches(['~', '#']));
    let proper = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    (proper(team) && proper(channel)).then(|| format!("api/v4/teams/name/{team}/channels/name/{channel}"))
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
        let known = self.channels.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(written).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let channel = self.find_channel(written).await?;
        let mut channels = self.channels.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        channels.insert(written.to_owned(), channel.id.clone());
        Ok(channel.id)
    }

    /// The channel that is given by its id or as `team/channel`.
    pub(super) async fn find_channel(&self, written: &str) -> Result<Channel, ChatError> {
        let path = channel_path(written)
            .ok_or_else(|| ChatError::Channel(format!("`{written}` is neither an id nor team/channel")))?;
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

    #[test]
    fn channels_are_found_as_people_write_them() {
        let path = |written: &str| channel_path(written).unwrap_or_default();
        for written in ["ops/alerts", "ops/~alerts", "ops/#alerts", "ops / alerts"] {
            assert_eq!(path(written), "api/v4/teams/name/ops/channels/name/alerts", "{written}");
        }
        assert_eq!(path("k88g41761pr38mtmp6x56c4utr"), "api/v4/channels/k88g41761pr38mtmp6x56c4utr");
        for other in ["alerts", "ops/", "/alerts", "ops/a/b", "ops/a?b"] {
            assert_eq!(path(other), "", "{other}");
        }
    }
}
