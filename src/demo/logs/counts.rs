//! Counts over the lines of a query: hits by time, and the names of fields.

use std::collections::BTreeMap;

use axum::response::Response;

use super::Logs;
use super::answer::{self, string};
use super::query::{step_of, whole_number};
use super::scope::Scope;
use crate::demo::http::{Asked, Refusal};
use crate::demo::logsql::Bucket;

/// No chart has more steps; a gap larger than this is left open rather than filled with zeros.
const MAX_FILLED_STEPS: i64 = 10_000;

/// `/select/logsql/hits`
pub(super) fn hits(state: &Logs, asked: &Asked) -> Result<Response, Refusal> {
    let scope = Scope::read(state, asked)?;
    let step = step_of(asked)?;
    let fields: Vec<&str> = asked.params.all("field").collect();
    let top = whole_number(asked, "fields_limit")?.filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let mut groups: BTreeMap<Vec<String>, BTreeMap<i64, usize>> = BTreeMap::new();
    for line in scope.lines(state) {
        let key = fields.iter().map(|name| line.fields.get(*name).cloned().unwrap_or_default()).collect();
        *groups.entry(key).or_default().entry(step.floor_nanos(line.nanos)).or_default() += 1;
    }
    // What is over the limit is counted together.
    let mut by_size: Vec<&Vec<String>> = groups.keys().collect();
    by_size.sort_by_key(|key| std::cmp::Reverse(groups[*key].values().sum::<usize>()));
    let rest: Vec<Vec<String>> = by_size.into_iter().skip(top).cloned().collect();
    let mut other = BTreeMap::new();
    for steps in rest.iter().filter_map(|key| groups.remove(key)) {
        steps.into_iter().for_each(|(at, count)| *other.entry(at).or_default() += count);
    }
    let bounds = bounds(state, &scope, step, &groups);
    let named = groups.iter().map(|(key, steps)| {
        let members: Vec<String> =
            fields.iter().zip(key).map(|(name, value)| format!("{}:{}", string(name), string(value))).collect();
        group(&members.join(","), steps, step, bounds)
    });
    let unnamed = (!other.is_empty()).then(|| group("", &other, step, bounds));
    let all: Vec<String> = named.chain(unnamed).collect();
    Ok(answer::json(format!("{{\"hits\":[{}]}}", all.join(","))))
}

/// From which step to which the zeros are filled in: the asked range, or what was found.
fn bounds(
    state: &Logs,
    scope: &Scope,
    step: Bucket,
    groups: &BTreeMap<Vec<String>, BTreeMap<i64, usize>>,
) -> (i64, i64) {
    let found = groups.values().flat_map(BTreeMap::keys).copied();
    let (first, last) = (found.clone().min().unwrap_or_default(), found.max().unwrap_or_default());
    let now = state.clock.now().timestamp_nanos_opt().unwrap_or(i64::MAX);
    let first = scope.start.map_or(first, |start| step.floor_nanos(start).min(first));
    let last = match (scope.end, scope.start) {
        (Some(end), _) => step.floor_nanos(end.min(now)).max(last),
        (None, Some(_)) => step.floor_nanos(now).max(last),
        (None, None) => last,
    };
    (first, last)
}

fn group(fields: &str, steps: &BTreeMap<i64, usize>, step: Bucket, (first, last): (i64, i64)) -> String {
    let mut filled = steps.clone();
    if (last - first) / step.0 <= MAX_FILLED_STEPS {
        (0..=(last - first) / step.0).for_each(|index| {
            filled.entry(first + index * step.0).or_default();
        });
    }
    let times: Vec<String> = filled.keys().map(|at| format!("\"{}\"", step.moment(*at))).collect();
    let counts: Vec<usize> = filled.values().copied().collect();
    let total: usize = counts.iter().sum();
    let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
    format!(
        "{{\"fields\":{{{fields}}},\"timestamps\":[{}],\"values\":[{}],\"total\":{total}}}",
        times.join(","),
        counts.join(",")
    )
}

/// `/select/logsql/field_names`: the most frequent first. When the limit cuts, the counts are zero, as the server's are.
pub(super) fn field_names(state: &Logs, asked: &Asked) -> Result<Response, Refusal> {
    let scope = Scope::read(state, asked)?;
    let limit = whole_number(asked, "limit")?.filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (name, _) in scope.rows(state).into_iter().flatten().filter(|(_, value)| !value.is_empty()) {
        *counts.entry(name).or_default() += 1;
    }
    let mut counted: Vec<(String, usize)> = counts.into_iter().collect();
    counted.sort_by_key(|(_, hits)| std::cmp::Reverse(*hits));
    if counted.len() > limit {
        counted.truncate(limit);
        counted.iter_mut().for_each(|(_, hits)| *hits = 0);
    }
    Ok(answer::values(&counted))
}
