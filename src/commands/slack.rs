//! `holmes-bot slack`: the app's manifest, and the address that makes the app of it.

use std::io::Write;

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use reqwest::Url;

use crate::adapters::slack::SCOPES;
use crate::adapters::slack::inbound::INVESTIGATE_MESSAGE;

/// Slack's limits of a manifest.
const MAX_NAME: usize = 35;
const MAX_COMMAND: usize = 32;

/// Set Slack up.
#[derive(Debug, Args)]
pub struct SlackArgs {
    #[command(subcommand)]
    command: SlackCommand,
}

#[derive(Debug, Subcommand)]
enum SlackCommand {
    /// Print the app's manifest and an address that makes the app of it in one click.
    Manifest(ManifestArgs),
}

/// What the manifest says.
#[derive(Debug, Args)]
struct ManifestArgs {
    /// The app's name.
    #[arg(long, default_value = "Holmes")]
    name: String,
    /// The slash command.
    #[arg(long, default_value = "/holmes")]
    command: String,
    /// The bot's public address, https://…, for deliveries over HTTP; without it Socket Mode is used.
    #[arg(long)]
    url: Option<String>,
}

/// Prints.
///
/// # Errors
/// When an argument is none that Slack takes, or nothing can be written.
pub fn run(arguments: &SlackArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let SlackCommand::Manifest(arguments) = &arguments.command;
    let yaml = manifest(arguments)?;
    let mut link = Url::parse("https://api.slack.com/apps").context("Slack's address")?;
    link.query_pairs_mut().append_pair("new_app", "1").append_pair("manifest_yaml", &yaml);
    // Spaces as every reader of addresses takes them.
    let link = link.as_str().replace('+', "%20");
    writeln!(out, "{yaml}")?;
    writeln!(out, "# Make the app of it: open this, choose the workspace, and install it.")?;
    writeln!(out, "# {link}")?;
    Ok(())
}

fn manifest(arguments: &ManifestArgs) -> anyhow::Result<String> {
    let ManifestArgs { name, command, url } = arguments;
    ensure!(!name.is_empty() && name.chars().count() <= MAX_NAME, "--name takes 1 to {MAX_NAME} characters");
    let proper = command.starts_with('/')
        && (2..=MAX_COMMAND).contains(&command.len())
        && command[1..].bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte));
    ensure!(proper, "--command is not like /holmes, with at most {MAX_COMMAND} characters");
    let url = url.as_deref().map(|url| url.trim_end_matches('/'));
    if let Some(url) = url {
        ensure!(Url::parse(url).is_ok_and(|url| url.scheme() == "https"), "--url must be an https:// address");
    }
    let at = |path: &str, indent: usize| match url {
        Some(url) => format!(
            "\n{}{}: {url}/slack/{path}",
            " ".repeat(indent),
            if path == "commands" { "url" } else { "request_url" }
        ),
        None => String::new(),
    };
    let scopes: String = SCOPES.iter().map(|(scope, _)| format!("\n      - {scope}")).collect();
    // A name in double quotes is YAML of any characters but these.
    let name = name.replace('\\', "\\\\").replace('"', "\\\"");
    Ok(format!(
        r#"_metadata:
  major_version: 1
display_information:
  name: "{name}"
  description: Investigates alerts and explains them in a thread
features:
  app_home:
    home_tab_enabled: false
    messages_tab_enabled: true
    messages_tab_read_only_enabled: false
  bot_user:
    display_name: "{name}"
    always_online: true
  slash_commands:
    - command: {command}{commands}
      description: Ask about the cluster, list incidents, propose an action
      usage_hint: "ask | investigate | incidents | status | silence | runbook | do | help"
      should_escape: false
  shortcuts:
    - name: Investigate this message
      type: message
      callback_id: {INVESTIGATE_MESSAGE}
      description: Have it looked at what this message says
oauth_config:
  scopes:
    bot:{scopes}
settings:
  event_subscriptions:{events}
    bot_events:
      - app_mention
      - message.channels
      - message.groups
      - message.im
  interactivity:
    is_enabled: true{interactions}
  org_deploy_enabled: false
  socket_mode_enabled: {socket}
  token_rotation_enabled: false
"#,
        commands = at("commands", 6),
        events = at("events", 4),
        interactions = at("interactions", 4),
        socket = url.is_none(),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn read(name: &str, command: &str, url: Option<&str>) -> anyhow::Result<Value> {
        let arguments = ManifestArgs { name: name.into(), command: command.into(), url: url.map(str::to_owned) };
        Ok(serde_saphyr::from_str(&manifest(&arguments)?)?)
    }

    #[test]
    fn the_manifest_is_what_slack_reads() {
        let socket = read("Holmes \"2\"", "/holmes", None).unwrap();
        assert_eq!(socket["display_information"]["name"], "Holmes \"2\"");
        assert_eq!(socket["settings"]["socket_mode_enabled"], true);
        assert_eq!(socket["oauth_config"]["scopes"]["bot"].as_array().unwrap().len(), SCOPES.len());
        assert!(socket["settings"]["event_subscriptions"].get("request_url").is_none());
        let http = read("Holmes", "/holmes", Some("https://holmes.example.com/")).unwrap();
        assert_eq!(http["settings"]["socket_mode_enabled"], false);
        assert_eq!(http["features"]["slash_commands"][0]["url"], "https://holmes.example.com/slack/commands");
        assert_eq!(http["settings"]["interactivity"]["request_url"], "https://holmes.example.com/slack/interactions");
        assert_eq!(http["settings"]["event_subscriptions"]["request_url"], "https://holmes.example.com/slack/events");
        // The typed manifest of the client knows every field of it.
        let typed: slack_morphism::SlackAppManifest = serde_json::from_value(http).unwrap();
        assert_eq!(typed.features.unwrap().shortcuts.unwrap()[0].callback_id.0, INVESTIGATE_MESSAGE);
        assert!(read(&"x".repeat(36), "/holmes", None).is_err() && read("x", "holmes", None).is_err());
        assert!(read("x", "/holmes", Some("http://holmes.example.com")).is_err());
    }

    #[test]
    fn one_address_makes_the_app() {
        let arguments = ManifestArgs { name: "Holmes".into(), command: "/holmes".into(), url: None };
        let mut out = Vec::new();
        run(&SlackArgs { command: SlackCommand::Manifest(arguments) }, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        let link = out.lines().last().unwrap().trim_start_matches("# ");
        let link = Url::parse(link).unwrap();
        let yaml = link.query_pairs().find(|(name, _)| name == "manifest_yaml").unwrap().1.into_owned();
        assert!(out.starts_with(&yaml) && !link.as_str().contains('+'));
    }
}
