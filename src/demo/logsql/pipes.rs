//! Pipes: what is done with the lines that a filter found.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::filter::Filter;
use super::lexer::Lexer;
use super::parse;
use super::stats::Stats;
use super::{Row, field};

/// One step of a query behind `|`.
#[derive(Debug, Clone)]
pub(super) enum Pipe {
    /// `sort by (a desc, b) [desc] [offset M] [limit N]`; each field with whether it descends.
    Sort { by: Vec<(String, bool)>, offset: usize, limit: usize },
    /// `limit N`, `head N`
    Limit(usize),
    /// `offset N`, `skip N`
    Offset(usize),
    /// `fields a, b`
    Fields(Vec<String>),
    /// `delete a, b`
    Delete(Vec<String>),
    /// `stats by (a) count() n`
    Stats(Stats),
    /// `uniq by (a) [with hits] [limit N]`
    Uniq { by: Vec<String>, hits: bool, limit: usize },
    /// `top N by (a)`
    Top { by: Vec<String>, limit: usize },
    /// `filter …`, `where …`
    Filter(Filter),
}

/// How many rows `head` and `top` give when they are not told.
const DEFAULT_ROWS: usize = 10;

impl Pipe {
    /// Parses a pipe behind its `|`.
    pub fn parse(lexer: &mut Lexer<'_>, now: DateTime<Utc>) -> Result<Self, String> {
        let name = lexer.text().to_lowercase();
        if lexer.peek().is_none() {
            return Err("missing pipe after '|'".to_owned());
        }
        if !is_known(&name) {
            return Err(format!(
                "unexpected pipe name {name:?}; probably, 'filter' is missing in front of {name:?}; \
                 see https://docs.victoriametrics.com/victorialogs/logsql/#filter-pipe"
            ));
        }
        // `count() n` is short for `stats count() n`.
        if name != "count" {
            lexer.next();
        }
        match name.as_str() {
            "sort" | "order" => sort(lexer),
            "limit" | "head" => Ok(Pipe::Limit(optional_number(lexer)?.unwrap_or(DEFAULT_ROWS))),
            "offset" | "skip" => Ok(Pipe::Offset(number(lexer)?)),
            "fields" | "keep" => names(lexer).map(Pipe::Fields),
            "delete" | "drop" | "del" | "rm" => names(lexer).map(Pipe::Delete),
            "stats" | "count" => Stats::parse(lexer).map(Pipe::Stats),
            "uniq" => uniq(lexer),
            "top" => top(lexer),
            _ => parse::or(lexer, "_msg", now).map(Pipe::Filter),
        }
    }

    /// Applies the pipe.
    pub fn run(&self, mut rows: Vec<Row>) -> Vec<Row> {
        match self {
            Pipe::Sort { by, offset, limit } => {
                rows.sort_by(|a, b| compare_rows(a, b, by));
                rows.into_iter().skip(*offset).take(*limit).collect()
            }
            Pipe::Limit(limit) => {
                rows.truncate(*limit);
                rows
            }
            Pipe::Offset(offset) => rows.into_iter().skip(*offset).collect(),
            Pipe::Fields(names) if names.iter().any(|name| name == "*") => rows,
            Pipe::Fields(names) => rows
                .iter()
                .map(|row| names.iter().map(|name| (name.clone(), field(row, name).to_owned())).collect())
                .collect(),
            Pipe::Delete(names) => {
                rows.iter_mut().for_each(|row| row.retain(|(name, _)| !names.contains(name)));
                rows
            }
            Pipe::Stats(stats) => stats.run(&rows),
            Pipe::Uniq { by, hits, limit } => {
                let counted = counted(&rows, by).into_iter().take(*limit);
                counted.map(|(row, count)| if *hits { with_hits(row, count) } else { row }).collect()
            }
            Pipe::Top { by, limit } => {
                let mut counted = counted(&rows, by);
                counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
                counted.into_iter().take(*limit).map(|(row, count)| with_hits(row, count)).collect()
            }
            Pipe::Filter(filter) => {
                rows.retain(|row| filter.matches(row));
                rows
            }
        }
    }
}

fn is_known(name: &str) -> bool {
    const KNOWN: [&str; 17] = [
        "sort", "order", "limit", "head", "offset", "skip", "fields", "keep", "delete", "drop", "del", "rm", "stats",
        "count", "uniq", "top", "filter",
    ];
    KNOWN.contains(&name) || name == "where"
}

