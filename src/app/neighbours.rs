//! A client for each neighbour that is configured.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::adapters::actuator::{Actuator, ActuatorConnection};
use crate::adapters::alertmanager::Silences;
use crate::adapters::cluster::{Cluster, Connection, ConnectionSource};
use crate::adapters::embeddings::Embeddings;
use crate::adapters::http::{Auth, ClientSettings, EndpointSettings};
use crate::adapters::knowledge::{Base, Knowledge, KnowledgeSettings, Library};
use crate::adapters::links::Grafana;
use crate::adapters::logs::{Logs, LogsSettings};
use crate::adapters::metrics::{Metrics, MetricsSettings};
use crate::adapters::model::{Model, ModelSettings};
use crate::adapters::openwebui::{OpenWebui, OpenWebuiSettings};
use crate::config::{
    ActuatorConfig, Config, Credentials, EmbeddingsConfig, HttpNeighbour, KubernetesConfig, LlmConfig, LogsConfig,
    OpenWebuiConfig,
};
use crate::domain::runbook::LintProblem;
use crate::flow::{ModelUse, Sources};
use crate::ports::Store;

/// Longest small exchange with the model server; turns have a limit of their own.
const MODEL_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest exchange with an embeddings server: a batch on a CPU.
const EMBEDDINGS_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest exchange with Open WebUI: adding a file embeds it. Searches have a shorter limit of their own.
const OPEN_WEBUI_TIMEOUT: Duration = Duration::from_secs(60);

/// The clients for all configured neighbours.
///
/// # Errors
/// When a client's configuration is wrong (a CA file that is none, a kubeconfig that cannot be read).
pub async fn sources(config: &Config) -> anyhow::Result<Sources> {
    let (runbooks, problems) = runbooks(config)?;
    for problem in problems {
        tracing::warn!("runbook {problem}");
    }
    let cluster = match &config.kubernetes {
        Some(kubernetes) => Some(cluster(kubernetes, config.investigation_deadline).await?),
        None => None,
    };
    Ok(Sources {
        metrics: config.metrics.as_ref().map(|metrics| self::metrics(metrics, config)).transpose()?,
        logs: config.logs.as_ref().map(|logs| self::logs(logs, config)).transpose()?,
        cluster,
        cluster_name: config.cluster.clone(),
        runbooks: Arc::new(runbooks),
    })
}

/// The runbooks in force, and what is wrong with the operator's.
///
/// # Errors
/// When they cannot be indexed.
pub fn runbooks(config: &Config) -> anyhow::Result<(Library, Vec<LintProblem>)> {
    Library::load(Base::Embedded, config.runbooks_dir.as_deref())
}

/// The language model, if one is configured.
///
/// # Errors
/// When its client's configuration is wrong.
pub fn model(config: &Config) -> anyhow::Result<Option<ModelUse>> {
    let Some(llm) = &config.llm else { return Ok(None) };
    let LlmConfig { http, model, context_tokens, concurrency, turn_deadline, answer_goal, .. } = llm;
    let client = Model::new(ModelSettings {
        endpoint: endpoint(http, MODEL_TIMEOUT)?,
        model: model.clone(),
        context_tokens: *context_tokens,
        concurrency: *concurrency,
        turn_timeout: *turn_deadline,
        goal: *answer_goal,
    });
    Ok(Some(ModelUse {
        client: client.context("configure the model client (LLM_BASE_URL)")?,
        explain_turns: llm.explain_turns,
        question_turns: llm.question_turns,
        answer_tokens: llm.answer_tokens,
        goal: llm.answer_goal,
        explain_deadline: llm.explain_deadline,
        question_deadline: llm.question_deadline,
    }))
}

/// What is written: runbooks, and what the store and Open WebUI hold.
///
/// # Errors
/// When a client's configuration is wrong, or the store does not answer.
pub async fn knowledge(config: &Config, store: Arc<dyn Store>, library: Arc<Library>) -> anyhow::Result<Knowledge> {
    Knowledge::load(KnowledgeSettings {
        store,
        library,
        embeddings: embeddings(config)?,
        open_webui: open_webui(config)?,
        public_url: config.public_url.clone(),
    })
    .await
}

