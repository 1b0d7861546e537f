//! From a query to a chart's worth of data: Window, Baseline and limit asked at once, lines named, numbers said.

use chrono::TimeDelta;

use super::names::names;
use super::{Metrics, MetricsError, RangeResult, Series};
use crate::analysis::metric_role::Worst;
use crate::analysis::shape;
use crate::domain::series::{Limit, SeriesData, SeriesLine};
use crate::domain::unit::Unit;
use crate::domain::window::Window;

/// Lines of a chart: more cannot be told apart.
pub const MAX_LINES: usize = 8;
/// Points of a line: a chart is about that many pixels wide.
pub const MAX_POINTS: usize = 240;
/// Points at which a limit is asked for: it hardly ever moves.
const LIMIT_POINTS: u32 = 10;

/// A query as a runbook plans it, variables filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct QuerySpec {
    /// What the chart shows.
    pub title: String,
    /// PromQL.
    pub query: String,
    /// What its values mean.
    pub unit: Unit,
    /// What the values must stay below.
    pub limit: Option<LimitSpec>,
    /// From which value a person should worry; drawn where there is no limit.
    pub threshold: Option<f64>,
}

/// What a limit is drawn from.
#[derive(Debug, Clone, PartialEq)]
pub enum LimitSpec {
    /// A fixed value.
    Value(f64),
    /// PromQL that gives it.
    Query(String),
}

impl Metrics {
    /// What `spec` shows in `window`, compared with `baseline`.
    ///
    /// Only the Window's query must succeed: without a Baseline or a limit, a chart still tells something.
    pub async fn chart_data(
        &self,
        spec: &QuerySpec,
        window: Window,
        baseline: Window,
        step: TimeDelta,
    ) -> Result<SeriesData, MetricsError> {
        let (now, before, limits) = tokio::join!(
            self.query_range(&spec.query, window, step),
            self.query_range(&spec.query, baseline, step),
            self.limits(spec.limit.as_ref(), window),
        );
        let now = now?;
        let mut before = before.unwrap_or_else(|error| without("baseline", spec, &error));
        let drawn: Vec<&Series> = now.series.iter().take(MAX_LINES).collect();
        if lost(&drawn, &before) {
            let wanted = drawn.iter().map(|series| series.labels.clone()).collect();
            before = self
                .range(&spec.query, baseline, step, wanted)
                .await
                .unwrap_or_else(|error| without("baseline", spec, &error));
        }
        let limit = limit(spec, drawn.first().copied(), &limits);
        let worst = Worst::of(&spec.query);
        let mut lines = named(&drawn, &before.series, &spec.title);
        let baseline_lines = lines.split_off(drawn.len());
        let mut data = SeriesData {
            unit: spec.unit.clone(),
            folded: now.total - drawn.len(),
            lines,
            limit,
            summary: None,
            partial: now.partial || before.partial || now.cut,
        };
        data.summary = shape::summarise(&data.lines, &baseline_lines, data.bound(), worst);
        for line in &mut data.lines {
            line.points = shape::downsample(&line.points, MAX_POINTS);
        }
        Ok(data)
    }

    async fn limits(&self, limit: Option<&LimitSpec>, window: Window) -> Vec<Series> {
        let Some(LimitSpec::Query(query)) = limit else { return Vec::new() };
        let answer = self.query_range(query, window, window.step(LIMIT_POINTS, TimeDelta::seconds(15))).await;
        answer.map(|answer| answer.series).unwrap_or_else(|error| {
            tracing::debug!(%error, "no limit for a chart");
            Vec::new()
        })
    }
}

fn without(what: &str, spec: &QuerySpec, error: &MetricsError) -> RangeResult {
    tracing::debug!(%error, title = spec.title, "a chart goes without its {what}");
    RangeResult::default()
}

/// Whether a line that is drawn was among the many that the Baseline's answer let go: a series that is high now and was
/// low before is exactly the one to compare.
fn lost(drawn: &[&Series], before: &RangeResult) -> bool {
    before.total > before.series.len()
        && drawn.iter().any(|series| !before.series.iter().any(|other| other.labels == series.labels))
}

