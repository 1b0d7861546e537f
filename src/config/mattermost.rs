//! Mattermost's variables.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use secrecy::SecretString;

use super::{Credentials, HttpNeighbour, Reader};
use crate::domain::routes::Routes;

/// Shortest secret that seals buttons, in characters.
const MIN_SECRET_CHARS: usize = 16;

/// Mattermost.
#[derive(Debug, Clone)]
pub struct MattermostConfig {
    /// Where, with the bot's token.
    pub http: HttpNeighbour,
    /// Which incident is shown in which channel, by id or as `team/channel`.
    pub routes: Routes,
    /// Tokens of the command `/holmes`, one a team.
    pub command_tokens: Vec<SecretString>,
    /// Where Mattermost reaches the bot.
    pub callback_url: String,
    /// What buttons are sealed with; `None`: a key that the store keeps.
    pub action_secret: Option<SecretString>,
}

/// What `mattermost setup` takes from the environment where the command line does not say; all of it may be missing.
#[derive(Debug, Clone, Default)]
pub struct MattermostSetup {
    /// The server.
    pub url: Option<String>,
    /// The bot's token, if it has one already.
    pub token: Option<SecretString>,
    /// The channel.
    pub channel: Option<String>,
    /// Where Mattermost reaches the bot.
    pub callback_url: Option<String>,
    /// PEM file of an extra certificate authority.
    pub ca_file: Option<PathBuf>,
}

impl MattermostSetup {
    /// Reads the environment given as `variables`. Before the first setup it is not whole, so nothing of it is a problem.
    pub fn from_variables(variables: &BTreeMap<String, String>) -> Self {
        let reader = Reader { variables, problems: Vec::new() };
        let url = |name: &str| reader.get(name).map(|url| url.trim_end_matches('/').to_owned());
        Self {
            url: url("MATTERMOST_URL"),
            token: reader.get("MATTERMOST_TOKEN").map(SecretString::from),
            channel: reader.get("MATTERMOST_CHANNEL"),
            callback_url: url("MATTERMOST_CALLBACK_URL").or_else(|| url("HOLMES_PUBLIC_URL")),
            ca_file: reader.get("MATTERMOST_CA_FILE").map(PathBuf::from),
        }
    }
}

impl Reader<'_> {
    pub(super) fn mattermost(&mut self, listen: SocketAddr) -> Option<MattermostConfig> {
        const ALONE: [&str; 5] = [
            "MATTERMOST_CHANNEL",
            "MATTERMOST_ROUTES",
            "MATTERMOST_COMMAND_TOKEN",
            "MATTERMOST_CALLBACK_URL",
            "MATTERMOST_ACTION_SECRET",
        ];
        let also = ALONE.into_iter().find(|name| self.get(name).is_some());
        let http = self.keyed(["MATTERMOST_URL", "MATTERMOST_TOKEN", "MATTERMOST_CA_FILE"], also);
        let action_secret = self.secret("MATTERMOST_ACTION_SECRET");
        let tokens = self.secret("MATTERMOST_COMMAND_TOKEN");
        let callback_url = self.url("MATTERMOST_CALLBACK_URL");
        let http = http?;
        if matches!(http.credentials, Credentials::None) {
            self.wrong(
                "MATTERMOST_TOKEN",
                "must be set together with MATTERMOST_URL: `holmes-bot mattermost setup` makes it",
            );
        }
        let channel = self.get("MATTERMOST_CHANNEL").unwrap_or_else(|| {
            self.wrong(
                "MATTERMOST_CHANNEL",
                "must be set together with MATTERMOST_URL: team/channel, or a channel's id",
            );
            String::new()
        });
        if !channel.is_empty() && !is_channel(&channel) {
            self.wrong("MATTERMOST_CHANNEL", format!("`{channel}` is neither team/channel nor a channel's id"));
        }
        let routes = self.routes(&channel);
        if let Some(secret) = &action_secret
            && secrecy::ExposeSecret::expose_secret(secret).chars().count() < MIN_SECRET_CHARS
        {
            self.wrong("MATTERMOST_ACTION_SECRET", format!("must have at least {MIN_SECRET_CHARS} characters"));
        }
        let command_tokens = tokens.iter().flat_map(|tokens| {
            let tokens = secrecy::ExposeSecret::expose_secret(tokens).split(',').map(str::trim);
            tokens
                .filter(|token| !token.is_empty())
                .map(|token| SecretString::from(token.to_owned()))
                .collect::<Vec<_>>()
        });
        let public_url = self.get("HOLMES_PUBLIC_URL").map(|url| url.trim_end_matches('/').to_owned());
        Some(MattermostConfig {
            http,
            routes,
            command_tokens: command_tokens.collect(),
            callback_url: callback_url.or(public_url).unwrap_or_else(|| format!("http://{listen}")),
            action_secret,
        })
    }
}

