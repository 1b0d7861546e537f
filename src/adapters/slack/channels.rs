//! Channels by name: configuration says `#incidents`, Slack's methods want `C024BE91L`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use serde::Deserialize;

use super::api::Api;
use crate::ports::ChatError;

/// How long a name is believed: channels are seldom renamed, and a wrong one is an error at once. That there is none is not
/// believed for a moment: somebody may just have invited the bot.
const BELIEVED: Duration = Duration::from_secs(600);

/// A channel that the bot is in.
#[derive(Debug, Clone, Deserialize)]
pub struct Channel {
    /// `C024BE91L`.
    pub id: String,
    /// Without `#`.
    pub name: String,
    /// Whether nothing can be said in it any more.
    #[serde(default)]
    pub is_archived: bool,
}

/// Names that were looked up.
pub struct Channels {
    known: Cache<(), Arc<BTreeMap<String, Channel>>>,
}

impl Channels {
    /// Nothing looked up yet.
    pub fn new() -> Self {
        Self { known: Cache::builder().max_capacity(1).time_to_live(BELIEVED).build() }
    }

    /// The id of a channel as it is written.
    ///
    /// # Errors
    /// [`ChatError::Channel`] when the bot is in none of this name.
    pub async fn id(&self, api: &Api, written: &str) -> Result<String, ChatError> {
        if is_id(written) {
            return Ok(written.to_owned());
        }
        let name = written.trim_start_matches('#');
        if let Some(channel) = self.known.get(&()).await.and_then(|known| known.get(name).cloned()) {
            return Ok(channel.id);
        }
        self.known.invalidate(&()).await;
        match self.all(api).await?.get(name) {
            Some(channel) => Ok(channel.id.clone()),
            None => Err(ChatError::Channel(format!("the bot is in no channel #{name}: invite it there"))),
        }
    }

    /// Every channel that the bot is in, by name. It can post nowhere else, and a workspace has many times as many.
    ///
    /// # Errors
    /// When Slack does not list them.
    pub async fn all(&self, api: &Api) -> Result<Arc<BTreeMap<String, Channel>>, ChatError> {
        let load = async {
            let parameters = [
                ("types", "public_channel,private_channel".to_owned()),
                ("exclude_archived", "false".to_owned()),
                ("limit", "1000".to_owned()),
            ];
            let channels: Vec<Channel> = api.list("users.conversations", &parameters, "channels", |_| false).await?;
            Ok(Arc::new(channels.into_iter().map(|channel| (channel.name.clone(), channel)).collect()))
        };
        self.known.try_get_with((), load).await.map_err(|error: Arc<ChatError>| (*error).clone())
    }
}

/// Whether a channel is written as its id.
fn is_id(written: &str) -> bool {
    let proper = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    written.len() >= 4 && written.starts_with(['C', 'G', 'D']) && written.bytes().all(proper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_names() {
        for (written, id) in
            [("C024BE91L", true), ("G0AB", true), ("#C024BE91L", false), ("incidents", false), ("CHAT-ops", false)]
        {
            assert_eq!(is_id(written), id, "{written}");
        }
    }
}
