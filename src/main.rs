//! Parses the command line, runs the command, and answers with an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use holmes_bot::commands::{self, CommandLine};

fn main() -> ExitCode {
    // One crypto provider for every TLS connection; installing it twice is the only way this fails.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let CommandLine { command } = CommandLine::parse();
    // A variable that is no UTF-8 is none of ours.
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    match commands::run(command, &variables.collect()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("holmes-bot: {error:#}");
            ExitCode::FAILURE
        }
    }
}
