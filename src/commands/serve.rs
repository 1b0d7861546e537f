//! `holmes-bot serve`: the bot with real neighbours.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::app::App;
use crate::config::Config;
use crate::telemetry;

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// When the configuration is wrong, the bot cannot start, or a part of it died.
pub async fn run(variables: &BTreeMap<String, String>) -> anyhow::Result<ExitCode> {
    let config = Config::from_variables(variables)?;
    let telemetry = telemetry::start(&config)?;
    for name in Config::unknown(variables) {
        tracing::warn!("{name} is set but not known: a typing error?");
    }
    let missing = [
        ("METRICS_URL", config.metrics.is_none()),
        ("LOGS_URL", config.logs.is_none()),
        ("KUBECONFIG", config.kubernetes.is_none()),
    ];
    for (name, _) in missing.iter().filter(|(_, missing)| *missing) {
        tracing::info!("{name} is not set: that neighbour will not be asked");
    }
    let public_url = config.public_url.clone();
    let app = App::start(config).await?;
    tracing::info!(address = %app.address, "listening on {}; console: {public_url}/", app.address);
    let ended = app.run_until(terminated()?).await;
    telemetry.end().await;
    ended.map(|()| ExitCode::SUCCESS)
}

/// Resolves when the process is asked to end.
///
/// # Errors
/// When the signals cannot be listened to.
pub fn terminated() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("listen to SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listen to SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
            _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
        }
    })
}
