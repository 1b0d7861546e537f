//! Where people talk to the bot: platforms, places on them, and messages there.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::text;

/// Longest name of a channel or a message, in bytes.
const MAX_ID_BYTES: usize = 254;

/// A chat in which incidents are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// Slack, or a server that speaks its API.
    Slack,
    /// Mattermost.
    Mattermost,
}

impl Platform {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Slack, Self::Mattermost];
}

impl Platform {
    /// The name in keys and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Mattermost => "mattermost",
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where something was said or clicked: `slack:C024BE91L`, `mattermost:4xp9fdt77pncbef59f4k1qe83o`, `console`, `api`.
/// A decision counts only from the places that its proposal was shown in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Place {
    /// A channel of a chat, by its id there.
    Channel(Platform, String),
    /// The console.
    Console,
    /// The API.
    Api,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channel(platform, channel) => write!(f, "{platform}:{channel}"),
            Self::Console => f.write_str("console"),
            Self::Api => f.write_str("api"),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        let channel = |platform, id: &str| {
            let proper = !id.is_empty() && id.len() <= MAX_ID_BYTES && id.bytes().all(|byte| byte.is_ascii_graphic());
            if proper {
                Ok(Self::Channel(platform, id.to_owned()))
            } else {
                Err(format!("`{}` has no proper channel id", text::line(written, 60)))
            }
        };
        match written.split_once(':') {
            None if written == "console" => Ok(Self::Console),
            None if written == "api" => Ok(Self::Api),
            Some(("slack", id)) => channel(Platform::Slack, id),
            Some(("mattermost", id)) => channel(Platform::Mattermost, id),
            _ => Err(format!("`{}` is not one of slack:…, mattermost:…, console, api", text::line(written, 60))),
        }
    }
}

impl TryFrom<String> for Place {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        written.parse()
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.to_string()
    }
}

/// A message's name in its chat: Slack's `ts`, Mattermost's post id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageId(pub String);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where something was said, and what it hangs on there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// The channel.
    pub place: Place,
    /// The root of the thread, where it was said in one.
    pub thread: Option<MessageId>,
    /// The message that says it; `None` for a command, which others do not see.
    pub said: Option<MessageId>,
    /// Whether it was said to the bot: by name, by command, or where nobody else is. Other words in an incident's thread
    /// are questions only where there is a model to answer them.
    #[serde(default = "yes")]
    pub to_bot: bool,
}

fn yes() -> bool {
    true
}

impl Spot {
    /// The message that a thread about it hangs on, where there is one already.
    pub fn root(&self) -> Option<&MessageId> {
        self.thread.as_ref().or(self.said.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_back() {
        for written in ["slack:C024BE91L", "mattermost:4xp9fdt77pncbef59f4k1qe83o", "console", "api"] {
            assert_eq!(written.parse::<Place>().unwrap().to_string(), written);
        }
        for written in ["", "slack", "slack:", "irc:#ops", "slack:C 1", "console:1"] {
            written.parse::<Place>().unwrap_err();
        }
    }
}
