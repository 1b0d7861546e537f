//! `/query` and the two statistics endpoints.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::Logs;
use super::answer::{self, refuse, string};
use super::scope::Scope;
use crate::demo::http::{Asked, Refusal, parse_duration, parse_time};
use crate::demo::logsql::{Bucket, By, Pipe, Row, Stats, field};

/// `/select/logsql/query`: with `limit` the newest lines, newest first; without it all of them in no order.
pub(super) fn query(state: &Logs, asked: &Asked) -> Result<Response, Refusal> {
    let scope = Scope::read(state, asked)?;
    let limit = whole_number(asked, "limit")?.filter(|limit| *limit > 0);
    let offset = whole_number(asked, "offset")?.unwrap_or(0);
    let rows: Vec<Row> = match limit {
        Some(limit) if scope.query.returns_lines() => {
            let newest = scope.lines(state).into_iter().rev().collect();
            scope.query.run(newest).into_iter().skip(offset).take(limit).collect()
        }
        _ => scope.rows(state).into_iter().skip(offset).take(limit.unwrap_or(usize::MAX)).collect(),
    };
    Ok(answer::lines(asked, &rows))
}

/// `/select/logsql/stats_query`: the numbers of a stats pipe as a Prometheus vector.
pub(super) fn stats_query(state: &Logs, asked: &Asked) -> Result<Response, Refusal> {
    let scope = Scope::read(state, asked)?;
    let stats = stats_of(&scope)?.clone();
    let now = state.clock.now();
    let time = asked
        .params
        .get("time")
        .map(|text| parse_time(text, now).map_err(|reason| refuse(format!("cannot parse time={text}: {reason}"))));
    let time = time.transpose()?.or(now.timestamp_nanos_opt()).unwrap_or_default() as f64 / 1e9;
    let mut result = Vec::new();
    for row in scope.rows(state) {
        for name in stats.results() {
            result.push(format!(
                "{{\"metric\":{},\"value\":[{time},{}]}}",
                metric(name, &stats, &row),
                string(field(&row, name))
            ));
        }
    }
    Ok(prometheus("vector", &result))
}

/// `/select/logsql/stats_query_range`: the same for each step.
pub(super) fn stats_query_range(state: &Logs, asked: &Asked) -> Result<Response, Refusal> {
    let mut scope = Scope::read(state, asked)?;
    let step = step_of(asked)?;
    stats_of(&scope)?;
    for pipe in &mut scope.query.pipes {
        if let Pipe::Stats(stats) = pipe {
            stats.by.push(By { field: "_time".to_owned(), bucket: Some(step) });
        }
    }
    let stats = stats_of(&scope)?.clone();
    let mut series: BTreeMap<String, Vec<(i64, String)>> = BTreeMap::new();
    for row in scope.rows(state) {
        let at = chrono::DateTime::parse_from_rfc3339(field(&row, "_time")).map_or(0, |time| time.timestamp());
        for name in stats.results() {
            series.entry(metric(name, &stats, &row)).or_default().push((at, field(&row, name).to_owned()));
        }
    }
    let rows = series.into_iter().map(|(metric, mut samples)| {
        samples.sort();
        let samples: Vec<String> = samples.iter().map(|(at, value)| format!("[{at},{}]", string(value))).collect();
        format!("{{\"metric\":{metric},\"values\":[{}]}}", samples.join(","))
    });
    Ok(prometheus("matrix", &rows.collect::<Vec<_>>()))
}

/// The labels of a result: its name, and what it is grouped by.
fn metric(name: &str, stats: &Stats, row: &Row) -> String {
    let groups = stats.by.iter().filter(|by| by.bucket.is_none()).map(|by| (by.field.as_str(), field(row, &by.field)));
    let labels: Vec<String> = groups
        .filter(|(_, value)| !value.is_empty())
        .map(|(label, value)| format!(",{}:{}", string(label), string(value)))
        .collect();
    format!("{{\"__name__\":{}{}}}", string(name), labels.concat())
}

fn stats_of(scope: &Scope) -> Result<&Stats, Refusal> {
    let stats =
        scope.query.pipes.iter().find_map(|pipe| if let Pipe::Stats(stats) = pipe { Some(stats) } else { None });
    stats.ok_or_else(|| {
        let text = format!("missing `| stats ...` pipe in the query [{}]", scope.text);
        let body = json!({"status": "error", "errorType": "422", "error": text}).to_string();
        Refusal { status: StatusCode::UNPROCESSABLE_ENTITY, content_type: "application/json", body }
    })
}

fn prometheus(kind: &str, rows: &[String]) -> Response {
    answer::json(format!(
        "{{\"status\":\"success\",\"data\":{{\"resultType\":\"{kind}\",\"result\":[{}]}}}}",
        rows.join(",")
    ))
}

/// The `step` argument; a day if there is none.
pub(super) fn step_of(asked: &Asked) -> Result<Bucket, Refusal> {
    let text = asked.params.get("step").unwrap_or("1d");
    let step = parse_duration(text).filter(|step| *step > 0);
    step.map(Bucket).ok_or_else(|| refuse(format!("cannot parse duration from the arg 'step={text}'")))
}

/// An argument that is a count.
pub(super) fn whole_number(asked: &Asked, name: &str) -> Result<Option<usize>, Refusal> {
    let Some(text) = asked.params.get(name) else { return Ok(None) };
    let bad =
        || refuse(format!("cannot parse integer {name:?}={text:?}: strconv.Atoi: parsing {text:?}: invalid syntax"));
    let number: i64 = text.parse().map_err(|_| bad())?;
    Ok(Some(usize::try_from(number).unwrap_or(0)))
}
