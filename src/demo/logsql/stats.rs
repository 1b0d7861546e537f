//! `stats by (…) count() n, …`: groups rows and computes a number for each group.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;

use super::lexer::Lexer;
use super::{Row, compare, field, parse};
use crate::demo::http::parse_duration;

/// A parsed stats pipe.
#[derive(Debug, Clone)]
pub(super) struct Stats {
    by: Vec<By>,
    funcs: Vec<(Function, String)>,
}

/// What rows are grouped by: a field, or a field cut into steps.
#[derive(Debug, Clone)]
struct By {
    field: String,
    bucket: Option<Bucket>,
}

/// A step, in nanoseconds for `_time`.
#[derive(Debug, Clone, Copy)]
pub(in crate::demo) struct Bucket(pub i64);

#[derive(Debug, Clone)]
struct Function {
    name: String,
    args: Vec<String>,
}

impl Stats {
    /// Parses behind the word `stats`.
    pub fn parse(lexer: &mut Lexer<'_>) -> Result<Self, String> {
        let mut by = Vec::new();
        lexer.take("by");
        if lexer.take("(") {
            while !lexer.take(")") {
                by.push(By::parse(lexer)?);
                if !lexer.take(",") {
                    lexer.expect(")")?;
                    break;
                }
            }
        }
        let mut funcs = Vec::new();
        loop {
            let function = Function::parse(lexer)?;
            lexer.take("as");
            let ends = lexer.peek().is_none() || lexer.is(&["|", ",", ")"]);
            let name = if ends { function.default_name() } else { parse::word(lexer)? };
            funcs.push((function, name));
            if !lexer.take(",") {
                return Ok(Self { by, funcs });
            }
        }
    }

    /// Computes one row for each group; without groups there is always one.
    pub fn run(&self, rows: &[Row]) -> Vec<Row> {
        let mut groups: BTreeMap<Vec<String>, Vec<&Row>> = BTreeMap::new();
        if self.by.is_empty() {
            groups.insert(Vec::new(), Vec::new());
        }
        for row in rows {
            groups.entry(self.by.iter().map(|by| by.key(row)).collect()).or_default().push(row);
        }
        let computed = groups.into_iter().map(|(key, members)| {
            let keys = self.by.iter().map(|by| by.field.clone()).zip(key);
            let numbers = self.funcs.iter().map(|(function, name)| (name.clone(), function.compute(&members)));
            keys.chain(numbers).collect()
        });
        computed.collect()
    }
}

impl By {
    fn parse(lexer: &mut Lexer<'_>) -> Result<Self, String> {
        let word = parse::word(lexer)?;
        // `_time:5m` is read as one word.
        let Some((field, step)) = word.split_once(':') else { return Ok(Self { field: word, bucket: None }) };
        let step = parse_duration(step)
            .filter(|step| *step > 0)
            .ok_or_else(|| format!("cannot parse bucket size {step:?}"))?;
        Ok(Self { field: field.to_owned(), bucket: Some(Bucket(step)) })
    }

    fn key(&self, row: &Row) -> String {
        let value = field(row, &self.field);
        match self.bucket {
            None => value.to_owned(),
            Some(bucket) => bucket.floor(value),
        }
    }
}

impl Bucket {
    /// The beginning of the step that a value lies in.
    fn floor(self, value: &str) -> String {
        if let Some(nanos) = DateTime::parse_from_rfc3339(value).ok().and_then(|time| time.timestamp_nanos_opt()) {
            return self.moment(nanos);
        }
        let step = self.0 as f64 / 1e9;
        value.parse::<f64>().map_or_else(|_| value.to_owned(), |number| ((number / step).floor() * step).to_string())
    }

    /// The beginning of the step that a moment lies in, as the server writes it.
    pub fn moment(self, nanos: i64) -> String {
        DateTime::from_timestamp_nanos(self.floor_nanos(nanos)).to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
    }

    /// The beginning of the step that a moment lies in.
    pub fn floor_nanos(self, nanos: i64) -> i64 {
        nanos - nanos.rem_euclid(self.0)
    }
}

impl Function {
    fn parse(lexer: &mut Lexer<'_>) -> Result<Self, String> {
        let name = lexer.text().to_lowercase();
        const KNOWN: [&str; 10] =
            ["count", "count_uniq", "count_empty", "sum", "avg", "min", "max", "median", "quantile", "uniq_values"];
        if !KNOWN.contains(&name.as_str()) {
            return Err(format!("unknown stats func {name:?}"));
        }
        lexer.next();
        if lexer.take_star_call() {
            return Ok(Self { name, args: Vec::new() });
        }
        let args = parse::value_list(lexer)?;
        match (name.as_str(), args.len()) {
            ("quantile", 0 | 1) => Err("quantile needs phi and a field".to_owned()),
            ("sum" | "avg" | "min" | "max" | "median" | "count_uniq" | "uniq_values", 0) => {
                Err(format!("missing field in {name}()"))
            }
            _ => Ok(Self { name, args }),
        }
    }

    fn default_name(&self) -> String {
        format!("{}({})", self.name, if self.args.is_empty() { "*".to_owned() } else { self.args.join(",") })
    }

    fn compute(&self, rows: &[&Row]) -> String {
        let values = |names: &[String]| {
            let all =
                rows.iter().flat_map(|row| names.iter().map(|name| field(row, name))).filter(|value| !value.is_empty());
            all.map(str::to_owned).collect::<Vec<_>>()
        };
        let numbers = || values(&self.args).iter().filter_map(|value| value.parse::<f64>().ok()).collect::<Vec<_>>();
        match self.name.as_str() {
            "count" if self.args.is_empty() => rows.len().to_string(),
            "count" => {
                rows.iter().filter(|row| self.args.iter().any(|name| !field(row, name).is_empty())).count().to_string()
            }
            "count_empty" => {
                rows.iter().filter(|row| self.args.iter().all(|name| field(row, name).is_empty())).count().to_string()
            }
            "count_uniq" => {
                let keys = rows.iter().map(|row| self.args.iter().map(|name| field(row, name)).collect::<Vec<_>>());
                keys.filter(|key| key.iter().any(|value| !value.is_empty())).collect::<BTreeSet<_>>().len().to_string()
            }
            "uniq_values" => {
                let distinct: BTreeSet<String> = values(&self.args).into_iter().collect();
                serde_json::to_string(&distinct).unwrap_or_default()
            }
            "sum" => numbers().iter().sum::<f64>().to_string(),
            "avg" => (numbers().iter().sum::<f64>() / numbers().len() as f64).to_string(),
            "min" => values(&self.args).into_iter().min_by(|a, b| compare(a, b)).unwrap_or_default(),
            "max" => values(&self.args).into_iter().max_by(|a, b| compare(a, b)).unwrap_or_default(),
            "median" => at_rank(0.5, values(&self.args)),
            _ => at_rank(self.args[0].parse().unwrap_or(0.5), values(&self.args[1..])),
        }
    }
}

/// The value at this share of the sorted values: a recorded one, never an interpolation.
fn at_rank(phi: f64, mut values: Vec<String>) -> String {
    values.sort_by(|a, b| compare(a, b));
    let index = (phi.clamp(0.0, 1.0) * values.len() as f64) as usize;
    values.get(index.min(values.len().saturating_sub(1))).cloned().unwrap_or_default()
}
