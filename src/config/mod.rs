//! Configuration: one struct per neighbour, and the only reader of the environment.
//!
//! Every problem is reported at once, each with the variable's name and how to mend it, before a port is bound.

mod actuator;
mod console;
mod llm;
mod mattermost;
mod neighbours;
mod problem;
mod reader;
mod secret;
mod slack;
mod store;
#[cfg(test)]
mod tests;
mod traces;
mod variables;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use self::reader::Reader;
use crate::domain::policy::Person;
use crate::render::Language;
use crate::web::console::visitor::{Resident, Sso};

pub use actuator::ActuatorConfig;
pub use llm::LlmConfig;
pub use mattermost::{MattermostConfig, MattermostSetup};
pub use neighbours::{Credentials, EmbeddingsConfig, HttpNeighbour, KubernetesConfig, LogsConfig, OpenWebuiConfig};
pub use problem::{Problem, Problems};
pub use secret::is_secret;
pub use slack::SlackConfig;
pub use store::StoreConfig;
pub use traces::TracesConfig;
pub use variables::VARIABLES;

/// How to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// The whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Where people reach the console, for links; by default the listener.
    pub public_url: String,
    /// Where the embedded store lives.
    pub data_dir: PathBuf,
    /// Where state is kept.
    pub store: StoreConfig,
    /// Bearer token (or basic password) of the webhook; `None` only on loopback.
    pub webhook_token: Option<SecretString>,
    /// Bearer token of API and console; `None` only on loopback.
    pub api_token: Option<SecretString>,
    /// People whom the console knows by tokens of their own.
    pub residents: Vec<Resident>,
    /// A proxy that signs people in to the console.
    pub sso: Option<Sso>,
    /// Who somebody in the console is that nobody asked: the demo's approver. No variable sets it.
    pub console_guest: Option<Person>,
    /// Language of what people read.
    pub language: Language,
    /// What the `cluster` label of alerts about the bot's own cluster says; `None`: every alert is about it.
    pub cluster: Option<String>,
    /// Overrides and additions to the embedded runbooks.
    pub runbooks_dir: Option<PathBuf>,
    /// Overrides of the embedded templates.
    pub templates_dir: Option<PathBuf>,
    /// Who may approve what; `None`: nobody may approve anything.
    pub policy_file: Option<PathBuf>,
    /// How long neighbours may take to answer in one investigation.
    pub investigation_deadline: Duration,
    /// Investigations that run at once.
    pub investigations: usize,
    /// An alert that fires again within this time re-opens its incident.
    pub reopen_within: Duration,
    /// How long resolved incidents are kept.
    pub retention: Duration,
    /// Largest webhook body.
    pub webhook_max_bytes: usize,
    /// Filter of our own log, in `tracing`'s syntax.
    pub log_filter: String,
    /// Format of our own log.
    pub log_format: LogFormat,
    /// Where traces go; `None`: nowhere.
    pub traces: Option<TracesConfig>,
    /// VictoriaMetrics or Prometheus.
    pub metrics: Option<HttpNeighbour>,
    /// VictoriaLogs.
    pub logs: Option<LogsConfig>,
    /// The language model.
    pub llm: Option<LlmConfig>,
    /// Vectors, for searching knowledge by meaning.
    pub embeddings: Option<EmbeddingsConfig>,
    /// Knowledge that people keep elsewhere.
    pub open_webui: Option<OpenWebuiConfig>,
    /// Mattermost.
    pub mattermost: Option<MattermostConfig>,
    /// The cluster.
    pub kubernetes: Option<KubernetesConfig>,
    /// Who may change the cluster; without it the bot only proposes.
    pub actuator: Option<ActuatorConfig>,
    /// Alertmanager, for links and silences.
    pub alertmanager_url: Option<String>,
    /// Grafana, for links.
    pub grafana_url: Option<String>,
    /// Slack, where incidents are shown.
    pub slack: Option<SlackConfig>,
}

impl Config {
    /// Reads the environment given as `variables`.
    ///
    /// # Errors
    /// [`Problems`] lists everything that is wrong.
    pub fn from_variables(variables: &BTreeMap<String, String>) -> Result<Self, Problems> {
        let mut reader = Reader { variables, problems: Vec::new() };
        let config = reader.config();
        if reader.problems.is_empty() { Ok(config) } else { Err(Problems(reader.problems)) }
    }

