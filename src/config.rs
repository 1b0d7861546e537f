//! Configuration: one struct per neighbour, and the only reader of the environment.
//!
//! Every problem is reported at once, each with the variable's name and how to mend it, before a port is bound.

mod actuator;
mod console;
mod llm;
mod mattermost;
mod reader;
mod slack;
mod store;
mod traces;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use self::reader::Reader;
use crate::adapters::logs::LogFields;
use crate::adapters::openwebui::CollectionNames;
use crate::domain::policy::Person;
use crate::render::Language;
use crate::web::console::visitor::{Resident, Sso};

pub use actuator::ActuatorConfig;
pub use llm::LlmConfig;
pub use mattermost::{MattermostConfig, MattermostSetup};
pub use slack::SlackConfig;
pub use store::StoreConfig;
pub use traces::TracesConfig;

/// Every variable that is read, as documented in `.env.example`.
pub const VARIABLES: &[&str] = &[
    "HOLMES_LISTEN",
    "HOLMES_PUBLIC_URL",
    "HOLMES_DATA_DIR",
    "HOLMES_STORE_URL",
    "HOLMES_STORE_CA_FILE",
    "HOLMES_REDIS_PREFIX",
    "HOLMES_REDIS_COPIES",
    "HOLMES_WEBHOOK_TOKEN",
    "HOLMES_API_TOKEN",
    "HOLMES_CONSOLE_TOKEN",
    "HOLMES_SSO_PROXIES",
    "HOLMES_SSO_USER_HEADER",
    "HOLMES_SSO_GROUPS_HEADER",
    "HOLMES_LANGUAGE",
    "HOLMES_RUNBOOKS_DIR",
    "HOLMES_TEMPLATES_DIR",
    "HOLMES_POLICY_FILE",
    "HOLMES_INVESTIGATION_DEADLINE",
    "HOLMES_INVESTIGATIONS",
    "HOLMES_REOPEN_WITHIN",
    "HOLMES_RETENTION",
    "HOLMES_WEBHOOK_MAX_BYTES",
    "HOLMES_LOG",
    "HOLMES_LOG_FORMAT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_SERVICE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES",
    "METRICS_URL",
    "METRICS_TOKEN",
    "METRICS_USERNAME",
    "METRICS_PASSWORD",
    "METRICS_CA_FILE",
    "LOGS_URL",
    "LOGS_TOKEN",
    "LOGS_USERNAME",
    "LOGS_PASSWORD",
    "LOGS_CA_FILE",
    "LOGS_ACCOUNT_ID",
    "LOGS_PROJECT_ID",
    "LOGS_FIELD_NAMESPACE",
    "LOGS_FIELD_POD",
    "LOGS_FIELD_CONTAINER",
    "ALERTMANAGER_URL",
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "SLACK_CHANNEL",
    "SLACK_ROUTES",
    "SLACK_API_URL",
    "LLM_BASE_URL",
    "LLM_API_KEY",
    "LLM_MODEL",
    "LLM_CA_FILE",
    "LLM_CONTEXT_TOKENS",
    "LLM_CONCURRENCY",
    "LLM_TURN_DEADLINE",
    "LLM_EXPLAIN_DEADLINE",
    "LLM_QUESTION_DEADLINE",
    "LLM_ANSWER_GOAL",
    "LLM_EXPLAIN_TURNS",
    "LLM_QUESTION_TURNS",
    "LLM_ANSWER_TOKENS",
    "OPENAI_API_BASE",
    "OPENAI_API_KEY",
    "EMBEDDINGS_BASE_URL",
    "EMBEDDINGS_MODEL",
    "EMBEDDINGS_API_KEY",
    "EMBEDDINGS_CA_FILE",
    "OPENWEBUI_URL",
    "OPENWEBUI_TOKEN",
    "OPENWEBUI_CA_FILE",
    "OPENWEBUI_COLLECTION_RUNBOOKS",
    "OPENWEBUI_COLLECTION_INCIDENTS",
    "OPENWEBUI_COLLECTION_NOTES",
    "MATTERMOST_URL",
    "MATTERMOST_TOKEN",
    "MATTERMOST_CA_FILE",
    "MATTERMOST_CHANNEL",
    "MATTERMOST_ROUTES",
    "MATTERMOST_COMMAND_TOKEN",
    "MATTERMOST_CALLBACK_URL",
    "MATTERMOST_ACTION_SECRET",
    "KUBECONFIG",
    "KUBERNETES_SERVICE_HOST",
    "KUBERNETES_SERVICE_PORT",
    "HOLMES_ACTUATOR_KUBECONFIG",
    "HOLMES_ACTUATOR_TOKEN_FILE",
    "HOLMES_ACTUATOR_IMPERSONATE",
    "HOLMES_ACTUATOR_TIMEOUT",
    "GRAFANA_URL",
];

