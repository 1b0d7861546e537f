//! What every request has: a query, a time range, extra filters and a tenant.

use super::Logs;
use super::answer::refuse;
use crate::demo::http::{Asked, Refusal, parse_time};
use crate::demo::logsql::{Filter, Query, Row};
use crate::demo::world::LogLine;

/// A parsed request.
pub(super) struct Scope {
    pub query: Query,
    extra: Vec<Filter>,
    /// Nanoseconds, both included.
    pub start: Option<i64>,
    pub end: Option<i64>,
    other_tenant: bool,
}

impl Scope {
    /// Reads the arguments in the order in which the server complains about them.
    pub fn read(state: &Logs, asked: &Asked) -> Result<Self, Refusal> {
        let now = state.clock.now();
        let text = asked.params.get("query").ok_or_else(|| refuse("`query` arg cannot be empty"))?;
        let query = Query::parse(text, now).map_err(refuse)?;
        let moment = |name: &str| {
            let bad = |text: &str, reason| refuse(format!("cannot parse {name}={text}: {reason}"));
            asked.params.get(name).map(|text| parse_time(text, now).map_err(|reason| bad(text, reason))).transpose()
        };
        let (start, end) = (moment("start")?, moment("end")?);
        let mut extra = Vec::new();
        for name in ["extra_filters", "extra_stream_filters"] {
            for text in asked.params.all(name) {
                let filter = extra_filter(text).unwrap_or_else(|| text.to_owned());
                let parsed = Query::parse(&filter, now)
                    .map_err(|reason| refuse(reason.replace("`query`", &format!("`{name}`"))))?;
                extra.push(parsed.filter);
            }
        }
        let tenant =
            |name: &str| asked.headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|id| id != "0");
        let other_tenant = tenant("accountid") || tenant("projectid");
        Ok(Self { query, extra, start, end, other_tenant })
    }

    /// The lines that the filter means, by time.
    pub fn lines<'a>(&self, state: &'a Logs) -> Vec<&'a LogLine> {
        if self.other_tenant {
            return Vec::new();
        }
        let visible = state.clock.visible_until().timestamp_nanos_opt().unwrap_or(i64::MAX);
        let from = state.lines.partition_point(|line| line.nanos < self.start.unwrap_or(i64::MIN));
        let to = state.lines.partition_point(|line| line.nanos <= self.end.unwrap_or(i64::MAX).min(visible));
        let inside = state.lines.get(from..to).unwrap_or_default();
        let meant =
            |line: &&LogLine| self.query.filter.matches(*line) && self.extra.iter().all(|filter| filter.matches(*line));
        inside.iter().filter(meant).collect()
    }

    /// The result of filter and pipes, unordered unless a pipe orders it: by stream, as the server stores it.
    pub fn rows(&self, state: &Logs) -> Vec<Row> {
        let mut lines = self.lines(state);
        lines.sort_by(|a, b| {
            a.fields
                .get("_stream_id")
                .cmp(&b.fields.get("_stream_id"))
                .then_with(|| a.fields.get("_stream").cmp(&b.fields.get("_stream")))
        });
        self.query.run(lines)
    }
}

/// `{"pod":"a","level":["x","y"]}` as a filter; anything else is one already.
fn extra_filter(text: &str) -> Option<String> {
    let map: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    let quote = |value: &serde_json::Value| value.as_str().map(|text| format!("{text:?}"));
    let parts = map.iter().map(|(name, value)| {
        let values: Vec<String> = value
            .as_array()
            .map_or_else(|| quote(value).into_iter().collect(), |list| list.iter().filter_map(quote).collect());
        format!("{name:?}:in({})", values.join(","))
    });
    let parts: Vec<String> = parts.collect();
    Some(if parts.is_empty() { "*".to_owned() } else { parts.join(" ") })
}
