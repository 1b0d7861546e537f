//! What series and labels there are, and the raw export.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use axum::response::Response;
use promql_parser::parser::VectorSelector;
use serde_json::Value;

use super::Metrics;
use super::answer::{error, metric, success};
use super::query::{time_of, visible};
use crate::demo::http::{Params, Refusal, reply};
use crate::demo::promql::parse_selector;
use crate::demo::world::{Labels, Series};

/// The arguments that all of these share: selectors and a time range.
struct Scope {
    selectors: Vec<VectorSelector>,
    start: i64,
    end: i64,
}

impl Scope {
    fn read(state: &Metrics, params: &Params) -> Result<Self, Refusal> {
        let mut selectors = Vec::new();
        for text in params.all("match[]").chain(params.all("match")) {
            let bad = |reason| error(StatusCode::BAD_REQUEST, format!("cannot parse matches[]={text}: {reason}"));
            selectors.push(parse_selector(text).map_err(bad)?);
        }
        let end = time_of(state, params, "end")?.unwrap_or(i64::MAX).min(visible(state));
        Ok(Self { selectors, start: time_of(state, params, "start")?.unwrap_or(i64::MIN), end })
    }

    /// Like `read`, but without a selector there is no answer.
    fn selected(state: &Metrics, params: &Params) -> Result<Self, Refusal> {
        let scope = Self::read(state, params)?;
        if scope.selectors.is_empty() {
            Err(error(StatusCode::BAD_REQUEST, "missing `match[]` arg"))
        } else {
            Ok(scope)
        }
    }

    /// The series that are meant and have a sample in the range.
    fn series<'a>(&self, state: &'a Metrics) -> Vec<&'a Series> {
        let meant: Vec<&Series> = match self.selectors.as_slice() {
            [] => state.store.all().collect(),
            some => some.iter().flat_map(|selector| state.store.select(selector)).collect(),
        };
        let mut seen = BTreeSet::new();
        let inside = |series: &&Series| series.times.iter().any(|time| *time >= self.start && *time <= self.end);
        meant.into_iter().filter(inside).filter(|series| seen.insert(&series.labels)).collect()
    }
}

/// `/api/v1/series`.
pub(super) fn series(state: &Metrics, params: &Params) -> Response {
    let scope = match Scope::selected(state, params) {
        Ok(scope) => scope,
        Err(refusal) => return refusal.response(),
    };
    let found: Vec<&Labels> =
        scope.series(state).into_iter().map(|series| &series.labels).take(limit(params)).collect();
    success(found)
}

/// `/api/v1/labels`.
pub(super) fn labels(state: &Metrics, params: &Params) -> Response {
    distinct(state, params, |labels| labels.keys().collect())
}

/// `/api/v1/label/{name}/values`.
pub(super) fn label_values(state: &Metrics, label: &str, params: &Params) -> Response {
    distinct(state, params, |labels| labels.get(label).into_iter().collect())
}

fn distinct(state: &Metrics, params: &Params, of: impl Fn(&Labels) -> Vec<&String>) -> Response {
    match Scope::read(state, params) {
        Ok(scope) => {
            let values: BTreeSet<&String> =
                scope.series(state).into_iter().flat_map(|series| of(&series.labels)).collect();
            success(values.into_iter().take(limit(params)).collect::<Vec<_>>())
        }
        Err(refusal) => refusal.response(),
    }
}

/// `/api/v1/export`.
pub(super) fn export(state: &Metrics, params: &Params) -> Response {
    let scope = match Scope::selected(state, params) {
        Ok(scope) => scope,
        Err(refusal) => return refusal.response(),
    };
    let mut body = String::new();
    for series in scope.series(state) {
        let samples =
            series.times.iter().zip(&series.values).filter(|(time, _)| **time >= scope.start && **time <= scope.end);
        let (times, values): (Vec<i64>, Vec<Value>) = samples.map(|(time, value)| (*time, exported(*value))).unzip();
        let values = serde_json::to_string(&values).unwrap_or_default();
        body.push_str(&format!(
            "{{\"metric\":{},\"values\":{values},\"timestamps\":{times:?}}}\n",
            metric(&series.labels)
        ));
    }
    reply(StatusCode::OK, "application/stream+json; charset=utf-8", body)
}

/// A value of an export: whole numbers without a fraction, end marks as null, infinity as a word.
fn exported(value: f64) -> Value {
    match value {
        value if value.is_nan() => Value::Null,
        value if value.is_infinite() => Value::String(if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()),
        value if value.fract() == 0.0 && value.abs() < 9e15 => (value as i64).into(),
        value => value.into(),
    }
}

fn limit(params: &Params) -> usize {
    params.get("limit").and_then(|text| text.parse().ok()).filter(|limit| *limit > 0).unwrap_or(usize::MAX)
}
