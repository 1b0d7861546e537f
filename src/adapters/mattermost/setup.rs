//! What an administrator does once: the bot account, its channels, the command. Can be run again at any time.

use std::net::IpAddr;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Anything, Api, ApiError, Channel, Team, User};
use super::places::channel_path;
use crate::adapters::check::CheckLine;
use crate::adapters::http::{Auth, Endpoint, EndpointSettings, HttpError};

/// The command's word.
pub const TRIGGER: &str = "holmes";
/// What can follow it, as Mattermost shows it while one types.
const HINT: &str = "[ask|investigate|incidents|status|silence|runbook|do|help] …";

/// Where settings are in the System Console.
pub(super) mod console {
    /// `ServiceSettings.SiteURL`
    pub const SITE_URL: &str = "System Console > Environment > Web Server > Site URL";
    /// `ServiceSettings.EnableCommands`
    pub const COMMANDS: &str = "System Console > Integrations > Integration Management > Enable Custom Slash Commands";
    /// `ServiceSettings.EnableBotAccountCreation`
    pub const BOTS: &str = "System Console > Integrations > Bot Accounts > Enable Bot Account Creation";
    /// `ServiceSettings.AllowedUntrustedInternalConnections`
    pub const INTERNAL: &str = "System Console > Environment > Developer > Allow untrusted internal connections to";
    /// `ServiceSettings.PostEditTimeLimit`
    pub const EDITS: &str =
        "System Console > User Management > Permissions > Edit Scheme > Manage Posts > Edit Posts (gear)";
    /// `FileSettings.EnableFileAttachments`
    pub const FILES: &str = "System Console > Site Configuration > File Sharing and Downloads > Allow File Sharing";
}

/// What to set up.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server, with an administrator's token.
    pub endpoint: EndpointSettings,
    /// The bot's user name.
    pub username: String,
    /// What people see as its name.
    pub display_name: String,
    /// Channels, by id or as `team/channel`.
    pub channels: Vec<String>,
    /// Where Mattermost reaches the bot.
    pub callback_url: String,
    /// The bot's token, if it has one already.
    pub token: Option<SecretString>,
}

/// What was found and done.
#[derive(Debug, Default)]
pub struct Done {
    /// One line a step.
    pub lines: Vec<CheckLine>,
    /// The bot's token, if a new one was made: it is shown only this once.
    pub token: Option<SecretString>,
    /// The commands' tokens, one a team.
    pub command_tokens: Vec<SecretString>,
}

/// Why it was not set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The server said no.
    #[error("{doing}: {error}")]
    Api {
        /// What was being done.
        doing: String,
        /// What it said.
        #[source]
        error: ApiError,
    },
    /// The address or the token cannot be used.
    #[error(transparent)]
    Settings(#[from] HttpError),
    /// The token's owner is no administrator.
    #[error("@{0} is no system administrator: give the token of one (Profile > Security > Personal Access Tokens)")]
    NoAdmin(String),
    /// The name is taken by a person.
    #[error("@{0} is a person, not a bot: choose another --username")]
    Taken(String),
    /// No channel was named.
    #[error("`{0}` is neither the id of a channel nor team/channel")]
    NoChannel(String),
}

