//! Instant and range queries.

use axum::http::StatusCode;
use axum::response::Response;
use promql_parser::parser::{Expr, MatrixSelector};

use super::Metrics;
use super::answer::{error, json, metric, sample};
use crate::demo::http::{Params, Refusal, parse_duration, parse_time, reply};
use crate::demo::promql::{Column, Engine, Grid, Refused, Value, parse};

/// `-search.maxQueryLen` of the real server.
const MAX_QUERY_BYTES: usize = 16 * 1024;

/// The step of a query that names none.
const DEFAULT_STEP_MS: i64 = 5 * 60 * 1000;

/// Ranges of at least this many steps are aligned to the step, as the server does for its cache.
const ALIGN_FROM_POINTS: i64 = 50;

/// `/api/v1/query`.
pub(super) fn instant(state: &Metrics, params: &Params) -> Response {
    run_instant(state, params).unwrap_or_else(Refusal::response)
}

/// `/api/v1/query_range`.
pub(super) fn range(state: &Metrics, params: &Params) -> Response {
    run_range(state, params).unwrap_or_else(Refusal::response)
}

fn run_instant(state: &Metrics, params: &Params) -> Result<Response, Refusal> {
    let query = query_of(params)?;
    let now = state.clock.now().timestamp_millis();
    let time = time_of(state, params, "time")?.unwrap_or(now);
    let step = step_of(params)?;
    let context = format!("error when executing query={query:?} for (time={time}, step={step}): ");
    let expr = parse(query).map_err(|refused| refusal(refused, &context))?;
    let engine = Engine::new(&state.store, visible(state), state.limits, Grid::instant(time));
    if let Expr::MatrixSelector(matrix) = &expr {
        return Ok(raw(&engine, matrix, time));
    }
    // Nothing is known of the future: without this a query for it would show the present as still lasting.
    let value = if time > now {
        Value::Vector(Vec::new())
    } else {
        engine.run(&expr).map_err(|refused| refusal(refused, &context))?
    };
    let columns = ordered(columns_of(value), is_sorted(&expr));
    let rows = columns.iter().filter(|column| !column.values[0].is_nan());
    let rows: Vec<String> = rows
        .map(|column| format!("{{\"metric\":{},\"value\":{}}}", metric(&column.labels), sample(time, column.values[0])))
        .collect();
    Ok(result("vector", &rows, engine.series_read()))
}

fn run_range(state: &Metrics, params: &Params) -> Result<Response, Refusal> {
    let query = query_of(params)?;
    let now = state.clock.now().timestamp_millis();
    let step = step_of(params)?;
    let start = time_of(state, params, "start")?.unwrap_or(now - DEFAULT_STEP_MS);
    let end = time_of(state, params, "end")?.unwrap_or(now);
    let end = if start > end { start + DEFAULT_STEP_MS } else { end };
    let context =
        format!("error when executing query={query:?} on the time range (start={start}, end={end}, step={step}): ");
    let points = (end - start) / step + 1;
    if points > state.limits.points as i64 {
        let text = format!(
            "{context}too many points for the given start={start}, end={end} and step={step}: {points}; the maximum number of points is {}; \
             (see -search.maxPointsPerTimeseries command-line flag)",
            state.limits.points
        );
        return Err(error(StatusCode::UNPROCESSABLE_ENTITY, text));
    }
    let start =
        if points >= ALIGN_FROM_POINTS && !params.flag("nocache") { start - start.rem_euclid(step) } else { start };
    let expr = parse(query).map_err(|refused| refusal(refused, &context))?;
    if matches!(expr, Expr::MatrixSelector(_)) {
        return Err(error(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("{context}a range selector needs a function around it"),
        ));
    }
    let grid = Grid { start, step, points: points as usize };
    let engine = Engine::new(&state.store, visible(state), state.limits, grid);
    let columns = columns_of(engine.run(&expr).map_err(|refused| refusal(refused, &context))?);
    let rows: Vec<String> =
        ordered(columns, is_sorted(&expr)).iter().filter_map(|column| row(column, grid, now)).collect();
    Ok(result("matrix", &rows, engine.series_read()))
}

/// One series of a range result, if it has any sample until now.
fn row(column: &Column, grid: Grid, now: i64) -> Option<String> {
    let samples = grid.times().zip(&column.values).filter(|(time, value)| *time <= now && !value.is_nan());
    let samples: Vec<String> = samples.map(|(time, value)| sample(time, *value)).collect();
    (!samples.is_empty())
        .then(|| format!("{{\"metric\":{},\"values\":[{}]}}", metric(&column.labels), samples.join(",")))
}

