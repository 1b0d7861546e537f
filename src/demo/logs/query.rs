//! `/query`, and arguments of other paths.

use axum::response::Response;

use super::Logs;
use super::answer::{self, refuse};
use super::scope::Scope;
use crate::demo::http::{Asked, Refusal, parse_duration};
use crate::demo::logsql::{Bucket, Row};

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