/// What one variable needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct Problem {
    /// The variable's name.
    pub variable: String,
    /// What is wrong and how to mend it; never the value of a secret.
    pub problem: String,
}

/// All problems of an environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has {} problem(s):\n{}", .0.len(), .0.iter().map(|p| format!("  {p}")).collect::<Vec<_>>().join("\n"))]
pub struct Problems(pub Vec<Problem>);

/// How to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// Credentials for a neighbour.
#[derive(Debug, Clone, Default)]
pub enum Credentials {
    /// None.
    #[default]
    None,
    /// `Authorization: Bearer …`.
    Bearer(SecretString),
    /// `Authorization: Basic …`.
    Basic {
        /// User.
        username: String,
        /// Password.
        password: SecretString,
    },
}

/// An HTTP neighbour.
#[derive(Debug, Clone)]
pub struct HttpNeighbour {
    /// Base address without a trailing slash.
    pub url: String,
    /// Credentials.
    pub credentials: Credentials,
    /// PEM file of an extra certificate authority.
    pub ca_file: Option<PathBuf>,
}

/// VictoriaLogs.
#[derive(Debug, Clone)]
pub struct LogsConfig {
    /// Where.
    pub http: HttpNeighbour,
    /// Tenant, as sent in the header `AccountID`.
    pub account_id: Option<u32>,
    /// Tenant, as sent in the header `ProjectID`.
    pub project_id: Option<u32>,
    /// Field names, where they shall not be detected.
    pub fields: Option<LogFields>,
}

/// An embeddings server.
#[derive(Debug, Clone)]
pub struct EmbeddingsConfig {
    /// Where, with or without `/v1`.
    pub http: HttpNeighbour,
    /// Which model; unset: the server's first.
    pub model: Option<String>,
}

/// Open WebUI.
#[derive(Debug, Clone)]
pub struct OpenWebuiConfig {
    /// Where, with an API key.
    pub http: HttpNeighbour,
    /// What its collections are called.
    pub collections: CollectionNames,
}

