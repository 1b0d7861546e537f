//! Label matchers of a silence, as Alertmanager has them.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::ActionError;
use crate::domain::alert::Labels;
use crate::domain::text;

/// The label that names an alert.
const ALERT_NAME: &str = "alertname";

/// How a label's value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MatchOperator {
    /// `=`
    #[serde(rename = "=")]
    Equal,
    /// `!=`
    #[serde(rename = "!=")]
    NotEqual,
    /// `=~`, anchored at both ends
    #[serde(rename = "=~")]
    Regex,
    /// `!~`, anchored at both ends
    #[serde(rename = "!~")]
    NotRegex,
}

impl MatchOperator {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }
}

/// One matcher: `namespace=shop`, `pod=~"checkout-.*"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SilenceMatcher {
    /// Label name.
    pub name: String,
    /// Comparison.
    pub operator: MatchOperator,
    /// Value or regular expression.
    pub value: String,
}

/// Labels that tell one alert from another of its kind without saying what it is about, or that change while it fires.
const NOT_MATCHED: [&str; 4] = ["severity", "prometheus", "pod_ip", "uid"];
/// Longest alternation of alert names.
const MAX_NAMES: usize = 20;

impl SilenceMatcher {
    /// Matchers that cover all of these alerts and little else: the labels that they share, and their names. `None`
    /// without an alert, or where nothing but severity is shared.
    pub fn covering<'a>(alerts: impl IntoIterator<Item = &'a Labels>) -> Option<Vec<Self>> {
        let alerts: Vec<&Labels> = alerts.into_iter().collect();
        let first = alerts.first()?;
        let shared = first.iter().filter(|(name, value)| {
            !NOT_MATCHED.contains(&name.as_str()) && alerts.iter().all(|other| other.get(*name) == Some(*value))
        });
        let equal = |(name, value): (&String, &String)| Self {
            name: name.clone(),
            operator: MatchOperator::Equal,
            value: value.clone(),
        };
        let mut matchers: Vec<Self> = shared.map(equal).collect();
        if !matchers.iter().any(|matcher| matcher.name == ALERT_NAME) {
            let names: BTreeSet<&str> =
                alerts.iter().filter_map(|alert| alert.get(ALERT_NAME)).map(String::as_str).collect();
            if names.len() > MAX_NAMES {
                return None;
            }
            let value = names.into_iter().map(regex::escape).collect::<Vec<_>>().join("|");
            matchers.push(Self { name: ALERT_NAME.to_owned(), operator: MatchOperator::Regex, value });
        }
        matchers.iter().any(|matcher| matcher.operator == MatchOperator::Equal).then_some(matchers)
    }

    /// Whether an alert with these labels has what it asks for. A label that is not there is empty, and expressions are
    /// anchored, as Alertmanager has it.
    pub fn fits(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.name).map_or("", String::as_str);
        let regex = || regex::Regex::new(&format!("^(?:{})$", self.value)).ok();
        match self.operator {
            MatchOperator::Equal => value == self.value,
            MatchOperator::NotEqual => value != self.value,
            MatchOperator::Regex => regex().is_some_and(|regex| regex.is_match(value)),
            MatchOperator::NotRegex => regex().is_some_and(|regex| !regex.is_match(value)),
        }
    }

    /// Reads one matcher; `None` when there is no operator in it. Quotes were taken off before.
    pub(super) fn parse(word: &str) -> Option<Self> {
        let at = word.find(['=', '!'])?;
        let (name, rest) = word.split_at(at);
        let operators = [MatchOperator::Regex, MatchOperator::NotRegex, MatchOperator::NotEqual, MatchOperator::Equal];
        let operator = operators.into_iter().find(|operator| rest.starts_with(operator.as_str()))?;
        let value = &rest[operator.as_str().len()..];
        Some(Self { name: name.to_owned(), operator, value: value.to_owned() })
    }

    pub(super) fn check(&self) -> Result<(), ActionError> {
        let is_start = |b: u8| b.is_ascii_alphabetic() || b == b'_';
        let is_name = self.name.bytes().next().is_some_and(is_start)
            && self.name.bytes().all(|b| is_start(b) || b.is_ascii_digit());
        if !is_name {
            let shown = text::line(&self.name, 60);
            return Err(ActionError::new("matchers", format!("`{shown}` is no label name")));
        }
        if self.value.len() > 500 || text::plain(&self.value) != self.value.as_str() || self.value.contains('\n') {
            let problem = format!("the value of `{}` is not one line of at most 500 bytes", self.name);
            return Err(ActionError::new("matchers", problem));
        }
        // `alertname=~x` would read as a regular expression.
        if self.operator == MatchOperator::Equal && self.value.starts_with('~') {
            return Err(ActionError::new("matchers", format!("the value of `{}` begins with `~`", self.name)));
        }
        let is_regex = matches!(self.operator, MatchOperator::Regex | MatchOperator::NotRegex);
        if is_regex && regex::Regex::new(&format!("^(?:{})$", self.value)).is_err() {
            return Err(ActionError::new("matchers", format!("the value of `{}` is no regular expression", self.name)));
        }
        Ok(())
    }
}

impl fmt::Display for SilenceMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.name, self.operator.as_str(), self.value)
    }
}
