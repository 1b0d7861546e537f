//! The way to the Kubernetes API that both accounts go: the one that reads (`cluster`) and the one that acts (`actuator`).

use std::path::Path;
use std::time::Duration;

use axum::http;
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use tower::util::MapRequestLayer;

use crate::telemetry::trace;

/// Longest wait for a TCP and TLS handshake. The API server is in the same cluster or a VPN away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Address and credentials of a kubeconfig file; `context` as in `kubectl --context`, `None` for the current one.
pub(super) async fn kubeconfig(path: &Path, context: Option<&str>) -> Result<kube::Config, KubeconfigError> {
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    kube::Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &options).await
}

/// A client whose requests take no longer than `timeout`, and say which trace they belong to: API servers record spans,
/// too (<https://kubernetes.io/docs/concepts/cluster-administration/system-traces/>).
pub(super) fn client(mut config: kube::Config, timeout: Duration) -> Result<kube::Client, kube::Error> {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(timeout);
    config.write_timeout = Some(timeout);
    // Without it, the idle time of a pooled connection would count against the next answer.
    config.reset_reader_on_write = true;
    let told = MapRequestLayer::new(|mut request: http::Request<kube::client::Body>| {
        trace::tell(request.headers_mut());
        request
    });
    Ok(ClientBuilder::try_from(config)?.with_layer(&told).build())
}