#[derive(Deserialize)]
struct Bot {
    user_id: String,
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

#[derive(Deserialize)]
struct Command {
    id: String,
    token: String,
    #[serde(default)]
    trigger: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    auto_complete: bool,
    #[serde(default)]
    auto_complete_hint: String,
    #[serde(default)]
    delete_at: i64,
}

struct Setup {
    api: Api,
    plan: Plan,
    done: Done,
}

/// Sets everything up that is not yet.
///
/// # Errors
/// At the first thing that the server refuses; what was done before stays, and is found the next time.
pub async fn run(plan: Plan) -> Result<Done, SetupError> {
    let api = Api::new(Endpoint::new(&plan.endpoint)?);
    let mut setup = Setup { api, plan, done: Done::default() };
    setup.admin().await?;
    setup.settings().await?;
    let bot = setup.bot().await?;
    setup.token(&bot).await?;
    let mut teams: Vec<String> = Vec::new();
    for written in setup.plan.channels.clone() {
        let channel = setup.join(&written, &bot).await?;
        if !channel.team_id.is_empty() && !teams.contains(&channel.team_id) {
            teams.push(channel.team_id);
        }
    }
    for team in teams {
        setup.command(&team).await?;
    }
    Ok(setup.done)
}

/// What is wrong with a limit of so many seconds after which no post can be edited; -1 is none.
pub(super) fn edits(seconds: i64) -> Option<CheckLine> {
    let detail =
        || format!("are refused {seconds} s after a post: states, answers and buttons would stay as they were");
    (seconds >= 0).then(|| CheckLine::bad("edits", detail(), format!("no time limit in {}", console::EDITS)))
}

fn doing(doing: impl Into<String>) -> impl FnOnce(ApiError) -> SetupError {
    let doing = doing.into();
    |error| SetupError::Api { doing, error }
}

impl Setup {
    fn good(&mut self, what: &str, detail: impl Into<String>) {
        self.done.lines.push(CheckLine::good(what, detail));
    }

    fn bad(&mut self, what: &str, detail: impl Into<String>, mend: impl Into<String>) {
        self.done.lines.push(CheckLine::bad(what, detail, mend));
    }

    async fn post<T: serde::de::DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, ApiError> {
        self.api.call_now(self.api.endpoint.post_json(&format!("api/v4/{path}"), body)).await
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        self.api.call_now(self.api.endpoint.get(&format!("api/v4/{path}"))).await
    }

    async fn admin(&mut self) -> Result<(), SetupError> {
        let admin: User = self.get("users/me").await.map_err(doing("ask who the token belongs to"))?;
        if !admin.roles.split_whitespace().any(|role| role == "system_admin") {
            return Err(SetupError::NoAdmin(admin.username));
        }
        self.good("administrator", format!("@{}", admin.username));
        Ok(())
    }

    /// Server settings are an administrator's to change: what is missing is named in the words of the System Console.
    async fn settings(&mut self) -> Result<(), SetupError> {
        let config: Anything = self.get("config").await.map_err(doing("read the server's settings"))?;
        let service = &config["ServiceSettings"];
        let text = |name: &str| service[name].as_str().unwrap_or_default().to_owned();
        match text("SiteURL") {
            url if url.is_empty() => self.bad("site URL", "is not set: commands fail without it", console::SITE_URL),
            url => self.good("site URL", url),
        }
        if service["EnableCommands"] == false {
            self.bad("commands", "custom slash commands are off", console::COMMANDS);
        }
        if config["FileSettings"]["EnableFileAttachments"] == false {
            self.bad("files", "are off: charts would be told in words", console::FILES);
        }
        if let Some(seconds) = service["PostEditTimeLimit"].as_i64()
            && let Some(line) = edits(seconds)
        {
            self.done.lines.push(line);
        }
        if service["EnableBotAccountCreation"] == false {
            self.bad("bot accounts", "cannot be made", console::BOTS);
        }
        let allowed = text("AllowedUntrustedInternalConnections");
        let host = reqwest::Url::parse(&self.plan.callback_url).ok().and_then(|url| Some(url.host_str()?.to_owned()));
        let host = host.unwrap_or_default();
        let host = host.trim_matches(['[', ']']);
        match (is_internal(host), is_allowed(host, &allowed)) {
            (_, true) => self.good("callbacks", format!("{host} is among the allowed internal connections")),
            (false, false) => {
                self.good("callbacks", format!("{host}; if it has a private address, add it to {}", console::INTERNAL))
            }
            (true, false) => self.bad(
                "callbacks",
                format!("{host} is internal: buttons and commands will fail with \"address forbidden\""),
                format!("add {host} to {}", console::INTERNAL),
            ),
        }
        Ok(())
    }

