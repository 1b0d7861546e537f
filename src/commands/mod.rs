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