/// Names lines of both ranges together, so that a series has one name in both. Baseline lines follow the drawn ones.
fn named(drawn: &[&Series], before: &[Series], title: &str) -> Vec<SeriesLine> {
    let fresh = before.iter().filter(|series| !drawn.iter().any(|other| other.labels == series.labels));
    let all: Vec<&Series> = drawn.iter().copied().chain(fresh).collect();
    let names = names(&all, title);
    let name_of = |series: &Series| {
        let at = all.iter().position(|other| other.labels == series.labels);
        at.and_then(|at| names.get(at)).cloned().unwrap_or_else(|| title.to_owned())
    };
    let line = |series: &Series| SeriesLine { name: name_of(series), points: series.points.clone() };
    drawn.iter().map(|series| line(series)).chain(before.iter().map(line)).collect()
}

/// The line to draw: the limit that belongs to the first series, else the highest limit, else the threshold.
fn limit(spec: &QuerySpec, first: Option<&Series>, limits: &[Series]) -> Option<Limit> {
    let newest = |series: &Series| series.points.last().map(|point| point.1).filter(|value| *value > 0.0);
    let value = match &spec.limit {
        Some(LimitSpec::Value(value)) => Some(*value),
        Some(LimitSpec::Query(_)) => limits
            .iter()
            .filter(|one| first.is_some_and(|first| agrees(first, one)))
            .filter_map(newest)
            .reduce(f64::max)
            .or_else(|| limits.iter().filter_map(newest).reduce(f64::max)),
        None => None,
    };
    let limit = value.filter(|value| value.is_finite()).map(|value| Limit { label: "limit".into(), value });
    limit.or_else(|| {
        let value = spec.threshold.filter(|value| value.is_finite())?;
        Some(Limit { label: Limit::THRESHOLD.into(), value })
    })
}

/// Whether two series are about the same thing as far as their labels tell.
fn agrees(one: &Series, other: &Series) -> bool {
    let about = ["namespace", "pod", "container", "node", "persistentvolumeclaim"];
    about.iter().all(|label| match (one.labels.get(*label), other.labels.get(*label)) {
        (Some(mine), Some(theirs)) => mine == theirs,
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(pod: &str, container: &str, value: f64) -> Series {
        let labels = [("pod".to_owned(), pod.to_owned()), ("container".to_owned(), container.to_owned())];
        Series { labels: labels.into(), points: vec![(0, value)] }
    }

    fn value(spec: &QuerySpec, highest: Option<&Series>, limits: &[Series]) -> Option<f64> {
        limit(spec, highest, limits).map(|limit| limit.value)
    }

    #[test]
    fn the_limit_of_the_highest_series_is_drawn() {
        let mut spec = QuerySpec {
            title: "memory".into(),
            query: String::new(),
            unit: Unit::Bytes,
            limit: Some(LimitSpec::Query(String::new())),
            threshold: Some(7.0),
        };
        let limits = [series("a", "app", 100.0), series("b", "app", 200.0), series("a", "proxy", 0.0)];
        assert_eq!(value(&spec, Some(&series("a", "app", 1.0)), &limits), Some(100.0));
        assert_eq!(value(&spec, Some(&series("c", "app", 1.0)), &limits), Some(200.0));
        assert_eq!(value(&spec, None, &[]), Some(7.0));
        spec.limit = Some(LimitSpec::Value(3.0));
        assert_eq!(value(&spec, None, &[]), Some(3.0));
    }

    #[test]
    fn a_series_has_one_name_in_both_ranges() {
        let (old, new) = (series("a", "app", 1.0), series("b", "app", 2.0));
        let lines = named(&[&new], &[old, new.clone()], "memory");
        assert_eq!(lines.iter().map(|line| line.name.as_str()).collect::<Vec<_>>(), ["b", "a", "b"]);
    }
}
