//! Aggregations: `sum by (…)`, `topk`, `quantile` and the like, step by step.

use std::collections::BTreeMap;

use promql_parser::parser::{AggregateExpr, token};

use super::eval::Engine;
use super::labels::grouped;
use super::rollup::{quantile, variance};
use super::{Column, Grid, Refused, Value, refuse};
use crate::demo::world::Labels;

/// Evaluates an aggregation.
pub(super) fn aggregate(engine: &Engine<'_>, expr: &AggregateExpr, grid: Grid) -> Result<Value, Refused> {
    let columns = engine.vector(&expr.expr, grid)?;
    let mut groups: BTreeMap<Labels, Vec<Column>> = BTreeMap::new();
    for column in columns {
        groups.entry(grouped(&column.labels, expr.modifier.as_ref())).or_default().push(column);
    }
    let number = || match &expr.param {
        Some(param) => engine.scalar(param, grid),
        None => refuse("the aggregation needs a parameter"),
    };
    let fold = |apply: &dyn Fn(&[f64], usize) -> f64| {
        let folded = groups
            .iter()
            .map(|(labels, members)| Column { labels: labels.clone(), values: fold(members, grid, apply) });
        Ok(Value::Vector(folded.filter(Column::is_present).collect()))
    };
    match expr.op.id() {
        token::T_SUM => fold(&|values, _| values.iter().sum()),
        token::T_AVG => fold(&|values, _| values.iter().sum::<f64>() / values.len() as f64),
        token::T_COUNT => fold(&|values, _| values.len() as f64),
        token::T_MIN => fold(&|values, _| values.iter().copied().fold(f64::INFINITY, f64::min)),
        token::T_MAX => fold(&|values, _| values.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        token::T_GROUP => fold(&|_, _| 1.0),
        token::T_STDVAR => fold(&|values, _| variance(values)),
        token::T_STDDEV => fold(&|values, _| variance(values).sqrt()),
        token::T_QUANTILE => {
            let phi = number()?;
            fold(&|values, step| quantile(phi[step], values))
        }
        token::T_TOPK => Ok(pick(groups, &number()?, grid, |a, b| b.total_cmp(&a))),
        token::T_BOTTOMK => Ok(pick(groups, &number()?, grid, |a, b| a.total_cmp(&b))),
        token::T_LIMITK => Ok(pick(groups, &number()?, grid, |_, _| std::cmp::Ordering::Equal)),
        token::T_COUNT_VALUES => {
            let label = match &expr.param {
                Some(param) => engine.text(param, grid)?,
                None => return refuse("count_values needs a label"),
            };
            Ok(count_values(&groups, &label, grid))
        }
        _ => refuse(format!("unsupported aggregation {}", expr.op)),
    }
}

impl Column {
    /// Whether the series has any sample on the grid.
    pub(super) fn is_present(&self) -> bool {
        self.values.iter().any(|value| !value.is_nan())
    }
}

fn fold(members: &[Column], grid: Grid, apply: &dyn Fn(&[f64], usize) -> f64) -> Vec<f64> {
    let mut present = Vec::with_capacity(members.len());
    let step = |step: usize| {
        present.clear();
        present.extend(members.iter().map(|column| column.values[step]).filter(|value| !value.is_nan()));
        if present.is_empty() { f64::NAN } else { apply(&present, step) }
    };
    (0..grid.points).map(step).collect()
}

/// Keeps at each step the first `k` members of each group in this order; the series keep their labels.
fn pick(
    groups: BTreeMap<Labels, Vec<Column>>,
    k: &[f64],
    grid: Grid,
    order: fn(f64, f64) -> std::cmp::Ordering,
) -> Value {
    let mut picked = Vec::new();
    for mut members in groups.into_values() {
        for (step, limit) in k.iter().enumerate().take(grid.points) {
            let mut present: Vec<usize> =
                (0..members.len()).filter(|index| !members[*index].values[step].is_nan()).collect();
            present.sort_by(|a, b| order(members[*a].values[step], members[*b].values[step]));
            // A limit that is no number keeps nothing.
            for index in present.into_iter().skip(limit.max(0.0) as usize) {
                members[index].values[step] = f64::NAN;
            }
        }
        members.retain(Column::is_present);
        if grid.points == 1 {
            members.sort_by(|a, b| order(a.values[0], b.values[0]));
        }
        picked.extend(members);
    }
    Value::Vector(picked)
}

fn count_values(groups: &BTreeMap<Labels, Vec<Column>>, label: &str, grid: Grid) -> Value {
    let mut counted: BTreeMap<Labels, Vec<f64>> = BTreeMap::new();
    for (labels, members) in groups {
        for column in members {
            for (step, value) in column.values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
                let mut key = labels.clone();
                key.insert(label.to_owned(), value.to_string());
                let counts = counted.entry(key).or_insert_with(|| vec![f64::NAN; grid.points]);
                counts[step] = if counts[step].is_nan() { 1.0 } else { counts[step] + 1.0 };
            }
        }
    }
    Value::Vector(counted.into_iter().map(|(labels, values)| Column { labels, values }).collect())
}
