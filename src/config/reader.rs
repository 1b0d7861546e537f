//! Reads values of one kind each from variables, and keeps every problem for one report.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::Problem;
use crate::domain::text::without_secrets;

/// Variables, and what was wrong with those that were read.
pub(super) struct Reader<'a> {
    pub(super) variables: &'a BTreeMap<String, String>,
    pub(super) problems: Vec<Problem>,
}

impl Reader<'_> {
    /// The value, unless it is unset or blank: a blank line in an env file means "not set".
    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    pub(super) fn wrong(&mut self, name: &str, problem: impl Into<String>) {
        self.problems.push(Problem { variable: name.to_owned(), problem: problem.into() });
    }

    /// A secret that is set but blank is an error: it would be an open door that looks closed.
    pub(super) fn secret(&mut self, name: &str) -> Option<SecretString> {
        let value = self.variables.get(name)?;
        if value.trim().is_empty() {
            self.wrong(name, "is set but empty: give it a value or remove it");
            return None;
        }
        Some(SecretString::from(value.trim().to_owned()))
    }

    pub(super) fn url(&mut self, name: &str) -> Option<String> {
        let text = self.get(name)?;
        let parsed =
            reqwest::Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if parsed.is_none() {
            self.wrong(name, format!("`{}` is not an address like http://host:8428", without_secrets(&text)));
            return None;
        }
        Some(text.trim_end_matches('/').to_owned())
    }

    pub(super) fn directory(&mut self, name: &str) -> Option<PathBuf> {
        let path = PathBuf::from(self.get(name)?);
        if !path.is_dir() {
            self.wrong(name, format!("`{}` is not a directory", path.display()));
        }
        Some(path)
    }

    pub(super) fn file(&mut self, name: &str) -> Option<PathBuf> {
        let path = PathBuf::from(self.get(name)?);
        if !path.is_file() {
            self.wrong(name, format!("`{}` is not a file", path.display()));
        }
        Some(path)
    }

    pub(super) fn duration(&mut self, name: &str, default: Duration) -> Duration {
        let Some(text) = self.get(name) else { return default };
        parse_duration(&text).unwrap_or_else(|| {
            self.wrong(name, format!("`{text}` is not a duration like 10s, 30m, 4h or 30d"));
            default
        })
    }

    pub(super) fn number(&mut self, name: &str, default: usize, range: std::ops::RangeInclusive<usize>) -> usize {
        let Some(text) = self.get(name) else { return default };
        text.parse().ok().filter(|number| range.contains(number)).unwrap_or_else(|| {
            self.wrong(name, format!("`{text}` is not a whole number from {} to {}", range.start(), range.end()));
            default
        })
    }
}

fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let seconds = match &text[digits.len()..] {
        "ms" => return Some(Duration::from_millis(number)),
        "s" => number,
        "m" => number.checked_mul(60)?,
        "h" => number.checked_mul(3600)?,
        "d" => number.checked_mul(24 * 3600)?,
        _ => return None,
    };
    // A century is longer than anybody means and short enough for every clock's arithmetic.
    (seconds <= 100 * 365 * 24 * 3600).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in
            [("10s", Some(10)), ("30m", Some(1800)), ("30d", Some(2_592_000)), ("10", None), ("1y", None)]
        {
            assert_eq!(parse_duration(text).map(|d| d.as_secs()), seconds, "{text}");
        }
    }
}
