//! PromQL, evaluated for real over the recorded series, with VictoriaMetrics' habits where they differ from Prometheus.
//!
//! Everything is a set of columns: one series with one value for each step of the grid, where "not a number" means "no
//! sample" (as VictoriaMetrics has it). An instant query is a grid of one step.

mod aggregate;
mod binary;
mod eval;
mod functions;
mod histogram;
mod labels;
mod rollup;
mod select;
#[cfg(test)]
mod tests;

pub(super) use eval::{Engine, Limits};
pub(super) use select::Store;

use promql_parser::parser::{self, Expr};

use super::world::Labels;

/// The steps at which an expression is evaluated, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    pub start: i64,
    pub step: i64,
    pub points: usize,
}

impl Grid {
    /// A grid of one step.
    pub fn instant(at: i64) -> Self {
        Self { start: at, step: 1, points: 1 }
    }

    /// The times of the steps.
    pub fn times(self) -> impl Iterator<Item = i64> {
        (0..self.points as i64).map(move |index| self.start + index * self.step)
    }
}

/// One series of a result: a value for each step, NaN where there is none.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub labels: Labels,
    pub values: Vec<f64>,
}

/// What an expression evaluates to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Scalar(Vec<f64>),
    Vector(Vec<Column>),
    Text(String),
}

/// Why a query was refused, as the server words it: the text and whether it was already refused by the parser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// The query cannot be read (HTTP 400).
    Syntax(String),
    /// The query cannot be answered (HTTP 422).
    Execution(String),
}

/// Parses a query. What the parser calls an unknown function is worded as VictoriaMetrics words it.
pub(super) fn parse(query: &str) -> Result<Expr, Refused> {
    parser::parse(query).map_err(|error| {
        let unknown = error.split_once("unknown function with name '").and_then(|(_, rest)| rest.split_once('\''));
        Refused::Syntax(unknown.map_or(error.clone(), |(name, _)| format!("unsupported function {name:?}")))
    })
}

/// Refuses with an execution error.
fn refuse<T>(text: impl Into<String>) -> Result<T, Refused> {
    Err(Refused::Execution(text.into()))
}
