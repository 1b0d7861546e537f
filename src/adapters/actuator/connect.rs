//! How the actuator's account reaches the API server. Nothing here falls back to the account that reads.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::api::Api;
use super::{Actuator, ActuatorError};
use crate::adapters::alertmanager::Silences;
use crate::adapters::kubernetes;

/// Where the cluster is, as whom, and how patient to be.
#[derive(Debug, Clone)]
pub struct ActuatorConnection {
    /// Address and credentials.
    pub source: ActuatorSource,
    /// Kubernetes users by person, to act in their names; empty for the actuator's own account.
    pub people: BTreeMap<String, String>,
    /// Longest time for one request with its whole answer.
    pub timeout: Duration,
}

/// Where address and credentials come from.
#[derive(Debug, Clone)]
pub enum ActuatorSource {
    /// A kubeconfig file; `context` as in `kubectl --context`.
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// The context; `None` for the current one.
        context: Option<String>,
    },
    /// The cluster that the bot runs in, with the token of another service account; the file is read anew as it rotates.
    InCluster {
        /// The token, e.g. a mounted Secret of type `kubernetes.io/service-account-token`.
        token_file: PathBuf,
    },
    /// An address with a bearer token; plain http for the demo's simulated cluster.
    Url {
        /// The address.
        url: String,
        /// The token.
        token: SecretString,
    },
}

impl Actuator {
    /// An actuator for `connection`. Nothing is sent yet; [`Actuator::check`] does that.
    ///
    /// # Errors
    /// When the file or the address cannot be used.
    pub async fn connect(connection: &ActuatorConnection, silences: Option<Silences>) -> Result<Self, ActuatorError> {
        let mut config = match &connection.source {
            ActuatorSource::Kubeconfig { path, context } => {
                kubernetes::kubeconfig(path, context.as_deref()).await.map_err(ActuatorError::config)?
            }
            ActuatorSource::InCluster { token_file } => {
                let mut config = kube::Config::incluster().map_err(ActuatorError::config)?;
                config.auth_info.token = None;
                config.auth_info.token_file = Some(token_file.display().to_string());
                config
            }
            ActuatorSource::Url { url, token } => {
                let mut config = kube::Config::new(url.parse().map_err(ActuatorError::config)?);
                config.auth_info.token = Some(token.clone());
                config
            }
        };
        // A write is repeated by nobody but the flow, which looks first whether it happened.
        config.default_retry = false;
        let client = kubernetes::client(config, connection.timeout).map_err(ActuatorError::config)?;
        let api = Api::new(client, connection.timeout);
        Ok(Self { api, people: connection.people.clone(), silences })
    }
}
