//! What `holmes-bot check` says about the metrics server.

use super::{Metrics, MetricsError, Product, RangeResult};
use crate::adapters::check::CheckLine;

impl Metrics {
    /// Reaches for the server, its version and its data. A server that does not answer gives one line.
    pub async fn check(&self) -> Vec<CheckLine> {
        let up = match self.query("count(up)", None).await {
            Ok(up) => up,
            Err(error) => return vec![CheckLine::bad("metrics", error.to_string(), mend(&error))],
        };
        let mut lines = vec![self.who().await];
        lines.push(match newest(&up) {
            Some(count) => CheckLine::good("metrics data", format!("{count} scrape targets report")),
            None => self.without_up().await,
        });
        if up.partial {
            let detail = "some storage nodes do not answer";
            lines.push(CheckLine::bad("metrics storage", detail, "look at the vmstorage pods: charts miss series"));
        }
        lines
    }

    async fn who(&self) -> CheckLine {
        let Ok(server) = self.server().await else { return CheckLine::good("metrics", "answers") };
        let product = match server.product {
            Product::VictoriaMetrics => "VictoriaMetrics",
            Product::Prometheus => "Prometheus",
            Product::Other => "a Prometheus-compatible server",
        };
        CheckLine::good("metrics", format!("{product} {}", server.version.as_deref().unwrap_or_default()).trim_end())
    }

    async fn without_up(&self) -> CheckLine {
        let what = "metrics data";
        match self.query("count(container_memory_working_set_bytes) or count(kube_pod_info)", None).await {
            Ok(pods) if newest(&pods).is_some() => CheckLine::good(what, "pod metrics, but no `up`"),
            _ => CheckLine::bad(
                what,
                "no `up`, no pod metrics in the last minutes",
                "is this the right server and tenant, and does something write to it?",
            ),
        }
    }
}

fn newest(answer: &RangeResult) -> Option<f64> {
    answer.series.first()?.points.last().map(|point| point.1).filter(|value| *value > 0.0)
}

fn mend(error: &MetricsError) -> &'static str {
    match error {
        MetricsError::WrongPath { said, .. } if said.contains("unsupported URL format") => {
            "this is vmselect: end the URL with /select/0/prometheus (0 is the tenant)"
        }
        MetricsError::WrongPath { .. } => {
            "is this VictoriaMetrics or Prometheus? The URL goes up to before /api/v1; a single VictoriaMetrics has no \
             /select/… path"
        }
        MetricsError::Http(error) => error.mend(),
        MetricsError::BadQuery(_) | MetricsError::Unread(_) => "look at the server's log",
    }
}