    /// Variables that look like ours and are not: most likely a typing error.
    pub fn unknown(variables: &BTreeMap<String, String>) -> Vec<&str> {
        let ours = |name: &&str| {
            ["HOLMES_", "METRICS_", "LOGS_", "LLM_", "EMBEDDINGS_", "OPENWEBUI_", "SLACK_", "MATTERMOST_"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        };
        variables.keys().map(String::as_str).filter(ours).filter(|name| !VARIABLES.contains(name)).collect()
    }
}

impl Reader<'_> {
    fn config(&mut self) -> Config {
        let listen = self.listen();
        let webhook_token = self.secret("HOLMES_WEBHOOK_TOKEN");
        let api_token = self.secret("HOLMES_API_TOKEN");
        if !listen.ip().is_loopback() {
            for (name, token) in [("HOLMES_WEBHOOK_TOKEN", &webhook_token), ("HOLMES_API_TOKEN", &api_token)] {
                if token.is_none() {
                    self.wrong(name, format!("must be set because HOLMES_LISTEN={listen} is not a loopback address"));
                }
            }
        }
        Config {
            listen,
            public_url: self.url("HOLMES_PUBLIC_URL").unwrap_or_else(|| format!("http://{listen}")),
            data_dir: self.get("HOLMES_DATA_DIR").map_or_else(|| PathBuf::from("data"), PathBuf::from),
            store: self.store(),
            webhook_token,
            api_token,
            residents: self.residents(),
            sso: self.sso(),
            console_guest: None,
            language: self.language(),
            cluster: self.get("HOLMES_CLUSTER"),
            runbooks_dir: self.directory("HOLMES_RUNBOOKS_DIR"),
            templates_dir: self.directory("HOLMES_TEMPLATES_DIR"),
            policy_file: self.file("HOLMES_POLICY_FILE"),
            investigation_deadline: self.duration("HOLMES_INVESTIGATION_DEADLINE", Duration::from_secs(10)),
            investigations: self.number("HOLMES_INVESTIGATIONS", 4, 1..=64),
            reopen_within: self.duration("HOLMES_REOPEN_WITHIN", Duration::from_secs(30 * 60)),
            retention: self.duration("HOLMES_RETENTION", Duration::from_secs(30 * 24 * 3600)),
            webhook_max_bytes: self.number("HOLMES_WEBHOOK_MAX_BYTES", 16 << 20, 64 << 10..=256 << 20),
            log_filter: self.get("HOLMES_LOG").unwrap_or_else(|| "info".into()),
            log_format: self.log_format(),
            traces: self.traces(),
            metrics: self.neighbour("METRICS"),
            logs: self.logs(),
            llm: self.llm(),
            embeddings: self.embeddings(),
            open_webui: self.open_webui(),
            mattermost: self.mattermost(listen),
            kubernetes: self.kubernetes(),
            actuator: self.actuator(),
            alertmanager_url: self.url("ALERTMANAGER_URL"),
            grafana_url: self.url("GRAFANA_URL"),
            slack: self.slack(),
        }
    }

    fn listen(&mut self) -> SocketAddr {
        let default = SocketAddr::from(([127, 0, 0, 1], 8080));
        let Some(text) = self.get("HOLMES_LISTEN") else { return default };
        text.parse().unwrap_or_else(|_| {
            self.wrong("HOLMES_LISTEN", format!("`{text}` is not an address and port like 127.0.0.1:8080"));
            default
        })
    }

    fn language(&mut self) -> Language {
        match self.get("HOLMES_LANGUAGE").as_deref() {
            None | Some("en") => Language::English,
            Some("ru") => Language::Russian,
            Some(other) => {
                self.wrong("HOLMES_LANGUAGE", format!("`{other}` is not one of en, ru"));
                Language::English
            }
        }
    }

    fn log_format(&mut self) -> LogFormat {
        match self.get("HOLMES_LOG_FORMAT").as_deref() {
            None | Some("text") => LogFormat::Text,
            Some("json") => LogFormat::Json,
            Some(other) => {
                self.wrong("HOLMES_LOG_FORMAT", format!("`{other}` is not one of text, json"));
                LogFormat::Text
            }
        }
    }
}
