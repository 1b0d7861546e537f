//! Binary operators: arithmetic, comparison and set operations, with label matching.

use std::collections::BTreeMap;

use promql_parser::parser::{BinModifier, BinaryExpr, VectorMatchCardinality, token};

use super::eval::Engine;
use super::labels::{NAME, matched, without_name};
use super::{Column, Grid, Refused, Value, refuse};
use crate::demo::world::Labels;

/// What to do with two numbers.
#[derive(Clone, Copy)]
struct Operation {
    apply: fn(f64, f64) -> f64,
    /// A comparison keeps or drops the left value, unless `bool` asks for 0 or 1.
    comparison: bool,
    as_bool: bool,
}

impl Operation {
    fn of(&self, left: f64, right: f64, kept: f64) -> f64 {
        if left.is_nan() || right.is_nan() {
            return f64::NAN;
        }
        let result = (self.apply)(left, right);
        match (self.comparison, self.as_bool) {
            (false, _) | (true, true) => result,
            (true, false) if result == 1.0 => kept,
            (true, false) => f64::NAN,
        }
    }

    fn keeps_name(&self) -> bool {
        self.comparison && !self.as_bool
    }
}

/// Evaluates a binary operator.
pub(super) fn binary(engine: &Engine<'_>, expr: &BinaryExpr, grid: Grid) -> Result<Value, Refused> {
    let modifier = expr.modifier.as_ref();
    let (left, right) = (engine.eval(&expr.lhs, grid)?, engine.eval(&expr.rhs, grid)?);
    if matches!(expr.op.id(), token::T_LAND | token::T_LOR | token::T_LUNLESS) {
        return set_operation(expr.op.id(), as_vector(left)?, as_vector(right)?, modifier);
    }
    let Some(operation) = operation(expr.op.id(), modifier.is_some_and(|modifier| modifier.return_bool)) else {
        return refuse(format!("unsupported binary operator {}", expr.op));
    };
    match (left, right) {
        (Value::Scalar(left), Value::Scalar(right)) => {
            Ok(Value::Scalar(left.iter().zip(&right).map(|(left, right)| operation.of(*left, *right, *left)).collect()))
        }
        (Value::Vector(columns), Value::Scalar(numbers)) => {
            Ok(with_numbers(columns, &operation, |step, value| operation.of(value, numbers[step], value)))
        }
        (Value::Scalar(numbers), Value::Vector(columns)) => {
            Ok(with_numbers(columns, &operation, |step, value| operation.of(numbers[step], value, value)))
        }
        (Value::Vector(left), Value::Vector(right)) => {
            match_vectors(left, right, &operation, modifier, expr.op.to_string())
        }
        (Value::Text(_), _) | (_, Value::Text(_)) => refuse("cannot calculate with a string"),
    }
}

fn operation(id: token::TokenId, as_bool: bool) -> Option<Operation> {
    let truth = |apply: fn(f64, f64) -> f64| Operation { apply, comparison: true, as_bool };
    let number = |apply: fn(f64, f64) -> f64| Operation { apply, comparison: false, as_bool };
    Some(match id {
        token::T_ADD => number(|a, b| a + b),
        token::T_SUB => number(|a, b| a - b),
        token::T_MUL => number(|a, b| a * b),
        token::T_DIV => number(|a, b| a / b),
        token::T_MOD => number(|a, b| a % b),
        token::T_POW => number(f64::powf),
        token::T_ATAN2 => number(f64::atan2),
        token::T_EQLC => truth(|a, b| f64::from(a == b)),
        token::T_NEQ => truth(|a, b| f64::from(a != b)),
        token::T_GTR => truth(|a, b| f64::from(a > b)),
        token::T_LSS => truth(|a, b| f64::from(a < b)),
        token::T_GTE => truth(|a, b| f64::from(a >= b)),
        token::T_LTE => truth(|a, b| f64::from(a <= b)),
        _ => return None,
    })
}

fn as_vector(value: Value) -> Result<Vec<Column>, Refused> {
    match value {
        Value::Vector(columns) => Ok(columns),
        Value::Scalar(values) => Ok(vec![Column { labels: Labels::new(), values }]),
        Value::Text(_) => refuse("unexpected string"),
    }
}

fn with_numbers(columns: Vec<Column>, operation: &Operation, apply: impl Fn(usize, f64) -> f64) -> Value {
    let computed = columns.into_iter().map(|column| Column {
        labels: if operation.keeps_name() { column.labels } else { without_name(&column.labels) },
        values: column.values.iter().enumerate().map(|(step, value)| apply(step, *value)).collect(),
    });
    Value::Vector(computed.filter(Column::is_present).collect())
}

