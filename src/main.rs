//! Parses the command line, loads the configuration, runs, and answers with an exit code.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use holmes_bot::commands::runbooks::{Outcome, RunbooksArgs};
use holmes_bot::commands::{self, Command, CommandLine};

fn main() -> ExitCode {
    // One crypto provider for every TLS connection; installing it twice is the only way this fails.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let CommandLine { command } = CommandLine::parse();
    let variables: BTreeMap<String, String> = std::env::vars().collect();
    match run(command, &variables) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("holmes-bot: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command, variables: &BTreeMap<String, String>) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve => on_threads(commands::serve::run(variables)),
        Command::Demo(arguments) => on_threads(commands::demo::run(arguments, variables)),
        Command::Ask(arguments) => on_threads(commands::ask::run(arguments, variables)),
        Command::Check => on_threads(commands::check::run(variables)),
        Command::Runbooks(arguments) => runbooks(&arguments),
        Command::Knowledge(arguments) => on_threads(commands::knowledge::run(arguments, variables)),
        Command::Mattermost(arguments) => on_threads(commands::mattermost::run(arguments, variables)),
        Command::Policy(arguments) => commands::policy::run(&arguments, variables, &mut std::io::stdout().lock()),
        Command::Audit(arguments) => {
            on_threads(commands::audit::run(&arguments, variables, &mut std::io::stdout().lock()))
        }
        Command::Store(arguments) => on_threads(commands::store::run(&arguments, variables)),
        Command::Slack(arguments) => {
            commands::slack::run(&arguments, &mut std::io::stdout().lock()).map(|()| ExitCode::SUCCESS)
        }
        Command::Patterns(arguments) => commands::patterns::run(&arguments).map(|()| ExitCode::SUCCESS),
    }
}

fn runbooks(arguments: &RunbooksArgs) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let outcome = commands::runbooks::run(arguments, &mut out)?;
    out.flush()?;
    Ok(match outcome {
        Outcome::Fine => ExitCode::SUCCESS,
        Outcome::Faulty => ExitCode::FAILURE,
    })
}

fn on_threads(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
