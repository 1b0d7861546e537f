//! The evaluator: walks an expression and produces columns.

use std::cell::Cell;
use std::time::UNIX_EPOCH;

use promql_parser::parser::{AtModifier, Expr, MatrixSelector, Offset, SubqueryExpr, VectorSelector};

use super::rollup::{Samples, Window};
use super::select::Store;
use super::{Column, Grid, Refused, Value, aggregate, binary, functions, refuse};
use crate::demo::world::Labels;

/// How far an instant selector looks back for a sample.
const LOOKBACK_MS: i64 = 5 * 60 * 1000;

/// What one query may cost.
#[derive(Debug, Clone, Copy)]
pub(in crate::demo) struct Limits {
    /// Raw samples read.
    pub samples: u64,
    /// Steps of one grid, subqueries included.
    pub points: usize,
}

impl Default for Limits {
    // The points as the real server; the samples such that the worst query still ends within seconds.
    fn default() -> Self {
        Self { samples: 50_000_000, points: 30_000 }
    }
}

/// Evaluates one query over a store.
pub(in crate::demo) struct Engine<'a> {
    store: &'a Store,
    /// Samples after this moment have not happened yet (milliseconds).
    visible_until: i64,
    limits: Limits,
    outer: Grid,
    samples_read: Cell<u64>,
    series_read: Cell<usize>,
}

impl<'a> Engine<'a> {
    /// An engine for one evaluation on this grid.
    pub fn new(store: &'a Store, visible_until: i64, limits: Limits, outer: Grid) -> Self {
        Self { store, visible_until, limits, outer, samples_read: Cell::new(0), series_read: Cell::new(0) }
    }

    /// Evaluates an expression on the engine's grid.
    pub fn run(&self, expr: &Expr) -> Result<Value, Refused> {
        self.eval(expr, self.outer)
    }

    /// How many series were looked at.
    pub fn series_read(&self) -> usize {
        self.series_read.get()
    }

    pub(super) fn eval(&self, expr: &Expr, grid: Grid) -> Result<Value, Refused> {
        match expr {
            Expr::NumberLiteral(number) => Ok(Value::Scalar(vec![number.val; grid.points])),
            Expr::StringLiteral(text) => Ok(Value::Text(text.val.clone())),
            Expr::Paren(inner) => self.eval(&inner.expr, grid),
            Expr::Unary(inner) => negate(self.eval(&inner.expr, grid)?),
            Expr::VectorSelector(selector) => Ok(Value::Vector(self.select(selector, grid)?)),
            Expr::Call(call) => functions::call(self, call, grid),
            Expr::Aggregate(aggregation) => aggregate::aggregate(self, aggregation, grid),
            Expr::Binary(operation) => binary::binary(self, operation, grid),
            Expr::MatrixSelector(_) | Expr::Subquery(_) => refuse("a range needs a function around it"),
            Expr::Extension(_) => refuse("unsupported expression"),
        }
    }

    /// Evaluates an expression that must be a vector; a scalar becomes one without labels, as in VictoriaMetrics.
    pub(super) fn vector(&self, expr: &Expr, grid: Grid) -> Result<Vec<Column>, Refused> {
        match self.eval(expr, grid)? {
            Value::Vector(columns) => Ok(columns),
            Value::Scalar(values) => Ok(vec![Column { labels: Labels::new(), values }]),
            Value::Text(_) => refuse("unexpected string"),
        }
    }

    /// Evaluates an expression that must be one number for each step.
    pub(super) fn scalar(&self, expr: &Expr, grid: Grid) -> Result<Vec<f64>, Refused> {
        match self.eval(expr, grid)? {
            Value::Scalar(values) => Ok(values),
            Value::Vector(mut columns) if columns.len() == 1 => Ok(columns.remove(0).values),
            Value::Vector(_) => Ok(vec![f64::NAN; grid.points]),
            Value::Text(_) => refuse("unexpected string"),
        }
    }

    /// Evaluates an expression that must be a string.
    pub(super) fn text(&self, expr: &Expr, grid: Grid) -> Result<String, Refused> {
        match self.eval(expr, grid)? {
            Value::Text(text) => Ok(text),
            Value::Scalar(_) | Value::Vector(_) => refuse("expected a string"),
        }
    }

    /// The instant selector: the newest sample of the last five minutes, unless the series ended.
    fn select(&self, selector: &VectorSelector, grid: Grid) -> Result<Vec<Column>, Refused> {
        let series = self.store.select(selector);
        self.series_read.set(self.series_read.get() + series.len());
        self.charge(series.len() * grid.points)?;
        let mut columns = Vec::with_capacity(series.len());
        for one in series {
            let value_at = |time: i64| {
                let end = one.times.partition_point(|sample| *sample <= time.min(self.visible_until));
                let newest = end.checked_sub(1).filter(|index| one.times[*index] > time - LOOKBACK_MS);
                newest.map_or(f64::NAN, |index| one.values[index])
            };
            let times = grid.times().map(|time| self.moved(time, selector.at.as_ref(), selector.offset.as_ref()));
            let values: Vec<f64> = times.map(value_at).collect();
            if values.iter().any(|value| !value.is_nan()) {
                columns.push(Column { labels: one.labels.clone(), values });
            }
        }
        Ok(columns)
    }

