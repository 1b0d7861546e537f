//! Reading arguments as a model writes them: under one of several names, numbers as text, durations in any spelling.

use chrono::TimeDelta;
use serde_json::{Map, Value};

use super::shown;

/// The arguments of one call.
pub(super) struct Arguments<'a> {
    tool: &'a str,
    values: Option<&'a Map<String, Value>>,
}

impl<'a> Arguments<'a> {
    pub fn of(tool: &'a str, arguments: &'a Value) -> Result<Self, String> {
        match arguments {
            Value::Object(values) => Ok(Self { tool, values: Some(values) }),
            Value::Null => Ok(Self { tool, values: None }),
            _ => Err(format!("{}: the arguments must be an object like {{\"namespace\": …}}", shown(tool))),
        }
    }

    /// The first of `names` that is given; null, empty text and `all` mean that it is not.
    fn get(&self, names: &[&'a str]) -> Option<(&'a str, &'a Value)> {
        names.iter().find_map(|name| {
            let value = self.values?.get(*name)?;
            let absent = match value {
                Value::Null => true,
                Value::String(text) => matches!(text.trim(), "" | "*" | "all" | "null" | "None"),
                _ => false,
            };
            (!absent).then_some((*name, value))
        })
    }

    fn wrong(&self, name: &str, wanted: &str, value: &Value) -> String {
        format!("{}: `{name}` must be {wanted}, not {}", self.tool, shown(&value.to_string()))
    }

    pub fn text(&self, names: &[&'a str]) -> Result<Option<String>, String> {
        match self.get(names) {
            None => Ok(None),
            Some((_, Value::String(text))) => Ok(Some(text.trim().to_owned())),
            Some((name, value)) => Err(self.wrong(name, "text", value)),
        }
    }

    pub fn needed(&self, names: &[&'a str]) -> Result<String, String> {
        let missing = || format!("{}: `{}` is missing", self.tool, names.first().copied().unwrap_or_default());
        self.text(names)?.ok_or_else(missing)
    }

    pub fn number(&self, names: &[&'a str], default: usize, most: usize) -> Result<usize, String> {
        let Some((name, value)) = self.get(names) else { return Ok(default) };
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.filter(|number: &f64| number.is_finite() && *number >= 1.0);
        number.map(|number| (number as usize).min(most)).ok_or_else(|| self.wrong(name, "a whole number", value))
    }

    pub fn flag(&self, names: &[&'a str]) -> Result<bool, String> {
        match self.get(names) {
            None => Ok(false),
            Some((_, Value::Bool(flag))) => Ok(*flag),
            Some((name, value)) => match value.as_str().map(str::to_ascii_lowercase).as_deref() {
                Some("true" | "yes" | "1") => Ok(true),
                Some("false" | "no" | "0") => Ok(false),
                _ => Err(self.wrong(name, "true or false", value)),
            },
        }
    }

    pub fn list(&self, names: &[&'a str]) -> Result<Vec<String>, String> {
        let words = |text: &str| {
            text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        match self.get(names) {
            None => Ok(Vec::new()),
            Some((_, Value::String(text))) => Ok(words(text)),
            Some((_, Value::Array(items))) => Ok(items.iter().filter_map(Value::as_str).flat_map(words).collect()),
            Some((name, value)) => Err(self.wrong(name, "a list of words", value)),
        }
    }

    /// How far back, in seconds: `30m`, `now-2h`, `-1h`; a bare number is minutes.
    pub fn seconds(&self, names: &[&'a str], default: TimeDelta, most: TimeDelta) -> Result<i64, String> {
        let Some((name, value)) = self.get(names) else { return Ok(default.num_seconds()) };
        let seconds = match value {
            Value::Number(minutes) => minutes.as_f64().map(|minutes| minutes * 60.0),
            Value::String(text) => duration(text),
            _ => None,
        };
        let seconds = seconds.filter(|seconds| seconds.is_finite() && *seconds > 0.0);
        let bounded = |seconds: f64| (seconds as i64).clamp(60, most.num_seconds());
        seconds.map(bounded).ok_or_else(|| self.wrong(name, "how far back, like 30m or 2h", value))
    }
}

fn duration(text: &str) -> Option<f64> {
    let text = text.trim().trim_start_matches("now").trim_start_matches('-').trim();
    let text = text.trim_end_matches("ago").trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text.get(..digits)?.parse().ok()?;
    let unit = match text.get(digits..)?.trim() {
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "" | "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        "w" | "week" | "weeks" => 604_800.0,
        _ => return None,
    };
    Some(number * unit)
}