/// An instant query for `x[5m]` gives the raw samples, as a stream.
fn raw(engine: &Engine<'_>, matrix: &MatrixSelector, time: i64) -> Response {
    let rows = engine.raw(matrix, time).into_iter().map(|(labels, samples)| {
        let samples: Vec<String> = samples.iter().map(|(time, value)| sample(*time, *value)).collect();
        format!("{{\"metric\":{},\"values\":[{}]}}", metric(&labels), samples.join(","))
    });
    let rows: Vec<String> = rows.collect();
    let body =
        format!("{{\"status\":\"success\",\"data\":{{\"resultType\":\"matrix\",\"result\":[{}]}}}}", rows.join(","));
    reply(StatusCode::OK, "application/stream+json; charset=utf-8", body)
}

fn result(kind: &str, rows: &[String], series: usize) -> Response {
    let rows = rows.join(",");
    let stats = format!("{{\"seriesFetched\": \"{series}\",\"executionTimeMsec\":0}}");
    json(
        StatusCode::OK,
        format!(
            "{{\"status\":\"success\",\"data\":{{\"resultType\":\"{kind}\",\"result\":[{rows}]}},\"stats\":{stats}}}"
        ),
    )
}

fn columns_of(value: Value) -> Vec<Column> {
    match value {
        Value::Vector(columns) => columns,
        Value::Scalar(values) => vec![Column { labels: Default::default(), values }],
        // A string is an empty vector.
        Value::Text(_) => Vec::new(),
    }
}

fn ordered(mut columns: Vec<Column>, keep: bool) -> Vec<Column> {
    if !keep {
        columns.sort_by(|a, b| a.labels.cmp(&b.labels));
    }
    columns
}

/// Whether the order of the result is the query's own.
fn is_sorted(expr: &Expr) -> bool {
    match expr {
        Expr::Paren(inner) => is_sorted(&inner.expr),
        Expr::Call(call) => matches!(call.func.name, "sort" | "sort_desc"),
        Expr::Aggregate(aggregation) => matches!(aggregation.op.to_string().as_str(), "topk" | "bottomk"),
        _ => false,
    }
}

fn refusal(refused: Refused, context: &str) -> Refusal {
    match refused {
        Refused::Syntax(text) => error(StatusCode::BAD_REQUEST, format!("{context}{text}")),
        // The server words this limit without the query.
        Refused::Execution(text) if text.starts_with("cannot select more than") => {
            error(StatusCode::UNPROCESSABLE_ENTITY, text)
        }
        Refused::Execution(text) => error(StatusCode::UNPROCESSABLE_ENTITY, format!("{context}{text}")),
    }
}

fn query_of(params: &Params) -> Result<&str, Refusal> {
    let query = params.get("query").ok_or_else(|| error(StatusCode::BAD_REQUEST, "missing `query` arg"))?;
    if query.len() > MAX_QUERY_BYTES {
        let text = format!(
            "too long query; got {} bytes; mustn't exceed `-search.maxQueryLen={MAX_QUERY_BYTES}` bytes",
            query.len()
        );
        return Err(error(StatusCode::BAD_REQUEST, text));
    }
    Ok(query)
}

fn step_of(params: &Params) -> Result<i64, Refusal> {
    let Some(text) = params.get("step") else { return Ok(DEFAULT_STEP_MS) };
    let step = parse_duration(text).map(|nanos| nanos / 1_000_000).filter(|step| *step > 0);
    step.ok_or_else(|| {
        error(StatusCode::BAD_REQUEST, format!("cannot parse step={text}: cannot parse duration {text:?}"))
    })
}

/// A time argument in milliseconds.
pub(super) fn time_of(state: &Metrics, params: &Params, name: &str) -> Result<Option<i64>, Refusal> {
    let Some(text) = params.get(name) else { return Ok(None) };
    let time = parse_time(text, state.clock.now())
        .map_err(|reason| error(StatusCode::BAD_REQUEST, format!("cannot parse {name}={text}: {reason}")))?;
    Ok(Some(time / 1_000_000))
}

/// Until when samples are shown.
pub(super) fn visible(state: &Metrics) -> i64 {
    state.clock.visible_until().timestamp_millis()
}