fn sort(lexer: &mut Lexer<'_>) -> Result<Pipe, String> {
    let mut by = Vec::new();
    lexer.take("by");
    if lexer.take("(") {
        while !lexer.take(")") {
            let name = parse::word(lexer)?;
            let descends = lexer.take("desc");
            lexer.take("asc");
            by.push((name, descends));
            if !lexer.take(",") {
                lexer.expect(")")?;
                break;
            }
        }
    }
    let (mut offset, mut limit) = (0, usize::MAX);
    loop {
        if lexer.take("desc") {
            by.iter_mut().for_each(|(_, descends)| *descends = !*descends);
        } else if lexer.take("asc") {
        } else if lexer.take("limit") {
            limit = number(lexer)?;
        } else if lexer.take("offset") {
            offset = number(lexer)?;
        } else {
            return Ok(Pipe::Sort { by, offset, limit });
        }
    }
}

fn uniq(lexer: &mut Lexer<'_>) -> Result<Pipe, String> {
    lexer.take("by");
    let by = bracketed(lexer)?;
    let hits = lexer.take("with") && lexer.expect("hits").map(|()| true)?;
    let limit = if lexer.take("limit") { number(lexer)? } else { usize::MAX };
    Ok(Pipe::Uniq { by, hits, limit })
}

fn top(lexer: &mut Lexer<'_>) -> Result<Pipe, String> {
    let limit = optional_number(lexer)?.unwrap_or(DEFAULT_ROWS);
    lexer.take("by");
    Ok(Pipe::Top { by: bracketed(lexer)?, limit })
}

/// `a, b`
fn names(lexer: &mut Lexer<'_>) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    loop {
        names.push(if lexer.take("*") { "*".to_owned() } else { parse::word(lexer)? });
        if !lexer.take(",") {
            return Ok(names);
        }
    }
}

/// `(a, b)`, or one name without brackets.
fn bracketed(lexer: &mut Lexer<'_>) -> Result<Vec<String>, String> {
    if lexer.is(&["("]) { parse::value_list(lexer) } else { Ok(vec![parse::word(lexer)?]) }
}

fn number(lexer: &mut Lexer<'_>) -> Result<usize, String> {
    let text = lexer.next().map(|token| token.text).unwrap_or_default();
    text.parse().map_err(|_| format!("cannot parse number from {text:?}"))
}

fn optional_number(lexer: &mut Lexer<'_>) -> Result<Option<usize>, String> {
    match lexer.peek() {
        Some(token) if token.text.starts_with(|c: char| c.is_ascii_digit()) => number(lexer).map(Some),
        _ => Ok(None),
    }
}

/// The distinct values of these fields and how often they occur.
pub(super) fn counted(rows: &[Row], by: &[String]) -> Vec<(Row, usize)> {
    let mut counts: BTreeMap<Vec<&str>, usize> = BTreeMap::new();
    for row in rows {
        *counts.entry(by.iter().map(|name| field(row, name)).collect()).or_default() += 1;
    }
    let named = |values: Vec<&str>| by.iter().cloned().zip(values.into_iter().map(str::to_owned)).collect::<Row>();
    counts
        .into_iter()
        .filter(|(values, _)| values.iter().any(|value| !value.is_empty()))
        .map(|(values, count)| (named(values), count))
        .collect()
}

fn with_hits(mut row: Row, count: usize) -> Row {
    row.push(("hits".to_owned(), count.to_string()));
    row
}

fn compare_rows(a: &Row, b: &Row, by: &[(String, bool)]) -> Ordering {
    let orders = by.iter().map(|(name, descends)| {
        let order = if name == "_time" {
            time_key(field(a, name)).cmp(&time_key(field(b, name)))
        } else {
            compare(field(a, name), field(b, name))
        };
        if *descends { order.reverse() } else { order }
    });
    orders.fold(Ordering::Equal, Ordering::then)
}

/// Trailing zeros of the fraction are not written, so times do not sort as text.
fn time_key(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).ok().and_then(|time| time.timestamp_nanos_opt()).unwrap_or(i64::MIN)
}

/// Numbers by value, everything else as text.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    }
}