/// The client of the embeddings server, if one is configured.
///
/// # Errors
/// When its configuration is wrong.
pub fn embeddings(config: &Config) -> anyhow::Result<Option<Embeddings>> {
    let Some(EmbeddingsConfig { http, model }) = &config.embeddings else { return Ok(None) };
    let made = Embeddings::new(endpoint(http, EMBEDDINGS_TIMEOUT)?, model.clone());
    made.context("configure the embeddings client (EMBEDDINGS_BASE_URL)").map(Some)
}

/// The client of Open WebUI, if it is configured.
///
/// # Errors
/// When its configuration is wrong.
pub fn open_webui(config: &Config) -> anyhow::Result<Option<OpenWebui>> {
    let Some(OpenWebuiConfig { http, collections }) = &config.open_webui else { return Ok(None) };
    let settings = OpenWebuiSettings { endpoint: endpoint(http, OPEN_WEBUI_TIMEOUT)?, names: collections.clone() };
    OpenWebui::new(settings).context("configure the Open WebUI client (OPENWEBUI_URL)").map(Some)
}

fn metrics(neighbour: &HttpNeighbour, config: &Config) -> anyhow::Result<Metrics> {
    let grafana = grafana(config, "prometheus");
    let settings =
        MetricsSettings { endpoint: endpoint(neighbour, config.investigation_deadline)?, public_url: None, grafana };
    Metrics::new(settings).context("configure the metrics client (METRICS_URL)")
}

fn logs(logs: &LogsConfig, config: &Config) -> anyhow::Result<Logs> {
    let LogsConfig { http, account_id, project_id, fields } = logs;
    let settings = LogsSettings {
        endpoint: endpoint(http, config.investigation_deadline)?,
        tenant: (account_id.is_some() || project_id.is_some())
            .then(|| (account_id.unwrap_or_default(), project_id.unwrap_or_default())),
        fields: fields.clone(),
        public_url: None,
        grafana: grafana(config, "victoriametrics-logs-datasource"),
    };
    Logs::new(settings).context("configure the logs client (LOGS_URL)")
}

fn grafana(config: &Config, plugin: &str) -> Option<Grafana> {
    let url = config.grafana_url.as_ref()?.parse().ok()?;
    Some(Grafana { url, datasource: None, plugin: plugin.to_owned() })
}

pub(super) fn endpoint(neighbour: &HttpNeighbour, timeout: Duration) -> anyhow::Result<EndpointSettings> {
    let HttpNeighbour { url, credentials, ca_file } = neighbour;
    let auth = match credentials {
        Credentials::None => Auth::None,
        Credentials::Bearer(token) => Auth::Bearer(token.clone()),
        Credentials::Basic { username, password } => Auth::Basic { user: username.clone(), password: password.clone() },
    };
    let extra_ca = ca_file
        .as_ref()
        .map(|file| std::fs::read(file).with_context(|| format!("read {}", file.display())))
        .transpose()?;
    let client = ClientSettings { total_timeout: Some(timeout), extra_ca, ..ClientSettings::default() };
    Ok(EndpointSettings { url: url.clone(), auth, headers: Vec::new(), client })
}

/// What changes the cluster, where an account for it is configured.
///
/// # Errors
/// When its configuration is wrong.
pub async fn actuator(config: &Config) -> anyhow::Result<Option<Actuator>> {
    let Some(ActuatorConfig { source, people, timeout }) = &config.actuator else { return Ok(None) };
    let silences = config.alertmanager_url.as_ref().map(|url| {
        let client = ClientSettings { total_timeout: Some(*timeout), ..ClientSettings::default() };
        Silences::new(&EndpointSettings { url: url.clone(), client, ..EndpointSettings::default() })
    });
    let silences = silences.transpose().context("configure the Alertmanager client (ALERTMANAGER_URL)")?;
    let connection = ActuatorConnection { source: source.clone(), people: people.clone(), timeout: *timeout };
    let actuator = Actuator::connect(&connection, silences).await;
    actuator.context("configure the actuator (HOLMES_ACTUATOR_KUBECONFIG)").map(Some)
}

async fn cluster(kubernetes: &KubernetesConfig, timeout: Duration) -> anyhow::Result<Cluster> {
    let source = match kubernetes {
        KubernetesConfig::Kubeconfig(path) => ConnectionSource::Kubeconfig { path: path.clone(), context: None },
        KubernetesConfig::InCluster => ConnectionSource::InCluster,
        KubernetesConfig::Plain(url) => ConnectionSource::Url(url.clone()),
    };
    Cluster::connect(&Connection { source, timeout }).await.context("configure the Kubernetes client (KUBECONFIG)")
}
