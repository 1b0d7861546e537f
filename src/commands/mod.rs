//! The command line: one file a command.

pub mod ask;
pub mod audit;
pub mod bot;
pub mod check;
pub mod demo;
pub mod knowledge;
pub mod mattermost;
pub mod patterns;
pub mod policy;
pub mod runbooks;
pub mod serve;
pub mod slack;
pub mod store;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Investigates Alertmanager alerts in your cluster and explains them in a thread.
#[derive(Debug, Parser)]
#[command(name = "holmes-bot", version, propagate_version = true)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the bot with the neighbours that the environment names (see .env.example).
    Serve,
    /// Run the bot on a recorded cluster whose incidents unfold now; needs nothing else.
    Demo(demo::Arguments),
    /// Ask the bot something about the cluster, or about an incident.
    Ask(ask::Arguments),
    /// Ask every configured neighbour for a sign of life and say what is missing.
    Check,
    /// List, show, check and search runbooks.
    Runbooks(runbooks::RunbooksArgs),
    /// Search, list, add to and share what is written: runbooks, past incidents, notes.
    Knowledge(knowledge::Arguments),
    /// Set Mattermost up for the bot.
    Mattermost(mattermost::Arguments),
    /// Check the policy, and explain who may let what happen.
    Policy(policy::PolicyArgs),
    /// Show, verify and export the audit.
    Audit(audit::AuditArgs),
    /// Carry incidents, knowledge and audit from one store to another.
    Store(store::StoreArgs),
    /// Set Slack up: the app's manifest.
    Slack(slack::SlackArgs),
    /// Group the lines of a log file into patterns.
    Patterns(patterns::Args),
}

/// Runs a command with these environment variables, to its end.
///
/// Not async, so that everything asynchronous becomes machine code in this library, once: a future is compiled where it is
/// first polled, and what only a binary or a test polled would be compiled there again.
///
/// # Errors
/// What kept the command from doing its work, for the person who typed it.
pub fn run(command: Command, variables: &BTreeMap<String, String>) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve => on_threads(serve::run(variables)),
        Command::Demo(arguments) => on_threads(demo::run(arguments, variables)),
        Command::Ask(arguments) => on_threads(ask::run(arguments, variables)),
        Command::Check => on_threads(check::run(variables)),
        Command::Runbooks(arguments) => runbooks(&arguments),
        Command::Knowledge(arguments) => on_threads(knowledge::run(arguments, variables)),
        Command::Mattermost(arguments) => on_threads(mattermost::run(arguments, variables)),
        Command::Policy(arguments) => policy::run(&arguments, variables, &mut std::io::stdout().lock()),
        Command::Audit(arguments) => on_threads(audit::run(&arguments, variables, &mut std::io::stdout().lock())),
        Command::Store(arguments) => on_threads(store::run(&arguments, variables)),
        Command::Slack(arguments) => slack::run(&arguments, &mut std::io::stdout().lock()).map(|()| ExitCode::SUCCESS),
        Command::Patterns(arguments) => patterns::run(&arguments).map(|()| ExitCode::SUCCESS),
    }
}

fn runbooks(arguments: &runbooks::RunbooksArgs) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let outcome = runbooks::run(arguments, &mut out)?;
    out.flush()?;
    Ok(match outcome {
        runbooks::Outcome::Fine => ExitCode::SUCCESS,
        runbooks::Outcome::Faulty => ExitCode::FAILURE,
    })
}

fn on_threads(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