    async fn bot(&mut self) -> Result<String, SetupError> {
        let name = self.plan.username.clone();
        match self.get::<User>(&format!("users/username/{name}")).await {
            Ok(user) if !user.is_bot => Err(SetupError::Taken(name)),
            Ok(user) => {
                if user.delete_at != 0 {
                    let path = format!("bots/{}/enable", user.id);
                    self.post::<Anything>(&path, &json!({})).await.map_err(doing(format!("enable @{name}")))?;
                }
                self.good("bot", format!("@{name} is there"));
                Ok(user.id)
            }
            Err(error) if error.is(404) => {
                let body = json!({
                    "username": name,
                    "display_name": self.plan.display_name,
                    "description": "Investigates alerts and explains them in threads.",
                });
                let bot: Bot = self.post("bots", &body).await.map_err(doing(format!("make the bot @{name}")))?;
                self.good("bot", format!("@{name} was made"));
                Ok(bot.user_id)
            }
            Err(error) => Err(doing(format!("look for @{name}"))(error)),
        }
    }

    /// A token that works is kept: making one more each time would leave a trail of valid tokens.
    async fn token(&mut self, bot: &str) -> Result<(), SetupError> {
        if let Some(token) = self.plan.token.clone() {
            let settings = EndpointSettings { auth: Auth::Bearer(token), ..self.plan.endpoint.clone() };
            let api = Api::new(Endpoint::new(&settings)?);
            let me = api.call_now::<User>(api.endpoint.get("api/v4/users/me")).await;
            if me.is_ok_and(|me| me.id == bot) {
                self.good("token", "MATTERMOST_TOKEN is the bot's");
                return Ok(());
            }
        }
        let body = json!({ "description": "holmes-bot" });
        let made: Token =
            self.post(&format!("users/{bot}/tokens"), &body).await.map_err(doing("make the bot's token"))?;
        self.done.token = Some(made.token.into());
        self.good("token", "was made");
        Ok(())
    }

    async fn join(&mut self, written: &str, bot: &str) -> Result<Channel, SetupError> {
        let path = channel_path(written).ok_or_else(|| SetupError::NoChannel(written.to_owned()))?;
        let found = self.api.call_now(self.api.endpoint.get(&path)).await;
        let channel: Channel = found.map_err(doing(format!("look for the channel {written}")))?;
        let member = json!({ "team_id": channel.team_id, "user_id": bot });
        // Whoever is in already is answered the same.
        let path = format!("teams/{}/members", channel.team_id);
        self.post::<Anything>(&path, &member).await.map_err(doing(format!("add the bot to the team of {written}")))?;
        let path = format!("channels/{}/members", channel.id);
        let member = json!({ "user_id": bot });
        self.post::<Anything>(&path, &member).await.map_err(doing(format!("add the bot to {written}")))?;
        self.good("channel", format!("the bot is in {written} ({})", channel.id));
        Ok(channel)
    }

