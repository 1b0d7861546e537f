//! What `holmes-bot check` says about Mattermost, in the words of its System Console.

use std::time::Duration;

use serde::Deserialize;

use super::Mattermost;
use super::api::{ApiError, Team};
use super::setup::{TRIGGER, console, edits};
use super::socket::reach;
use crate::adapters::check::CheckLine;
use crate::adapters::http::HttpError;
use crate::ports::ChatError;

/// How long the WebSocket may take to open.
const SOCKET_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Command {
    #[serde(default)]
    trigger: String,
}

impl Mattermost {
    /// Reaches for the server and looks for what the bot needs there. One that does not answer gives one line.
    /// `channels` are those in which incidents shall be shown; `tokens` says how many command tokens are configured.
    pub async fn check(&self, channels: &[&str], tokens: usize) -> Vec<CheckLine> {
        let me = match self.me().await {
            Ok(me) => me,
            Err(error) => return vec![CheckLine::bad("mattermost", error.to_string(), mend(&error))],
        };
        let facts = match self.facts().await {
            Ok(facts) => facts,
            Err(error) => return vec![CheckLine::bad("mattermost", error.to_string(), mend(&error))],
        };
        let version = if facts.version.is_empty() { &facts.build } else { &facts.version };
        let mut lines = vec![if me.is_bot {
            CheckLine::good("mattermost", format!("Mattermost {version}, as @{}", me.username))
        } else {
            CheckLine::bad(
                "mattermost",
                format!("Mattermost {version}, but @{} is no bot account", me.username),
                "give MATTERMOST_TOKEN the token of a bot account: `holmes-bot mattermost setup` makes one",
            )
        }];
        let mut teams = Vec::new();
        for written in channels {
            lines.push(self.check_channel(written, &mut teams).await);
        }
        if facts.site_url.is_empty() {
            lines.push(CheckLine::bad("site URL", "is not set: commands fail without it", console::SITE_URL));
        }
        if facts.enable_commands == "false" {
            lines.push(CheckLine::bad("commands", "custom slash commands are off", console::COMMANDS));
        }
        if facts.enable_files == "false" {
            lines.push(CheckLine::bad("files", "are off: charts are told in words", console::FILES));
        }
        lines.extend(facts.edit_time_limit.parse().ok().and_then(edits));
        lines.extend(self.check_commands(teams, tokens).await);
        lines.push(self.check_socket().await);
        lines
    }

    async fn check_channel(&self, written: &str, teams: &mut Vec<String>) -> CheckLine {
        let what = format!("channel {written}");
        let channel = match self.find_channel(written).await {
            Ok(channel) => channel,
            Err(ChatError::Channel(why)) => {
                let mend = "does it exist, and is the bot in its team? `holmes-bot mattermost setup` adds it";
                return CheckLine::bad(what, why, mend);
            }
            Err(error) => return CheckLine::bad(what, error.to_string(), "try again"),
        };
        if !channel.team_id.is_empty() && !teams.contains(&channel.team_id) {
            teams.push(channel.team_id.clone());
        }
        match self.is_member(&channel.id, "me").await {
            _ if channel.delete_at != 0 => {
                CheckLine::bad(what, "is archived", "unarchive it, or set MATTERMOST_CHANNEL")
            }
            Ok(true) => CheckLine::good(what, format!("~{}", channel.name)),
            Ok(false) => CheckLine::bad(
                what,
                "the bot is not in it",
                format!("invite it there (/invite), or run `holmes-bot mattermost setup` ({})", channel.id),
            ),
            Err(error) => CheckLine::bad(what, error.to_string(), mend(&error)),
        }
    }

    async fn check_commands(&self, teams: Vec<String>, tokens: usize) -> Vec<CheckLine> {
        let mut lines = Vec::new();
        for id in teams {
            let name = match self.api.call_now::<Team>(self.api.endpoint.get(&format!("api/v4/teams/{id}"))).await {
                Ok(team) => team.name,
                Err(_) => id.clone(),
            };
            let what = format!("command /{TRIGGER} in {name}");
            let request = self.api.endpoint.get(&format!("api/v4/teams/{id}/commands/autocomplete"));
            lines.push(match self.api.call_now::<Vec<Command>>(request).await {
                Ok(commands) if !commands.iter().any(|command| command.trigger == TRIGGER) => CheckLine::bad(
                    what,
                    "is not registered (or without autocompletion)",
                    "run `holmes-bot mattermost setup` with an administrator's token",
                ),
                Ok(_) if tokens == 0 => CheckLine::bad(
                    what,
                    "is registered, but its token is not known",
                    "set MATTERMOST_COMMAND_TOKEN to what the setup printed",
                ),
                Ok(_) => CheckLine::good(what, "registered"),
                Err(error) => CheckLine::bad(what, error.to_string(), mend(&error)),
            });
        }
        lines
    }

    async fn check_socket(&self) -> CheckLine {
        match tokio::time::timeout(SOCKET_TIMEOUT, reach(&self.settings)).await {
            Ok(Ok(())) => CheckLine::good("websocket", "opens: replies in threads are heard"),
            Ok(Err(error)) => CheckLine::bad(
                "websocket",
                format!("{error:#}"),
                "does a proxy in front of Mattermost let WebSockets through (Upgrade, Connection)?",
            ),
            Err(_) => CheckLine::bad(
                "websocket",
                format!("does not open in {} s", SOCKET_TIMEOUT.as_secs()),
                "does a proxy in front of Mattermost let WebSockets through (Upgrade, Connection)?",
            ),
        }
    }
}

fn mend(error: &ApiError) -> String {
    match error {
        ApiError::Refused { status: 401, .. } => {
            "MATTERMOST_TOKEN is wrong or was revoked: `holmes-bot mattermost setup` makes a new one"
        }
        ApiError::Refused { status: 403, .. } => "the bot's account may not: run `holmes-bot mattermost setup`",
        ApiError::Refused { .. } => "look at Mattermost's log",
        ApiError::Limited { .. } => "try again; raise System Console > Environment > Rate Limiting if it happens often",
        ApiError::Http(HttpError::NotJson { .. } | HttpError::Redirected { .. }) => {
            "MATTERMOST_URL is Mattermost's own address, without a login page in front of it"
        }
        ApiError::Http(HttpError::Unreachable { .. }) => {
            "is MATTERMOST_URL right, does the Service exist, and does a NetworkPolicy let us through?"
        }
        ApiError::Http(_) => "look at Mattermost's log",
    }
    .into()
}
