//! The functions of PromQL. One that is missing here is refused by name, never guessed.

use chrono::{DateTime, Datelike, Timelike};
use promql_parser::label::MatchOp;
use promql_parser::parser::{Call, Expr};
use regex::Regex;

use super::eval::Engine;
use super::histogram::histogram_quantile;
use super::labels::without_name;
use super::rollup::{self, Window};
use super::{Column, Grid, Refused, Value, refuse};
use crate::demo::world::Labels;

/// Evaluates a function call.
pub(super) fn call(engine: &Engine<'_>, call: &Call, grid: Grid) -> Result<Value, Refused> {
    let name = call.func.name;
    let args: Vec<&Expr> = call.args.args.iter().map(AsRef::as_ref).collect();
    if let Some(value) = over_range(engine, name, &args, grid)? {
        return Ok(value);
    }
    if let Some(apply) = elementwise(name) {
        return Ok(map(time_or_vector(engine, &args, grid)?, keeps_name(name), |_, value| apply(value)));
    }
    match (name, args.as_slice()) {
        ("time", []) => Ok(Value::Scalar(grid.times().map(|time| time as f64 / 1000.0).collect())),
        ("pi", []) => Ok(Value::Scalar(vec![std::f64::consts::PI; grid.points])),
        ("vector", [inner]) => Ok(Value::Vector(engine.vector(inner, grid)?)),
        ("scalar", [inner]) => Ok(Value::Scalar(engine.scalar(inner, grid)?)),
        ("clamp", [inner, low, high]) => {
            let (low, high) = (engine.scalar(low, grid)?, engine.scalar(high, grid)?);
            Ok(map(engine.vector(inner, grid)?, true, |step, value| value.max(low[step]).min(high[step])))
        }
        ("clamp_min", [inner, low]) => {
            let low = engine.scalar(low, grid)?;
            Ok(map(engine.vector(inner, grid)?, true, |step, value| value.max(low[step])))
        }
        ("clamp_max", [inner, high]) => {
            let high = engine.scalar(high, grid)?;
            Ok(map(engine.vector(inner, grid)?, true, |step, value| value.min(high[step])))
        }
        ("round", [inner]) => Ok(map(engine.vector(inner, grid)?, true, |_, value| (value + 0.5).floor())),
        ("round", [inner, nearest]) => {
            let nearest = engine.scalar(nearest, grid)?;
            Ok(map(engine.vector(inner, grid)?, true, |step, value| {
                (value / nearest[step] + 0.5).floor() * nearest[step]
            }))
        }
        ("timestamp", [inner]) => {
            let times: Vec<f64> = grid.times().map(|time| time as f64 / 1000.0).collect();
            Ok(map(engine.vector(inner, grid)?, false, |step, _| times[step]))
        }
        ("absent", [inner]) => absent(engine.vector(inner, grid)?, inner, grid),
        ("sort", [inner]) => Ok(sorted(engine.vector(inner, grid)?, f64::total_cmp)),
        ("sort_desc", [inner]) => Ok(sorted(engine.vector(inner, grid)?, |a, b| b.total_cmp(a))),
        ("histogram_quantile", [phi, inner]) => {
            Ok(Value::Vector(histogram_quantile(&engine.scalar(phi, grid)?, engine.vector(inner, grid)?)))
        }
        ("label_replace", [inner, rest @ ..]) => {
            let texts = rest.iter().map(|arg| engine.text(arg, grid)).collect::<Result<Vec<_>, _>>()?;
            label_replace(engine.vector(inner, grid)?, &texts)
        }
        ("label_join", [inner, rest @ ..]) => {
            let texts = rest.iter().map(|arg| engine.text(arg, grid)).collect::<Result<Vec<_>, _>>()?;
            label_join(engine.vector(inner, grid)?, &texts)
        }
        _ => refuse(format!("unsupported function {name:?}")),
    }
}

/// A function of a window.
type Rollup = fn(&Window<'_>) -> f64;

/// The functions that look at a window of samples; `None` if this is not one.
fn over_range(engine: &Engine<'_>, name: &str, args: &[&Expr], grid: Grid) -> Result<Option<Value>, Refused> {
    let simple: Option<(bool, Rollup)> = match name {
        "rate" => Some((true, rollup::rate)),
        "increase" => Some((true, rollup::delta)),
        "irate" => Some((true, rollup::irate)),
        "delta" => Some((false, rollup::delta)),
        "idelta" => Some((false, rollup::idelta)),
        "deriv" => Some((false, rollup::deriv)),
        "changes" => Some((false, rollup::changes)),
        "resets" => Some((false, rollup::resets)),
        _ => None,
    };
    let columns = match (name, args) {
        (_, [range]) if simple.is_some() => {
            let Some((counter, apply)) = simple else { return Ok(None) };
            engine.roll(range, grid, counter, &apply)?
        }
        ("predict_linear", [range, ahead]) => {
            let ahead = engine.scalar(ahead, grid)?.first().copied().unwrap_or(f64::NAN);
            engine.roll(range, grid, false, &|window| rollup::predict(window, ahead))?
        }
        ("quantile_over_time", [phi, range]) => {
            let phi = engine.scalar(phi, grid)?.first().copied().unwrap_or(f64::NAN);
            engine.roll(range, grid, false, &|window| rollup::quantile(phi, window.values))?
        }
        ("absent_over_time", [range]) => {
            let columns =
                engine.roll(range, grid, false, &|window| if window.values.is_empty() { f64::NAN } else { 1.0 })?;
            return absent(columns, range, grid).map(Some);
        }
        (_, [range]) => {
            let Some(apply) = rollup::over_time(name) else { return Ok(None) };
            engine.roll(range, grid, false, &|window| {
                if window.values.is_empty() { f64::NAN } else { apply(window.values) }
            })?
        }
        _ => return Ok(None),
    };
    Ok(Some(map(columns, keeps_name(name), |_, value| value)))
}

/// The functions of one number.
fn elementwise(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "exp" => f64::exp,
        "ln" => f64::ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "sqrt" => f64::sqrt,
        "sgn" => |value| if value == 0.0 { 0.0 } else { value.signum() },
        "minute" => |value| calendar_part(value, |at| at.minute()),
        "hour" => |value| calendar_part(value, |at| at.hour()),
        "day_of_week" => |value| calendar_part(value, |at| at.weekday().num_days_from_sunday()),
        "day_of_month" => |value| calendar_part(value, |at| at.day()),
        "day_of_year" => |value| calendar_part(value, |at| at.ordinal()),
        "month" => |value| calendar_part(value, |at| at.month()),
        "year" => |value| calendar_part(value, |at| at.year().unsigned_abs()),
        _ => return None,
    })
}