    async fn command(&mut self, team: &str) -> Result<(), SetupError> {
        let name = self.get::<Team>(&format!("teams/{team}")).await.map(|team| team.name).unwrap_or_default();
        let request = self.api.endpoint.get("api/v4/commands").query(&[("team_id", team), ("custom_only", "true")]);
        let commands: Vec<Command> =
            self.api.call_now(request).await.map_err(doing(format!("list the commands of {name}")))?;
        let url = format!("{}/mattermost/command", self.plan.callback_url.trim_end_matches('/'));
        let mut wanted = json!({
            "team_id": team,
            "trigger": TRIGGER,
            "method": "P",
            "url": url,
            "auto_complete": true,
            "auto_complete_desc": "Ask about the cluster, look at a workload, list incidents",
            "auto_complete_hint": HINT,
            "display_name": self.plan.display_name,
            "description": "holmes-bot",
            "username": self.plan.username,
        });
        let known = commands.into_iter().find(|command| command.trigger == TRIGGER && command.delete_at == 0);
        let token = match known {
            Some(known) if known.url == url && known.auto_complete && known.auto_complete_hint == HINT => {
                self.good("command", format!("/{TRIGGER} is registered in {name}"));
                known.token
            }
            Some(known) => {
                wanted["id"] = known.id.clone().into();
                let path = format!("api/v4/commands/{}", known.id);
                let changed: Command = self
                    .api
                    .call_now(self.api.endpoint.put_json(&path, &wanted))
                    .await
                    .map_err(doing(format!("change /{TRIGGER} in {name}")))?;
                self.good("command", format!("/{TRIGGER} in {name} leads to {url} now"));
                changed.token
            }
            None => {
                let made: Command =
                    self.post("commands", &wanted).await.map_err(doing(format!("register /{TRIGGER} in {name}")))?;
                self.good("command", format!("/{TRIGGER} was registered in {name}"));
                made.token
            }
        };
        self.done.command_tokens.push(token.into());
        Ok(())
    }
}

impl Done {
    /// What belongs into the bot's environment, in the form of an env file.
    pub fn environment(&self) -> String {
        let mut lines = Vec::new();
        if let Some(token) = &self.token {
            lines.push(format!("MATTERMOST_TOKEN={}", token.expose_secret()));
        }
        let tokens: Vec<&str> = self.command_tokens.iter().map(|token| token.expose_secret()).collect();
        if !tokens.is_empty() {
            lines.push(format!("MATTERMOST_COMMAND_TOKEN={}", tokens.join(",")));
        }
        lines.join("\n")
    }
}

/// Whether a host is one that Mattermost refuses to call unless it is told to.
fn is_internal(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified(),
        Ok(IpAddr::V6(ip)) => {
            ip.is_loopback() || ip.is_unspecified() || matches!(ip.segments()[0] & 0xfe00, 0xfc00 | 0xfe00)
        }
        Err(_) => {
            !host.contains('.')
                || [".svc", ".local", ".internal", ".localhost", ".lan"].iter().any(|end| host.ends_with(end))
        }
    }
}

/// Whether a host is in the list: by its name, or as an address in one of its networks.
fn is_allowed(host: &str, list: &str) -> bool {
    let inside = |network: &str| {
        let (network, bits) = network.split_once('/')?;
        let bits: u32 = bits.parse().ok()?;
        let (network, host) = (network.parse::<IpAddr>().ok()?, host.parse::<IpAddr>().ok()?);
        match (network, host) {
            (IpAddr::V4(network), IpAddr::V4(host)) if bits <= 32 => {
                let shift = 32 - bits;
                let cut = |ip: std::net::Ipv4Addr| u64::from(ip.to_bits()) >> shift;
                Some(cut(network) == cut(host))
            }
            (IpAddr::V6(network), IpAddr::V6(host)) if bits <= 128 => {
                let cut = |ip: std::net::Ipv6Addr| ip.to_bits().checked_shr(128 - bits).unwrap_or(0);
                Some(cut(network) == cut(host))
            }
            _ => None,
        }
    };
    list.split([' ', ',', '\n', '\t'])
        .filter(|entry| !entry.is_empty())
        .any(|entry| entry.eq_ignore_ascii_case(host) || inside(entry).unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_mattermost_refuses() {
        for (host, internal) in [
            ("holmes.example.com", false),
            ("holmes-bot.holmes.svc.cluster.local", true),
            ("holmes-bot", true),
            ("10.0.0.7", true),
            ("127.0.0.1", true),
            ("203.0.113.5", false),
            ("::1", true),
            ("fd00::1", true),
        ] {
            assert_eq!(is_internal(host), internal, "{host}");
        }
    }

    #[test]
    fn the_list_names_hosts_and_networks() {
        let list = "holmes-bot.holmes.svc 10.1.0.0/16 fd00::/8";
        for (host, allowed) in [
            ("holmes-bot.holmes.svc", true),
            ("10.1.2.3", true),
            ("10.2.2.3", false),
            ("fd12::1", true),
            ("fe80::1", false),
            ("other.svc", false),
        ] {
            assert_eq!(is_allowed(host, list), allowed, "{host}");
        }
        assert!(!is_allowed("10.1.2.3", "10.1.0.0/99 /16 nonsense"));
        assert!(is_allowed("10.1.2.3", "0.0.0.0/0"));
    }
}