fn match_vectors(
    left: Vec<Column>,
    right: Vec<Column>,
    operation: &Operation,
    modifier: Option<&BinModifier>,
    sign: String,
) -> Result<Value, Refused> {
    let card = modifier.map_or(&VectorMatchCardinality::OneToOne, |modifier| &modifier.card);
    // The "many" side keeps its series; the other side has one series for each key.
    let (many, one, swapped, include) = match card {
        VectorMatchCardinality::OneToMany(include) => (right, left, true, Some(include)),
        VectorMatchCardinality::ManyToOne(include) => (left, right, false, Some(include)),
        VectorMatchCardinality::OneToOne | VectorMatchCardinality::ManyToMany => (left, right, false, None),
    };
    let matching = modifier.and_then(|modifier| modifier.matching.as_ref());
    let key = |column: &Column| matched(&column.labels, matching);
    let side = if swapped { "left" } else { "right" };
    let one = unique(one, &key, side, &sign)?;
    let many = match include {
        Some(_) => many.into_iter().map(|column| (key(&column), column)).collect(),
        None => unique(many, &key, "left", &sign)?.into_iter().collect::<Vec<_>>(),
    };
    let mut results = Vec::new();
    for (key, column) in many {
        let Some(partner) = one.get(&key) else { continue };
        let apply = |(value, other): (&f64, &f64)| match swapped {
            false => operation.of(*value, *other, *value),
            true => operation.of(*other, *value, *other),
        };
        let values = column.values.iter().zip(&partner.values).map(apply).collect();
        let mut labels = match (include, operation.keeps_name()) {
            (None, false) => key,
            (None, true) | (Some(_), true) => column.labels,
            (Some(_), false) => without_name(&column.labels),
        };
        for name in include.into_iter().flat_map(|include| &include.labels) {
            match partner.labels.get(name) {
                Some(value) => labels.insert(name.clone(), value.clone()),
                None => labels.remove(name),
            };
        }
        results.push(Column { labels, values });
    }
    results.retain(Column::is_present);
    Ok(Value::Vector(results))
}

/// One series for each key. Series with the same key that never overlap in time are one (a pod's successive containers).
fn unique(
    columns: Vec<Column>,
    key: &dyn Fn(&Column) -> Labels,
    side: &str,
    sign: &str,
) -> Result<BTreeMap<Labels, Column>, Refused> {
    let mut found: BTreeMap<Labels, Column> = BTreeMap::new();
    for column in columns {
        let key = key(&column);
        let Some(existing) = found.get_mut(&key) else {
            found.insert(key, column);
            continue;
        };
        for (into, value) in existing.values.iter_mut().zip(&column.values) {
            if !into.is_nan() && !value.is_nan() {
                let name = |labels: &Labels| labels.get(NAME).cloned().unwrap_or_default();
                return refuse(format!(
                    "duplicate time series on the {side} side of `{sign}`: {}{key:?} and {}{key:?}",
                    name(&existing.labels),
                    name(&column.labels)
                ));
            }
            if into.is_nan() {
                *into = *value;
            }
        }
    }
    Ok(found)
}

fn set_operation(
    id: token::TokenId,
    left: Vec<Column>,
    right: Vec<Column>,
    modifier: Option<&BinModifier>,
) -> Result<Value, Refused> {
    let matching = modifier.and_then(|modifier| modifier.matching.as_ref());
    let presence = |columns: &[Column]| {
        let mut present: BTreeMap<Labels, Vec<bool>> = BTreeMap::new();
        for column in columns {
            let steps =
                present.entry(matched(&column.labels, matching)).or_insert_with(|| vec![false; column.values.len()]);
            steps.iter_mut().zip(&column.values).for_each(|(step, value)| *step |= !value.is_nan());
        }
        present
    };
    let keep_where = |columns: Vec<Column>, other: &BTreeMap<Labels, Vec<bool>>, wanted: bool| {
        let kept = columns.into_iter().map(|mut column| {
            let steps = other.get(&matched(&column.labels, matching));
            for (step, value) in column.values.iter_mut().enumerate() {
                if steps.is_some_and(|steps| steps[step]) != wanted {
                    *value = f64::NAN;
                }
            }
            column
        });
        kept.filter(Column::is_present).collect::<Vec<_>>()
    };
    Ok(Value::Vector(match id {
        token::T_LAND => keep_where(left, &presence(&right), true),
        token::T_LUNLESS => keep_where(left, &presence(&right), false),
        _ => {
            let present = presence(&left);
            let mut all = left;
            for column in keep_where(right, &present, false) {
                match all.iter_mut().find(|existing| existing.labels == column.labels) {
                    Some(existing) => fill(existing, &column),
                    None => all.push(column),
                }
            }
            all
        }
    }))
}

fn fill(into: &mut Column, from: &Column) {
    for (into, value) in into.values.iter_mut().zip(&from.values) {
        if into.is_nan() {
            *into = *value;
        }
    }
}