impl Reader<'_> {
    fn routes(&mut self, channel: &str) -> Routes {
        const NAME: &str = "MATTERMOST_ROUTES";
        let routes = Routes::parse(channel, &self.get(NAME).unwrap_or_default()).unwrap_or_else(|problem| {
            self.wrong(NAME, problem);
            Routes::to(channel)
        });
        for other in routes.channels().into_iter().filter(|other| *other != channel && !is_channel(other)) {
            self.wrong(NAME, format!("`{other}` is neither team/channel nor a channel's id"));
        }
        routes
    }
}

/// Whether this is a channel's id or `team/channel`: a channel's name alone does not say which team's.
fn is_channel(written: &str) -> bool {
    let is_id = written.len() == 26 && written.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    let is_named = written
        .split_once('/')
        .is_some_and(|(team, name)| is_name(team) && is_name(name.trim_start_matches(['~', '#'])));
    is_id || is_named
}

#[cfg(test)]
mod tests {
    use crate::config::tests::read;

    #[test]
    fn a_whole_configuration() {
        let config = read(&[
            ("HOLMES_PUBLIC_URL", "https://holmes.example.com/"),
            ("MATTERMOST_URL", "https://chat.example.com/"),
            ("MATTERMOST_TOKEN", "t"),
            ("MATTERMOST_CHANNEL", "ops/alerts"),
            ("MATTERMOST_COMMAND_TOKEN", "a, b,"),
        ]);
        let mattermost = config.unwrap().mattermost.unwrap();
        assert_eq!(mattermost.http.url, "https://chat.example.com");
        assert_eq!(
            (mattermost.command_tokens.len(), mattermost.callback_url.as_str()),
            (2, "https://holmes.example.com")
        );
        assert_eq!(mattermost.routes.channels(), ["ops/alerts"]);
        assert!(read(&[]).unwrap().mattermost.is_none());
    }

    #[test]
    fn what_is_missing_is_told_at_once() {
        insta::assert_snapshot!(
            read(&[("MATTERMOST_URL", "http://mm:8065"), ("MATTERMOST_ACTION_SECRET", "short")]).unwrap_err(),
            @r"
        the configuration has 3 problem(s):
          MATTERMOST_TOKEN: must be set together with MATTERMOST_URL: `holmes-bot mattermost setup` makes it
          MATTERMOST_CHANNEL: must be set together with MATTERMOST_URL: team/channel, or a channel's id
          MATTERMOST_ACTION_SECRET: must have at least 16 characters
        "
        );
        let whole = [("MATTERMOST_URL", "http://mm:8065"), ("MATTERMOST_TOKEN", "t"), ("MATTERMOST_CHANNEL", "alerts")];
        let routes = ("MATTERMOST_ROUTES", "severity=critical:ops/oncall @oncall; team=shop:shop");
        insta::assert_snapshot!(read(&[&whole[..], &[routes]].concat()).unwrap_err(), @r"
        the configuration has 2 problem(s):
          MATTERMOST_CHANNEL: `alerts` is neither team/channel nor a channel's id
          MATTERMOST_ROUTES: `shop` is neither team/channel nor a channel's id
        ");
        insta::assert_snapshot!(read(&[("MATTERMOST_CHANNEL", "ops/alerts")]).unwrap_err(), @r"
        the configuration has 1 problem(s):
          MATTERMOST_URL: must be set because MATTERMOST_CHANNEL is
        ");
    }
}