/// How the Kubernetes API is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KubernetesConfig {
    /// By the file of this name.
    Kubeconfig(PathBuf),
    /// By the pod's service account.
    InCluster,
    /// At this address, without credentials: the demo.
    Plain(String),
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

    fn neighbour(&mut self, prefix: &str) -> Option<HttpNeighbour> {
        let name = |part: &str| format!("{prefix}_{part}");
        let url = self.url(&name("URL"));
        let token = self.secret(&name("TOKEN"));
        let username = self.get(&name("USERNAME"));
        let password = self.secret(&name("PASSWORD"));
        let ca_file = self.file(&name("CA_FILE"));
        let credentials = match (token, username, password) {
            (None, None, None) => Credentials::None,
            (Some(token), None, None) => Credentials::Bearer(token),
            (None, Some(username), Some(password)) => Credentials::Basic { username, password },
            (None, Some(_), None) => {
                self.wrong(&name("PASSWORD"), format!("must be set together with {}", name("USERNAME")));
                Credentials::None
            }
            (None, None, Some(_)) => {
                self.wrong(&name("USERNAME"), format!("must be set together with {}", name("PASSWORD")));
                Credentials::None
            }
            (Some(_), _, _) => {
                self.wrong(&name("TOKEN"), format!("give either a token or {} and a password", name("USERNAME")));
                Credentials::None
            }
        };
        let Some(url) = url else {
            if !matches!(credentials, Credentials::None) {
                self.wrong(&name("URL"), "must be set because its credentials are");
            }
            return None;
        };
        Some(HttpNeighbour { url, credentials, ca_file })
    }

    fn logs(&mut self) -> Option<LogsConfig> {
        let http = self.neighbour("LOGS")?;
        let tenant = |reader: &mut Self, name: &str| {
            let number = reader.number(name, 0, 0..=u32::MAX as usize);
            reader.get(name).and_then(|_| u32::try_from(number).ok())
        };
        let account_id = tenant(self, "LOGS_ACCOUNT_ID");
        let project_id = tenant(self, "LOGS_PROJECT_ID");
        Some(LogsConfig { http, account_id, project_id, fields: self.log_fields() })
    }

    /// Namespace and pod belong together: with one of them alone, lines of another pod of the same name would be found.
    fn log_fields(&mut self) -> Option<LogFields> {
        let names = ["LOGS_FIELD_NAMESPACE", "LOGS_FIELD_POD", "LOGS_FIELD_CONTAINER"];
        let [namespace, pod, container] = names.map(|name| self.get(name));
        match (namespace, pod, container) {
            (None, None, None) => None,
            (Some(namespace), Some(pod), container) => {
                Some(LogFields { namespace, pod, container, level: None, message: "_msg".into() })
            }
            (None, _, _) => {
                self.wrong(names[0], "must be set together with the other LOGS_FIELD_ variables");
                None
            }
            (_, None, _) => {
                self.wrong(names[1], "must be set together with the other LOGS_FIELD_ variables");
                None
            }
        }
    }

    fn embeddings(&mut self) -> Option<EmbeddingsConfig> {
        let names = ["EMBEDDINGS_BASE_URL", "EMBEDDINGS_API_KEY", "EMBEDDINGS_CA_FILE"];
        let model = self.get("EMBEDDINGS_MODEL");
        let http = self.keyed(names, model.is_some().then_some("EMBEDDINGS_MODEL"))?;
        Some(EmbeddingsConfig { http, model })
    }

    fn open_webui(&mut self) -> Option<OpenWebuiConfig> {
        let http = self.keyed(["OPENWEBUI_URL", "OPENWEBUI_TOKEN", "OPENWEBUI_CA_FILE"], None)?;
        if matches!(http.credentials, Credentials::None) {
            self.wrong("OPENWEBUI_TOKEN", "must be set together with OPENWEBUI_URL: an API key of Open WebUI");
        }
        let CollectionNames { runbooks, incidents, notes } = CollectionNames::default();
        let name = |variable: &str, default: String| self.get(variable).unwrap_or(default);
        let collections = CollectionNames {
            runbooks: name("OPENWEBUI_COLLECTION_RUNBOOKS", runbooks),
            incidents: name("OPENWEBUI_COLLECTION_INCIDENTS", incidents),
            notes: name("OPENWEBUI_COLLECTION_NOTES", notes),
        };
        Some(OpenWebuiConfig { http, collections })
    }

    /// A neighbour by the names of its address, its key and its CA file; `also` is set and makes no sense alone.
    fn keyed(&mut self, [url_name, key_name, ca_name]: [&str; 3], also: Option<&str>) -> Option<HttpNeighbour> {
        let url = self.url(url_name);
        let key = self.secret(key_name);
        let ca_file = self.file(ca_name);
        let credentials = key.map_or(Credentials::None, Credentials::Bearer);
        let alone = if matches!(credentials, Credentials::Bearer(_)) { Some(key_name) } else { also };
        match (url, alone) {
            (Some(url), _) => Some(HttpNeighbour { url, credentials, ca_file }),
            (None, Some(alone)) if self.get(url_name).is_none() => {
                self.wrong(url_name, format!("must be set because {alone} is"));
                None
            }
            (None, _) => None,
        }
    }

    fn kubernetes(&mut self) -> Option<KubernetesConfig> {
        if let Some(path) = self.file("KUBECONFIG") {
            return Some(KubernetesConfig::Kubeconfig(path));
        }
        // Kubernetes sets this in every pod.
        self.get("KUBERNETES_SERVICE_HOST").map(|_| KubernetesConfig::InCluster)
    }
}

