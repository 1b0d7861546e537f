//! Metrics, now and over time.

use chrono::TimeDelta;

use super::{Brought, Toolbox, about_namespace};
use crate::adapters::metrics::QuerySpec;
use crate::domain::evidence::{EvidenceData, Source};
use crate::domain::text;
use crate::domain::unit::Unit;
use crate::domain::window::Window;

/// Series of an instant query that are shown.
const MAX_ROWS: usize = 40;
/// Points of a range query's lines.
const POINTS: u32 = 120;
/// The range that an instant value is noted with.
const INSTANT: i64 = 300;

impl Toolbox<'_> {
    pub(super) async fn metric(&self, query: &str) -> Brought {
        let Some(metrics) = &self.context.sources.metrics else { return absent() };
        let found = match metrics.query(query, Some(self.at)).await {
            Ok(found) => found,
            Err(error) => return Brought::Words(format!("error: {error}")),
        };
        if found.series.is_empty() {
            return Brought::Words(format!("no series matches `{}`", text::line(query, 200)));
        }
        let mut rows: Vec<String> = found
            .series
            .iter()
            .take(MAX_ROWS)
            .map(|series| {
                let labels: Vec<String> =
                    series.labels.iter().map(|(name, value)| format!("{name}={}", text::line(value, 120))).collect();
                let value = series.points.last().map(|(_, value)| value.to_string()).unwrap_or_default();
                format!("{{{}}} {value}", labels.join(", "))
            })
            .collect();
        if found.total > rows.len() {
            rows.push(format!("and {} more series: aggregate (sum by …, topk) to narrow it", found.total - rows.len()));
        }
        let data = EvidenceData::Text { text: rows.join("\n") };
        self.evidence(Source::Metrics, about_namespace(None), query.to_owned(), self.window(INSTANT), data)
    }

    pub(super) async fn metric_range(&self, query: &str, since: i64) -> Brought {
        let Some(metrics) = &self.context.sources.metrics else { return absent() };
        let window = self.window(since);
        let spec = QuerySpec {
            query: query.to_owned(),
            title: text::line(query, 120),
            unit: Unit::from(""),
            limit: None,
            threshold: None,
        };
        let baseline = Window::new(window.from - window.length(), window.from);
        match metrics.chart_data(&spec, window, baseline, window.step(POINTS, TimeDelta::seconds(5))).await {
            Ok(series) if series.lines.is_empty() => {
                Brought::Words(format!("no series matches `{}` in this range", text::line(query, 200)))
            }
            Ok(series) => self.evidence(
                Source::Metrics,
                about_namespace(None),
                query.to_owned(),
                window,
                EvidenceData::Series(series),
            ),
            Err(error) => Brought::Words(format!("error: {error}")),
        }
    }
}

fn absent() -> Brought {
    Brought::Words("error: no metrics server is configured".into())
}
