//! `holmes-bot check`: asks every configured neighbour for a sign of life.

use std::collections::BTreeMap;
use std::process::ExitCode;

use crate::adapters::check::CheckLine;
use crate::app;
use crate::config::{Config, MattermostConfig, StoreConfig};
use crate::telemetry;

/// Prints a table; the exit code is 1 when a configured neighbour fails.
///
/// # Errors
/// When the configuration is wrong or a client cannot be made of it.
pub async fn run(variables: &BTreeMap<String, String>) -> anyhow::Result<ExitCode> {
    let config = Config::from_variables(variables)?;
    let sources = app::sources(&config).await?;
    let (embeddings, open_webui) = (app::embeddings(&config)?, app::open_webui(&config)?);
    let model = app::model(&config)?;
    let actuator = app::actuator(&config).await?;
    let slack = app::slack(&config)?;
    let mattermost = app::mattermost_for_check(&config)?;
    let mut failed = false;
    let groups = [
        ("store", "HOLMES_STORE_URL", Some(store(&config).await)),
        ("policy", "HOLMES_POLICY_FILE", config.policy_file.as_deref().map(|file| vec![policy(file)])),
        (
            "metrics",
            "METRICS_URL",
            match &sources.metrics {
                Some(metrics) => Some(metrics.check().await),
                None => None,
            },
        ),
        (
            "logs",
            "LOGS_URL",
            match &sources.logs {
                Some(logs) => Some(logs.check(chrono::Utc::now()).await),
                None => None,
            },
        ),
        (
            "kubernetes",
            "KUBECONFIG",
            match &sources.cluster {
                Some(cluster) => Some(cluster.check().await),
                None => None,
            },
        ),
        (
            "model",
            "LLM_BASE_URL",
            match &model {
                Some(model) => Some(model.client.check().await),
                None => None,
            },
        ),
        (
            "embeddings",
            "EMBEDDINGS_BASE_URL",
            match &embeddings {
                Some(embeddings) => Some(embeddings.check().await),
                None => None,
            },
        ),
        (
            "open webui",
            "OPENWEBUI_URL",
            match &open_webui {
                Some(open_webui) => Some(open_webui.check().await),
                None => None,
            },
        ),
        (
            "mattermost",
            "MATTERMOST_URL",
            match (&mattermost, &config.mattermost) {
                (Some(client), Some(MattermostConfig { routes, command_tokens, .. })) => {
                    Some(client.check(&routes.channels(), command_tokens.len()).await)
                }
                _ => None,
            },
        ),
        (
            "actuator",
            "HOLMES_ACTUATOR_KUBECONFIG",
            match &actuator {
                Some(actuator) => Some(actuator.check().await),
                None => None,
            },
        ),
        (
            "slack",
            "SLACK_BOT_TOKEN",
            match (&slack, &config.slack) {
                (Some(slack), Some(config)) => {
                    let app_token = config.app_token.as_ref().map(|token| (config.api_url.as_str(), token));
                    Some(slack.check(&config.routes, app_token).await)
                }
                _ => None,
            },
        ),
        (
            "traces",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            match &config.traces {
                Some(traces) => Some(vec![telemetry::check(traces).await]),
                None => None,
            },
        ),
    ];
    for (name, variable, lines) in groups {
        let Some(lines) = lines else {
            println!("{name:<12} -     not configured: set {variable}");
            continue;
        };
        for CheckLine { what, ok, detail, mend } in lines {
            failed |= !ok;
            println!("{name:<12} {:<5} {what}: {detail}", if ok { "ok" } else { "FAIL" });
            if !ok {
                println!("{:<18} mend: {mend}", "");
            }
        }
    }
    for name in Config::unknown(variables) {
        println!("{:<12} warn  {name} is set but not known: a typing error?", "environment");
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What can be said about the store. A file is not opened: it belongs to the bot that may be running.
async fn store(config: &Config) -> Vec<CheckLine> {
    match (&config.store, app::redis(config).await) {
        (_, Ok(Some(redis))) => redis.check().await,
        (StoreConfig::Redis { .. }, Err(error)) => {
            vec![CheckLine::bad("redis", format!("{error:#}"), "see docs/redis.md")]
        }
        (StoreConfig::Redis { .. } | StoreConfig::Embedded, _) => {
            vec![CheckLine::good("file", format!("embedded in {}; for one replica", config.data_dir.display()))]
        }
    }
}

/// Whether the policy can be used, and how many rules it has.
fn policy(file: &std::path::Path) -> CheckLine {
    match app::policy(Some(file)) {
        Ok(policy) => CheckLine::good("rules", format!("{} rule(s)", policy.rules.len())),
        Err(error) => CheckLine::bad("rules", format!("{error:#}"), "holmes-bot policy check says which lines to mend"),
    }
}
