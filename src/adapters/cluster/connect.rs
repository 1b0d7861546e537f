//! How the client comes to its address and credentials.

use std::time::Duration;

use super::{Cluster, ClusterError};
use crate::adapters::kubernetes;

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
        let config = match &connection.source {
            ConnectionSource::InCluster => kube::Config::incluster().map_err(ClusterError::config)?,
            ConnectionSource::Kubeconfig { path, context } => {
                kubernetes::kubeconfig(path, context.as_deref()).await.map_err(ClusterError::config)?
            }
            ConnectionSource::Url(url) => kube::Config::new(url.parse().map_err(ClusterError::config)?),
        };
        let client = kubernetes::client(config, connection.timeout).map_err(ClusterError::config)?;
        Ok(Self::new(client, connection.timeout))
    }
}
