//! `holmes-bot mattermost setup`: what an administrator of Mattermost does once.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use secrecy::SecretString;

use crate::adapters::check::CheckLine;
use crate::adapters::http::{Auth, ClientSettings, EndpointSettings};
use crate::adapters::mattermost::setup::{self, Plan};
use crate::config::MattermostSetup;

/// Longest token that is read.
const MAX_TOKEN_BYTES: u64 = 4 * 1024;

/// The arguments of `holmes-bot mattermost`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the bot account, add it to its channels and register /holmes. Can be run again at any time: what is there
    /// already stays.
    Setup(SetupArgs),
}

#[derive(Debug, Args)]
struct SetupArgs {
    /// File with a personal access token of a system administrator; `-` reads it from standard input. It is used now and
    /// kept nowhere.
    #[arg(long, value_name = "FILE", default_value = "-")]
    admin_token_file: PathBuf,
    /// The server; by default MATTERMOST_URL.
    #[arg(long)]
    url: Option<String>,
    /// A channel as team/channel or by its id; may be repeated; by default MATTERMOST_CHANNEL.
    #[arg(long = "channel", value_name = "TEAM/CHANNEL")]
    channels: Vec<String>,
    /// Where Mattermost reaches the bot; by default MATTERMOST_CALLBACK_URL or HOLMES_PUBLIC_URL.
    #[arg(long)]
    callback_url: Option<String>,
    /// The bot's user name.
    #[arg(long, default_value = "holmes")]
    username: String,
    /// What people see as its name.
    #[arg(long, default_value = "Holmes")]
    display_name: String,
}

/// Runs the command; the exit code is 1 when a setting of the server is missing.
///
/// # Errors
/// When something is not given, or the server refuses.
pub async fn run(arguments: Arguments, variables: &BTreeMap<String, String>) -> anyhow::Result<ExitCode> {
    let Command::Setup(arguments) = arguments.command;
    let plan = plan(arguments, variables)?;
    let done = setup::run(plan).await?;
    let mut out = std::io::stdout().lock();
    let mut missing = false;
    for CheckLine { what, ok, detail, mend } in &done.lines {
        missing |= !ok;
        writeln!(out, "{:<5} {what}: {detail}", if *ok { "ok" } else { "TODO" })?;
        if !ok {
            writeln!(out, "      set: {mend}")?;
        }
    }
    let environment = done.environment();
    if !environment.is_empty() {
        writeln!(out, "\nFor the bot's environment (the tokens are secrets):\n\n{environment}")?;
    }
    Ok(if missing { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn plan(arguments: SetupArgs, variables: &BTreeMap<String, String>) -> anyhow::Result<Plan> {
    let SetupArgs { admin_token_file, url, mut channels, callback_url, username, display_name } = arguments;
    let known = MattermostSetup::from_variables(variables);
    let url = url.or(known.url).context("which server? give --url or MATTERMOST_URL")?;
    let callback_url = callback_url
        .or(known.callback_url)
        .context("where does Mattermost reach the bot? give --callback-url or MATTERMOST_CALLBACK_URL")?;
    if channels.is_empty() {
        channels.extend(known.channel);
    }
    if channels.is_empty() {
        bail!("which channel? give --channel team/channel or MATTERMOST_CHANNEL");
    }
    let ca_file = known.ca_file.map(|file| std::fs::read(&file).with_context(|| format!("read {}", file.display())));
    let client = ClientSettings { extra_ca: ca_file.transpose()?, ..ClientSettings::default() };
    let auth = Auth::Bearer(admin_token(&admin_token_file)?);
    let endpoint = EndpointSettings { url, auth, headers: Vec::new(), client };
    Ok(Plan { endpoint, username, display_name, channels, callback_url, token: known.token })
}

fn admin_token(file: &std::path::Path) -> anyhow::Result<SecretString> {
    let mut text = String::new();
    if file.as_os_str() == "-" {
        eprintln!("token of a system administrator (read from standard input):");
        let line = std::io::stdin().lock().take(MAX_TOKEN_BYTES);
        std::io::BufRead::read_line(&mut std::io::BufReader::new(line), &mut text).context("read the token")?;
    } else {
        let open = std::fs::File::open(file).with_context(|| format!("open {}", file.display()))?;
        open.take(MAX_TOKEN_BYTES).read_to_string(&mut text).with_context(|| format!("read {}", file.display()))?;
    }
    let token = text.trim();
    if token.is_empty() {
        bail!("there is no token in it");
    }
    Ok(SecretString::from(token.to_owned()))
}