/// Whether `given` is the secret, in a time that does not depend on where they differ.
pub fn is_secret(expected: &SecretString, given: &[u8]) -> bool {
    use sha2::{Digest, Sha256};
    use subtle::ConstantTimeEq as _;
    // Hashes have one length, so not even the secret's length shows.
    let (expected, given) = (Sha256::digest(expected.expose_secret()), Sha256::digest(given));
    expected.as_slice().ct_eq(given.as_slice()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads an environment; its problems as they are told.
    pub(super) fn read(variables: &[(&str, &str)]) -> Result<Config, String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Config::from_variables(&variables).map_err(|problems| problems.to_string())
    }

    #[test]
    fn nothing_set_is_a_loopback_bot_without_neighbours() {
        let config = read(&[]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert!(config.metrics.is_none() && config.logs.is_none() && config.kubernetes.is_none());
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let problems = read(&[
            ("HOLMES_LISTEN", "0.0.0.0:8080"),
            ("HOLMES_API_TOKEN", "  "),
            ("HOLMES_LANGUAGE", "de"),
            ("METRICS_URL", "vm:8428"),
            ("LOGS_USERNAME", "me"),
            ("HOLMES_INVESTIGATION_DEADLINE", "soon"),
            ("HOLMES_STORE_URL", "redis//:s3cret@redis:6379"),
        ])
        .unwrap_err();
        insta::assert_snapshot!(problems, @r"
        the configuration has 8 problem(s):
          HOLMES_API_TOKEN: is set but empty: give it a value or remove it
          HOLMES_WEBHOOK_TOKEN: must be set because HOLMES_LISTEN=0.0.0.0:8080 is not a loopback address
          HOLMES_API_TOKEN: must be set because HOLMES_LISTEN=0.0.0.0:8080 is not a loopback address
          HOLMES_STORE_URL: `…@redis:6379` is not like redis://user:password@host:6379/0, redis+sentinel://host:26379,host:26379/mymaster or redis+cluster://host:6379,host:6379 (rediss… for TLS)
          HOLMES_LANGUAGE: `de` is not one of en, ru
          HOLMES_INVESTIGATION_DEADLINE: `soon` is not a duration like 10s, 30m, 4h or 30d
          METRICS_URL: `vm:8428` is not an address like http://host:8428
          LOGS_PASSWORD: must be set together with LOGS_USERNAME
        ");
        assert!(!problems.contains("s3cret"));
    }

    #[test]
    fn a_listener_that_is_not_loopback_needs_both_tokens() {
        let tokens = [("HOLMES_LISTEN", "0.0.0.0:8080"), ("HOLMES_WEBHOOK_TOKEN", "a"), ("HOLMES_API_TOKEN", "b")];
        assert!(read(&tokens).is_ok());
        assert!(read(&tokens[..2]).is_err());
    }

    #[test]
    fn state_is_kept_in_a_file_or_in_redis() {
        assert!(matches!(read(&[]).unwrap().store, StoreConfig::Embedded));
        let redis = [("HOLMES_STORE_URL", "redis+cluster://a:6379,b:6379"), ("HOLMES_REDIS_PREFIX", "team-a")];
        let StoreConfig::Redis { prefix, copies, .. } = read(&redis).unwrap().store else { panic!("not Redis") };
        assert_eq!((prefix.as_str(), copies), ("team-a", 0));
        insta::assert_snapshot!(
            read(&[("HOLMES_STORE_URL", "redis://a"), ("HOLMES_REDIS_PREFIX", "{a}")]).unwrap_err(),
            @r"
        the configuration has 1 problem(s):
          HOLMES_REDIS_PREFIX: `{a}` has more in it than letters, digits, `.`, `_` and `-`
        "
        );
        let alone = read(&[("HOLMES_REDIS_PREFIX", "a")]).unwrap_err();
        assert!(alone.contains("HOLMES_REDIS_PREFIX: makes sense only together with HOLMES_STORE_URL"), "{alone}");
    }

    #[test]
    fn knowledge_elsewhere_needs_a_key_and_an_address() {
        let config = read(&[("OPENWEBUI_URL", "http://owui:8080/"), ("OPENWEBUI_TOKEN", "sk-1")]).unwrap();
        let open_webui = config.open_webui.unwrap();
        assert_eq!(
            (open_webui.http.url.as_str(), open_webui.collections.notes.as_str()),
            ("http://owui:8080", "notes")
        );
        let config = read(&[("EMBEDDINGS_BASE_URL", "http://e5:8008/v1")]).unwrap();
        assert!(config.embeddings.unwrap().model.is_none() && config.open_webui.is_none());
        insta::assert_snapshot!(
            read(&[("OPENWEBUI_URL", "http://owui:8080"), ("EMBEDDINGS_MODEL", "e5")]).unwrap_err(),
            @r"
        the configuration has 2 problem(s):
          EMBEDDINGS_BASE_URL: must be set because EMBEDDINGS_MODEL is
          OPENWEBUI_TOKEN: must be set together with OPENWEBUI_URL: an API key of Open WebUI
        "
        );
    }

    #[test]
    fn secrets_are_compared_whole() {
        let secret = SecretString::from("token".to_owned());
        assert!(is_secret(&secret, b"token"));
        assert!(!is_secret(&secret, b"toke") && !is_secret(&secret, b"") && !is_secret(&secret, b"token2"));
    }

    #[test]
    fn typing_errors_are_found() {
        let variables = BTreeMap::from([("HOLMES_LISTNE".to_owned(), "x".to_owned()), ("HOME".into(), "/".into())]);
        assert_eq!(Config::unknown(&variables), ["HOLMES_LISTNE"]);
    }
}
