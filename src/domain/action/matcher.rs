//! Label matchers of a silence, as Alertmanager has them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ActionError;
use crate::domain::text;

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

impl SilenceMatcher {
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
