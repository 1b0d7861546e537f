//! LogsQL: filters and pipes, parsed for real and run over the recorded lines.
//!
//! What is not understood is refused with the server's kind of message, never ignored: a fake that skips a filter would
//! let a wrong query pass.

mod filter;
mod lexer;
mod parse;
mod pipes;
mod stats;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

pub(super) use filter::Filter;
pub(super) use stats::Bucket;

use pipes::{Pipe, compare};

use super::world::LogLine;

/// A parsed query.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub filter: Filter,
    pipes: Vec<Pipe>,
}

/// A result row: names and values in the order in which they are written. Empty values are not written.
pub(super) type Row = Vec<(String, String)>;

impl Query {
    /// Parses a query; relative times in it are counted from `now`. The error is the server's text.
    pub fn parse(text: &str, now: DateTime<Utc>) -> Result<Self, String> {
        parse::query(text, now).map_err(|error| format!("cannot parse `query` arg [{text}]: {error}"))
    }

    /// Whether the result is still the recorded lines, so that "the newest N" means something.
    pub fn returns_lines(&self) -> bool {
        self.pipes.iter().all(|pipe| match pipe {
            Pipe::Filter(_) => true,
            Pipe::Fields(fields) => fields.iter().any(|field| field == "_time"),
            Pipe::Delete(fields) => fields.iter().all(|field| field != "_time"),
            Pipe::Sort { .. }
            | Pipe::Limit(_)
            | Pipe::Offset(_)
            | Pipe::Stats(_)
            | Pipe::Uniq { .. }
            | Pipe::Top { .. } => false,
        })
    }

    /// Runs the pipes over lines that passed the filter.
    pub fn run(&self, lines: Vec<&LogLine>) -> Vec<Row> {
        let rows = lines.into_iter().map(|line| row_of(&line.fields)).collect();
        self.pipes.iter().fold(rows, |rows, pipe| pipe.run(rows))
    }
}

fn row_of(fields: &BTreeMap<String, String>) -> Row {
    fields.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A field of a row; an absent one is empty.
pub(super) fn field<'a>(row: &'a Row, name: &str) -> &'a str {
    row.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str())
}