    /// Applies a function to each window of a range selector or subquery.
    pub(super) fn roll(
        &self,
        range: &Expr,
        grid: Grid,
        counter: bool,
        apply: &dyn Fn(&Window<'_>) -> f64,
    ) -> Result<Vec<Column>, Refused> {
        match range {
            Expr::MatrixSelector(matrix) => self.roll_matrix(matrix, grid, counter, apply),
            Expr::Subquery(subquery) => self.roll_subquery(subquery, grid, counter, apply),
            Expr::Paren(inner) => self.roll(&inner.expr, grid, counter, apply),
            _ => refuse("expected a range, such as x[5m]"),
        }
    }

    fn roll_matrix(
        &self,
        matrix: &MatrixSelector,
        grid: Grid,
        counter: bool,
        apply: &dyn Fn(&Window<'_>) -> f64,
    ) -> Result<Vec<Column>, Refused> {
        let series = self.store.select(&matrix.vs);
        self.series_read.set(self.series_read.get() + series.len());
        let range = matrix.range.as_millis() as i64;
        let mut columns = Vec::new();
        for one in series {
            let visible = one.times.partition_point(|time| *time <= self.visible_until);
            let samples = Samples::new(&one.times[..visible], &one.values[..visible], counter);
            let mut values = Vec::with_capacity(grid.points);
            for time in grid.times() {
                let end = self.moved(time, matrix.vs.at.as_ref(), matrix.vs.offset.as_ref());
                let window = samples.window(end, range);
                self.charge(window.values.len())?;
                values.push(apply(&window));
            }
            columns.push(Column { labels: one.labels.clone(), values });
        }
        Ok(columns)
    }

    fn roll_subquery(
        &self,
        subquery: &SubqueryExpr,
        grid: Grid,
        counter: bool,
        apply: &dyn Fn(&Window<'_>) -> f64,
    ) -> Result<Vec<Column>, Refused> {
        let range = subquery.range.as_millis() as i64;
        let default_step = if grid.points == 1 { LOOKBACK_MS.min(range.max(1)) } else { grid.step };
        let step = subquery.step.map_or(default_step, |step| step.as_millis() as i64).max(1);
        let ends: Vec<i64> =
            grid.times().map(|time| self.moved(time, subquery.at.as_ref(), subquery.offset.as_ref())).collect();
        let (Some(first), Some(last)) = (ends.iter().min(), ends.iter().max()) else { return Ok(Vec::new()) };
        let start = (first - range).div_euclid(step) * step;
        let points = ((last - start) / step + 1) as usize;
        if points > self.limits.points {
            return refuse(format!(
                "too many points for the subquery with step={step}: {points}; the maximum number of points is {}",
                self.limits.points
            ));
        }
        let inner_grid = Grid { start, step, points };
        let times: Vec<i64> = inner_grid.times().collect();
        let mut columns = Vec::new();
        for column in self.vector(&subquery.expr, inner_grid)? {
            let samples = Samples::new(&times, &column.values, counter);
            self.charge(column.values.len())?;
            let values = ends.iter().map(|end| apply(&samples.window(*end, range))).collect();
            columns.push(Column { labels: column.labels, values });
        }
        Ok(columns)
    }

    /// The raw samples of a range selector, as an instant query for one shows them.
    pub fn raw(&self, matrix: &MatrixSelector, at: i64) -> Vec<(Labels, Vec<(i64, f64)>)> {
        let end = self.moved(at, matrix.vs.at.as_ref(), matrix.vs.offset.as_ref()).min(self.visible_until);
        let start = end - matrix.range.as_millis() as i64;
        let rows = self.store.select(&matrix.vs).into_iter().map(|one| {
            let samples = one.times.iter().copied().zip(one.values.iter().copied());
            let inside = samples.filter(|(time, value)| *time > start && *time <= end && !value.is_nan());
            (one.labels.clone(), inside.collect::<Vec<_>>())
        });
        rows.filter(|(_, samples)| !samples.is_empty()).collect()
    }

    /// Where a selector with `@` and `offset` looks at this step.
    fn moved(&self, time: i64, at: Option<&AtModifier>, offset: Option<&Offset>) -> i64 {
        let base = match at {
            None => time,
            Some(AtModifier::Start) => self.outer.start,
            Some(AtModifier::End) => self.outer.times().last().unwrap_or(time),
            Some(AtModifier::At(moment)) => {
                moment.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
            }
        };
        match offset {
            None => base,
            Some(Offset::Pos(back)) => base - back.as_millis() as i64,
            Some(Offset::Neg(ahead)) => base + ahead.as_millis() as i64,
        }
    }

    fn charge(&self, samples: usize) -> Result<(), Refused> {
        let total = self.samples_read.get() + samples as u64;
        self.samples_read.set(total);
        if total > self.limits.samples {
            return refuse(format!(
                "cannot select more than -search.maxSamplesPerQuery={} samples; possible solutions: increase the -search.maxSamplesPerQuery; \
                 reduce time range for the query; use more specific label filters in order to select fewer series",
                self.limits.samples
            ));
        }
        Ok(())
    }
}

fn negate(value: Value) -> Result<Value, Refused> {
    match value {
        Value::Scalar(values) => Ok(Value::Scalar(values.into_iter().map(|value| -value).collect())),
        Value::Vector(columns) => {
            let negated = columns.into_iter().map(|column| Column {
                labels: super::labels::without_name(&column.labels),
                values: column.values.into_iter().map(|value| -value).collect(),
            });
            Ok(Value::Vector(negated.collect()))
        }
        Value::Text(_) => refuse("cannot negate a string"),
    }
}