fn calendar_part(value: f64, part: fn(DateTime<chrono::Utc>) -> u32) -> f64 {
    DateTime::from_timestamp(value as i64, 0).map_or(f64::NAN, |at| f64::from(part(at)))
}

/// The calendar functions mean the present when they are given nothing.
fn time_or_vector(engine: &Engine<'_>, args: &[&Expr], grid: Grid) -> Result<Vec<Column>, Refused> {
    match args {
        [] => {
            Ok(vec![Column { labels: Labels::new(), values: grid.times().map(|time| time as f64 / 1000.0).collect() }])
        }
        [inner] => engine.vector(inner, grid),
        _ => refuse("too many arguments"),
    }
}

/// Functions whose result is still the same quantity keep the metric's name, as VictoriaMetrics does.
fn keeps_name(name: &str) -> bool {
    const KEPT: [&str; 9] = [
        "avg_over_time",
        "min_over_time",
        "max_over_time",
        "last_over_time",
        "first_over_time",
        "quantile_over_time",
        "predict_linear",
        "ceil",
        "floor",
    ];
    KEPT.contains(&name)
}

fn map(columns: Vec<Column>, keep_name: bool, apply: impl Fn(usize, f64) -> f64) -> Value {
    let mapped = columns.into_iter().map(|column| Column {
        labels: if keep_name { column.labels } else { without_name(&column.labels) },
        values: column
            .values
            .iter()
            .enumerate()
            .map(|(step, value)| if value.is_nan() { f64::NAN } else { apply(step, *value) })
            .collect(),
    });
    Value::Vector(mapped.filter(Column::is_present).collect())
}

/// One where no series has a sample; it carries the labels that the selector asked for exactly.
fn absent(columns: Vec<Column>, of: &Expr, grid: Grid) -> Result<Value, Refused> {
    let labels = match of {
        Expr::VectorSelector(selector) => exact_labels(&selector.matchers.matchers),
        Expr::MatrixSelector(matrix) => exact_labels(&matrix.vs.matchers.matchers),
        _ => Labels::new(),
    };
    let missing = |step: usize| columns.iter().all(|column| column.values[step].is_nan());
    let values = (0..grid.points).map(|step| if missing(step) { 1.0 } else { f64::NAN }).collect();
    let column = Column { labels, values };
    Ok(Value::Vector(if column.is_present() { vec![column] } else { Vec::new() }))
}

fn exact_labels(matchers: &[promql_parser::label::Matcher]) -> Labels {
    let exact = matchers.iter().filter(|matcher| matcher.op == MatchOp::Equal && matcher.name != super::labels::NAME);
    exact.map(|matcher| (matcher.name.clone(), matcher.value.clone())).collect()
}

fn sorted(mut columns: Vec<Column>, order: fn(&f64, &f64) -> std::cmp::Ordering) -> Value {
    let newest = |column: &Column| column.values.last().copied().unwrap_or(f64::NAN);
    columns.sort_by(|a, b| order(&newest(a), &newest(b)));
    Value::Vector(columns)
}

fn label_replace(columns: Vec<Column>, texts: &[String]) -> Result<Value, Refused> {
    let [target, replacement, source, pattern] = texts else { return refuse("label_replace needs five arguments") };
    let regex = match Regex::new(&format!("^(?s:{pattern})$")) {
        Ok(regex) => regex,
        Err(error) => return refuse(format!("cannot compile regex {pattern:?}: {error}")),
    };
    // Go reads `$1_x` as the group `1_x`; so does this crate.
    let replaced = columns.into_iter().map(|mut column| {
        let value = column.labels.get(source).cloned().unwrap_or_default();
        if let Some(found) = regex.captures(&value) {
            let mut text = String::new();
            found.expand(replacement, &mut text);
            set_label(&mut column.labels, target, text);
        }
        column
    });
    Ok(Value::Vector(replaced.collect()))
}

fn label_join(columns: Vec<Column>, texts: &[String]) -> Result<Value, Refused> {
    let [target, separator, sources @ ..] = texts else { return refuse("label_join needs at least three arguments") };
    let joined = columns.into_iter().map(|mut column| {
        let parts: Vec<String> =
            sources.iter().map(|source| column.labels.get(source).cloned().unwrap_or_default()).collect();
        set_label(&mut column.labels, target, parts.join(separator));
        column
    });
    Ok(Value::Vector(joined.collect()))
}

fn set_label(labels: &mut Labels, name: &str, value: String) {
    if value.is_empty() {
        labels.remove(name);
    } else {
        labels.insert(name.to_owned(), value);
    }
}
