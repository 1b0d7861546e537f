//! What kind of server it is: VictoriaMetrics pretends to be Prometheus 2.24, but only Prometheus tells its Go version.

use serde::Deserialize;

use super::{Metrics, MetricsError};
use crate::adapters::http::{Endpoint, HttpError, is_html, read_bounded, read_json};

/// `buildinfo` is a few hundred bytes.
const MAX_BUILDINFO_BYTES: usize = 64 * 1024;
/// The start of vmui's page.
const MAX_PAGE_BYTES: usize = 1024 * 1024;
/// `/metrics` of a busy server; the version is in the first lines of some and the last of others.
const MAX_METRICS_BYTES: usize = 4 * 1024 * 1024;

/// Which server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its kind, by which links are made.
    pub product: Product,
    /// Its version, where it tells: `v1.150.0`.
    pub version: Option<String>,
    /// Whether it has a page for people; distributions build VictoriaMetrics without.
    pub has_page: bool,
}

/// Kinds of server that have a page of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// VictoriaMetrics, single or vmselect.
    VictoriaMetrics,
    /// Prometheus.
    Prometheus,
    /// Thanos, Mimir, a proxy …
    Other,
}

#[derive(Deserialize)]
struct BuildInfo {
    data: BuildData,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BuildData {
    #[serde(default)]
    version: String,
    #[serde(default)]
    go_version: String,
    #[serde(default)]
    application: String,
}

impl Metrics {
    /// Which server it is; asked once, a failure is asked again.
    pub async fn server(&self) -> Result<&Server, MetricsError> {
        self.server.get_or_try_init(|| self.probe()).await
    }

    async fn probe(&self) -> Result<Server, MetricsError> {
        let answer = self.endpoint.send(self.endpoint.get("api/v1/status/buildinfo")).await;
        let info = match answer {
            Ok(response) => read_json::<BuildInfo>(response, MAX_BUILDINFO_BYTES).await.map(|info| info.data).ok(),
            // A server of this family without `buildinfo` is still worth a look at its pages.
            Err(HttpError::Status { code: 400 | 404, .. }) => None,
            Err(error) => return Err(error.into()),
        };
        if let Some(info) = &info
            && !info.go_version.is_empty()
        {
            let ours = info.application.is_empty() || info.application.eq_ignore_ascii_case("prometheus");
            let product = if ours { Product::Prometheus } else { Product::Other };
            let version = Some(format!("v{}", info.version.trim_start_matches('v')));
            return Ok(Server { product, version, has_page: ours });
        }
        let (has_page, version) = tokio::join!(self.has_vmui(), app_version(&self.endpoint));
        let product = if has_page || version.is_some() { Product::VictoriaMetrics } else { Product::Other };
        Ok(Server { product, version: version.filter(|version| !version.is_empty()), has_page })
    }

    async fn has_vmui(&self) -> bool {
        let Ok(response) = self.endpoint.send(self.endpoint.get("vmui/")).await else { return false };
        read_bounded(response, MAX_PAGE_BYTES).await.is_ok_and(|page| is_html(&page))
    }
}

/// The version that the metrics of a VictoriaMetrics or VictoriaLogs carry. They are at the root, whatever path queries have.
pub(in crate::adapters) async fn app_version(endpoint: &Endpoint) -> Option<String> {
    let response = endpoint.send(endpoint.get_root("/metrics")).await.ok()?;
    let metrics = read_bounded(response, MAX_METRICS_BYTES).await.ok()?;
    version_in(&String::from_utf8_lossy(&metrics))
}

/// Reads `vm_app_version{version="victoria-metrics-20260101-…-v1.150.0-0-g…", short_version="v1.150.0"}`; distributions
/// leave both labels empty. `None` when it is not there: another server.
fn version_in(metrics: &str) -> Option<String> {
    let line = metrics.lines().find(|line| line.starts_with("vm_app_version{"))?;
    let value = |label: &str| {
        let (_, rest) = line.split_once(&format!("{label}=\""))?;
        rest.split_once('"').map(|(value, _)| value).filter(|value| !value.is_empty())
    };
    let is_tag =
        |part: &&str| part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let long = value("version").map(|version| version.split('-').find(is_tag).unwrap_or(version));
    Some(value("short_version").or(long).unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_servers_write_them() {
        let new = "# x\nvm_app_version{version=\"victoria-logs-20260901-1-tags-v1.52.0-0-gabc\", short_version=\"v1.52.0\"} 1\n";
        assert_eq!(version_in(new).as_deref(), Some("v1.52.0"));
        let old = "vm_app_version{version=\"victoria-metrics-20220412-1-tags-v1.76.1-0-gabc\", short_version=\"\"} 1";
        assert_eq!(version_in(old).as_deref(), Some("v1.76.1"));
        let debian = "vm_app_version{version=\"\", short_version=\"\"} 1";
        assert_eq!(version_in(debian).as_deref(), Some(""));
        assert_eq!(version_in("go_gc 1"), None);
    }
}
