//! `holmes-bot check`: whose token it is, what it may do, and whether the bot is where incidents go.

use slack_morphism::api::SlackApiAuthTestResponse;

use super::Slack;
use super::api::Api;
use crate::adapters::check::CheckLine;
use crate::adapters::http::HttpError;
use crate::domain::routes::Routes;
use crate::ports::ChatError;
use secrecy::SecretString;

/// What the bot's token needs, and what for. `holmes-bot slack manifest` asks for the same.
pub const SCOPES: [(&str, &str); 12] = [
    ("app_mentions:read", "questions by mention"),
    ("assistant:write", "the status beside a thread"),
    ("channels:history", "replies in public channels, and finding a post whose outcome is unknown"),
    ("channels:read", "channels by name"),
    ("chat:write", "posts"),
    ("commands", "/holmes and the shortcut"),
    ("files:write", "charts"),
    ("groups:history", "replies in private channels"),
    ("groups:read", "private channels by name"),
    ("im:history", "questions in direct messages"),
    ("usergroups:read", "approval by user group, and mentions of on-call groups"),
    ("users:read", "people's names"),
];

/// Without these something that people count on is missing; without the others, a comfort.
const OPTIONAL: [&str; 3] = ["assistant:write", "im:history", "users:read"];

impl Slack {
    /// What is said about Slack.
    pub async fn check(&self, routes: &Routes, app_token: Option<(&str, &SecretString)>) -> Vec<CheckLine> {
        let who = super::api::sorted(self.api.session().auth_test().await);
        let mut lines = vec![account(who.as_ref())];
        if who.is_ok() {
            lines.push(scopes(self.api.scopes().await));
            for channel in routes.channels() {
                lines.push(self.channel_line(channel).await);
            }
        }
        if let Some((api_url, token)) = app_token {
            lines.push(socket(api_url, token).await);
        }
        lines
    }

    async fn channel_line(&self, written: &str) -> CheckLine {
        let what = format!("channel {written}");
        let channels = match self.channels.all(&self.api).await {
            Ok(channels) => channels,
            Err(error) => return CheckLine::bad(what, error.to_string(), "add the scope channels:read"),
        };
        let name = written.trim_start_matches('#');
        let found = channels.values().find(|channel| channel.id == written || channel.name == name);
        match found {
            None => {
                CheckLine::bad(what, "the bot is in no such channel", "create it if need be, and /invite the bot there")
            }
            Some(channel) if channel.is_archived => {
                CheckLine::bad(what, "archived", "unarchive it, or set SLACK_CHANNEL and SLACK_ROUTES to others")
            }
            Some(channel) => CheckLine::good(what, format!("#{} is {}", channel.name, channel.id)),
        }
    }
}

fn account(who: Result<&SlackApiAuthTestResponse, &ChatError>) -> CheckLine {
    match who {
        Ok(who) => {
            let name = who.user.as_deref().unwrap_or("the bot");
            CheckLine::good("account", format!("{name} in {}", who.team))
        }
        Err(error @ ChatError::Account(_)) => {
            CheckLine::bad("account", error.to_string(), "copy SLACK_BOT_TOKEN again from OAuth & Permissions")
        }
        Err(error) => CheckLine::bad("account", error.to_string(), "can the bot reach slack.com (or SLACK_API_URL)?"),
    }
}

fn scopes(granted: Result<Option<Vec<String>>, ChatError>) -> CheckLine {
    let granted = match granted {
        Ok(Some(granted)) => granted,
        Ok(None) => return CheckLine::good("scopes", "the server does not say them"),
        Err(error) => return CheckLine::bad("scopes", error.to_string(), "try again"),
    };
    let missing = |optional: bool| {
        let missing = SCOPES.iter().filter(|(scope, _)| OPTIONAL.contains(scope) == optional);
        let missing = missing.filter(|(scope, _)| !granted.iter().any(|granted| granted == scope));
        missing.map(|(scope, why)| format!("{scope} ({why})")).collect::<Vec<_>>()
    };
    let (needed, nice) = (missing(false), missing(true));
    if !needed.is_empty() {
        let mend =
            "add them under OAuth & Permissions and reinstall the app, or make it from `holmes-bot slack manifest`";
        return CheckLine::bad("scopes", format!("missing: {}", needed.join(", ")), mend);
    }
    let nice = if nice.is_empty() { String::new() } else { format!("; would be nice: {}", nice.join(", ")) };
    CheckLine::good("scopes", format!("all that are needed{nice}"))
}

async fn socket(api_url: &str, token: &SecretString) -> CheckLine {
    match open(api_url, token).await {
        Ok(Ok(_)) => CheckLine::good("socket mode", "a connection can be opened"),
        Ok(Err(error)) => {
            let mend = "make an app-level token with connections:write for SLACK_APP_TOKEN, and switch Socket Mode on";
            CheckLine::bad("socket mode", error.to_string(), mend)
        }
        Err(error) => CheckLine::bad("socket mode", error.to_string(), "is SLACK_API_URL right?"),
    }
}

async fn open(api_url: &str, token: &SecretString) -> Result<Result<String, ChatError>, HttpError> {
    Ok(super::socket::address(&Api::new(api_url, token)?).await)
}
