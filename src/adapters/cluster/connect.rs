//! How the client comes to its address and credentials.

use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};

use super::{Cluster, ClusterError};

/// Longest wait for a TCP and TLS handshake. The API server is in the same cluster or a VPN away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Where the cluster is and how patient to be.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Address and credentials.
    pub source: ConnectionSource,
    /// Longest time for one request with its whole answer.
    pub timeout: Duration,
}

/// Where address and credentials come from.
#[derive(Debug, Clone)]
pub enum ConnectionSource {
    /// The service account that Kubernetes mounts into the pod; token and CA are read anew as they rotate.
    InCluster,
    /// A kubeconfig file; `context` as in `kubectl --context`, `None` for the current one.
    Kubeconfig {
        /// The file, e.g. the value of `KUBECONFIG`.
        path: std::path::PathBuf,
        /// The context.
        context: Option<String>,
    },
    /// An address without credentials: `kubectl proxy` or the demo's simulated cluster. Plain http is fine.
    Url(String),
}

impl Cluster {
    /// A client for `connection`. Nothing is sent yet; [`Cluster::check`] does that.
    pub async fn connect(connection: &Connection) -> Result<Self, ClusterError> {
        let mut config = match &connection.source {
            ConnectionSource::InCluster => kube::Config::incluster().map_err(ClusterError::config)?,
            ConnectionSource::Kubeconfig { path, context } => {
                let options = KubeConfigOptions { context: context.clone(), ..KubeConfigOptions::default() };
                let file = Kubeconfig::read_from(path).map_err(ClusterError::config)?;
                kube::Config::from_custom_kubeconfig(file, &options).await.map_err(ClusterError::config)?
            }
            ConnectionSource::Url(url) => kube::Config::new(url.parse().map_err(ClusterError::config)?),
        };
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.read_timeout = Some(connection.timeout);
        config.write_timeout = Some(connection.timeout);
        // Without it, the idle time of a pooled connection would count against the next answer.
        config.reset_reader_on_write = true;
        let client = kube::Client::try_from(config).map_err(ClusterError::config)?;
        Ok(Self::new(client, connection.timeout))
    }
}
