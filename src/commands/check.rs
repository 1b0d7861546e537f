//! `holmes-bot check`: asks every configured neighbour for a sign of life.

use std::collections::BTreeMap;
use std::process::ExitCode;

use futures::future::OptionFuture;

use crate::adapters::actuator::Actuator;
use crate::adapters::check::CheckLine;
use crate::adapters::cluster::Cluster;
use crate::adapters::embeddings::Embeddings;
use crate::adapters::metrics::Metrics;
use crate::adapters::openwebui::OpenWebui;
use crate::app;
use crate::config::{Config, MattermostConfig, StoreConfig};
use crate::domain::runbook::Severity;
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
    let now = chrono::Utc::now();
    let mattermost = mattermost.as_ref().zip(config.mattermost.as_ref());
    let slack = slack.as_ref().zip(config.slack.as_ref());
    let groups = [
        ("store", "HOLMES_STORE_URL", Some(store(&config).await)),
        ("policy", "HOLMES_POLICY_FILE", config.policy_file.as_deref().map(|file| vec![policy(file)])),
        ("runbooks", "HOLMES_RUNBOOKS_DIR", Some(runbooks(&config))),
        ("templates", "HOLMES_TEMPLATES_DIR", Some(vec![templates(&config)])),
        ("metrics", "METRICS_URL", asked(sources.metrics.as_ref().map(Metrics::check)).await),
        ("logs", "LOGS_URL", asked(sources.logs.as_ref().map(|logs| logs.check(now))).await),
        ("kubernetes", "KUBECONFIG", asked(sources.cluster.as_ref().map(Cluster::check)).await),
        ("model", "LLM_BASE_URL", asked(model.as_ref().map(|model| model.client.check())).await),
        ("embeddings", "EMBEDDINGS_BASE_URL", asked(embeddings.as_ref().map(Embeddings::check)).await),
        ("open webui", "OPENWEBUI_URL", asked(open_webui.as_ref().map(OpenWebui::check)).await),
        (
            "mattermost",
            "MATTERMOST_URL",
            match mattermost {
                Some((client, MattermostConfig { routes, command_tokens, .. })) => {
                    Some(client.check(&routes.channels(), command_tokens.len()).await)
                }
                None => None,
            },
        ),
        ("actuator", "HOLMES_ACTUATOR_KUBECONFIG", asked(actuator.as_ref().map(Actuator::check)).await),
        (
            "slack",
            "SLACK_BOT_TOKEN",
            asked(slack.map(|(slack, config)| {
                slack.check(&config.routes, config.app_token.as_ref().map(|token| (config.api_url.as_str(), token)))
            }))
            .await,
        ),
        (
            "traces",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            asked(config.traces.as_ref().map(telemetry::check)).await.map(|line| vec![line]),
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

/// What one that is configured says.
async fn asked<T>(check: Option<impl Future<Output = T>>) -> Option<T> {
    OptionFuture::from(check).await
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

/// What of the operator's runbooks cannot be used, or how many there are in all.
fn runbooks(config: &Config) -> Vec<CheckLine> {
    let mend = "holmes-bot runbooks lint says more";
    match app::runbooks(config) {
        Err(error) => vec![CheckLine::bad("library", format!("{error:#}"), mend)],
        Ok((library, problems)) => {
            let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
            let mut lines: Vec<CheckLine> =
                errors.map(|problem| CheckLine::bad("file", problem.to_string(), mend)).collect();
            lines.push(CheckLine::good("library", format!("{} runbook(s)", library.all().len())));
            lines
        }
    }
}

/// Whether the operator's templates, laid over ours, are templates.
fn templates(config: &Config) -> CheckLine {
    match app::renderer(config) {
        Ok(_) => CheckLine::good("templates", config.language.endonym().to_owned()),
        Err(error) => CheckLine::bad("templates", format!("{error:#}"), "mend the file in HOLMES_TEMPLATES_DIR"),
    }
}
