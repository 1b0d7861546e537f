//! Metrics: any server with Prometheus' query API (VictoriaMetrics single and cluster, Prometheus, and their kin).
//!
//! [`Metrics::chart_data`] is what an investigation calls; [`Metrics::query_range`] and [`Metrics::query`] are the two
//! questions underneath. Answers are parsed while they arrive ([`parse`]) and only the worst series are kept
//! ([`top`]), so a query that matches ten thousand series costs time, not memory.

mod chart;
mod check;
mod error;
mod names;
mod parse;
mod server;
pub mod stream;
pub mod top;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Url;
use tokio::sync::OnceCell;

use super::http::{Endpoint, EndpointSettings, HttpError};
use super::links::{self, Grafana};
use crate::analysis::metric_role::Worst;
use crate::domain::alert::Labels;
use crate::domain::window::Window;

pub use chart::{LimitSpec, QuerySpec};
pub use error::MetricsError;
pub(in crate::adapters) use server::app_version;
pub use server::{Product, Server};
use top::Top;

/// Series kept of one answer: a chart's worth eight times over, so that lines of the Window find themselves again in
/// the Baseline. 64 series × 240 points × 16 bytes = 240 KiB.
const KEPT_SERIES: usize = 64;
/// Most bytes read of one answer: ten thousand series of 240 points of about 27 bytes, as they are parsed and dropped.
const MAX_ANSWER_BYTES: u64 = 64 * 1024 * 1024;

/// What is configured.
#[derive(Debug, Clone, Default)]
pub struct MetricsSettings {
    /// Address, credentials, limits. Of vmselect with its path: `http://vmselect:8481/select/0/prometheus`.
    pub endpoint: EndpointSettings,
    /// The address under which people reach the server's own page, where it differs.
    pub public_url: Option<Url>,
    /// Grafana, preferred for links.
    pub grafana: Option<Grafana>,
}

/// A metrics server.
#[derive(Debug)]
pub struct Metrics {
    endpoint: Endpoint,
    public_url: Option<Url>,
    grafana: Option<Grafana>,
    server: OnceCell<Server>,
}

/// One series of an answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// Its labels, `__name__` among them.
    pub labels: Labels,
    /// Milliseconds since 1970 and the value; finite values only, a gap is absence.
    pub points: Vec<(i64, f64)>,
}

/// An answer, bounded.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RangeResult {
    /// The series with the highest peaks, highest first; where low is bad, the lowest.
    pub series: Vec<Series>,
    /// How many series with any finite value there were.
    pub total: usize,
    /// Whether the server said that some storage nodes did not answer.
    pub partial: bool,
    /// Whether the answer was longer than we read, so that `total` is a lower bound.
    pub cut: bool,
    /// What the server warned of.
    pub warnings: Vec<String>,
}

impl Metrics {
    /// Builds the client; nothing is sent.
    pub fn new(settings: MetricsSettings) -> Result<Self, HttpError> {
        let MetricsSettings { endpoint, public_url, grafana } = settings;
        Ok(Self { endpoint: Endpoint::new(&endpoint)?, public_url, grafana, server: OnceCell::new() })
    }

    /// `query` evaluated at every `step` of `window`.
    pub async fn query_range(&self, query: &str, window: Window, step: TimeDelta) -> Result<RangeResult, MetricsError> {
        self.range(query, window, step, Vec::new()).await
    }

    /// `query` evaluated once, at `at` or now.
    pub async fn query(&self, query: &str, at: Option<DateTime<Utc>>) -> Result<RangeResult, MetricsError> {
        let mut form = vec![("query", query.to_owned()), ("timeout", self.timeout())];
        form.extend(at.map(|at| ("time", seconds(at))));
        self.ask("api/v1/query", &form, Top::new(KEPT_SERIES, Vec::new(), Worst::of(query))).await
    }

    /// [`Self::query_range`] that keeps the `wanted` series before any others.
    async fn range(
        &self,
        query: &str,
        window: Window,
        step: TimeDelta,
        wanted: Vec<Labels>,
    ) -> Result<RangeResult, MetricsError> {
        let form = [
            ("query", query.to_owned()),
            ("start", seconds(window.from)),
            ("end", seconds(window.to)),
            ("step", step.num_seconds().max(1).to_string()),
            ("timeout", self.timeout()),
        ];
        self.ask("api/v1/query_range", &form, Top::new(KEPT_SERIES, wanted, Worst::of(query))).await
    }

    async fn ask(&self, path: &str, form: &[(&'static str, String)], top: Top) -> Result<RangeResult, MetricsError> {
        let response = self.endpoint.send(self.endpoint.post_form(path, form)).await.map_err(MetricsError::sort)?;
        stream::read(response, top, MAX_ANSWER_BYTES).await
    }

    /// A page where a person can look further: Grafana where configured, else the server's own. `None` when the server
    /// does not say what it is, or when its address means nothing outside of the cluster.
    pub async fn link(&self, query: &str, window: &Window) -> Option<String> {
        if let Some(grafana) = &self.grafana {
            return Some(grafana.explore(query, window));
        }
        let base = links::reachable(self.public_url.as_ref(), self.endpoint.base())?;
        let server = self.server().await.ok().filter(|server| server.has_page)?;
        match server.product {
            Product::VictoriaMetrics => Some(links::vmui(base, query, window)),
            Product::Prometheus => Some(links::prometheus(base, query, window)),
            Product::Other => None,
        }
    }

    /// Asks the server to stop when we no longer listen.
    fn timeout(&self) -> String {
        format!("{}s", self.endpoint.total_timeout().as_secs().max(1))
    }
}

fn seconds(at: DateTime<Utc>) -> String {
    let millis = at.timestamp_millis();
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}
