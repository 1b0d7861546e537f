//! Where metrics, logs, the cluster, embeddings and Open WebUI are.

use std::path::PathBuf;

use secrecy::SecretString;

use super::reader::Reader;
use crate::adapters::logs::LogFields;
use crate::adapters::openwebui::CollectionNames;

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

impl Reader<'_> {
    pub(super) fn neighbour(&mut self, prefix: &str) -> Option<HttpNeighbour> {
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

    pub(super) fn logs(&mut self) -> Option<LogsConfig> {
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

    pub(super) fn embeddings(&mut self) -> Option<EmbeddingsConfig> {
        let names = ["EMBEDDINGS_BASE_URL", "EMBEDDINGS_API_KEY", "EMBEDDINGS_CA_FILE"];
        let model = self.get("EMBEDDINGS_MODEL");
        let http = self.keyed(names, model.is_some().then_some("EMBEDDINGS_MODEL"))?;
        Some(EmbeddingsConfig { http, model })
    }

    pub(super) fn open_webui(&mut self) -> Option<OpenWebuiConfig> {
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
    pub(super) fn keyed(
        &mut self,
        [url_name, key_name, ca_name]: [&str; 3],
        also: Option<&str>,
    ) -> Option<HttpNeighbour> {
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

    pub(super) fn kubernetes(&mut self) -> Option<KubernetesConfig> {
        if let Some(path) = self.file("KUBECONFIG") {
            return Some(KubernetesConfig::Kubeconfig(path));
        }
        // Kubernetes sets this in every pod.
        self.get("KUBERNETES_SERVICE_HOST").map(|_| KubernetesConfig::InCluster)
    }
}
