//! Slack: tokens, channels and routes.

use secrecy::SecretString;

use super::Reader;
use crate::domain::routes::{self, Routes};

/// Slack's own address.
const SLACK: &str = "https://slack.com/api";

/// Slack, or a server that speaks its API.
#[derive(Debug, Clone)]
pub struct SlackConfig {
    /// Base address of the Web API without a trailing slash.
    pub api_url: String,
    /// `xoxb-…`.
    pub bot_token: SecretString,
    /// `xapp-…`: what people do comes in by Socket Mode.
    pub app_token: Option<SecretString>,
    /// What people do comes in over HTTP, signed with this.
    pub signing_secret: Option<SecretString>,
    /// Which incident is shown where.
    pub routes: Routes,
}

impl Reader<'_> {
    pub(super) fn slack(&mut self) -> Option<SlackConfig> {
        let bot_token = self.secret("SLACK_BOT_TOKEN");
        let app_token = self.secret("SLACK_APP_TOKEN");
        let signing_secret = self.secret("SLACK_SIGNING_SECRET");
        let channel = self.get("SLACK_CHANNEL");
        let routes = self.get("SLACK_ROUTES").unwrap_or_default();
        let api_url = self.url("SLACK_API_URL").unwrap_or_else(|| SLACK.to_owned());
        let Some(bot_token) = bot_token else {
            let others = [
                ("SLACK_APP_TOKEN", app_token.is_some()),
                ("SLACK_SIGNING_SECRET", signing_secret.is_some()),
                ("SLACK_CHANNEL", channel.is_some()),
            ];
            // One that is set but blank was complained about already.
            if let Some((name, _)) = others.iter().find(|(_, set)| *set)
                && !self.variables.contains_key("SLACK_BOT_TOKEN")
            {
                self.wrong("SLACK_BOT_TOKEN", format!("must be set because {name} is"));
            }
            return None;
        };
        let blank = |name: &str| self.variables.get(name).is_some_and(|value| value.trim().is_empty());
        if app_token.is_none()
            && signing_secret.is_none()
            && !blank("SLACK_APP_TOKEN")
            && !blank("SLACK_SIGNING_SECRET")
        {
            self.wrong(
                "SLACK_APP_TOKEN",
                "must be set for Socket Mode, or SLACK_SIGNING_SECRET for HTTP: else nobody can press or ask anything",
            );
        }
        let Some(channel) = channel else {
            self.wrong("SLACK_CHANNEL", "must be set together with SLACK_BOT_TOKEN: #name or an id");
            return None;
        };
        if !routes::is_channel(&channel) {
            self.wrong("SLACK_CHANNEL", format!("`{channel}` is neither #name nor an id"));
        }
        let routes = Routes::parse(&channel, &routes).unwrap_or_else(|problem| {
            self.wrong("SLACK_ROUTES", problem);
            Routes::to(&channel)
        });
        Some(SlackConfig { api_url, bot_token, app_token, signing_secret, routes })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::read;

    #[test]
    fn what_is_needed_together() {
        let whole = [("SLACK_BOT_TOKEN", "xoxb-1"), ("SLACK_APP_TOKEN", "xapp-1"), ("SLACK_CHANNEL", "#incidents")];
        let slack = read(&whole).unwrap().slack.unwrap();
        assert_eq!(slack.api_url, "https://slack.com/api");
        assert_eq!(slack.routes.channels(), ["#incidents"]);
        assert!(read(&[]).unwrap().slack.is_none());
        for (variables, problem) in [
            (
                &[("SLACK_CHANNEL", "#x")][..],
                "the configuration has 1 problem(s):\n  SLACK_BOT_TOKEN: must be set because SLACK_CHANNEL is",
            ),
            (
                &[("SLACK_BOT_TOKEN", "xoxb-1"), ("SLACK_SIGNING_SECRET", " "), ("SLACK_CHANNEL", "#x")][..],
                "the configuration has 1 problem(s):\n  SLACK_SIGNING_SECRET: is set but empty: give it a value or remove it",
            ),
            (
                &[("SLACK_BOT_TOKEN", "xoxb-1")][..],
                "the configuration has 2 problem(s):\n  SLACK_APP_TOKEN: must be set for Socket Mode, or \
                 SLACK_SIGNING_SECRET for HTTP: else nobody can press or ask anything\n  SLACK_CHANNEL: must be set \
                 together with SLACK_BOT_TOKEN: #name or an id",
            ),
            (
                &[
                    ("SLACK_BOT_TOKEN", "xoxb-1"),
                    ("SLACK_APP_TOKEN", "xapp-1"),
                    ("SLACK_CHANNEL", "a b"),
                    ("SLACK_ROUTES", "x"),
                ][..],
                "the configuration has 2 problem(s):\n  SLACK_CHANNEL: `a b` is neither #name nor an id\n  SLACK_ROUTES: \
                 the rule `x` is not like severity=critical:#channel @group",
            ),
        ] {
            assert_eq!(read(variables).unwrap_err(), problem);
        }
    }
}
